import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PgrError } from '../../errors/pgr-error.ts'
import {
  type ChangePage,
  type GroupFailure,
  type GroupWrite,
  NO_LOSSES,
  type Operation,
  type Position,
  type SetWrite,
  type Store,
  type StoreLimits,
  type UnitChange,
  type UnitWrite,
  type Written,
} from '../store.ts'
import { ChangeLog, type Cursor, type Entry } from './change-log.ts'
import { DueQueue } from './due-queue.ts'
import { isLive } from './expiry.ts'
import { dueOf, type Group, livePart, type Moment, noteFailure, pushToGroup, tellGroup } from './group.ts'
import { Totals } from './limits.ts'
import { MetricSet } from './metric-set.ts'
import { Operations } from './operations.ts'
import { makePersistence, type Persisted, type PersistenceOptions } from './persistence.ts'
import { type FrozenEntry, Snapshot, type StoreState } from './snapshot.ts'
import { readSnapshot } from './snapshot-file.ts'

export type { PersistenceOptions } from './persistence.ts'

export interface EmbeddedStoreOptions {
  readonly limits: StoreLimits
  /** Wall clock in milliseconds; the store never lets it run backwards. Default `Date.now`. */
  readonly now?: () => number
  /** How long operation ids are remembered; default two minutes. */
  readonly operationRetentionMs?: number
  /** How long a reader may stay away before it is reset; default ten minutes. */
  readonly tombstoneGraceMs?: number
  /** About what a page of `changes` holds; default 1 MiB. */
  readonly pageBytes?: number
}

type Unit = Group | MetricSet
type UnitEntry = Entry<Unit>

/** Units a call of `sweep` removes, and tombstones it trims. */
const SWEEP_UNITS = 1000

/** What a change counts for in a page beside its content. */
const CHANGE_BYTES = 200

/** The store of a single process, gone with the process. */
export function openEmbeddedStore(options: EmbeddedStoreOptions): Store {
  return makeStore(options).store
}

/**
 * The same, outliving the process: begins with what a file holds, less what expired since, and writes snapshots to it,
 * the last one when it is closed. Readers start over. Rejects with PGR_START_FAILED when the file is damaged or something
 * else than a snapshot.
 */
export async function openPersistentStore(
  options: EmbeddedStoreOptions & { readonly persistence: PersistenceOptions },
): Promise<Store> {
  const { store, persisted } = makeStore(options)
  const { file, tell } = options.persistence
  const state = await readSnapshot(file)
  const restored = state === undefined ? undefined : persisted.restore(state)
  tell({
    kind: 'notice',
    level: 'info',
    message:
      restored === undefined
        ? 'there is no snapshot of the store yet, it starts with nothing'
        : 'restored the store from its snapshot',
    facts: { file, ...restored },
  })
  const persistence = makePersistence(options.persistence, persisted)
  await persistence.start()
  let closing: Promise<void> | undefined
  return {
    ...store,
    async describe() {
      const report = await store.describe()
      const facts = new Map([...report.facts, ['persistence', file], ...Object.entries(persistence.facts)])
      return { ...report, facts, findings: [persistence.finding] }
    },
    close() {
      closing ??= store.close().then(persistence.stop)
      return closing
    },
  }
}

interface Made {
  readonly store: Store
  readonly persisted: Persisted & {
    /** Takes up a state; the store must be new. Says how much it was. */
    restore(state: StoreState): { readonly units: number; readonly series: number; readonly expired: number }
  }
}

/**
 * One partition, in memory. Every method does its work in one turn of the event loop, which is what makes writes atomic;
 * `changes` takes a turn per page.
 */
