import type { Slabs } from '../../wire/kept-bytes.ts'

/** What can be packed: a number, a text, bytes, values that are packed already, or a list of these. */
export type Packable = number | string | Uint8Array | Packed | readonly Packable[]

/** Values as they stand in a packed list, without its head. */
export class Packed {
  private readonly bytes: Buffer
  /** How many values they are. */
  readonly count: number

  constructor(bytes: Buffer, count: number) {
    this.bytes = bytes
    this.count = count
  }

  /** In bytes. */
  get length(): number {
    return this.bytes.length
  }

  /** The values, texts as bytes. */
  values(): (number | Buffer)[] {
    const reader: Reader<Buffer> = { from: this.bytes, at: 0, text: bytesOf }
    return Array.from({ length: this.count }, () => read(reader) as number | Buffer)
  }

  /** Copies them to where they belong; returns the end. */
  copyTo(target: Buffer, at: number): number {
    target.set(this.bytes, at)
    return at + this.bytes.length
  }
}

/** Values to be kept, or to be packed with others later. No lists. */
export function packValues(values: readonly (number | string | Uint8Array)[], slabs: Slabs): Packed {
  let end = 0
  for (const value of values) end = write(end, value)
  const packed = slabs.keep(into.subarray(0, end))
  giveBackRoom()
  return new Packed(packed, values.length)
}

/**
 * A value as the scripts' `cmsgpack.unpack` reads it: MessagePack, with bytes as strings, because it knows no others. Texts
 * are UTF-8. Numbers keep every bit.
 */
export function pack(value: Packable): Buffer {
  const end = write(0, value)
  const packed = Buffer.allocUnsafe(end)
  packed.set(into.subarray(0, end))
  giveBackRoom()
  return packed
}

const HEAD_BYTES = 5
const NUMBER_BYTES = 9

/** Where values are packed before their size is known; what a large one needed is given back. */
const ROOM_BYTES = 16 * 1024
const MOST_ROOM_BYTES = 1024 * 1024
let into: Buffer = Buffer.allocUnsafeSlow(ROOM_BYTES)

function giveBackRoom(): void {
  if (into.length > MOST_ROOM_BYTES) into = Buffer.allocUnsafeSlow(ROOM_BYTES)
}

function room(at: number, more: number): void {
  if (at + more <= into.length) return
  const larger = Buffer.allocUnsafeSlow(2 * (at + more))
  into.copy(larger, 0, 0, at)
  into = larger
}

function write(at: number, value: Packable): number {
  if (typeof value === 'number') return writeNumber(at, value)
  if (typeof value === 'string') return writeText(at, value)
  if (value instanceof Uint8Array) {
    room(at, HEAD_BYTES + value.length)
    const from = writeHead(at, value.length, STRING)
    into.set(value, from)
    return from + value.length
  }
  if (value instanceof Packed) {
    room(at, value.length)
    return value.copyTo(into, at)
  }
  let count = 0
  for (const each of value) count += each instanceof Packed ? each.count : 1
  room(at, HEAD_BYTES)
  let end = writeHead(at, count, ARRAY)
  for (const each of value) end = write(end, each)
  return end
}

function writeNumber(at: number, value: number): number {
  room(at, NUMBER_BYTES)
  if (value >= 0 && value < 0x80 && Number.isInteger(value) && !Object.is(value, -0)) {
    into[at] = value
    return at + 1
  }
  into[at] = 0xcb
  return into.writeDoubleBE(value, at + 1)
}

function writeText(at: number, text: string): number {
  room(at, HEAD_BYTES + text.length * 3)
  // A short text is written behind the smallest head first, which is where it mostly belongs.
  if (text.length < 32) {
    const bytes = writeAscii(at + 1, text) ? text.length : into.write(text, at + 1)
    if (bytes < 32) {
      into[at] = 0xa0 | bytes
      return at + 1 + bytes
    }
  }
  const bytes = Buffer.byteLength(text)
  const from = writeHead(at, bytes, STRING)
  into.write(text, from)
  return from + bytes
}

/** Sooner done here than in the runtime while a text is short; false when it is not ASCII. */
function writeAscii(at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    into[at + i] = code
  }
  return true
}

interface Heads {
  /** The head of what is shorter than `most` is this and the length. */
  readonly short: number
  readonly most: number
  readonly of16: number
  readonly of32: number
}

