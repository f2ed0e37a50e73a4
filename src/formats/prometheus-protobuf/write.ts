import {
  type Exemplar,
  type Family,
  type HistogramMetric,
  type Metric,
  type NativeHistogram,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
  seriesNames,
} from '../../model/family.ts'
import { type Label, type Labels, labelKey, mergeLabels } from '../../model/labels.ts'
import { type EscapingScheme, escapeLabelName, escapeName } from '../../model/names.ts'
import { CUSTOM_SCHEMA, classicBuckets } from '../../model/native-histogram.ts'
import type { BlockOptions, Writer } from '../format.ts'
import { isWhole, isWholeNative, writeNative, writeSpan } from '../native-fields.ts'
import { reservedLabel } from '../prometheus-text/index.ts'
import { ProtobufWriter } from '../protobuf.ts'
import {
  BUCKET,
  CONTENT_TYPE,
  EXEMPLAR,
  FAMILY,
  HISTOGRAM,
  LABEL,
  METRIC,
  NUMBER,
  QUANTILE,
  SUMMARY,
  TIMESTAMP,
  TYPE_NUMBER,
} from './layout.ts'

const NOTHING = new Uint8Array(0)

/** Writing never waits, so that one is enough for all. */
const out = new ProtobufWriter()

/**
 * Writes delimited `io.prometheus.client.MetricFamily` messages: the one format that shows native histograms, exemplars
 * with their times and start times. A native histogram with custom bounds has no form in it and is shown in classic
 * buckets; info and state sets are gauges, as in the classic text format.
 */
export const writer: Writer = {
  name: 'protobuf',
  framed: true,
  hasNative: true,
  end: NOTHING,

  contentType(escaping) {
    return `${CONTENT_TYPE}; escaping=${escaping}`
  },

  claims(head, escaping) {
    return seriesNames(escapeName(head.name, escaping), head.type)
  },

  head({ name, type, help, unit }, escaping, blockBytes) {
    out.varint(FAMILY.name).string(escapeName(name, escaping))
    if (help !== '') out.varint(FAMILY.help).string(help)
    out.varint(FAMILY.type).varint(TYPE_NUMBER[type])
    if (unit !== '') out.varint(FAMILY.unit).string(unit)
    const fields = out.take()
    return out
      .varint(fields.length + blockBytes)
      .raw(fields)
      .take()
  },

  block(family, common, options) {
    const block = new Block(family, common, options)
    writeMetrics(family, block)
    return out.take()
  },
}

/** What every metric of a block needs. */
class Block {
  readonly escaping: EscapingScheme
  readonly timestamps: boolean
  private readonly common: Labels
  private readonly reserved: string | undefined
  /** Keys of label sets already written; only kept when metrics with different labels may have become equal. */
  private readonly written: Set<string> | undefined

  constructor(family: Family, common: Labels, { escaping, timestamps }: BlockOptions) {
    this.escaping = escaping
    this.timestamps = timestamps
    this.common = common
    this.reserved = reservedLabel(family, escaping)
    this.written = mayBecomeEqual(family, common, escaping) ? new Set() : undefined
  }

  /** The labels of a metric that is to be written; undefined for one that is left out. */
  labelsToWrite(metric: Metric): Labels | undefined {
    if (metric.stale) return undefined
    const labels = this.shown(metric.labels)
    if (this.written === undefined) return labels
    const key = labelKey(labels)
    if (this.written.has(key)) return undefined
    this.written.add(key)
    return labels
  }

  /** Opens a metric with its labels; what it returns is for `close`. */
  open(labels: Labels): number {
    const start = out.open(FAMILY.metric)
    for (const label of labels) writeLabel(METRIC.label, label)
    return start
  }

  close(start: number, { timestampMs }: Metric): void {
    if (this.timestamps && timestampMs !== undefined)
      out.varint(METRIC.timestampMs).int64(Math.trunc(timestampMs))
    out.close(start)
  }

