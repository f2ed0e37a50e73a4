import { deflateRawSync } from 'node:zlib'
import protobuf from 'protobufjs/minimal.js'
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

type Writer = protobuf.Writer

/** Messages up to this size are never compressed: a deflate stream costs more time than such a message is long. */
const COMPRESS_ABOVE_BYTES = 1024
/** A compressed message must be at most this part of the plain one to be worth reading back. */
const COMPRESS_AT_MOST = 0.8

/**
 * The blob of a family; see `proto/pgr/v1/family.proto`. Equal families give equal bytes. Throws PGR_INTERNAL for a
 * native histogram whose spans do not cover its counts: readers of protocols must have refused it.
 */
export function writeStored(family: Family): Uint8Array {
  const writer = open()
  writer.uint32(FAMILY.type).uint32(TYPE_NUMBER[family.type])
  writer.uint32(FAMILY.name).string(family.name)
  if (family.help !== '') writer.uint32(FAMILY.help).string(family.help)
  if (family.unit !== '') writer.uint32(FAMILY.unit).string(family.unit)
  writeLabels(writer, family.metrics)
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      writeNumbers(writer, family.metrics)
      break
    case 'summary':
      for (const metric of family.metrics) nest(writer, FAMILY.metric, () => writeSummary(writer, metric))
      break
    case 'histogram':
    case 'gaugehistogram': {
      let previous: HistogramMetric | undefined
      for (const metric of family.metrics) {
        nest(writer, FAMILY.metric, () => writeHistogram(writer, metric, previous))
        previous = metric
      }
      break
    }
    case 'stateset':
      for (const metric of family.metrics) nest(writer, FAMILY.metric, () => writeStateSet(writer, metric))
      break
  }
  return close(writer)
}

/**
 * The blob of one metric without labels and timestamp, which the caller keeps beside it. `type` must be the type of the
 * family the metric comes from. `carried` are bytes that go along for whoever writes the next one.
 */
export function writeStoredMetric(type: FamilyType, metric: Metric, carried?: Uint8Array): Uint8Array {
  const writer = open()
  const bare = { ...metric, labels: [] }
  delete bare.timestampMs
  writer.uint32(SINGLE.type).uint32(TYPE_NUMBER[type])
  nest(writer, SINGLE.metric, () => {
    switch (type) {
      case 'counter':
      case 'gauge':
      case 'unknown':
      case 'info': {
        const number = bare as NumberMetric
        writer.uint32(METRIC.value).double(number.value)
        return writeNumberExtras(writer, number, 0)
      }
      case 'summary':
        return writeSummary(writer, bare as SummaryMetric)
      case 'histogram':
      case 'gaugehistogram':
        return writeHistogram(writer, bare as HistogramMetric, undefined)
      case 'stateset':
        return writeStateSet(writer, bare as StateSetMetric)
    }
  })
  if (carried !== undefined) writer.uint32(SINGLE.carried).bytes(carried)
  return close(writer)
}

function open(): Writer {
  const writer = protobuf.Writer.create()
  // The first byte of the blob: a number below 128 is its own varint.
  return writer.uint32(PLAIN)
}

function close(writer: Writer): Uint8Array {
  const plain = writer.finish()
  if (plain.length <= COMPRESS_ABOVE_BYTES) return plain
  const deflated = deflateRawSync(plain.subarray(1), { level: 1 })
  if (deflated.length + 1 > plain.length * COMPRESS_AT_MOST) return plain
  const blob = new Uint8Array(deflated.length + 1)
  blob[0] = DEFLATED
  blob.set(deflated, 1)
  return blob
}

function nest(writer: Writer, tag: number, write: () => void): void {
  writer.uint32(tag).fork()
  write()
  writer.ldelim()
}

const BARE_SHAPE = [0]
const BARE_RUN = [0, 1]

