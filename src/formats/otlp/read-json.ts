import type { Label } from '../../model/labels.ts'
import { Budget } from '../budget.ts'
import type { SampleLimits } from '../format.ts'
import type { AttributeCache, AttributeCaches } from './attribute-cache.ts'
import { JSON_NUMBER, JsonCursor } from './json-cursor.ts'
import { NO_RECORDED_VALUE, TEMPORALITIES } from './layout.ts'
import {
  type Attributes,
  COUNT_PRICE,
  type ExponentialBuckets,
  type ExponentialPoint,
  type HistogramPoint,
  type MetricData,
  NAMELESS,
  NO_ATTRIBUTES,
  type NumberPoint,
  type OtlpExemplar,
  type OtlpMetric,
  type OtlpRequest,
  type Point,
  type ResourceMetrics,
  type Scope,
  type ScopeMetrics,
  type SummaryPoint,
  spanIdOf,
  type Temporality,
  traceIdOf,
} from './request.ts'
import {
  MOST_NESTING,
  NESTS_TOO_DEEP,
  showBytes,
  showDouble,
  showEmpty,
  showList,
  showMap,
  showString,
} from './value-text.ts'

/**
 * Reads an ExportMetricsServiceRequest in JSON (OTLP, JSON Protobuf Encoding): keys in lower camel case, ids in
 * hexadecimal, whole numbers as numbers or strings, unknown keys passed over, null as if it were not there. Names of enum
 * values are taken beside their numbers, as the Collector does. The promises of `readProtobuf` hold, with the position in
 * the message.
 */
export function readJson(body: Uint8Array, limits: SampleLimits, caches: AttributeCaches): OtlpRequest {
  return new RequestReader(body, limits, caches).read()
}

class RequestReader {
  private readonly json: JsonCursor
  private readonly mostAttributes: number
  private readonly budget: Budget
  private readonly caches: AttributeCaches

  constructor(body: Uint8Array, limits: SampleLimits, caches: AttributeCaches) {
    this.caches = caches
    this.json = new JsonCursor(body)
    this.mostAttributes = limits.labelsPerSeries + 1
    this.budget = new Budget(limits)
  }

  read(): OtlpRequest {
    const { json } = this
    const resources: ResourceMetrics[] = []
    json.object((key) => {
      if (key === 'resourceMetrics') json.list(() => resources.push(this.resourceMetrics()))
      else json.skip()
    })
    json.end()
    return { resources }
  }

  private resourceMetrics(): ResourceMetrics {
    const { json } = this
    this.budget.take(1)
    let attributes = NO_ATTRIBUTES
    const scopes: ScopeMetrics[] = []
    json.object((key) => {
      if (key === 'resource') attributes = this.resource()
      else if (key === 'scopeMetrics') json.list(() => scopes.push(this.scopeMetrics()))
      else json.skip()
    })
    return { attributes, scopes }
  }

  private resource(): Attributes {
    const { json } = this
    let attributes = NO_ATTRIBUTES
    json.object((key) => {
      if (key === 'attributes')
        attributes = this.attributesOf(this.caches.resources, Number.POSITIVE_INFINITY)
      else json.skip()
    })
    return attributes
  }

  private scopeMetrics(): ScopeMetrics {
    const { json } = this
    this.budget.take(1)
    let scope: Scope = { name: '', version: '', attributes: NO_ATTRIBUTES }
    let schemaUrl = ''
    const metrics: OtlpMetric[] = []
    json.object((key) => {
      if (key === 'scope') scope = this.scope()
      else if (key === 'metrics') json.list(() => metrics.push(this.metric()))
      else if (key === 'schemaUrl') schemaUrl = this.string()
      else json.skip()
    })
    return { scope, schemaUrl, metrics }
  }

  private scope(): Scope {
    const { json } = this
    let name = ''
    let version = ''
    let attributes = NO_ATTRIBUTES
    json.object((key) => {
      if (key === 'name') name = this.string()
      else if (key === 'version') version = this.string()
      else if (key === 'attributes')
        attributes = this.attributesOf(this.caches.resources, Number.POSITIVE_INFINITY)
      else json.skip()
    })
    return { name, version, attributes }
  }

