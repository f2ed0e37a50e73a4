import type { FamilyType } from '../model/family.ts'
import type { Labels } from '../model/labels.ts'
import type { UnitId } from '../model/unit.ts'

/**
 * store: where pushes live. One contract, several houses.
 *
 * Promises every store keeps:
 *
 * - **Atomic per unit.** A reader sees a unit as it was before a write or as it is after, never between.
 * - **Durable when resolved.** When a write resolves, every replica that shares the store learns of it from its next
 *   `changes`.
 * - **Exactly once.** A write carries an operation id; the same id again changes nothing and resolves with `duplicate`.
 *   A store remembers ids for at least two minutes.
 * - **Never late.** A write is not applied after its deadline.
 * - **Its own clock.** Expiry, push times and "now" are the store's time, whatever the clocks of its callers say.
 * - **Expiry is data.** A unit, family or metric past its expiry counts as absent for every write, at once; readers
 *   hide it by the expiry they were told. Removing the bytes is housekeeping nobody has to wait for.
 *
 * Failures are `PgrError`: PGR_STORE_UNAVAILABLE (nothing is known to be lost; try again with the same operation id),
 * PGR_STORE_MISCONFIGURED (an operator must act), PGR_QUOTA_EXCEEDED. Nothing else.
 */
export interface Store {
  /** `embedded`, `redis`: for telemetry and the status page. */
  readonly name: string
  /** Partitions the units are spread over; fixed for the life of the data. */
  readonly partitions: number

  /** Replaces a group (`put`) or the families it names (`post`). */
  writeGroup(write: GroupWrite): Promise<Written>
  /**
   * Notes that a push was refused: sets the failure time and reason of the group, creating it with nothing else when it
   * is not there. Pushed data stays as it is.
   */
  failGroup(write: GroupFailure): Promise<Written>
  /** Merges metrics into a set: newest timestamp wins, a stale metric removes its series. */
  writeSet(write: SetWrite): Promise<Written>
  /** Removes a unit. One that is not there is not an error. */
  remove(write: UnitWrite): Promise<Written>
  /** Removes everything, atomic per partition, at a cost that does not depend on what is stored. */
  wipe(write: Operation): Promise<void>

  /**
   * What changed since the given positions (one per partition, in order), in pages of bounded size. Every partition
   * ends with a page whose `done` is true, also when nothing changed. The first page of a partition says `reset` when
   * the reader must forget what it knows of that partition: history was lost, or it fell too far behind.
   *
   * A write that resolved before this call is in the pages.
   */
  changes(since: readonly Position[], options: { deadlineMs: number }): AsyncIterable<ChangePage>

  /** Removes bytes of what expired, was wiped or was removed long ago; bounded work per call. Any replica may call it. */
  sweep(): Promise<void>
  /** Resolves when the store can take a push; rejects with why not. */
  ready(): Promise<void>
  /** What an operator should know: version, role, memory, persistence; keys and plain values. */
  describe(): Promise<ReadonlyMap<string, string | number | boolean>>
  close(): Promise<void>
}

/** Identity and fence of a write. */
export interface Operation {
  /** 16 random bytes as a latin1 string, the same for every retry of one write. */
  readonly operation: string
  /** Instant on the caller's `performance.now()` clock after which the write must not be applied. */
  readonly deadlineMs: number
}

export interface UnitWrite extends Operation {
  readonly id: UnitId
}

export interface GroupWrite extends UnitWrite {
  readonly mode: 'put' | 'post'
  readonly labels: Labels
  /** Milliseconds the named families live from now; 0 = never expire. */
  readonly ttlMs: number
  /** Milliseconds the push times outlive the last family; 0 = none. */
  readonly retentionMs: number
  /** Format the push came in, for listings. */
  readonly protocol: string
  /** No name twice. */
  readonly families: readonly FamilyBlob[]
}

/** A family as the store keeps it: opaque to the store but for what listings and limits need. */
export interface FamilyBlob {
  readonly name: string
  readonly type: FamilyType
  readonly series: number
  readonly blob: Uint8Array
}

export interface GroupFailure extends UnitWrite {
  readonly labels: Labels
  readonly reason: string
  readonly ttlMs: number
  readonly retentionMs: number
  readonly protocol: string
}

export interface SetWrite extends UnitWrite {
  /** Identity as shown: job and instance, without the shard of a loose set. */
  readonly labels: Labels
  readonly ttlMs: number
  readonly protocol: string
  readonly families: readonly SetFamily[]
}

