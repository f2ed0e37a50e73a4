import type { NativeBuckets, NativeHistogram, Span } from '../model/family.ts'
import {
  COARSEST_SCHEMA,
  CUSTOM_SCHEMA,
  coarsen,
  FINEST_KNOWN_SCHEMA,
  FINEST_SCHEMA,
  nativeProblem,
} from '../model/native-histogram.ts'
import type { Budget } from './budget.ts'
import {
  eachField,
  type ProtobufReader,
  type ProtobufWriter,
  packed,
  readDouble,
  readRepeated,
  readSint64,
  readUint64,
  skipField,
  tagOf,
  VARINT,
} from './protobuf.ts'

/**
 * Native histograms stand in messages of more than one protobuf format, under other numbers: read and written here for
 * all of them.
 */
export interface NativeTags {
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly floatZeroCount: number
  readonly negativeSpan: number
  readonly negativeDelta: number
  readonly negativeCount: number
  readonly positiveSpan: number
  readonly positiveDelta: number
  readonly positiveCount: number
  /** Absent in formats that know no custom bounds. */
  readonly customBound?: number
}

/** The same in every format. */
const SPAN = { offset: tagOf(1, VARINT), length: tagOf(2, VARINT) } as const

/** On each side of zero, and of custom bounds. */
const MOST_BUCKETS = 65_536

interface Side {
  readonly spans: Span[]
  readonly deltas: number[]
  readonly counts: number[]
}

/** What the histogram as a whole says beside its buckets. */
export interface NativeTotals {
  readonly count: number
  readonly sum: number
  readonly isFloat: boolean
}

/** The fields of one native histogram, as they come. */
export class NativeFields {
  floatZeroCount = 0
  private schema = 0
  private zeroThreshold = 0
  private wholeZeroCount = 0
  private readonly positive: Side = { spans: [], deltas: [], counts: [] }
  private readonly negative: Side = { spans: [], deltas: [], counts: [] }
  private readonly bounds: number[] = []
  private readonly tags: NativeTags
  private readonly budget: Budget

  constructor(tags: NativeTags, budget: Budget) {
    this.tags = tags
    this.budget = budget
  }

  /** Reads the value of the field with this tag; false, and nothing read, when it is of something else. */
  read(reader: ProtobufReader, tag: number): boolean {
    const { tags, positive, negative } = this
    switch (tag) {
      case tags.schema:
        this.schema = reader.sint32()
        return true
      case tags.zeroThreshold:
        this.zeroThreshold = reader.double()
        return true
      case tags.zeroCount:
        this.wholeZeroCount = readUint64(reader)
        return true
      case tags.floatZeroCount:
        this.floatZeroCount = reader.double()
        return true
      case tags.positiveSpan:
        this.readSpan(reader, positive)
        return true
      case tags.negativeSpan:
        this.readSpan(reader, negative)
        return true
      case tags.positiveDelta:
      case packed(tags.positiveDelta):
        readRepeated(reader, tag, readSint64, positive.deltas, MOST_BUCKETS)
        return true
      case tags.negativeDelta:
      case packed(tags.negativeDelta):
        readRepeated(reader, tag, readSint64, negative.deltas, MOST_BUCKETS)
        return true
      case tags.positiveCount:
      case packed(tags.positiveCount):
        readRepeated(reader, tag, readDouble, positive.counts, MOST_BUCKETS)
        return true
      case tags.negativeCount:
      case packed(tags.negativeCount):
        readRepeated(reader, tag, readDouble, negative.counts, MOST_BUCKETS)
        return true
      default:
        return this.readBounds(reader, tag)
    }
  }

  private readBounds(reader: ProtobufReader, tag: number): boolean {
    const { customBound } = this.tags
    if (customBound === undefined || (tag !== customBound && tag !== packed(customBound))) return false
    readRepeated(reader, tag, readDouble, this.bounds, MOST_BUCKETS)
    return true
  }

