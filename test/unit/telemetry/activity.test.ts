import { describe, expect, it } from 'vitest'
import { countersOf, makeRejections, newestOf } from '../../../src/telemetry/activity.ts'
import type { Event } from '../../../src/telemetry/events.ts'
import { openHostTelemetry } from '../../../src/telemetry/host.ts'
import { openTelemetry } from '../../../src/telemetry/telemetry.ts'

const LEVELS = {
  ...{ units: 0, series: 0, families: 0, quarantinedFamilies: 0, quarantinedSeries: 0 },
  ...{ viewAgeSeconds: 0, viewBytes: 0, inflightBytes: 0, ready: true },
}

const push = (given: Partial<Event & { kind: 'push' }> = {}): Event & { kind: 'push' } => ({
  kind: 'push',
  handler: 'push',
  protocol: 'text',
  method: 'PUT',
  status: 200,
  bytes: 1,
  series: 3,
  seconds: 0.1,
  ...given,
})
const refused = (reason: string, given: Partial<Event & { kind: 'push' }> = {}) =>
  push({ status: 400, series: 0, code: 'PGR_PUSH_INVALID', reason, ...given })

describe('writes that were not taken', () => {
  it('are remembered, the newest first, and only so many', () => {
    let nowMs = 0
    const { note, recent } = makeRejections(() => nowMs)
    expect(recent()).toEqual([])
    for (nowMs = 1; nowMs <= 120; nowMs++) {
      note(push())
      note(refused(`no ${nowMs}`))
    }
    expect(recent().map(({ atMs }) => atMs)).toEqual(Array.from({ length: 50 }, (_, i) => 120 - i))
  })

  it('are told with their group, where there is one', () => {
    const { note, recent } = makeRejections(() => 7)
    const labels = [{ name: 'job', value: 'a' }]
    note(refused('no', { labels }))
    note(refused('no', { handler: 'otlp', protocol: 'otlp' }))
    const told = { atMs: 7, code: 'PGR_PUSH_INVALID', reason: 'no' }
    expect(recent()).toEqual([
      { ...told, protocol: 'otlp' },
      { ...told, protocol: 'text', labels },
    ])
  })

  it.each([
    ['short', 'short'],
    ['x'.repeat(200), 'x'.repeat(200)],
    ['x'.repeat(100_000), `${'x'.repeat(199)}…`],
    ['😀'.repeat(300), `${'😀'.repeat(199)}…`],
    ['\ud800 half', '\ufffd half'],
  ])('are told why in at most 200 characters of valid text', (reason, expected) => {
    const { note, recent } = makeRejections()
    note(refused(reason))
    expect(recent()[0]?.reason).toBe(expected)
  })

  it('of several processes are told together', () => {
    const at = (...times: number[]) =>
      times.map((atMs) => ({ atMs, protocol: 'text', code: 'c', reason: 'r' }) as const)
    expect(newestOf([at(9, 5, 1), [], at(7, 6)]).map(({ atMs }) => atMs)).toEqual([9, 7, 6, 5, 1])
    expect(newestOf([at(...Array.from({ length: 99 }, (_, i) => 99 - i))])).toHaveLength(50)
  })
})

describe('what is pushed', () => {
  it('is counted by protocol, outcome and reason; deletions are no pushes', async () => {
    const { tell, activity, close } = openTelemetry({
      version: '0',
      logLevel: 'error',
      logFormat: 'logfmt',
      levels: () => LEVELS,
    })
    tell(push())
    tell(push({ method: 'POST', status: 202 }))
    tell(push({ handler: 'ingest', status: 503, series: 0, code: 'PGR_STORE_UNAVAILABLE' }))
    tell(push({ handler: 'delete', status: 202, series: 0, protocol: 'none' }))
    tell(refused('no'))
    const { counters, rejections } = await activity()
    expect(counters.pushes).toEqual([
      { protocol: 'text', outcome: 'accepted', total: 2 },
      { protocol: 'text', outcome: 'failed', total: 1 },
      { protocol: 'text', outcome: 'refused', total: 1 },
    ])
    expect(counters.samples).toContainEqual({ protocol: 'text', total: 6 })
    expect(counters.rejections).toEqual([
      { protocol: 'text', reason: 'PGR_STORE_UNAVAILABLE', total: 1 },
      { protocol: 'text', reason: 'PGR_PUSH_INVALID', total: 1 },
    ])
    expect(rejections).toHaveLength(2)
    close()
  })

  it('is nothing before the first', () => {
    expect(countersOf([])).toEqual({ pushes: [], samples: [], rejections: [] })
  })

  it('by several processes is added up, and never falls when one ends', async () => {
    const host = openHostTelemetry({ workers: 2, serving: () => 2, logLevel: 'error', logFormat: 'logfmt' })
    const one = openTelemetry({ version: '0', logLevel: 'error', logFormat: 'logfmt', levels: () => LEVELS })
    one.tell(push())
    const snapshot = await one.snapshot()
    one.close()
    const totals = (answers: [number, typeof snapshot][]) =>
      host.counters(new Map(answers)).pushes.map(({ total }) => total)
    expect(
      totals([
        [1, snapshot],
        [2, snapshot],
      ]),
    ).toEqual([2])
    host.retire(1)
    expect(totals([[2, snapshot]])).toEqual([2])
    expect(totals([])).toEqual([2])
  })
})
