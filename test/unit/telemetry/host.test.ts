import { describe, expect, it } from 'vitest'
import type { Levels } from '../../../src/telemetry/events.ts'
import { openHostTelemetry } from '../../../src/telemetry/host.ts'
import type { Snapshot } from '../../../src/telemetry/snapshot.ts'
import { openTelemetry, type Telemetry } from '../../../src/telemetry/telemetry.ts'

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

function openWorker(levels: Partial<Levels> = {}): Telemetry {
  return openTelemetry({
    version: '1.2.3',
    levels: () => ({ ...LEVELS, ...levels }),
    logLevel: 'error',
    logFormat: 'logfmt',
    logDestination: { write() {} },
  })
}

function openHost(serving = 2) {
  const lines: string[] = []
  const host = openHostTelemetry({
    workers: 2,
    serving: () => serving,
    logLevel: 'info',
    logFormat: 'logfmt',
    logDestination: { write: (line) => lines.push(line) },
  })
  return { ...host, lines }
}

function push({ tell }: Telemetry, seconds = 0.1, method = 'PUT'): void {
  tell({
    kind: 'push',
    handler: 'push',
    protocol: 'text',
    method,
    status: 200,
    bytes: 10,
    series: 1,
    seconds,
  })
}

/** Samples by name and labels as they stand on the page. */
async function samples(page: Promise<{ body: string }>): Promise<Map<string, number>> {
  const lines = (await page).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(lines.length)
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

async function answers(...workers: Telemetry[]): Promise<Map<number, Snapshot>> {
  const snapshots = await Promise.all(workers.map((worker) => worker.snapshot()))
  return new Map(snapshots.map((snapshot, place) => [place + 1, snapshot]))
}

const PUSHES = 'pgr_requests_total{handler="push",protocol="text",method="PUT",code="200"}'

describe('the page of several workers', () => {
  it('adds up what is counted, also where one of them has counted nothing of it', async () => {
    const [one, other] = [openWorker(), openWorker()]
    push(one, 0.1)
    push(one, 0.1, 'POST')
    push(other, 0.3)
    const page = await samples(openHost().page(await answers(one, other)))
    expect(page.get(PUSHES)).toBe(2)
    expect(page.get(PUSHES.replace('PUT', 'POST'))).toBe(1)
    const seconds = 'pgr_request_duration_seconds'
    const labels = 'handler="push",protocol="text"'
    expect(page.get(`${seconds}_count{${labels}}`)).toBe(3)
    expect(page.get(`${seconds}_sum{${labels}}`)).toBeCloseTo(0.5)
    expect(page.get(`${seconds}_bucket{le="0.1",${labels}}`)).toBe(2)
    expect(page.get('pgr_worker_requests_total{worker="1"}')).toBe(2)
    expect(page.get('pgr_worker_requests_total{worker="2"}')).toBe(1)
  })

  it('takes quantiles of what all of them saw', async () => {
    const [one, other] = [openWorker(), openWorker()]
    for (let n = 1; n <= 9; n++) push(one, n)
    push(other, 100)
    const page = await samples(openHost().page(await answers(one, other)))
    const name = 'pushgateway_http_push_duration_seconds'
    const quantiles = ['0.1', '0.5', '0.9'].map((q) => page.get(`${name}{method="put",quantile="${q}"}`))
    expect(quantiles).toEqual([1, 5, 9])
    expect([page.get(`${name}_sum{method="put"}`), page.get(`${name}_count{method="put"}`)]).toEqual([
      145, 10,
    ])
  })

  it('has one value for what they share, the worst of what can differ, and the sum of what each has', async () => {
    const [one, other] = [
      openWorker({ viewAgeSeconds: 1, series: 41 }),
      openWorker({ ready: false, viewBytes: 1000 }),
    ]
    one.tell({ kind: 'store.lost', store: 'redis', reason: 'x' })
    other.tell({ kind: 'web.reread', ok: false })
    one.tell({ kind: 'store.finding', finding: 'disk', ok: true, message: '' })
    other.tell({ kind: 'store.finding', finding: 'disk', ok: false, message: '' })
    const page = await samples(openHost().page(await answers(one, other)))
    const shown = [...page].filter(([name]) => /^pgr_[a-z_]+(?:{finding="disk"})?$/.test(name))
    expect(Object.fromEntries(shown)).toMatchObject({
      pgr_units: 3,
      pgr_series: 42,
      pgr_families: 2,
      pgr_quarantined_families: 1,
      pgr_quarantined_series: 7,
      pgr_view_age_seconds: 1,
      pgr_view_bytes: 2024,
      pgr_inflight_bytes: 198,
      pgr_ready: 0,
      pgr_store_up: 0,
      'pgr_store_finding{finding="disk"}': 0,
      pgr_web_config_last_reload_successful: 0,
      pgr_store_losses_total: 1,
    })
    expect(page.get(`pgr_build_info{version="1.2.3",node="${process.version}"}`)).toBe(1)
  })

  it('tells processes apart, the supervisor among them', async () => {
    const page = await samples(openHost().page(await answers(openWorker(), openWorker())))
    const ofProcess = [...page.keys()].filter((name) => /^(process|nodejs)_/.test(name))
    expect(ofProcess.length).toBeGreaterThan(30)
    expect(ofProcess.filter((name) => !/worker="(1|2|supervisor)"/.test(name))).toEqual([])
    for (const worker of ['1', '2', 'supervisor'])
      expect(page.get(`process_resident_memory_bytes{worker="${worker}"}`)).toBeGreaterThan(0)
  })

  it('says of settings what the supervisor says', async () => {
    const host = openHost()
    const worker = openWorker()
    host.tell({ kind: 'reload', changed: [], waiting: [], reason: 'x' })
    expect((await samples(host.page(await answers(worker)))).get('pgr_config_last_reload_successful')).toBe(0)
    host.tell({ kind: 'reload', changed: [], waiting: [] })
    worker.tell({ kind: 'reload', changed: [], waiting: [], reason: 'x' })
    expect((await samples(host.page(await answers(worker)))).get('pgr_config_last_reload_successful')).toBe(1)
  })
})

describe('a worker that does not answer', () => {
  it('stays on the page with what it said last, and that is told', async () => {
    const host = openHost()
    const [one, other] = [openWorker(), openWorker()]
    push(one)
    push(other)
    await host.page(await answers(one, other))
    push(one)
    push(other)
    const page = await samples(host.page(await answers(one)))
    expect([page.get(PUSHES), page.get('pgr_telemetry_missing_workers')]).toEqual([3, 1])
    expect([page.get('pgr_workers'), page.get('pgr_workers_serving')]).toEqual([2, 2])
  })
})

describe('a worker that ended', () => {
  it('goes on being counted, and leaves no gauge behind', async () => {
    const host = openHost(1)
    const [one, other] = [openWorker({ viewBytes: 1 }), openWorker({ viewBytes: 10 })]
    push(one, 5)
    push(other, 7)
    await host.page(await answers(one, other))
    host.retire(1)
    // It had told nothing before it ended.
    host.retire(1)
    host.tell({ kind: 'worker.ended', worker: 1, pid: 1, reason: 'SIGKILL', seconds: 1, pauseSeconds: 0 })
    const successor = openWorker({ viewBytes: 100 })
    push(successor, 9)
    const page = await samples(host.page(await answers(successor, other)))
    expect(page.get(PUSHES)).toBe(3)
    expect(page.get('pushgateway_http_push_duration_seconds_sum{method="put"}')).toBe(21)
    expect(page.get('pushgateway_http_push_duration_seconds{method="put",quantile="0.1"}')).toBe(7)
    expect(page.get('pgr_view_bytes')).toBe(110)
    expect([page.get('pgr_worker_losses_total'), page.get('pgr_telemetry_missing_workers')]).toEqual([1, 0])
    host.retire(1)
    expect((await samples(host.page(await answers(openWorker())))).get(PUSHES)).toBe(3)
  })
})

describe('the log of several processes', () => {
  it('says of every line who wrote it, and passes on those of workers as they are', () => {
    const host = openHost()
    host.tell({ kind: 'worker.started', worker: 2, pid: 77, seconds: 0.5 })
    host.log.relay('one\ntwo\n')
    expect(host.lines[0]).toMatch(
      /^ts=\S+ level=info msg="started a worker" worker=supervisor number=2 pid=77 seconds=0.5\n$/,
    )
    expect(host.lines[1]).toBe('one\ntwo\n')
  })
})
