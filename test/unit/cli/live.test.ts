import { describe, expect, it, vi } from 'vitest'
import { takeTurns } from '../../../src/cli/live.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

const PACE = { intervalMs: 1, count: undefined }

/** Ended by `end`; nothing is drawn. */
function live() {
  const controller = new AbortController()
  return { signal: controller.signal, end: () => controller.abort(), draw() {}, close() {} }
}

const busy = new PgrError('PGR_GATEWAY_BUSY', 'the store is away')

describe('turns', () => {
  it('are as many as were asked for', async () => {
    const turn = vi.fn(async () => {})
    await takeTurns(live(), { ...PACE, count: 3 }, turn)
    expect(turn).toHaveBeenCalledTimes(3)
  })

  it('end when they are ended, also while waiting', async () => {
    const going = live()
    const turn = vi.fn(async () => going.end())
    await takeTurns(going, { intervalMs: 3_600_000, count: undefined }, turn)
    expect(turn).toHaveBeenCalledTimes(1)
  })

  it('go on after a failure that passes, told once', async () => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      let turns = 0
      await takeTurns(live(), { ...PACE, count: 5 }, async () => {
        turns++
        if (turns === 2 || turns === 3) throw busy
      })
      expect([turns, stderr.mock.calls]).toEqual([5, [['warning: the store is away\n']]])
    } finally {
      stderr.mockRestore()
    }
  })

  it.each([
    ['the first fails', 0, busy],
    ['a failure will not pass', 1, new PgrError('PGR_UNAUTHORIZED', 'who are you')],
  ])('end when %s', async (_why, good, failure) => {
    let turns = 0
    const taking = takeTurns(live(), PACE, async () => {
      if (turns++ >= good) throw failure
    })
    await expect(taking).rejects.toBe(failure)
    expect(turns).toBe(good + 1)
  })
})