const STRING: Heads = { short: 0xa0, most: 32, of16: 0xda, of32: 0xdb }
const ARRAY: Heads = { short: 0x90, most: 16, of16: 0xdc, of32: 0xdd }

function writeHead(at: number, length: number, { short, most, of16, of32 }: Heads): number {
  if (length < most) {
    into[at] = short | length
    return at + 1
  }
  if (length < 0x10000) {
    into[at] = of16
    return into.writeUInt16BE(length, at + 1)
  }
  into[at] = of32
  return into.writeUInt32BE(length, at + 1)
}

/**
 * What a script's `cmsgpack.pack` wrote: numbers, texts and lists of these. Throws a RangeError for anything else, and for what
 * ends early.
 */
export function unpack(packed: Uint8Array): unknown {
  const from = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const reader: Reader<string> = { from, at: 0, text: textOf }
  const value = read(reader)
  if (reader.at !== from.length)
    throw new RangeError(`${from.length - reader.at} bytes follow a packed value`)
  return value
}

interface Reader<Text> {
  readonly from: Buffer
  at: number
  readonly text: (from: Buffer, start: number, end: number) => Text
}

function textOf(from: Buffer, start: number, end: number): string {
  const first = from[start] as number
  // One letter names a type; the runtime has all of them ready.
  if (end - start === 1 && first < 0x80) return String.fromCharCode(first)
  return from.toString('utf8', start, end)
}

function bytesOf(from: Buffer, start: number, end: number): Buffer {
  return from.subarray(start, end)
}

function read<Text>(reader: Reader<Text>): unknown {
  const { from } = reader
  const head = from.readUInt8(reader.at)
  reader.at += 1
  if (head < 0x80) return head
  if (head >= 0xe0) return head - 0x100
  if (head < 0x90) throw unreadable(head)
  if (head < 0xa0) return readList(reader, head & 0x0f)
  if (head < 0xc0) return readText(reader, head & 0x1f)
  const { at } = reader
  switch (head) {
    case 0xca:
      return advance(reader, 4, from.readFloatBE(at))
    case 0xcb:
      return advance(reader, 8, from.readDoubleBE(at))
    case 0xcc:
      return advance(reader, 1, from.readUInt8(at))
    case 0xcd:
      return advance(reader, 2, from.readUInt16BE(at))
    case 0xce:
      return advance(reader, 4, from.readUInt32BE(at))
    case 0xcf:
      return advance(reader, 8, from.readUInt32BE(at) * 0x100000000 + from.readUInt32BE(at + 4))
    case 0xd0:
      return advance(reader, 1, from.readInt8(at))
    case 0xd1:
      return advance(reader, 2, from.readInt16BE(at))
    case 0xd2:
      return advance(reader, 4, from.readInt32BE(at))
    case 0xd3:
      return advance(reader, 8, from.readInt32BE(at) * 0x100000000 + from.readUInt32BE(at + 4))
    case 0xd9:
      return readText(reader, advance(reader, 1, from.readUInt8(at)))
    case 0xda:
      return readText(reader, advance(reader, 2, from.readUInt16BE(at)))
    case 0xdb:
      return readText(reader, advance(reader, 4, from.readUInt32BE(at)))
    case 0xdc:
      return readList(reader, advance(reader, 2, from.readUInt16BE(at)))
    case 0xdd:
      return readList(reader, advance(reader, 4, from.readUInt32BE(at)))
    default:
      throw unreadable(head)
  }
}

function advance<T>(reader: { at: number }, bytes: number, value: T): T {
  reader.at += bytes
  return value
}

function readText<Text>(reader: Reader<Text>, bytes: number): Text {
  const start = reader.at
  const end = start + bytes
  if (end > reader.from.length) throw new RangeError(`a packed text of ${bytes} bytes ends early`)
  reader.at = end
  return reader.text(reader.from, start, end)
}

function readList<Text>(reader: Reader<Text>, length: number): unknown[] {
  // A value takes at least one byte: nothing is set aside for what is not there.
  if (length > reader.from.length - reader.at) throw new RangeError(`a packed list of ${length} ends early`)
  const list: unknown[] = []
  for (let place = 0; place < length; place++) list.push(read(reader))
  return list
}

function unreadable(head: number): RangeError {
  return new RangeError(`a packed value that begins with 0x${head.toString(16)} is not one of pgr's`)
}
