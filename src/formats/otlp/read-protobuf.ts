import { PgrError } from '../../errors/pgr-error.ts'
import type { Label } from '../../model/labels.ts'
import { Budget } from '../budget.ts'
import type { SampleLimits } from '../format.ts'
import {
  DELIMITED,
  eachField,
  openReader,
  type ProtobufReader,
  packed,
  problemOf,
  readDouble,
  readFixed64,
  readInt64,
  readNanosAsMs,
  readRepeated,
  readSfixed64,
  readUint64,
  skipField,
} from '../protobuf.ts'
import type { AttributeCache, AttributeCaches } from './attribute-cache.ts'
import {
  ANY_VALUE,
  BUCKETS,
  DATA,
  EXEMPLAR,
  EXPONENTIAL_POINT,
  HISTOGRAM_POINT,
  KEY_VALUE,
  LIST,
  METRIC,
  NO_RECORDED_VALUE,
  NUMBER_POINT,
  QUANTILE,
  REQUEST,
  RESOURCE,
  RESOURCE_METRICS,
  SCOPE,
  SCOPE_METRICS,
  SUMMARY_POINT,
  TEMPORALITIES,
} from './layout.ts'
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
 * Reads an ExportMetricsServiceRequest. Fields may come in any order, numbers packed or not; unknown fields are passed
 * over. Throws PGR_BODY_MALFORMED, or PGR_LIMIT_EXCEEDED with the limit to raise. What exceeds a limit of one series alone
 * is kept and left for the translation to refuse, so that it costs its own point and no other; of more attributes than
 * allowed only one too many is kept.
 */
export function readProtobuf(body: Uint8Array, limits: SampleLimits, caches: AttributeCaches): OtlpRequest {
  const request = new RequestReader(openReader(body), limits, caches)
  try {
    return request.read()
  } catch (reason) {
    if (reason instanceof PgrError) throw reason
    const where = request.metric === '' ? '' : ` in metric ${JSON.stringify(request.metric.slice(0, 100))}`
    throw new PgrError(
      'PGR_BODY_MALFORMED',
      `protobuf parsing error in the OTLP request${where}: it ${problemOf(reason)}`,
      { cause: reason },
    )
  }
}

const NO_EXEMPLARS: readonly OtlpExemplar[] = []
const NO_BUCKETS: ExponentialBuckets = { offset: 0, counts: [] }

class RequestReader {
  /** Name of the metric being read, for messages. */
  metric = ''
  private readonly reader: ProtobufReader
  private readonly mostAttributes: number
  private readonly budget: Budget
  private readonly caches: AttributeCaches
  private readonly run: AttributeRun

  constructor(reader: ProtobufReader, limits: SampleLimits, caches: AttributeCaches) {
    this.reader = reader
    this.mostAttributes = limits.labelsPerSeries + 1
    this.budget = new Budget(limits)
    this.caches = caches
    this.run = new AttributeRun(reader)
  }

  read(): OtlpRequest {
    const { reader } = this
    const resources: ResourceMetrics[] = []
    while (reader.pos < reader.len) {
      const tag = reader.tag()
      if (tag === REQUEST.resourceMetrics) resources.push(this.resourceMetrics())
      else skipField(reader, tag)
    }
    return { resources }
  }

  private resourceMetrics(): ResourceMetrics {
    const { reader } = this
    this.budget.take(1)
    let attributes = NO_ATTRIBUTES
    const scopes: ScopeMetrics[] = []
    eachField(reader, (tag) => {
      if (tag === RESOURCE_METRICS.resource) attributes = this.resource()
      else if (tag === RESOURCE_METRICS.scopeMetrics) scopes.push(this.scopeMetrics())
      else skipField(reader, tag)
    })
    return { attributes, scopes }
  }

  private resource(): Attributes {
    const { reader, run } = this
    run.start(Number.POSITIVE_INFINITY)
    eachField(reader, (tag) => {
      if (tag === RESOURCE.attributes) run.skip()
      else skipField(reader, tag)
    })
    return this.attributesOf(run.take(), this.caches.resources, 1)
  }

  private scopeMetrics(): ScopeMetrics {
    const { reader } = this
    this.budget.take(1)
    let scope: Scope = { name: '', version: '', attributes: NO_ATTRIBUTES }
    let schemaUrl = ''
    const metrics: OtlpMetric[] = []
    eachField(reader, (tag) => {
      if (tag === SCOPE_METRICS.scope) scope = this.scope()
      else if (tag === SCOPE_METRICS.metrics) metrics.push(this.readMetric())
      else if (tag === SCOPE_METRICS.schemaUrl) schemaUrl = reader.string()
      else skipField(reader, tag)
    })
    return { scope, schemaUrl, metrics }
  }

