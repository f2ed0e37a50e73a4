import { describe, expect, it } from 'vitest'
import { Turns } from '../../../src/http/turns.ts'

/** What was taken in each turn of the event loop until all of it was. */
async function taken(turns: Turns, amounts: readonly number[]): Promise<number[][]> {
  const seen: number[][] = [[]]
  let left = amounts.length
  const nextTurn = () => {
    seen.push([])
    if (left > 0) setImmediate(nextTurn)
  }
  setImmediate(nextTurn)
  const take = async (amount: number) => {
    await turns.take(amount)
    seen.at(-1)?.push(amount)
    left--
  }
  await Promise.all(amounts.map(take))
  return seen.filter((each) => each.length > 0)
}

describe('turns', () => {
  it('give out so much and then let others do something', async () => {
    expect(await taken(new Turns(10), [5, 5, 5, 5, 5])).toEqual([[5, 5], [5, 5], [5]])
  })

  it('let the last one go beyond', async () => {
    expect(await taken(new Turns(10), [8, 20, 3, 3])).toEqual([
      [8, 20],
      [3, 3],
    ])
  })

  it('begin anew when nobody waited', async () => {
    const turns = new Turns(10)
    expect(await taken(turns, [10])).toEqual([[10]])
    expect(await taken(turns, [10, 10])).toEqual([[10], [10]])
  })
})
