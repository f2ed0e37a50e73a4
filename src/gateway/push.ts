import { PgrError } from '../errors/pgr-error.ts'
import { writeStored } from '../formats/stored/index.ts'
import { type Family, type Metric, seriesOf } from '../model/family.ts'
import { keptName, keptText } from '../model/kept-text.ts'
import {
  compareText,
  type Labels,
  labelKey,
  labelValue,
  mergeLabels,
  showLabels,
  withInstance,
  withoutNames,
} from '../model/labels.ts'
import { groupId } from '../model/unit.ts'
import type { FamilyBlob, Store } from '../store/store.ts'
import { assertConsistent, type CandidateFamily, INCONSISTENT } from './consistency.ts'
import type { GroupPush } from './gateway.ts'
import { newOperation } from './operation.ts'
import { heldBy, type Quota } from './quota.ts'
import type { Sync } from './view/sync.ts'
import { makeUnit, PUSH_FAILURE_TIME, PUSH_TIME } from './view/unit.ts'
import type { View } from './view/view.ts'

export interface PushDeps {
  readonly store: Store
  readonly view: View
  readonly sync: Sync
  readonly quota: Quota
  readonly settings: PushSettings
}

export interface PushSettings {
  readonly ttlMs: number
  readonly retentionMs: number
  /** Compare pushes with what other groups hold. */
  readonly consistencyCheck: boolean
}

/** Takes group pushes: check, write, show. */
export function makePush({
  store,
  view,
  sync,
  quota,
  settings,
}: PushDeps): (push: GroupPush) => Promise<{ series: number }> {
  return async function push(request) {
    const { mode, group, protocol, deadlineMs } = request
    const id = groupId(group)
    const operation = newOperation()
    const ttlMs = request.ttlMs ?? settings.ttlMs
    const { retentionMs } = settings

    let families: readonly CandidateFamily[]
    try {
      families = prepare(request.families, group)
      if (settings.consistencyCheck) {
        const { identity, nameSet } = view.units.get(id) ?? makeUnit(id, group)
        const keepsOthers = mode === 'post'
        const candidate = { unitId: id, kind: 'group', identity, nameSet, keepsOthers, families } as const
        if (!sync.loaded || findClash(view, candidate) !== undefined)
          await assertAgainstStored(view, sync, candidate, deadlineMs)
      }
    } catch (reason) {
      if (reason instanceof PgrError && REFUSED_AFTER_PARSING.has(reason.code)) {
        view.applyOwn(
          await store.failGroup({
            id,
            labels: group,
            operation,
            deadlineMs,
            reason: keptText(cut(reason.message)),
            ttlMs,
            retentionMs,
            protocol,
          }),
        )
      }
      throw reason
    }

    const blobs: FamilyBlob[] = []
    let series = 0
    let bytes = 0
    for (const { family } of families) {
      const blob = {
        name: keptName(family.name),
        type: family.type,
        series: seriesOf(family),
        blob: writeStored(family),
      }
      series += blob.series
      bytes += blob.blob.byteLength
      blobs.push(blob)
    }
    const held = heldBy(view, id, mode === 'put' ? undefined : blobs.map((blob) => blob.name))
    quota.assertRoom({ units: 1 - held.units, series: series - held.series, bytes: bytes - held.bytes })
    const written = await store.writeGroup({
      id,
      labels: group,
      operation,
      deadlineMs,
      mode,
      ttlMs,
      retentionMs,
      protocol,
      families: blobs,
    })
    view.applyOwn(written)
    return { series }
  }
}

const REFUSED_AFTER_PARSING = new Set(['PGR_PUSH_INVALID', 'PGR_PUSH_INCONSISTENT'])

/**
 * Compares with the local view first, where own writes stand at once; a refusal is said only after asking the store
 * again, because another replica may have removed what the push clashes with. Where a part of the store is away that may
 * hold it, PGR_STORE_DEGRADED is said instead: the clash may be over.
 */
export async function assertAgainstStored(
  view: View,
  sync: Sync,
  candidate: Parameters<typeof assertConsistent>[1],
  deadlineMs: number,
): Promise<void> {
  await loadView(sync, deadlineMs)
  if (findClash(view, candidate) === undefined) return
  const away = await refreshInPart(sync, deadlineMs)
  const clash = findClash(view, candidate)
  if (clash !== undefined) throw away ?? clash
}

