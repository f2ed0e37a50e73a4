import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../../src/formats/otlp/index.ts'
import type { OtlpWritten } from '../../../src/gateway/gateway.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  embeddedStore,
  type GatewayOptions,
  openTestGateway,
  type TestGateway,
  TTL_MS,
} from '../../support/open-gateway.ts'

const NOW_MS = 1_700_000_000_000
const LIMITS = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1e6 }
const CUMULATIVE = 2
const DELTA = 1

describe('OTLP points that say how things stand', () => {
  it('are shown with the names, types and labels that Prometheus gives them', async () => {
    const { page, send } = open()
    const written = await send([
      sum('requests', 7, { unit: '1', description: 'Requests.' }),
      gauge('temperature', 21.5, { unit: 'Cel' }),
    ])
    expect(written).toEqual({ points: 2, rejectedPoints: 0, reasons: [] })
    expect(await page()).toEqual([
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{instance="i",job="shop/api",path="/a"} 7',
      '# HELP target_info Target metadata',
      '# TYPE target_info gauge',
      'target_info{instance="i",job="shop/api",service_version="1.2"} 1',
      '# TYPE temperature_celsius gauge',
      'temperature_celsius{instance="i",job="shop/api",path="/a"} 21.5',
    ])
  })

  it('are replaced by newer ones, and end when a point says that nothing was recorded', async () => {
    const { page, send } = open()
    await send([sum('requests', 1, { atMs: 10 })])
    await send([sum('requests', 3, { atMs: 30 })])
    await send([sum('requests', 2, { atMs: 20 })])
    expect(await page()).toContain('requests_total{instance="i",job="shop/api",path="/a"} 3')
    await send([sum('requests', undefined, { atMs: 40 })])
    expect((await page()).join()).not.toContain('requests_total')
  })

  it('are histograms, summaries and native histograms whole', async () => {
    const { page, send } = open()
    await send([
      histogram(
        'latency',
        CUMULATIVE,
        { count: 3, sum: 4.5, bounds: [1, 2], counts: [1, 1, 1] },
        { unit: 's' },
      ),
      {
        name: 'sizes',
        summary: {
          dataPoints: [
            {
              ...times(0),
              attributes: PATH,
              count: '4',
              sum: 10,
              quantileValues: [{ quantile: 0.5, value: 2 }],
            },
          ],
        },
      },
    ])
    const lines = await page()
    expect(lines).toContain('latency_seconds_bucket{instance="i",job="shop/api",path="/a",le="1"} 1')
    expect(lines).toContain('latency_seconds_bucket{instance="i",job="shop/api",path="/a",le="+Inf"} 3')
    expect(lines).toContain('latency_seconds_sum{instance="i",job="shop/api",path="/a"} 4.5')
    expect(lines).toContain('sizes{instance="i",job="shop/api",path="/a",quantile="0.5"} 2')
    expect(lines).toContain('sizes_count{instance="i",job="shop/api",path="/a"} 4')
  })

  it('keep their start and exemplars from one point to the next', async () => {
    const { gateway, send } = open()
    const exemplar = { timeUnixNano: ns(5), asDouble: 1, traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }
    await send([sum('requests', 1, { atMs: 10, exemplars: [exemplar] })])
    await send([sum('requests', 2, { atMs: 20 })])
    const [set] = await gateway.groups({ deadlineMs: performance.now() + 5000 })
    const family = set?.families.find(({ name }) => name === 'requests_total')?.read()
    expect(family?.metrics).toEqual([
      expect.objectContaining({
        value: 2,
        startMs: NOW_MS - 60_000,
        exemplar: expect.objectContaining({ value: 1, timestampMs: NOW_MS + 5 }),
      }),
    ])
  })

  it('are native histograms in protobuf, and in text classic ones where that is asked for', async () => {
    const exponential = {
      name: 'sizes',
      exponentialHistogram: {
        aggregationTemporality: CUMULATIVE,
        dataPoints: [
          {
            ...times(0),
            attributes: [],
            count: '8',
            sum: 10,
            scale: 0,
            zeroCount: '1',
            zeroThreshold: 0.5,
            positive: { offset: 0, bucketCounts: ['2', '0', '3'] },
            negative: { offset: 1, bucketCounts: ['2'] },
          },
        ],
      },
    }
    const [as, is] = [open(undefined, { nativeAsClassic: true }), open()]
    for (const each of [as, is]) await each.send([exponential])
    const lines = async (each: TestGateway) =>
      (await each.page())
        .filter((line) => line.startsWith('sizes'))
        .map((line) => line.replace(/instance.*?api",?/, ''))
    expect(await lines(as)).toEqual([
      'sizes_bucket{le="-2"} 2',
      'sizes_bucket{le="0.5"} 3',
      'sizes_bucket{le="2"} 5',
      'sizes_bucket{le="8"} 8',
      'sizes_bucket{le="+Inf"} 8',
      'sizes_sum{} 10',
      'sizes_count{} 8',
    ])
    expect(await lines(is)).toEqual(['sizes_bucket{le="+Inf"} 8', 'sizes_sum{} 10', 'sizes_count{} 8'])
  })

  it('of two processes that nothing tells apart are noticed, and said so once for a while', async () => {
    const { events, send } = open()
    const from = (pid: string, startMs: number, atMs: number) =>
      send([sum('requests', atMs, { atMs, startMs })], { 'process.pid': pid })
    const contested = () => events.filter(({ kind }) => kind === 'otlp.contested')
    await from('1', -60_000, 10)
    await from('2', -30_000, 20)
    expect(contested()).toEqual([])
    // One that restarted goes on with a later start.
    await from('2', -20_000, 30)
    expect(contested()).toEqual([])
    await from('3', -60_000, 40)
    await from('2', -10_000, 50)
    await from('4', -60_000, 60)
    const series = '{instance="i",job="shop/api",path="/a"}'
    expect(contested()).toEqual([
      { kind: 'otlp.contested', family: 'requests_total', series, isTold: false },
      { kind: 'otlp.contested', family: 'requests_total', series, isTold: true },
    ])
  })

  it('keep their start where a write failed and they were sent again', async () => {
    const store = embeddedStore(() => NOW_MS)
    let isAway = true
    const writeSet: Store['writeSet'] = async (write) => {
      if (isAway) throw new PgrError('PGR_STORE_UNAVAILABLE', 'it is away')
      return store.writeSet(write)
    }
    const { gateway, send } = open({ ...store, writeSet })
    await expect(send([sum('requests', 1)])).rejects.toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    isAway = false
    await send([sum('requests', 1)])
    const [set] = await gateway.groups({ deadlineMs: performance.now() + 5000 })
    const family = set?.families.find(({ name }) => name === 'requests_total')?.read()
    expect(family?.metrics).toEqual([expect.objectContaining({ startMs: NOW_MS - 60_000 })])
  })

  it('are rejected point by point when they are ahead, and the others stored', async () => {
    const { page, send } = open()
    const written = await send([gauge('early', 1, { atMs: 700_000 }), gauge('good', 2)])
    expect(written).toMatchObject({ rejectedPoints: 1, reasons: [expect.stringContaining('"early"')] })
    expect(await page()).toContain('good{instance="i",job="shop/api",path="/a"} 2')
  })
})

describe('OTLP deltas', () => {
  const shown = async (test: TestGateway, name = 'requests_total') =>
    (await test.page()).filter((line) => line.startsWith(name)).map((line) => Number(line.split(' ').at(-1)))

  it('are added up, each point once however often it comes', async () => {
    const test = open()
    await test.send([sum('requests', 2, { atMs: 10, temporality: DELTA })])
    await test.send([sum('requests', 3, { atMs: 20, temporality: DELTA })])
    expect(await shown(test)).toEqual([5])
    await test.send([sum('requests', 3, { atMs: 20, temporality: DELTA })])
    await test.send([sum('requests', 2, { atMs: 10, temporality: DELTA })])
    expect(await shown(test)).toEqual([5])
    // One that comes late is not one that comes again.
    await test.send([sum('requests', 4, { atMs: 15, temporality: DELTA })])
    expect(await shown(test)).toEqual([9])
  })

  it('of which many are on their way while one is sent again are each counted', async () => {
    const test = open()
    const at = (n: number) => sum('requests', 1, { atMs: n, startMs: n - 1, temporality: DELTA })
    await test.send([at(1)])
    for (let n = 100; n > 50; n--) await test.send([at(n)])
    for (let n = 3; n <= 50; n++) await test.send([at(n)])
    expect(await shown(test)).toEqual([99])
    for (let n = 1; n <= 100; n++)
      expect(await test.send([at(n)])).toEqual({ points: 1, rejectedPoints: 0, reasons: [] })
    expect(await shown(test)).toEqual([100])
  })

  it('that came with too many gaps between them to know of all are rejected, not counted twice', async () => {
    const test = open()
    for (let n = 1; n <= 20; n++) await test.send([sum('requests', 1, { atMs: 10 * n, temporality: DELTA })])
    expect(await test.send([sum('requests', 1, { atMs: 10, temporality: DELTA })])).toEqual({
      points: 0,
      rejectedPoints: 1,
      reasons: [expect.stringContaining('too late')],
    })
    expect(await shown(test)).toEqual([20])
  })

  it('of several streams make one series', async () => {
    const test = open()
    for (const pod of ['a', 'b', 'a']) {
      await test.send([sum('requests', 1, { atMs: 10, temporality: DELTA })], { pod })
    }
    expect(await shown(test)).toEqual([2])
  })

  it('that may fall are a gauge', async () => {
    const test = open()
    for (const [n, value] of [5, -2, -1].entries())
      await test.send([sum('queue', value, { atMs: n, temporality: DELTA, isMonotonic: false })])
    expect(await test.page()).toContain('# TYPE queue gauge')
    expect(await shown(test, 'queue')).toEqual([2])
  })

  it('add up histograms bucket by bucket, and begin anew with other bounds', async () => {
    const test = open()
    const point = { count: 3, sum: 4, bounds: [1, 2], counts: [1, 1, 1] }
    await test.send([histogram('latency', DELTA, point, { atMs: 10 })])
    await test.send([histogram('latency', DELTA, point, { atMs: 20 })])
    expect(await shown(test, 'latency_')).toEqual([2, 4, 6, 8, 6])
    await test.send([
      histogram('latency', DELTA, { count: 1, sum: 9, bounds: [5], counts: [0, 1] }, { atMs: 30 }),
    ])
    expect(await shown(test, 'latency_')).toEqual([0, 1, 9, 1])
  })

  it('add up exponential histograms of different scales without losing an observation', async () => {
    const test = open()
    const at = (scale: number, offset: number, counts: number[], atMs: number) => ({
      name: 'sizes',
      exponentialHistogram: {
        aggregationTemporality: DELTA,
        dataPoints: [
          {
            ...times(atMs),
            attributes: PATH,
            count: String(counts.reduce((a, b) => a + b, 0) + 1),
            sum: 10,
            scale,
            zeroCount: '1',
            positive: { offset, bucketCounts: counts.map(String) },
          },
        ],
      },
    })
    await test.send([at(20, 1000, [1, 2, 3], 10)])
    await test.send([at(3, -4, [4, 0, 5], 20)])
    const [set] = await test.gateway.groups({ deadlineMs: performance.now() + 5000 })
    const family = set?.families.find(({ name }) => name === 'sizes')?.read()
    const metric = family?.type === 'histogram' ? family.metrics[0] : undefined
    expect(metric).toMatchObject({ count: 17, sum: 20, native: { schema: 3, zeroCount: 2 } })
    expect(metric?.native?.positive.counts.reduce((a, b) => a + b, 0)).toBe(15)
  })

  it('expire as a whole, and begin anew', async () => {
    const test = open()
    await test.send([sum('requests', 2, { temporality: DELTA })])
    test.pass(TTL_MS)
    expect(await shown(test)).toEqual([])
    await test.send([sum('requests', 3, { atMs: TTL_MS, temporality: DELTA })])
    expect(await shown(test)).toEqual([3])
  })

  it('do not mix with points that say how things stand, whichever came first', async () => {
    const test = open()
    await test.send([sum('a', 1), sum('b', 1, { temporality: DELTA })])
    const written = await test.send([
      sum('a', 1, { atMs: 10, temporality: DELTA }),
      sum('b', 1, { atMs: 10 }),
      sum('c', 1, { atMs: 10 }),
    ])
    expect(written).toMatchObject({ rejectedPoints: 2 })
    expect(written.reasons.join()).toMatch(/"a_total" .*cumulative.*"b_total" .*deltas/)
    expect(await shown(test, 'a_total')).toEqual([1])
    expect(await shown(test, 'b_total')).toEqual([1])
    expect(await shown(test, 'c_total')).toEqual([1])
  })

  it('and points that say how things stand, written by two gateways at once, are one series', async () => {
    const store = embeddedStore(() => NOW_MS)
    const [one, other] = [open(store), open(store)]
    await Promise.all([one.page(), other.page()])
    await one.send([sum('a', 1, { atMs: 10, temporality: DELTA })])
    await other.send([sum('a', 7, { atMs: 20 })])
    expect(await shown(one, 'a_total')).toEqual([7])
    expect(await other.text()).toBe(await one.text())
  })

  it('without a time are rejected, because nobody could tell whether they came before', async () => {
    const test = open()
    const point = { attributes: PATH, asInt: '1' }
    const metric = {
      name: 'requests',
      sum: { aggregationTemporality: DELTA, isMonotonic: true, dataPoints: [point] },
    }
    expect(await test.send([metric])).toMatchObject({ rejectedPoints: 1 })
  })

  it('end when a point says that nothing was recorded', async () => {
    const test = open()
    await test.send([sum('requests', 2, { temporality: DELTA })])
    await test.send([sum('requests', undefined, { atMs: 10, temporality: DELTA })])
    expect(await shown(test)).toEqual([])
    await test.send([sum('requests', 5, { atMs: 20, temporality: DELTA })])
    expect(await shown(test)).toEqual([5])
  })

  it('come to the exact sum over three gateways, however often, late and at once they are sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            stream: fc.integer({ min: 0, max: 3 }),
            series: fc.integer({ min: 0, max: 2 }),
            value: fc.integer({ min: 0, max: 1000 }),
            gateways: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 }),
          }),
          { maxLength: 24 },
        ),
        async (points) => {
          const store = embeddedStore(() => NOW_MS)
          const gateways = [open(store), open(store), open(store)] as const
          const expected = new Map<string, number>()
          for (const { series, value } of points)
            expected.set(`/${series}`, (expected.get(`/${series}`) ?? 0) + value)
          await Promise.all(
            points.flatMap(({ stream, series, value, gateways: to }, n) =>
              to.map((gateway) =>
                (gateways[gateway] as ReturnType<typeof open>).send(
                  [sum('requests', value, { atMs: n, temporality: DELTA, path: `/${series}` })],
                  { pod: String(stream) },
                ),
              ),
            ),
          )
          for (const gateway of gateways) {
            const lines = (await gateway.page()).filter((line) => line.startsWith('requests_total'))
            const found = lines.map((line): [string, number] => [
              /path="([^"]+)"/.exec(line)?.[1] ?? '',
              Number(line.split(' ').at(-1)),
            ])
            expect(new Map(found)).toEqual(expected)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

