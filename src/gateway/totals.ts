import { setTimeout as pause } from 'node:timers/promises'
import { PgrError } from '../errors/pgr-error.ts'
import { type Family, type FamilyType, seriesOf } from '../model/family.ts'
import { type Labels, labelKey } from '../model/labels.ts'
import type { UnitId } from '../model/unit.ts'
import type { Met, SetFamily, SetMetric, SetSample } from '../store/store.ts'
import { accumulate, type Delta, type Total } from './deltas.ts'
import { newOperation } from './operation.ts'
import type { PushDeps } from './push.ts'
import { setFamilyName } from './set-family.ts'
import type { Home } from './set-write.ts'
import type { Unit } from './view/unit.ts'

/** Deltas of one series. */
export interface SeriesDeltas {
  readonly labels: Labels
  readonly key: string
  readonly deltas: Delta[]
}

interface FamilyDeltas {
  readonly head: Omit<SetFamily, 'metrics'>
  /** By the text of their labels. */
  readonly series: Map<string, SeriesDeltas>
}

interface HomeDeltas {
  readonly home: Home
  readonly families: Map<string, FamilyDeltas>
}

/** The deltas of a body by set, family and series. */
export class Totals {
  private readonly homes = new Map<UnitId, HomeDeltas>()

  seriesOf(home: Home, { name, type, help, unit }: Family, of: Omit<SeriesDeltas, 'deltas'>): SeriesDeltas {
    const { families } = getOrMake(this.homes, home.id, () => ({ home, families: new Map() }))
    const family = getOrMake(families, name, () => ({
      head: { name: setFamilyName(name, 'total'), type, help, unit },
      series: new Map<string, SeriesDeltas>(),
    }))
    return getOrMake(family.series, of.key, () => ({ deltas: [], ...of }))
  }

  all(): HomeDeltas[] {
    return [...this.homes.values()]
  }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

interface Write {
  readonly ttlMs: number
  readonly protocol: string
  readonly deadlineMs: number
}

/** Of what is kept of a delta, beside what it is as bytes. */
const DELTA_BYTES = 300
/** Rounds after which a writer that others keep getting ahead of steps aside for a moment. */
const PATIENT_ROUNDS = 3
const LONGEST_PAUSE_MS = 10

/**
 * Adds deltas to the totals that the store has. A total is made from the one in the view and stored only where that is
 * still the one there is; when another gateway was faster the view catches up, and it is made anew. Points that are in a
 * total already do not count again, but it is written all the same: whoever answers for points has to remember them, in
 * case that the store loses them.
 */
export function makeTotals({ store, view, sync }: PushDeps) {
  const turns = new Map<UnitId, Promise<unknown>>()

  /** Resolves with how many points came too late. */
  async function addTo({ home, families }: HomeDeltas, write: Write): Promise<number> {
    for (let round = 0; ; round++) {
      const made = makeFamilies(view.units.get(home.id), families)
      if (made.families.length === 0) return made.late
      const { id, labels } = home
      const written = await store.writeSet({
        id,
        labels,
        families: made.families,
        operation: newOperation(),
        ...write,
      })
      if (written.conflict !== true) {
        view.applyOwn(written)
        return made.late
      }
      if (round >= PATIENT_ROUNDS) await pause(Math.random() * LONGEST_PAUSE_MS)
      await sync.refresh(write.deadlineMs)
    }
  }

  /** One at a time for a set, so that requests to this process do not get in each other's way. */
  async function inTurn(deltas: HomeDeltas, write: Write): Promise<number> {
    const { id } = deltas.home
    const work = () => addTo(deltas, write)
    const mine = (turns.get(id) ?? Promise.resolve()).then(work, work)
    turns.set(id, mine)
    try {
      return await mine
    } finally {
      if (turns.get(id) === mine) turns.delete(id)
    }
  }

  return async (homes: readonly HomeDeltas[], write: Write): Promise<number> => {
    const late = await Promise.all(homes.map((deltas) => inTurn(deltas, write)))
    return late.reduce((sum, points) => sum + points, 0)
  }
}

function makeFamilies(
  unit: Unit | undefined,
  families: ReadonlyMap<string, FamilyDeltas>,
): { readonly families: readonly SetFamily[]; readonly late: number } {
  const made: SetFamily[] = []
  let late = 0
  for (const { head, series } of families.values()) {
    const stored = metricsIn(unit, head.name)
    const metrics: SetSample[] = []
    for (const one of series.values()) {
      const made = makeSample(head.type, one, totalOf(stored.get(one.key)))
      late += made.late
      if (made.sample !== undefined) metrics.push(made.sample)
    }
    if (metrics.length > 0) made.push({ metrics, ...head })
  }
  return { families: made, late }
}

function makeSample(
  type: FamilyType,
  series: SeriesDeltas,
  before: Total | undefined,
): { readonly sample?: SetSample; readonly added: number; readonly late: number } {
  const { added, total, metric, late } = accumulate(type, before, series.deltas)
  if (total === undefined || metric === undefined) return { added, late }
  const { labels, key } = series
  const sample: SetSample = {
    labels,
    key,
    timestampMs: total.timestampMs,
    content: total.blob,
    series: seriesOf({ name: '', type, help: '', unit: '', metrics: [metric] } as Family),
    expectedMs: before?.timestampMs ?? 0,
    remake: {
      bytes: series.deltas.length * (DELTA_BYTES + total.blob.byteLength),
      from: (met) => remake(type, series, totalOf(met)),
    },
  }
  return { sample, added, late }
}

function remake(type: FamilyType, series: SeriesDeltas, before: Total | undefined): SetSample | undefined {
  const { sample, added, late } = makeSample(type, series, before)
  if (late === 0) return added === 0 ? undefined : sample
  throw new PgrError(
    'PGR_LIMIT_EXCEEDED',
    'lost deltas came back too late to know whether they were counted again',
  )
}

/** What the set holds in the family it keeps under this name, by the text of the labels. */
function metricsIn(unit: Unit | undefined, stored: string): Map<string, SetMetric> {
  const metrics = new Map<string, SetMetric>()
  const kept = unit?.families.get(stored)
  const content = kept === undefined ? undefined : unit?.entries.get(kept.place.family)?.content
  if (content?.kind !== 'paged') return metrics
  for (const page of content.pages.values()) {
    for (const { place, metric } of page)
      if (place.stored === stored) metrics.set(labelKey(metric.labels), metric)
  }
  return metrics
}

function totalOf(metric: Met | undefined): Total | undefined {
  if (metric === undefined || typeof metric.content === 'number') return undefined
  return { blob: metric.content, timestampMs: metric.timestampMs }
}