  private metric(): OtlpMetric {
    const { json } = this
    this.budget.take(1)
    let name = ''
    let description = ''
    let unit = ''
    let data: MetricData | undefined
    json.object((key) => {
      switch (key) {
        case 'name':
          name = this.string()
          break
        case 'description':
          description = this.string()
          break
        case 'unit':
          unit = this.string()
          break
        case 'gauge':
          data = { kind: 'gauge', points: this.data(() => this.numberPoint()).points }
          break
        case 'sum':
          data = { kind: 'sum', ...this.data(() => this.numberPoint()) }
          break
        case 'histogram':
          data = { kind: 'histogram', ...this.data(() => this.histogramPoint()) }
          break
        case 'exponentialHistogram':
          data = { kind: 'exponential', ...this.data(() => this.exponentialPoint()) }
          break
        case 'summary':
          data = { kind: 'summary', points: this.data(() => this.summaryPoint()).points }
          break
        default:
          json.skip()
      }
    })
    return { name, description, unit, data }
  }

  private data<P>(readPoint: () => P): { points: P[]; temporality: Temporality; isMonotonic: boolean } {
    const { json } = this
    const points: P[] = []
    let temporality: Temporality = 'unspecified'
    let isMonotonic = false
    json.object((key) => {
      if (key === 'dataPoints') json.list(() => points.push(readPoint()))
      else if (key === 'aggregationTemporality') temporality = this.temporality()
      else if (key === 'isMonotonic') isMonotonic = !json.takeNull() && json.boolean()
      else json.skip()
    })
    return { points, temporality, isMonotonic }
  }

  private temporality(): Temporality {
    if (this.json.isString()) {
      const name = this.json.string()
      return (
        TEMPORALITIES.find((known) => name === `${TEMPORALITY_PREFIX}${known.toUpperCase()}`) ?? 'unspecified'
      )
    }
    return TEMPORALITIES[this.number()] ?? 'unspecified'
  }

  private numberPoint(): NumberPoint {
    const { json } = this
    this.budget.take(1)
    let value: number | undefined
    const exemplars: OtlpExemplar[] = []
    const point = this.point((key) => {
      if (key === 'asDouble') value = this.maybe(() => this.number())
      else if (key === 'asInt') value = this.maybe(() => this.int64())
      else if (key === 'exemplars') this.exemplars(exemplars)
      else json.skip()
    })
    return { value, exemplars, ...point }
  }

  private histogramPoint(): HistogramPoint {
    const { json } = this
    this.budget.take(3)
    let count = 0
    let sum: number | undefined
    const bucketCounts: number[] = []
    const bounds: number[] = []
    const exemplars: OtlpExemplar[] = []
    const point = this.point((key) => {
      switch (key) {
        case 'count':
          count = this.uint64()
          break
        case 'sum':
          sum = this.maybe(() => this.number())
          break
        case 'bucketCounts':
          this.counts(bucketCounts)
          break
        case 'explicitBounds':
          json.list(() => {
            this.budget.take(1)
            bounds.push(this.number())
          })
          break
        case 'exemplars':
          this.exemplars(exemplars)
          break
        default:
          json.skip()
      }
    })
    return { count, sum, bucketCounts, bounds, exemplars, ...point }
  }

  private exponentialPoint(): ExponentialPoint {
    const { json } = this
    this.budget.take(3)
    let count = 0
    let sum: number | undefined
    let scale = 0
    let zeroCount = 0
    let zeroThreshold = 0
    let positive = NO_BUCKETS
    let negative = NO_BUCKETS
    const exemplars: OtlpExemplar[] = []
    const point = this.point((key) => {
      switch (key) {
        case 'count':
          count = this.uint64()
          break
        case 'sum':
          sum = this.maybe(() => this.number())
          break
        case 'scale':
          scale = this.int32()
          break
        case 'zeroCount':
          zeroCount = this.uint64()
          break
        case 'zeroThreshold':
          zeroThreshold = this.number()
          break
        case 'positive':
          positive = this.exponentialBuckets()
          break
        case 'negative':
          negative = this.exponentialBuckets()
          break
        case 'exemplars':
          this.exemplars(exemplars)
          break
        default:
          json.skip()
      }
    })
    return { count, sum, scale, zeroCount, zeroThreshold, positive, negative, exemplars, ...point }
  }

