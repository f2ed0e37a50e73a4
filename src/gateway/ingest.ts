import { PgrError } from '../errors/pgr-error.ts'
import { writeStoredMetric } from '../formats/stored/index.ts'
import { type Family, type Metric, type NumberMetric, seriesOf } from '../model/family.ts'
import { keptLabels, keptName, keptText } from '../model/kept-text.ts'
import {
  type Labels,
  labelKey,
  showLabels,
  withInstance,
  withoutEmptyValues,
  withoutNames,
} from '../model/labels.ts'
import type { UnitId } from '../model/unit.ts'
import { MAX_FUTURE_MS, type SetFamily, type SetSample } from '../store/store.ts'
import { type CandidateFamily, INCONSISTENT } from './consistency.ts'
import type { IngestPush } from './gateway.ts'
import { assertAgainstStored, loadView, type PushDeps } from './push.ts'
import { setFamilyName } from './set-family.ts'
import { assertRoomInSets, Homes, type SetPart, writeSets } from './set-write.ts'
import { makeUnit } from './view/unit.ts'
import type { View } from './view/view.ts'

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
  const homes = new Homes()
  return async function ingest({ families, ttlMs, protocol, deadlineMs }) {
    await loadView(sync, deadlineMs)
    const { parts, series } = splitBySet(families, homes)
    assertNotFuture(families, view)
    if (settings.consistencyCheck) {
      for (const part of parts) {
        const { identity, nameSet } = view.units.get(part.id) ?? makeUnit(part.id, part.labels)
        const candidate = { unitId: part.id, kind: 'set', identity, nameSet, keepsOthers: true } as const
        await assertAgainstStored(view, sync, { ...candidate, families: part.candidates }, deadlineMs)
      }
    }
    assertRoomInSets(parts, series, view, quota)
    await writeSets(store, view, parts, { ttlMs: ttlMs ?? settings.ttlMs, protocol, deadlineMs })
    return { series }
  }
}

interface Part extends SetPart {
  readonly families: SetFamily[]
  readonly candidates: CandidateFamily[]
}

/** Deals the metrics of a body out to their sets. */
function splitBySet(families: readonly Family[], homes: Homes): { parts: readonly Part[]; series: number } {
  const parts = new Map<UnitId, Part>()
  let total = 0
  for (const family of families) {
    const newest = newestOf(family)
    const bySet = new Map<Part, { samples: SetSample[]; metrics: Metric[]; shown: Labels[] }>()
    for (const { metric, labels, series } of newest) {
      const home = homes.of(family.name, labels)
      let part = parts.get(home.id)
      if (part === undefined) {
        part = { families: [], candidates: [], ...home }
        parts.set(home.id, part)
      }
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
      total += series
    }
    for (const [part, { samples, metrics, shown }] of bySet) {
      const { type } = family
      const name = setFamilyName(keptName(family.name), 'value')
      const [help, unit] = [keptText(family.help), keptText(family.unit)]
      part.families.push({ name, type, help, unit, metrics: samples })
      part.candidates.push({ family: { ...family, metrics } as Family, shown: () => shown })
    }
  }
  return { parts: [...parts.values()], series: total }
}

/** One metric per label set: of several points the newest; equal series without telling timestamps are refused. */
function newestOf(family: Family): Iterable<{ metric: Metric; labels: Labels; series: number }> {
  const newest = new Map<string, { metric: Metric; labels: Labels; series: number }>()
  for (const metric of family.metrics as readonly Metric[]) {
    const labels = keptLabels(withoutEmptyValues(metric.labels))
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