function writeLabels(writer: Writer, metrics: readonly { readonly labels: Labels }[]): void {
  // Most families of a push are one number without labels; this is what the rest would make of it.
  if (metrics.length === 1 && metrics[0]?.labels.length === 0) {
    writer.uint32(FAMILY.shape).uint32s(BARE_SHAPE)
    writer.uint32(FAMILY.run).uint32s(BARE_RUN)
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
  for (const name of indexOfName.keys()) writer.uint32(FAMILY.labelName).string(name)
  if (shapes.length > 0) writer.uint32(FAMILY.shape).uint32s(shapes)
  if (runs.length > 0) writer.uint32(FAMILY.run).uint32s(runs)
  if (lengths.length > 0) writer.uint32(FAMILY.valueLength).uint32s(lengths)
  // Not `string`, which spells a lone surrogate so that it is read back as three characters and shifts all that follow.
  if (text !== '') writer.uint32(FAMILY.valueText).bytes(Buffer.from(text))
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

function writeNumbers(writer: Writer, metrics: readonly NumberMetric[]): void {
  if (metrics.length === 0) return
  writer.uint32(FAMILY.value).doubles(metrics.map(({ value }) => value))
  let skip = 0
  for (const metric of metrics) {
    if (isBare(metric)) {
      skip++
      continue
    }
    const skipped = skip
    nest(writer, FAMILY.metric, () => writeNumberExtras(writer, metric, skipped))
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

function writeNumberExtras(writer: Writer, metric: NumberMetric, skip: number): void {
  if (skip > 0) writer.uint32(METRIC.skip).uint32(skip)
  writeBase(writer, metric)
  if (metric.exemplar !== undefined) writeExemplar(writer, METRIC.exemplar, metric.exemplar, 0)
}

function writeBase(writer: Writer, metric: Metric): void {
  if (metric.timestampMs !== undefined) writer.uint32(METRIC.timestampMs).double(metric.timestampMs)
  if (metric.startMs !== undefined) writer.uint32(METRIC.startMs).double(metric.startMs)
  if (metric.stale !== undefined) writer.uint32(METRIC.stale).bool(true)
}

function writeTotals(writer: Writer, { count, sum }: SummaryMetric | HistogramMetric): void {
  if (count !== undefined) {
    if (isWhole(count)) writer.uint32(METRIC.count).uint64(count)
    else writer.uint32(METRIC.floatCount).double(count)
  }
  if (sum !== undefined) writer.uint32(METRIC.sum).double(sum)
}

function writeSummary(writer: Writer, metric: SummaryMetric): void {
  writeBase(writer, metric)
  writeTotals(writer, metric)
  if (metric.quantiles.length === 0) return
  writer.uint32(METRIC.quantile).doubles(metric.quantiles.map(({ quantile }) => quantile))
  writer.uint32(METRIC.quantileValue).doubles(metric.quantiles.map(({ value }) => value))
}

function writeStateSet(writer: Writer, metric: StateSetMetric): void {
  writeBase(writer, metric)
  for (const { name, enabled } of metric.states) {
    nest(writer, METRIC.state, () => {
      writer.uint32(STATE.name).string(name)
      if (enabled) writer.uint32(STATE.enabled).bool(true)
    })
  }
}

function writeHistogram(
  writer: Writer,
  metric: HistogramMetric,
  previous: HistogramMetric | undefined,
): void {
  writeBase(writer, metric)
  writeTotals(writer, metric)
  writeBuckets(writer, metric.buckets, previous?.buckets)
  metric.buckets.forEach(({ exemplar }, bucket) => {
    if (exemplar !== undefined) writeExemplar(writer, METRIC.exemplar, exemplar, bucket)
  })
  if (metric.float !== undefined) writer.uint32(METRIC.float).bool(true)
  const { native } = metric
  if (native !== undefined) nest(writer, METRIC.native, () => writeNative(writer, native))
}

function writeBuckets(
  writer: Writer,
  buckets: readonly Bucket[],
  previous: readonly Bucket[] | undefined,
): void {
  if (buckets.length === 0) return
  if (previous !== undefined && haveEqualBounds(buckets, previous))
    writer.uint32(METRIC.sameBounds).bool(true)
  else writer.uint32(METRIC.upperBound).doubles(buckets.map(({ upperBound }) => upperBound))
  const increments: number[] = []
  let below = 0
  for (const { cumulativeCount } of buckets) {
    increments.push(cumulativeCount - below)
    below = cumulativeCount
  }
  if (buckets.every(({ cumulativeCount }) => isWhole(cumulativeCount)) && increments.every(isWhole)) {
    writer.uint32(METRIC.bucketIncrement).uint64s(increments)
  } else {
    writer.uint32(METRIC.bucketCount).doubles(buckets.map(({ cumulativeCount }) => cumulativeCount))
  }
}

function haveEqualBounds(a: readonly Bucket[], b: readonly Bucket[]): boolean {
  return a.length === b.length && a.every(({ upperBound }, i) => Object.is(upperBound, b[i]?.upperBound))
}

/** Can stand as a varint: any other number, minus zero included, needs a double. */
function isWhole(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0 && !Object.is(count, -0)
}

function writeNative(writer: Writer, native: NativeHistogram): void {
  writer.uint32(NATIVE.schema).sint32(native.schema)
  writer.uint32(NATIVE.zeroThreshold).double(native.zeroThreshold)
  writer.uint32(NATIVE.zeroCount).double(native.zeroCount)
  writeNativeBuckets(writer, native.positive, [
    NATIVE.positiveSpan,
    NATIVE.positiveCount,
    NATIVE.positiveFloatCount,
  ])
  writeNativeBuckets(writer, native.negative, [
    NATIVE.negativeSpan,
    NATIVE.negativeCount,
    NATIVE.negativeFloatCount,
  ])
  if (native.customBounds !== undefined) writer.uint32(NATIVE.customBound).doubles([...native.customBounds])
  for (const exemplar of native.exemplars ?? []) writeExemplar(writer, NATIVE.exemplar, exemplar, 0)
  if (native.resetHint !== undefined) writer.uint32(NATIVE.resetHint).uint32(HINT_NUMBER[native.resetHint])
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

function writeNativeBuckets(writer: Writer, { spans, counts }: NativeBuckets, tags: NativeTags): void {
  const [span, count, floatCount] = tags
  if (!cover(spans, counts.length)) {
    throw new PgrError(
      'PGR_INTERNAL',
      `a native histogram has ${counts.length} counts that its spans do not cover`,
    )
  }
  if (spans.length > 0) writer.uint32(span).sint32s(spans.flatMap(({ offset, length }) => [offset, length]))
  if (counts.length === 0) return
  if (counts.every(isWhole)) writer.uint32(count).uint64s([...counts])
  else writer.uint32(floatCount).doubles([...counts])
}

function writeExemplar(writer: Writer, tag: number, exemplar: Exemplar, bucket: number): void {
  nest(writer, tag, () => {
    for (const { name, value } of exemplar.labels) {
      writer.uint32(EXEMPLAR.label).string(name)
      writer.uint32(EXEMPLAR.label).string(value)
    }
    writer.uint32(EXEMPLAR.value).double(exemplar.value)
    if (exemplar.timestampMs !== undefined) writer.uint32(EXEMPLAR.timestampMs).double(exemplar.timestampMs)
    if (bucket > 0) writer.uint32(EXEMPLAR.bucket).uint32(bucket)
  })
}
