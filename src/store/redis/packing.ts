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