export interface SetFamily {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
  /** No label set twice. */
  readonly metrics: readonly SetSample[]
}

export interface SetSample {
  /** All labels of the metric but those of the set's identity. */
  readonly labels: Labels
  /** Absent: the store's now, or the stored timestamp if that is later; such a sample always wins. */
  readonly timestampMs?: number
  /** A bare number, a metric encoded as a blob, or the end of the series. */
  readonly content: number | Uint8Array | 'stale'
  /** Series the metric counts for. */
  readonly series: number
}

export interface Written {
  /** The store had applied this operation id before. */
  readonly duplicate: boolean
  readonly partition: number
  /** The unit as it is after the write, for the caller's own view; absent for a duplicate. */
  readonly change?: UnitChange
  /** Epoch of the partition the change belongs to. */
  readonly epoch: string
  /** The store's clock at the write, in milliseconds. */
  readonly nowMs: number
  /** What a set write did not store, by reason: samples not newer than the stored one, and samples past their expiry. */
  readonly ignored?: { readonly older: number; readonly expired: number }
}

/** Where a reader stands in one partition. */
export interface Position {
  /** Empty before the first read. */
  readonly epoch: string
  readonly version: number
  readonly wiped: number
}

export interface ChangePage {
  readonly partition: number
  readonly epoch: string
  /** Forget everything known of this partition before applying this page; the reason, for telemetry. */
  readonly reset?: ResetReason
  /** Every unit whose version is at or below this is gone, unless a change of this or a later page says otherwise. */
  readonly wiped: number
  /** The reader has everything up to here once this page is applied; the partition's version when `done`. */
  readonly version: number
  readonly nowMs: number
  readonly changes: readonly UnitChange[]
  readonly done: boolean
  /** Only with `done`: sum of `digestOf` over the partition's units. */
  readonly digest?: number
}

export type ResetReason = 'first' | 'epoch' | 'floor' | 'regress' | 'history' | 'moved' | 'digest'

export type UnitChange = Gone | GroupChange | SetChange

export interface Gone {
  readonly kind: 'gone'
  readonly id: UnitId
  readonly version: number
}

interface LiveChange {
  readonly id: UnitId
  /** Version of the partition at the unit's last change. */
  readonly version: number
  readonly labels: Labels
  readonly createdMs: number
  readonly protocol: string
}

/** The whole list of a group's families; a blob only where it changed since the reader's position. */
export interface GroupChange extends LiveChange {
  readonly kind: 'group'
  /** 0 = never. */
  readonly pushedMs: number
  readonly failedMs: number
  readonly failure: string
  /** When the push times and with them the whole group expire; 0 = never. */
  readonly expiresMs: number
  readonly families: readonly FamilyState[]
}

export interface FamilyState {
  readonly name: string
  readonly type: FamilyType
  readonly series: number
  readonly version: number
  /** 0 = never. */
  readonly expiresMs: number
  readonly pushedMs: number
  readonly firstSeenMs: number
  readonly blob?: Uint8Array
}

/** The pages of a set that changed; a page replaces all the reader knew of it. */
export interface SetChange extends LiveChange {
  readonly kind: 'set'
  readonly pushedMs: number
  /** Drop every page the reader holds and is not named here (the set was compacted). */
  readonly whole: boolean
  readonly families: readonly SetFamilyState[]
  readonly pages: readonly SetPage[]
}

export interface SetFamilyState {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
  readonly firstSeenMs: number
}

export interface SetPage {
  readonly number: number
  readonly metrics: readonly SetMetric[]
}

export interface SetMetric {
  /** Index into `families` of the change. */
  readonly family: number
  readonly labels: Labels
  readonly timestampMs: number
  /** True when the sender gave the timestamp. */
  readonly explicit: boolean
  /** 0 = never. */
  readonly expiresMs: number
  readonly content: number | Uint8Array
}

/** Caps over everything stored; each is also kept per partition with headroom, so that no race gets far past it. */
export interface StoreLimits {
  readonly units: number
  readonly series: number
  readonly bytes: number
  /** Metrics one set may hold. */
  readonly setMetrics: number
}

/** How far ahead of the store's clock a sample may be. */
export const MAX_FUTURE_MS = 10 * 60 * 1000

/** A page of a set holds at most this many metrics. */
export const SET_PAGE_METRICS = 128
