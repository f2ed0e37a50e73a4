import type { PgrError } from '../../errors/pgr-error.ts'
import { partitionOf } from '../../model/unit.ts'
import type { Operation, Store, UnitWrite, Written } from '../store.ts'
import { Admission } from './admission.ts'
import { ChangeReader } from './changes.ts'
import { NO_DEADLINE } from './clock.ts'
import { makeSend, runAt, within } from './courier.ts'
import { classify, lacksPermission } from './failures.ts'
import { type Applied, makeGroupWrites, packGroup, unitBytes, writtenOf } from './group-writes.ts'
import { Health } from './health.ts'
import { History } from './history.ts'
import { type AcknowledgedWrite, Journal, type RememberedWrite } from './journal.ts'
import { keyspace, PARTITIONS } from './keys.ts'
import { KnownSets } from './known-sets.ts'
import { packLimits } from './limits.ts'
import { makeLosses } from './losses.ts'
import { OPERATION_RETENTION_MS, RESUBMIT, type RedisStoreOptions, TOMBSTONE_GRACE_MS } from './options.ts'
import { makeConfirm } from './replicas.ts'
import { asList, numberAt, textAt } from './reply.ts'
import { runScript } from './run-script.ts'
import { scripts } from './scripts.ts'
import { MOST_KNOWN_ENTRIES, makeSetWrites } from './set-writes.ts'
import { Topology } from './topology.ts'

export type { RedisStoreOptions } from './options.ts'
export { permissionsFor, sentinelPermissions } from './permissions.ts'

/**
 * For so long after a write was refused for want of a permission the store is not ready. Then it is tried anew: who looks
 * at readiness sends nothing that could show the mending before.
 */
const REFUSED_MS = 10_000
/** Rounds of one sweep over partitions that have more to do. */
const SWEEP_ROUNDS = 4

/**
 * Opens the store that keeps everything in Redis, which any number of replicas may share: one server, one behind
 * Sentinels, or a Cluster, as the options say.
 *
 * Resolves also when that Redis is away or refuses us: the store then says so on every call and keeps trying. Rejects with
 * PGR_SETTING_INVALID or PGR_STORE_MISCONFIGURED when the settings make no sense or a server must not be used.
 */
