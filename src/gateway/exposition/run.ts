import { joinCrc, shiftOf } from './crc32.ts'
import type { Deflated } from './gzip-member.ts'

/**
 * Text is rendered and compressed in segments of about this weight: the bytes, and what each piece costs beside its own. A
 * change costs all of its segment, so they are small; much smaller ones would compress badly.
 */
export const SEGMENT_WEIGHT = 4 * 1024
const PIECE_WEIGHT = 128
/** Bytes are kept and handed out in runs of segments, so that a page is no long list of small things. */
export const RUN_BYTES = 32 * 1024
/** Kept bytes take room in steps, so that there is place for a few more when they change. */
const ROOM_STEP = 256

/** Pieces that are rendered and compressed together. */
export interface Segment<P> {
  pieces: P[]
  /** Of each piece the bytes as rendered last, in the way of `lengthAt` and `isStaleAt`. */
  lengths: number[]
  /** Their sum. */
  bytes: number
  series: number
  /** A piece came, went or shows something else since it was rendered. */
  isStale: boolean
  /** What it shows is compressed, or on the way to be. */
  isCompressed: boolean
  /** Where its bytes stand in those of the run; `NOWHERE` when what stands there is none of its text. */
  textAt: number
  gzipAt: number
  gzipBytes: number
  crc: number
  /** Bytes that are not among those of the run yet. */
  freshText: Uint8Array | undefined
  freshGzip: Uint8Array | undefined
  /** Stands for its text that went to be compressed last; undefined when none is awaited. */
  ticket: object | undefined
}

/** Neighbouring segments whose bytes are kept and handed out as one. */
export interface Run<P> {
  segments: Segment<P>[]
  /** There only while the text is wanted. */
  text: Buffer | undefined
  /** One deflate segment after the other. */
  gzip: Buffer
  crc: number
  /** `shiftOf` the length of the text. */
  shift: number
  length: number
}

export const NOTHING = Buffer.alloc(0)
export const NOWHERE = -1
/** Length of a piece that was never rendered. */
export const STALE = -1

/** Bytes of a piece as rendered last; 0 before that. */
export function lengthAt<P>({ lengths }: Segment<P>, index: number): number {
  const length = lengths[index] as number
  return length < 0 ? STALE - length : length
}

/** The piece shows something else than when it was rendered. */
export function isStaleAt<P>({ lengths }: Segment<P>, index: number): boolean {
  return (lengths[index] as number) < 0
}

export function markStale<P>(segment: Segment<P>, index: number): void {
  segment.lengths[index] = STALE - lengthAt(segment, index)
}

export function newSegment<P>(pieces: P[], lengths: number[]): Segment<P> {
  const segment: Segment<P> = {
    pieces,
    lengths,
    bytes: 0,
    series: 0,
    isStale: true,
    isCompressed: false,
    textAt: NOWHERE,
    gzipAt: 0,
    gzipBytes: 0,
    crc: 0,
    freshText: undefined,
    freshGzip: undefined,
    ticket: undefined,
  }
  for (let index = 0; index < lengths.length; index++) segment.bytes += lengthAt(segment, index)
  return segment
}

export function newRun<P>(segments: Segment<P>[]): Run<P> {
  return { segments, text: undefined, gzip: NOTHING, crc: 0, shift: 0, length: 0 }
}

export function weightOf<P>({ bytes, pieces }: Segment<P>): number {
  return bytes + pieces.length * PIECE_WEIGHT
}

export function bytesOf<P>({ segments }: Run<P>): number {
  let bytes = 0
  for (const segment of segments) bytes += segment.bytes
  return bytes
}

export function seriesIn<P>({ segments }: Run<P>): number {
  let series = 0
  for (const segment of segments) series += segment.series
  return series
}

/** What a segment shows is compressed, and its bytes are here. */
export function isLanded<P>({ isCompressed, ticket }: Segment<P>): boolean {
  return isCompressed && ticket === undefined
}

/** What a segment shows is not what was compressed. */
export function forgetGzip<P>(segment: Segment<P>): void {
  segment.isCompressed = false
  segment.ticket = undefined
  segment.freshGzip = undefined
  segment.gzipBytes = 0
}

/** Takes the pieces from `index` on into a segment of its own. Both are to be rendered. */
export function cut<P>(segment: Segment<P>, index: number): Segment<P> {
  const rest = newSegment(segment.pieces.splice(index), segment.lengths.splice(index))
  segment.bytes -= rest.bytes
  segment.textAt = NOWHERE
  return rest
}

/** Parts of a rendered segment, in order, of a handy size. */
export function parted<P>(segment: Segment<P>, seriesOf: (piece: P) => number): Segment<P>[] {
  if (weightOf(segment) <= 2 * SEGMENT_WEIGHT || segment.pieces.length === 1) return [segment]
  const parts: Segment<P>[] = []
  let from = 0
  let weight = 0
  for (const [index, length] of segment.lengths.entries()) {
    weight += length + PIECE_WEIGHT
    if (weight < SEGMENT_WEIGHT && index < segment.lengths.length - 1) continue
    const part = newSegment(segment.pieces.slice(from, index + 1), segment.lengths.slice(from, index + 1))
    for (const piece of part.pieces) part.series += seriesOf(piece)
    parts.push(part)
    from = index + 1
    weight = 0
  }
  return parts
}

/**
 * Joins the text anew, from what is fresh and from `old`, where the rest stands; returns how many bytes that were. With
 * `mayOverwrite` nobody reads what the run had, and its room is used again.
 */