const PATH = [{ key: 'path', value: { stringValue: '/a' } }]

const ns = (atMs: number) => `${NOW_MS + atMs}000000`
const times = (atMs: number, startMs = -60_000) => ({
  startTimeUnixNano: ns(startMs),
  timeUnixNano: ns(atMs),
})

interface Of {
  readonly atMs?: number
  readonly startMs?: number
  readonly temporality?: number
  readonly isMonotonic?: boolean
  readonly unit?: string
  readonly description?: string
  readonly path?: string
  readonly exemplars?: readonly object[]
}

/** A point without a value says that nothing was recorded. */
function point(value: number | undefined, { atMs = 0, startMs, path = '/a', exemplars = [] }: Of): object {
  return {
    ...times(atMs, startMs),
    attributes: [{ key: 'path', value: { stringValue: path } }],
    exemplars,
    ...(value === undefined ? { flags: 1 } : { asDouble: value }),
  }
}

function sum(name: string, value: number | undefined, of: Of = {}): object {
  const { temporality = CUMULATIVE, isMonotonic = true, unit = '', description = '' } = of
  return {
    name,
    unit,
    description,
    sum: { aggregationTemporality: temporality, isMonotonic, dataPoints: [point(value, of)] },
  }
}

function gauge(name: string, value: number, of: Of = {}): object {
  return { name, unit: of.unit ?? '', gauge: { dataPoints: [point(value, of)] } }
}

