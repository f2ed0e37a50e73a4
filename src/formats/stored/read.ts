import { inflateRawSync } from 'node:zlib'
import protobuf from 'protobufjs/minimal.js'
import { PgrError } from '../../errors/pgr-error.ts'
import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  MetricBase,
  NativeBuckets,
  NativeHistogram,
  NumberMetric,
  Quantile,
  Span,
  State,
  StateSetMetric,
  SummaryMetric,
} from '../../model/family.ts'
import { type Label, type Labels, NO_LABELS } from '../../model/labels.ts'
import type { NumberColumns, NumberRun } from '../format.ts'
import { eachField, skipField } from '../protobuf.ts'
import {
  DEFLATED,
  EXEMPLAR,
  FAMILY,
  HINT_OF_NUMBER,
  METRIC,
  NATIVE,
  PLAIN,
  SINGLE,
  STATE,
  TYPE_OF_NUMBER,
} from './layout.ts'

type Reader = protobuf.Reader

/** Deflate cannot make more than this of one byte, so that no blob takes memory out of proportion to its size. */
const DEFLATE_MAX_RATIO = 1032

/** One metric as kept on its own: with the type it was written as, without labels and timestamp, and what it carries along. */
export type StoredMetric = { readonly carried?: Uint8Array } & TypedMetric

type TypedMetric =
  | { readonly type: 'counter' | 'gauge' | 'unknown' | 'info'; readonly metric: NumberMetric }
  | { readonly type: 'summary'; readonly metric: SummaryMetric }
  | { readonly type: 'histogram' | 'gaugehistogram'; readonly metric: HistogramMetric }
  | { readonly type: 'stateset'; readonly metric: StateSetMetric }

/**
 * The family a blob of `writeStored` holds. Throws PGR_INTERNAL when the blob is damaged, or holds a family of another
 * name or type than the one it is said to hold.
 */
export function readStored(
  blob: Uint8Array,
  said?: { readonly name: string; readonly type: FamilyType },
): Family {
  return guarded(() => {
    const family = readFamily(openBlob(blob))
    if (said !== undefined && (family.name !== said.name || family.type !== said.type))
      throw damaged(`holds the ${family.type} ${JSON.stringify(family.name)}`)
    return family
  })
}

/** The label sets of a stored family in the order of its metrics; spares decoding values, buckets and exemplars. */
export function readStoredLabels(blob: Uint8Array): readonly Labels[] {
  return guarded(() => {
    const columns = readColumns(openBlob(blob))
    return readLabelSets(columns, isNumber(columns.type) ? columns.values.length : columns.metricsAt.length)
  })
}

/**
 * Reads stored families of numbers one after the other, without anything made of a single metric. Families of one name
 * mostly differ in label values and numbers alone: what stands before these is kept from the one before.
 */
export class NumbersReader {
  /** All bytes in front of label values and numbers; empty when nothing was kept. */
  #head: Uint8Array = NO_TEXT
  #type: FamilyType = 'unknown'
  #runs: readonly NumberRun[] = []
  #labelValues = 0
  #series = 0
  #lengths = new Uint32Array(64)
  #values = new Float64Array(64)

  /**
   * Undefined for every family but one of numbers that have nothing but labels and a value. Throws PGR_INTERNAL when the
   * blob is damaged.
   */
  read(blob: Uint8Array): NumberColumns | undefined {
    try {
      const message = messageOf(blob)
      if (!this.#hasHead(message) && !this.#readHead(message)) return undefined
      return this.#readTail(message)
    } catch (reason) {
      throw asDamaged(reason)
    }
  }

  #hasHead(message: Buffer): boolean {
    const { length } = this.#head
    // More may follow that belongs to the head, such as the name of a label.
    if (length === 0 || !isTail(message[length])) return false
    return message.compare(this.#head, 0, length, 0, length) === 0
  }

  #readHead(message: Buffer): boolean {
    this.#head = NO_TEXT
    const columns = readColumns(protobuf.Reader.create(message))
    if (!isNumber(columns.type) || columns.metricsAt.length > 0) return false
    this.#type = columns.type
    this.#series = columns.values.length
    this.#labelValues = columns.lengths.length
    this.#runs = readRuns(columns, this.#series)
    this.#lengths = withRoom(this.#lengths, this.#labelValues)
    this.#values = withRoom(this.#values, this.#series)
    const reader = protobuf.Reader.create(message)
    let end = 0
    for (let tag = 0; reader.pos < reader.len; end = reader.pos) {
      tag = reader.tag()
      if (isTail(tag)) break
      skipField(reader, tag)
    }
    // A copy: the blob may be gone when the next one is read.
    this.#head = Uint8Array.prototype.slice.call(message, 0, end)
    return true
  }