export function joinText<P>(run: Run<P>, old: Buffer, mayOverwrite: boolean): number {
  const { segments } = run
  const bytes = bytesOf(run)
  if (mayOverwrite && run.text?.length === bytes && stand(segments, TEXT))
    return patch(run.text, segments, TEXT)
  const room = mayOverwrite ? roomAgain(run.text, bytes) : undefined
  const joined = room === undefined ? roomFor(bytes) : scratchFor(bytes)
  join(segments, TEXT, old, joined)
  run.text = keep(joined, room)
  return bytes
}

/** Joins the compressed bytes anew, as `joinText` does; all of them are fresh or stand in the run. */
export function joinGzip<P>(run: Run<P>, mayOverwrite: boolean): number {
  const { segments } = run
  let bytes = 0
  let crc = 0
  for (const segment of segments) {
    bytes += segment.gzipBytes
    crc = joinCrc(crc, segment.crc, shiftOf(segment.bytes))
  }
  run.crc = crc
  run.length = bytesOf(run)
  run.shift = shiftOf(run.length)
  if (mayOverwrite && run.gzip.length === bytes && stand(segments, GZIP))
    return patch(run.gzip, segments, GZIP)
  const room = mayOverwrite ? roomAgain(run.gzip, bytes) : undefined
  const joined = room === undefined ? roomFor(bytes) : scratchFor(bytes)
  join(segments, GZIP, run.gzip, joined)
  run.gzip = keep(joined, room)
  return bytes
}

/** One of the two kinds of bytes that a run has of its segments. */
interface Kind {
  readonly at: 'textAt' | 'gzipAt'
  readonly bytes: 'bytes' | 'gzipBytes'
  readonly fresh: 'freshText' | 'freshGzip'
}
const TEXT: Kind = { at: 'textAt', bytes: 'bytes', fresh: 'freshText' }
const GZIP: Kind = { at: 'gzipAt', bytes: 'gzipBytes', fresh: 'freshGzip' }

/** Whether every segment begins where it is said to stand. */
function stand<P>(segments: readonly Segment<P>[], kind: Kind): boolean {
  let at = 0
  for (const segment of segments) {
    if (segment[kind.at] !== at) return false
    at += segment[kind.bytes]
  }
  return true
}

/** Writes what is fresh over what stands in its place. */
function patch<P>(into: Buffer, segments: readonly Segment<P>[], kind: Kind): number {
  let bytes = 0
  for (const segment of segments) {
    const fresh = segment[kind.fresh]
    if (fresh === undefined) continue
    into.set(fresh, segment[kind.at])
    bytes += fresh.length
    segment[kind.fresh] = undefined
  }
  return bytes
}

function join<P>(segments: readonly Segment<P>[], kind: Kind, old: Buffer, joined: Buffer): void {
  const copy = new Copy(old, joined)
  for (const segment of segments) {
    segment[kind.at] = copy.add(segment[kind.fresh], segment[kind.at], segment[kind.bytes])
    segment[kind.fresh] = undefined
  }
  copy.end()
}

function keep(joined: Buffer, room: Buffer | undefined): Buffer {
  if (room === undefined) return joined
  joined.copy(room)
  return room
}

/** Copies parts one behind the other; those that stand together in what is old are copied at once. */
class Copy {
  readonly #old: Buffer
  readonly #joined: Buffer
  #at = 0
  /** What is to be copied of what is old. */
  #from = 0
  #to = 0

  constructor(old: Buffer, joined: Buffer) {
    this.#old = old
    this.#joined = joined
  }

  /** Returns where the part stands now. */
  add(fresh: Uint8Array | undefined, from: number, bytes: number): number {
    const at = this.#at + this.#to - this.#from
    if (fresh === undefined && from === this.#to) {
      this.#to += bytes
      return at
    }
    this.end()
    if (fresh === undefined) {
      this.#from = from
      this.#to = from + bytes
    } else {
      this.#joined.set(fresh, at)
      this.#at = at + bytes
    }
    return at
  }

  end(): void {
    if (this.#to > this.#from) this.#old.copy(this.#joined, this.#at, this.#from, this.#to)
    this.#at += this.#to - this.#from
    this.#from = 0
    this.#to = 0
  }
}

/** What was compressed of a segment stays when it moves to another run: as a copy, because its room is used again. */
export function detach<P>({ gzip }: Run<P>, segment: Segment<P>): void {
  const { gzipAt, gzipBytes } = segment
  if (gzipBytes > 0) segment.freshGzip ??= Buffer.from(gzip.subarray(gzipAt, gzipAt + gzipBytes))
}

export function* deflatedOf<P>(runs: readonly Run<P>[], end: Deflated): Iterable<Deflated> {
  for (const { gzip, crc, shift, length } of runs) yield { bytes: gzip, crc, shift, length }
  yield end
}

function roomFor(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.ceil(bytes / ROOM_STEP) * ROOM_STEP).subarray(0, bytes)
}

/** The room that bytes have, for as many others, unless these do not fit in or would leave much of it empty. */
function roomAgain(room: Buffer | undefined, bytes: number): Buffer | undefined {
  if (room === undefined) return undefined
  const { buffer } = room
  const fits = bytes <= buffer.byteLength && 2 * bytes >= buffer.byteLength
  return fits ? Buffer.from(buffer, 0, bytes) : undefined
}

/** Where bytes are put together that go back to where some of them come from. */
let scratch = Buffer.alloc(0)

function scratchFor(bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.allocUnsafeSlow(Math.max(bytes, 4 * RUN_BYTES))
  return scratch.subarray(0, bytes)
}