function makeStore(options: EmbeddedStoreOptions): Made {
  const { now = Date.now, tombstoneGraceMs = 600_000, pageBytes = 1024 * 1024 } = options
  const log = new ChangeLog<Unit>(randomBytes(8).toString('hex'))
  const totals = new Totals(options.limits)
  const operations = new Operations(options.operationRetentionMs ?? 120_000)
  const due = new DueQueue<UnitEntry>()
  let highestMs = 0
  let closed = false
  /** Ids that were: to remember one is a change, too. */
  let remembered = 0

  function tellTime(): number {
    highestMs = Math.max(highestMs, Math.floor(now()))
    return highestMs
  }

  function assertUsable(deadlineMs: number): void {
    if (closed) throw new PgrError('PGR_STORE_UNAVAILABLE', 'the embedded store is closed')
    const lateMs = performance.now() - deadlineMs
    if (lateMs <= 0) return
    throw new PgrError(
      'PGR_STORE_UNAVAILABLE',
      `the call reached the store ${Math.ceil(lateMs)} ms after its deadline`,
    )
  }

  /** Runs a write unless it is late or was applied before; what throws or met a conflict is not remembered. */
  function once(
    { operation, deadlineMs }: Operation,
    act: (at: Moment) => Pick<Written, 'change' | 'ignored' | 'conflict'>,
  ): Written {
    assertUsable(deadlineMs)
    const at = { nowMs: tellTime(), version: log.version + 1 }
    const written = { partition: 0, epoch: log.epoch, nowMs: at.nowMs }
    if (operations.has(operation)) return { duplicate: true, ...written }
    const outcome = act(at)
    if (outcome.conflict === true) return { duplicate: false, ...written, ...outcome }
    operations.remember(operation, at.nowMs)
    remembered++
    return { duplicate: false, ...written, ...outcome }
  }

  function groupOf(entry: UnitEntry | undefined): Group | undefined {
    return entry?.unit?.kind === 'group' ? entry.unit : undefined
  }

  function storeGroup(id: string, before: Group | undefined, after: Group): UnitEntry {
    totals.assertRoom(before, after)
    totals.replace(before, after)
    const entry = log.put(id, after)
    due.set(entry, dueOf(after))
    return entry
  }

  function changeGroup(
    write: GroupWrite | GroupFailure,
    rule: (old: Group | undefined, at: Moment) => Group,
  ): Written {
    return once(write, (at) => {
      const before = groupOf(log.get(write.id))
      const after = rule(before, at)
      const { version } = storeGroup(write.id, before, after)
      return { change: tellGroup(write.id, after, version, version - 1) }
    })
  }

  function changeSet(write: SetWrite, at: Moment): Pick<Written, 'change' | 'ignored' | 'conflict'> {
    const entry = log.get(write.id)
    const follows = entry?.version ?? 0
    const stored = entry?.unit
    const held = stored instanceof MetricSet ? stored : undefined
    const set =
      held !== undefined && isLive(held.expiresMs, at.nowMs) ? held : new MetricSet(write.labels, at.nowMs)
    const plan = set.plan(write, at.nowMs)
    if (plan.conflict) return { conflict: true, ignored: { older: 0, expired: 0 } }
    if (plan.accepted.length === 0) return { ignored: plan.ignored }
    assertSetRoom(set, plan.growth, at.nowMs)
    totals.assertRoom(held, plan.size)
    const before = held && { series: held.series, bytes: held.bytes }
    if (entry !== undefined) log.watcher?.leaving(entry)
    set.apply(plan, write, at)
    totals.replace(before, set)
    const { version } = enterSet(write.id, set)
    const change = set.tell(write.id, version, version - 1)
    return { change: change.whole ? change : { ...change, follows }, ignored: plan.ignored }
  }

  function enterSet(id: string, set: MetricSet): UnitEntry {
    const entry = log.put(id, set)
    due.set(entry, set.expiresMs)
    return entry
  }

  function assertSetRoom(set: MetricSet, growth: number, nowMs: number): void {
    if (growth <= 0) return
    const { setMetrics } = totals.limits
    const shown = set.shownAfter(growth, setMetrics, nowMs)
    if (shown <= setMetrics) return
    throw new PgrError(
      'PGR_QUOTA_EXCEEDED',
      `the set would hold ${shown} metrics, the limit is ${setMetrics}; split it by job or instance, or raise the limit`,
    )
  }

  function bury(entry: UnitEntry, nowMs: number): void {
    totals.replace(entry.unit, undefined)
    due.delete(entry)
    log.bury(entry, nowMs)
  }

  /** Frees what is due of a unit: all of it, or the families of a group whose times are kept. */
  function collect(entry: UnitEntry, nowMs: number): void {
    const { unit } = entry
    if (unit === undefined) return
    if (!isLive(unit.expiresMs, nowMs)) {
      bury(entry, nowMs)
    } else if (unit.kind === 'set') {
      due.set(entry, unit.expiresMs)
    } else {
      const live = livePart(unit, nowMs) ?? unit
      totals.replace(unit, live)
      due.set(log.put(entry.id, live), dueOf(live))
    }
  }

  function tell(entry: UnitEntry, base: number): UnitChange {
    const { id, version, unit } = entry
    if (unit === undefined) return { kind: 'gone', id, version }
    return unit.kind === 'group' ? tellGroup(id, unit, version, base) : unit.tell(id, version, base)
  }

  /** Changes after a cursor, until a page is full or nothing is left. */
  function readPage(from: Cursor<Unit>, base: number, skipGoneTo: number) {
    const changes: UnitChange[] = []
    let bytes = 0
    let last = from
    let entry = log.next(from)
    for (; entry !== undefined && (changes.length === 0 || bytes < pageBytes); entry = entry.after) {
      last = { version: entry.version, entry }
      if (entry.unit === undefined && entry.version <= skipGoneTo) continue
      changes.push(tell(entry, base))
      bytes += CHANGE_BYTES + (entry.unit?.bytes ?? 0)
    }
    return { changes, last, done: entry === undefined }
  }

  async function* readChanges(since: Position, deadlineMs: number): AsyncGenerator<ChangePage> {
    assertUsable(deadlineMs)
    let reset = log.resetReason(since)
    let from: Cursor<Unit> = { version: reset === undefined ? since.version : 0, entry: undefined }
    let base = from.version
    let skipGoneTo = reset === undefined ? 0 : log.version
    let knownFloor = log.floor
    for (;;) {
      const { changes, last, done } = readPage(from, base, skipGoneTo)
      const page = { partition: 0, epoch: log.epoch, wiped: log.wiped, nowMs: tellTime(), changes, done }
      const end = done ? { version: log.version, digest: log.digest } : { version: last.version }
      yield { ...page, ...end, ...(reset === undefined ? {} : { reset }) }
      if (done) return
      await nextTurn()
      assertUsable(deadlineMs)
      reset = undefined
      from = last
      // A removal this reader has not come to yet was forgotten meanwhile: what it was told may hold the unit.
      if (log.floor > knownFloor && log.floor > last.version) {
        reset = 'floor'
        from = { version: 0, entry: undefined }
        base = 0
        skipGoneTo = log.version
      }
      knownFloor = log.floor
    }
  }

  /** A unit of a state, or undefined when all of it has expired. */
  function thaw({ version, unit }: FrozenEntry, nowMs: number): Unit | undefined {
    return unit.kind === 'group' ? livePart(unit, nowMs) : MetricSet.thaw(unit, { version, nowMs })
  }

  function restore(state: StoreState): { units: number; series: number; expired: number } {
    highestMs = state.clockMs
    const nowMs = tellTime()
    operations.restore(state.operations, nowMs)
    const live: { readonly id: string; readonly version: number; readonly unit: Unit }[] = []
    let expired = 0
    for (const frozen of state.units) {
      const unit = frozen && thaw(frozen, nowMs)
      if (frozen === undefined) continue
      if (unit === undefined) expired++
      else live.push({ id: frozen.id, version: frozen.version, unit })
    }
    log.restore(state, live)
    for (let entry = log.oldest; entry?.unit !== undefined; entry = entry.after) {
      totals.replace(undefined, entry.unit)
      due.set(entry, entry.unit.kind === 'group' ? dueOf(entry.unit) : entry.unit.expiresMs)
    }
    const { units, series } = totals.amounts
    return { units, series, expired }
  }

  const persisted: Made['persisted'] = {
    get changes() {
      return log.version + remembered
    },
    snapshot() {
      const snapshot = new Snapshot(log)
      const { version, wiped } = log
      return {
        state: {
          clockMs: highestMs,
          version,
          wiped,
          operations: operations.freeze(),
          units: snapshot.units(),
        },
        close: () => snapshot.close(),
      }
    },
    restore,
  }

  const store: Store = {
    name: 'embedded',
    partitions: 1,

    async writeGroup(write) {
      return changeGroup(write, (old, at) => pushToGroup(old, write, at))
    },

    async failGroup(write) {
      return changeGroup(write, (old, at) => noteFailure(old, write, at.nowMs))
    },

    async writeSet(write) {
      return once(write, (at) => changeSet(write, at))
    },

    async remove(write: UnitWrite) {
      return once(write, ({ nowMs }) => {
        const entry = log.get(write.id)
        if (entry === undefined) return {}
        bury(entry, nowMs)
        return { change: tell(entry, 0) }
      })
    },

    async wipe(write) {
      once(write, () => {
        log.wipe()
        totals.clear()
        due.clear()
        return {}
      })
    },

    changes([since], { deadlineMs }) {
      return readChanges(since ?? { epoch: '', version: 0, wiped: 0 }, deadlineMs)
    },

    async sweep() {
      assertUsable(Number.POSITIVE_INFINITY)
      const nowMs = tellTime()
      for (let count = 0; count < SWEEP_UNITS; count++) {
        const entry = due.peek(nowMs)
        if (entry === undefined) break
        collect(entry, nowMs)
      }
      log.trim(nowMs - tombstoneGraceMs, SWEEP_UNITS)
    },

    setLimits(limits) {
      totals.limits = limits
    },

    async ready() {
      assertUsable(Number.POSITIVE_INFINITY)
    },

    async describe() {
      const facts = new Map<string, string | number | boolean>([
        ['persistence', 'none'],
        ...Object.entries(totals.amounts),
        ['version', log.version],
        ['tombstones', log.tombstoneCount],
        ['operations', operations.size],
      ])
      return { name: 'embedded', facts, findings: [], losses: NO_LOSSES, primaries: [], replicas: [] }
    },

    async close() {
      closed = true
    },
  }
  return { store, persisted }
}
