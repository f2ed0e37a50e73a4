import { deflateRawSync } from 'node:zlib'
import { PgrError } from '../../errors/pgr-error.ts'
import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NativeBuckets,
  NativeHistogram,
  NumberMetric,
  Span,
  StateSetMetric,
  SummaryMetric,
} from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import { keptBytes } from '../../wire/kept-bytes.ts'
import { ProtobufWriter } from '../protobuf.ts'
import {
  DEFLATED,
  EXEMPLAR,
  FAMILY,
  HINT_NUMBER,
  METRIC,
  NATIVE,
  PLAIN,
  SINGLE,
  STATE,
  TYPE_NUMBER,
} from './layout.ts'

/** Of all blobs, one after the other. */
const out = new ProtobufWriter()

/** Messages up to this size are never compressed: a deflate stream costs more time than such a message is long. */
const COMPRESS_ABOVE_BYTES = 1024
/** A compressed message must be at most this part of the plain one to be worth reading back. */
const COMPRESS_AT_MOST = 0.8

/**
 * The blob of a family; see `proto/pgr/v1/family.proto`. Equal families give equal bytes. Throws PGR_INTERNAL for a
 * native histogram whose spans do not cover its counts: readers of protocols must have refused it.
 */
export function writeStored(family: Family): Uint8Array {
  open()
  out.varint(FAMILY.type).varint(TYPE_NUMBER[family.type])
  out.varint(FAMILY.name).string(family.name)
  if (family.help !== '') out.varint(FAMILY.help).string(family.help)
  if (family.unit !== '') out.varint(FAMILY.unit).string(family.unit)
  writeLabels(family.metrics)
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      writeNumbers(family.metrics)
      break
    case 'summary':
      for (const metric of family.metrics) nest(FAMILY.metric, () => writeSummary(metric))
      break
    case 'histogram':
    case 'gaugehistogram': {
      let previous: HistogramMetric | undefined
      for (const metric of family.metrics) {
        nest(FAMILY.metric, () => writeHistogram(metric, previous))
        previous = metric
      }
      break
    }
    case 'stateset':
      for (const metric of family.metrics) nest(FAMILY.metric, () => writeStateSet(metric))
      break
  }
  return close()
}

/**
 * The blob of one metric without labels and timestamp, which the caller keeps beside it. `type` must be the type of the
 * family the metric comes from. `carried` are bytes that go along for whoever writes the next one.
 */
export function writeStoredMetric(type: FamilyType, metric: Metric, carried?: Uint8Array): Uint8Array {
  open()
  const bare = { ...metric, labels: [] }
  delete bare.timestampMs
  out.varint(SINGLE.type).varint(TYPE_NUMBER[type])
  nest(SINGLE.metric, () => {
    switch (type) {
      case 'counter':
      case 'gauge':
      case 'unknown':
      case 'info': {
        const number = bare as NumberMetric
        out.varint(METRIC.value).double(number.value)
        return writeNumberExtras(number, 0)
      }
      case 'summary':
        return writeSummary(bare as SummaryMetric)
      case 'histogram':
      case 'gaugehistogram':
        return writeHistogram(bare as HistogramMetric, undefined)
      case 'stateset':
        return writeStateSet(bare as StateSetMetric)
    }
  })
  if (carried !== undefined) out.varint(SINGLE.carried).varint(carried.length).raw(carried)
  return close()
}

function open(): void {
  // The first byte of the blob: a number below 128 is its own varint.
  out.begin().varint(PLAIN)
}

function close(): Uint8Array {
  const plain = out.written()
  if (plain.length <= COMPRESS_ABOVE_BYTES) return keptBytes(plain)
  const deflated = deflateRawSync(plain.subarray(1), { level: 1 })
  if (deflated.length + 1 > plain.length * COMPRESS_AT_MOST) return keptBytes(plain)
  const blob = new Uint8Array(deflated.length + 1)
  blob[0] = DEFLATED
  blob.set(deflated, 1)
  return blob
}

function nest(tag: number, write: () => void): void {
  const start = out.open(tag)
  write()
  out.close(start)
}

const BARE_SHAPE = [0]
const BARE_RUN = [0, 1]

