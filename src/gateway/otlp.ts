import type { TranslatedFamily } from '../formats/otlp/index.ts'
import { writeStoredMetric } from '../formats/stored/index.ts'
import { type Family, type Metric, type NumberMetric, seriesOf } from '../model/family.ts'
import { type Labels, labelKey, mergeLabels, NO_LABELS, showLabels, withoutNames } from '../model/labels.ts'
import { MAX_FUTURE_MS, type SetSample } from '../store/store.ts'
import type { Tell } from '../telemetry/events.ts'
import { Contested } from './contested.ts'
import { Dealer, type DealtFamily, type DealtSample, deal } from './dealer.ts'
import type { Delta } from './deltas.ts'
import type { OtlpPush, OtlpWritten } from './gateway.ts'
import { loadView, type PushDeps } from './push.ts'
import { type FamilyPart, setFamilyName } from './set-family.ts'
import { assertRoomInSets, type Home, Homes, writeSets } from './set-write.ts'
import { makeTotals, type SeriesDeltas, Totals } from './totals.ts'
import type { Unit } from './view/unit.ts'
import type { View } from './view/view.ts'

/** Reasons told of one body. */
const MOST_REASONS = 10
/** A start time that stands is written again after this time at the latest. */
const START_REFRESH_MS = 10 * 60_000

/** Where the series with these labels belong: worked out once for labels that come again. */
interface Placement {
  readonly home: Home
  /** Without those of the home. */
  readonly labels: Labels
  /** `labelKey` of the labels. */
  readonly key: string
  /** By name of the family: the start time this process wrote last, and when. */
  readonly starts: Map<string, { readonly startMs: number; readonly writtenAtMs: number }>
}

/** What a family of a body brings to one set. */
interface Share {
  readonly home: Home
  /** Why the set does not take it. */
  readonly problem: string | undefined
  /** Where its values go, once there is one. */
  values: DealtFamily | undefined
}

/**
 * Takes OTLP. Points that say how things stand go to the set of their job and instance, where the newest stays; deltas are
 * added to the total there. As with remote write nothing is compared with what others hold.
 */
export function makeOtlp(deps: PushDeps, tell: Tell) {
  const { store, view, sync, quota, settings } = deps
  const homes = new Homes()
  const placements = new WeakMap<Labels, Placement>()
  const addUp = makeTotals(deps)
  const contested = new Contested(tell)

  function place(name: string, labels: Labels): Placement {
    const known = placements.get(labels)
    if (known !== undefined) return known
    const home = homes.of(name, labels)
    const own = withoutNames(labels, home.labels)
    const placement = { home, labels: own, key: labelKey(own), starts: new Map() }
    // Where there is neither job nor instance the name decides, too.
    if (home.labels.length > 0) placements.set(labels, placement)
    return placement
  }

  return async function otlp({
    families,
    ttlMs = settings.ttlMs,
    protocol,
    deadlineMs,
  }: OtlpPush): Promise<OtlpWritten> {
    await loadView(sync, deadlineMs)
    const sorted = new Sorting(view, place, contested, ttlMs)
    for (const family of families) sorted.take(family)
    const parts = sorted.dealer.parts()
    const totals = sorted.totals.all()
    assertRoomInSets(
      [...parts, ...totals.map(({ home }) => ({ families: [], ...home }))],
      sorted.points,
      view,
      quota,
    )
    const write = { ttlMs, protocol, deadlineMs }
    const [late] = await Promise.all([addUp(totals, write), writeSets(store, view, parts, write)])
    sorted.rememberStarts()
    if (late > 0) sorted.reject(late, 'deltas came too late to know whether they were counted already')
    const { points, rejectedPoints, reasons } = sorted
    return { points: points - late, rejectedPoints, reasons }
  }
}

class Sorting {
  readonly dealer = new Dealer()
  readonly totals = new Totals()
  readonly reasons: string[] = []
  points = 0
  rejectedPoints = 0
  private readonly startsWritten: (() => void)[] = []
  private readonly view: View
  private readonly place: (name: string, labels: Labels) => Placement
  private readonly contested: Contested
  private readonly latestMs: number
  private readonly nowMs = performance.now()
  private readonly refreshMs: number

  constructor(
    view: View,
    place: (name: string, labels: Labels) => Placement,
    contested: Contested,
    ttlMs: number,
  ) {
    this.view = view
    this.place = place
    this.contested = contested
    // Not the clock of the last page: were that long ago, the store away, good points would be refused for good.
    this.latestMs = view.clockAt(performance.now()) + MAX_FUTURE_MS
    this.refreshMs = ttlMs === 0 ? START_REFRESH_MS : Math.min(START_REFRESH_MS, ttlMs / 2)
  }

  reject(points: number, why: string): void {
    this.rejectedPoints += points
    if (this.reasons.length < MOST_REASONS && !this.reasons.includes(why)) this.reasons.push(why)
  }

  /** To be called once all is written. */
  rememberStarts(): void {
    for (const remember of this.startsWritten) remember()
  }

