import type { Attributes } from './request.ts'

/** Attribute sets kept; with the labels made of them, some hundred bytes each. */
const MOST_SETS = 65_536
/** Characters of all keys together. */
const MOST_CHARACTERS = 16 * 1024 * 1024

/**
 * Attribute sets by the bytes they were read from. Exporters send the same series again and again; what is byte for byte
 * the same is not read again. Bounded: when half of what there is room for is new, what was not asked for since the last
 * time is forgotten.
 */
export class AttributeCache {
  private recent = new Map<string, Attributes>()
  private recentCharacters = 0
  private earlier = new Map<string, Attributes>()

  get(key: string): Attributes | undefined {
    const known = this.recent.get(key)
    if (known !== undefined) return known
    const kept = this.earlier.get(key)
    if (kept !== undefined) this.set(key, kept)
    return kept
  }

  set(key: string, attributes: Attributes): void {
    if (this.recent.size >= MOST_SETS / 2 || this.recentCharacters >= MOST_CHARACTERS / 2) {
      this.earlier = this.recent
      this.recent = new Map()
      this.recentCharacters = 0
    }
    this.recent.set(key, attributes)
    this.recentCharacters += key.length
  }
}
