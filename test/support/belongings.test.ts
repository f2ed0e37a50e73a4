import { afterEach, describe, expect, it } from 'vitest'
import { type Belongings, buildOrStop, makeBelongings } from './belongings.ts'
import { freePort } from './free-port.ts'
import { openResp } from './resp.ts'

const opened: Belongings[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((belongings) => belongings.stop()))
})

async function ping(port: number): Promise<unknown> {
  const connection = openResp({ port })
  return connection
    .ask('PING')
    .catch((reason: Error) => reason.message)
    .finally(() => connection.close())
}

describe('what a rig has started', () => {
  it('is stopped when the rest of the rig cannot be built', async () => {
    const port = await freePort()
    let answer: unknown
    const building = buildOrStop(async (belongings) => {
      await belongings.startRedises([{ port }])
      answer = await ping(port)
      throw new Error('no more')
    })
    await expect(building).rejects.toThrow('no more')
    expect(answer).toBe('PONG')
    expect(await ping(port)).toMatch(/ECONNREFUSED/)
  })

  it('includes those that came up beside one that did not', async () => {
    const belongings = makeBelongings()
    opened.push(belongings)
    const port = await freePort()
    const starting = belongings.startRedises([{ directives: ['no-such-directive yes'] }, { port }])
    await expect(starting).rejects.toThrow(/no-such-directive/)
    expect(await ping(port)).toBe('PONG')
    await belongings.stop()
    expect(await ping(port)).toMatch(/ECONNREFUSED/)
  })

  it('includes what comes up after it was stopped', async () => {
    const belongings = makeBelongings()
    const port = await freePort()
    const starting = belongings.startRedises([{ port }])
    await belongings.stop()
    await expect(starting).rejects.toThrow(/was stopped/)
    expect(await ping(port)).toMatch(/ECONNREFUSED/)
  })
})
