import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { barLine, makeProgress } from '../../../src/cli/progress.ts'

describe('a bar', () => {
  it('tells part, count, rate and time left', () => {
    expect(barLine({ done: 420, total: 1000, seconds: 4.2 }, 79)).toBe(
      ' 42% [#############.................]  420/1,000  100/s  00:06 left',
    )
    expect(barLine({ done: 1234, total: undefined, seconds: 61 }, 79)).toBe('1,234  20/s  01:01')
  })

  it('is never wider than it may be', () => {
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.option(fc.nat(1e9), { nil: undefined }),
        fc.nat(1e6),
        fc.integer({ min: 1, max: 200 }),
        (done, total, seconds, width) => {
          expect(barLine({ done, total, seconds }, width).length).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  it.each([
    ['a pipe', false, true, {}],
    ['CI', true, true, { CI: '1' }],
    ['a terminal that knows no lines', true, true, { TERM: 'dumb' }],
    ['anybody who wants none', true, false, {}],
  ])('is not for %s', (_who, isTTY, isWanted, env) => {
    const written: string[] = []
    const terminal = { isTTY, write: (text: string) => written.push(text) }
    const bar = makeProgress(terminal, { isWanted, env, now: () => 0 })
    bar.update(1, 2)
    bar.end()
    expect(written).toEqual([])
  })

  it('is written anew ten times a second at most, and taken away at the end', () => {
    const written: string[] = []
    let nowMs = 0
    const terminal = { isTTY: true, columns: 40, write: (text: string) => written.push(text) }
    const bar = makeProgress(terminal, { isWanted: true, env: {}, now: () => nowMs })
    for (let done = 0; done < 1000; done++) {
      nowMs = done
      bar.update(done, 1000)
    }
    expect(written.length).toBe(10)
    bar.end()
    expect(written.at(-1)).toBe('\r\u001b[K')
  })
})
