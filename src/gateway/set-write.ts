import { createHash } from 'node:crypto'
import { type Labels, labelKey, sortLabels } from '../model/labels.ts'
import { LOOSE_SHARDS, SHARD_LABEL, setLabels, type UnitId, unitId } from '../model/unit.ts'
import type { SetFamily, Store } from '../store/store.ts'
import { newOperation } from './operation.ts'
import type { Quota } from './quota.ts'
import type { View } from './view/view.ts'

/** The set a series belongs to: that of its job and instance. */
export interface Home {
  readonly id: UnitId
  /** Identity as shown. */
  readonly labels: Labels
}

/** The part of a body that goes to one set. */
export interface SetPart extends Home {
  readonly families: readonly SetFamily[]
}

/** Sets written at the same time for one body. */
const CONCURRENT_WRITES = 16
/** Homes that are remembered; to work one out takes a hash. */
const MOST_HOMES = 20_000

/** Finds homes; the same object for the same set while it is remembered. */
export class Homes {
  readonly #known = new Map<string, Home>()

  of(name: string, labels: Labels): Home {
    const shown = setLabels(labels)
    const identity =
      shown.length > 0 ? shown : sortLabels([{ name: SHARD_LABEL, value: String(shardOf(name, labels)) }])
    const key = labelKey(identity)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size === MOST_HOMES) this.#known.clear()
    const home = { id: unitId('set', identity), labels: shown }
    this.#known.set(key, home)
    return home
  }
}

/** Spreads series that have neither job nor instance. */
function shardOf(name: string, labels: Labels): number {
  return shardOfText(`${name}\u0000${labelKey(labels)}`, LOOSE_SHARDS)
}

export function shardOfText(text: string, shards: number): number {
  return createHash('sha256').update(text).digest().readUInt32BE() % shards
}

/** The exact growth is counted only where taking all for new would not fit: it looks at the sets as they are. */
export function assertRoomInSets(parts: readonly SetPart[], series: number, view: View, quota: Quota): void {
  if (quota.hasRoom({ units: parts.length, series, bytes: 0 })) return
  let units = 0
  let metrics = 0
  for (const { id, families } of parts) {
    const unit = view.units.get(id)
    if (unit === undefined || unit.entries.size === 0) units++
    const held = new Set<string>()
    for (const page of unit?.pages.values() ?? [])
      for (const { place, metric } of page.metrics)
        held.add(`${place.stored}\u0000${labelKey(metric.labels)}`)
    for (const family of families) {
      for (const { labels, series, content } of family.metrics) {
        if (series > 0 && content !== 'stale' && !held.has(`${family.name}\u0000${labelKey(labels)}`))
          metrics++
      }
    }
  }
  quota.assertRoom({ units, series: metrics, bytes: 0 })
}

/** Writes every part, each whole or not at all, and shows it at once. */
export async function writeSets(
  store: Store,
  view: View,
  parts: readonly SetPart[],
  write: { readonly ttlMs: number; readonly protocol: string; readonly deadlineMs: number },
): Promise<void> {
  await forEachOf(parts, CONCURRENT_WRITES, async ({ id, labels, families }) => {
    view.applyOwn(await store.writeSet({ id, labels, families, operation: newOperation(), ...write }))
  })
}

/** Runs `work` over all items, a bounded number at a time; waits for all that started before it rejects. */
async function forEachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed: { reason: unknown } | undefined
  const lane = async () => {
    while (next < items.length && failed === undefined) {
      const item = items[next++] as T
      try {
        await work(item)
      } catch (reason) {
        failed ??= { reason }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
  if (failed !== undefined) throw failed.reason
}