  private scope(): Scope {
    const { reader, run } = this
    let name = ''
    let version = ''
    run.start(Number.POSITIVE_INFINITY)
    eachField(reader, (tag) => {
      if (tag === SCOPE.name) name = reader.string()
      else if (tag === SCOPE.version) version = reader.string()
      else if (tag === SCOPE.attributes) run.skip()
      else skipField(reader, tag)
    })
    return {
      name,
      version,
      attributes: this.attributesOf(run.take(), this.caches.resources, 1),
    }
  }

  private readMetric(): OtlpMetric {
    const { reader } = this
    this.budget.take(1)
    this.metric = ''
    let description = ''
    let unit = ''
    let data: MetricData | undefined
    eachField(reader, (tag) => {
      switch (tag) {
        case METRIC.name:
          this.metric = reader.string()
          break
        case METRIC.description:
          description = reader.string()
          break
        case METRIC.unit:
          unit = reader.string()
          break
        case METRIC.gauge:
          data = { kind: 'gauge', points: this.data(() => this.numberPoint()).points }
          break
        case METRIC.sum:
          data = { kind: 'sum', ...this.data(() => this.numberPoint()) }
          break
        case METRIC.histogram:
          data = { kind: 'histogram', ...this.data(() => this.histogramPoint()) }
          break
        case METRIC.exponentialHistogram:
          data = { kind: 'exponential', ...this.data(() => this.exponentialPoint()) }
          break
        case METRIC.summary:
          data = { kind: 'summary', points: this.data(() => this.summaryPoint()).points }
          break
        default:
          skipField(reader, tag)
      }
    })
    return { name: this.metric, description, unit, data }
  }

  private data<P>(readPoint: () => P): { points: P[]; temporality: Temporality; isMonotonic: boolean } {
    const { reader } = this
    const points: P[] = []
    let temporality: Temporality = 'unspecified'
    let isMonotonic = false
    eachField(reader, (tag) => {
      if (tag === DATA.points) points.push(readPoint())
      else if (tag === DATA.temporality) temporality = TEMPORALITIES[reader.uint32()] ?? 'unspecified'
      else if (tag === DATA.isMonotonic) isMonotonic = reader.bool()
      else skipField(reader, tag)
    })
    return { points, temporality, isMonotonic }
  }

  /** A loop of its own, since almost all that comes is this. */
  private numberPoint(): NumberPoint {
    const { reader, run } = this
    this.budget.take(1)
    const end = reader.size() + reader.pos
    if (end > reader.len) throw new Error('is cut off')
    let startMs = 0
    let timeMs = 0
    let value: number | undefined
    let flags = 0
    let exemplars: OtlpExemplar[] | undefined
    run.start(this.mostAttributes)
    while (reader.pos < end) {
      const tag = reader.tag()
      switch (tag) {
        case NUMBER_POINT.attributes:
          run.skip()
          break
        case NUMBER_POINT.start:
          startMs = readNanosAsMs(reader)
          break
        case NUMBER_POINT.time:
          timeMs = readNanosAsMs(reader)
          break
        case NUMBER_POINT.asDouble:
          value = reader.double()
          break
        case NUMBER_POINT.asInt:
          value = readSfixed64(reader)
          break
        case NUMBER_POINT.exemplars:
          exemplars ??= []
          exemplars.push(this.exemplar())
          break
        case NUMBER_POINT.flags:
          flags = reader.uint32()
          break
        default:
          skipField(reader, tag)
      }
    }
    if (reader.pos !== end) throw new Error('has a field that is longer than its message')
    const attributes = this.attributesOf(run.take(), this.caches.points, 0)
    return {
      attributes,
      startMs,
      timeMs,
      isStale: isStale(flags),
      value,
      exemplars: exemplars ?? NO_EXEMPLARS,
    }
  }

  private histogramPoint(): HistogramPoint {
    const { reader } = this
    this.budget.take(3)
    let count = 0
    let sum: number | undefined
    const bucketCounts: number[] = []
    const bounds: number[] = []
    const exemplars: OtlpExemplar[] = []
    const point = this.point(HISTOGRAM_POINT, (tag) => {
      switch (tag) {
        case HISTOGRAM_POINT.count:
          count = readFixed64(reader)
          break
        case HISTOGRAM_POINT.sum:
          sum = reader.double()
          break
        case HISTOGRAM_POINT.bucketCounts:
        case packed(HISTOGRAM_POINT.bucketCounts):
          readRepeated(reader, tag, readFixed64, bucketCounts)
          break
        case HISTOGRAM_POINT.explicitBounds:
        case packed(HISTOGRAM_POINT.explicitBounds):
          readRepeated(reader, tag, readDouble, bounds)
          break
        case HISTOGRAM_POINT.exemplars:
          exemplars.push(this.exemplar())
          break
        default:
          skipField(reader, tag)
      }
    })
    this.budget.take(bounds.length)
    return { count, sum, bucketCounts, bounds, exemplars, ...point }
  }

