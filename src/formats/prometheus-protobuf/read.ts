import { PgrError } from '../../errors/pgr-error.ts'
import type {
  Bucket,
  Exemplar,
  Family,
  HistogramMetric,
  Metric,
  MetricBase,
  NativeHistogram,
  NumberMetric,
  Quantile,
  SummaryMetric,
} from '../../model/family.ts'
import { fittingUnit, rising } from '../../model/family.ts'
import { duplicateName, type Label, type Labels, NO_LABELS, sortLabels } from '../../model/labels.ts'
import { isLegacyLabelName, isLegacyMetricName, isValidUtf8Name } from '../../model/names.ts'
import { Budget } from '../budget.ts'
import type { Reader, ReadOptions } from '../format.ts'
import { NativeFields, type NativeTotals } from '../native-fields.ts'
import {
  eachField,
  openReader,
  type ProtobufReader,
  problemOf,
  readInt64,
  readUint64,
  skipField,
} from '../protobuf.ts'
import {
  BUCKET,
  EXEMPLAR,
  FAMILY,
  HISTOGRAM,
  LABEL,
  METRIC,
  NUMBER,
  QUANTILE,
  SUMMARY,
  TIMESTAMP,
  TYPES,
  type WireType,
} from './layout.ts'

/**
 * Reads delimited `io.prometheus.client.MetricFamily` messages, each with its length in front. Fields may come in any
 * order, numbers packed or not, unknown fields are passed over. Of two families of one name the last counts, as for
 * Pushgateway; a family without metrics is none.
 *
 * Stricter than the Go library: names, label sets and native histograms are checked as Prometheus checks them when it
 * scrapes, so that nothing is taken that would spoil the page.
 */
export const reader: Reader = {
  name: 'protobuf',
  read(body, options) {
    const bytes = openReader(body)
    const budget = new Budget(options.limits)
    const families = new Map<string, Family>()
    for (let number = 1; bytes.pos < bytes.len; number++) {
      const family = readFamily(bytes, number, options, budget)
      if (family !== undefined) families.set(family.name, family)
    }
    return [...families.values()]
  },
}

function over(message: string): PgrError {
  return new PgrError('PGR_LIMIT_EXCEEDED', message)
}

function readFamily(
  reader: ProtobufReader,
  number: number,
  options: ReadOptions,
  budget: Budget,
): Family | undefined {
  let name = ''
  try {
    let help = ''
    let unit = ''
    let typeNumber = 0
    const metricsAt: number[] = []
    eachField(reader, (tag) => {
      switch (tag) {
        case FAMILY.name:
          name = reader.string()
          break
        case FAMILY.help:
          help = reader.string()
          break
        case FAMILY.type:
          typeNumber = reader.uint32()
          break
        case FAMILY.unit:
          unit = reader.string()
          break
        case FAMILY.metric:
          metricsAt.push(reader.pos)
          reader.skip(reader.size())
          break
        default:
          skipField(reader, tag)
      }
    })
    const end = reader.pos
    checkMetricName(name, options)
    const type = TYPES[typeNumber]
    if (type === undefined) throw new Error(`has the type ${typeNumber}; known are 0 to ${TYPES.length - 1}`)
    if (metricsAt.length === 0) return undefined
    const metrics = metricsAt.map((at) => {
      reader.pos = at
      return readMetric(reader, type, options, budget)
    })
    reader.pos = end
    return { name, type, help, unit: fittingUnit(name, type, unit), metrics } as Family
  } catch (reason) {
    if (reason instanceof PgrError) throw reason
    const which = name === '' ? '' : ` (${JSON.stringify(name.slice(0, 100))})`
    throw new PgrError(
      'PGR_BODY_MALFORMED',
      `protobuf parsing error in metric family ${number}${which}: it ${problemOf(reason)}`,
      { cause: reason },
    )
  }
}

function checkMetricName(name: string, { limits, utf8Names }: ReadOptions): void {
  if (name === '') throw new Error('has no name')
  if (name.length > limits.nameLength) throw overLong('metric', name, limits.nameLength)
  if (utf8Names ? isValidUtf8Name(name) : isLegacyMetricName(name)) return
  throw new Error(`has the invalid metric name ${JSON.stringify(name)}${utf8Hint(utf8Names)}`)
}

function checkLabelName(name: string, { limits, utf8Names }: ReadOptions): void {
  if (name.length > limits.nameLength) throw overLong('label', name, limits.nameLength)
  if (name === '__name__') throw new Error('has a label called "__name__", which is reserved')
  if (utf8Names ? isValidUtf8Name(name) : isLegacyLabelName(name)) return
  throw new Error(`has the invalid label name ${JSON.stringify(name)}${utf8Hint(utf8Names)}`)
}

function utf8Hint(utf8Names: boolean): string {
  return utf8Names ? '' : '; such names are read with --push.enable-utf8-names'
}

function overLong(what: string, name: string, limit: number): PgrError {
  return over(
    `the ${what} name ${JSON.stringify(`${name.slice(0, 50)}…`)} has ${name.length} characters, more than the ${limit} allowed; raise --push.max-name-length if it is meant`,
  )
}

