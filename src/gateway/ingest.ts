import { createHash } from 'node:crypto'
import { PgrError } from '../errors/pgr-error.ts'
import { writeStoredMetric } from '../formats/stored/index.ts'
import { type Family, type Metric, type NumberMetric, seriesOf } from '../model/family.ts'
import {
  type Labels,
  labelKey,
  showLabels,
  sortLabels,
  withInstance,
  withoutEmptyValues,
  withoutNames,
} from '../model/labels.ts'
import { LOOSE_SHARDS, SHARD_LABEL, setLabels, type UnitId, unitId } from '../model/unit.ts'
import { MAX_FUTURE_MS, type SetFamily, type SetSample, type Store } from '../store/store.ts'
import { type CandidateFamily, INCONSISTENT } from './consistency.ts'
import type { IngestPush } from './gateway.ts'
import { assertAgainstStored, loadView, newOperation, type PushDeps } from './push.ts'
import type { Quota } from './quota.ts'
import { makeUnit, seriesKeys } from './view/unit.ts'
import type { View } from './view/view.ts'

/** Sets written at the same time for one body. */
const CONCURRENT_WRITES = 16

/**
 * Takes merge pushes: every metric goes to the set its job and instance name, and replaces there what is older. The
 * whole body is checked before anything is written; a set is written whole or not at all.
 */
export function makeIngest({
  store,
  view,
  sync,
  quota,
  settings,
}: PushDeps): (push: IngestPush) => Promise<{ series: number }> {
  return async function ingest({ families, ttlMs, protocol, deadlineMs }) {
    await loadView(sync, deadlineMs)
    const parts = splitBySet(families)
    assertNotFuture(families, view)
    if (settings.consistencyCheck) {
      for (const part of parts.values()) {
        const { identity, nameSet } = view.units.get(part.id) ?? makeUnit(part.id, part.labels)
        const candidate = { unitId: part.id, kind: 'set', identity, nameSet, keepsOthers: true } as const
        await assertAgainstStored(view, sync, { ...candidate, families: part.candidates }, deadlineMs)
      }
    }
    const series = [...parts.values()].reduce((sum, part) => sum + part.series, 0)
    assertRoom(parts.values(), series, view, quota)
    await forEachOf([...parts.values()], CONCURRENT_WRITES, (part) =>
      writePart(store, view, part, { ttlMs: ttlMs ?? settings.ttlMs, protocol, deadlineMs }),
    )
    return { series }
  }
}

/** The exact growth is counted only where taking all for new would not fit: it looks at the sets as they are. */
function assertRoom(parts: Iterable<Part>, series: number, view: View, quota: Quota): void {
  const sets = [...parts]
  if (quota.hasRoom({ units: sets.length, series, bytes: 0 })) return
  let units = 0
  let metrics = 0
  for (const { id, candidates } of sets) {
    const entries = view.units.get(id)?.entries
    if (entries === undefined || entries.size === 0) units++
    for (const { family, shown } of candidates) {
      const entry = entries?.get(family.name)
      const held = entry === undefined ? NO_KEYS : seriesKeys(entry)
      for (const labels of shown()) if (!held.has(labelKey(labels))) metrics++
    }
  }
  quota.assertRoom({ units, series: metrics, bytes: 0 })
}

const NO_KEYS: ReadonlySet<string> = new Set()

interface Part {
  readonly id: UnitId
  readonly labels: Labels
  readonly families: SetFamily[]
  readonly candidates: CandidateFamily[]
  series: number
}

async function writePart(
  store: Store,
  view: View,
  { id, labels, families }: Part,
  write: { ttlMs: number; protocol: string; deadlineMs: number },
): Promise<void> {
  view.applyOwn(await store.writeSet({ id, labels, families, operation: newOperation(), ...write }))
}

