/** Slices of time ids are kept in; dropping a slice forgets its ids at once. */
const SLICES = 8

interface Slice {
  readonly sinceMs: number
  readonly ids: Set<string>
}

/** Operation ids of the recent past. Ids are kept for the retention and at most an eighth longer. */
export class Operations {
  private readonly sliceMs: number
  private readonly retentionMs: number
  private slices: Slice[] = []

  constructor(retentionMs: number) {
    this.retentionMs = retentionMs
    this.sliceMs = retentionMs / SLICES
  }

  has(id: string): boolean {
    return this.slices.some(({ ids }) => ids.has(id))
  }

  remember(id: string, nowMs: number): void {
    let newest = this.slices.at(-1)
    if (newest === undefined || newest.sinceMs + this.sliceMs <= nowMs) {
      newest = { sinceMs: nowMs, ids: new Set() }
      const kept = this.slices.filter(({ sinceMs }) => sinceMs + this.sliceMs + this.retentionMs > nowMs)
      this.slices = [...kept, newest]
    }
    newest.ids.add(id)
  }

  get size(): number {
    return this.slices.reduce((sum, { ids }) => sum + ids.size, 0)
  }
}
