import type { FamilyType } from '../../model/family.ts'
import type { SetChange, SetFamilyState } from '../../store/store.ts'
import { isSeries, setFamilyName } from '../set-family.ts'
import { type Hint, Hints, namesHinted } from './hints.ts'
import {
  endedMetrics,
  goesWith,
  isComposite,
  namesOfParts,
  type Place,
  type PlacedMetric,
  placeOf,
} from './loose-series.ts'
import type { Content, Entry, EntryState, StoredFamily, Unit } from './unit.ts'

/** What the pages of sets are made into. */
export interface SetHost {
  entriesOf(family: string): readonly Entry[]
  /** The pages of the entry are about to be others. */
  changing(entry: Entry): void
  setEntry(unit: Unit, state: EntryState, content: Content): void
  dropEntry(entry: Entry): void
  /** What a family is shown as may have changed. */
  headChanged(family: string): void
}

/**
 * Makes entries of series sets: of every family of a set one, or of several that a hint says to belong together. Sets of
 * metadata have no entries, they are where the hints come from.
 */
export class SetEntries {
  readonly hints = new Hints()
  readonly #host: SetHost

  constructor(host: SetHost) {
    this.#host = host
  }

  /** False when the change does not fit what is known of the set. */
  apply(unit: Unit, change: SetChange, nowMs: number): boolean {
    const touched = new Set<string>()
    if (change.whole) for (const number of [...unit.pages.keys()]) this.#setPage(unit, number, [], touched)
    this.#learn(unit, change.families, touched)
    const places = change.families.map(({ name }) => (unit.families.get(name) as StoredFamily).place)
    for (const page of change.pages) {
      const metrics: PlacedMetric[] = []
      for (const metric of page.metrics) {
        const place = places[metric.family]
        if (place === undefined) return false
        if (!isPast(metric.expiresMs, nowMs)) metrics.push({ place, metric })
      }
      this.#setPage(unit, page.number, metrics, touched)
    }
    if (unit.kind === 'metadata') this.#takeHints(unit)
    else for (const family of touched) this.#renew(unit, family, change.version, change.pushedMs)
    return true
  }

  /** Takes what expired out of a set; returns how many series that were. */
  expire(unit: Unit, nowMs: number): number {
    const touched = new Set<string>()
    const pages = [...unit.pages]
    const isPastMetric = ({ metric }: PlacedMetric) => isPast(metric.expiresMs, nowMs)
    const ended = endedMetrics(
      pages.flatMap(([, page]) => (page.expiresMs > nowMs ? [] : page.metrics.filter(isPastMetric))),
    )
    let series = 0
    for (const [number, page] of pages) {
      if (page.expiresMs > nowMs && ended === undefined) continue
      const live = page.metrics.filter((placed) => !isPastMetric(placed) && !ended?.(placed))
      if (live.length === page.metrics.length) continue
      series += valuesIn(page.metrics) - valuesIn(live)
      this.#setPage(unit, number, live, touched)
    }
    if (unit.kind === 'metadata') {
      this.#takeHints(unit)
      return 0
    }
    for (const family of touched) {
      const entry = unit.entries.get(family)
      if (entry !== undefined) this.#renew(unit, family, entry.version, entry.pushedMs)
    }
    return series
  }

  /** The set is gone. */
  drop(unit: Unit): void {
    unit.pages.clear()
    if (unit.kind === 'metadata') this.#takeHints(unit)
  }