/** Deals the metrics of a body out to their sets. */
function splitBySet(families: readonly Family[]): Map<UnitId, Part> {
  const parts = new Map<UnitId, Part>()
  const identities = new Map<string, Part>()
  for (const family of families) {
    const newest = newestOf(family)
    const bySet = new Map<Part, { samples: SetSample[]; metrics: Metric[]; shown: Labels[] }>()
    for (const { metric, labels, series } of newest) {
      const part = partFor(labels, family.name, parts, identities)
      let dealt = bySet.get(part)
      if (dealt === undefined) {
        dealt = { samples: [], metrics: [], shown: [] }
        bySet.set(part, dealt)
      }
      const own = withoutNames(labels, part.labels)
      dealt.samples.push({
        labels: own,
        series,
        content: contentOf(family, metric),
        ...(metric.timestampMs === undefined ? {} : { timestampMs: metric.timestampMs }),
      })
      dealt.metrics.push({ ...metric, labels: own })
      dealt.shown.push(withInstance(labels))
      part.series += series
    }
    for (const [part, { samples, metrics, shown }] of bySet) {
      const { name, type, help, unit } = family
      part.families.push({ name, type, help, unit, metrics: samples })
      part.candidates.push({ family: { ...family, metrics } as Family, shown: () => shown })
    }
  }
  return parts
}

/** One metric per label set: of several points the newest; equal series without telling timestamps are refused. */
function newestOf(family: Family): Iterable<{ metric: Metric; labels: Labels; series: number }> {
  const newest = new Map<string, { metric: Metric; labels: Labels; series: number }>()
  for (const metric of family.metrics as readonly Metric[]) {
    const labels = withoutEmptyValues(metric.labels)
    const key = labelKey(labels)
    const known = newest.get(key)
    const series = seriesOf({ ...family, metrics: [metric] } as Family)
    if (known === undefined) {
      newest.set(key, { metric, labels, series })
      continue
    }
    const { timestampMs } = metric
    if (
      timestampMs === undefined ||
      known.metric.timestampMs === undefined ||
      timestampMs === known.metric.timestampMs
    ) {
      throw new PgrError(
        'PGR_PUSH_INCONSISTENT',
        `${INCONSISTENT}collected metric ${JSON.stringify(family.name)} ${showLabels(labels)} was collected before with the same name and label values; ` +
          'the body holds this series twice, and no timestamp tells which is newer',
      )
    }
    if (timestampMs > known.metric.timestampMs) newest.set(key, { metric, labels, series })
  }
  return newest.values()
}

function partFor(
  labels: Labels,
  name: string,
  parts: Map<UnitId, Part>,
  identities: Map<string, Part>,
): Part {
  const shown = setLabels(labels)
  const identity =
    shown.length > 0 ? shown : sortLabels([{ name: SHARD_LABEL, value: String(shardOf(name, labels)) }])
  const key = labelKey(identity)
  const known = identities.get(key)
  if (known !== undefined) return known
  const part: Part = { id: unitId('set', identity), labels: shown, families: [], candidates: [], series: 0 }
  identities.set(key, part)
  parts.set(part.id, part)
  return part
}

/** Spreads series that have neither job nor instance. */
function shardOf(name: string, labels: Labels): number {
  return (
    createHash('sha256')
      .update(`${name}\u0000${labelKey(labels)}`)
      .digest()
      .readUInt32BE() % LOOSE_SHARDS
  )
}

/** A bare number when the metric is nothing else. */
function contentOf(family: Family, metric: Metric): SetSample['content'] {
  if (metric.stale === true) return 'stale'
  const plain =
    family.type === 'counter' ||
    family.type === 'gauge' ||
    family.type === 'unknown' ||
    family.type === 'info'
  if (plain && metric.startMs === undefined && (metric as NumberMetric).exemplar === undefined) {
    return (metric as NumberMetric).value
  }
  return writeStoredMetric(family.type, metric)
}

function assertNotFuture(families: readonly Family[], view: View): void {
  // Not the clock of the last page: were that long ago, the store away, good samples would be refused for good.
  const latestMs = view.clockAt(performance.now()) + MAX_FUTURE_MS
  for (const family of families) {
    for (const metric of family.metrics as readonly Metric[]) {
      if (metric.timestampMs === undefined || metric.timestampMs <= latestMs) continue
      throw new PgrError(
        'PGR_PUSH_INVALID',
        `the timestamp ${metric.timestampMs} of ${JSON.stringify(family.name)} ${showLabels(metric.labels)} is more than 10 minutes ahead of the store's clock; ` +
          'timestamps of the text format are milliseconds, and the clock of the sender may be off',
      )
    }
  }
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
