import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { Event, Levels } from '../../../src/telemetry/events.ts'
import type { LogFormat, LogLevel } from '../../../src/telemetry/log.ts'
import { openTelemetry } from '../../../src/telemetry/telemetry.ts'
import { describeWith, peerOrThrow } from '../../support/peers.ts'

const LEVELS: Levels = {
  units: 3,
  series: 42,
  families: 2,
  quarantinedFamilies: 1,
  quarantinedSeries: 7,
  viewAgeSeconds: 0.25,
  viewBytes: 1024,
  inflightBytes: 99,
  ready: true,
}

/** One of each kind, refused and accepted where both exist. */
const EVENTS: Event[] = [
  {
    kind: 'push',
    handler: 'push',
    protocol: 'text',
    method: 'PUT',
    status: 200,
    bytes: 10,
    requestBytes: 99,
    series: 3,
    seconds: 0.001,
  },
  {
    kind: 'push',
    handler: 'push',
    protocol: 'protobuf',
    method: 'POST',
    status: 400,
    bytes: 10,
    series: 0,
    seconds: 0.001,
    code: 'PGR_BODY_MALFORMED',
    reason: 'first line\nsecond line',
    group: '/metrics/job/a',
  },
  {
    kind: 'push',
    handler: 'delete',
    protocol: 'none',
    method: 'DELETE',
    status: 202,
    bytes: 0,
    series: 0,
    seconds: 0,
  },
  { kind: 'request', handler: 'ready', method: 'GET', status: 503 },
  { kind: 'scrape', format: 'openmetrics', status: 200, bytes: 1000, series: 5, seconds: 0.02 },
  {
    kind: 'scrape',
    format: 'text',
    status: 503,
    bytes: 20,
    series: 0,
    seconds: 9.5,
    code: 'PGR_STORE_UNAVAILABLE',
  },
  { kind: 'scrape', format: 'text', status: 200, bytes: 1000, series: 5, seconds: 0.02, stale: true },
  { kind: 'web.reread', ok: true },
  { kind: 'web.reread', ok: false, reason: 'web.yml:1:1: a is no key of the file' },
  { kind: 'store.reread', ok: true },
  { kind: 'store.reread', ok: false, reason: 'the file of --redis.tls.ca holds no certificate' },
  { kind: 'turned-away', reason: 'certificate', detail: 'the client showed no certificate' },
  { kind: 'store.call', operation: 'writeGroup', seconds: 0.0002 },
  { kind: 'store.call', operation: 'writeGroup', seconds: 3, code: 'PGR_STORE_UNAVAILABLE' },
  { kind: 'store.duplicate' },
  { kind: 'store.lost', store: 'redis', reason: 'connection refused' },
  { kind: 'store.back', store: 'redis', downSeconds: 2 },
  { kind: 'store.finding', finding: 'eviction', message: 'redis may evict keys', ok: false },
  { kind: 'store.snapshot', ok: true, bytes: 4096, seconds: 0.2 },
  { kind: 'store.snapshot', ok: false, bytes: 0, seconds: 0.1 },
  { kind: 'store.history', cause: 'failover', endpoint: 'redis://a:6379', partitions: 64 },
  { kind: 'reload', changed: ['log.level'], waiting: ['port'] },
  { kind: 'reload', changed: [], waiting: [], reason: 'prot is not a setting' },
  {
    kind: 'store.mend',
    endpoint: 'redis://a:6379',
    checked: 10,
    missing: 7,
    resubmitted: 5,
    lost: 2,
    owed: 0,
    seconds: 0.1,
  },
  { kind: 'store.forgotten', writes: 3, total: 8 },
  { kind: 'store.topology', message: 'the primary is redis://b:6379 now' },
  { kind: 'view.poll', seconds: 0.001, units: 4 },
  { kind: 'view.reset', partition: 5, reason: 'digest' },
  { kind: 'view.expired', protocol: 'text', series: 12 },
  { kind: 'view.quarantine', family: 'a', reason: 'type', series: 2 },
  {
    kind: 'listening',
    url: 'http://:9753',
    pushUrl: 'http://:9753/metrics',
    scrapeUrl: 'http://:9753/metrics',
    store: 'embedded',
  },
  { kind: 'notice', level: 'warn', message: 'no endpoint given', facts: { store: 'embedded' } },
  { kind: 'defect', where: 'push', error: new Error('two\nlines') },
]

function open(logLevel: LogLevel = 'debug', logFormat: LogFormat = 'logfmt') {
  const lines: string[] = []
  const clock = { nowMs: 0 }
  const telemetry = openTelemetry({
    version: '1.2.3',
    levels: () => LEVELS,
    logLevel,
    logFormat,
    logDestination: { write: (line) => lines.push(line) },
    nowMs: () => clock.nowMs,
  })
  return { ...telemetry, lines, clock }
}