  /** Undefined where something other than what the writer puts last follows. */
  #readTail(message: Buffer): NumberColumns | undefined {
    let at = this.#head.length
    if (this.#labelValues > 0) {
      if (message[at++] !== FAMILY.valueLength) return undefined
      at = this.#readLengths(message, at)
    }
    let text: Uint8Array = NO_TEXT
    if (message[at] === FAMILY.valueText) {
      const size = varintAt(message, at + 1)
      text = message.subarray(varintEnd, varintEnd + size)
      at = varintEnd + size
    }
    if (this.#series > 0) {
      if (message[at++] !== FAMILY.value) return undefined
      if (varintAt(message, at) !== 8 * this.#series) throw mismatched()
      at = varintEnd
      for (let i = 0; i < this.#series; i++, at += 8) this.#values[i] = message.readDoubleLE(at)
    }
    if (at < message.length) return undefined
    if (at > message.length) throw mismatched()
    return { type: this.#type, runs: this.#runs, text, lengths: this.#lengths, values: this.#values }
  }

  #readLengths(message: Buffer, from: number): number {
    const size = varintAt(message, from)
    const end = varintEnd + size
    let at = varintEnd
    let count = 0
    for (; at < end && count < this.#labelValues; count++) {
      const byte = message[at] as number
      if (byte < 0x80) {
        this.#lengths[count] = byte
        at++
      } else {
        this.#lengths[count] = varintAt(message, at)
        at = varintEnd
      }
    }
    if (at !== end || count !== this.#labelValues) throw mismatched()
    return end
  }
}

/** Of the fields that differ between families that look alike; their tags are single bytes. */
function isTail(tag: number | undefined): boolean {
  return tag === FAMILY.valueLength || tag === FAMILY.valueText || tag === FAMILY.value
}

function withRoom<T extends Uint32Array | Float64Array>(array: T, length: number): T {
  if (length <= array.length) return array
  return new (array.constructor as new (length: number) => T)(2 * length)
}

/** Where the number ended that `varintAt` read last. */
let varintEnd = 0

/** A number below 2^32. */
function varintAt(bytes: Uint8Array, from: number): number {
  let value = 0
  for (let at = from, scale = 1; at < from + 5; at++, scale *= 0x80) {
    const byte = bytes[at]
    if (byte === undefined) break
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      varintEnd = at + 1
      return value
    }
  }
  throw damaged('ends in the middle of a number')
}

/** What a blob of `writeStoredMetric` holds. Throws PGR_INTERNAL when it is damaged. */
export function readStoredMetric(blob: Uint8Array): StoredMetric {
  return guarded(() => {
    const reader = openBlob(blob)
    let type: FamilyType | undefined
    let parts: MetricParts | undefined
    let carried: Uint8Array | undefined
    while (reader.pos < reader.len) {
      const tag = reader.tag()
      if (tag === SINGLE.type) type = readType(reader)
      else if (tag === SINGLE.metric) parts = readParts(reader)
      else if (tag === SINGLE.carried) carried = reader.bytes()
      else skipField(reader, tag)
    }
    if (type === undefined || parts === undefined) throw damaged('has no type or no metric')
    const stored = storedMetricOf(type, parts)
    return carried === undefined ? stored : { ...stored, carried }
  })
}

function storedMetricOf(type: FamilyType, parts: MetricParts): TypedMetric {
  switch (type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return { type, metric: numberOf(NO_LABELS, parts.value, parts) }
    case 'summary':
      return { type, metric: summaryOf(NO_LABELS, parts) }
    case 'histogram':
    case 'gaugehistogram':
      return { type, metric: histogramOf(NO_LABELS, parts, undefined) }
    case 'stateset':
      return { type, metric: statesOf(NO_LABELS, parts) }
  }
}

/** Bytes at rest that are no family, or none that this version knows. */
class Damage extends PgrError {
  constructor(how: string, options?: { cause: unknown }) {
    super('PGR_INTERNAL', `a stored metric family cannot be read: ${how}`, options)
  }
}

/** Whether that is what a reader of stored families threw: they are damaged, or a newer version wrote them. */
export function isDamage(reason: unknown): boolean {
  return reason instanceof Damage
}

function damaged(how: string): Damage {
  return new Damage(`it ${how}`)
}

/** Whatever protobufjs or zlib throw at broken bytes becomes the one error. */
function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (reason) {
    throw asDamaged(reason)
  }
}