  private exponentialBuckets(): ExponentialBuckets {
    const { json } = this
    let offset = 0
    const counts: number[] = []
    json.object((key) => {
      if (key === 'offset') offset = this.int32()
      else if (key === 'bucketCounts') this.counts(counts)
      else json.skip()
    })
    return { offset, counts }
  }

  private counts(into: number[]): void {
    this.json.list(() => {
      this.budget.take(COUNT_PRICE)
      into.push(this.uint64())
    })
  }

  private summaryPoint(): SummaryPoint {
    const { json } = this
    this.budget.take(2)
    let count = 0
    let sum = 0
    const quantiles: { quantile: number; value: number }[] = []
    const point = this.point((key) => {
      if (key === 'count') count = this.uint64()
      else if (key === 'sum') sum = this.number()
      else if (key === 'quantileValues') json.list(() => quantiles.push(this.quantile()))
      else json.skip()
    })
    return { count, sum, quantiles, ...point }
  }

  private quantile(): { quantile: number; value: number } {
    const { json } = this
    this.budget.take(1)
    let quantile = 0
    let value = 0
    json.object((key) => {
      if (key === 'quantile') quantile = this.number()
      else if (key === 'value') value = this.number()
      else json.skip()
    })
    return { quantile, value }
  }

  /** What points of every kind have; `read` takes the other keys. */
  private point(read: (key: string) => void): Point {
    let attributes = NO_ATTRIBUTES
    let startMs = 0
    let timeMs = 0
    let flags = 0
    this.json.object((key) => {
      if (key === 'attributes') attributes = this.attributesOf(this.caches.points, this.mostAttributes)
      else if (key === 'startTimeUnixNano') startMs = this.nanosAsMs()
      else if (key === 'timeUnixNano') timeMs = this.nanosAsMs()
      else if (key === 'flags') flags = this.uint64()
      else read(key)
    })
    return { attributes, startMs, timeMs, isStale: (flags & NO_RECORDED_VALUE) !== 0 }
  }

  private exemplars(into: OtlpExemplar[]): void {
    this.json.list(() => into.push(this.exemplar()))
  }

  private exemplar(): OtlpExemplar {
    const { json } = this
    this.budget.take(1)
    let timeMs = 0
    let value: number | undefined
    let traceId = ''
    let spanId = ''
    let attributes = NO_ATTRIBUTES
    json.object((key) => {
      switch (key) {
        case 'timeUnixNano':
          timeMs = this.nanosAsMs()
          break
        case 'asDouble':
          value = this.maybe(() => this.number())
          break
        case 'asInt':
          value = this.maybe(() => this.int64())
          break
        case 'traceId':
          traceId = traceIdOf(this.string())
          break
        case 'spanId':
          spanId = spanIdOf(this.string())
          break
        case 'filteredAttributes':
          attributes = this.attributes(this.mostAttributes)
          break
        default:
          json.skip()
      }
    })
    return { timeMs, value, traceId, spanId, attributes }
  }

  /** The list that follows, read once if it comes again. */
  private attributesOf(cache: AttributeCache, most: number): Attributes {
    const { json } = this
    const raw = json.peekWhole()
    const known = raw === undefined ? undefined : cache.get(raw)
    if (raw === undefined || known === undefined) {
      const attributes = this.attributes(most)
      if (raw !== undefined) cache.set(raw, attributes)
      return attributes
    }
    json.takeWhole(raw)
    return known
  }

  private attributes(most: number): Attributes {
    const attributes: Label[] = []
    this.json.list(() => {
      if (attributes.length >= most) {
        this.json.skip()
        return
      }
      if (most === Number.POSITIVE_INFINITY) this.budget.take(1)
      const { name, value } = this.keyValue(0)
      attributes.push(name === '' ? NAMELESS : { name, value })
    })
    return attributes
  }

