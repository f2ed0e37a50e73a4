import { fileURLToPath } from 'node:url'
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Child, startChild } from '../support/child.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { freePort, freePorts } from '../support/free-port.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Prometheus, scrapeConfig, startPrometheus } from '../support/start-prometheus.ts'
import { ask, OPENMETRICS, samplesOf, scrape } from './ask.ts'

const BALANCER = fileURLToPath(new URL('../../examples/balancer.js', import.meta.url))
const { DELTA, CUMULATIVE } = AggregationTemporality
const SOON = { deadlineMs: 15_000, intervalMs: 100 }

const EXPORTERS = { protobuf: ProtobufExporter, json: JsonExporter }
const WAYS = (['protobuf', 'json'] as const).flatMap((encoding) =>
  ([DELTA, CUMULATIVE] as const).map((temporality) => ({
    encoding,
    temporality,
    name: temporality === DELTA ? 'delta' : 'cumulative',
  })),
)

let redis: RedisServer
let replicas: Pgr[]
let balancer: Child & { readonly url: string }
beforeAll(async () => {
  redis = await startRedis()
  const ports = await freePorts(3)
  const flags = [`--redis.endpoint=${redis.url}`]
  replicas = await Promise.all(ports.map((port) => startPgr({ port, flags })))
  balancer = await startBalancer(ports)
})
afterAll(async () => {
  await balancer?.kill()
  await Promise.all((replicas ?? []).map((replica) => replica.kill()))
  await redis?.stop()
})

async function startBalancer(ports: readonly number[]): Promise<Child & { readonly url: string }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = startChild({
    name: 'balancer',
    command: process.execPath,
    args: [BALANCER],
    env: { ...process.env, EXAMPLE_BALANCER_PORT: String(port), EXAMPLE_REPLICA_PORTS: ports.join(',') },
  })
  await child.until('has all replicas', async () => {
    const ready = child.output().match(/is ready/g) ?? []
    return ready.length === ports.length && (await fetch(`${url}/-/ready`)).status === 200
  })
  return { ...child, url }
}

interface Way {
  readonly encoding: 'protobuf' | 'json'
  readonly temporality: AggregationTemporality.DELTA | AggregationTemporality.CUMULATIVE
}

/** What programs have that are instrumented; nothing is exported but when it is flushed. */
function instrument(service: string, { encoding, temporality }: Way): MeterProvider {
  const exporter = new EXPORTERS[encoding]({
    url: `${balancer.url}/v1/metrics`,
    temporalityPreference: temporality,
  })
  return new MeterProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'shop',
      'service.name': service,
      'service.instance.id': 'i-1',
      'service.version': '1.2',
    }),
    views: ['size', 'exact'].map((instrumentName) => ({
      instrumentName,
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
    })),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  })
}

