import { type DeflatedSegment, type Deflater, gzipMember } from './gzip-member.ts'

/** Pieces gather in segments of about this size: small enough to renew quickly, large enough to compress well. */
const SEGMENT_BYTES = 32 * 1024

/** Sorts before every unit: the head of a family. */
export const HEAD = ''

interface Piece {
  readonly family: string
  readonly unit: string
  /** Bytes not yet joined; absent when they stand in the segment's `source` at `offset`. */
  fresh: Uint8Array | undefined
  offset: number
  length: number
  series: number
}

interface Segment {
  pieces: Piece[]
  bytes: number
  /** Joined bytes of an earlier state, where pieces without `fresh` still stand. */
  source: Uint8Array
  /** True when `source` is the concatenation of the pieces. */
  joined: boolean
  /** `source` compressed, or on its way to be. */
  deflated: Deflated | undefined
}

type Deflated = DeflatedSegment | Promise<DeflatedSegment>

/**
 * A page of one format: pieces (a head or a block) in order of family and unit, kept as joined and compressed segments,
 * so that renewing a page costs what changed. Bytes live outside the V8 heap; joined segments are never written to
 * again, so a snapshot stays valid while a slow reader takes it.
 */
export class Page {
  #segments: Segment[] = []
  #stale = new Set<Segment>()
  #bytes = 0
  #series = 0
  /** Segment of the piece set last; that of the next is mostly the same or the one behind. */
  #near = 0

  /** Total length of all pieces. */
  get bytes(): number {
    return this.#bytes
  }

  /** Total of the series that the pieces show. */
  get series(): number {
    return this.#series
  }

  /** Sets or replaces a piece; one without bytes is removed. Returns by how much the page grew. */
  set(family: string, unit: string, bytes: Uint8Array | undefined, series: number): number {
    const at = this.#segmentFor(family, unit)
    const segment = this.#segments[at]
    const index = segment === undefined ? 0 : findPiece(segment.pieces, family, unit)
    const piece = segment?.pieces[index]
    if (segment === undefined || piece === undefined || piece.family !== family || piece.unit !== unit) {
      if (bytes === undefined || bytes.length === 0) return 0
      const fresh = { family, unit, fresh: bytes, offset: 0, length: bytes.length, series }
      return this.#insert(Math.max(0, at), index, fresh)
    }
    if (bytes === undefined || bytes.length === 0) return this.#remove(at, index)
    this.#series += series - piece.series
    piece.series = series
    if (same(bytesOf(segment, piece), bytes)) return 0
    const grown = bytes.length - piece.length
    piece.fresh = bytes
    piece.length = bytes.length
    this.#touch(segment, grown)
    if (segment.bytes > 2 * SEGMENT_BYTES) this.#split(at)
    return grown
  }

  /** Removes the head and all blocks of a family. */
  removeFamily(family: string): void {
    for (;;) {
      const at = Math.max(0, this.#segmentFor(family, HEAD))
      const segment = this.#segments[at]
      if (segment === undefined) return
      const index = findPiece(segment.pieces, family, HEAD)
      if (segment.pieces[index]?.family === family) this.#remove(at, index)
      else if (index < segment.pieces.length || this.#segments[at + 1]?.pieces[0]?.family !== family) return
      else this.#remove(at + 1, 0)
    }
  }

  /**
   * Joins stale segments until none is left or `until` (performance.now) has passed; true when none is left. With a
   * deflater they are compressed meanwhile, but for the one that was written to last and may not be full yet.
   */
  join(until: number, deflater?: Deflater): boolean {
    const near = this.#segments[this.#near]
    for (const segment of this.#stale) {
      joinSegment(segment)
      this.#stale.delete(segment)
      if (deflater !== undefined && segment !== near) void deflate(segment, deflater)
      if (performance.now() > until && this.#stale.size > 0) return false
    }
    return true
  }

  /** The page as it stands; every segment must be joined. */
  plain(): { chunks: Uint8Array[]; bytes: number } {
    return { chunks: this.#segments.map(({ source }) => source), bytes: this.#bytes }
  }

  /** The page as it stands at the call, compressed; every segment must be joined. `end` is what follows the last piece. */
  async gzip(deflater: Deflater, end: Uint8Array): Promise<{ chunks: Uint8Array[]; bytes: number }> {
    const deflated = this.#segments.map((segment) => segment.deflated ?? deflate(segment, deflater))
    return gzipMember(await Promise.all([...deflated, deflater.deflate(end)]))
  }

  /** Index of the segment where the piece stands or belongs; -1 on an empty page. */
  #segmentFor(family: string, unit: string): number {
    const last = this.#segments.length - 1
    const near = Math.min(this.#near, last)
    let low = 0
    let high = last
    if (this.#begins(near, family, unit)) {
      low = near
      if (!this.#begins(near + 1, family, unit)) high = near
    } else {
      high = Math.min(high, Math.max(0, near - 1))
    }
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#begins(middle, family, unit)) low = middle
      else high = middle - 1
    }
    this.#near = low
    return high
  }

  /** Whether the segment is there and begins with this piece or one before it. */
  #begins(at: number, family: string, unit: string): boolean {
    const first = this.#segments[at]?.pieces[0]
    return first !== undefined && compare(first, family, unit) <= 0
  }

  #insert(at: number, index: number, piece: Piece): number {
    let segment = this.#segments[at]
    if (segment === undefined) {
      segment = { pieces: [], bytes: 0, source: EMPTY, joined: false, deflated: undefined }
      this.#segments.push(segment)
    }
    segment.pieces.splice(index, 0, piece)
    this.#series += piece.series
    this.#touch(segment, piece.length)
    if (segment.bytes > 2 * SEGMENT_BYTES) this.#split(at)
    return piece.length
  }

  #remove(at: number, index: number): number {
    const segment = this.#segments[at] as Segment
    const [piece] = segment.pieces.splice(index, 1) as [Piece]
    const shrunk = -piece.length
    this.#series -= piece.series
    this.#touch(segment, shrunk)
    if (segment.pieces.length === 0) {
      this.#segments.splice(at, 1)
      this.#stale.delete(segment)
    } else if (segment.bytes < SEGMENT_BYTES / 4) {
      this.#mergeWithNext(at)
    }
    return shrunk
  }

  #touch(segment: Segment, grown: number): void {
    segment.bytes += grown
    this.#bytes += grown
    segment.joined = false
    segment.deflated = undefined
    this.#stale.add(segment)
  }

