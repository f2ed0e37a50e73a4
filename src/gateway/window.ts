import { Heap } from './view/heap.ts'

/**
 * Some items of an order, without the others being sorted: the first `offset` are left out and the next `limit` kept.
 * `before` must be a total order, so that the windows of one order meet without overlap.
 */
export class Window<T> {
  readonly #before: (a: T, b: T) => boolean
  readonly #offset: number
  readonly #most: number
  /** The last of those up to the end of the window stands on top. */
  readonly #heap: Heap<T>

  constructor(before: (a: T, b: T) => boolean, { offset, limit }: { offset: number; limit: number }) {
    this.#before = before
    this.#offset = offset
    this.#most = offset + limit
    this.#heap = new Heap((a, b) => before(b, a))
  }

  add(item: T): void {
    const { last } = this
    if (this.#heap.size < this.#most) this.#heap.push(item)
    else if (last !== undefined && this.#before(item, last)) {
      this.#heap.pop()
      this.#heap.push(item)
    }
  }

  /** What every further item has to come before; undefined while there is room. */
  get last(): T | undefined {
    return this.#heap.size < this.#most ? undefined : this.#heap.peek()
  }

  /** Takes the items out, in order. */
  take(): T[] {
    const items: T[] = []
    for (let left = this.#heap.size - this.#offset; left > 0; left--) items.push(this.#heap.pop() as T)
    return items.reverse()
  }
}