  /** Takes over the family table and moves what is to be shown elsewhere than before. */
  #learn(unit: Unit, families: readonly SetFamilyState[], touched: Set<string>): void {
    const known = unit.families
    let news = false
    for (const state of families) {
      const before = known.get(state.name)
      if (before !== undefined && sameState(before.state, state)) continue
      news ||= before === undefined || before.state.type !== state.type
      const place = before?.place ?? this.#placeIn(unit, state.name)
      known.set(state.name, { state, place })
      touched.add(place.family)
    }
    if (known.size > families.length) {
      const names = new Set(families.map(({ name }) => name))
      for (const name of known.keys()) if (!names.has(name)) known.delete(name)
    }
    if (news) this.#placeAnew(unit, touched)
  }

  #placeIn(unit: Unit, stored: string): Place {
    return placeOf(stored, this.hints, (name) => storedFamily(unit, name)?.state.type)
  }

  /** Decides again where each family of the set is shown. */
  #placeAnew(unit: Unit, touched: Set<string>): void {
    let moved = false
    for (const [stored, { state, place: before }] of unit.families) {
      const place = this.#placeIn(unit, stored)
      if (place.family === before.family) continue
      unit.families.set(stored, { state, place })
      touched.add(place.family)
      moved = true
    }
    if (!moved) return
    for (const [number, { metrics }] of unit.pages) {
      const placed = metrics.map(({ place, metric }) => ({
        place: (unit.families.get(place.stored) as StoredFamily).place,
        metric,
      }))
      this.#setPage(unit, number, placed, touched)
    }
  }

  /** Replaces what a page holds and notes the families whose metrics changed; empties leave. */
  #setPage(unit: Unit, number: number, metrics: readonly PlacedMetric[], touched: Set<string>): void {
    const byFamily = new Map<string, PlacedMetric[]>()
    for (const { place } of unit.pages.get(number)?.metrics ?? []) byFamily.set(place.family, [])
    for (const placed of metrics) {
      const list = byFamily.get(placed.place.family)
      if (list === undefined) byFamily.set(placed.place.family, [placed])
      else list.push(placed)
    }
    if (metrics.length === 0) unit.pages.delete(number)
    else unit.pages.set(number, { metrics, expiresMs: firstExpiry(metrics) })
    if (unit.kind === 'metadata') return
    for (const [name, list] of byFamily) {
      touched.add(name)
      const entry = unit.entries.get(name)
      let pages = entry === undefined ? undefined : pagesOf(entry)
      if (pages === undefined) {
        if (list.length === 0) continue
        pages = new Map()
        this.#host.setEntry(unit, { name, ...UNKNOWN }, { kind: 'paged', help: '', unit: '', pages })
      } else if (entry !== undefined) {
        this.#host.changing(entry)
      }
      if (list.length === 0) pages.delete(number)
      else pages.set(number, list)
    }
  }

  /** Tells what an entry shows after its metrics, its family or the hint for it changed. */
  #renew(unit: Unit, family: string, version: number, pushedMs: number): void {
    const entry = unit.entries.get(family)
    if (entry?.content.kind !== 'paged') return
    const { pages } = entry.content
    if (pages.size === 0) {
      this.#host.dropEntry(entry)
      return
    }
    const { type, help, unit: familyUnit, firstSeenMs } = this.#stateOf(unit, family, pages)
    this.#host.setEntry(
      unit,
      { name: family, type, version, series: countOf(pages), expiresMs: 0, pushedMs, firstSeenMs },
      { kind: 'paged', help, unit: familyUnit, pages },
    )
  }

  #stateOf(unit: Unit, family: string, pages: FamilyPages): Hint & { readonly firstSeenMs: number } {
    const own = storedFamily(unit, family)?.state
    const hint = this.hints.get(family)
    if (
      hint === undefined ||
      !isComposite(hint.type) ||
      !goesWith(own?.type, hint.type) ||
      !hasPart(family, pages)
    )
      return own ?? { ...UNKNOWN, help: '', unit: '' }
    let firstSeenMs = Number.POSITIVE_INFINITY
    for (const name of namesOfParts(family)) {
      const part = storedFamily(unit, name)
      if (part?.place.family === family) firstSeenMs = Math.min(firstSeenMs, part.state.firstSeenMs)
    }
    return {
      type: hint.type,
      help: hint.help || (own?.help ?? ''),
      unit: hint.unit || (own?.unit ?? ''),
      firstSeenMs,
    }
  }

  #takeHints(unit: Unit): void {
    const hints = new Map<string, Hint>()
    for (const { metrics } of unit.pages.values()) {
      for (const { place } of metrics) {
        const state = unit.families.get(place.stored)?.state
        if (state !== undefined) hints.set(place.name, state)
      }
    }
    for (const name of unit.hinted) if (!hints.has(name)) this.#setHint(name, undefined)
    for (const [name, hint] of hints) this.#setHint(name, hint)
    unit.hinted = new Set(hints.keys())
  }

  #setHint(name: string, hint: Hint | undefined): void {
    const before = this.hints.get(name)
    if (before?.type === hint?.type && before?.help === hint?.help && before?.unit === hint?.unit) return
    this.hints.set(name, hint)
    for (const family of namesHinted(name)) this.#host.headChanged(family)
    const isPart = isComposite(hint?.type ?? 'unknown')
    if (!isPart && !isComposite(before?.type ?? 'unknown')) return
    const units = new Set<Unit>()
    for (const family of namesOfParts(name)) {
      for (const { unit, content } of this.#host.entriesOf(family))
        if (content.kind === 'paged') units.add(unit)
    }
    for (const unit of units) {
      const touched = new Set<string>([name])
      this.#placeAnew(unit, touched)
      for (const family of touched) this.#renew(unit, family, unit.version, unit.pushedMs)
    }
  }
}

const UNKNOWN = {
  type: 'unknown' as FamilyType,
  series: 0,
  version: 0,
  expiresMs: 0,
  pushedMs: 0,
  firstSeenMs: 0,
}

/** The family with the values or totals of this name. */
function storedFamily(unit: Unit, name: string): StoredFamily | undefined {
  return unit.families.get(setFamilyName(name, 'value')) ?? unit.families.get(setFamilyName(name, 'total'))
}

type FamilyPages = ReadonlyMap<number, readonly PlacedMetric[]>

/**
 * Whether anything of a family is more than a number of its name. A hint is for all sets, and one that has nothing else
 * means something of its own by the name.
 */
function hasPart(family: string, pages: FamilyPages): boolean {
  for (const metrics of pages.values())
    for (const { place, metric } of metrics)
      if (place.part === 'value' && (place.name !== family || typeof metric.content !== 'number')) return true
  return false
}

function pagesOf({ content }: Entry): Map<number, readonly PlacedMetric[]> | undefined {
  return content.kind === 'paged' ? content.pages : undefined
}

function sameState(a: SetFamilyState, b: SetFamilyState): boolean {
  return (
    a === b ||
    (a.type === b.type && a.help === b.help && a.unit === b.unit && a.firstSeenMs === b.firstSeenMs)
  )
}

function isPast(expiresMs: number, nowMs: number): boolean {
  return expiresMs !== 0 && expiresMs <= nowMs
}

function firstExpiry(metrics: readonly PlacedMetric[]): number {
  let first = Number.POSITIVE_INFINITY
  for (const { metric } of metrics)
    if (metric.expiresMs !== 0 && metric.expiresMs < first) first = metric.expiresMs
  return first
}

/** Series among the metrics: what goes along with values is none. */
function valuesIn(metrics: readonly PlacedMetric[]): number {
  let values = 0
  for (const { place } of metrics) if (isSeries(place.part)) values++
  return values
}

function countOf(pages: FamilyPages): number {
  let series = 0
  for (const metrics of pages.values()) series += valuesIn(metrics)
  return series
}