  private keyValue(depth: number): Label {
    let name = ''
    let value = showEmpty(depth > 0)
    this.json.object((key) => {
      if (key === 'key') name = this.string()
      else if (key === 'value') value = this.anyValue(depth)
      else this.json.skip()
    })
    return { name, value }
  }

  /** `depth` is the number of lists and maps around the value. */
  private anyValue(depth: number): string {
    const { json } = this
    const nested = depth > 0
    let text = showEmpty(nested)
    json.object((key) => {
      // A null says that it is not this member of the choice.
      if (json.takeNull()) return
      switch (key) {
        case 'stringValue':
          text = showString(json.string(), nested)
          break
        case 'boolValue':
          text = String(json.boolean())
          break
        case 'intValue':
          text = String(this.wholeNumber(INT64))
          break
        case 'doubleValue':
          text = showDouble(this.number(), nested)
          break
        case 'bytesValue':
          text = showBytes(Buffer.from(json.string(), 'base64'), nested)
          break
        case 'arrayValue':
          text = showList(this.values(depth, () => this.anyValue(depth + 1)))
          break
        case 'kvlistValue':
          text = showMap(
            this.values(depth, () => {
              const { name, value } = this.keyValue(depth + 1)
              return [name, value] as const
            }),
          )
          break
        default:
          json.skip()
      }
    })
    return text
  }

  /** Of an ArrayValue or a KeyValueList. */
  private values<T>(depth: number, read: () => T): T[] {
    const { json } = this
    if (depth >= MOST_NESTING) throw json.malformed(`it ${NESTS_TOO_DEEP}`)
    const items: T[] = []
    json.object((key) => {
      if (key !== 'values') {
        json.skip()
        return
      }
      json.list(() => {
        this.budget.take(1)
        items.push(read())
      })
    })
    return items
  }

  private string(): string {
    return this.json.takeNull() ? '' : this.json.string()
  }

  private maybe(read: () => number): number | undefined {
    return this.json.takeNull() ? undefined : read()
  }

  /** A double, infinities and NaN by their names. */
  private number(): number {
    if (this.json.takeNull()) return 0
    const text = this.json.numberText()
    const value = NAMED_NUMBERS.get(text) ?? finiteNumber(text)
    if (value === undefined) throw this.json.malformed(`${show(text)} is no number`)
    return value
  }

  private int64(): number {
    return Number(this.wholeNumber(INT64))
  }

  private uint64(): number {
    return Number(this.wholeNumber(UINT64))
  }

  private int32(): number {
    return Number(this.wholeNumber(INT32))
  }

  /** Nanoseconds as whole milliseconds, the rest cut off. */
  private nanosAsMs(): number {
    return Number(this.wholeNumber(UINT64) / NANOS_PER_MS)
  }

  private wholeNumber({ least, most }: Range): bigint {
    if (this.json.takeNull()) return 0n
    const text = this.json.numberText()
    const value = DIGITS.test(text) ? BigInt(text) : fromDouble(text)
    if (value === undefined || value < least || value > most)
      throw this.json.malformed(`${show(text)} is no whole number from ${least} to ${most}`)
    return value
  }
}

const TEMPORALITY_PREFIX = 'AGGREGATION_TEMPORALITY_'
const NO_BUCKETS: ExponentialBuckets = { offset: 0, counts: [] }

const NAMED_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

function finiteNumber(text: string): number | undefined {
  const value = JSON_NUMBER.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

interface Range {
  readonly least: bigint
  readonly most: bigint
}

const INT32: Range = { least: -(2n ** 31n), most: 2n ** 31n - 1n }
const INT64: Range = { least: -(2n ** 63n), most: 2n ** 63n - 1n }
const UINT64: Range = { least: 0n, most: 2n ** 64n - 1n }

const NANOS_PER_MS = 1_000_000n

/** No more than any number in range has: the time to read digits grows faster than they do. */
const DIGITS = /^-?\d{1,20}$/

/** `1e3` and `5.0` are whole numbers too. */
function fromDouble(text: string): bigint | undefined {
  const value = finiteNumber(text)
  return Number.isInteger(value) ? BigInt(value as number) : undefined
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 50))
}
