import type { Labels } from '../../model/labels.ts'
import type { FamilyIndex } from './families.ts'
import { findRivals, precedes, type UnitsByIdentity } from './rivals.ts'
import { type Entry, labelsOf, seriesKeys, shownLabels } from './unit.ts'

/** Of every entry that shows more or less of its series than before. */
export interface DuplicatesTold {
  changing(entry: Entry): void
  changed(entry: Entry): void
}

/**
 * Equal series that stand in several units: the entry first seen earliest shows them, the others leave them out. What
 * changed is noted at once and settled later, when a page is wanted.
 */
export class Duplicates {
  readonly #families: ReadonlyMap<string, FamilyIndex>
  readonly #unitsOf: UnitsByIdentity
  readonly #told: DuplicatesTold
  readonly #noted = new Set<Entry>()

  constructor(families: ReadonlyMap<string, FamilyIndex>, unitsOf: UnitsByIdentity, told: DuplicatesTold) {
    this.#families = families
    this.#unitsOf = unitsOf
    this.#told = told
  }

  /** The entry came, went or holds something else. */
  note(entry: Entry): void {
    if (this.#concerns(entry)) this.#noted.add(entry)
  }

  /** False for nearly all: an entry whose family stands in one kind of grouping alone shares no series with others. */
  #concerns({ name, unit, rivals, duplicates }: Entry): boolean {
    if (rivals !== undefined || duplicates !== undefined) return true
    const nameSets = this.#families.get(name)?.nameSetCount ?? 0
    return nameSets > 1 || this.#unitsOf(unit.identity).length > 1
  }

  /** Settles what was noted until nothing is left or `until` (performance.now) has passed; true when nothing is left. */
  resolve(until: number): boolean {
    for (const entry of this.#noted) {
      this.#noted.delete(entry)
      this.#resolveEntry(entry)
      if (performance.now() > until && this.#noted.size > 0) return false
    }
    return true
  }

  #resolveEntry(entry: Entry): void {
    const affected = new Set<Entry>()
    for (const rival of entry.rivals ?? []) {
      rival.rivals?.delete(entry)
      affected.add(rival)
    }
    entry.rivals = undefined
    const index = this.#families.get(entry.name)
    if (index?.has(entry)) {
      const { unit } = entry
      const claimant = {
        unitId: unit.id,
        alike: this.#unitsOf(unit.identity),
        nameSet: unit.nameSet,
        // The series of the synthetic times is the unit's identity itself.
        shown: () => (entry.content.kind === 'time' ? [] : shownSeries(entry)),
      }
      const rivals = findRivals(index, claimant, this.#unitsOf, Number.POSITIVE_INFINITY)
      for (const rival of rivals) {
        if (!intersects(seriesKeys(entry), seriesKeys(rival))) continue
        entry.rivals ??= new Set()
        entry.rivals.add(rival)
        rival.rivals ??= new Set()
        rival.rivals.add(entry)
        affected.add(rival)
      }
      affected.add(entry)
    }
    for (const each of affected) this.#settle(each)
  }

  /** Works out which series of an entry are left out, and tells when that changed. */
  #settle(entry: Entry): void {
    const left = new Set<string>()
    for (const rival of entry.rivals ?? []) {
      if (rival.type !== entry.type || !precedes(rival, entry)) continue
      const theirs = seriesKeys(rival)
      for (const key of seriesKeys(entry)) if (theirs.has(key)) left.add(key)
    }
    if (entry.rivals === undefined || entry.rivals.size === 0) {
      entry.rivals = undefined
      entry.keys = undefined
    }
    const before = entry.duplicates
    if (left.size === (before?.size ?? 0) && [...left].every((key) => before?.has(key))) return
    this.#told.changing(entry)
    entry.duplicates = left.size === 0 ? undefined : left
    this.#told.changed(entry)
  }
}

function* shownSeries(entry: Entry): Iterable<Labels> {
  for (const labels of labelsOf(entry)) yield shownLabels(entry.unit, labels)
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  for (const key of small) if (large.has(key)) return true
  return false
}
