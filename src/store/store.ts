import type { FamilyType } from '../model/family.ts'
import type { Labels } from '../model/labels.ts'
import type { UnitId } from '../model/unit.ts'
import type { HistoryCause } from '../telemetry/events.ts'

/**
 * store: where pushes live. One contract, several houses.
 *
 * Promises every store keeps:
 *
 * - **Atomic per unit.** A reader sees a unit as it was before a write or as it is after, never between.
 * - **Durable when resolved.** When a write resolves, every replica that shares the store learns of it from its next
 *   `changes`.
 * - **Exactly once.** A write carries an operation id; the same id again changes nothing and resolves with `duplicate`,
 *   also through another replica and after other writes. A store remembers ids for at least two minutes. A write that
 *   was refused is not remembered: the same id may succeed later.
 * - **Never late.** A write or a read whose deadline has passed is refused with PGR_STORE_UNAVAILABLE and not applied.
 * - **Its own clock.** Expiry, push times and "now" are the store's time, whatever the clocks of its callers say, and
 *   never run backwards.
 * - **Expiry is data.** A unit, family or metric counts as absent for every write from the very millisecond of its
 *   expiry (`expiresMs <= now`); readers hide it by the expiry they were told. Removing the bytes is housekeeping nobody
 *   has to wait for. An expiry of 0 means never and is later than every other.
 * - **Bounded.** What would take the store past a limit is refused with PGR_QUOTA_EXCEEDED and changes nothing. A write
 *   that grows no counted amount, and every removal, works at the limit too.
 *
 * How a group changes, with `until = now + ttlMs` (0 when `ttlMs` is 0) and `kept = now + ttlMs + retentionMs` (0
 * likewise). "Live" means there and not expired:
 *
 * | write | families | `pushedMs` | `expiresMs` of the group |
 * |---|---|---|---|
 * | put | exactly the named, each until `until` | now | `kept` |
 * | post, families named | the named replaced, each until `until`; other live ones stay as they are | now | later of old and `kept` |
 * | post of nothing, or `failGroup` | live ones stay as they are | now; of `failGroup`: as it was, 0 when new | as it was; without a live family: later of old and `kept` |
 *
 * - Where the group is absent or expired there is no "old": `expiresMs` is `kept`, `createdMs` now, no failure is known.
 * - `createdMs`, `failedMs` and `failure` outlive every write to a live group; only `failGroup` sets the last two.
 * - A family keeps its `firstSeenMs` when it is replaced by one of the same type while live; else it becomes now.
 * - `protocol` is that of the last put or post; `failGroup` sets it only on a group it creates.
 * - Every write to a group drops its expired families.
 * - The group as a whole, its times included, expires at its `expiresMs`, which is never earlier than a family's.
 *
 * How a set changes, sample by sample in this order of questions, where "stored" is the metric of the same family name
 * and labels (or the memory of it, see `stale`) that has not expired:
 *
 * - Explicit timestamp and `timestampMs + ttlMs <= now` with a finite ttl: not stored, counted in `ignored.expired`.
 *   This is asked first.
 * - Explicit timestamp at or before the stored one: not stored, counted in `ignored.older`; nothing is refreshed.
 * - No timestamp: takes the later of now and the stored one, and is stored.
 * - Stored: value, timestamp and expiry (now + ttl) replace what was there.
 * - `stale`: the series disappears, and its timestamp is remembered so that an older sample does not bring it back: for
 *   its ttl, or `STALE_MEMORY_MS` when that is 0. Remembered series count neither as series nor against `setMetrics`.
 *   A stale sample for a metric that is not there, or only remembered, does nothing.
 * - A family takes type, help and unit of the last write that stored or removed a sample of it. Its `firstSeenMs` stays
 *   while the set lives and the type is the same.
 * - `expectedMs`: where it is not the timestamp the metric has, 0 when it is not there, the write as a whole changes nothing,
 *   is not remembered, and resolves with `conflict`. This is asked before everything else. A store that cannot be
 *   sure that what the caller read is of the history it has now says so too. One that writes again what it had lost makes
 *   such a sample anew (`remake`) from what is there by then.
 * - A write of which no sample had an effect leaves no trace but its operation id: no new version, no `change`.
 * - A set is absent as a whole, and may be swept, when all it holds has expired, remembered series included. A store
 *   may notice that as late as the latest expiry a write gave to what the set holds.
 *
 * Failures are `PgrError`: PGR_STORE_UNAVAILABLE (nothing is known to be lost; try again with the same operation id),
 * PGR_STORE_DEGRADED (part of the partitions is away, and the call needs them; as the former in everything else),
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
  /** Removes a unit. One that is not there is not an error, leaves no tombstone and makes no new version. */
  remove(write: UnitWrite): Promise<Written>
  /**
   * Removes everything, atomic per partition, at a cost that does not depend on what is stored: `wiped` becomes the
   * partition's version, then the version goes up by one and the digest is 0.
   */
  wipe(write: Operation): Promise<void>

  /**
   * What changed since the given positions (one per partition, in order), in pages of bounded size: about a megabyte
   * or one unit, whichever is more. Every partition ends with one page whose `done` is true, also when nothing changed.
   * A page says `reset` when the reader must forget what it knows of that partition: it knows nothing yet, history was
   * lost, or it fell too far behind. That is its first page, unless trouble came up between two pages.
   *
   * A reader's position moves only with a `done` page: what earlier pages left out is told relative to the position the
   * read began with.
   *
   * A write that resolved before this call is in the pages. Units come in the order of their versions, each at most once
   * unless it changes while the pages are read.
   *
   * Where only some partitions can be read, the pages of those come first, each with its `done`, and then the read
   * rejects with PGR_STORE_DEGRADED. After any other failure what came may end anywhere.
   */
  changes(since: readonly Position[], options: { deadlineMs: number }): AsyncIterable<ChangePage>

  /**
   * Removes bytes of what expired, was wiped or was removed long ago. A call visits every partition and does bounded
   * work in each, so that much debris takes several. Any replica may call it at any time.
   *
   * Removing an expired unit is a change like any other: a new version, a tombstone, the digest without it. A live group
   * may lose the bytes of expired families, which is a change too. Tombstones are trimmed after a grace (ten minutes);
   * that raises the partition's floor to the version trimmed, and readers below the floor are reset.
   */
  sweep(): Promise<void>
  /** Limits from the next write on. What is stored stays, also where it is more than they allow. */
  setLimits(limits: StoreLimits): void
  /** Resolves when pushes can be taken for at least part of the units; rejects with why not. */
  ready(): Promise<void>
  /**
   * What an operator should know. Resolves also while the store is away, with what is known of it; that may take as long
   * as one call to the store.
   */
  describe(): Promise<StoreReport>
  /** Lets go of the store; calls after it are refused with PGR_STORE_UNAVAILABLE. Closing twice is fine. */
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