function writeLabels(metrics: readonly { readonly labels: Labels }[]): void {
  // Most families of a push are one number without labels; this is what the rest would make of it.
  if (metrics.length === 1 && metrics[0]?.labels.length === 0) {
    out.varints(FAMILY.shape, BARE_SHAPE)
    out.varints(FAMILY.run, BARE_RUN)
    return
  }
  const indexOfName = new Map<string, number>()
  const indexOfShape = new Map<string, number>()
  const shapes: number[] = []
  const runs: number[] = []
  const lengths: number[] = []
  let text = ''
  let last: Labels | undefined
  for (const { labels } of metrics) {
    if (last !== undefined && haveEqualNames(last, labels)) {
      runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1
    } else {
      const names = labels.map(({ name }) => indexOf(indexOfName, name))
      const known = indexOfShape.size
      const shape = indexOf(indexOfShape, names.join())
      if (shape === known) shapes.push(names.length, ...names)
      runs.push(shape, 1)
    }
    for (const { value } of labels) {
      lengths.push(value.length)
      text += value
    }
    last = labels
  }
  for (const name of indexOfName.keys()) out.varint(FAMILY.labelName).string(name)
  if (shapes.length > 0) out.varints(FAMILY.shape, shapes)
  if (runs.length > 0) out.varints(FAMILY.run, runs)
  if (lengths.length > 0) out.varints(FAMILY.valueLength, lengths)
  if (text !== '') out.varint(FAMILY.valueText).string(text)
}

function haveEqualNames(a: Labels, b: Labels): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i]?.name !== b[i]?.name) return false
  return true
}

function indexOf(indexes: Map<string, number>, key: string): number {
  const known = indexes.get(key)
  if (known !== undefined) return known
  indexes.set(key, indexes.size)
  return indexes.size - 1
}

function writeNumbers(metrics: readonly NumberMetric[]): void {
  if (metrics.length === 0) return
  out.doubles(
    FAMILY.value,
    metrics.map(({ value }) => value),
  )
  let skip = 0
  for (const metric of metrics) {
    if (isBare(metric)) {
      skip++
      continue
    }
    const skipped = skip
    nest(FAMILY.metric, () => writeNumberExtras(metric, skipped))
    skip = 0
  }
}

function isBare(metric: NumberMetric): boolean {
  return (
    metric.timestampMs === undefined &&
    metric.startMs === undefined &&
    metric.stale === undefined &&
    metric.exemplar === undefined
  )
}

function writeNumberExtras(metric: NumberMetric, skip: number): void {
  if (skip > 0) out.varint(METRIC.skip).varint(skip)
  writeBase(metric)
  if (metric.exemplar !== undefined) writeExemplar(METRIC.exemplar, metric.exemplar, 0)
}

function writeBase(metric: Metric): void {
  if (metric.timestampMs !== undefined) out.varint(METRIC.timestampMs).double(metric.timestampMs)
  if (metric.startMs !== undefined) out.varint(METRIC.startMs).double(metric.startMs)
  if (metric.stale !== undefined) out.varint(METRIC.stale).varint(1)
}

function writeTotals({ count, sum }: SummaryMetric | HistogramMetric): void {
  if (count !== undefined) {
    if (isWhole(count)) out.varint(METRIC.count).varint(count)
    else out.varint(METRIC.floatCount).double(count)
  }
  if (sum !== undefined) out.varint(METRIC.sum).double(sum)
}

function writeSummary(metric: SummaryMetric): void {
  writeBase(metric)
  writeTotals(metric)
  if (metric.quantiles.length === 0) return
  out.doubles(
    METRIC.quantile,
    metric.quantiles.map(({ quantile }) => quantile),
  )
  out.doubles(
    METRIC.quantileValue,
    metric.quantiles.map(({ value }) => value),
  )
}

function writeStateSet(metric: StateSetMetric): void {
  writeBase(metric)
  for (const { name, enabled } of metric.states) {
    nest(METRIC.state, () => {
      out.varint(STATE.name).string(name)
      if (enabled) out.varint(STATE.enabled).varint(1)
    })
  }
}