function asDamaged(reason: unknown): Damage {
  if (reason instanceof Damage) return reason
  return new Damage('its bytes are damaged', { cause: reason })
}

function openBlob(blob: Uint8Array): Reader {
  return protobuf.Reader.create(messageOf(blob))
}

function messageOf(blob: Uint8Array): Buffer {
  // Measured: to look at the buffer behind bytes costs as much as to read a short family.
  const bytes = Buffer.isBuffer(blob) ? blob : Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  switch (bytes[0]) {
    case PLAIN:
      return bytes.subarray(1)
    case DEFLATED: {
      const maxOutputLength = DEFLATE_MAX_RATIO * blob.length
      return inflateRawSync(bytes.subarray(1), { maxOutputLength })
    }
    default:
      throw damaged(
        `starts with ${bytes[0] ?? 'nothing'}, written by a version of pgr this one does not know`,
      )
  }
}

const NO_TEXT = Buffer.alloc(0)

/** A family before its metrics are put together. */
interface Columns {
  readonly reader: Reader
  type: FamilyType
  /** Where these texts stand; 0 = nowhere. */
  nameAt: number
  helpAt: number
  unitAt: number
  readonly labelNames: string[]
  readonly shapes: number[]
  readonly runs: number[]
  readonly lengths: number[]
  text: Buffer
  readonly values: number[]
  /** Where each Metric message stands. */
  readonly metricsAt: number[]
}

function readColumns(reader: Reader): Columns {
  let type: FamilyType | undefined
  const columns: Columns = {
    reader,
    type: 'unknown',
    nameAt: 0,
    helpAt: 0,
    unitAt: 0,
    labelNames: [],
    shapes: [],
    runs: [],
    lengths: [],
    text: NO_TEXT,
    values: [],
    metricsAt: [],
  }
  while (reader.pos < reader.len) {
    const tag = reader.tag()
    switch (tag) {
      case FAMILY.type:
        type = readType(reader)
        break
      case FAMILY.name:
        columns.nameAt = skipText(reader)
        break
      case FAMILY.help:
        columns.helpAt = skipText(reader)
        break
      case FAMILY.unit:
        columns.unitAt = skipText(reader)
        break
      case FAMILY.labelName:
        columns.labelNames.push(reader.string())
        break
      case FAMILY.shape:
        reader.uint32s(columns.shapes)
        break
      case FAMILY.run:
        reader.uint32s(columns.runs)
        break
      case FAMILY.valueLength:
        reader.uint32s(columns.lengths)
        break
      case FAMILY.valueText:
        // A reader of a Buffer gives a Buffer.
        columns.text = reader.bytes() as Buffer
        break
      case FAMILY.value:
        reader.doubles(columns.values)
        break
      case FAMILY.metric:
        columns.metricsAt.push(reader.pos)
        reader.skip(reader.size())
        break
      default:
        skipField(reader, tag)
    }
  }
  if (type === undefined) throw damaged('has no type')
  columns.type = type
  return columns
}

function isNumber(type: FamilyType): type is 'counter' | 'gauge' | 'unknown' | 'info' {
  return type === 'counter' || type === 'gauge' || type === 'unknown' || type === 'info'
}

function readFamily(reader: Reader): Family {
  const columns = readColumns(reader)
  const { type } = columns
  const name = readText(reader, columns.nameAt)
  const help = readText(reader, columns.helpAt)
  const unit = readText(reader, columns.unitAt)
  if (isNumber(type)) return { name, type, help, unit, metrics: readNumbers(columns) }
  const labels = readLabelSets(columns, columns.metricsAt.length)
  const parts = columns.metricsAt.map((at) => {
    reader.pos = at
    return readParts(reader)
  })
  const labelsOf = (i: number): Labels => labels[i] ?? NO_LABELS
  if (type === 'summary') {
    return { name, type, help, unit, metrics: parts.map((part, i) => summaryOf(labelsOf(i), part)) }
  }
  if (type === 'stateset') {
    return { name, type, help, unit, metrics: parts.map((part, i) => statesOf(labelsOf(i), part)) }
  }
  let bounds: readonly number[] | undefined
  const metrics = parts.map((part, i) => {
    const metric = histogramOf(labelsOf(i), part, bounds)
    if (!part.sameBounds) bounds = part.bounds
    return metric
  })
  return { name, type, help, unit, metrics }
}