/**
 * A family as the store keeps it: opaque to the store but for what listings and limits need. The bytes must not be
 * written to once they were handed over, and keep nothing else alive, because the store may keep them as they are; the
 * same holds for blobs of samples and for everything a store hands out.
 */
export interface FamilyBlob {
  readonly name: string
  readonly type: FamilyType
  readonly series: number
  readonly blob: Uint8Array
}

export interface GroupFailure extends UnitWrite {
  readonly labels: Labels
  /** At most 256 bytes; the caller cuts. */
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
  /** No name twice. */
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
  /**
   * What the sample was made from: the timestamp the metric had then, 0 when it was not there. Only with bytes as content
   * and a timestamp.
   */
  readonly expectedMs?: number
  /**
   * Makes the sample anew from what the metric has now, undefined when it is not there; nothing when that holds all of it
   * already. With `expectedMs` always: a write that is lost with a part of the store's history is made again in this way.
   */
  readonly remake?: Remake
  /** `labelKey` of the labels, from whoever has it at hand. */
  readonly key?: string
}

/** What a sample with `expectedMs` met. */
export type Met = Pick<SetMetric, 'timestampMs' | 'content'>

export interface Remake {
  /** An estimate of the memory that is kept for it. */
  readonly bytes: number
  /** Throws PGR_LIMIT_EXCEEDED where nobody can tell any more whether it is in there: then it counts as lost. */
  from(met: Met | undefined): SetSample | undefined
}

