import { describe, expect, it } from 'vitest'
import { makeLane, takeTurns } from '../../../src/gateway/turns.ts'

const never = Number.POSITIVE_INFINITY

describe('a lane', () => {
  it('lets one in after the other, in the order they came, whatever becomes of them', async () => {
    const lane = makeLane()
    const steps: string[] = []
    const work = (name: string, fails = false) =>
      lane(never, async () => {
        steps.push(`${name} begins`)
        await Promise.resolve()
        steps.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      })
    const outcomes = await Promise.allSettled([work('a', true), work('b'), work('c')])
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  })

  it('refuses what would have to wait for too many, and takes it when they are done', async () => {
    const lane = makeLane(2)
    const begun = [lane(never, async () => 1), lane(never, async () => 2)]
    await expect(lane(never, async () => 3)).rejects.toMatchObject({ code: 'PGR_OVERLOADED' })
    expect(await Promise.all(begun)).toEqual([1, 2])
    expect(await lane(never, async () => 3)).toBe(3)
  })

  it('does not begin what is too late by then', async () => {
    await expect(makeLane()(performance.now() - 1, async () => 1)).rejects.toMatchObject({
      code: 'PGR_OVERLOADED',
    })
  })
})

describe('a turn', () => {
  it('ends after a while, and what else there is to do comes before the next', async () => {
    const turn = takeTurns(never)
    expect(turn()).toBeUndefined()
    const endMs = performance.now() + 20
    while (performance.now() < endMs);
    let isDone = false
    setImmediate(() => {
      isDone = true
    })
    await turn()
    expect(isDone).toBe(true)
    expect(turn()).toBeUndefined()
  })

  it('is the last when it is too late', async () => {
    const turn = takeTurns(performance.now())
    const endMs = performance.now() + 20
    while (performance.now() < endMs);
    await expect(turn()).rejects.toMatchObject({ code: 'PGR_OVERLOADED' })
  })
})
