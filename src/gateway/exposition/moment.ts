import type { Content, Entry } from '../view/unit.ts'

/** What a block of an entry is made of. */
export type EntryShown = Pick<Entry, 'unit' | 'name' | 'type' | 'series' | 'content' | 'duplicates'>

/**
 * How entries stood at a moment, whatever became of them since: those that change are kept as they were, all others still
 * stand so. A page that takes long to render shows one moment, and comes to an end however much is pushed meanwhile.
 */
export class Moment {
  readonly #kept = new Map<Entry, EntryShown | undefined>()

  /** The entry changed since. */
  has(entry: Entry): boolean {
    return this.#kept.has(entry)
  }

  /** To be called before the entry changes for the first time. */
  keep(entry: Entry): void {
    const { unit, name, type, series, content, duplicates } = entry
    const kept = isThere(entry)
      ? { unit, name, type, series, content: keptContent(content), duplicates }
      : undefined
    this.#kept.set(entry, kept)
  }

  /** What the entry showed; undefined when it was not there. */
  of(entry: Entry): EntryShown | undefined {
    if (this.#kept.has(entry)) return this.#kept.get(entry)
    return isThere(entry) ? entry : undefined
  }

  /** Entries of a family that were there and are gone. */
  *gone(family: string): Iterable<Entry> {
    for (const [entry, kept] of this.#kept)
      if (kept !== undefined && entry.name === family && !isThere(entry)) yield entry
  }
}

function isThere({ place }: Entry): boolean {
  return place >= 0
}

/** Pages of a set are put into the list that is there, all other content is never written to. */
function keptContent(content: Content): Content {
  return content.kind === 'paged' ? { ...content, pages: new Map(content.pages) } : content
}
