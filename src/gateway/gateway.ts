import type { TranslatedFamily } from '../formats/otlp/index.ts'
import type { RemoteWrite } from '../formats/remote-write/index.ts'
import type { Family, FamilyType } from '../model/family.ts'
import type { Labels } from '../model/labels.ts'
import type { EscapingScheme } from '../model/names.ts'
import type { Selector } from '../model/selector.ts'
import type { UnitId } from '../model/unit.ts'
import type { StoreReport } from '../store/store.ts'
import type { Home } from './set-write.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * gateway: the use-cases. No word of HTTP, no word of Redis.
 *
 * All failures are `PgrError`. `deadlineMs` is an instant on the `performance.now()` clock.
 */
export interface Gateway {
  /** A group push; resolves once the store has it. */
  push(push: GroupPush): Promise<{ series: number }>
  /** Merge semantics; resolves once the store has every part. */
  ingest(push: IngestPush): Promise<{ series: number }>
  /** What the reader of remote write is to make of a label set: worked out once, then handed in with every sample. */
  placeSeries(name: string, labels: Labels): RemoteSeries
  /**
   * Remote write: the newest sample of each series; resolves once the store has every part. What may not be stored is
   * counted and the rest is stored.
   */
  remoteWrite(push: RemoteWritePush): Promise<RemoteWritten>
  /**
   * OTLP: points that say how things stand replace older ones, deltas are added up; resolves once the store has all of them.
   * Sending again is safe, to whichever gateway: a point counts once.
   */
  otlp(push: OtlpPush): Promise<OtlpWritten>
  removeGroup(request: { group: Labels; deadlineMs: number }): Promise<void>
  /** Removes the groups and sets whose labels one of the selectors selects, or only counts them. */
  readonly removeMatching: RemoveMatching
  wipe(request: { deadlineMs: number }): Promise<void>
  /**
   * One page of everything stored, as of now. When the store or a part of it is away and the settings allow it, the page
   * as it last was, without what expired since; never one that is missing anything else.
   */
  scrape(request: ScrapeRequest): Promise<Scrape>
  /** Live groups and sets with all they hold; caught up with the store first. */
  groups(request: { deadlineMs: number }): Promise<readonly GroupListing[]>
  /** Everything live with all that is needed to push it again, as of one instant; caught up with the store first. */
  snapshot(request: { deadlineMs: number }): Promise<Snapshot>
  /** Some of the live groups and sets, without what they hold; caught up with the store first. */
  list(request: ListRequest): Promise<Listing>
  /** One group or set and some of its families; caught up with the store first. Undefined when it is not there. */
  show(request: ShowRequest): Promise<Shown | undefined>
  /**
   * What the series are made up of; caught up with the store first. Where counting takes long, an answer is given again for
   * a while: `nowMs` tells as of when it is.
   */
  cardinality(request: CardinalityRequest): Promise<Cardinality>
  /**
   * Resolves when pushes and scrapes can be served, be it that only a part of the store is there to serve them; rejects
   * with why not.
   */
  ready(): Promise<void>
  /** How the gateway and its store are; never rejects, and takes no longer than until `deadlineMs`. */
  status(request: { deadlineMs: number }): Promise<GatewayStatus>
}

export interface GroupPush {
  readonly mode: 'put' | 'post'
  /** Grouping labels with `job`; sorted. */
  readonly group: Labels
  readonly families: readonly Family[]
  /** Asked lifetime in milliseconds, 0 = never; absent = the default. */
  readonly ttlMs?: number
  readonly protocol: string
  readonly deadlineMs: number
  /** Bytes of the body after decompression. */
  readonly bytes: number
}

export interface IngestPush {
  readonly families: readonly Family[]
  readonly ttlMs?: number
  readonly protocol: string
  readonly deadlineMs: number
  readonly bytes: number
}

/** A series of remote write: where it belongs, worked out once for each label set. */
export interface RemoteSeries {
  readonly home: Home
  readonly name: string
  /** Without those of the home. */
  readonly labels: Labels
  /** `labelKey` of the labels. */
  readonly key: string
}

export interface RemoteWritePush {
  readonly body: RemoteWrite<RemoteSeries>
  readonly ttlMs?: number
  readonly protocol: string
  readonly deadlineMs: number
}

/** What of a body is stored, or was known already; older samples and ends of series count. */
export interface RemoteWritten {
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
  /** Samples, histograms, exemplars and empty series that may not be stored. */
  readonly refused: number
  /** Why, the first few. */
  readonly reasons: readonly string[]
}

export interface OtlpPush {
  readonly families: readonly TranslatedFamily[]
  readonly ttlMs?: number
  readonly protocol: string
  readonly deadlineMs: number
}

export interface OtlpWritten {
  /** Points stored, or known already. */
  readonly points: number
  readonly rejectedPoints: number
  /** Why, the first few. */
  readonly reasons: readonly string[]
}

export type RemoveMatching = (request: {
  readonly selects: readonly Selector[]
  readonly dryRun: boolean
  readonly deadlineMs: number
}) => Promise<Removal>

/** What was removed, or would be. */
export interface Removal {
  readonly groups: number
  readonly sets: number
  readonly series: number
}

