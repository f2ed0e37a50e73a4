import protobuf from 'protobufjs/minimal.js'

/**
 * What the readers and writers of protobuf bodies share (protobuf.dev, Encoding). Reading throws plain errors whose text
 * continues a sentence about the message; each format says of which message, and answers with its own code.
 */
export type ProtobufReader = protobuf.Reader

export const VARINT = 0
export const FIXED64 = 1
export const DELIMITED = 2
const GROUP = 3

/** What stands in front of a field. */
export function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType
}

/** The same numbers as `tag`, packed into one field. */
export function packed(tag: number): number {
  return tagOf(tag >>> 3, DELIMITED)
}

export function openReader(bytes: Uint8Array): ProtobufReader {
  // Of a Buffer, so that `string` and `bytes` are native.
  return protobuf.Reader.create(
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  )
}

/** Where the nested message ends that starts here with its length; the reader then stands at its first field. */
export function openMessage(reader: ProtobufReader): number {
  const end = reader.size() + reader.pos
  if (end > reader.len) throw new Error('is cut off')
  return end
}

/** Checks that the fields that were read end where their message does. */
export function closeMessage(reader: ProtobufReader, end: number): void {
  if (reader.pos !== end) throw new Error('has a field that is longer than its message')
}

/** Calls `read` with the tag of every field of the nested message that starts here. */
export function eachField(reader: ProtobufReader, read: (tag: number) => void): void {
  const end = openMessage(reader)
  while (reader.pos < end) read(reader.tag())
  closeMessage(reader, end)
}

/** What was thrown while reading, to continue "it"; our own words do, those of protobufjs do not. */
export function problemOf(reason: unknown): string {
  if (!(reason instanceof Error)) return 'cannot be read'
  if (reason instanceof RangeError) return 'is cut off'
  return OWN_WORDS.test(reason.message) ? reason.message : `cannot be read: ${reason.message}`
}

const OWN_WORDS = /^(has|is|holds) /

/** Steps over the value of a field nobody knows; no message that is read has groups. */
export function skipField(reader: ProtobufReader, tag: number): void {
  if ((tag & 7) === GROUP) throw new Error('has a group')
  reader.skipType(tag & 7, 0, tag >>> 3)
}

/** As `skipField` for a message whose fields are known up to this number: one of those may not be of another kind. */
export function skipUnknown(reader: ProtobufReader, tag: number, known: number): void {
  const field = tag >>> 3
  if (field <= known) throw new Error(`has a field ${field} of wire type ${tag & 7}, which it never is`)
  skipField(reader, tag)
}

/** A varint of 64 bits in three parts, because a number holds 53 bits, and protobufjs would make an object of each. */
const parts = { low: 0, middle: 0, high: 0 }
const PART_BITS = 28
const PART = 2 ** PART_BITS

function readParts(reader: ProtobufReader): void {
  const { buf } = reader
  parts.low = 0
  parts.middle = 0
  parts.high = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (reader.pos >= reader.len) throw new Error('is cut off')
    const byte = buf[reader.pos++] as number
    const bits = byte & 127
    if (shift < PART_BITS) parts.low |= bits << shift
    else if (shift < 2 * PART_BITS) parts.middle |= bits << (shift - PART_BITS)
    else parts.high |= (bits << (shift - 2 * PART_BITS)) & 0xff
    if (byte < 128) return
  }
  throw new Error('has a number of more than 64 bits')
}

function joined(low: number, middle: number, high: number): number {
  return low + PART * (middle + PART * high)
}

/** A varint of up to 64 bits as the nearest number. */
export function readUint64(reader: ProtobufReader): number {
  const first = reader.buf[reader.pos]
  // Almost every count.
  if (first !== undefined && first < 128 && reader.pos < reader.len) {
    reader.pos++
    return first
  }
  readParts(reader)
  return joined(parts.low, parts.middle, parts.high)
}

/** A varint in two's complement of 64 bits as the nearest number. */
export function readInt64(reader: ProtobufReader): number {
  readParts(reader)
  const { low, middle, high } = parts
  if (high < 0x80) return joined(low, middle, high)
  return -1 - joined(PART - 1 - low, PART - 1 - middle, 0xff - high)
}

/** A zigzag varint of 64 bits as the nearest number. */
export function readSint64(reader: ProtobufReader): number {
  readParts(reader)
  const { low, middle, high } = parts
  // Half of it; the lowest bit is the sign.
  const half = (low >>> 1) + PART * (middle / 2 + (PART / 2) * high)
  return low % 2 === 0 ? half : -1 - half
}

/** To hand to `readRepeated`. */
export function readDouble(reader: ProtobufReader): number {
  return reader.double()
}

/** A fixed64 as the nearest number. */
export function readFixed64(reader: ProtobufReader): number {
  const at = advance(reader)
  return uint32At(reader.buf, at + 4) * 2 ** 32 + uint32At(reader.buf, at)
}

/** An sfixed64 as the nearest number. */
export function readSfixed64(reader: ProtobufReader): number {
  const at = advance(reader)
  return (uint32At(reader.buf, at + 4) | 0) * 2 ** 32 + uint32At(reader.buf, at)
}

