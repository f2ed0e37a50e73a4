const SHEET_BYTES = 256 * 1024

/**
 * Room for text that is written block by block, each behind the one before it. Writers put their bytes where they belong,
 * so that none of them is copied from somewhere else.
 */
export class Sheet {
  /** What is written to; another one after each `room`. */
  bytes: Uint8Array = new Uint8Array(0)
  /** The same bytes. */
  view = new DataView(this.bytes.buffer)
  #used = 0

  /** How many bytes are kept on it. */
  get used(): number {
    return this.#used
  }

  /** Where so many bytes may be written. What is kept stays at its place. */
  room(most: number): number {
    const needed = this.#used + most
    if (needed > this.bytes.length) {
      const larger = Math.max(SHEET_BYTES, 2 * this.bytes.length, needed)
      const kept = this.bytes.subarray(0, this.#used)
      this.#use(new Uint8Array(larger))
      this.bytes.set(kept)
    }
    return this.#used
  }

  /** What was written since `room` gave its place stays, up to `end`; returns how many bytes that is. */
  keep(end: number): number {
    const bytes = end - this.#used
    this.#used = end
    return bytes
  }

  /** Puts a copy of bytes behind what is kept; returns how many they are. */
  add(bytes: Uint8Array): number {
    const at = this.room(bytes.length)
    this.bytes.set(bytes, at)
    return this.keep(at + bytes.length)
  }

  /** Gives up what is kept. What was large is not used again. */
  clear(): void {
    this.#used = 0
    if (this.bytes.length > SHEET_BYTES) this.#use(new Uint8Array(0))
  }

  /** Gives its bytes away and goes on with others, of an earlier sheet. */
  take(next: Uint8Array = new Uint8Array(0)): Uint8Array {
    const { bytes } = this
    this.#used = 0
    this.#use(next)
    return bytes
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** Whether bytes are of the usual size, and worth to be used again. */
export function isUsual({ length }: Uint8Array): boolean {
  return length === SHEET_BYTES
}
