const SHEET_BYTES = 256 * 1024

/** Room for blocks that is used again once they were copied to where they stay: to take it anew for each costs more. */
export class Sheet {
  /** What is written to; another one after each `room`. */
  bytes: Uint8Array = new Uint8Array(0)
  /** The same bytes. */
  view = new DataView(this.bytes.buffer)
  #used = 0
  readonly #onFull: () => void

  /** `onFull` is told before what was kept is written over. */
  constructor(onFull: () => void) {
    this.#onFull = onFull
  }

  /** Where so many bytes may be written. */
  room(most: number): number {
    if (this.#used + most > this.bytes.length) {
      this.#onFull()
      this.#used = 0
      const size = Math.max(SHEET_BYTES, most)
      // A large one is not kept for long.
      if (this.bytes.length !== size) {
        this.bytes = Buffer.allocUnsafeSlow(size)
        this.view = new DataView(this.bytes.buffer)
      }
    }
    return this.#used
  }

  /** The bytes written since `room` gave their place, up to `end`; they stay until the sheet is full. */
  keep(end: number): Uint8Array {
    const kept = this.bytes.subarray(this.#used, end)
    this.#used = end
    return kept
  }
}
