import type { FamilyType } from '../../model/family.ts'
import { Heap } from './heap.ts'
import type { Entry, NameSet } from './unit.ts'

/**
 * All entries of one family name over all units. The entry first seen earliest decides type and help; a newcomer never
 * evicts it.
 */
export class FamilyIndex {
  readonly name: string
  readonly entries = new Set<Entry>()
  readonly #types = new Map<FamilyType, number>()
  readonly #nameSets = new Map<string, { readonly set: NameSet; count: number }>()
  readonly #byAge = new Heap<Aged>(
    (a, b) => rank(a) < rank(b) || (rank(a) === rank(b) && a.entry.unit.id < b.entry.unit.id),
  )

  constructor(name: string) {
    this.name = name
  }

  add(entry: Entry): void {
    this.entries.add(entry)
    count(this.#types, countedType(entry), 1)
    const { nameSet } = entry.unit
    const known = this.#nameSets.get(nameSet.key)
    if (known === undefined) this.#nameSets.set(nameSet.key, { set: nameSet, count: 1 })
    else known.count++
    this.aged(entry)
  }

  remove(entry: Entry): void {
    this.entries.delete(entry)
    count(this.#types, countedType(entry), -1)
    const { key } = entry.unit.nameSet
    const known = this.#nameSets.get(key)
    if (known !== undefined && --known.count === 0) this.#nameSets.delete(key)
    if (this.entries.size === 0) this.#byAge.clear()
  }

  /** Call after an entry's type changed, with the type it had. */
  retype(entry: Entry, before: FamilyType): void {
    count(this.#types, before === 'unknown' && entry.unit.kind === 'set' ? ADAPTING : before, -1)
    count(this.#types, countedType(entry), 1)
    this.aged(entry)
  }

  /** Call after an entry's first-seen time changed. */
  aged(entry: Entry): void {
    this.#byAge.push({ entry, firstSeenMs: entry.firstSeenMs, type: entry.type })
    if (this.#byAge.size > 4 * this.entries.size + 16) {
      this.#byAge.clear()
      for (const each of this.entries)
        this.#byAge.push({ entry: each, firstSeenMs: each.firstSeenMs, type: each.type })
    }
  }

  /** The entry that decides; undefined when the family has none. */
  winner(): Entry | undefined {
    for (;;) {
      const top = this.#byAge.peek()
      if (top === undefined) return undefined
      const { entry } = top
      if (this.entries.has(entry) && entry.firstSeenMs === top.firstSeenMs && entry.type === top.type)
        return entry
      this.#byAge.pop()
    }
  }

  /** A type other than `type` that some entry besides `own` has and that cannot be shown under one name with it. */
  clashingType(type: FamilyType, own: Entry | undefined): FamilyType | undefined {
    for (const [other, entries] of this.#types) {
      if (other === ADAPTING || other === type || entries === 0) continue
      if (entries === 1 && own !== undefined && countedType(own) === other && this.entries.has(own)) continue
      return other
    }
    return undefined
  }

  /** How many different sets of identifying label names its units have. */
  get nameSetCount(): number {
    return this.#nameSets.size
  }

  hasNameSet({ key }: NameSet): boolean {
    return this.#nameSets.has(key)
  }

  nameSets(): Iterable<{ readonly set: NameSet; readonly count: number }> {
    return this.#nameSets.values()
  }
}

/**
 * True when an entry of this type can stand under a family shown as `shown`: equal types, or a loose series of unknown
 * type in a set, which adopts any type whose samples look like its own.
 */
export function fits(entry: Entry, shown: FamilyType): boolean {
  return (
    entry.type === shown || (adapts(entry) && (shown === 'counter' || shown === 'gauge' || shown === 'info'))
  )
}

const ADAPTING = 'adapting' as FamilyType

function adapts(entry: Entry): boolean {
  return entry.type === 'unknown' && entry.unit.kind === 'set'
}

function countedType(entry: Entry): FamilyType {
  return adapts(entry) ? ADAPTING : entry.type
}

interface Aged {
  readonly entry: Entry
  readonly firstSeenMs: number
  readonly type: FamilyType
}

/** Series without a type of their own decide only when nobody else can. */
function rank({ entry, firstSeenMs, type }: Aged): number {
  return type === 'unknown' && entry.unit.kind === 'set' ? firstSeenMs + 2 ** 52 : firstSeenMs
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  const next = (counts.get(key) ?? 0) + by
  if (next === 0) counts.delete(key)
  else counts.set(key, next)
}
