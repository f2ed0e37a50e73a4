/** Something that falls due; the queue keeps its place in itself. */
export interface Due {
  /** Place in the queue, -1 when not in it; the queue's alone to write. */
  place: number
}

/**
 * What falls due when, the earliest first. Setting, moving and taking cost the logarithm of what is waiting; items know
 * their place, so that a unit pushed a million times waits once.
 */
export class DueQueue<T extends Due> {
  private readonly heap: { item: T; dueMs: number }[] = []

  get size(): number {
    return this.heap.length
  }

  /** Enters or moves an item; `dueMs` 0 = never, which takes it out. */
  set(item: T, dueMs: number): void {
    if (dueMs === 0) {
      this.delete(item)
      return
    }
    const waiting = this.heap[item.place]
    if (waiting === undefined) {
      this.rise({ item, dueMs }, this.heap.length)
    } else {
      const earlier = dueMs < waiting.dueMs
      waiting.dueMs = dueMs
      if (earlier) this.rise(waiting, item.place)
      else this.sink(waiting, item.place)
    }
  }

  delete(item: T): void {
    const { place } = item
    if (place === -1) return
    item.place = -1
    const last = this.heap.pop()
    if (last === undefined || last.item === item) return
    const parent = this.heap[(place - 1) >> 1]
    if (parent !== undefined && place > 0 && parent.dueMs > last.dueMs) this.rise(last, place)
    else this.sink(last, place)
  }

  /** The earliest item, if it is due; it stays in the queue. */
  peek(nowMs: number): T | undefined {
    const first = this.heap[0]
    return first !== undefined && first.dueMs <= nowMs ? first.item : undefined
  }

  /** Forgets everything; the items must not be used with this queue again. */
  clear(): void {
    this.heap.length = 0
  }

  private rise(node: { item: T; dueMs: number }, from: number): void {
    let place = from
    while (place > 0) {
      const up = (place - 1) >> 1
      const parent = this.heap[up]
      if (parent === undefined || parent.dueMs <= node.dueMs) break
      this.put(parent, place)
      place = up
    }
    this.put(node, place)
  }

  private sink(node: { item: T; dueMs: number }, from: number): void {
    let place = from
    for (;;) {
      const left = this.heap[2 * place + 1]
      const right = this.heap[2 * place + 2]
      const child = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left
      if (child === undefined || child.dueMs >= node.dueMs) break
      const down = child.item.place
      this.put(child, place)
      place = down
    }
    this.put(node, place)
  }

  private put(node: { item: T; dueMs: number }, place: number): void {
    this.heap[place] = node
    node.item.place = place
  }
}
