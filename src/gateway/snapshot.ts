import type { ExportedUnit, Lot } from '../formats/ndjson/index.ts'
import type { Family, FamilyType, Metric } from '../model/family.ts'
import { type Labels, labelKey } from '../model/labels.ts'
import type { UnitKind } from '../model/unit.ts'
import { assembleFamily, type Lifetime, lifetimesOf, type PlacedMetric } from './view/loose-series.ts'
import { type Content, type Entry, readContent, type Unit } from './view/unit.ts'
import type { View } from './view/view.ts'

/** Everything stored as of one instant; what is pushed later does not change it. */
export interface Snapshot {
  /** The store's clock. */
  readonly nowMs: number
  readonly units: readonly SnapshotUnit[]
}

export interface SnapshotUnit {
  readonly kind: UnitKind
  readonly labels: Labels
  /** Decoded on demand. */
  read(): ExportedUnit
}

/**
 * Holds on to what the view has now: references alone, so that it costs little and takes one turn. What a unit holds is
 * never written to, only exchanged.
 */
export function snapshotOf(view: View, atMs: number): Snapshot {
  const nowMs = view.clockAt(atMs)
  const units: SnapshotUnit[] = []
  for (const unit of view.units.values())
    if (unit.entries.size > 0) units.push(snapshotOfUnit(unit, view, nowMs))
  return { nowMs, units }
}

function snapshotOfUnit({ kind, labels, pushedMs, entries }: Unit, view: View, nowMs: number): SnapshotUnit {
  const held: HeldEntry[] = []
  for (const entry of entries.values()) if (entry.content.kind !== 'time') held.push(holdEntry(entry, view))
  const shown = kind === 'group' ? 'group' : 'set'
  return {
    kind: shown,
    labels,
    read: () => ({ kind: shown, labels, pushedMs, lots: held.flatMap((entry) => lotsOf(entry, nowMs)) }),
  }
}

interface HeldEntry extends Pick<Entry, 'name' | 'type' | 'expiresMs'> {
  readonly content: Content
}

function holdEntry({ name, type, expiresMs, content }: Entry, view: View): HeldEntry {
  if (content.kind !== 'paged') return { name, type, expiresMs, content }
  const hint = type === 'unknown' ? view.hintFor(name) : undefined
  // Numbers that came without a type are shown with the one that is known of them otherwise.
  const isHinted = hint !== undefined && OF_NUMBERS.has(hint.type)
  const { help, unit } = isHinted
    ? { help: content.help || hint.help, unit: content.unit || hint.unit }
    : content
  // Pages are exchanged one by one in a map that stays.
  const held = { ...content, help, unit, pages: new Map(content.pages) }
  return { name, type: isHinted ? hint.type : type, expiresMs, content: held }
}

const OF_NUMBERS: ReadonlySet<FamilyType> = new Set(['counter', 'gauge', 'info', 'unknown'])

function lotsOf(entry: HeldEntry, nowMs: number): Lot[] {
  const { content, expiresMs } = entry
  if (content.kind === 'paged') return lotsOfSet(entry, [...content.pages.values()].flat(), nowMs)
  if (isPast(expiresMs, nowMs)) return []
  return [{ ttlMs: ttlOf(expiresMs, nowMs), family: readContent(entry) }]
}

/** In a set every metric lives for a time of its own; those that differ by less than this go together. */
const LOT_MS = 1000

function lotsOfSet(entry: HeldEntry, placed: readonly PlacedMetric[], nowMs: number): Lot[] {
  const { content, name, type } = entry
  if (content.kind !== 'paged') return []
  const { help, unit } = content
  const live = placed.filter(({ metric }) => !isPast(metric.expiresMs, nowMs))
  const lifetimes = lifetimesOf(type, live)
  const byTtl = new Map<number, Metric[]>()
  for (const metric of assembleFamily({ name, type, help, unit }, live).metrics as readonly Metric[]) {
    const lifetime = lifetimes.get(labelKey(metric.labels))
    if (lifetime === undefined) continue
    const ttlMs = Math.ceil(ttlOf(lifetime.expiresMs, nowMs) / LOT_MS) * LOT_MS
    const metrics = byTtl.get(ttlMs)
    const shown = withTimeOfSender(metric, lifetime)
    if (metrics === undefined) byTtl.set(ttlMs, [shown])
    else metrics.push(shown)
  }
  return [...byTtl].map(([ttlMs, metrics]) => ({
    ttlMs,
    family: { name, type, help, unit, metrics } as Family,
  }))
}

/** Of the timestamps that metrics of a set have, those that the sender gave. */
function withTimeOfSender(metric: Metric, { isExplicit }: Lifetime): Metric {
  if (isExplicit) return metric
  const { timestampMs: _, ...rest } = metric
  return rest
}

function isPast(expiresMs: number, nowMs: number): boolean {
  return expiresMs !== 0 && expiresMs <= nowMs
}

function ttlOf(expiresMs: number, nowMs: number): number {
  return expiresMs === 0 ? 0 : Math.max(1, Math.round(expiresMs - nowMs))
}
