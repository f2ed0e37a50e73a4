import { compareText } from '../../model/labels.ts'
import type { Entry, Unit } from '../view/unit.ts'

/** What is put in order at a time: as much as can be sorted without keeping others waiting. */
const MOST_UNITS = 10_000
const MOST_ENTRIES = 200_000

/**
 * The entries that are to be rendered, handed out in the order in which they stand on a page: then every piece goes where
 * the one before it went, and what was joined behind it is complete.
 */
export class Backlog {
  readonly #unseen: Iterator<Unit, undefined>
  #firstUnseen: Unit | undefined
  #noted = new Set<Entry>()
  /** In order, each with what is to be rendered of one unit; those before `spread` are among the families already. */
  #units: (readonly Entry[])[] = []
  #spread = 0
  readonly #byFamily = new Map<string, Entry[]>()
  /** By family, the first one last; of that those before `next` were handed out. */
  #ready: (readonly Entry[])[] = []
  #next = 0

  /** Begins with all entries of these units. */
  constructor(units: ReadonlyMap<unknown, Unit>) {
    this.#unseen = units.values()
    this.#firstUnseen = this.#unseen.next().value
  }

  /** To be rendered, once again if it was handed out before. */
  add(entry: Entry): void {
    this.#noted.add(entry)
  }

  /** As `add`, of many; the set is given away. */
  addAll(entries: Set<Entry>): void {
    if (this.#noted.size === 0) this.#noted = entries
    else for (const entry of entries) this.#noted.add(entry)
  }

  /** There are units that it began with and has not looked at; what leaves them is not found. */
  get hasUnseen(): boolean {
    return this.#firstUnseen !== undefined
  }

  get isEmpty(): boolean {
    return (
      this.#ready.length === 0 &&
      this.#units.length === 0 &&
      this.#noted.size === 0 &&
      this.#firstUnseen === undefined
    )
  }

  /** Undefined when there is none, or when `until` (performance.now) came while they were put in order. */
  next(until: number): Entry | undefined {
    if (this.#ready.length === 0 && !this.#arrange(until)) return undefined
    const family = this.#ready.at(-1)
    const entry = family?.[this.#next++]
    if (this.#next === family?.length) {
      this.#ready.pop()
      this.#next = 0
    }
    return entry
  }

  /** Puts a batch in order; false when `until` came first. */
  #arrange(until: number): boolean {
    if (this.#units.length === 0) this.#gather()
    while (this.#spread < this.#units.length) {
      for (const entry of this.#units[this.#spread++] ?? []) {
        const others = this.#byFamily.get(entry.name)
        if (others === undefined) this.#byFamily.set(entry.name, [entry])
        else others.push(entry)
      }
      if (performance.now() > until) return false
    }
    this.#ready = [...this.#byFamily].sort(([a], [b]) => compareText(b, a)).map(([, entries]) => entries)
    this.#byFamily.clear()
    this.#units = []
    this.#spread = 0
    return true
  }

  #gather(): void {
    const byUnit = new Map<Unit, Entry[]>()
    let entries = 0
    const isFull = () => byUnit.size === MOST_UNITS || entries > MOST_ENTRIES
    while (this.#firstUnseen !== undefined && !isFull()) {
      const unit = this.#firstUnseen
      byUnit.set(unit, [...unit.entries.values()])
      entries += unit.entries.size
      this.#firstUnseen = this.#unseen.next().value
    }
    for (const entry of this.#noted) {
      if (isFull()) break
      this.#noted.delete(entry)
      const others = byUnit.get(entry.unit)
      if (others === undefined) byUnit.set(entry.unit, [entry])
      else others.push(entry)
      entries++
    }
    this.#units = [...byUnit].sort(([a], [b]) => compareText(a.order, b.order)).map(([, entries]) => entries)
  }
}
