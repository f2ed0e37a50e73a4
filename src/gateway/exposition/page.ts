import type { Sheet } from '../../formats/sheet.ts'
import { Compressor } from './compressor.ts'
import type { Deflater } from './deflater.ts'
import { type Deflated, gzipMember, type PageBytes } from './gzip-member.ts'
import {
  bytesOf,
  cut,
  deflatedOf,
  detach,
  forgetGzip,
  isLanded,
  isStaleAt,
  joinGzip,
  joinText,
  lengthAt,
  markStale,
  NOTHING,
  NOWHERE,
  newRun,
  newSegment,
  parted,
  RUN_BYTES,
  type Run,
  SEGMENT_WEIGHT,
  type Segment,
  STALE,
  seriesIn,
  weightOf,
} from './run.ts'

/** As long as sizes are not known: pieces and series in a segment, and segments in a run, which is rendered at once. */
const MOST_PIECES = 64
const MOST_SERIES = 256
const MOST_SEGMENTS = 16
/** Series in a run that was never rendered: few, so that the units it shows stay in the caches for the next family. */
const MOST_NEW_SERIES = 2 * MOST_SERIES

/** Sorts before every unit: the head of a family. */
export const HEAD = ''

/** Knows the pieces of a page and writes them: heads of families, and blocks of one unit and family. */
export interface PageWriter<P> {
  familyOf(piece: P): string
  /** Canonical text of its unit, or `HEAD`. */
  orderOf(piece: P): string
  /** Puts the bytes of a piece on the sheet, as it stands now, and returns how many. May be none. */
  write(piece: P, sheet: Sheet): number
  /** Series it shows. */
  seriesOf(piece: P): number
  /** Told when the bytes of a piece became so many more than before; fewer when negative. */
  resized(piece: P, by: number): void
}

/** What a page did since it was made. */
export interface PageWork {
  readonly written: number
  readonly joinedBytes: number
  readonly compressedBytes: number
}

/**
 * A page of one format: pieces in order of family and unit. Of their bytes only those are kept that are asked for: the
 * text while plain pages are wanted, the compressed bytes while compressed ones are. Where a piece changes, its whole
 * segment is written again from what is stored; so renewing the compressed page takes no text that was kept.
 *
 * Bytes live outside the V8 heap. While somebody holds them they are not written to: a page that was handed out stays as
 * it is while a slow reader takes it. Else they are renewed in place, because making new room for what changed would have
 * all of the heap collected every few pages.
 */
export class Page<P> {
  readonly #writer: PageWriter<P>
  readonly #runs: Run<P>[] = []
  /** Runs with something to be rendered. */
  #stale = new Set<Run<P>>()
  /** They stand in the order in which they are rendered. */
  #isOrdered = true
  /** Runs with segments that are compressed anew. */
  readonly #unjoined = new Set<Run<P>>()
  #compressor = new Compressor<P>()
  #keepsText = false
  #keepsGzip = false
  #bytes = 0
  #series = 0
  /** Index of the run of the piece that was looked for last; that of the next is mostly the same or the one behind. */
  #near = 0
  #plain: PageBytes | undefined
  #gzip: PageBytes | undefined
  #textHolds = 0
  #gzipHolds = 0
  #written = 0
  #joinedBytes = 0

  constructor(writer: PageWriter<P>) {
    this.#writer = writer
  }

  /** Total length of all pieces as rendered last. */
  get bytes(): number {
    return this.#bytes
  }

  /** Total of the series that the pieces show, as rendered last. */
  get series(): number {
    return this.#series
  }