function findClash(view: View, candidate: Parameters<typeof assertConsistent>[1]): PgrError | undefined {
  try {
    assertConsistent(view, candidate)
    return undefined
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_PUSH_INCONSISTENT') return reason
    throw reason
  }
}

/**
 * Waits for the first view. Where a part of the store is away a push goes on with what the rest of it told: the store
 * says whether it can take the push, and a clash that nobody could see is quarantined.
 */
export async function loadView(sync: Sync, deadlineMs: number): Promise<void> {
  if (!sync.loaded) await refreshInPart(sync, deadlineMs)
}

/** Catches up with the store, or with what of it is there: then with the failure that says so. */
async function refreshInPart(sync: Sync, deadlineMs: number): Promise<PgrError | undefined> {
  try {
    await sync.refresh(deadlineMs)
    return undefined
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_STORE_DEGRADED') return reason
    throw reason
  }
}

/**
 * Families as a group keeps them: without the grouping labels (which win over the body's), metrics in page order, without
 * the names the gateway fills itself. Throws PGR_PUSH_INVALID for timestamps, PGR_PUSH_INCONSISTENT for equal series.
 */
function prepare(families: readonly Family[], group: Labels): CandidateFamily[] {
  const prepared: CandidateFamily[] = []
  for (const family of families) {
    for (const metric of family.metrics as readonly Metric[]) {
      if (metric.timestampMs === undefined) continue
      throw new PgrError(
        'PGR_PUSH_INVALID',
        `${INCONSISTENT}pushed metrics must not have timestamps; remove the timestamp of ${JSON.stringify(family.name)}, or use the ingest path, which takes them`,
      )
    }
    if (family.name === PUSH_TIME || family.name === PUSH_FAILURE_TIME) continue
    prepared.push(prepareFamily(family, group))
  }
  return prepared
}

function prepareFamily(family: Family, group: Labels): CandidateFamily {
  const given: readonly Metric[] = family.metrics
  const metrics = ungrouped(given, group)
  const sorted = metrics.length > 1 ? sortMetrics(family.name, metrics, group) : metrics
  let shown: readonly Labels[] | undefined
  return {
    family: sorted === given ? family : ({ ...family, metrics: sorted } as Family),
    shown: () => {
      shown ??= sorted.map(({ labels }) => withInstance(mergeLabels(labels, group)))
      return shown
    },
  }
}

/** Without grouping labels. The same list where no metric has any. */
function ungrouped(metrics: readonly Metric[], group: Labels): readonly Metric[] {
  if (metrics.every(({ labels }) => withoutNames(labels, group) === labels)) return metrics
  return metrics.map((metric) => ({ ...metric, labels: withoutNames(metric.labels, group) }))
}

/** Page order. Without an instance in the path, an empty one in the body is none. */
function sortMetrics(name: string, metrics: readonly Metric[], group: Labels): Metric[] {
  const hasInstance = labelValue(group, 'instance') !== undefined
  const keyed = metrics.map((metric) => ({
    key: labelKey(hasInstance ? metric.labels : withInstance(metric.labels)),
    metric,
  }))
  keyed.sort((a, b) => compareText(a.key, b.key))
  for (let i = 1; i < keyed.length; i++) {
    const { key, metric } = keyed[i] as (typeof keyed)[number]
    if (key !== keyed[i - 1]?.key) continue
    const shown = showLabels(withInstance(mergeLabels(metric.labels, group)))
    throw new PgrError(
      'PGR_PUSH_INCONSISTENT',
      `${INCONSISTENT}collected metric ${JSON.stringify(name)} ${shown} was collected before with the same name and label values; the push holds this series twice`,
    )
  }
  return keyed.map((item) => item.metric)
}

const REASON_BYTES = 256

/** The first 256 bytes, never half a character. */
function cut(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= REASON_BYTES) return reason
  return bytes.toString('utf8', 0, REASON_BYTES - 3).replace(/\uFFFD+$/u, '')
}