  private exponentialPoint(): ExponentialPoint {
    const { reader } = this
    this.budget.take(3)
    let count = 0
    let sum: number | undefined
    let scale = 0
    let zeroCount = 0
    let zeroThreshold = 0
    let positive = NO_BUCKETS
    let negative = NO_BUCKETS
    const exemplars: OtlpExemplar[] = []
    const point = this.point(EXPONENTIAL_POINT, (tag) => {
      switch (tag) {
        case EXPONENTIAL_POINT.count:
          count = readFixed64(reader)
          break
        case EXPONENTIAL_POINT.sum:
          sum = reader.double()
          break
        case EXPONENTIAL_POINT.scale:
          scale = reader.sint32()
          break
        case EXPONENTIAL_POINT.zeroCount:
          zeroCount = readFixed64(reader)
          break
        case EXPONENTIAL_POINT.zeroThreshold:
          zeroThreshold = reader.double()
          break
        case EXPONENTIAL_POINT.positive:
          positive = this.exponentialBuckets()
          break
        case EXPONENTIAL_POINT.negative:
          negative = this.exponentialBuckets()
          break
        case EXPONENTIAL_POINT.exemplars:
          exemplars.push(this.exemplar())
          break
        default:
          skipField(reader, tag)
      }
    })
    return { count, sum, scale, zeroCount, zeroThreshold, positive, negative, exemplars, ...point }
  }

  private exponentialBuckets(): ExponentialBuckets {
    const { reader } = this
    let offset = 0
    const counts: number[] = []
    eachField(reader, (tag) => {
      if (tag === BUCKETS.offset) offset = reader.sint32()
      else if (tag === BUCKETS.bucketCounts || tag === packed(BUCKETS.bucketCounts)) {
        this.budget.take(COUNT_PRICE * this.mostNumbers(tag))
        readRepeated(reader, tag, readUint64, counts)
      } else skipField(reader, tag)
    })
    return { offset, counts }
  }

  /** How many numbers may come in this field, none of them read. */
  private mostNumbers(tag: number): number {
    if ((tag & 7) !== DELIMITED) return 1
    const { reader } = this
    const at = reader.pos
    const bytes = reader.size()
    reader.pos = at
    return bytes
  }

  private summaryPoint(): SummaryPoint {
    const { reader } = this
    this.budget.take(2)
    let count = 0
    let sum = 0
    const quantiles: { quantile: number; value: number }[] = []
    const point = this.point(SUMMARY_POINT, (tag) => {
      if (tag === SUMMARY_POINT.count) count = readFixed64(reader)
      else if (tag === SUMMARY_POINT.sum) sum = reader.double()
      else if (tag === SUMMARY_POINT.quantiles) quantiles.push(this.quantile())
      else skipField(reader, tag)
    })
    return { count, sum, quantiles, ...point }
  }

  private quantile(): { quantile: number; value: number } {
    const { reader } = this
    this.budget.take(1)
    let quantile = 0
    let value = 0
    eachField(reader, (tag) => {
      if (tag === QUANTILE.quantile) quantile = reader.double()
      else if (tag === QUANTILE.value) value = reader.double()
      else skipField(reader, tag)
    })
    return { quantile, value }
  }

  /** What points of every kind have, under the numbers of this kind; `read` takes the other fields. */
  private point(
    numbers: { attributes: number; start: number; time: number; flags: number },
    read: (tag: number) => void,
  ): Point {
    const { reader, run } = this
    let startMs = 0
    let timeMs = 0
    let flags = 0
    run.start(this.mostAttributes)
    eachField(reader, (tag) => {
      if (tag === numbers.attributes) run.skip()
      else if (tag === numbers.start) startMs = readNanosAsMs(reader)
      else if (tag === numbers.time) timeMs = readNanosAsMs(reader)
      else if (tag === numbers.flags) flags = reader.uint32()
      else read(tag)
    })
    const attributes = this.attributesOf(run.take(), this.caches.points, 0)
    return { attributes, startMs, timeMs, isStale: isStale(flags) }
  }

  private exemplar(): OtlpExemplar {
    const { reader } = this
    this.budget.take(1)
    let timeMs = 0
    let value: number | undefined
    let traceId = ''
    let spanId = ''
    const attributes: Label[] = []
    eachField(reader, (tag) => {
      switch (tag) {
        case EXEMPLAR.time:
          timeMs = readNanosAsMs(reader)
          break
        case EXEMPLAR.asDouble:
          value = reader.double()
          break
        case EXEMPLAR.asInt:
          value = readSfixed64(reader)
          break
        case EXEMPLAR.traceId:
          traceId = traceIdOf(hexOf(reader))
          break
        case EXEMPLAR.spanId:
          spanId = spanIdOf(hexOf(reader))
          break
        case EXEMPLAR.attributes:
          if (attributes.length < this.mostAttributes) attributes.push(this.attribute(reader))
          else skipField(reader, tag)
          break
        default:
          skipField(reader, tag)
      }
    })
    return { timeMs, value, traceId, spanId, attributes }
  }