export interface ScrapeRequest {
  /** Name of a `Writer`. */
  readonly format: string
  readonly escaping: EscapingScheme
  readonly gzip: boolean
  /** Names of families that the caller wants to show behind the page. */
  readonly beside?: readonly string[]
  readonly deadlineMs: number
}

export interface Scrape {
  /** The page: concatenate. Not written to before `release`. */
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
  readonly series: number
  /** Those of `beside` that no family of the page takes. */
  readonly free: readonly string[]
  /** 0 when the page is as of now; else the time since it was. */
  readonly ageSeconds: number
  /** To be called when nobody reads the chunks any more; without it their memory is given back later, that is all. */
  release(): void
}

export interface GatewayStatus {
  /** Name of the store. */
  readonly store: string
  /** Whether pushes and scrapes can be served, as `ready` has it. */
  readonly ready: boolean
  /** What is wrong when it is not ready, when a part of the store is away, or when there is no report. */
  readonly reason?: string
  /** Absent when the store did not tell in time. */
  readonly report?: StoreReport
  /** What the page shows, as last known. */
  readonly holds: Holdings
}

export interface Holdings {
  readonly series: number
  readonly groups: number
  readonly sets: number
  /** Groups and sets of which less than a minute is left. */
  readonly expiringSoon: number
}

export interface ListRequest {
  /** One of them has to select the labels; none selects all. */
  readonly selects: readonly Selector[]
  /** Part of the name or value of a label, or of the name of a family, in whatever case; empty for all. */
  readonly search: string
  readonly kind?: ListedUnit['kind']
  /** The last push was refused; less than `withinMs` is left; not pushed for `withinMs`. */
  readonly state?: 'failed' | 'expiring' | 'stale'
  readonly withinMs: number
  readonly sort: 'labels' | 'last_push' | 'expires' | 'series'
  readonly descending: boolean
  /** How many of those that match are left out, and how many told after them. */
  readonly offset: number
  readonly limit: number
  readonly deadlineMs: number
}

/** Push times count neither as series nor as families: nobody pushed them. */
export interface Listing {
  /** The store's clock. */
  readonly nowMs: number
  /** Everything live. */
  readonly total: { readonly groups: number; readonly sets: number; readonly series: number }
  readonly matching: number
  readonly units: readonly ListedUnit[]
}

export interface ListedUnit {
  readonly id: UnitId
  readonly kind: 'group' | 'set'
  readonly labels: Labels
  readonly series: number
  readonly families: number
  /** Of the last push. */
  readonly protocol: string
  /** 0 = never. */
  readonly pushedMs: number
  /** 0 = never. */
  readonly failedMs: number
  /** Why, the last time that one failed. */
  readonly failure: string
  /** When the last of it goes; 0 = never. */
  readonly expiresMs: number
}

export interface ShowRequest {
  readonly id: UnitId
  /** Part of the name of a family, in whatever case; empty for all. */
  readonly search: string
  readonly offset: number
  readonly limit: number
  readonly deadlineMs: number
}

export interface Shown {
  readonly nowMs: number
  readonly unit: ListedUnit
  /** Families that match. */
  readonly matching: number
  /** By name. */
  readonly families: readonly ListedFamily[]
}

export interface ListedFamily {
  readonly name: string
  readonly type: FamilyType
  readonly pushedMs: number
  /** When the last of it goes; 0 = never. */
  readonly expiresMs: number
  readonly series: number
  /** Decoded on demand, without the labels of the unit. */
  read(): Family
}

export interface CardinalityRequest {
  /** One of them has to select the labels of a group or set; none selects all. */
  readonly match: readonly { readonly text: string; readonly select: Selector }[]
  /** Length of each list. */
  readonly limit: number
  /** The label whose values are told. */
  readonly label?: string
  readonly deadlineMs: number
}

/** Lists are ordered by what they count, the most first, and then by name. */
export interface Cardinality {
  /** The store's clock. */
  readonly nowMs: number
  readonly series: number
  readonly groups: number
  readonly sets: number
  readonly families: number
  /** False when there are too many values of labels to count all of them. */
  readonly complete: boolean
  /** `groups` are groups and sets. */
  readonly metrics: readonly {
    readonly name: string
    readonly type: FamilyType
    readonly series: number
    readonly groups: number
  }[]
  readonly jobs: readonly {
    readonly job: string
    readonly series: number
    readonly groups: number
    readonly sets: number
  }[]
  /** By the number of different values. The bound of a bucket and the quantile are no labels here. */
  readonly labels: readonly { readonly name: string; readonly values: number; readonly series: number }[]
  readonly pairs: readonly { readonly name: string; readonly value: string; readonly series: number }[]
  readonly values?: readonly { readonly value: string; readonly series: number }[]
}

export interface GroupListing {
  readonly kind: 'group' | 'set'
  readonly labels: Labels
  readonly protocol: string
  readonly createdMs: number
  /** 0 = never. */
  readonly pushedMs: number
  readonly failedMs: number
  readonly failure: string
  /** 0 = never. */
  readonly expiresMs: number
  readonly series: number
  readonly families: readonly Pick<ListedFamily, 'name' | 'type' | 'pushedMs' | 'series' | 'read'>[]
}