export async function openRedisStore(given: RedisStoreOptions): Promise<Store> {
  const losses = makeLosses(given.tell)
  const bounds = { ...given.limits }
  const options = { ...given, limits: bounds, tell: losses.tell }
  const { tell } = options
  const keys = keyspace(options.prefix)
  const limits = packLimits(bounds, PARTITIONS)
  const known = new KnownSets(MOST_KNOWN_ENTRIES)
  const journal = new Journal({
    ...(options.resubmit ?? RESUBMIT),
    onForgotten: (writes, total) => tell({ kind: 'store.forgotten', writes, total }),
  })
  const history = new History((partition) => journal.forget(partition))
  const admission = new Admission({
    keys,
    options,
    history,
    journal,
    known,
    limits,
    onFine: (primary, info) => health.note(primary, info),
  })
  const topology: Topology = new Topology({
    options,
    keys,
    admit: (primary, info, places) => admission.admit(topology, primary, info, places),
    onUsable: () => void health.announce().catch(() => undefined),
  })
  const send = makeSend(topology, keys, makeConfirm(options), admission.floors)
  const reader = new ChangeReader(topology, keys, known, history)
  const health = new Health({
    topology,
    keys,
    options,
    losses: losses.report,
    onEviction: (primary) => history.lose(topology.placesOf(primary), 'history'),
  })
  const groups = makeGroupWrites(send, limits)
  const sets = makeSetWrites({
    send,
    known,
    limits,
    get mostMetrics() {
      return bounds.setMetrics
    },
    history,
  })

  function tellCall(operation: string, startMs: number, failure?: PgrError): void {
    const seconds = (performance.now() - startMs) / 1000
    const code = failure === undefined ? {} : { code: failure.code }
    tell({ kind: 'store.call', operation, seconds, ...code })
  }

  /** Every call is told, with how long it took and how it failed. */
  async function told<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    try {
      const value = await work()
      tellCall(operation, startMs)
      return value
    } catch (reason) {
      const { error } = classify(reason)
      tellCall(operation, startMs, error)
      throw error
    }
  }

  /** What was acknowledged is remembered, in case that a failover loses it. */
  async function toldWrite(
    operation: string,
    { operation: id }: Operation,
    remembered: Exclude<RememberedWrite, { kind: 'wipe' }> | undefined,
    work: () => Promise<Applied>,
  ): Promise<Written> {
    const startMs = performance.now()
    let written: Applied
    try {
      written = await work()
      tellCall(operation, startMs)
    } catch (reason) {
      const { error } = classify(reason)
      tellCall(operation, startMs, error)
      noteRefusal(error)
      throw error
    }
    if (refused !== undefined && startMs > refused.atMs) refused = undefined
    if (written.duplicate) tell({ kind: 'store.duplicate' })
    if (remembered !== undefined && written.conflict !== true) {
      const { kind, write } = remembered
      const { partition, epoch, firstMs: atMs, change } = written
      // Named one by one: to spread them costs a push more than all else that is done here.
      const entry = { kind, write, partition, epoch, atMs, version: change?.version, operation: id }
      journal.note(entry as AcknowledgedWrite)
    }
    return written
  }

  let refused: { readonly why: PgrError; readonly atMs: number } | undefined

  function noteRefusal(why: PgrError): void {
    if (!lacksPermission(why)) return
    if (refused === undefined) {
      const facts = { store: 'redis', reason: why.message }
      tell({ kind: 'notice', level: 'warn', message: 'the store refuses writes', facts })
    }
    refused = { why, atMs: performance.now() }
  }

  async function remove(write: UnitWrite): Promise<Applied> {
    const partition = partitionOf(write.id, PARTITIONS)
    const reply = await send(write, partition, scripts.remove, [unitBytes(write.id)])
    const written = writtenOf(partition, reply)
    known.forget(write.id)
    const version = written.duplicate ? 0 : numberAt(reply, 3)
    return version === 0 ? written : { ...written, change: { kind: 'gone', id: write.id, version } }
  }

  async function wipe(write: Operation): Promise<void> {
    const outcomes = await Promise.allSettled(
      keys.partitions.map(async (_, partition) => {
        const reply = await send(write, partition, scripts.wipe, [])
        const { epoch, firstMs: atMs, duplicate } = writtenOf(partition, reply)
        const version = duplicate ? undefined : numberAt(reply, 3)
        journal.note({ kind: 'wipe', partition, epoch, atMs, version, operation: write.operation })
      }),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** A partition that cannot be reached does not keep the others from being swept. */
  async function sweep(): Promise<void> {
    const grace = options.tombstoneGraceMs ?? TOMBSTONE_GRACE_MS
    const retention = Math.max(options.operationRetentionMs ?? 0, OPERATION_RETENTION_MS)
    let failure: unknown
    let waiting = [...keys.partitions.keys()]
    for (let round = 0; round < SWEEP_ROUNDS && waiting.length > 0; round++) {
      const more: typeof waiting = []
      for (const partition of waiting) {
        try {
          const values = ['', NO_DEADLINE, topology.seed(), grace, retention]
          const fence = { deadlineMs: performance.now() + options.timeoutMs }
          const at = keys.partitions[partition] ?? []
          const reply = await runAt(topology, partition, fence, async ({ primary, asking }) =>
            asList(await runScript(primary.read, scripts.sweep, at, values, asking)),
          )
          if (textAt(reply, 0) === 'ok' && numberAt(reply, 1) === 1) more.push(partition)
        } catch (reason) {
          failure ??= reason
        }
      }
      waiting = more
    }
    if (failure !== undefined) throw failure
  }

  /** Whether any primary takes writes; the whole need not be there. */
  async function ready(): Promise<void> {
    const why = topology.whyNot()
    if (why !== undefined) throw why
    if (refused !== undefined && performance.now() < refused.atMs + REFUSED_MS) throw refused.why
    const fence = { deadlineMs: performance.now() + options.timeoutMs }
    const usable = topology.primaries().filter((primary) => primary.whyNot() === undefined)
    await within(
      fence,
      Promise.any(usable.map(({ write, read }) => Promise.all([write.time(), read.time()]))).catch(
        (reason: unknown) => {
          throw reason instanceof AggregateError ? reason.errors[0] : reason
        },
      ),
    )
  }

  await topology.open()

  return {
    name: 'redis',
    partitions: PARTITIONS,
    writeGroup(write) {
      const packed = packGroup(write)
      return toldWrite(write.mode, write, { kind: 'group', write: packed }, () =>
        groups.writeGroup(write, packed),
      )
    },
    failGroup: (write) => toldWrite('fail', write, undefined, () => groups.failGroup(write)),
    writeSet: (write) => toldWrite('set', write, { kind: 'set', write }, () => sets.writeSet(write)),
    remove: (write) => toldWrite('remove', write, { kind: 'remove', write }, () => remove(write)),
    wipe: (write) => told('wipe', () => wipe(write)),
    changes: (since, fence) => reader.read(since, fence),
    sweep: () => told('sweep', sweep),
    setLimits(next) {
      Object.assign(bounds, next)
      packLimits(bounds, PARTITIONS).copy(limits)
    },
    ready: () => told('ready', ready),
    describe: () => told('describe', () => health.describe()),
    async close() {
      await health.close()
      topology.close()
    },
  }
}
