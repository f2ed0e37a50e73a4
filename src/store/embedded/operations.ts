/** Slices of time ids are kept in; dropping a slice forgets its ids at once. */
const SLICES = 8

interface Slice {
  readonly sinceMs: number
  readonly ids: Set<string>
}

/** Ids that were remembered from an instant on. */
export interface FrozenSlice {
  readonly sinceMs: number
  readonly ids: Iterable<string>
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

  /** What is remembered at this instant, whatever comes later. */
  freeze(): readonly FrozenSlice[] {
    return this.slices.map(({ sinceMs, ids }) => ({ sinceMs, ids: firstOf(ids, ids.size) }))
  }

  /** Takes up what another remembered; nothing may be remembered yet. */
  restore(slices: Iterable<FrozenSlice>, nowMs: number): void {
    for (const { sinceMs, ids } of slices) {
      if (sinceMs + this.sliceMs + this.retentionMs > nowMs) this.slices.push({ sinceMs, ids: new Set(ids) })
    }
  }

  get size(): number {
    return this.slices.reduce((sum, { ids }) => sum + ids.size, 0)
  }
}

/** Ids are only ever added to a slice, at its end. */
function* firstOf(ids: ReadonlySet<string>, count: number): Generator<string> {
  let left = count
  for (const id of ids) {
    if (left-- === 0) return
    yield id
  }
}
