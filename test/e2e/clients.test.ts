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

describeWith('client_java', 'client_java', () => {
  /** The one line that Maven writes and that is a list of files. */
  const classpath = () => /^\S+\.jar$/m.exec(peerOrThrow('client_java').output)?.[0] ?? ''
  const client = (method: string, format: string) =>
    run('java', ['-cp', classpath(), 'Client.java', `127.0.0.1:${pgr.port}`, method, format], {
      cwd: join(CLIENTS, 'java'),
    })
  const LABELS = `${PLUS},job="java batch/ü"`

  it.each([
    ['push', 'text'],
    ['add', 'protobuf'],
  ])('%s in %s shows what was pushed', async (method, format) => {
    await client(method, format)
    const shown = await samples('java_')
    expect(shown).toContain(`java_requests_total{code="200",${LABELS}} 42`)
    expect(shown).toContain(`java_size_bytes{${LABELS}} 1.5e+06`)
    expect(shown).toContain(`java_latency_seconds_count{${LABELS}} 100`)
    expect(shown).toContain(`java_classic_seconds_bucket{${LABELS},le="10"} 10`)
    expect(shown).toContain(`java_native_seconds_count{${LABELS}} 100`)
    await client('delete', format)
    expect(await samples('java_')).toEqual([])
  })
})

describeWith('curl', "the commands of Pushgateway's own documentation", () => {
  let admin: Pgr
  beforeAll(async () => {
    admin = await startPgr({ flags: ['--web.enable-admin-api'] })
  })
  afterAll(() => admin.stop())

  async function shell(script: string): Promise<string> {
    const { stdout } = await run('sh', [
      '-ec',
      script.replaceAll('pushgateway.example.org:9091', `127.0.0.1:${admin.port}`),
    ])
    return stdout
  }
  const page = async () => (await fetch(`${admin.url}/metrics`)).text()

  it('push one value, several with types, and remove a group', async () => {
    await shell(
      'echo "some_metric 3.14" | curl -sf --data-binary @- http://pushgateway.example.org:9091/metrics/job/some_job',
    )
    await shell(`cat <<EOF | curl -sf --data-binary @- http://pushgateway.example.org:9091/metrics/job/some_job/instance/some_instance
# TYPE another_metric gauge
# HELP another_metric Just an example.
another_metric 2398.283
# TYPE third_metric counter
third_metric{label="val1"} 42
EOF`)
    expect(await page()).toContain('some_metric{instance="",job="some_job"} 3.14\n')
    expect(await page()).toContain('# HELP another_metric Just an example.\n# TYPE another_metric gauge\n')
    expect(await page()).toContain('third_metric{instance="some_instance",job="some_job",label="val1"} 42\n')
    await shell(
      'curl -sf -X DELETE http://pushgateway.example.org:9091/metrics/job/some_job/instance/some_instance',
    )
    expect(await page()).not.toContain('another_metric')
    expect(await page()).toContain('some_metric')
    await shell('curl -sf -X DELETE http://pushgateway.example.org:9091/metrics/job/some_job')
    expect(await page()).toBe('')
  })

  it('spell labels in base64, empty ones too', async () => {
    await shell(
      'echo \'some_metric{foo="bar"} 3.14\' | curl -sf --data-binary @- http://pushgateway.example.org:9091/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA',
    )
    await shell(
      'echo "some_metric 1" | curl -sf --data-binary @- http://pushgateway.example.org:9091/metrics/job/example/first_label@base64/=',
    )
    expect(await page()).toContain(
      'some_metric{foo="bar",instance="",job="directory_cleaner",path="/var/tmp"} 3.14\n',
    )
    expect(await page()).toContain('some_metric{first_label="",instance="",job="example"} 1\n')
  })

  it('ask the API, and wipe', async () => {
    const metrics = JSON.parse(
      await shell('curl -sf -X GET http://pushgateway.example.org:9091/api/v1/metrics'),
    )
    expect(metrics).toMatchObject({ status: 'success', data: [expect.any(Object), expect.any(Object)] })
    const status = JSON.parse(
      await shell('curl -sf -X GET http://pushgateway.example.org:9091/api/v1/status'),
    )
    expect(status.data).toMatchObject({ build_information: expect.any(Object), flags: expect.any(Object) })
    await shell('curl -sf -X PUT http://pushgateway.example.org:9091/api/v1/admin/wipe')
    expect(await page()).toBe('')
  })
})