  private readSpan(reader: ProtobufReader, { spans }: Side): void {
    let offset = 0
    let length = 0
    this.budget.take(1)
    eachField(reader, (tag) => {
      if (tag === SPAN.offset) offset = reader.sint32()
      else if (tag === SPAN.length) length = reader.uint32()
      else skipField(reader, tag)
    })
    spans.push({ offset, length })
  }

  private get zeroCount(): number {
    return this.floatZeroCount === 0 ? this.wholeZeroCount : this.floatZeroCount
  }

  /** As Prometheus decides when it scrapes; a histogram without observations says it by a span of no length. */
  get isNative(): boolean {
    const { zeroThreshold, zeroCount, positive, negative } = this
    return zeroThreshold > 0 || zeroCount > 0 || positive.spans.length > 0 || negative.spans.length > 0
  }

  /** The histogram, no finer than what may be stored; or what is wrong with it, to continue "it". */
  toNative({ count, sum, isFloat }: NativeTotals): NativeHistogram | string {
    const { schema, zeroThreshold, zeroCount, bounds } = this
    const isCustom = schema === CUSTOM_SCHEMA && this.tags.customBound !== undefined
    if (!isCustom && (schema < COARSEST_SCHEMA || schema > FINEST_KNOWN_SCHEMA))
      return `has a native histogram of schema ${schema}, which this format has no buckets for`
    const read: NativeHistogram = {
      schema: Math.min(schema, FINEST_SCHEMA),
      zeroThreshold,
      zeroCount,
      positive: bucketsOf(this.positive, isFloat),
      negative: bucketsOf(this.negative, isFloat),
      ...((isCustom || bounds.length > 0) && { customBounds: bounds }),
    }
    const problem = nativeProblem(read, count, sum, isFloat)
    if (problem !== undefined) return `has a native histogram that ${problem}`
    return schema > FINEST_SCHEMA ? coarsen({ ...read, schema }, FINEST_SCHEMA) : read
  }
}

function bucketsOf({ spans, deltas, counts }: Side, isFloat: boolean): NativeBuckets {
  if (isFloat) return { spans, counts }
  let count = 0
  return {
    spans,
    counts: deltas.map((delta) => {
      count += delta
      return count
    }),
  }
}

/** Can stand as a varint. */
export function isWhole(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0
}

/** Whether all counts of the histogram can. */
export function isWholeNative({ zeroCount, positive, negative }: NativeHistogram): boolean {
  return isWhole(zeroCount) && positive.counts.every(isWhole) && negative.counts.every(isWhole)
}

/** What a `NativeFields` with the same tags reads, in the order of the fields' numbers up to the buckets. */
export function writeNative(
  out: ProtobufWriter,
  native: NativeHistogram,
  isFloat: boolean,
  tags: NativeTags,
): void {
  out.varint(tags.schema).zigzag(native.schema)
  out.varint(tags.zeroThreshold).double(native.zeroThreshold)
  if (isFloat) out.varint(tags.floatZeroCount).double(native.zeroCount)
  else out.varint(tags.zeroCount).varint(native.zeroCount)
  const { negative, positive } = native
  for (const span of negative.spans) writeSpan(out, tags.negativeSpan, span)
  writeCounts(out, negative.counts, isFloat ? undefined : tags.negativeDelta, tags.negativeCount)
  for (const span of positive.spans) writeSpan(out, tags.positiveSpan, span)
  writeCounts(out, positive.counts, isFloat ? undefined : tags.positiveDelta, tags.positiveCount)
}

export function writeSpan(out: ProtobufWriter, tag: number, { offset, length }: Span): void {
  const start = out.open(tag)
  out.varint(SPAN.offset).zigzag(offset).varint(SPAN.length).varint(length)
  out.close(start)
}

/** As differences of whole numbers under the first tag; as they are under the second where there is no first. */
function writeCounts(
  out: ProtobufWriter,
  counts: readonly number[],
  deltaTag: number | undefined,
  countTag: number,
): void {
  if (counts.length === 0) return
  const start = out.open(packed(deltaTag ?? countTag))
  let before = 0
  for (const count of counts) {
    if (deltaTag === undefined) out.double(count)
    else out.zigzag(count - before)
    before = count
  }
  out.close(start)
}