  /** Of labels whose names become equal one stays: a common one before a metric's own, else the first by name. */
  private shown(own: Labels): Labels {
    const merged = mergeLabels(own, this.common)
    if (this.escaping === 'allow-utf-8') {
      const { reserved } = this
      return reserved === undefined || !merged.some(({ name }) => name === reserved)
        ? merged
        : merged.filter(({ name }) => name !== reserved)
    }
    const taken = new Map<string, string>()
    for (const { name } of [...this.common, ...merged]) {
      const shown = escapeLabelName(name, this.escaping)
      if (shown !== this.reserved && !taken.has(shown)) taken.set(shown, name)
    }
    const kept: Label[] = []
    for (const { name, value } of merged) {
      const shown = escapeLabelName(name, this.escaping)
      if (taken.get(shown) === name) kept.push({ name: shown, value })
    }
    return kept
  }
}

/** A common label takes the place of a metric's own, and names may become equal by escaping. */
function mayBecomeEqual(family: Family, common: Labels, escaping: EscapingScheme): boolean {
  const metrics = family.metrics as readonly Metric[]
  if (metrics.length < 2) return false
  return metrics.some(({ labels }) =>
    labels.some(
      ({ name }) => common.some((other) => other.name === name) || escapeLabelName(name, escaping) !== name,
    ),
  )
}

function writeLabel(tag: number, { name, value }: Label): void {
  const start = out.open(tag)
  out.varint(LABEL.name).string(name).varint(LABEL.value).string(value)
  out.close(start)
}

function writeMetrics(family: Family, block: Block): void {
  switch (family.type) {
    case 'counter':
      writeNumbers(family.metrics, METRIC.counter, true, block)
      break
    case 'unknown':
      writeNumbers(family.metrics, METRIC.untyped, false, block)
      break
    case 'gauge':
    case 'info':
      writeNumbers(family.metrics, METRIC.gauge, false, block)
      break
    case 'summary':
      writeSummaries(family.metrics, block)
      break
    case 'histogram':
    case 'gaugehistogram':
      writeHistograms(family.metrics, block)
      break
    case 'stateset':
      writeStateSets(family.metrics, escapeLabelName(family.name, block.escaping), block)
  }
}

function writeNumbers(metrics: readonly NumberMetric[], tag: number, isCounter: boolean, block: Block): void {
  for (const metric of metrics) {
    const labels = block.labelsToWrite(metric)
    if (labels === undefined) continue
    const start = block.open(labels)
    const at = out.open(tag)
    out.varint(NUMBER.value).double(metric.value)
    if (isCounter) {
      if (metric.exemplar !== undefined) writeExemplar(NUMBER.exemplar, metric.exemplar, block)
      writeTime(NUMBER.start, metric.startMs)
    }
    out.close(at)
    block.close(start, metric)
  }
}

function writeSummaries(metrics: readonly SummaryMetric[], block: Block): void {
  for (const metric of metrics) {
    const labels = block.labelsToWrite(metric)
    if (labels === undefined) continue
    const start = block.open(labels)
    const at = out.open(METRIC.summary)
    out.varint(SUMMARY.count).varint(wholeOf(metric.count ?? 0))
    out.varint(SUMMARY.sum).double(metric.sum ?? 0)
    for (const { quantile, value } of metric.quantiles) {
      const pair = out.open(SUMMARY.quantile)
      out.varint(QUANTILE.quantile).double(quantile).varint(QUANTILE.value).double(value)
      out.close(pair)
    }
    writeTime(SUMMARY.start, metric.startMs)
    out.close(at)
    block.close(start, metric)
  }
}

function writeStateSets(metrics: readonly StateSetMetric[], name: string, block: Block): void {
  for (const metric of metrics) {
    const labels = block.labelsToWrite(metric)
    if (labels === undefined) continue
    for (const state of metric.states) {
      const start = block.open(mergeLabels(labels, [{ name, value: state.name }]))
      const at = out.open(METRIC.gauge)
      out.varint(NUMBER.value).double(state.enabled ? 1 : 0)
      out.close(at)
      block.close(start, metric)
    }
  }
}

