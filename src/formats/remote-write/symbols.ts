import { isUtf8 } from 'node:buffer'
import { PgrError } from '../../errors/pgr-error.ts'

/**
 * Most bytes that the symbols of one body may come to wherever they are referred to. A reference takes a byte, and what
 * it stands for may be long: without a bound a small body could ask for work without end.
 */
const MOST_SPELLED_BYTES = 64 * 2 ** 20

/** The texts that a body of version 2 refers to, by their place in it; none is decoded before it is needed. */
export class Symbols {
  readonly bytes: Buffer
  count = 0
  /** Of each symbol, start and end. */
  private places = new Uint32Array(1024)
  private leftBytes = MOST_SPELLED_BYTES

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  add(start: number, end: number): void {
    const at = 2 * this.count++
    if (at === this.places.length) {
      const more = new Uint32Array(2 * at)
      more.set(this.places)
      this.places = more
    }
    this.places[at] = start
    this.places[at + 1] = end
  }

  /** Senders rely on the first symbol for what they leave empty; in a table without it every number may be off by one. */
  check(): void {
    if (this.count === 0 || this.startOf(0) !== this.endOf(0))
      throw new Error('has no symbol table that begins with the empty symbol, as its specification demands')
  }

  /** What is wrong with a reference to none of them, to continue "it". */
  problemOf(ref: number): string {
    return `refers to symbol ${ref}, and the body has ${this.count}; send every symbol with the body`
  }

  startOf(ref: number): number {
    return this.places[2 * ref] as number
  }

  endOf(ref: number): number {
    return this.places[2 * ref + 1] as number
  }

  /** The numbers must be of symbols. Undefined when the symbol is not valid UTF-8. */
  textOf(ref: number): string | undefined {
    const start = this.startOf(ref)
    const end = this.endOf(ref)
    this.spend(end - start)
    const text = this.bytes.toString('utf8', start, end)
    return text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, end)) ? undefined : text
  }

  /** Throws PGR_LIMIT_EXCEEDED when the body spells out more than it may. */
  spend(bytes: number): void {
    this.leftBytes -= bytes
    if (this.leftBytes < 0)
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `the symbols of the body are more than ${MOST_SPELLED_BYTES} bytes wherever they are referred to; send fewer series in one request`,
      )
  }
}
