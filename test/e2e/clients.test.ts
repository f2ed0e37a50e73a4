import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Counter, Gauge, Histogram, Pushgateway, Registry, Summary } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { decodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { scrapeConfig, startPrometheus } from '../support/start-prometheus.ts'

const run = promisify(execFile)
const CLIENTS = fileURLToPath(new URL('../clients/', import.meta.url))

/** Both spell a blank as a plus where they need no base64, and Pushgateway keeps it as one. */
const PLUS = 'instance="i+1"'

let pgr: Pgr
beforeAll(async () => {
  pgr = await startPgr()
})
afterAll(() => pgr.stop())

/** Samples of the text page that begin with this, in order. */
async function samples(prefix: string): Promise<string[]> {
  const page = await (await fetch(`${pgr.url}/metrics`)).text()
  return page.split('\n').filter((line) => line.startsWith(prefix))
}

describe('prom-client', () => {
  function gateway() {
    const registers = [new Registry()]
    new Counter({ name: 'node_requests_total', help: 'Requests.', labelNames: ['code'], registers }).inc(
      { code: '200' },
      42,
    )
    new Gauge({ name: 'node_size_bytes', help: 'Size.', registers }).set(Number.NaN)
    new Summary({ name: 'node_latency_seconds', help: 'Latency.', percentiles: [0.5], registers }).observe(2)
    new Histogram({ name: 'node_classic_seconds', help: 'Classic.', buckets: [1, 10], registers }).observe(5)
    return new Pushgateway(pgr.url, { timeout: 5000 }, registers[0])
  }
  const group = { jobName: 'node batch/ü', groupings: { instance: 'i 1', path: '/var/ü' } }
  const LABELS = 'instance="i 1",job="node batch/ü",path="/var/ü"'

  afterEach(() => gateway().delete(group))

  it.each(['push', 'pushAdd'] as const)('%s shows what was pushed', async (method) => {
    await gateway()[method](group)
    expect(await samples('node_')).toEqual([
      `node_classic_seconds_bucket{${LABELS},le="1"} 0`,
      `node_classic_seconds_bucket{${LABELS},le="10"} 1`,
      `node_classic_seconds_bucket{${LABELS},le="+Inf"} 1`,
      `node_classic_seconds_sum{${LABELS}} 5`,
      `node_classic_seconds_count{${LABELS}} 1`,
      `node_latency_seconds{${LABELS},quantile="0.5"} 2`,
      `node_latency_seconds_sum{${LABELS}} 2`,
      `node_latency_seconds_count{${LABELS}} 1`,
      `node_requests_total{code="200",${LABELS}} 42`,
      `node_size_bytes{${LABELS}} NaN`,
    ])
  })

  it('delete removes it', async () => {
    await gateway().push(group)
    await gateway().delete(group)
    expect(await samples('node_')).toEqual([])
  })
})

describeWith('client_python', 'client_python', () => {
  const client = (method: string) =>
    run(peerOrThrow('client_python').path, [join(CLIENTS, 'python/client.py'), pgr.url, method])
  const LABELS = `${PLUS},job="py batch/ü",path="/var/ü"`

  it.each(['push', 'add'])('%s shows what was pushed', async (method) => {
    await client(method)
    const shown = await samples('py_')
    expect(shown).toContain(`py_requests_total{code="200",${LABELS}} 42`)
    expect(shown).toContain(`py_size_bytes{${LABELS}} 1.5e+06`)
    expect(shown).toContain(`py_latency_seconds_count{${LABELS}} 1`)
    expect(shown).toContain(`py_classic_seconds_bucket{${LABELS},le="10"} 1`)
    await client('delete')
    expect(await samples('py_')).toEqual([])
  })
})

describeWith('client_golang', 'client_golang', () => {
  let folder: string
  beforeAll(async () => {
    folder = makeFolder('client')
    await run(peerOrThrow('client_golang').path, ['build', '-o', folder, '.'], { cwd: join(CLIENTS, 'go') })
  }, 300_000)
  afterAll(() => removeFolder(folder))

  const client = (method: string, format: string) => run(join(folder, 'client'), [pgr.url, method, format])
  const LABELS = `${PLUS},job="go batch/ü"`

  it.each([
    ['push', 'text'],
    ['add', 'text'],
    ['push', 'protobuf'],
    ['add', 'protobuf'],
  ])('%s in %s shows what was pushed', async (method, format) => {
    await client(method, format)
    const shown = await samples('go_')
    expect(shown).toContain(`go_requests_total{code="200",${LABELS}} 42`)
    expect(shown).toContain(`go_size_bytes{${LABELS}} 1.5e+06`)
    expect(shown).toContain(`go_latency_seconds{${LABELS},quantile="0.5"} 50`)
    expect(shown).toContain(`go_classic_seconds_bucket{${LABELS},le="10"} 10`)
    expect(shown).toContain(`go_native_seconds_count{${LABELS}} 102`)
    await client('delete', format)
    expect(await samples('go_')).toEqual([])
  })

  it('a native histogram without observations stays one', async () => {
    await client('push', 'protobuf')
    const page = await fetch(`${pgr.url}/metrics`, { headers: { accept: PROTOBUF_TYPE } })
    const families = decodeDelimited(new Uint8Array(await page.arrayBuffer()))
    expect(families.find(({ name }) => name === 'go_empty_seconds')).toMatchObject({
      metric: [{ histogram: { schema: 3, positiveSpan: [{}] } }],
    })
    await client('delete', 'protobuf')
  })

  describeWith('prometheus', 'scraped by Prometheus', () => {
    it('a native histogram arrives, with its quantiles', async () => {
      await client('push', 'protobuf')
      const prometheus = await startPrometheus({
        config: scrapeConfig(`127.0.0.1:${pgr.port}`, 500),
        flags: ['--enable-feature=native-histograms'],
      })
      try {
        const found = (expression: string) =>
          eventually(
            expression,
            () => prometheus.query(expression),
            (series) => series.length === 1,
            { deadlineMs: 15_000, intervalMs: 100 },
          ).then(([only]) => only?.value)
        expect(await found('histogram_count(go_native_seconds)')).toBe(102)
        expect(await found('histogram_sum(go_native_seconds)')).toBe(5048)
        // Buckets grow by a tenth.
        const median = (await found('histogram_quantile(0.5, go_native_seconds)')) ?? Number.NaN
        expect(median).toBeGreaterThan(44)
        expect(median).toBeLessThan(55)
        expect(await found('go_requests_total')).toBe(42)
      } finally {
        await prometheus.stop()
      }
    })
  })
})