  #split(at: number): void {
    const segment = this.#segments[at] as Segment
    if (segment.pieces.length < 2) return
    const parts: Segment[] = []
    let pieces: Piece[] = []
    let bytes = 0
    for (const piece of segment.pieces) {
      if (bytes > 0 && bytes + piece.length > SEGMENT_BYTES) {
        parts.push({ pieces, bytes, source: segment.source, joined: false, deflated: undefined })
        pieces = []
        bytes = 0
      }
      pieces.push(piece)
      bytes += piece.length
    }
    parts.push({ pieces, bytes, source: segment.source, joined: false, deflated: undefined })
    this.#segments.splice(at, 1, ...parts)
    this.#stale.delete(segment)
    for (const part of parts) this.#stale.add(part)
  }

  #mergeWithNext(at: number): void {
    const segment = this.#segments[at] as Segment
    const next = this.#segments[at + 1]
    if (next === undefined || segment.bytes + next.bytes > SEGMENT_BYTES) return
    for (const piece of next.pieces) {
      piece.fresh = bytesOf(next, piece)
      segment.pieces.push(piece)
    }
    this.#segments.splice(at + 1, 1)
    this.#stale.delete(next)
    segment.bytes += next.bytes
    this.#touch(segment, 0)
  }
}

function deflate(segment: Segment, deflater: Deflater): Promise<DeflatedSegment> {
  const deflating = deflater.deflate(segment.source)
  segment.deflated = deflating
  // Kept for later pages, unless the segment has moved on meanwhile.
  const keep = (deflated: DeflatedSegment | undefined) => {
    if (segment.deflated === deflating) segment.deflated = deflated
  }
  deflating.then(keep, () => keep(undefined))
  return deflating
}

const EMPTY = new Uint8Array(0)

function compare(piece: Piece, family: string, unit: string): number {
  if (piece.family !== family) return piece.family < family ? -1 : 1
  return piece.unit < unit ? -1 : piece.unit > unit ? 1 : 0
}

/** Index of the piece, or where it belongs. */
function findPiece(pieces: readonly Piece[], family: string, unit: string): number {
  let low = 0
  let high = pieces.length
  const last = pieces[high - 1]
  if (last !== undefined && compare(last, family, unit) < 0) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(pieces[middle] as Piece, family, unit) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function bytesOf(segment: Segment, piece: Piece): Uint8Array {
  return piece.fresh ?? segment.source.subarray(piece.offset, piece.offset + piece.length)
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

function joinSegment(segment: Segment): void {
  const joined = Buffer.allocUnsafeSlow(segment.bytes)
  let offset = 0
  for (const piece of segment.pieces) {
    joined.set(bytesOf(segment, piece), offset)
    piece.fresh = undefined
    piece.offset = offset
    offset += piece.length
  }
  segment.source = joined
  segment.joined = true
}
