import { describe, expect, it } from 'vitest'
import type { Counters } from '../../../src/page/api/types.ts'
import { addReading, type Reading, ratesOf, readCounters } from '../../../src/page/state/rates.ts'

const counters = (text: number, refused = 0): Counters => ({
  pushes: [
    { protocol: 'text', outcome: 'accepted', total: text },
    { protocol: 'text', outcome: 'refused', total: refused },
  ],
  samples: [{ protocol: 'text', total: 3 * text }],
  rejections: [
    { protocol: 'text', reason: 'PGR_TYPE_CLASH', total: refused },
    { protocol: 'otlp', reason: 'PGR_TYPE_CLASH', total: 1 },
  ],
})

function readings(
  ...all: readonly (readonly [atMs: number, text: number, refused?: number])[]
): readonly Reading[] {
  return all.reduce<readonly Reading[]>(
    (list, [atMs, text, refused]) => addReading(list, readCounters(counters(text, refused), atMs)),
    [],
  )
}

describe('rates', () => {
  it('are what was counted between two readings, per second', () => {
    const all = readings([0, 10], [2000, 16], [6000, 16])
    expect(ratesOf(all, 'accepted')).toEqual({ seconds: [2, 6], perSecond: new Map([['text', [3, 0]]]) })
    expect(ratesOf(all, 'samples').perSecond.get('text')).toEqual([9, 0])
  })

  it('are one by reason, whatever the protocol', () => {
    const all = readings([0, 0, 0], [1000, 0, 2])
    expect(ratesOf(all, 'rejections').perSecond).toEqual(new Map([['PGR_TYPE_CLASH', [2]]]))
  })

  it('begin anew when the gateway has', () => {
    expect(readings([0, 10], [2000, 3])).toHaveLength(1)
  })

  it('are kept for five minutes', () => {
    const all = readings(...Array.from({ length: 400 }, (_, n) => [2000 * n, n] as const))
    expect(all).toHaveLength(151)
    expect(all.at(-1)?.atMs).toBe(2000 * 399)
  })
})