function readNumbers(columns: Columns): NumberMetric[] {
  const { reader, values, metricsAt } = columns
  const labels = readLabelSets(columns, values.length)
  const metrics: NumberMetric[] = labels.map((labels, i) => ({ labels, value: values[i] ?? 0 }))
  let next = 0
  for (const at of metricsAt) {
    reader.pos = at
    const parts = readParts(reader)
    next += parts.skip
    const plain = metrics[next]
    if (plain === undefined) throw damaged('describes a metric it does not have')
    metrics[next] = numberOf(plain.labels, plain.value, parts)
    next++
  }
  return metrics
}

function readLabelSets(columns: Columns, metrics: number): Labels[] {
  const { lengths } = columns
  const text = columns.text.toString()
  const sets: Labels[] = []
  let value = 0
  let at = 0
  for (const { names, series } of readRuns(columns, metrics)) {
    for (let i = 0; i < series; i++) {
      const labels: Label[] = []
      for (const name of names) {
        const end = at + (lengths[value++] as number)
        labels.push({ name, value: text.slice(at, end) })
        at = end
      }
      sets.push(labels)
    }
  }
  if (at !== text.length) throw mismatched()
  return sets
}

/** Every loop over these is bounded by the number of metrics or of label values, which were counted from bytes present. */
function readRuns({ labelNames, shapes, runs, lengths }: Columns, metrics: number): readonly NumberRun[] {
  const names = readShapes(shapes, labelNames)
  const read: NumberRun[] = []
  let seen = 0
  let values = 0
  for (let run = 0; run < runs.length; run += 2) {
    const shape = names[runs[run] as number]
    const series = runs[run + 1]
    if (shape === undefined || series === undefined) throw damaged('names labels it does not have')
    read.push({ names: shape, series })
    seen += series
    values += series * shape.length
  }
  if (seen !== metrics || values !== lengths.length) throw mismatched()
  return read
}

function mismatched(): PgrError {
  return damaged('has label sets, metrics and label values that do not match')
}

function readShapes(shapes: readonly number[], labelNames: readonly string[]): string[][] {
  const lists: string[][] = []
  for (let at = 0; at < shapes.length; ) {
    const end = at + 1 + (shapes[at] as number)
    const names = shapes.slice(at + 1, end).map((index) => labelNames[index])
    if (end > shapes.length || names.includes(undefined)) throw damaged('names labels it does not have')
    lists.push(names as string[])
    at = end
  }
  return lists
}

/** A Metric message as read, whatever the type it belongs to. */
interface MetricParts {
  skip: number
  timestampMs: number | undefined
  startMs: number | undefined
  stale: boolean
  readonly exemplars: { readonly bucket: number; readonly exemplar: Exemplar }[]
  value: number
  count: number | undefined
  sum: number | undefined
  readonly quantiles: number[]
  readonly quantileValues: number[]
  readonly states: State[]
  readonly bounds: number[]
  sameBounds: boolean
  readonly increments: number[]
  readonly bucketCounts: number[]
  float: boolean
  native: NativeHistogram | undefined
}

