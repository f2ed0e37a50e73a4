import { describe, expect, it } from 'vitest'
import { ratesOf, rateText } from '../../../src/cli/rates.ts'
import { topLine, topLines } from '../../../src/cli/top-text.ts'
import type { Status } from '../../../src/client/read-api.ts'
import { PIPE, terminal } from '../../support/screens.ts'

function status(text: number, refused: number, more: Partial<Status> = {}): Status {
  return {
    build_information: { version: '1' },
    start_time: '2026-11-27T19:00:00.000Z',
    replica: { id: 'a' },
    store: { name: 'embedded', ready: true },
    page: { series: 10, groups: 2, sets: 1, expiring_within_60s: 0 },
    counters: {
      pushes: [
        { protocol: 'text', outcome: 'accepted', total: text },
        { protocol: 'text', outcome: 'refused', total: refused },
        { protocol: 'otlp', outcome: 'accepted', total: 1 },
      ],
      samples: [{ protocol: 'text', total: text * 10 }],
      rejections: [
        { protocol: 'text', reason: 'PGR_BODY_MALFORMED', total: refused },
        { protocol: 'otlp', reason: 'PGR_BODY_MALFORMED', total: 1 },
      ],
    },
    ...more,
  }
}

describe('rates', () => {
  it('are made of two looks, by the time between them', () => {
    const rates = ratesOf({ atMs: 0, status: status(100, 0) }, { atMs: 2000, status: status(150, 3) })
    expect(rates).toMatchObject({
      seconds: 2,
      protocols: [
        { protocol: 'text', pushes: 25, refused: 1.5, samples: 250 },
        { protocol: 'otlp', pushes: 0, refused: 0, samples: 0 },
      ],
      rejections: [{ reason: 'PGR_BODY_MALFORMED', total: 4, rate: 1.5 }],
      series: 10,
    })
  })

  it.each([
    ['the first look', undefined],
    ['a restart', status(1, 0, { start_time: '2026-11-27T18:00:00.000Z' })],
    ['the counts of another replica', status(1, 0, { replica: { id: 'b' } })],
  ])('are not known after %s', (_what, before) => {
    const rates = ratesOf(before && { atMs: 0, status: before }, { atMs: 1000, status: status(100, 0) })
    expect([rates.seconds, rates.protocols[0]?.pushes]).toEqual([null, null])
  })

  it('are not known of a gateway that does not count', () => {
    const { counters: _counters, page: _page, ...bare } = status(0, 0)
    expect(ratesOf({ atMs: 0, status: bare }, { atMs: 1000, status: bare })).toMatchObject({
      protocols: [],
      rejections: [],
      series: null,
    })
  })

  it.each([
    [null, ''],
    [0, '0.00'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [1234.5, '1235'],
  ])('are told in three digits: %s', (rate, text) => {
    expect(rateText(rate)).toBe(text)
  })
})

describe('what top shows', () => {
  const rates = ratesOf({ atMs: 0, status: status(100, 0) }, { atMs: 2000, status: status(150, 3) })

  it('is a screen on a terminal', () => {
    expect(topLines(rates, 'http://h', terminal())).toEqual([
      'http://h: ready, 10 series in 2 groups and 1 series sets',
      '',
      'PROTOCOL  PUSHES/S  SAMPLES/S  REFUSED/S',
      'text          25.0        250       1.50',
      'otlp          0.00       0.00       0.00',
      '',
      'REFUSED BECAUSE     A SECOND  SINCE START',
      'PGR_BODY_MALFORMED      1.50            4',
    ])
  })

  it('is a line in a pipe', () => {
    expect(topLine(rates, PIPE)).toBe('1970-01-01T00:00:02.000Z\t25.0\t250\t1.50\t10\t2\t1\tready\n')
  })
})
