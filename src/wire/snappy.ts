import { PgrError } from '../errors/pgr-error.ts'
import { tooLarge } from './limits.ts'

/**
 * Two formats are called snappy. The block format (format_description.txt) is one run of bytes with its length in front;
 * remote write sends it. The framed format (framing_format.txt) is a stream of checked blocks; it is what a
 * `Content-Encoding: snappy` of a push means. Decoders of libraries were made to loop for ever or to return bytes nobody
 * sent, so both are decoded here: every read is checked, and memory is taken only for what the limit allows.
 */

export interface SnappyOptions {
  /** Most bytes the result may have. */
  readonly limitBytes: number
  /** Setting the limit comes from, for the message. */
  readonly setting: string
  /** Told of every further piece of the result before it is kept; may throw to give up. */
  readonly take?: (bytes: number) => void
}

/**
 * Decompresses one block. Throws PGR_BODY_MALFORMED when it is truncated, corrupt, or other than the length it begins with
 * says, and PGR_BODY_TOO_LARGE when that length is over the limit.
 */
export function unsnapBlock(block: Uint8Array, options: SnappyOptions): Uint8Array {
  const { length, at } = readLength(block)
  if (length > options.limitBytes)
    throw tooLarge(options.limitBytes, 'the decompressed body', options.setting)
  // No element makes more than 64 bytes of 3, so that a short body cannot ask for a lot of memory.
  if (length > block.length * MOST_RATIO) throw corrupt('it is too short for the length it begins with')
  options.take?.(length)
  const out = Buffer.allocUnsafe(length)
  decode(block, at, out)
  return out
}

const MOST_RATIO = 32

function readLength(block: Uint8Array): { length: number; at: number } {
  let length = 0
  for (let at = 0; at < 5; at++) {
    const byte = block[at]
    if (byte === undefined) throw corrupt('it ends within its length')
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) {
      if (length >= 2 ** 32) break
      return { length, at: at + 1 }
    }
  }
  throw corrupt('its length is no number of 32 bits')
}

const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2

/** Decodes the elements from `from` on; they must fill `out` exactly. */
function decode(block: Uint8Array, from: number, out: Buffer): void {
  const end = block.length
  const most = out.length
  let at = from
  let to = 0
  while (at < end) {
    const tag = block[at++] as number
    const kind = tag & 3
    if (kind === LITERAL) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const bytes = length - 60
        if (at + bytes > end) throw corrupt('it ends within a literal')
        length = 1
        for (let i = 0; i < bytes; i++) length += (block[at + i] as number) * 2 ** (8 * i)
        at += bytes
      }
      if (at + length > end) throw corrupt('it ends within a literal')
      if (to + length > most) throw corrupt('it holds more than its length says')
      if (length <= 16) for (let i = 0; i < length; i++) out[to + i] = block[at + i] as number
      else out.set(block.subarray(at, at + length), to)
      at += length
      to += length
      continue
    }
    const bytes = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4
    if (at + bytes > end) throw corrupt('it ends within a copy')
    let length = (tag >>> 2) + 1
    let offset = block[at] as number
    if (kind === COPY_1) {
      length = ((tag >>> 2) & 7) + 4
      offset += (tag >>> 5) * 256
    } else {
      for (let i = 1; i < bytes; i++) offset += (block[at + i] as number) * 2 ** (8 * i)
    }
    at += bytes
    if (offset === 0 || offset > to) throw corrupt('it copies what is not there')
    if (to + length > most) throw corrupt('it holds more than its length says')
    // What is copied may grow while it is copied.
    if (offset >= length && length > 16) out.copyWithin(to, to - offset, to - offset + length)
    else for (let i = 0; i < length; i++) out[to + i] = out[to - offset + i] as number
    to += length
  }
  if (to !== most) throw corrupt('it holds less than its length says')
}

const STREAM_ID = Buffer.from([0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59])
const HEADER_BYTES = 4
const CHECKSUM_BYTES = 4
/** Of a chunk, decompressed. */
const MOST_CHUNK_BYTES = 65_536
/** Decompressed in one go before others get their turn: 2 ms or so. */
const TURN_BYTES = 512 * 1024

const COMPRESSED = 0x00
const UNCOMPRESSED = 0x01
const FIRST_SKIPPABLE = 0x80
const STREAM_START = 0xff

/**
 * Decompresses a whole stream of the framed format. Rejects with PGR_BODY_MALFORMED when it is truncated, corrupt or not
 * framed at all, and with PGR_BODY_TOO_LARGE as soon as the result passes the limit.
 */
export async function unsnapFramed(body: Uint8Array, options: SnappyOptions): Promise<Uint8Array> {
  if (body.length === 0) return body
  const stream = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!stream.subarray(0, STREAM_ID.length).equals(STREAM_ID)) throw notFramed()
  const pieces: Uint8Array[] = []
  let bytes = 0
  let turnBytes = 0
  for (let at = 0; at < stream.length; ) {
    if (at + HEADER_BYTES > stream.length) throw corrupt('it ends within a chunk')
    const kind = stream[at] as number
    const length = stream.readUIntLE(at + 1, 3)
    const start = at + HEADER_BYTES
    at = start + length
    if (at > stream.length) throw corrupt('it ends within a chunk')
    const chunk = stream.subarray(start, at)
    if (kind === STREAM_START) {
      if (!chunk.equals(STREAM_ID.subarray(HEADER_BYTES))) throw corrupt('a stream within it has no name')
      continue
    }
    if (kind >= FIRST_SKIPPABLE) continue
    if (kind !== COMPRESSED && kind !== UNCOMPRESSED)
      throw corrupt(`it has a chunk of type ${kind}, which may not be passed over`)
    const piece = readChunk(kind, chunk)
    bytes += piece.length
    if (bytes > options.limitBytes)
      throw tooLarge(options.limitBytes, 'the decompressed body', options.setting)
    options.take?.(piece.length)
    pieces.push(piece)
    turnBytes += piece.length + length
    if (turnBytes < TURN_BYTES) continue
    turnBytes = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  return Buffer.concat(pieces, bytes)
}

function readChunk(kind: number, chunk: Buffer): Uint8Array {
  if (chunk.length < CHECKSUM_BYTES) throw corrupt('a chunk has no checksum')
  const data = chunk.subarray(CHECKSUM_BYTES)
  let piece: Uint8Array = data
  if (kind === COMPRESSED) {
    const { length, at } = readLength(data)
    if (length > MOST_CHUNK_BYTES) throw corrupt('a chunk is longer than 64 KiB')
    const out = Buffer.allocUnsafe(length)
    decode(data, at, out)
    piece = out
  }
  if (piece.length > MOST_CHUNK_BYTES) throw corrupt('a chunk is longer than 64 KiB')
  if (maskedCrc(piece) !== chunk.readUInt32LE(0)) throw corrupt('a chunk does not have its checksum')
  return piece
}

function notFramed(): PgrError {
  return new PgrError(
    'PGR_BODY_MALFORMED',
    'the body is not framed snappy: it does not begin with a stream identifier; ' +
      'the block format of remote write is not read here, send the framed format, gzip or no encoding',
  )
}

function corrupt(how: string): PgrError {
  return new PgrError('PGR_BODY_MALFORMED', `the body is not valid snappy: ${how}`)
}

/** CRC-32C by table (RFC 3720, Castagnoli). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

/** As the framed format writes it: rotated and shifted, so that a checksum of a checksum is none. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++)
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number)
  crc ^= 0xffffffff
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
