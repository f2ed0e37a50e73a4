import { PgrError } from '../errors/pgr-error.ts'
import type { Writer } from '../formats/format.ts'
import { unitId } from '../model/unit.ts'
import type { Store, StoreLimits } from '../store/store.ts'
import type { Levels, Tell } from '../telemetry/events.ts'
import { makeCardinality } from './cardinality.ts'
import type { Gateway, GroupListing } from './gateway.ts'
import { makeIngest } from './ingest.ts'
import { makeList, makeShow } from './listing.ts'
import { newOperation } from './operation.ts'
import { makeOtlp } from './otlp.ts'
import { makePush, type PushSettings } from './push.ts'
import { makeQuota } from './quota.ts'
import { makeRemoteWrite } from './remote-write.ts'
import { makeRemoveMatching } from './remove-matching.ts'
import { makeScraper } from './scrape.ts'
import { snapshotOf } from './snapshot.ts'
import { makeStatus } from './status.ts'
import { makeLane } from './turns.ts'
import { makeSync } from './view/sync.ts'
import { readEntry, type Unit } from './view/unit.ts'
import { View } from './view/view.ts'

export interface GatewaySettings extends PushSettings {
  readonly limits: StoreLimits
  /** Show the timestamps of merged samples. */
  readonly timestamps: boolean
  /** Show native histograms as classic ones in formats without native ones. */
  readonly nativeAsClassic: boolean
  /** How old the last complete page may be to be served while the store is away; 0 = it never is. */
  readonly maxStaleMs: number
  /** Milliseconds between background polls. */
  readonly pollIntervalMs: number
  /** Longest a catch-up may take, a cold start with everything to read included. */
  readonly pollTimeoutMs: number
  /** Milliseconds between rounds of housekeeping. */
  readonly sweepIntervalMs: number
}

/** What may be exchanged while the gateway runs. */
export type AdjustableGateway = PushSettings &
  Pick<GatewaySettings, 'limits' | 'maxStaleMs' | 'pollIntervalMs'>

export interface RunningGateway extends Gateway {
  levels(): Omit<Levels, 'inflightBytes'>
  /** Settings for what begins from now on; the limits of the store are its own. */
  adjust(settings: AdjustableGateway): void
  /** Begins reading the store and housekeeping; does not wait for either. */
  start(): void
  /** Stops both. The store is the caller's to close. */
  stop(): Promise<void>
}

/** Joins view, use-cases and housekeeping over one store. */
export function openGateway(
  store: Store,
  writers: readonly Writer[],
  given: GatewaySettings,
  tell: Tell,
): RunningGateway {
  const settings = { ...given }
  const view = new View(store.partitions, {
    expired: (protocol, series) => tell({ kind: 'view.expired', protocol, series }),
    reset: (partition, reason) => {
      if (reason !== 'first') tell({ kind: 'view.reset', partition, reason })
    },
  })
  const { pollTimeoutMs, sweepIntervalMs, timestamps, nativeAsClassic } = settings
  const sync = makeSync(store, view, tell, {
    get intervalMs() {
      return settings.pollIntervalMs
    },
    pollTimeoutMs,
  })
  const quota = makeQuota(view, settings)
  const scraper = makeScraper({
    view,
    sync,
    writers,
    timestamps,
    nativeAsClassic,
    get maxStaleMs() {
      return settings.maxStaleMs
    },
    tell,
  })
  const deps = { store, view, sync, quota, settings }
  const reading = { view, sync, lane: makeLane() }
  let sweeping: Promise<void> | undefined
  let sweepTimer: NodeJS.Timeout | undefined

  function scheduleSweep(): void {
    // Jitter keeps replicas that started together from sweeping together.
    sweepTimer = setTimeout(
      () => {
        scraper.rest()
        sweeping = store.sweep().then(scheduleSweep, scheduleSweep)
      },
      sweepIntervalMs * (0.5 + Math.random()),
    )
    sweepTimer.unref()
  }

  function whyNot(): PgrError | undefined {
    const { failure } = sync
    if (sync.loaded) return failure?.code === 'PGR_STORE_DEGRADED' ? undefined : failure
    return failure ?? new PgrError('PGR_STOPPING', 'the view is still being read from the store')
  }

  async function ready(): Promise<void> {
    const reason = whyNot()
    if (reason !== undefined) throw reason
    await store.ready()
  }

  return {
    push: makePush(deps),
    ingest: makeIngest(deps),
    ...makeRemoteWrite(deps),
    otlp: makeOtlp(deps, tell),
    async removeGroup({ group, deadlineMs }) {
      view.applyOwn(await store.remove({ id: unitId('group', group), operation: newOperation(), deadlineMs }))
    },
    removeMatching: makeRemoveMatching(deps),
    wipe: ({ deadlineMs }) => store.wipe({ operation: newOperation(), deadlineMs }),
    scrape: scraper.scrape,
    async groups({ deadlineMs }) {
      await sync.refresh(deadlineMs)
      return [...view.units.values()].filter(({ entries }) => entries.size > 0).map(listingOf)
    },
    async snapshot({ deadlineMs }) {
      const askedAtMs = performance.now()
      await sync.refresh(deadlineMs)
      // Another poll may have begun to read a partition anew.
      if (!view.whole)
        throw new PgrError('PGR_STORE_UNAVAILABLE', 'what is stored is being read anew; try again')
      return snapshotOf(view, askedAtMs)
    },
    list: makeList(reading),
    show: makeShow(reading),
    cardinality: makeCardinality(reading),
    ready,
    status: makeStatus({ store, view, sync, ready }),
    levels() {
      const quarantined = scraper.quarantined()
      return {
        units: view.totals.units,
        series: view.totals.series,
        families: view.totals.families,
        quarantinedFamilies: quarantined.length,
        quarantinedSeries: quarantined.reduce((sum, { series }) => sum + series, 0),
        viewAgeSeconds: Math.max(0, performance.now() - sync.completeAtMs) / 1000,
        viewBytes: view.totals.bytes + scraper.bytes,
        ready: whyNot() === undefined,
      }
    },
    adjust(changed) {
      Object.assign(settings, changed)
    },
    start() {
      sync.start()
      scheduleSweep()
    },
    async stop() {
      clearTimeout(sweepTimer)
      await sync.stop()
      await sweeping
      clearTimeout(sweepTimer)
      scraper.close()
    },
  }
}

function listingOf(unit: Unit): GroupListing {
  const families = [...unit.entries.values()].map((entry) => ({
    name: entry.name,
    type: entry.type,
    pushedMs: entry.pushedMs,
    series: entry.series,
    read: () => readEntry(entry),
  }))
  const { labels, protocol, createdMs, pushedMs, failedMs, failure, expiresMs, series } = unit
  const kind = unit.kind === 'group' ? 'group' : 'set'
  return { kind, labels, protocol, createdMs, pushedMs, failedMs, failure, expiresMs, series, families }
}
