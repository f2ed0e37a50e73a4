import type {
  RemoteExemplar,
  RemoteHistogram,
  RemoteMetadata,
  RemoteNumber,
  RemoteWrite,
} from '../formats/remote-write/index.ts'
import { writeStoredMetric } from '../formats/stored/index.ts'
import type { HistogramMetric, NumberMetric } from '../model/family.ts'
import { type Labels, labelKey, mergeLabels, NO_LABELS, showLabels, withoutNames } from '../model/labels.ts'
import { METADATA_SHARDS, metadataLabels, unitId } from '../model/unit.ts'
import { MAX_FUTURE_MS, type SetFamily, type SetSample } from '../store/store.ts'
import { Dealer, type DealtFamily, deal } from './dealer.ts'
import type { RemoteSeries, RemoteWritePush, RemoteWritten } from './gateway.ts'
import { loadView, type PushDeps } from './push.ts'
import { setFamilyName } from './set-family.ts'
import { assertRoomInSets, Homes, type SetPart, shardOfText, writeSets } from './set-write.ts'
import type { View } from './view/view.ts'

/** How long a hint is kept after it was last given. Prometheus gives all it knows every minute. */
const METADATA_TTL_MS = 60 * 60_000
/** A hint that stands is written again only after this time. */
const METADATA_REFRESH_MS = 20 * 60_000
/** Names whose last writing is remembered. */
const MOST_NAMES = 100_000
/** Reasons told of one body. */
const MOST_REASONS = 10

/**
 * Takes remote write: every sample goes to the set of its job and instance, where the newest stays. Types and helps are
 * kept apart from series, because they come apart from them. Nothing is compared with what others hold: a sender would
 * drop for good what is refused, so that a clash is settled on the page.
 */
export function makeRemoteWrite({ store, view, sync, quota, settings }: PushDeps) {
  const homes = new Homes()
  const metadata = makeMetadata(view)

  return {
    /** What the reader of bodies is to make of a label set. */
    placeSeries(name: string, labels: Labels): RemoteSeries {
      const home = homes.of(name, labels)
      const own = withoutNames(labels, home.labels)
      return { home, name, labels: own, key: labelKey(own) }
    },

    async remoteWrite({ body, ttlMs, protocol, deadlineMs }: RemoteWritePush): Promise<RemoteWritten> {
      await loadView(sync, deadlineMs)
      const dealt = dealOut(body, view)
      const parts = dealt.dealer.parts()
      assertRoomInSets(parts, dealt.samples + dealt.histograms, view, quota)
      const write = { protocol, deadlineMs }
      await Promise.all([
        writeSets(store, view, parts, { ttlMs: ttlMs ?? settings.ttlMs, ...write }),
        metadata.write([...body.metadata, ...dealt.unnamed.values()], (hints) =>
          writeSets(store, view, hints, { ttlMs: METADATA_TTL_MS, ...write }),
        ),
      ])
      const { samples, histograms, exemplars, refused, reasons } = dealt
      return { samples, histograms, exemplars, refused, reasons }
    },
  }
}

/** Deals the samples of a body out to their sets. */
function dealOut(body: RemoteWrite<RemoteSeries>, view: View): Deal {
  // Not the clock of the last page: were that long ago, the store away, good samples would be refused for good.
  const dealt = new Deal(view, view.clockAt(performance.now()) + MAX_FUTURE_MS)
  const { refused } = body
  dealt.refused = refused.samples + refused.histograms + refused.exemplars + refused.emptySeries
  dealt.reasons.push(...refused.reasons)
  for (const number of body.numbers) dealt.number(number)
  for (const histogram of body.histograms) dealt.histogram(histogram)
  for (const exemplar of body.exemplars) dealt.exemplar(exemplar)
  return dealt
}

class Deal {
  readonly dealer = new Dealer()
  /** Histograms nobody said anything of: their names say that what is stored beside them belongs to them. */
  readonly unnamed = new Map<string, RemoteMetadata>()
  readonly reasons: string[] = []
  samples = 0
  histograms = 0
  exemplars = 0
  refused = 0
  private readonly view: View
  private readonly latestMs: number

  constructor(view: View, latestMs: number) {
    this.view = view
    this.latestMs = latestMs
  }

  number({ series, timestampMs, value, stale, startMs }: RemoteNumber<RemoteSeries>): void {
    if (this.isAhead(series, timestampMs)) return
    this.samples++
    const { labels, key, name } = series
    const family = this.valuesOf(series)
    if (stale) this.endIn(series, family)
    deal(family, { labels, key, timestampMs, content: stale ? 'stale' : value, series: 1 })
    if (startMs > 0 && !stale && !name.endsWith('_bucket'))
      this.side(series, 'start', timestampMs, startMs, 1)
  }

