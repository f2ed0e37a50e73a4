import { type Labels, labelKey, withoutEmptyValues } from '../../model/labels.ts'
import type { UnitId } from '../../model/unit.ts'
import type { FamilyIndex } from './families.ts'
import { type Entry, type NameSet, seriesKeys, type Unit } from './unit.ts'

/** Units whose labels, empty values left out, have this text. */
export type UnitsByIdentity = (identity: string) => readonly Unit[]

/** Who asks: a stored entry or a push that is not stored yet. */
export interface Claimant {
  readonly unitId: UnitId
  /** Units with the identity of its own, it included if it is known. */
  readonly alike: readonly Unit[]
  readonly nameSet: NameSet
  /** Labels of every series as shown; asked for only when another grouping could hold equal ones. */
  shown(): Iterable<Labels>
}

/**
 * Entries of a family in other units that could hold a series of the claimant: a series can stand in two units only if
 * its labels, cut down to the identifying names of the other, are the other's identity. The cost follows the claimant's
 * own series and the number of different groupings in the family, never what is stored.
 */
export function findRivals(
  family: FamilyIndex,
  claimant: Claimant,
  unitsOf: UnitsByIdentity,
  maxNameSets: number,
): ReadonlySet<Entry> {
  let rivals: Set<Entry> | undefined
  const note = (units: readonly Unit[]) => {
    for (const unit of units) {
      const entry = unit.id === claimant.unitId ? undefined : unit.entries.get(family.name)
      if (entry === undefined) continue
      rivals ??= new Set()
      rivals.add(entry)
    }
  }
  note(claimant.alike)
  if (family.nameSetCount < 2 && family.hasNameSet(claimant.nameSet)) return rivals ?? NONE

  const foreign: NameSet[] = []
  for (const { set } of family.nameSets()) {
    if (set.key !== claimant.nameSet.key) foreign.push(set)
    if (foreign.length >= maxNameSets) break
  }
  if (foreign.length === 0) return rivals ?? NONE

  const seen = new Set<string>()
  let like: Labels | undefined
  let applicable: readonly NameSet[] = []
  for (const shown of claimant.shown()) {
    const labels = withoutEmptyValues(shown)
    // Series of a family mostly have the same label names: which groupings they could fall into is asked once.
    if (like === undefined || !haveSameNames(labels, like)) {
      like = labels
      applicable = foreign.filter(({ names }) => includesAll(labels, names))
    }
    for (const { names } of applicable) {
      const identity = projectOnto(labels, names)
      if (seen.has(identity)) continue
      seen.add(identity)
      note(unitsOf(identity))
    }
  }
  return rivals ?? NONE
}

const NONE: ReadonlySet<Entry> = new Set()

function haveSameNames(a: Labels, b: Labels): boolean {
  return a.length === b.length && a.every((label, at) => label.name === b[at]?.name)
}

/** Both sorted by name. */
function includesAll(labels: Labels, names: readonly string[]): boolean {
  let at = 0
  for (const name of names) {
    while (at < labels.length && (labels[at]?.name ?? '') < name) at++
    if (labels[at]?.name !== name) return false
  }
  return true
}

/** Key of `labels` cut down to `names`, all of which it has. */
function projectOnto(labels: Labels, names: readonly string[]): string {
  let at = 0
  return labelKey(
    labels.filter(({ name }) => {
      if (names[at] !== name) return false
      at++
      return true
    }),
  )
}

/** A series of `keys` that the rival holds too. */
export function sharedSeries(keys: Iterable<string>, rival: Entry): string | undefined {
  const theirs = seriesKeys(rival)
  for (const key of keys) if (theirs.has(key)) return key
  return undefined
}

/** The one of two entries that keeps its series: first seen earlier, then the smaller unit id. */
export function precedes(a: Entry, b: Entry): boolean {
  return a.firstSeenMs !== b.firstSeenMs ? a.firstSeenMs < b.firstSeenMs : a.unit.id < b.unit.id
}
