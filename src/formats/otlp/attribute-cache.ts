import type { Attributes } from './request.ts'

/** Attribute sets kept; with the labels made of them, some hundred bytes each. */
const MOST_SETS = 65_536
/** Longest bytes that are worth keeping; longer sets are read anew each time. */
const LONGEST_KEY = 4096

/**
 * Attribute sets by the bytes they were read from. Exporters send the same series again and again; what is byte for byte
 * the same is not read again. Bounded: when full, those not asked for since it was last full are forgotten.
 */
export class AttributeCache {
  private recent = new Map<string, Attributes>()
  private earlier = new Map<string, Attributes>()

  get(key: string): Attributes | undefined {
    const known = this.recent.get(key)
    if (known !== undefined) return known
    const kept = this.earlier.get(key)
    if (kept !== undefined) this.set(key, kept)
    return kept
  }

  set(key: string, attributes: Attributes): void {
    if (key.length > LONGEST_KEY) return
    if (this.recent.size >= MOST_SETS / 2) {
      this.earlier = this.recent
      this.recent = new Map()
    }
    this.recent.set(key, attributes)
  }
}
