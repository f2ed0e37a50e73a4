import { randomInt } from 'node:crypto'
import { expect } from 'vitest'
import type { GroupListing } from '../../src/gateway/gateway.ts'
import type { HistogramMetric, Metric } from '../../src/model/family.ts'
import { eachBucket } from '../../src/model/native-histogram.ts'
import type { OtlpJson } from './otlp.ts'

/** Collections that an exporter has on the way at a time. */
const MOST_ON_THE_WAY = 4
const COUNTED = ['/a', '/b', '/c', '/d']
const OBSERVED = ['/a', '/b', '/c']
const BOUNDS = [1, 5, 10]

/** Sends a body and resolves once it was acknowledged. */
export type Send = (body: OtlpJson) => Promise<void>

/** What the points of all exporters add up to, by job, name and path. */
export type Sums = ReadonlyMap<string, Sum>

interface Sum {
  points: number
  value: number
  count: number
  zeros: number
  /** Finest scale that all points have. */
  scale: number
  /** By upper bound, or by index at that scale. */
  buckets: Map<number, number>
}

export interface Exporters {
  readonly sums: Sums
  /** Sends everything, each exporter its collections in order, several at a time. */
  run(send: Send): Promise<void>
}

export interface ExporterOptions {
  readonly exporters: number
  readonly collections: number
  readonly jobs: number
  readonly fromMs: number
  /** On a machine too slow for all collections, fewer. */
  readonly mostMs?: number
}

/** Points of one collection. */
export const POINTS = COUNTED.length + OBSERVED.length * 2

/**
 * Exporters with delta temporality that count and observe at random, several to a job, so that each series is made of
 * many streams. Values are whole numbers: their sums are exact.
 */
export function makeExporters({
  exporters,
  collections,
  jobs,
  fromMs,
  mostMs = Number.POSITIVE_INFINITY,
}: ExporterOptions): Exporters {
  const sums = new Map<string, Sum>()

  async function runOne(exporter: number, send: Send, endMs: number): Promise<void> {
    const onTheWay: Promise<void>[] = []
    let timeMs = fromMs + randomInt(1000)
    for (let n = 0; n < collections && performance.now() < endMs; n++) {
      if (onTheWay.length === MOST_ON_THE_WAY) await onTheWay.shift()
      const startMs = timeMs
      timeMs += randomInt(1, 20)
      onTheWay.push(send(collect(sums, `job-${exporter % jobs}`, String(exporter), { startMs, timeMs })))
    }
    await Promise.all(onTheWay)
  }

  return {
    sums,
    run: async (send) => {
      const endMs = performance.now() + mostMs
      await Promise.all(Array.from({ length: exporters }, (_, n) => runOne(n, send, endMs)))
    },
  }
}

function collect(
  sums: Map<string, Sum>,
  job: string,
  pod: string,
  { startMs, timeMs }: { startMs: number; timeMs: number },
): OtlpJson {
  const at = { startTimeUnixNano: `${startMs}000000`, timeUnixNano: `${timeMs}000000` }
  const point = (path: string) => ({ ...at, attributes: attributesOf({ path }) })
  const sumOf = (name: string, path: string) => {
    const key = keyOf(job, name, path)
    const sum = sums.get(key) ?? { points: 0, value: 0, count: 0, zeros: 0, scale: 20, buckets: new Map() }
    sums.set(key, sum)
    sum.points++
    return sum
  }

  const counts = COUNTED.map((path) => {
    const value = randomInt(1000)
    sumOf('requests_total', path).value += value
    return { ...point(path), asInt: String(value) }
  })
  const observed = OBSERVED.map((path) => {
    const bucketCounts = [...BOUNDS, Number.POSITIVE_INFINITY].map(() => randomInt(10))
    const sum = sumOf('latency', path)
    for (const [n, count] of bucketCounts.entries()) add(sum, BOUNDS[n] ?? Number.POSITIVE_INFINITY, count)
    const total = randomInt(1000)
    sum.value += total
    return {
      ...point(path),
      count: String(totalOf(bucketCounts)),
      sum: total,
      explicitBounds: BOUNDS,
      bucketCounts: bucketCounts.map(String),
    }
  })
  const exponential = OBSERVED.map((path) => {
    const bucketCounts = Array.from({ length: randomInt(1, 8) }, () => randomInt(10))
    const offset = randomInt(-100, 100)
    const scale = randomInt(-4, 9)
    const zeros = randomInt(3)
    const sum = sumOf('sizes', path)
    coarsen(sum, scale)
    for (const [n, count] of bucketCounts.entries()) add(sum, (offset + n) >> (scale - sum.scale), count)
    sum.zeros += zeros
    sum.count += zeros
    const total = randomInt(1000)
    sum.value += total
    return {
      ...point(path),
      count: String(totalOf(bucketCounts) + zeros),
      sum: total,
      scale,
      zeroCount: String(zeros),
      positive: { offset, bucketCounts: bucketCounts.map(String) },
    }
  })
  const delta = { aggregationTemporality: 1 }
  const metrics = [
    { name: 'requests', sum: { ...delta, isMonotonic: true, dataPoints: counts } },
    { name: 'latency', histogram: { ...delta, dataPoints: observed } },
    { name: 'sizes', exponentialHistogram: { ...delta, dataPoints: exponential } },
  ]
  const resource = { attributes: attributesOf({ 'service.name': job, pod }) }
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }
}