function readParts(reader: Reader): MetricParts {
  const parts: MetricParts = {
    skip: 0,
    timestampMs: undefined,
    startMs: undefined,
    stale: false,
    exemplars: [],
    value: 0,
    count: undefined,
    sum: undefined,
    quantiles: [],
    quantileValues: [],
    states: [],
    bounds: [],
    sameBounds: false,
    increments: [],
    bucketCounts: [],
    float: false,
    native: undefined,
  }
  eachField(reader, (tag) => {
    switch (tag) {
      case METRIC.skip:
        parts.skip = reader.uint32()
        break
      case METRIC.timestampMs:
        parts.timestampMs = reader.double()
        break
      case METRIC.startMs:
        parts.startMs = reader.double()
        break
      case METRIC.stale:
        parts.stale = reader.bool()
        break
      case METRIC.exemplar:
        parts.exemplars.push(readExemplar(reader))
        break
      case METRIC.value:
        parts.value = reader.double()
        break
      case METRIC.count:
        parts.count = readWhole(reader, reader.len)
        break
      case METRIC.floatCount:
        parts.count = reader.double()
        break
      case METRIC.sum:
        parts.sum = reader.double()
        break
      case METRIC.quantile:
        reader.doubles(parts.quantiles)
        break
      case METRIC.quantileValue:
        reader.doubles(parts.quantileValues)
        break
      case METRIC.state:
        parts.states.push(readState(reader))
        break
      case METRIC.upperBound:
        reader.doubles(parts.bounds)
        break
      case METRIC.sameBounds:
        parts.sameBounds = reader.bool()
        break
      case METRIC.bucketIncrement:
        readWholes(reader, parts.increments)
        break
      case METRIC.bucketCount:
        reader.doubles(parts.bucketCounts)
        break
      case METRIC.float:
        parts.float = reader.bool()
        break
      case METRIC.native:
        parts.native = readNative(reader)
        break
      default:
        skipField(reader, tag)
    }
  })
  return parts
}

function baseOf(labels: Labels, { timestampMs, startMs, stale }: MetricParts): MetricBase {
  return {
    labels,
    ...(timestampMs !== undefined && { timestampMs }),
    ...(startMs !== undefined && { startMs }),
    ...(stale && { stale }),
  }
}

function numberOf(labels: Labels, value: number, parts: MetricParts): NumberMetric {
  const exemplar = parts.exemplars[0]?.exemplar
  return { value, ...baseOf(labels, parts), ...(exemplar !== undefined && { exemplar }) }
}

function summaryOf(labels: Labels, parts: MetricParts): SummaryMetric {
  const { quantiles, quantileValues } = parts
  if (quantiles.length !== quantileValues.length) throw damaged('has quantiles without values')
  const pairs = quantiles.map((quantile, i): Quantile => ({ quantile, value: quantileValues[i] ?? 0 }))
  return { quantiles: pairs, ...baseOf(labels, parts), ...totalsOf(parts) }
}

function statesOf(labels: Labels, parts: MetricParts): StateSetMetric {
  return { states: parts.states, ...baseOf(labels, parts) }
}

function histogramOf(
  labels: Labels,
  parts: MetricParts,
  previous: readonly number[] | undefined,
): HistogramMetric {
  const { native, float } = parts
  return {
    buckets: bucketsOf(parts, previous),
    ...baseOf(labels, parts),
    ...totalsOf(parts),
    ...(native !== undefined && { native }),
    ...(float && { float }),
  }
}

function totalsOf({ count, sum }: MetricParts): { count?: number; sum?: number } {
  return { ...(count !== undefined && { count }), ...(sum !== undefined && { sum }) }
}

function bucketsOf(parts: MetricParts, previous: readonly number[] | undefined): Bucket[] {
  const bounds = parts.sameBounds ? previous : parts.bounds
  const counts = parts.bucketCounts.length > 0 ? parts.bucketCounts : cumulate(parts.increments)
  if (bounds === undefined || bounds.length !== counts.length)
    throw damaged('has buckets without bounds or counts')
  const buckets = bounds.map((upperBound, i): Bucket => ({ upperBound, cumulativeCount: counts[i] ?? 0 }))
  for (const { bucket, exemplar } of parts.exemplars) {
    const plain = buckets[bucket]
    if (plain === undefined) throw damaged('has an exemplar of a bucket it does not have')
    buckets[bucket] = { ...plain, exemplar }
  }
  return buckets
}

function cumulate(increments: readonly number[]): number[] {
  let sum = 0
  return increments.map((increment) => {
    sum += increment
    return sum
  })
}

function readExemplar(reader: Reader): { bucket: number; exemplar: Exemplar } {
  const labels: Label[] = []
  let name: string | undefined
  let value = 0
  let timestampMs: number | undefined
  let bucket = 0
  eachField(reader, (tag) => {
    switch (tag) {
      case EXEMPLAR.label: {
        const text = reader.string()
        if (name !== undefined) labels.push({ name, value: text })
        name = name === undefined ? text : undefined
        break
      }
      case EXEMPLAR.value:
        value = reader.double()
        break
      case EXEMPLAR.timestampMs:
        timestampMs = reader.double()
        break
      case EXEMPLAR.bucket:
        bucket = reader.uint32()
        break
      default:
        skipField(reader, tag)
    }
  })
  if (name !== undefined) throw damaged('has an exemplar label without a value')
  return { bucket, exemplar: { labels, value, ...(timestampMs !== undefined && { timestampMs }) } }
}