function writeHistogram(metric: HistogramMetric, previous: HistogramMetric | undefined): void {
  writeBase(metric)
  writeTotals(metric)
  writeBuckets(metric.buckets, previous?.buckets)
  metric.buckets.forEach(({ exemplar }, bucket) => {
    if (exemplar !== undefined) writeExemplar(METRIC.exemplar, exemplar, bucket)
  })
  if (metric.float !== undefined) out.varint(METRIC.float).varint(1)
  const { native } = metric
  if (native !== undefined) nest(METRIC.native, () => writeNative(native))
}

function writeBuckets(buckets: readonly Bucket[], previous: readonly Bucket[] | undefined): void {
  if (buckets.length === 0) return
  if (previous !== undefined && haveEqualBounds(buckets, previous)) out.varint(METRIC.sameBounds).varint(1)
  else
    out.doubles(
      METRIC.upperBound,
      buckets.map(({ upperBound }) => upperBound),
    )
  const increments: number[] = []
  let below = 0
  for (const { cumulativeCount } of buckets) {
    increments.push(cumulativeCount - below)
    below = cumulativeCount
  }
  if (buckets.every(({ cumulativeCount }) => isWhole(cumulativeCount)) && increments.every(isWhole)) {
    out.varints(METRIC.bucketIncrement, increments)
  } else {
    out.doubles(
      METRIC.bucketCount,
      buckets.map(({ cumulativeCount }) => cumulativeCount),
    )
  }
}

function haveEqualBounds(a: readonly Bucket[], b: readonly Bucket[]): boolean {
  return a.length === b.length && a.every(({ upperBound }, i) => Object.is(upperBound, b[i]?.upperBound))
}

/** Can stand as a varint: any other number, minus zero included, needs a double. */
function isWhole(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0 && !Object.is(count, -0)
}

function writeNative(native: NativeHistogram): void {
  out.varint(NATIVE.schema).zigzag(native.schema)
  out.varint(NATIVE.zeroThreshold).double(native.zeroThreshold)
  out.varint(NATIVE.zeroCount).double(native.zeroCount)
  writeNativeBuckets(native.positive, [NATIVE.positiveSpan, NATIVE.positiveCount, NATIVE.positiveFloatCount])
  writeNativeBuckets(native.negative, [NATIVE.negativeSpan, NATIVE.negativeCount, NATIVE.negativeFloatCount])
  if (native.customBounds !== undefined) out.doubles(NATIVE.customBound, native.customBounds)
  for (const exemplar of native.exemplars ?? []) writeExemplar(NATIVE.exemplar, exemplar, 0)
  if (native.resetHint !== undefined) out.varint(NATIVE.resetHint).varint(HINT_NUMBER[native.resetHint])
}

/** What the reader insists on: a blob it refuses must not come into being. */
function cover(spans: readonly Span[], counts: number): boolean {
  let covered = 0
  for (const { offset, length } of spans) {
    if (!Number.isInteger(offset) || Math.abs(offset) >= 2 ** 31) return false
    if (!Number.isInteger(length) || length < 0) return false
    covered += length
  }
  return covered === counts && covered < 2 ** 31
}

type NativeTags = readonly [span: number, count: number, floatCount: number]

function writeNativeBuckets({ spans, counts }: NativeBuckets, tags: NativeTags): void {
  const [span, count, floatCount] = tags
  if (!cover(spans, counts.length)) {
    throw new PgrError(
      'PGR_INTERNAL',
      `a native histogram has ${counts.length} counts that its spans do not cover`,
    )
  }
  if (spans.length > 0)
    out.zigzags(
      span,
      spans.flatMap(({ offset, length }) => [offset, length]),
    )
  if (counts.length === 0) return
  if (counts.every(isWhole)) out.varints(count, counts)
  else out.doubles(floatCount, counts)
}

function writeExemplar(tag: number, exemplar: Exemplar, bucket: number): void {
  nest(tag, () => {
    for (const { name, value } of exemplar.labels) {
      out.varint(EXEMPLAR.label).string(name)
      out.varint(EXEMPLAR.label).string(value)
    }
    out.varint(EXEMPLAR.value).double(exemplar.value)
    if (exemplar.timestampMs !== undefined) out.varint(EXEMPLAR.timestampMs).double(exemplar.timestampMs)
    if (bucket > 0) out.varint(EXEMPLAR.bucket).varint(bucket)
  })
}