function attributesOf(texts: Readonly<Record<string, string>>): object[] {
  return Object.entries(texts).map(([key, stringValue]) => ({ key, value: { stringValue } }))
}

function keyOf(job: string, name: string, path: string): string {
  return `${job} ${name} ${path}`
}

function totalOf(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0)
}

function add(sum: Sum, bucket: number, count: number): void {
  sum.count += count
  if (count > 0) sum.buckets.set(bucket, (sum.buckets.get(bucket) ?? 0) + count)
}

function coarsen(sum: Sum, scale: number): void {
  const shift = sum.scale - scale
  if (shift <= 0) return
  const finer = sum.buckets
  sum.buckets = new Map()
  sum.scale = scale
  for (const [index, count] of finer)
    sum.buckets.set(index >> shift, (sum.buckets.get(index >> shift) ?? 0) + count)
}

/** The same of what a gateway shows. */
export function sumsShown(groups: readonly GroupListing[]): Map<string, Omit<Sum, 'points'>> {
  const shown = new Map<string, Omit<Sum, 'points'>>()
  for (const { labels, families } of groups) {
    const job = labels.find(({ name }) => name === 'job')?.value ?? ''
    for (const listed of families) {
      const { name, metrics } = listed.read()
      if (name === 'target_info') continue
      for (const metric of metrics as readonly Metric[]) {
        const path = metric.labels.find((label) => label.name === 'path')?.value ?? ''
        shown.set(keyOf(job, name, path), sumOfMetric(metric))
      }
    }
  }
  return shown
}

function sumOfMetric(metric: Metric): Omit<Sum, 'points'> {
  const sum = { value: 0, count: 0, zeros: 0, scale: 20, buckets: new Map<number, number>() }
  if ('value' in metric) return { ...sum, value: metric.value }
  const { count = 0, sum: value = 0, buckets, native } = metric as HistogramMetric
  let below = 0
  for (const { upperBound, cumulativeCount } of buckets) {
    if (cumulativeCount > below) sum.buckets.set(upperBound, cumulativeCount - below)
    below = cumulativeCount
  }
  if (native === undefined) {
    if (count > below) sum.buckets.set(Number.POSITIVE_INFINITY, count - below)
    return { ...sum, count, value }
  }
  // The bucket of an index of OpenTelemetry has the next index in Prometheus.
  eachBucket(native.positive, (index, n) => n > 0 && sum.buckets.set(index - 1, n))
  return { ...sum, count, value, zeros: native.zeroCount, scale: native.schema }
}

/** Fails unless what is shown is what the points add up to. */
export function expectSums(shown: ReturnType<typeof sumsShown>, sums: Sums): void {
  const expected = new Map([...sums].map(([key, { points: _points, ...sum }]) => [key, sum]))
  expect(expected.size).toBeGreaterThan(0)
  expect(shown).toEqual(expected)
}
