import { PgrError } from '../errors/pgr-error.ts'
import type { Family, FamilyType } from '../model/family.ts'
import { type Labels, labelKey, showLabels } from '../model/labels.ts'
import type { UnitId } from '../model/unit.ts'
import { findRivals, sharedSeries } from './view/rivals.ts'
import { type Entry, type NameSet, seriesKeys } from './view/unit.ts'
import type { View } from './view/view.ts'

/** Groupings a push is compared with; a family with more of them is left to the renderer. */
const MAX_NAME_SETS = 64

/** What is about to be written, seen as a unit. */
export interface Candidate {
  readonly unitId: UnitId
  readonly kind: 'group' | 'set'
  readonly identity: string
  readonly nameSet: NameSet
  /** The unit keeps families the write does not name. */
  readonly keepsOthers: boolean
  readonly families: readonly CandidateFamily[]
}

export interface CandidateFamily {
  readonly family: Family
  /** Labels of every metric as shown, in the family's order; made when first asked for. */
  shown(): readonly Labels[]
}

const TEXT_TYPE: Record<FamilyType, string> = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  unknown: 'UNTYPED',
  summary: 'SUMMARY',
  histogram: 'HISTOGRAM',
  gaugehistogram: 'GAUGE_HISTOGRAM',
  info: 'INFO',
  stateset: 'STATESET',
}

/**
 * Refuses what contradicts metrics stored elsewhere: a type clash, a name that a histogram or summary takes up, a series
 * another unit holds. Cost follows what the push touches, not what is stored. The wording follows Pushgateway's, whose
 * clients look for it.
 */
export function assertConsistent(view: View, candidate: Candidate): void {
  const { unitId, nameSet } = candidate
  const unit = view.units.get(unitId)
  const alike = view.unitsOf(candidate.identity)
  for (const { family, shown } of candidate.families) {
    const { name, type } = family
    const own = unit?.entries.get(name)
    assertType(view, candidate, family, replaces(candidate, own, shown) ? own : undefined)
    assertNoSuffixClash(view, candidate, name, type)
    const index = view.families.get(name)
    if (index === undefined) continue
    const claimant = { unitId, alike, nameSet, shown }
    for (const rival of findRivals(index, claimant, view.unitsOf, MAX_NAME_SETS)) {
      const key = sharedSeries(shown().map(labelKey), rival)
      const labels = key === undefined ? undefined : shown().find((each) => labelKey(each) === key)
      if (labels === undefined) continue
      throw inconsistent(
        `collected metric ${JSON.stringify(name)} ${showLabels(labels)} was collected before with the same name and label values; ` +
          `${showLabels(rival.unit.labels)} holds this series: push to one of the two, or delete the other`,
      )
    }
  }
}

/** A group push replaces a family whole; a merge does when it names every series the family has. */
function replaces(candidate: Candidate, own: Entry | undefined, shown: CandidateFamily['shown']): boolean {
  if (own === undefined || candidate.kind === 'group') return true
  const pushed = new Set(shown().map(labelKey))
  for (const key of seriesKeys(own)) if (!pushed.has(key)) return false
  return true
}

/** The family's own entry is left out when the write replaces it. A series without type in a set goes with any type. */
function assertType(view: View, candidate: Candidate, family: Family, own: Entry | undefined): void {
  const { name, type } = family
  if (candidate.kind === 'set' && type === 'unknown') return
  const other = view.families.get(name)?.clashingType(type, own)
  if (other === undefined) return
  throw inconsistent(
    `collected metric ${JSON.stringify(name)} is not a ${TEXT_TYPE[other]}: it is pushed as ${TEXT_TYPE[type]}, and another group holds ` +
      `it as ${TEXT_TYPE[other]}; rename it, or delete the other first`,
  )
}

const SUFFIXES = ['_bucket', '_count', '_sum'] as const

function assertNoSuffixClash(view: View, candidate: Candidate, name: string, type: FamilyType): void {
  for (const suffix of SUFFIXES) {
    if (name.endsWith(suffix)) {
      const stem = name.slice(0, -suffix.length)
      const holder = typeHeld(view, candidate, stem)
      if (holder !== undefined && takesSuffix(holder, suffix)) {
        throw inconsistent(
          `collected metric named ${JSON.stringify(name)} collides with previously collected ${holder} named ${JSON.stringify(stem)}; rename one of them`,
        )
      }
    }
    if (takesSuffix(type, suffix) && typeHeld(view, candidate, name + suffix) !== undefined) {
      throw inconsistent(
        `collected histogram or summary named ${JSON.stringify(name)} collides with previously collected metric named ` +
          `${JSON.stringify(name + suffix)}; rename one of them`,
      )
    }
  }
}

function takesSuffix(type: FamilyType, suffix: (typeof SUFFIXES)[number]): boolean {
  if (type === 'histogram' || type === 'gaugehistogram') return true
  return type === 'summary' && suffix !== '_bucket'
}

/** Type under which a name is pushed along, or held by what the write leaves in place. */
function typeHeld(view: View, candidate: Candidate, name: string): FamilyType | undefined {
  for (const { family } of candidate.families) if (family.name === name) return family.type
  const index = view.families.get(name)
  if (index === undefined) return undefined
  for (const entry of index.entries)
    if (candidate.keepsOthers || entry.unit.id !== candidate.unitId) return entry.type
  return undefined
}

function inconsistent(reason: string): PgrError {
  return new PgrError('PGR_PUSH_INCONSISTENT', `${INCONSISTENT}${reason}`)
}

/** Exporters and wrappers around Pushgateway look for this. */
export const INCONSISTENT = 'pushed metrics are invalid or inconsistent with existing metrics: '
