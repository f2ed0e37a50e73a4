import type { FamilyType } from '../../model/family.ts'
import type { Entry, NameSet } from './unit.ts'

/**
 * All entries of one family name over all units, kept as a heap: the entry first seen earliest stands first. It decides
 * type and help; a newcomer never evicts it.
 */
export class FamilyIndex {
  readonly name: string
  readonly #heap: Entry[] = []
  readonly #types = new Map<FamilyType, number>()
  readonly #nameSets = new Map<string, { readonly set: NameSet; count: number }>()

  constructor(name: string) {
    this.name = name
  }

  /** In no order. */
  get entries(): readonly Entry[] {
    return this.#heap
  }

  has(entry: Entry): boolean {
    return this.#heap[entry.place] === entry
  }

  add(entry: Entry): void {
    this.#put(entry, this.#heap.length)
    this.#rise(entry)
    count(this.#types, countedType(entry), 1)
    const { nameSet } = entry.unit
    const known = this.#nameSets.get(nameSet.key)
    if (known === undefined) this.#nameSets.set(nameSet.key, { set: nameSet, count: 1 })
    else known.count++
  }

  remove(entry: Entry): void {
    const last = this.#heap.pop()
    if (last !== undefined && last !== entry) {
      this.#put(last, entry.place)
      this.aged(last)
    }
    entry.place = -1
    count(this.#types, countedType(entry), -1)
    const { key } = entry.unit.nameSet
    const known = this.#nameSets.get(key)
    if (known !== undefined && --known.count === 0) this.#nameSets.delete(key)
  }

  /** Call after an entry's type changed, with the type it had. */
  retype(entry: Entry, before: FamilyType): void {
    count(this.#types, before === 'unknown' && entry.unit.kind === 'set' ? ADAPTING : before, -1)
    count(this.#types, countedType(entry), 1)
    this.aged(entry)
  }

  /** Call after an entry's first-seen time changed. */
  aged(entry: Entry): void {
    this.#rise(entry)
    this.#sink(entry)
  }

  /** The entry that decides; undefined when the family has none. */
  winner(): Entry | undefined {
    return this.#heap[0]
  }

  #put(entry: Entry, place: number): void {
    this.#heap[place] = entry
    entry.place = place
  }

  #rise(entry: Entry): void {
    while (entry.place > 0) {
      const { place } = entry
      const parent = this.#heap[(place - 1) >> 1] as Entry
      if (!decidesBefore(entry, parent)) return
      this.#put(entry, parent.place)
      this.#put(parent, place)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const { place } = entry
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      if (left === undefined) return
      const child = right !== undefined && decidesBefore(right, left) ? right : left
      if (!decidesBefore(child, entry)) return
      this.#put(entry, child.place)
      this.#put(child, place)
    }
  }

  /** A type other than `type` that some entry besides `own` has and that cannot be shown under one name with it. */
  clashingType(type: FamilyType, own: Entry | undefined): FamilyType | undefined {
    for (const [other, entries] of this.#types) {
      if (other === ADAPTING || other === type || entries === 0) continue
      if (entries === 1 && own !== undefined && countedType(own) === other && this.has(own)) continue
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
export function fits(entry: Pick<Entry, 'type' | 'unit'>, shown: FamilyType): boolean {
  return (
    entry.type === shown || (adapts(entry) && (shown === 'counter' || shown === 'gauge' || shown === 'info'))
  )
}

const ADAPTING = 'adapting' as FamilyType

function adapts(entry: Pick<Entry, 'type' | 'unit'>): boolean {
  return entry.type === 'unknown' && entry.unit.kind === 'set'
}

function countedType(entry: Entry): FamilyType {
  return adapts(entry) ? ADAPTING : entry.type
}

function decidesBefore(a: Entry, b: Entry): boolean {
  const rankA = rank(a)
  const rankB = rank(b)
  return rankA !== rankB ? rankA < rankB : a.unit.id < b.unit.id
}

/** Series without a type of their own decide only when nobody else can. */
function rank(entry: Entry): number {
  return adapts(entry) ? entry.firstSeenMs + 2 ** 52 : entry.firstSeenMs
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  const next = (counts.get(key) ?? 0) + by
  if (next === 0) counts.delete(key)
  else counts.set(key, next)
}
