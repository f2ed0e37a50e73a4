/** Written in one go before others get their turn. */
const TURN_MS = 5

/**
 * Joins pieces of text as long as a turn lasts, and lets everything else of the process have its turn before the next, so
 * that neither memory nor anybody's turn is taken by the whole.
 */
export async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  let joined = ''
  let until = performance.now() + TURN_MS
  for (const piece of pieces) {
    joined += piece
    if (performance.now() < until) continue
    yield joined
    joined = ''
    await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + TURN_MS
  }
  yield joined
}

/**
 * Shares out work among many, so that everything else of the process gets its turn in between. The kernel takes megabytes of
 * a page at once, and copying them for many readers one after the other would keep pushes waiting.
 */
export class Turns {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #left: number
  #isOver = true

  /** `most` is what may be taken before others get their turn; the last to take may go beyond. */
  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  /** Resolves when there is something left of the turn, in the order of the calls, and takes so much of it. */
  async take(amount: number): Promise<void> {
    if (this.#isOver) this.#begin()
    if (this.#left <= 0 || this.#waiting.length > 0)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#left -= amount
    // Whoever waits behind takes what is left.
    if (this.#left > 0) this.#waiting.shift()?.()
  }

  #begin(): void {
    this.#isOver = false
    this.#left = this.#most
    setImmediate(() => {
      this.#isOver = true
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#begin()
      next()
    })
  }
}
