/** What can be packed: a number, a text, bytes, or a list of these. */
export type Packable = number | string | Uint8Array | readonly Packable[]

/**
 * A value as the scripts' `cmsgpack.unpack` reads it: MessagePack, with bytes as strings, because it knows no others. Texts
 * are UTF-8. Numbers keep every bit.
 */
export function pack(value: Packable): Buffer {
  const into = Buffer.allocUnsafe(mostBytes(value))
  return into.subarray(0, write(into, 0, value))
}

const HEAD_BYTES = 5
const NUMBER_BYTES = 9

function mostBytes(value: Packable): number {
  if (typeof value === 'number') return NUMBER_BYTES
  if (typeof value === 'string') return HEAD_BYTES + value.length * 3
  if (value instanceof Uint8Array) return HEAD_BYTES + value.length
  let bytes = HEAD_BYTES
  for (const each of value) bytes += mostBytes(each)
  return bytes
}

function write(into: Buffer, at: number, value: Packable): number {
  if (typeof value === 'number') return writeNumber(into, at, value)
  if (typeof value === 'string') return writeText(into, at, value)
  if (value instanceof Uint8Array) {
    const from = writeHead(into, at, value.length, STRING)
    into.set(value, from)
    return from + value.length
  }
  let end = writeHead(into, at, value.length, ARRAY)
  for (const each of value) end = write(into, end, each)
  return end
}

function writeNumber(into: Buffer, at: number, value: number): number {
  if (value >= 0 && value < 0x80 && Number.isInteger(value) && !Object.is(value, -0)) {
    into[at] = value
    return at + 1
  }
  into[at] = 0xcb
  return into.writeDoubleBE(value, at + 1)
}

function writeText(into: Buffer, at: number, text: string): number {
  // A short text is written behind the smallest head first, which is where it mostly belongs.
  if (text.length < 32) {
    const bytes = into.write(text, at + 1)
    if (bytes < 32) {
      into[at] = 0xa0 | bytes
      return at + 1 + bytes
    }
  }
  const bytes = Buffer.byteLength(text)
  const from = writeHead(into, at, bytes, STRING)
  into.write(text, from)
  return from + bytes
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

function writeHead(into: Buffer, at: number, length: number, { short, most, of16, of32 }: Heads): number {
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
  const reader: Reader = { from, at: 0 }
  const value = read(reader)
  if (reader.at !== from.length)
    throw new RangeError(`${from.length - reader.at} bytes follow a packed value`)
  return value
}

interface Reader {
  readonly from: Buffer
  at: number
}

function read(reader: Reader): unknown {
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

function advance<T>(reader: Reader, bytes: number, value: T): T {
  reader.at += bytes
  return value
}

function readText(reader: Reader, bytes: number): string {
  const start = reader.at
  const end = start + bytes
  if (end > reader.from.length) throw new RangeError(`a packed text of ${bytes} bytes ends early`)
  reader.at = end
  return reader.from.toString('utf8', start, end)
}

function readList(reader: Reader, length: number): unknown[] {
  // A value takes at least one byte: nothing is set aside for what is not there.
  if (length > reader.from.length - reader.at) throw new RangeError(`a packed list of ${length} ends early`)
  const list: unknown[] = []
  for (let place = 0; place < length; place++) list.push(read(reader))
  return list
}

function unreadable(head: number): RangeError {
  return new RangeError(`a packed value that begins with 0x${head.toString(16)} is not one of pgr's`)
}