function readState(reader: Reader): State {
  let name = ''
  let enabled = false
  eachField(reader, (tag) => {
    if (tag === STATE.name) name = reader.string()
    else if (tag === STATE.enabled) enabled = reader.bool()
    else skipField(reader, tag)
  })
  return { name, enabled }
}

function readNative(reader: Reader): NativeHistogram {
  let schema = 0
  let zeroThreshold = 0
  let zeroCount = 0
  const positive = { spans: [] as number[], counts: [] as number[] }
  const negative = { spans: [] as number[], counts: [] as number[] }
  let customBounds: number[] | undefined
  const exemplars: Exemplar[] = []
  let resetHint: NativeHistogram['resetHint']
  eachField(reader, (tag) => {
    switch (tag) {
      case NATIVE.schema:
        schema = reader.sint32()
        break
      case NATIVE.zeroThreshold:
        zeroThreshold = reader.double()
        break
      case NATIVE.zeroCount:
        zeroCount = reader.double()
        break
      case NATIVE.positiveSpan:
        reader.sint32s(positive.spans)
        break
      case NATIVE.positiveCount:
        readWholes(reader, positive.counts)
        break
      case NATIVE.positiveFloatCount:
        reader.doubles(positive.counts)
        break
      case NATIVE.negativeSpan:
        reader.sint32s(negative.spans)
        break
      case NATIVE.negativeCount:
        readWholes(reader, negative.counts)
        break
      case NATIVE.negativeFloatCount:
        reader.doubles(negative.counts)
        break
      case NATIVE.customBound:
        customBounds ??= []
        reader.doubles(customBounds)
        break
      case NATIVE.exemplar:
        exemplars.push(readExemplar(reader).exemplar)
        break
      case NATIVE.resetHint:
        resetHint = HINT_OF_NUMBER.get(reader.uint32())
        break
      default:
        skipField(reader, tag)
    }
  })
  return {
    schema,
    zeroThreshold,
    zeroCount,
    positive: nativeBucketsOf(positive),
    negative: nativeBucketsOf(negative),
    ...(customBounds !== undefined && { customBounds }),
    ...(exemplars.length > 0 && { exemplars }),
    ...(resetHint !== undefined && { resetHint }),
  }
}

/** Spans must cover exactly the counts: whoever walks them later does not check again. */
function nativeBucketsOf(read: { spans: readonly number[]; counts: readonly number[] }): NativeBuckets {
  const spans: Span[] = []
  let covered = 0
  for (let i = 0; i < read.spans.length; i += 2) {
    const length = read.spans[i + 1]
    if (length === undefined || length < 0) throw damaged('has a span without a length')
    spans.push({ offset: read.spans[i] as number, length })
    covered += length
  }
  if (covered !== read.counts.length) throw damaged('has spans that do not cover its counts')
  return { spans, counts: read.counts }
}

function readType(reader: Reader): FamilyType {
  const number = reader.uint32()
  const type = TYPE_OF_NUMBER.get(number)
  if (type === undefined) throw damaged(`is of type ${number}, which this version of pgr does not know`)
  return type
}

/** Steps over a text that is not needed yet, and returns where it stands. */
function skipText(reader: Reader): number {
  const at = reader.pos
  reader.skip(reader.size())
  return at
}

function readText(reader: Reader, at: number): string {
  if (at === 0) return ''
  reader.pos = at
  return reader.string()
}

function readWholes(reader: Reader, into: number[]): void {
  const end = reader.size() + reader.pos
  if (end > reader.len) throw damaged('is cut off')
  while (reader.pos < end) into.push(readWhole(reader, end))
}

/** A varint below 2^53 as a number; protobufjs would make an object of each. */
function readWhole(reader: Reader, end: number): number {
  const { buf } = reader
  let value = 0
  for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
    if (reader.pos >= end) throw damaged('is cut off')
    const byte = buf[reader.pos++] as number
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  throw damaged('has a count beyond 2^53')
}
