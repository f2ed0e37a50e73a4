import { constants, crc32, deflateRawSync } from 'node:zlib'
import { joinCrc, shiftOf } from './crc32.ts'

/**
 * One gzip member made of deflate segments that were compressed apart (RFC 1951, 1952): each ends in a full flush, hence
 * on a byte boundary and without reference to what came before, so that unchanged segments keep their bytes.
 * Several members one after the other would be legal too, but curl reads only the first.
 */
export interface Deflated {
  readonly bytes: Uint8Array
  readonly crc: number
  /** `shiftOf` the length of the text. */
  readonly shift: number
  /** Of the text. */
  readonly length: number
}

/** Bytes in pieces, and how many there are. */
export interface PageBytes {
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
}

// Magic, deflate, no flags, no time, fastest, unknown system: the same bytes from every replica.
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255])
// An empty final block with fixed codes.
const LAST_BLOCK = Buffer.from([0x03, 0x00])

/** A short text compressed on the spot. */
export function deflateShort(text: Uint8Array): Deflated {
  const bytes =
    text.length === 0 ? Buffer.alloc(0) : deflateRawSync(text, { finishFlush: constants.Z_FULL_FLUSH })
  return { bytes, crc: crc32(text), shift: shiftOf(text.length), length: text.length }
}

export function gzipMember(segments: Iterable<Deflated>): PageBytes {
  const chunks: Uint8Array[] = [HEADER]
  let bytes = HEADER.length
  let crc = 0
  let length = 0
  for (const segment of segments) {
    chunks.push(segment.bytes)
    bytes += segment.bytes.length
    crc = joinCrc(crc, segment.crc, segment.shift)
    length += segment.length
  }
  const trailer = Buffer.alloc(LAST_BLOCK.length + 8)
  LAST_BLOCK.copy(trailer)
  trailer.writeUInt32LE(crc, LAST_BLOCK.length)
  trailer.writeUInt32LE(length % 2 ** 32, LAST_BLOCK.length + 4)
  chunks.push(trailer)
  return { chunks, bytes: bytes + trailer.length }
}