  /** Bytes that are kept, of text and compressed. */
  get keptBytes(): number {
    let bytes = 0
    for (const { text, gzip } of this.#runs) bytes += (text?.length ?? 0) + gzip.length
    return bytes
  }

  get work(): PageWork {
    const { bytes } = this.#compressor
    return { written: this.#written, joinedBytes: this.#joinedBytes, compressedBytes: bytes }
  }

  /** Keeps the text, which `plain` needs, from the next `render` on; or gives it up. */
  keepText(keeps: boolean): void {
    if (keeps === this.#keepsText) return
    this.#keepsText = keeps
    this.#plain = undefined
    for (const run of this.#runs) {
      if (keeps) this.#addStale(run)
      else run.text = undefined
    }
  }

  /** Compresses, which `gzip` needs, from the next `render` on; or gives up what is compressed. */
  keepGzip(deflater: Deflater | undefined): void {
    this.#keepsGzip = deflater !== undefined
    this.#compressor = new Compressor(deflater)
    this.#gzip = undefined
    this.#unjoined.clear()
    for (const run of this.#runs) {
      run.gzip = NOTHING
      for (const segment of run.segments) forgetGzip(segment)
      if (this.#keepsGzip) this.#addStale(run)
    }
  }

  /** What `plain` gives stays as it is until the answer is called, once. */
  holdText(): () => void {
    this.#textHolds++
    return () => this.#textHolds--
  }

  /** What `gzip` gives stays as it is until the answer is called, once. */
  holdGzip(): () => void {
    this.#gzipHolds++
    return () => this.#gzipHolds--
  }

  /** The piece is new or shows something else than before; it stands for any other of the same family and order. */
  put(piece: P): void {
    const family = this.#writer.familyOf(piece)
    const order = this.#writer.orderOf(piece)
    const at = Math.max(0, this.#runFor(family, order))
    let run = this.#runs[at]
    if (run === undefined) {
      run = newRun([newSegment<P>([], [])])
      this.#runs.push(run)
    }
    const place = this.#segmentFor(run, family, order)
    const segment = run.segments[place] as Segment<P>
    const index = this.#indexIn(segment.pieces, family, order)
    this.#touch(run, segment)
    if (this.#stands(segment.pieces[index], family, order)) {
      segment.pieces[index] = piece
      markStale(segment, index)
    } else {
      this.#insert({ at, place, index }, piece)
    }
  }

  /** Takes a piece away, if it is there and no other stands in its place. */
  remove(piece: P): void {
    const family = this.#writer.familyOf(piece)
    const order = this.#writer.orderOf(piece)
    const at = this.#runFor(family, order)
    const run = this.#runs[at]
    if (run === undefined) return
    const place = this.#segmentFor(run, family, order)
    const { pieces } = run.segments[place] as Segment<P>
    const index = this.#indexIn(pieces, family, order)
    if (pieces[index] === piece) this.#removeAt({ at, place, index })
  }

  /** Takes the head and all blocks of a family away. */
  removeFamily(family: string): void {
    const isOf = (piece: P | undefined) => piece !== undefined && this.#writer.familyOf(piece) === family
    for (;;) {
      const at = Math.max(0, this.#runFor(family, HEAD))
      const run = this.#runs[at]
      if (run === undefined) return
      const place = this.#segmentFor(run, family, HEAD)
      const { pieces } = run.segments[place] as Segment<P>
      const index = this.#indexIn(pieces, family, HEAD)
      if (isOf(pieces[index])) this.#removeAt({ at, place, index })
      else if (isOf(run.segments[place + 1]?.pieces[0])) this.#removeAt({ at, place: place + 1, index: 0 })
      else if (isOf(this.#runs[at + 1]?.segments[0]?.pieces[0]))
        this.#removeAt({ at: at + 1, place: 0, index: 0 })
      else return
    }
  }

  /**
   * Renders what is stale until nothing is or `until` (performance.now) has passed; true when nothing is. Compressing goes
   * on beside that; when it is far behind the answer is false, too, and `landing` is what to wait for.
   */
  render(until: number): boolean {
    if (!this.#isOrdered) this.#orderStale()
    for (const run of this.#stale) {
      if (this.#compressor.isBehind) {
        this.#joinLanded(until)
        return false
      }
      try {
        this.#renew(run)
      } catch (reason) {
        // What it has of its text may be gone when it is tried again.
        for (const segment of run.segments) {
          this.#touch(run, segment)
          segment.textAt = NOWHERE
        }
        throw reason
      }
      if (performance.now() > until && this.#stale.size > 0) return false
    }
    this.#compressor.next(true)
    return true
  }

  /** Nothing waits to be rendered. */
  get isRendered(): boolean {
    return this.#stale.size === 0
  }

  /** Compressing is so far behind that nothing more is rendered. */
  get isBehind(): boolean {
    return this.#compressor.isBehind
  }

  /** Everything rendered is compressed, if it is to be. */
  get isCompressed(): boolean {
    return this.#compressor.isDone
  }

  /** Resolves when more is compressed than was. Rejects with PGR_INTERNAL when it could not be; it will be tried again. */
  async landing(): Promise<void> {
    try {
      await this.#compressor.landing()
    } catch (reason) {
      for (const run of this.#runs)
        if (run.segments.some(({ isCompressed }) => !isCompressed)) this.#addStale(run)
      throw reason
    }
  }

  /**
   * Joins what was compressed until nothing is left or `until` (performance.now) has passed; true when nothing is left.
   * Only when everything is rendered and compressed.
   */
  join(until: number): boolean {
    for (const run of this.#unjoined) {
      this.#join(run)
      if (performance.now() > until && this.#unjoined.size > 0) return false
    }
    return true
  }

  /** Joins what is compressed already, in the order in which it went off: there is time while the rest is waited for. */
  #joinLanded(until: number): void {
    for (const run of this.#unjoined) {
      if (this.#stale.has(run) || !run.segments.every(isLanded) || performance.now() > until) return
      this.#join(run)
    }
  }

  #join(run: Run<P>): void {
    this.#unjoined.delete(run)
    this.#joinedBytes += joinGzip(run, this.#gzipHolds === 0)
  }

  /** The page as it was rendered last, with its text kept, until the next `render`. The same object while nothing changes. */
  plain(): PageBytes {
    this.#plain ??= { chunks: this.#runs.map(({ text }) => text ?? NOTHING), bytes: this.#bytes }
    return this.#plain
  }

  /** The page as it was joined last, with `end` behind it, until the next `render`. The same object while nothing changes. */
  gzip(end: Deflated): PageBytes {
    this.#gzip ??= gzipMember(deflatedOf(this.#runs, end))
    return this.#gzip
  }

  #addStale(run: Run<P>): void {
    this.#stale.add(run)
    this.#isOrdered = false
  }

  /**
   * By unit first, so that what all families show of it is rendered while it is in the caches of the processor: most of the
   * time to render a page for the first time goes into waiting for memory.
   */
  #orderStale(): void {
    const runs = [...this.#stale].map((run) => ({
      run,
      order: this.#writer.orderOf(run.segments[0]?.pieces[0] as P),
    }))
    runs.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    this.#stale = new Set(runs.map(({ run }) => run))
    this.#isOrdered = true
  }

  /** Writes what is stale of a run, and what is to be kept of it and is not there. */
  #renew(run: Run<P>): void {
    this.#coalesce(run)
    this.#plain = undefined
    const old = run.text ?? NOTHING
    const lacksText = this.#keepsText && run.text === undefined
    const segments: Segment<P>[] = []
    for (const segment of run.segments) {
      const lacksGzip = this.#keepsGzip && !segment.isCompressed
      if (!segment.isStale && !lacksText && !lacksGzip) {
        segments.push(segment)
        continue
      }
      let from = this.#compressor.sheet.used
      this.#write(segment, run.text)
      for (const part of segment.isStale ? parted(segment, this.#writer.seriesOf) : [segment]) {
        const to = from + part.bytes
        if (this.#keepsText) part.freshText = this.#compressor.text(from, to)
        if (this.#keepsGzip && !part.isCompressed) this.#compressor.take(part, from, to)
        part.isStale = false
        segments.push(part)
        from = to
      }
    }
    this.#stale.delete(run)
    run.segments = segments
    for (const part of this.#partedRun(run)) {
      if (this.#keepsText) this.#joinedBytes += joinText(part, old, this.#textHolds === 0)
      if (this.#keepsGzip) this.#unjoined.add(part)
    }
    this.#gzip = undefined
    this.#compressor.next(false)
  }

  /** Appends the text of a segment; of what stands in `text` only pieces that changed are written again. */
  #write(segment: Segment<P>, text: Uint8Array | undefined): void {
    const { pieces, lengths } = segment
    const { sheet } = this.#compressor
    const known = segment.textAt < 0 ? undefined : text
    let at = segment.textAt
    let copied = at
    let series = 0
    for (let index = 0; index < pieces.length; index++) {
      const piece = pieces[index] as P
      series += this.#writer.seriesOf(piece)
      const before = lengthAt(segment, index)
      if (known !== undefined && !isStaleAt(segment, index)) {
        at += before
        continue
      }
      if (known !== undefined && copied < at) sheet.add(known.subarray(copied, at))
      at += before
      copied = at
      const length = this.#writer.write(piece, sheet)
      this.#written++
      lengths[index] = length
      const by = length - before
      if (by === 0) continue
      segment.bytes += by
      this.#bytes += by
      this.#writer.resized(piece, by)
    }
    if (known !== undefined && copied < at) sheet.add(known.subarray(copied, at))
    this.#series += series - segment.series
    segment.series = series
  }

  /** Puts small neighbours together where one of them is to be rendered anyway. */
  #coalesce(run: Run<P>): void {
    const { segments } = run
    for (let place = 0; place + 1 < segments.length; ) {
      const segment = segments[place] as Segment<P>
      const next = segments[place + 1] as Segment<P>
      const isSmall = Math.min(weightOf(segment), weightOf(next)) < SEGMENT_WEIGHT / 4
      const fits = weightOf(segment) + weightOf(next) <= SEGMENT_WEIGHT
      if (!isSmall || !fits || !(segment.isStale || next.isStale)) {
        place++
        continue
      }
      segment.pieces.push(...next.pieces)
      segment.lengths.push(...next.lengths)
      segment.bytes += next.bytes
      segment.series += next.series
      segment.isStale = true
      segment.textAt = NOWHERE
      forgetGzip(segment)
      segments.splice(place + 1, 1)
    }
  }

  /** A run of which all sizes are known, in runs of a handy size. */
  #partedRun(run: Run<P>): Run<P>[] {
    if (bytesOf(run) <= 2 * RUN_BYTES || run.segments.length === 1) return [run]
    const parts: Run<P>[] = []
    let part: Segment<P>[] = []
    let bytes = 0
    for (const segment of run.segments) {
      detach(run, segment)
      part.push(segment)
      bytes += segment.bytes
      if (bytes < RUN_BYTES) continue
      parts.push(newRun(part))
      part = []
      bytes = 0
    }
    if (part.length > 0) parts.push(newRun(part))
    this.#unjoined.delete(run)
    this.#runs.splice(this.#indexOf(run), 1, ...parts)
    return parts
  }

  #insert({ at, place, index }: Place, piece: P): void {
    const run = this.#runs[at] as Run<P>
    const segment = run.segments[place] as Segment<P>
    segment.pieces.splice(index, 0, piece)
    segment.lengths.splice(index, 0, STALE)
    const series = this.#writer.seriesOf(piece)
    segment.series += series
    this.#series += series
    if (segment.pieces.length < 2 || (segment.pieces.length <= MOST_PIECES && segment.series <= MOST_SERIES))
      return
    // What comes in order fills one after the other.
    const isLast = index === segment.pieces.length - 1
    const behind = cut(segment, isLast ? index : segment.pieces.length >> 1)
    for (const moved of behind.pieces) behind.series += this.#writer.seriesOf(moved)
    segment.series -= behind.series
    run.segments.splice(place + 1, 0, behind)
    const isLarge = bytesOf(run) === 0 && seriesIn(run) > MOST_NEW_SERIES
    if (run.segments.length <= MOST_SEGMENTS && !isLarge) return
    const from = isLast && place + 2 === run.segments.length ? place + 1 : run.segments.length >> 1
    const rest = newRun(run.segments.splice(from))
    for (const moved of rest.segments) detach(run, moved)
    this.#addStale(rest)
    this.#runs.splice(at + 1, 0, rest)
  }

  #removeAt({ at, place, index }: Place): void {
    const run = this.#runs[at] as Run<P>
    const segment = run.segments[place] as Segment<P>
    const length = lengthAt(segment, index)
    const [piece] = segment.pieces.splice(index, 1) as [P]
    segment.lengths.splice(index, 1)
    // Others do not stand in its text where they stood.
    segment.textAt = NOWHERE
    segment.bytes -= length
    this.#bytes -= length
    if (length > 0) this.#writer.resized(piece, -length)
    this.#touch(run, segment)
    if (segment.pieces.length > 0) return
    this.#series -= segment.series
    run.segments.splice(place, 1)
    if (run.segments.length === 0) this.#drop(at)
    else if (bytesOf(run) < RUN_BYTES / 4) this.#mergeWithNext(at)
  }

  #drop(at: number): void {
    const [run] = this.#runs.splice(at, 1) as [Run<P>]
    this.#stale.delete(run)
    this.#unjoined.delete(run)
    this.#plain = undefined
    this.#gzip = undefined
  }

  #mergeWithNext(at: number): void {
    const run = this.#runs[at] as Run<P>
    const next = this.#runs[at + 1]
    if (next === undefined || bytesOf(run) + bytesOf(next) > RUN_BYTES) return
    if (run.segments.length + next.segments.length > MOST_SEGMENTS) return
    for (const segment of next.segments) detach(next, segment)
    run.segments.push(...next.segments)
    run.text = undefined
    this.#drop(at + 1)
  }

  #touch(run: Run<P>, segment: Segment<P>): void {
    segment.isStale = true
    segment.freshText = undefined
    forgetGzip(segment)
    this.#addStale(run)
  }

  #indexOf(run: Run<P>): number {
    const first = run.segments[0]?.pieces[0] as P
    return this.#runFor(this.#writer.familyOf(first), this.#writer.orderOf(first))
  }

  /**
   * Index of the run where the piece stands or belongs; -1 on an empty page. Looks near the piece before, in steps that
   * grow: each comparison reads memory that was not used for long.
   */
  #runFor(family: string, order: string): number {
    let low = Math.max(0, Math.min(this.#near, this.#runs.length - 1))
    let high = this.#runs.length
    if (this.#begins(low, family, order)) {
      for (let step = 1; low + step < high; step *= 2) {
        if (this.#begins(low + step, family, order)) low += step
        else high = low + step
      }
    } else {
      high = low
      low = 0
    }
    while (low + 1 < high) {
      const middle = (low + high) >> 1
      if (this.#begins(middle, family, order)) low = middle
      else high = middle
    }
    this.#near = low
    return high === 0 && this.#runs.length === 0 ? -1 : low
  }

  /** Whether the run is there and begins with this piece or one before it. */
  #begins(at: number, family: string, order: string): boolean {
    const first = this.#runs[at]?.segments[0]?.pieces[0]
    return first !== undefined && this.#compare(first, family, order) <= 0
  }

  /** Index of the last segment that begins with the piece or one before it, or of the first. */
  #segmentFor({ segments }: Run<P>, family: string, order: string): number {
    let place = segments.length - 1
    while (place > 0 && this.#compare(segments[place]?.pieces[0] as P, family, order) > 0) place--
    return place
  }

  /** Index of the piece, or where it belongs. */
  #indexIn(pieces: readonly P[], family: string, order: string): number {
    let low = 0
    let high = pieces.length
    const last = pieces[high - 1]
    if (last !== undefined && this.#compare(last, family, order) < 0) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#compare(pieces[middle] as P, family, order) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #stands(piece: P | undefined, family: string, order: string): boolean {
    return piece !== undefined && this.#compare(piece, family, order) === 0
  }

  #compare(piece: P, family: string, order: string): number {
    const ofPiece = this.#writer.familyOf(piece)
    if (ofPiece !== family) return ofPiece < family ? -1 : 1
    const itsOrder = this.#writer.orderOf(piece)
    return itsOrder < order ? -1 : itsOrder > order ? 1 : 0
  }
}

/** Indexes of a run, of a segment in it and of a piece in that. */
interface Place {
  readonly at: number
  readonly place: number
  readonly index: number
}
