/**
 * Raw bytes of label sets that were read and found good, and what they stand for. Senders repeat theirs for as long as a
 * series lives.
 *
 * Bounded by two generations: what is met moves to the younger one, and once that is full it becomes the older one, and
 * what was not met since is forgotten. Whatever a stranger sends, nothing here grows beyond both, and nothing becomes
 * slow: V8 takes the length for the hash of a text beyond 16 KiB, so that long ones of equal length would all collide.
 */
export class KnownSeries<T> {
  private young = new Map<string, T>()
  private old = new Map<string, T>()
  private youngBytes = 0
  private readonly generationBytes: number

  constructor(generationBytes: number) {
    this.generationBytes = generationBytes
  }

  get(key: string): T | undefined {
    const known = this.young.get(key)
    if (known !== undefined) return known
    const remembered = this.old.get(key)
    if (remembered !== undefined) this.keep(key, remembered)
    return remembered
  }

  keep(key: string, series: T): void {
    if (key.length > LONGEST_KEY) return
    this.youngBytes += key.length + ENTRY_BYTES
    if (this.youngBytes > this.generationBytes) {
      this.old = this.young
      this.young = new Map()
      this.youngBytes = key.length + ENTRY_BYTES
    }
    this.young.set(key, series)
  }
}

const LONGEST_KEY = 8192

/** What a short key takes up beside its bytes, roughly. */
const ENTRY_BYTES = 128
