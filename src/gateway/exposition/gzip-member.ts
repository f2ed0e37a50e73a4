import { constants, crc32, createDeflateRaw } from 'node:zlib'
import { PgrError } from '../../errors/pgr-error.ts'
import { joinCrc, shiftOf } from './crc32.ts'

/**
 * One gzip member made of deflate segments that were compressed apart (RFC 1951, 1952): each ends in a full flush, hence
 * on a byte boundary and without reference to what came before, so that unchanged segments keep their bytes.
 * Several members one after the other would be legal too, but curl reads only the first.
 */
export interface DeflatedSegment {
  readonly bytes: Uint8Array
  readonly crc: number
  readonly shift: number
  readonly length: number
}

// Magic, deflate, no flags, no time, fastest, unknown system: the same bytes from every replica.
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255])
// An empty final block with fixed codes.
const LAST_BLOCK = Buffer.from([0x03, 0x00])

const NOTHING: DeflatedSegment = { bytes: Buffer.alloc(0), crc: 0, shift: shiftOf(0), length: 0 }

/** Every segment ends in the empty stored block of a full flush. */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff])

/**
 * Segments that are compressed at a time, in threads of zlib's. Each waits for a turn of the thread that serves requests
 * before the next can begin, so that there are more of them than cores.
 */
const LANES = 4

/** Compresses segments in threads of zlib's: the thread that serves requests has better to do. */
export class Deflater {
  readonly #lanes = Array.from({ length: LANES }, () => new Lane())
  #next = 0

  /** Rejects with PGR_INTERNAL when zlib fails, or when closed meanwhile. */
  deflate(text: Uint8Array): Promise<DeflatedSegment> {
    // zlib has nothing to say of nothing.
    if (text.length === 0) return Promise.resolve(NOTHING)
    this.#next = (this.#next + 1) % LANES
    return (this.#lanes[this.#next] as Lane).deflate(text)
  }

  close(): void {
    for (const lane of this.#lanes) lane.close()
  }
}

/** One segment after the other. */
class Lane {
  readonly #stream = createDeflateRaw({ level: 1, flush: constants.Z_FULL_FLUSH, chunkSize: 64 * 1024 })
  #pieces: Buffer[] = []
  #failure: Error | undefined

  constructor() {
    this.#stream.on('data', (piece: Buffer) => this.#pieces.push(piece))
    this.#stream.on('error', (error) => {
      this.#failure = error
    })
  }

  deflate(text: Uint8Array): Promise<DeflatedSegment> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => {
        // Copied to its size: the pieces are slices of a working buffer and would keep all of it alive.
        const bytes = Buffer.concat(this.#pieces)
        this.#pieces = []
        if (bytes.subarray(-FLUSHED.length).equals(FLUSHED))
          resolve({ bytes, crc: crc32(text), shift: shiftOf(text.length), length: text.length })
        else
          reject(
            new PgrError('PGR_INTERNAL', 'a page could not be compressed', { cause: error ?? this.#failure }),
          )
      })
    })
  }

  close(): void {
    this.#stream.destroy()
  }
}

export function gzipMember(segments: readonly DeflatedSegment[]): { chunks: Uint8Array[]; bytes: number } {
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