describeWith('prometheus', 'what the OpenTelemetry SDK exports, as Prometheus sees it', () => {
  let prometheus: Prometheus
  beforeAll(async () => {
    prometheus = await startPrometheus({
      config: scrapeConfig(new URL(balancer.url).host, 500),
      flags: ['--enable-feature=native-histograms'],
    })
  })
  afterAll(async () => {
    await prometheus?.stop()
  })

  describe.each(WAYS)('by $encoding, $name', (way) => {
    const service = `${way.encoding}-${way.temporality}`
    const job = `job="shop/${service}"`

    beforeAll(async () => {
      const provider = instrument(service, way)
      const meter = provider.getMeter('shop-meter', '0.1')
      let observed = 0
      const requests = meter.createCounter('requests', { description: 'Requests.', unit: '1' })
      const queue = meter.createUpDownCounter('queue.length', { description: 'Waiting.' })
      const latency = meter.createHistogram('latency', {
        unit: 's',
        advice: { explicitBucketBoundaries: [1, 5, 10] },
      })
      const temperature = meter.createGauge('temperature', { unit: 'Cel' })
      const size = meter.createHistogram('size', { unit: 'By' })
      const exact = meter.createHistogram('exact')
      meter
        .createObservableCounter('cpu.time', { unit: 's' })
        .addCallback((result) => result.observe(10 * observed, { state: 'user' }))
      meter.createObservableUpDownCounter('connections').addCallback((result) => result.observe(5 - observed))
      meter.createObservableGauge('load').addCallback((result) => result.observe(observed / 4))
      for (const round of [1, 2, 3]) {
        observed = round
        requests.add(round, { path: '/a', code: 200 })
        requests.add(1, { path: '/b', code: 500 })
        queue.add(round === 2 ? -3 : 2)
        for (const seconds of [0.5, 4, 7, 20]) latency.record(seconds)
        temperature.record(20 + round)
        for (let bytes = 1; bytes <= 1000; bytes++) size.record(bytes)
        exact.record(100)
        await provider.forceFlush()
      }
      await provider.shutdown()
    })

    const only = async (expression: string): Promise<number> => {
      const found = await eventually(
        expression,
        () => prometheus.query(expression),
        ({ length }) => length === 1,
        SOON,
      )
      return found[0]?.value ?? Number.NaN
    }

    it.each([
      [`requests_total{${job},instance="i-1",path="/a",code="200"}`, 6],
      [`requests_total{${job},instance="i-1",path="/b",code="500"}`, 3],
      [`queue_length{${job},instance="i-1"}`, 1],
      [`temperature_celsius{${job}}`, 23],
      [`cpu_time_seconds_total{${job},state="user"}`, 30],
      [`connections{${job}}`, 2],
      [`load{${job}}`, 0.75],
      [`target_info{${job},instance="i-1",service_version="1.2"}`, 1],
      [`latency_seconds_bucket{${job},le=~"5(.0)?"}`, 6],
      [`latency_seconds_bucket{${job},le="+Inf"}`, 12],
      [`latency_seconds_count{${job}}`, 12],
      [`latency_seconds_sum{${job}}`, 94.5],
      [`histogram_count(size_bytes{${job}})`, 3000],
      [`histogram_sum(size_bytes{${job}})`, 1_501_500],
      [`histogram_count(exact{${job}})`, 3],
    ])('%s is %d', async (expression, value) => {
      expect(await only(expression)).toBe(value)
    })

    it('quantiles of native histograms are as fine as these', async () => {
      const median = await only(`histogram_quantile(0.5, size_bytes{${job}})`)
      expect(Math.abs(median / 500 - 1)).toBeLessThan(0.05)
      // One value is exported at scale 20 and shown at 8, whose buckets are 0.3 % wide.
      const exact = await only(`histogram_quantile(0.5, exact{${job}})`)
      expect(Math.abs(exact / 100 - 1)).toBeLessThan(0.003)
    })
  })

  it('has types, and help where it was given', async () => {
    await eventuallyHolds(async () => {
      const response = await fetch(`${prometheus.url}/api/v1/metadata`)
      const { data } = (await response.json()) as { data: Record<string, unknown> }
      expect(data).toMatchObject({
        requests_total: [{ type: 'counter', help: 'Requests.' }],
        queue_length: [{ type: 'gauge', help: 'Waiting.' }],
        temperature_celsius: [{ type: 'gauge' }],
        cpu_time_seconds_total: [{ type: 'counter' }],
        latency_seconds: [{ type: 'histogram' }],
        size_bytes: [{ type: 'histogram' }],
        target_info: [{ type: 'gauge' }],
      })
    }, SOON)
  })
})