function writeHistograms(metrics: readonly HistogramMetric[], block: Block): void {
  for (const metric of metrics) {
    const labels = block.labelsToWrite(metric)
    if (labels === undefined) continue
    const start = block.open(labels)
    const at = out.open(METRIC.histogram)
    writeHistogram(metric, block)
    writeTime(HISTOGRAM.start, metric.startMs)
    out.close(at)
    block.close(start, metric)
  }
}

function writeHistogram(metric: HistogramMetric, block: Block): void {
  const { native, count = 0, sum = 0 } = metric
  const isCustom = native?.schema === CUSTOM_SCHEMA
  const buckets = isCustom && metric.buckets.length === 0 ? classicBuckets(native) : metric.buckets
  const isFloat =
    !isWhole(count) ||
    buckets.some(({ cumulativeCount }) => !isWhole(cumulativeCount)) ||
    (native !== undefined && !isCustom && !isWholeNative(native))
  if (isFloat) out.varint(HISTOGRAM.floatCount).double(count)
  else out.varint(HISTOGRAM.count).varint(count)
  out.varint(HISTOGRAM.sum).double(sum)
  for (const { upperBound, cumulativeCount, exemplar } of buckets) {
    const bucket = out.open(HISTOGRAM.bucket)
    if (isFloat) out.varint(BUCKET.floatCumulativeCount).double(cumulativeCount)
    else out.varint(BUCKET.cumulativeCount).varint(cumulativeCount)
    out.varint(BUCKET.upperBound).double(upperBound)
    if (exemplar !== undefined) writeExemplar(BUCKET.exemplar, exemplar, block)
    out.close(bucket)
  }
  if (native !== undefined && !isCustom) writeNativeParts(native, isFloat, block)
}

/** Where the format has no fractions and the model allows them. */
function wholeOf(count: number): number {
  return count >= 0 ? Math.min(Math.trunc(count), Number.MAX_SAFE_INTEGER) : 0
}

function writeNativeParts(native: NativeHistogram, isFloat: boolean, block: Block): void {
  const { zeroThreshold, zeroCount, positive, negative, exemplars = [] } = native
  writeNative(out, native, isFloat, HISTOGRAM)
  // Nothing else would tell a native histogram without observations from a classic one.
  const isBare = zeroThreshold === 0 && zeroCount === 0
  if (isBare && positive.spans.length === 0 && negative.spans.length === 0)
    writeSpan(out, HISTOGRAM.positiveSpan, { offset: 0, length: 0 })
  for (const exemplar of exemplars)
    if (exemplar.timestampMs !== undefined) writeExemplar(HISTOGRAM.exemplar, exemplar, block)
}

function writeExemplar(tag: number, { labels, value, timestampMs }: Exemplar, { escaping }: Block): void {
  const start = out.open(tag)
  const names = new Set<string>()
  for (const label of labels) {
    const name = escapeLabelName(label.name, escaping)
    if (names.has(name)) continue
    names.add(name)
    writeLabel(EXEMPLAR.label, { name, value: label.value })
  }
  out.varint(EXEMPLAR.value).double(value)
  writeTime(EXEMPLAR.timestamp, timestampMs)
  out.close(start)
}

/** Milliseconds as a google.protobuf.Timestamp, whose nanoseconds are never below zero. */
function writeTime(tag: number, timeMs: number | undefined): void {
  if (timeMs === undefined || !Number.isFinite(timeMs)) return
  const seconds = Math.floor(timeMs / 1000)
  const nanos = Math.round((timeMs - seconds * 1000) * 1000) * 1000
  const start = out.open(tag)
  out.varint(TIMESTAMP.seconds).int64(nanos === 1e9 ? seconds + 1 : seconds)
  if (nanos > 0 && nanos < 1e9) out.varint(TIMESTAMP.nanos).varint(nanos)
  out.close(start)
}