/** Sample lines of the page, without the values. */
async function seriesOn(telemetry: ReturnType<typeof open>): Promise<string[]> {
  const { body } = await telemetry.metrics()
  return body
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
}

describe('the log', () => {
  it.each(EVENTS.map((event) => [event.kind, event] as const))('has one line for %s', (_kind, event) => {
    for (const format of ['logfmt', 'json'] as const) {
      const { tell, lines } = open('debug', format)
      tell(event)
      expect(lines).toHaveLength(1)
      expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1)
    }
  })

  it('carries time, level and message first in logfmt', () => {
    const { tell, lines } = open()
    tell({ kind: 'store.lost', store: 'redis', reason: 'connection refused' })
    expect(lines[0]).toMatch(
      /^ts=\d{4}-\S+Z level=info msg="lost the store" store=redis reason="connection refused"\n$/,
    )
  })

  it('carries the same keys in json', () => {
    const { tell, lines } = open('debug', 'json')
    tell({ kind: 'store.lost', store: 'redis', reason: 'connection refused' })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      ts: expect.stringMatching(/Z$/),
      level: 'info',
      msg: 'lost the store',
      reason: 'connection refused',
    })
  })

  it('says nothing of a single push above debug, accepted or refused', () => {
    const { tell, lines } = open('info')
    for (const event of EVENTS) if (event.kind === 'push' || event.kind === 'scrape') tell(event)
    expect(lines).toEqual([])
  })

  it('follows a level set later', () => {
    const { tell, log, lines } = open('error')
    tell({ kind: 'notice', level: 'info', message: 'first' })
    log.setLevel('info')
    tell({ kind: 'notice', level: 'info', message: 'second' })
    expect(log.level).toBe('info')
    expect(lines.map((line) => line.split('msg=')[1])).toEqual(['second\n'])
  })

  it('warns of a quarantined family once, and again when the reason changes', () => {
    const { tell, lines } = open('warn')
    for (const series of [1, 2, 3]) tell({ kind: 'view.quarantine', family: 'a', reason: 'type', series })
    expect(lines).toHaveLength(1)
    tell({ kind: 'view.quarantine', family: 'b', reason: 'type', series: 1 })
    expect(lines).toHaveLength(2)
    tell({ kind: 'view.quarantine', family: 'a', reason: 'duplicate', series: 1 })
    expect(lines).toHaveLength(3)
  })

  it('tells a finding once, and when it is over', () => {
    const { tell, lines } = open('info')
    const finding = { kind: 'store.finding', finding: 'eviction', message: 'redis may evict keys' } as const
    for (const ok of [false, false, true, true, false]) tell({ ...finding, ok })
    expect(lines.map((line) => /level=(\w+)/.exec(line)?.[1])).toEqual(['warn', 'info', 'warn'])
  })

  it.each([
    ['debug', 'nothing is missing', { missing: 0, resubmitted: 0, lost: 0, owed: 0 }],
    ['info', 'all that was missing is there again', { missing: 3, resubmitted: 3, lost: 0, owed: 0 }],
    ['warn', 'something stays lost', { missing: 3, resubmitted: 2, lost: 1, owed: 0 }],
    [
      'warn',
      'the store does not take them yet',
      { missing: 0, resubmitted: 0, lost: 0, owed: 3, reason: 'out of memory' },
    ],
  ] as const)('looks for lost writes on level %s when %s', (level, _why, found) => {
    const { tell, lines } = open('debug')
    tell({ kind: 'store.mend', endpoint: 'a', checked: 9, seconds: 0.1, ...found })
    expect(/level=(\w+)/.exec(lines[0] ?? '')?.[1]).toBe(level)
    expect(lines[0]).toContain(
      ` missing=${found.missing} resubmitted=${found.resubmitted} lost=${found.lost} owed=${found.owed} `,
    )
  })

  it('warns once a minute of acknowledged writes that are forgotten, with how many there were so far', () => {
    const { tell, lines, clock } = open('info')
    for (let total = 1; total <= 100; total++) {
      tell({ kind: 'store.forgotten', writes: 1, total })
      clock.nowMs += 1000
    }
    expect(lines.map((line) => /level=(\w+) .* writes=(\d+)/.exec(line)?.slice(1))).toEqual([
      ['warn', '1'],
      ['warn', '61'],
    ])
  })

  it.each([
    ['info', 'all of it is in effect', { changed: ['log.level'], waiting: [] }],
    ['warn', 'some of it waits', { changed: [], waiting: ['port'] }],
    ['error', 'it is wrong', { changed: [], waiting: [], reason: 'x' }],
  ] as const)('tells of settings that were read anew on level %s when %s', (level, _why, outcome) => {
    const { tell, lines } = open('debug')
    tell({ kind: 'reload', ...outcome })
    expect(/level=(\w+)/.exec(lines[0] ?? '')?.[1]).toBe(level)
  })

  it('warns of every loss of history and mentions a new topology', () => {
    const { tell, lines } = open('info')
    for (const cause of ['failover', 'failover'] as const)
      tell({ kind: 'store.history', cause, endpoint: 'a', partitions: 64 })
    tell({ kind: 'store.topology', message: 'the primary is b now' })
    expect(lines.map((line) => /level=(\w+)/.exec(line)?.[1])).toEqual(['warn', 'warn', 'info'])
  })

  it('holds a flood of different warnings to a number a minute, and says so', () => {
    const { tell, lines, clock } = open('warn')
    for (let i = 0; i < 1000; i++)
      tell({ kind: 'view.quarantine', family: `f${i}`, reason: 'type', series: 1 })
    expect(lines).toHaveLength(60)
    expect(lines.at(-1)).toContain('more="held back for a minute"')
    clock.nowMs = 60_000
    tell({ kind: 'view.quarantine', family: 'later', reason: 'type', series: 1 })
    expect(lines).toHaveLength(61)
  })

  it('says once a minute that partitions were read anew', () => {
    const { tell, lines, clock } = open('warn')
    for (let partition = 0; partition < 64; partition++)
      tell({ kind: 'view.reset', partition, reason: 'history' })
    expect(lines).toHaveLength(1)
    clock.nowMs = 60_000
    tell({ kind: 'view.reset', partition: 0, reason: 'history' })
    expect(lines).toHaveLength(2)
  })

  it('reports a defect once with its stack while it lasts', () => {
    const { tell, lines } = open('error')
    const error = new Error('boom')
    tell({ kind: 'defect', where: 'scrape', error })
    tell({ kind: 'defect', where: 'scrape', error })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('telemetry.test.ts')
  })
})

