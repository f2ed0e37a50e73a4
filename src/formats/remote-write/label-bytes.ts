import type { ReadOptions } from '../format.ts'
import { closeMessage, openMessage, type ProtobufReader } from '../protobuf.ts'
import { tooMany } from './label-set.ts'
import { LABEL, SERIES, SERIES_2 } from './layout.ts'
import type { Symbols } from './symbols.ts'

/**
 * Gathers the labels of one series or exemplar in one run of bytes, as the fields version 1 has for them: by these bytes
 * a series is recognised, and from them it is read, whatever the version.
 */
export interface LabelBytes {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  clear(): void
  /** Takes the field behind this tag if it is of labels; `end` is where its message ends. */
  take(reader: ProtobufReader, tag: number, end: number): boolean
  /** Makes the run complete; or says what is wrong, to continue "it". */
  finish(): string | undefined
}

/** Labels of version 1. They mostly stand in the body one after the other, and then are left there. */
export class LabelFields implements LabelBytes {
  bytes: Buffer = NO_BYTES
  start = 0
  end = 0
  private readonly spelling = new Spelling()

  clear(): void {
    this.start = 0
    this.end = 0
  }

  take(reader: ProtobufReader, tag: number, end: number): boolean {
    if (tag !== SERIES.label) return false
    if (this.end > 0 || reader.buf[reader.pos - 1] !== SERIES.label) {
      this.takeApart(reader)
      return true
    }
    this.bytes = reader.buf as Buffer
    this.start = reader.pos - 1
    passLabels(reader, end)
    this.end = reader.pos
    return true
  }

  /** A label that does not stand with those before it. */
  private takeApart(reader: ProtobufReader): void {
    const { spelling } = this
    if (this.end === 0 || this.bytes === reader.buf) {
      spelling.clear()
      spelling.copy(this.bytes, this.start, this.end)
    }
    const end = openMessage(reader)
    spelling.field(SERIES.label, reader.buf as Buffer, reader.pos, end)
    reader.pos = end
    this.bytes = spelling.bytes
    this.start = 0
    this.end = spelling.length
  }

  finish(): undefined {}
}

/** Steps over this label and those that follow at once, in the message that ends at `end`. */
function passLabels(reader: ProtobufReader, end: number): void {
  const { buf } = reader
  let at = reader.pos - 1
  while (at < end && buf[at] === SERIES.label) {
    const size = buf[at + 1] as number
    if (size < 0x80) {
      at += 2 + size
    } else {
      reader.pos = at + 1
      at = openMessage(reader)
    }
  }
  if (at > end) throw new Error('has a field that is longer than its message')
  reader.pos = at
}

/** Labels of version 2: numbers of symbols, name and value in turn. */
export class LabelRefs implements LabelBytes {
  readonly start = 0
  private count = 0
  private readonly refs: number[] = []
  private readonly most: number
  private readonly spelling = new Spelling()
  private readonly symbols: Symbols
  private readonly options: ReadOptions

  constructor(symbols: Symbols, options: ReadOptions) {
    this.symbols = symbols
    this.options = options
    // The name of the metric is not counted.
    this.most = 2 * (options.limits.labelsPerSeries + 1)
  }

  get bytes(): Buffer {
    return this.spelling.bytes
  }

  get end(): number {
    return this.spelling.length
  }

  clear(): void {
    this.count = 0
    this.spelling.clear()
  }

  take(reader: ProtobufReader, tag: number): boolean {
    if (tag === SERIES.label) {
      const end = openMessage(reader)
      while (reader.pos < end) this.add(reader.uint32())
      closeMessage(reader, end)
      return true
    }
    if (tag !== SERIES_2.labelRef) return false
    this.add(reader.uint32())
    return true
  }

  private add(ref: number): void {
    if (this.count < this.most) this.refs[this.count] = ref
    this.count++
  }

  finish(): string | undefined {
    const { count, refs, symbols, spelling } = this
    if (count % 2 !== 0) return `has ${count} references for its labels, and each needs two; send pairs`
    if (count > this.most) return tooMany(this.options)
    for (let i = 0; i < count; i += 2) {
      const name = refs[i] as number
      const value = refs[i + 1] as number
      if (name >= symbols.count || value >= symbols.count) return symbols.problemOf(Math.max(name, value))
      spelling.label(symbols, name, value)
    }
    return undefined
  }
}

const NO_BYTES = Buffer.alloc(0)
const USUAL_BYTES = 64 * 1024
/** What takes less time to copy in a loop than by a call. */
const SHORT = 24

/** Bytes put together, in memory that is used again. */
class Spelling {
  bytes = Buffer.allocUnsafeSlow(1024)
  length = 0

  clear(): void {
    this.length = 0
    if (this.bytes.length > USUAL_BYTES) this.bytes = Buffer.allocUnsafeSlow(USUAL_BYTES)
  }

  copy(from: Buffer, start: number, end: number): void {
    this.room(end - start)
    this.length = putBytes(this.bytes, this.length, from, start, end)
  }

  /** A tag, and the bytes with their length in front. */
  field(tag: number, from: Buffer, start: number, end: number): void {
    this.room(MOST_PREFIX + end - start)
    const at = putPrefix(this.bytes, this.length, tag, end - start)
    this.length = putBytes(this.bytes, at, from, start, end)
  }

  /** The field of a label, as version 1 has it. */
  label(symbols: Symbols, name: number, value: number): void {
    const nameStart = symbols.startOf(name)
    const nameEnd = symbols.endOf(name)
    const valueStart = symbols.startOf(value)
    const valueEnd = symbols.endOf(value)
    const nameSize = nameEnd - nameStart
    const valueSize = valueEnd - valueStart
    symbols.spend(nameSize + valueSize)
    this.room(3 * MOST_PREFIX + nameSize + valueSize)
    const { bytes } = this
    const size = 2 + sizeOf(nameSize) + nameSize + sizeOf(valueSize) + valueSize
    let at = putPrefix(bytes, this.length, SERIES.label, size)
    at = putPrefix(bytes, at, LABEL.name, nameSize)
    at = putBytes(bytes, at, symbols.bytes, nameStart, nameEnd)
    at = putPrefix(bytes, at, LABEL.value, valueSize)
    this.length = putBytes(bytes, at, symbols.bytes, valueStart, valueEnd)
  }

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + more))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}

/** Bytes of a tag and a length. */
const MOST_PREFIX = 6

/** Puts a tag and a length; returns where what follows goes. */
function putPrefix(into: Buffer, from: number, tag: number, length: number): number {
  let at = from
  into[at++] = tag
  let rest = length
  for (; rest >= 0x80; rest >>>= 7) into[at++] = (rest & 0x7f) | 0x80
  into[at++] = rest
  return at
}

function putBytes(into: Buffer, at: number, from: Buffer, start: number, end: number): number {
  const size = end - start
  if (size > SHORT) from.copy(into, at, start, end)
  else for (let i = 0; i < size; i++) into[at + i] = from[start + i] as number
  return at + size
}

/** Bytes that a length takes. */
function sizeOf(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5
}