export interface Written {
  /** The store had applied this operation id before. */
  readonly duplicate: boolean
  readonly partition: number
  /**
   * The unit as it is after the write, for the caller's own view, with the blobs or pages this write touched. It does
   * not move the caller's position: what others wrote to the unit meanwhile is not in it and comes with the next `changes`.
   * Absent for a duplicate and for a write that changed nothing.
   */
  readonly change?: UnitChange
  /** Epoch of the partition the change belongs to. */
  readonly epoch: string
  /** The store's clock at the write, in milliseconds. */
  readonly nowMs: number
  /**
   * What a set write did not store, by reason: samples not newer than the stored one, and samples past their expiry.
   * Always there for a set write that is no duplicate.
   */
  readonly ignored?: { readonly older: number; readonly expired: number }
  /** A set write met another metric than a sample of it expected, and changed nothing. */
  readonly conflict?: true
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
  /** With `done`: the partition's version, and the reader has everything up to it. Before: how far the read has come. */
  readonly version: number
  readonly nowMs: number
  readonly changes: readonly UnitChange[]
  readonly done: boolean
  /**
   * Only with `done`: sum of `digestOf` over the units the partition stores, expired or not, modulo `DIGEST_MODULUS`.
   * Since every removal is a change, a reader that applied every page holds exactly these units.
   */
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

/**
 * The whole list of a group's families, in no promised order; a blob exactly where the family's version is above the
 * reader's position, which after a reset is everywhere. Of a write to a group that keeps families it does not name, the
 * store may list those alone that it names, all with their blobs, and say with `follows` what they stand beside.
 */
export interface GroupChange extends LiveChange {
  readonly kind: 'group'
  /** 0 = never. */
  readonly pushedMs: number
  /** 0 = never. */
  readonly failedMs: number
  readonly failure: string
  /** When the push times and with them the whole group expire; 0 = never. */
  readonly expiresMs: number
  readonly families: readonly FamilyState[]
  /** The version of the group that the write changed: live families it had then and that are not listed are still there. */
  readonly follows?: number | undefined
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

/**
 * The pages of a set that changed; a page replaces all the reader knew of it, may hold expired metrics, and holds no
 * removed ones. A set may be left without any metric.
 */
export interface SetChange extends LiveChange {
  readonly kind: 'set'
  readonly pushedMs: number
  /** Drop every page the reader holds and is not named here (the set is new, or was compacted). */
  readonly whole: boolean
  /** Of a write that is not `whole`: the version of the set that it changed. What it does not name is as it was then. */
  readonly follows?: number
  /**
   * All of them. Indexes of families stay as they are, also for pages told earlier, until a change that is `whole`; a
   * listed family need not have a metric.
   */
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

/**
 * Caps over everything stored; each is also kept per partition with headroom, so that no race gets far past it. What
 * expired counts until it is swept or overwritten.
 */
export interface StoreLimits {
  readonly units: number
  /** As the writers counted them. */
  readonly series: number
  /** Blobs and the text of names and labels; an estimate. */
  readonly bytes: number
  /** Live metrics one set may hold; exact. */
  readonly setMetrics: number
}

/** How a store is, for people and for the status page. */
export interface StoreReport {
  /** That of the store. */
  readonly name: string
  /** Version, role, memory, persistence and the like; names in snake case. */
  readonly facts: ReadonlyMap<string, string | number | boolean>
  /** Everything that was looked at, in order or not, as last told. */
  readonly findings: readonly StoreFinding[]
  readonly losses: StoreLosses
  /** Servers that hold partitions; none when the store is no server. */
  readonly primaries: readonly StorePrimary[]
  /** Gateways that share the store, this one included, as they announced themselves. */
  readonly replicas: readonly StoreReplica[]
  /** Which of them this one is. */
  readonly self?: string
}

export interface StoreFinding {
  readonly finding: string
  readonly ok: boolean
  /** What it means when it is not in order, and what to do about it. */
  readonly message: string
  /** The server it was found at. */
  readonly where: string
}

/** What this replica found to be lost of what the store had acknowledged, since the start of this replica. */
export interface StoreLosses {
  /** Times that history was lost. */
  readonly history: number
  /** Writes of this replica that were acknowledged, are gone and were not sent again. */
  readonly lostWrites: number
  /** Writes of this replica that were acknowledged, were gone and were sent again. */
  readonly resubmittedWrites: number
  /** Unix time of the last loss of history in milliseconds. */
  readonly lastAtMs?: number
  /** How history was lost then. */
  readonly cause?: HistoryCause
}

export interface StorePrimary {
  /** Without user and password. */
  readonly endpoint: string
  readonly state: 'usable' | 'away'
  /** How many it holds. */
  readonly partitions: number
  /** Why it is away. */
  readonly reason?: string
}

export interface StoreReplica {
  readonly id: string
  readonly version: string
  /** Where it listens. */
  readonly address: string
  /** Unix time in milliseconds, by the store's clock. */
  readonly lastSeenMs: number
}

/** The losses of a store that had none. */
export const NO_LOSSES: StoreLosses = { history: 0, lostWrites: 0, resubmittedWrites: 0 }

/** How far ahead of the store's clock a sample may be. */
export const MAX_FUTURE_MS = 10 * 60 * 1000

/** A page of a set holds at most this many metrics. */
export const SET_PAGE_METRICS = 128

/** How long a series removed by a stale marker keeps its timestamp when its time to live has no end. */
export const STALE_MEMORY_MS = 10 * 60 * 1000
