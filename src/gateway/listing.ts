import { labelValue } from '../model/labels.ts'
import type { ListedFamily, ListedUnit, Listing, ListRequest, Shown, ShowRequest } from './gateway.ts'
import { type Lane, type Turn, takeTurns } from './turns.ts'
import { expiryOf, expiryOfEntry, isExpiring } from './view/expiry.ts'
import type { Sync } from './view/sync.ts'
import { type Entry, PUSH_FAILURE_TIME, PUSH_TIME, readEntry, type Unit } from './view/unit.ts'
import type { View } from './view/view.ts'
import { Window } from './window.ts'

export interface ListDeps {
  readonly view: View
  readonly sync: Pick<Sync, 'refresh'>
  readonly lane: Lane
}

const TIMES = [PUSH_TIME, PUSH_FAILURE_TIME]

/** A unit with what it is sorted by, which may change before the end of the listing. */
interface Keyed {
  readonly unit: Unit
  readonly key: number
  readonly job: string
}

/** Lists groups and sets from what the view knows of them, and reads nothing of what they hold. */
export function makeList({ view, sync, lane }: ListDeps) {
  return async function list(request: ListRequest): Promise<Listing> {
    await sync.refresh(request.deadlineMs)
    return lane(request.deadlineMs, () => listNow(view, request))
  }
}

async function listNow(view: View, request: ListRequest): Promise<Listing> {
  const nowMs = view.clockAt(performance.now())
  const turn = takeTurns(request.deadlineMs)
  const finds = await makeSearch(view, request.search, turn)
  const keyOf = KEYS[request.sort]
  const window = new Window<Keyed>(orderBy(request), request)
  const total = { groups: 0, sets: 0, series: 0 }
  let matching = 0
  for (const unit of view.units.values()) {
    if (unit.entries.size === 0) continue
    const pause = turn()
    if (pause !== undefined) await pause
    if (unit.kind === 'group') total.groups++
    else total.sets++
    total.series += unit.series
    if (!isAsked(unit, request, nowMs) || !finds(unit)) continue
    matching++
    window.add({ unit, key: keyOf(unit), job: labelValue(unit.labels, 'job') ?? '' })
  }
  const units = window
    .take()
    .filter(({ unit }) => unit.entries.size > 0)
    .map(({ unit }) => listedOf(unit))
  return { nowMs, total, matching, units }
}

/** Shows one group or set; undefined when it is not there. */
export function makeShow({ view, sync, lane }: ListDeps) {
  return async function show(request: ShowRequest): Promise<Shown | undefined> {
    await sync.refresh(request.deadlineMs)
    return lane(request.deadlineMs, async () => {
      const unit = view.units.get(request.id)
      // A set of metadata has no entries either.
      return unit === undefined || unit.entries.size === 0 ? undefined : showNow(view, unit, request)
    })
  }
}

async function showNow(view: View, unit: Unit, request: ShowRequest): Promise<Shown> {
  const nowMs = view.clockAt(performance.now())
  const listed = listedOf(unit)
  const turn = takeTurns(request.deadlineMs)
  const sought = request.search.toLowerCase()
  const window = new Window<Entry>((a, b) => a.name < b.name, request)
  let matching = 0
  for (const entry of unit.entries.values()) {
    if (entry.content.kind === 'time' || !entry.name.toLowerCase().includes(sought)) continue
    const pause = turn()
    if (pause !== undefined) await pause
    matching++
    window.add(entry)
  }
  return { nowMs, unit: listed, matching, families: window.take().map(familyOf) }
}

function familyOf(entry: Entry): ListedFamily {
  const { name, type, pushedMs, series } = entry
  return { name, type, pushedMs, expiresMs: expiryOfEntry(entry), series, read: () => readEntry(entry) }
}

function listedOf(unit: Unit): ListedUnit {
  const { id, labels, series, protocol, pushedMs, failedMs, failure } = unit
  return {
    id,
    kind: unit.kind === 'group' ? 'group' : 'set',
    labels,
    series,
    families: familiesIn(unit),
    protocol,
    pushedMs,
    failedMs,
    failure,
    expiresMs: expiryOf(unit),
  }
}

/** The push times, two of a group, are nobody's families. */
function familiesIn({ entries, kind }: Unit): number {
  if (kind !== 'group') return entries.size
  let families = entries.size
  for (const name of TIMES) if (entries.get(name)?.content.kind === 'time') families--
  return families
}

const KEYS: Readonly<Record<ListRequest['sort'], (unit: Unit) => number>> = {
  labels: () => 0,
  last_push: ({ pushedMs }) => pushedMs,
  expires: (unit) => expiryOf(unit) || Number.POSITIVE_INFINITY,
  series: ({ series }) => series,
}

/** By the key, then by the job and the other labels, so that no two are equal. */
function orderBy({ sort, descending }: ListRequest): (a: Keyed, b: Keyed) => boolean {
  if (sort === 'labels' && descending) return (a, b) => isBefore(b, a)
  return (a, b) => {
    if (a.key !== b.key) return descending ? a.key > b.key : a.key < b.key
    return isBefore(a, b)
  }
}

function isBefore(a: Keyed, b: Keyed): boolean {
  return a.job === b.job ? a.unit.order < b.unit.order : a.job < b.job
}

function isAsked(unit: Unit, { kind, state, withinMs, selects }: ListRequest, nowMs: number): boolean {
  if (kind !== undefined && (unit.kind === 'group' ? 'group' : 'set') !== kind) return false
  if (state !== undefined && !STATES[state](unit, nowMs, withinMs)) return false
  return selects.length === 0 || selects.some((select) => select(unit.labels))
}

const STATES: Readonly<
  Record<NonNullable<ListRequest['state']>, (unit: Unit, nowMs: number, withinMs: number) => boolean>
> = {
  failed: ({ pushedMs, failedMs }) => failedMs > 0 && failedMs >= pushedMs,
  expiring: isExpiring,
  stale: ({ pushedMs }, nowMs, withinMs) => nowMs - pushedMs >= withinMs,
}

/**
 * Whether a unit has the text, in whatever case, in the name or value of a label, or in the name of a family. Names of
 * families are looked through once for all units.
 */
async function makeSearch(view: View, search: string, turn: Turn): Promise<(unit: Unit) => boolean> {
  if (search === '') return () => true
  const sought = search.toLowerCase()
  const has = (text: string) => text.toLowerCase().includes(sought)
  const found = new Set<string>()
  for (const name of view.families.keys()) {
    if (has(name)) found.add(name)
    const pause = turn()
    if (pause !== undefined) await pause
  }
  // The push times are in every group.
  for (const name of TIMES) found.delete(name)
  return ({ labels, entries }) =>
    labels.some(({ name, value }) => has(name) || has(value)) || shareOne(entries, found)
}

function shareOne(entries: ReadonlyMap<string, unknown>, names: ReadonlySet<string>): boolean {
  const [fewer, more] = entries.size < names.size ? [entries, names] : [names, entries]
  for (const name of fewer.keys()) if (more.has(name)) return true
  return false
}