  take({ family, streams, isDerived }: TranslatedFamily): void {
    const other: FamilyPart = streams === undefined ? 'total' : 'value'
    const shares = new Map<Home['id'], Share>()
    const metrics: readonly Metric[] = family.metrics
    let share: Share | undefined
    for (let n = 0; n < metrics.length; n++) {
      const metric = metrics[n] as Metric
      const placement = this.place(family.name, metric.labels)
      // Series mostly come in a row of one set.
      if (share?.home !== placement.home) share = this.shareOf(family, placement.home, other, shares)
      const problem = share.problem ?? this.problemOf(family, metric, streams !== undefined)
      if (problem !== undefined) {
        if (isDerived !== true) this.reject(1, problem)
        continue
      }
      if (isDerived !== true) this.points++
      const stream = streams?.[n]
      if (stream === undefined) this.state(family, metric, placement, share)
      else this.delta(family, { stream, metric }, placement)
    }
  }

  private shareOf(family: Family, home: Home, other: FamilyPart, shares: Map<Home['id'], Share>): Share {
    let share = shares.get(home.id)
    if (share?.home !== home) {
      const clashes = holds(this.view.units.get(home.id), setFamilyName(family.name, other))
      share = { home, problem: clashes ? clashOf(family, home, other) : undefined, values: undefined }
      shares.set(home.id, share)
    }
    return share
  }

  private problemOf(
    { name }: Family,
    { labels, timestampMs, stale }: Metric,
    isDelta: boolean,
  ): string | undefined {
    if (timestampMs === undefined)
      return isDelta && stale !== true ? `a delta of ${JSON.stringify(name)} has no time` : undefined
    if (timestampMs <= this.latestMs) return undefined
    return (
      `the time ${timestampMs} of ${JSON.stringify(name)} ${showLabels(labels)} is more than 10 minutes ahead of the store's clock; ` +
      'the clock of the sender may be off'
    )
  }

  private familyOf(family: Family, { home }: Placement, part: FamilyPart): DealtFamily {
    const dealt = this.dealer.familyOf(home, setFamilyName(family.name, part))
    if (part === 'value' || part === 'total') {
      dealt.type = family.type
      dealt.help = family.help
      dealt.unit = family.unit
    }
    return dealt
  }

  private state(family: Family, metric: Metric, placement: Placement, share: Share): void {
    const { labels, key } = placement
    const { timestampMs } = metric
    share.values ??= this.familyOf(family, placement, 'value')
    const dealt = share.values
    if (metric.stale === true) {
      deal(dealt, sampleOf(labels, key, timestampMs, 'stale', 1))
    } else if (isNumbers(family)) {
      const { value, startMs, exemplar } = metric as NumberMetric
      deal(dealt, sampleOf(labels, key, timestampMs, value, 1))
      if (startMs !== undefined && family.type === 'counter')
        this.start(family, placement, startMs, timestampMs)
      if (exemplar !== undefined) {
        const carrier: NumberMetric = { labels: NO_LABELS, value: 0, exemplar }
        const content = writeStoredMetric('unknown', carrier)
        deal(this.familyOf(family, placement, 'exemplar'), sampleOf(labels, key, timestampMs, content, 0))
      }
    } else {
      const series = seriesOf({ ...family, metrics: [metric] } as Family)
      deal(dealt, sampleOf(labels, key, timestampMs, writeStoredMetric(family.type, metric), series))
    }
  }

  /** Start times hardly ever change; they are not written with every point. */
  private start(
    family: Family,
    placement: Placement,
    startMs: number,
    timestampMs: number | undefined,
  ): void {
    const { starts, labels, key } = placement
    const known = starts.get(family.name)
    if (known?.startMs === startMs && this.nowMs - known.writtenAtMs < this.refreshMs) return
    this.contested.started(family.name, placement, startMs, this.nowMs)
    this.startsWritten.push(() => starts.set(family.name, { startMs, writtenAtMs: this.nowMs }))
    deal(this.familyOf(family, placement, 'start'), sampleOf(labels, key, timestampMs, startMs, 1))
  }

  private delta(family: Family, delta: Delta, placement: Placement): void {
    const { home, labels, key } = placement
    const { metric } = delta
    if (metric.stale === true) {
      deal(this.familyOf(family, placement, 'total'), sampleOf(labels, key, metric.timestampMs, 'stale', 1))
      return
    }
    const series: SeriesDeltas = this.totals.seriesOf(home, family, { labels, key })
    series.deltas.push(delta)
  }
}

/** Spelled out: almost everything that comes is made into one of these. */
function sampleOf(
  labels: Labels,
  key: string,
  timestampMs: number | undefined,
  content: SetSample['content'],
  series: number,
): DealtSample {
  return timestampMs === undefined
    ? { labels, key, content, series }
    : { labels, key, timestampMs, content, series }
}

function isNumbers({ type }: Family): boolean {
  return type === 'counter' || type === 'gauge' || type === 'unknown' || type === 'info'
}

/** Whether a set has a live series in the family it keeps under this name. */
function holds(unit: Unit | undefined, stored: string): boolean {
  const kept = unit?.families.get(stored)
  const content = kept === undefined ? undefined : unit?.entries.get(kept.place.family)?.content
  if (content?.kind !== 'paged') return false
  for (const metrics of content.pages.values()) {
    for (const { place } of metrics) if (place.stored === stored) return true
  }
  return false
}

function clashOf({ name }: Family, { labels }: Home, other: FamilyPart): string {
  const whose = `${JSON.stringify(name)} of ${showLabels(mergeLabels(labels, NO_LABELS))}`
  return other === 'total'
    ? `${whose} is added up from deltas and cannot take cumulative points until those expire; let all exporters have the same temporality`
    : `${whose} holds cumulative points and cannot take deltas until those expire; let all exporters have the same temporality`
}