function histogram(
  name: string,
  temporality: number,
  { count, sum: total, bounds, counts }: { count: number; sum: number; bounds: number[]; counts: number[] },
  of: Of = {},
): object {
  const { atMs = 0, unit = '' } = of
  const dataPoint = {
    ...times(atMs),
    attributes: PATH,
    count: String(count),
    sum: total,
    explicitBounds: bounds,
    bucketCounts: counts.map(String),
  }
  return { name, unit, histogram: { aggregationTemporality: temporality, dataPoints: [dataPoint] } }
}

/** A gateway that is sent metrics of one service; what else is said of its resource tells streams apart. */
function open(
  shared?: Store,
  options: GatewayOptions = {},
): TestGateway & {
  send(metrics: readonly object[], resource?: Readonly<Record<string, string>>): Promise<OtlpWritten>
  pass(ms: number): void
} {
  let nowMs = NOW_MS
  const test = openTestGateway(shared ?? embeddedStore(() => nowMs), options)
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })
  return {
    ...test,
    pass(ms) {
      nowMs += ms
    },
    async send(metrics, resource = { 'service.version': '1.2' }) {
      const all = {
        'service.name': 'api',
        'service.namespace': 'shop',
        'service.instance.id': 'i',
        ...resource,
      }
      const attributes = Object.entries(all).map(([key, value]) => ({ key, value: { stringValue: value } }))
      const body = { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }
      const { families, message } = reader.read(Buffer.from(JSON.stringify(body)), 'json')
      expect(message).toBe('')
      return test.gateway.otlp({ families, protocol: 'otlp', deadlineMs: performance.now() + 5000 })
    },
  }
}