/** A metric as read, whatever its type. */
interface Parts {
  labels: Labels
  timestampMs: number | undefined
  /** Where the value of the type the family has stands; 0 = nowhere. */
  valueAt: number
}

const VALUE_TAG: Record<WireType, number> = {
  counter: METRIC.counter,
  gauge: METRIC.gauge,
  summary: METRIC.summary,
  unknown: METRIC.untyped,
  histogram: METRIC.histogram,
  gaugehistogram: METRIC.histogram,
}

/** Label that the samples of the type add themselves. */
const OWN_LABEL: Partial<Record<WireType, string>> = {
  summary: 'quantile',
  histogram: 'le',
  gaugehistogram: 'le',
}

function readMetric(reader: ProtobufReader, type: WireType, options: ReadOptions, budget: Budget): Metric {
  const labels: Label[] = []
  const parts: Parts = { labels: NO_LABELS, timestampMs: undefined, valueAt: 0 }
  eachField(reader, (tag) => {
    switch (tag) {
      case METRIC.label:
        labels.push(readLabel(reader, labels.length, options))
        break
      case METRIC.timestampMs:
        parts.timestampMs = readInt64(reader)
        break
      case VALUE_TAG[type]:
        parts.valueAt = reader.pos
        reader.skip(reader.size())
        break
      default:
        skipField(reader, tag)
    }
  })
  const end = reader.pos
  if (labels.length > 0) parts.labels = sortLabels(labels)
  checkLabels(parts.labels, type)
  if (parts.valueAt === 0) throw new Error(`has a metric without the value of a ${spelling(type)}`)
  reader.pos = parts.valueAt
  const metric = readValue(reader, type, parts, options, budget)
  reader.pos = end
  return metric
}

function spelling(type: WireType): string {
  return type === 'unknown' ? 'untyped' : type
}

function checkLabels(labels: Labels, type: WireType): void {
  const twice = duplicateName(labels)
  if (twice !== undefined) throw new Error(`has a metric with two labels called ${JSON.stringify(twice)}`)
  const own = OWN_LABEL[type]
  if (own !== undefined && labels.some(({ name }) => name === own))
    throw new Error(`has a ${type} with the label ${JSON.stringify(own)}, which its samples add themselves`)
}

function readLabel(reader: ProtobufReader, before: number, options: ReadOptions): Label {
  const { labelsPerSeries, valueLength } = options.limits
  if (before >= labelsPerSeries)
    throw over(
      `a metric has more than the ${labelsPerSeries} labels allowed; raise --push.max-labels if they are meant`,
    )
  let name = ''
  let value = ''
  eachField(reader, (tag) => {
    if (tag === LABEL.name) name = reader.string()
    else if (tag === LABEL.value) value = reader.string()
    else skipField(reader, tag)
  })
  checkLabelName(name, options)
  if (value.length > valueLength)
    throw over(
      `the value of label ${JSON.stringify(name)} has ${value.length} characters, more than the ${valueLength} allowed; raise --push.max-value-length if it is meant`,
    )
  return { name, value }
}

function readValue(
  reader: ProtobufReader,
  type: WireType,
  parts: Parts,
  options: ReadOptions,
  budget: Budget,
): Metric {
  switch (type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
      budget.take(1)
      return readNumber(reader, parts, options)
    case 'summary':
      return readSummary(reader, parts, budget)
    case 'histogram':
    case 'gaugehistogram':
      return readHistogram(reader, parts, options, budget)
  }
}

function baseOf({ labels, timestampMs }: Parts, startMs: number | undefined): MetricBase {
  return {
    labels,
    ...(timestampMs !== undefined && { timestampMs }),
    ...(startMs !== undefined && { startMs }),
  }
}

function readNumber(reader: ProtobufReader, parts: Parts, options: ReadOptions): NumberMetric {
  let value = 0
  let exemplar: Exemplar | undefined
  let startMs: number | undefined
  eachField(reader, (tag) => {
    if (tag === NUMBER.value) value = reader.double()
    else if (tag === NUMBER.exemplar) exemplar = readExemplar(reader, options)
    else if (tag === NUMBER.start) startMs = readTime(reader)
    else skipField(reader, tag)
  })
  // Almost every metric.
  if (exemplar === undefined && startMs === undefined && parts.timestampMs === undefined)
    return { labels: parts.labels, value }
  return { value, ...baseOf(parts, startMs), ...(exemplar !== undefined && { exemplar }) }
}

function readSummary(reader: ProtobufReader, parts: Parts, budget: Budget): SummaryMetric {
  let count = 0
  let sum = 0
  let startMs: number | undefined
  const quantiles: Quantile[] = []
  budget.take(2)
  eachField(reader, (tag) => {
    switch (tag) {
      case SUMMARY.count:
        count = readUint64(reader)
        break
      case SUMMARY.sum:
        sum = reader.double()
        break
      case SUMMARY.quantile:
        budget.take(1)
        quantiles.push(readQuantile(reader))
        break
      case SUMMARY.start:
        startMs = readTime(reader)
        break
      default:
        skipField(reader, tag)
    }
  })
  return { count, sum, quantiles: rising(quantiles, ({ quantile }) => quantile), ...baseOf(parts, startMs) }
}

