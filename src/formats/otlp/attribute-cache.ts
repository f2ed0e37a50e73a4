import type { Attributes } from './request.ts'

/** Characters of all keys of a cache together. */
const MOST_CHARACTERS = 16 * 1024 * 1024
/** Characters of a key; sets of longer ones are read anew each time. */
const LONGEST_KEY = 16 * 1024

/**
 * Attribute sets by the bytes they were read from. Exporters send the same series again and again; what is byte for byte
 * the same is not read again. Bounded: when half of what there is room for is new, what was not asked for since the last
 * time is forgotten.
 */
export class AttributeCache {
  private readonly mostSets: number
  private recent = new Map<string, Attributes>()
  private recentCharacters = 0
  private earlier = new Map<string, Attributes>()

  constructor(mostSets: number) {
    this.mostSets = mostSets
  }

  get(key: string): Attributes | undefined {
    const known = this.recent.get(key)
    if (known !== undefined) return known
    const kept = this.earlier.get(key)
    if (kept !== undefined) this.set(key, kept)
    return kept
  }

  set(key: string, attributes: Attributes): void {
    if (key.length > LONGEST_KEY) return
    if (this.recent.size >= this.mostSets / 2 || this.recentCharacters >= MOST_CHARACTERS / 2) {
      this.earlier = this.recent
      this.recent = new Map()
      this.recentCharacters = 0
    }
    this.recent.set(key, attributes)
    this.recentCharacters += key.length
  }
}

export class AttributeCaches {
  /** With the labels made of them, some hundred bytes each. */
  readonly points = new AttributeCache(65_536)
  /** Of resources and scopes; with what is worked out for each, some thousand bytes. */
  readonly resources = new AttributeCache(2048)
}