describe('own metrics', () => {
  it('shows levels as they are when asked', async () => {
    const { body } = await open().metrics()
    for (const line of [
      'pgr_units 3',
      'pgr_series 42',
      'pgr_families 2',
      'pgr_quarantined_families 1',
      'pgr_quarantined_series 7',
      'pgr_view_age_seconds 0.25',
      'pgr_view_bytes 1024',
      'pgr_inflight_bytes 99',
      'pgr_ready 1',
    ]) {
      expect(body).toContain(`\n${line}\n`)
    }
    expect(body).toContain(`pgr_build_info{version="1.2.3",node="${process.version}"} 1`)
  })

  it('counts what it was told', async () => {
    const telemetry = open('error')
    for (const event of EVENTS) telemetry.tell(event)
    const { body } = await telemetry.metrics()
    for (const line of [
      'pushgateway_http_requests_total{handler="push",method="put",code="200"} 1',
      'pushgateway_http_requests_total{handler="delete",method="delete",code="202"} 1',
      'pushgateway_http_requests_total{handler="ready",method="get",code="503"} 1',
      'pushgateway_http_push_size_bytes_sum{method="put"} 99',
      'pushgateway_http_push_size_bytes_sum{method="post"} 10',
      'pushgateway_http_push_duration_seconds_count{method="post"} 1',
      'pgr_requests_total{handler="push",protocol="text",method="PUT",code="200"} 1',
      'pgr_requests_total{handler="push",protocol="protobuf",method="POST",code="400"} 1',
      'pgr_requests_total{handler="delete",protocol="none",method="DELETE",code="202"} 1',
      'pgr_request_duration_seconds_count{handler="push",protocol="text"} 1',
      'pgr_received_bytes_total{protocol="text"} 10',
      'pgr_stored_series_total{protocol="text"} 3',
      'pgr_rejected_total{protocol="protobuf",reason="PGR_BODY_MALFORMED"} 1',
      'pgr_expired_series_total{protocol="text"} 12',
      'pgr_scrapes_total{format="openmetrics",code="200"} 1',
      'pgr_scrape_duration_seconds_count{format="text"} 2',
      'pgr_scraped_bytes_total{format="openmetrics"} 1000',
      'pgr_stale_scrapes_total 1',
      'pgr_store_call_duration_seconds_count{operation="writeGroup"} 2',
      'pgr_store_errors_total{operation="writeGroup",reason="PGR_STORE_UNAVAILABLE"} 1',
      'pgr_store_duplicates_total 1',
      'pgr_store_losses_total 1',
      'pgr_store_up 1',
      'pgr_store_history_losses_total{cause="failover"} 1',
      'pgr_store_history_losses_total{cause="restart"} 0',
      'pgr_store_history_losses_total{cause="emptied"} 0',
      'pgr_store_lost_writes_total 2',
      'pgr_store_resubmitted_writes_total 5',
      'pgr_store_forgotten_writes_total 3',
      'pgr_store_finding{finding="eviction"} 0',
      'pgr_store_snapshots_total{outcome="written"} 1',
      'pgr_store_snapshots_total{outcome="failed"} 1',
      'pgr_store_snapshot_bytes 4096',
      'pgr_store_snapshot_duration_seconds_count 2',
      'pgr_view_poll_duration_seconds_count 1',
      'pgr_view_changed_units_total 4',
      'pgr_view_resets_total{reason="digest"} 1',
      'pgr_quarantines_total{reason="type"} 1',
      'pgr_defects_total{where="push"} 1',
    ]) {
      expect(body).toContain(`\n${line}\n`)
    }
  })

  it('says when the last snapshot was written, not when one failed', async () => {
    const telemetry = open('error')
    const at = async () =>
      Number(/^pgr_store_snapshot_timestamp_seconds (.*)$/m.exec((await telemetry.metrics()).body)?.[1])
    telemetry.tell({ kind: 'store.snapshot', ok: false, bytes: 0, seconds: 0 })
    expect(await at()).toBe(0)
    telemetry.tell({ kind: 'store.snapshot', ok: true, bytes: 1, seconds: 0 })
    expect(Math.abs((await at()) - Date.now() / 1000)).toBeLessThan(60)
  })

  it('says whether settings were in order when they were last read, and when they were', async () => {
    const telemetry = open('error')
    const read = async (name: string) =>
      Number(
        new RegExp(`^pgr_config_last_reload_${name} (.*)$`, 'm').exec((await telemetry.metrics()).body)?.[1],
      )
    const startedAt = await read('success_timestamp_seconds')
    expect([await read('successful'), Math.abs(startedAt - Date.now() / 1000) < 60]).toEqual([1, true])
    telemetry.tell({ kind: 'reload', changed: [], waiting: [], reason: 'x' })
    expect([await read('successful'), await read('success_timestamp_seconds')]).toEqual([0, startedAt])
    telemetry.tell({ kind: 'reload', changed: [], waiting: [] })
    expect(await read('successful')).toBe(1)
    expect(await read('success_timestamp_seconds')).toBeGreaterThan(startedAt)
  })

  it('grows no series from what strangers send', async () => {
    const telemetry = open('error')
    const hostile = (n: number): Event[] => [
      {
        kind: 'push',
        handler: 'push',
        protocol: `p${n}` as 'text',
        method: `M${n}`,
        status: n,
        bytes: 1,
        series: 1,
        seconds: 0,
        code: `__proto__${n}` as 'PGR_INTERNAL',
        reason: `r${n}`,
        group: `/metrics/job/${n}`,
      },
      {
        kind: 'scrape',
        format: `f${n}`,
        status: n,
        bytes: 1,
        series: 1,
        seconds: 0,
        code: `c${n}` as 'PGR_INTERNAL',
      },
      { kind: 'view.expired', protocol: `p${n}`, series: 1 },
      { kind: 'view.quarantine', family: `f${n}`, reason: 'type', series: 1 },
    ]
    for (const event of hostile(0)) telemetry.tell(event)
    const before = await seriesOn(telemetry)
    for (let n = 1000; n < 1500; n++) for (const event of hostile(n)) telemetry.tell(event)
    expect(before.length).toBeGreaterThan(50)
    expect(await seriesOn(telemetry)).toEqual(before)
  })

  it('caps labels whose values are constants of the program', async () => {
    const telemetry = open('error')
    for (let n = 0; n < 500; n++) telemetry.tell({ kind: 'defect', where: `place${n}`, error: 'x' })
    const series = await seriesOn(telemetry)
    expect(series.filter((line) => line.startsWith('pgr_defects_total'))).toHaveLength(33)
  })

  it('survives an event that cannot be counted', async () => {
    const telemetry = open('error')
    telemetry.tell({ kind: 'view.poll', seconds: Number.NaN, units: 1 })
    telemetry.tell({ kind: 'view.expired', protocol: 'text', series: -1 })
    const { body } = await telemetry.metrics()
    expect(body).toContain('pgr_defects_total{where="telemetry of view.expired"} 1')
  })
})

describeWith('promtool', 'promtool', () => {
  it('finds nothing to say about the page', async () => {
    const telemetry = open('error')
    for (const event of EVENTS) telemetry.tell(event)
    const { body } = await telemetry.metrics()
    const { path } = peerOrThrow('promtool')
    const { status, stdout, stderr } = spawnSync(path, ['check', 'metrics'], {
      input: body,
      encoding: 'utf8',
    })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
  })
})