function readQuantile(reader: ProtobufReader): Quantile {
  let quantile = 0
  let value = 0
  eachField(reader, (tag) => {
    if (tag === QUANTILE.quantile) quantile = reader.double()
    else if (tag === QUANTILE.value) value = reader.double()
    else skipField(reader, tag)
  })
  return { quantile, value }
}

function readHistogram(
  reader: ProtobufReader,
  parts: Parts,
  options: ReadOptions,
  budget: Budget,
): HistogramMetric {
  let count = 0
  let floatCount = 0
  let sum = 0
  let startMs: number | undefined
  const buckets: (Bucket & { readonly isFloat: boolean })[] = []
  const native = new NativeFields(HISTOGRAM, budget)
  const exemplars: Exemplar[] = []
  budget.take(3)
  eachField(reader, (tag) => {
    switch (tag) {
      case HISTOGRAM.count:
        count = readUint64(reader)
        break
      case HISTOGRAM.floatCount:
        floatCount = reader.double()
        break
      case HISTOGRAM.sum:
        sum = reader.double()
        break
      case HISTOGRAM.bucket:
        budget.take(1)
        buckets.push(readBucket(reader, options))
        break
      case HISTOGRAM.start:
        startMs = readTime(reader)
        break
      case HISTOGRAM.exemplar:
        budget.take(1)
        exemplars.push(readExemplar(reader, options))
        break
      default:
        if (!native.read(reader, tag)) skipField(reader, tag)
    }
  })
  const isFloat = floatCount > 0 || native.floatZeroCount > 0 || buckets.some((bucket) => bucket.isFloat)
  const total = floatCount > 0 ? floatCount : count
  if (!Number.isFinite(total)) throw new Error(`has the count ${total}`)
  return {
    count: total,
    sum,
    buckets: rising(buckets, ({ upperBound }) => upperBound).map(withoutKind),
    ...baseOf(parts, startMs),
    ...(native.isNative && { native: nativeOf(native, { count: total, sum, isFloat }, exemplars) }),
    ...(isFloat && { float: true as const }),
  }
}

function withoutKind({ upperBound, cumulativeCount, exemplar }: Bucket): Bucket {
  return { upperBound, cumulativeCount, ...(exemplar !== undefined && { exemplar }) }
}

function readBucket(reader: ProtobufReader, options: ReadOptions): Bucket & { readonly isFloat: boolean } {
  let upperBound = 0
  let count = 0
  let floatCount = 0
  let exemplar: Exemplar | undefined
  eachField(reader, (tag) => {
    switch (tag) {
      case BUCKET.upperBound:
        upperBound = reader.double()
        break
      case BUCKET.cumulativeCount:
        count = readUint64(reader)
        break
      case BUCKET.floatCumulativeCount:
        floatCount = reader.double()
        break
      case BUCKET.exemplar:
        exemplar = readExemplar(reader, options)
        break
      default:
        skipField(reader, tag)
    }
  })
  const isFloat = floatCount > 0
  if (isFloat && !Number.isFinite(floatCount)) throw new Error(`has ${floatCount} observations in a bucket`)
  const cumulativeCount = isFloat ? floatCount : count
  return { upperBound, cumulativeCount, isFloat, ...(exemplar !== undefined && { exemplar }) }
}

function nativeOf(
  fields: NativeFields,
  totals: NativeTotals,
  exemplars: readonly Exemplar[],
): NativeHistogram {
  const native = fields.toNative(totals)
  if (typeof native === 'string') throw new Error(native)
  if (exemplars.length === 0) return native
  // By its specification each has a timestamp; Prometheus drops those that have none.
  return { ...native, exemplars: exemplars.filter(({ timestampMs }) => timestampMs !== undefined) }
}

function readExemplar(reader: ProtobufReader, options: ReadOptions): Exemplar {
  const labels: Label[] = []
  let value = 0
  let timestampMs: number | undefined
  eachField(reader, (tag) => {
    if (tag === EXEMPLAR.label) labels.push(readLabel(reader, labels.length, options))
    else if (tag === EXEMPLAR.value) value = reader.double()
    else if (tag === EXEMPLAR.timestamp) timestampMs = readTime(reader)
    else skipField(reader, tag)
  })
  const sorted = sortLabels(labels)
  const twice = duplicateName(sorted)
  if (twice !== undefined) throw new Error(`has an exemplar with two labels called ${JSON.stringify(twice)}`)
  return { labels: sorted, value, ...(timestampMs !== undefined && { timestampMs }) }
}

/** A google.protobuf.Timestamp as milliseconds with a fraction; microseconds are what a double holds of today. */
function readTime(reader: ProtobufReader): number {
  let seconds = 0
  let nanos = 0
  eachField(reader, (tag) => {
    if (tag === TIMESTAMP.seconds) seconds = readInt64(reader)
    else if (tag === TIMESTAMP.nanos) nanos = reader.int32()
    else skipField(reader, tag)
  })
  return seconds * 1000 + Math.round(nanos / 1000) / 1000
}