  histogram({ series, timestampMs, metric, stale, startMs }: RemoteHistogram<RemoteSeries>): void {
    if (this.isAhead(series, timestampMs)) return
    this.histograms++
    const { labels, key, name } = series
    const type = metric.native.resetHint === 'gauge' ? 'gaugehistogram' : 'histogram'
    const family = this.valuesOf(series)
    if (stale) this.endIn(series, family)
    else family.type = type
    const whole: HistogramMetric = {
      ...metric,
      labels: NO_LABELS,
      buckets: [],
      ...(startMs > 0 ? { startMs } : {}),
    }
    const content = stale ? 'stale' : writeStoredMetric(type, whole)
    deal(family, { labels, key, timestampMs, content, series: 1 })
    if (!stale && this.view.metadataOf(name) === undefined)
      this.unnamed.set(name, { name, type, help: '', unit: '' })
  }

  exemplar({ series, exemplar }: RemoteExemplar<RemoteSeries>): void {
    const { timestampMs = 0 } = exemplar
    if (this.isAhead(series, timestampMs)) return
    this.exemplars++
    const carrier: NumberMetric = { labels: NO_LABELS, value: 0, exemplar }
    this.side(series, 'exemplar', timestampMs, writeStoredMetric('unknown', carrier), 0)
  }

  private side(
    series: RemoteSeries,
    part: 'start' | 'exemplar',
    timestampMs: number,
    content: number | Uint8Array,
    count: number,
  ): void {
    const { home, labels, key, name } = series
    const family = this.dealer.familyOf(home, setFamilyName(name, part))
    deal(family, { labels, key, timestampMs, content, series: count })
  }

  private isAhead({ home, name, labels }: RemoteSeries, timestampMs: number): boolean {
    if (timestampMs <= this.latestMs) return false
    this.refused++
    if (this.reasons.length < MOST_REASONS)
      this.reasons.push(
        `the timestamp ${timestampMs} of ${JSON.stringify(name)} ${showLabels(mergeLabels(labels, home.labels))} is more than 10 minutes ` +
          "of the store's clock ahead; the clock of the sender may be off",
      )
    return true
  }

  private valuesOf({ home, name }: RemoteSeries): DealtFamily {
    return this.dealer.familyOf(home, setFamilyName(name, 'value'))
  }

  /** The end of a series says nothing of its family, which stays as it is kept. */
  private endIn({ home }: RemoteSeries, family: DealtFamily): void {
    if (family.samples.size > 0) return
    family.type = this.view.units.get(home.id)?.families.get(family.name)?.state.type ?? 'unknown'
  }
}

/** Writes what bodies say of families, unless it stands as it is said. */
function makeMetadata(view: View) {
  /** When this process wrote it last, by name. */
  const writtenAtMs = new Map<string, number>()

  function isNews({ name, type, help, unit }: RemoteMetadata, nowMs: number): boolean {
    const known = view.metadataOf(name)
    if (known?.type !== type || known.help !== help || known.unit !== unit) return true
    return nowMs - (writtenAtMs.get(name) ?? Number.NEGATIVE_INFINITY) > METADATA_REFRESH_MS
  }

  return {
    async write(
      said: readonly RemoteMetadata[],
      writeParts: (parts: readonly SetPart[]) => Promise<void>,
    ): Promise<void> {
      const nowMs = performance.now()
      const news = said.filter((each) => isNews(each, nowMs))
      if (news.length === 0) return
      const shards = new Map<number, SetFamily[]>()
      for (const { name, type, help, unit } of news) {
        const family = { name, type, help, unit, metrics: HINT }
        const shard = shardOfText(name, METADATA_SHARDS)
        const families = shards.get(shard)
        if (families === undefined) shards.set(shard, [family])
        else families.push(family)
      }
      await writeParts(
        [...shards].map(([shard, families]) => {
          const labels = metadataLabels(shard)
          return { id: unitId('set', labels), labels, families }
        }),
      )
      if (writtenAtMs.size + news.length > MOST_NAMES) writtenAtMs.clear()
      for (const { name } of news) writtenAtMs.set(name, nowMs)
    },
  }
}

/** What stands in a set of metadata is told by its family; the number means nothing. */
const HINT: readonly SetSample[] = [{ labels: NO_LABELS, content: 0, series: 1 }]