const NANOS_PER_MS = 1_000_000
/** Of 2^32 ns: whole milliseconds, and what is left of them. */
const MS_PER_HIGH = Math.floor(2 ** 32 / NANOS_PER_MS)
const NANOS_PER_HIGH = 2 ** 32 % NANOS_PER_MS

/** A fixed64 of nanoseconds as whole milliseconds, the rest cut off; exact, which a division of the nearest number is not. */
export function readNanosAsMs(reader: ProtobufReader): number {
  const at = advance(reader)
  const high = uint32At(reader.buf, at + 4)
  return high * MS_PER_HIGH + Math.floor((high * NANOS_PER_HIGH + uint32At(reader.buf, at)) / NANOS_PER_MS)
}

/** Steps over eight bytes and returns where they begin. */
function advance(reader: ProtobufReader): number {
  const at = reader.pos
  if (at + 8 > reader.len) throw new Error('is cut off')
  reader.pos = at + 8
  return at
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

/** Numbers of a repeated field that may be packed or not: `read` takes one at a time, `most` in all. */
export function readRepeated(
  reader: ProtobufReader,
  tag: number,
  read: (reader: ProtobufReader) => number,
  into: number[],
  most = Number.POSITIVE_INFINITY,
): void {
  const end = (tag & 7) === DELIMITED ? openMessage(reader) : reader.pos + 1
  while (reader.pos < end) {
    if (into.length === most) throw new Error(`has more than ${most} numbers in one list`)
    into.push(read(reader))
  }
  if ((tag & 7) !== DELIMITED) return
  if (reader.pos !== end) throw new Error('has numbers that are longer than their field')
}

/** Memory of a writer; what a larger message needed is given back. */
const ROOM_BYTES = 16 * 1024
const MOST_ROOM_BYTES = 1024 * 1024

/** Longest text whose length is guessed to take one byte. */
const SHORT = 127

/** Bytes of protobuf, written in one go into memory that is used again. */
export class ProtobufWriter {
  private bytes = Buffer.allocUnsafeSlow(ROOM_BYTES)
  private length = 0

  /** A copy of what was written; what follows starts anew. */
  take(): Uint8Array {
    const written = this.written()
    const taken = Buffer.allocUnsafeSlow(written.length)
    taken.set(written)
    return taken
  }

  /** What was written, good until more is; that starts anew. */
  written(): Uint8Array {
    const written = this.bytes.subarray(0, this.length)
    this.begin()
    return written
  }

  /** Forgets what was written. */
  begin(): this {
    this.length = 0
    if (this.bytes.length > MOST_ROOM_BYTES) this.bytes = Buffer.allocUnsafeSlow(ROOM_BYTES)
    return this
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): this {
    this.room(10)
    let rest = value
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.length++] = rest
    return this
  }

  /** A whole number of either sign, zigzag. */
  zigzag(value: number): this {
    return this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** A whole number of either sign in two's complement. */
  int64(value: number): this {
    if (value >= 0) return this.varint(value)
    this.room(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 0x80n; rest >>= 7n) this.bytes[this.length++] = Number(rest & 0x7fn) | 0x80
    this.bytes[this.length++] = Number(rest)
    return this
  }

  double(value: number): this {
    this.room(8)
    this.length = this.bytes.writeDoubleLE(value, this.length)
    return this
  }

  /** With its length in front; a lone surrogate becomes U+FFFD. */
  string(text: string): this {
    this.room(3 * text.length + 5)
    const start = this.length
    if (text.length <= SHORT && this.writeAscii(text, start + 1)) {
      this.bytes[start] = text.length
      this.length = start + 1 + text.length
      return this
    }
    const size = Buffer.byteLength(text)
    this.varint(size)
    this.length += this.bytes.write(text, this.length)
    return this
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.room(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  /** A field of whole numbers from 0 to 2^53, packed. */
  varints(tag: number, values: readonly number[]): this {
    const start = this.open(tag)
    for (const value of values) this.varint(value)
    this.close(start)
    return this
  }

  /** A field of whole numbers of either sign, zigzag and packed. */
  zigzags(tag: number, values: readonly number[]): this {
    const start = this.open(tag)
    for (const value of values) this.zigzag(value)
    this.close(start)
    return this
  }

  /** A field of numbers, packed. */
  doubles(tag: number, values: readonly number[]): this {
    this.varint(tag).varint(8 * values.length)
    for (const value of values) this.double(value)
    return this
  }

  /** Opens a nested message; what it returns is for `close`. */
  open(tag: number): number {
    this.varint(tag)
    this.room(1)
    return this.length++
  }

  close(start: number): void {
    const size = this.length - start - 1
    if (size < 0x80) {
      this.bytes[start] = size
      return
    }
    const more = size < 0x4000 ? 1 : size < 0x20_0000 ? 2 : size < 0x1000_0000 ? 3 : 4
    this.room(more)
    this.bytes.copyWithin(start + 1 + more, start + 1, this.length)
    const end = this.length + more
    this.length = start
    this.varint(size)
    this.length = end
  }

  private writeAscii(text: string, at: number): boolean {
    const { bytes } = this
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at + i] = code
    }
    return true
  }

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + more))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}
