import { isUsual, Sheet } from '../../formats/sheet.ts'
import type { Deflater } from './deflater.ts'
import { forgetGzip, type Segment } from './run.ts'

/** Rendered text goes to be compressed when there is as much. */
const ENOUGH_BYTES = 128 * 1024
/** Strips on their way: enough that no thread waits for the other, few enough to be little memory. */
const MOST_IN_FLIGHT = 6
/** Strips that are kept to be used again. */
const MOST_SPARE = MOST_IN_FLIGHT + 1

/**
 * Where text is rendered to, one segment after the other, on a sheet. With a deflater it goes to be compressed as soon as
 * there is enough of it, and every segment is given its bytes when they come, unless it was rendered again meanwhile.
 */
export class Compressor<P> {
  /** Where text is put; what stands on it stays until `next`. */
  readonly sheet = new Sheet()
  readonly #deflater: Deflater | undefined
  readonly #spare: Uint8Array[] = []
  #segments: Segment<P>[] = []
  #ranges: number[] = []
  #tickets: object[] = []
  #inFlight = 0
  #failure: unknown
  #landed: (() => void) | undefined
  #bytes = 0

  constructor(deflater?: Deflater) {
    this.#deflater = deflater
  }

  /** Of texts that went to be compressed. */
  get bytes(): number {
    return this.#bytes
  }

  /** More is on the way than there should be. */
  get isBehind(): boolean {
    return this.#inFlight >= MOST_IN_FLIGHT
  }

  /** All that went off is back. */
  get isDone(): boolean {
    return this.#inFlight === 0 && this.#failure === undefined
  }

  /** What stands there until `next`. */
  text(from: number, to: number): Uint8Array {
    return this.sheet.bytes.subarray(from, to)
  }

  /** The text of a segment is to be compressed. */
  take(segment: Segment<P>, from: number, to: number): void {
    forgetGzip(segment)
    segment.isCompressed = true
    segment.crc = 0
    // Nothing becomes nothing.
    if (from === to) return
    // One for each time: a segment may be rendered again before what it was goes off.
    segment.ticket = {}
    this.#tickets.push(segment.ticket)
    this.#segments.push(segment)
    this.#ranges.push(from, to)
    this.#bytes += to - from
  }

  /** All text so far is done with, but for what was taken, which goes off when there is enough of it, or `now`. */
  next(now: boolean): void {
    if (this.#segments.length === 0) this.sheet.clear()
    else if (now || this.sheet.used >= ENOUGH_BYTES) this.#send()
  }

  /** Resolves when something that is on its way arrived; rejects when it could not be compressed. */
  async landing(): Promise<void> {
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#landed = resolve
      })
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  #send(): void {
    const segments = this.#segments
    const tickets = this.#tickets
    const texts = { strip: this.sheet.take(this.#spare.pop()), ranges: Uint32Array.from(this.#ranges) }
    this.#segments = []
    this.#ranges = []
    this.#tickets = []
    this.#inFlight++
    this.#deflater
      ?.deflate(texts)
      .then(
        ({ bytes, lengths, crcs, strip }) => {
          if (isUsual(strip) && this.#spare.length < MOST_SPARE) this.#spare.push(strip)
          let at = 0
          for (const [place, segment] of segments.entries()) {
            const length = lengths[place] as number
            if (segment.ticket === tickets[place]) {
              segment.ticket = undefined
              segment.freshGzip = bytes.subarray(at, at + length)
              segment.gzipBytes = length
              segment.crc = crcs[place] as number
            }
            at += length
          }
        },
        (reason: unknown) => {
          this.#failure = reason
          for (const [place, segment] of segments.entries())
            if (segment.ticket === tickets[place]) forgetGzip(segment)
        },
      )
      .finally(() => {
        this.#inFlight--
        this.#landed?.()
        this.#landed = undefined
      })
  }
}