  /** The attributes in this run of fields; `price` is what each of them costs of the series that may come. */
  private attributesOf(raw: string, cache: AttributeCache, price: number): Attributes {
    if (raw === '') return NO_ATTRIBUTES
    const known = cache.get(raw)
    if (known !== undefined) return known
    const attributes: Label[] = []
    const reader = openReader(Buffer.from(raw, 'latin1'))
    while (reader.pos < reader.len) {
      reader.tag()
      this.budget.take(price)
      attributes.push(this.attribute(reader))
    }
    cache.set(raw, attributes)
    return attributes
  }

  private attribute(reader: ProtobufReader): Label {
    const { name, value } = this.keyValue(reader, 0)
    return name === '' ? NAMELESS : { name, value }
  }

  private keyValue(reader: ProtobufReader, depth: number): Label {
    let name = ''
    let value = showEmpty(depth > 0)
    eachField(reader, (tag) => {
      if (tag === KEY_VALUE.key) name = reader.string()
      else if (tag === KEY_VALUE.value) value = this.anyValue(reader, depth)
      else skipField(reader, tag)
    })
    return { name, value }
  }

  /** `depth` is the number of lists and maps around the value. */
  private anyValue(reader: ProtobufReader, depth: number): string {
    const nested = depth > 0
    let text = showEmpty(nested)
    eachField(reader, (tag) => {
      switch (tag) {
        case ANY_VALUE.string:
          text = showString(reader.string(), nested)
          break
        case ANY_VALUE.bool:
          text = String(reader.bool())
          break
        case ANY_VALUE.int:
          text = readInt64Text(reader)
          break
        case ANY_VALUE.double:
          text = showDouble(reader.double(), nested)
          break
        case ANY_VALUE.bytes:
          text = showBytes(reader.bytes(), nested)
          break
        case ANY_VALUE.array:
          text = showList(this.list(reader, depth, () => this.anyValue(reader, depth + 1)))
          break
        case ANY_VALUE.map:
          text = showMap(
            this.list(reader, depth, () => {
              const { name, value } = this.keyValue(reader, depth + 1)
              return [name, value] as const
            }),
          )
          break
        default:
          skipField(reader, tag)
      }
    })
    return text
  }

  private list<T>(reader: ProtobufReader, depth: number, read: () => T): T[] {
    if (depth >= MOST_NESTING) throw new Error(NESTS_TOO_DEEP)
    const items: T[] = []
    eachField(reader, (tag) => {
      if (tag !== LIST.values) {
        skipField(reader, tag)
        return
      }
      this.budget.take(1)
      items.push(read())
    })
    return items
  }
}

function isStale(flags: number): boolean {
  return (flags & NO_RECORDED_VALUE) !== 0
}

/** Longer than any id; what is longer is none. */
const MOST_ID_BYTES = 32

function hexOf(reader: ProtobufReader): string {
  const bytes = reader.bytes()
  return bytes.length > MOST_ID_BYTES ? '' : Buffer.from(bytes).toString('hex')
}

/** A varint in two's complement in decimal digits, none of them lost. */
function readInt64Text(reader: ProtobufReader): string {
  const at = reader.pos
  const nearest = readInt64(reader)
  if (Number.isSafeInteger(nearest)) return String(nearest)
  let bits = 0n
  for (let i = reader.pos - 1; i >= at; i--) bits = (bits << 7n) | BigInt((reader.buf[i] as number) & 127)
  return String(BigInt.asIntN(64, bits))
}

/**
 * The bytes of the attributes of one message, tags included. They mostly stand together, and are then one cut; a message
 * inside the message must not use the same run.
 */
class AttributeRun {
  private readonly reader: ProtobufReader
  private left = 0
  private before = ''
  private from = 0
  private to = 0

  constructor(reader: ProtobufReader) {
    this.reader = reader
  }

  /** What comes after so many attributes is left out. */
  start(most: number): void {
    this.left = most
    this.before = ''
    this.from = 0
    this.to = 0
  }

  /** Steps over an attribute whose tag, which fits one byte, was just read. */
  skip(): void {
    const { reader } = this
    const at = reader.pos - 1
    reader.skip(reader.size())
    if (--this.left < 0) return
    if (this.to !== at) {
      this.before += this.cut()
      this.from = at
    }
    this.to = reader.pos
  }

  take(): string {
    return this.before === '' ? this.cut() : this.before + this.cut()
  }

  private cut(): string {
    return (this.reader.buf as Buffer).toString('latin1', this.from, this.to)
  }
}