describe('exemplars of OTLP', () => {
  it('are shown in OpenMetrics with the ids of their spans', async () => {
    const nowMs = Date.now()
    const at = { startTimeUnixNano: `${nowMs - 1000}000000`, timeUnixNano: `${nowMs}000000` }
    const exemplarOf = (value: number) => ({
      timeUnixNano: `${nowMs}000000`,
      asDouble: value,
      traceId: '0123456789abcdef0123456789abcdef',
      spanId: '0123456789abcdef',
      filteredAttributes: [{ key: 'user', value: { stringValue: 'u' } }],
    })
    const metrics = [
      {
        name: 'orders',
        sum: {
          aggregationTemporality: 1,
          isMonotonic: true,
          dataPoints: [{ ...at, asInt: '2', exemplars: [exemplarOf(1)] }],
        },
      },
      {
        name: 'waits',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [
            {
              ...at,
              count: '2',
              sum: 4,
              explicitBounds: [1, 5],
              bucketCounts: ['0', '2', '0'],
              exemplars: [exemplarOf(3)],
            },
          ],
        },
      },
    ]
    const body = JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
    const headers = { 'content-type': 'application/json' }
    const answer = await ask(balancer.url, '/v1/metrics', { method: 'POST', headers, body })
    expect(answer).toMatchObject({ status: 200, text: '{}' })
    const lines = (await scrape(balancer.url, OPENMETRICS)).split('\n')
    const labels = 'trace_id="0123456789abcdef0123456789abcdef"'
    expect(lines.find((line) => line.startsWith('orders_total{'))).toMatch(
      new RegExp(`^orders_total\\{instance=""\\} 2(\\.0)? # \\{.*${labels}.*\\} 1(\\.0)? ${seconds(nowMs)}$`),
    )
    expect(lines.find((line) => line.startsWith('waits_bucket') && line.includes('le="5'))).toMatch(
      new RegExp(`^waits_bucket.* 2(\\.0)? # \\{.*${labels}.*\\} 3(\\.0)? ${seconds(nowMs)}$`),
    )
  })
})

const seconds = (ms: number) => String(ms / 1000).replace('.', '\\.')

// The last of the file: it leaves two replicas.
describe('deltas of the OpenTelemetry SDK', () => {
  const SERVICES = 4
  const ROUNDS = 30

  it('come to the same totals although a replica dies under them', async () => {
    const expected = new Map<string, number>()
    let rounds = 0
    const run = async (n: number): Promise<void> => {
      const service = `worker-${n}`
      const encoding = n % 2 === 0 ? 'protobuf' : 'json'
      const provider = instrument(service, { encoding, temporality: DELTA })
      const meter = provider.getMeter('worker')
      const jobs = meter.createCounter('jobs')
      const waits = meter.createHistogram('waits')
      for (let round = 1; round <= ROUNDS; round++) {
        for (const [by, key] of [
          [round, 'jobs_total'],
          [1, 'waits_count'],
          [2 * round, 'waits_sum'],
        ] as const)
          expected.set(`${key} ${service}`, (expected.get(`${key} ${service}`) ?? 0) + by)
        jobs.add(round)
        waits.record(2 * round)
        await provider.forceFlush()
        rounds++
      }
      await provider.shutdown()
    }
    const kill = async (): Promise<void> => {
      await eventually(
        'half of it',
        () => rounds,
        (done) => done > (SERVICES * ROUNDS) / 2,
        { intervalMs: 2 },
      )
      await replicas[0]?.kill()
    }
    await Promise.all([...Array.from({ length: SERVICES }, (_, n) => run(n)), kill()])
    for (const replica of replicas.slice(1)) {
      const shown = samplesOf(await scrape(replica.url)).flatMap((line): [string, number][] => {
        const [, name = '', labels = '', value] =
          /^(jobs_total|waits_count|waits_sum)\{(.*)\} (\S+)$/.exec(line) ?? []
        const service = /job="shop\/(worker-\d)"/.exec(labels)?.[1]
        return service === undefined ? [] : [[`${name} ${service}`, Number(value)]]
      })
      expect(new Map(shown)).toEqual(expected)
      expect(expected.size).toBe(3 * SERVICES)
    }
  })
})
