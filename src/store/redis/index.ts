import type { PgrError } from '../../errors/pgr-error.ts'
import { partitionOf } from '../../model/unit.ts'
import type { Operation, Store, UnitWrite, Written } from '../store.ts'
import { ChangeReader } from './changes.ts'
import { runScript } from './connect.ts'
import { makeSend, within } from './courier.ts'
import { classify } from './failures.ts'
import { makeGroupWrites, unitBytes, writtenOf } from './group-writes.ts'
import { Health } from './health.ts'
import { keyspace, PARTITIONS } from './keys.ts'
import { KnownSets } from './known-sets.ts'
import { packLimits } from './limits.ts'
import { Link, NO_DEADLINE } from './link.ts'
import { OPERATION_RETENTION_MS, type RedisStoreOptions, TOMBSTONE_GRACE_MS } from './options.ts'
import { asList, numberAt, textAt } from './reply.ts'
import { scripts } from './scripts.ts'
import { MOST_KNOWN_ENTRIES, makeSetWrites } from './set-writes.ts'

export type { RedisStoreOptions } from './options.ts'
export { permissionsFor } from './permissions.ts'

/** Rounds of one sweep over partitions that have more to do. */
const SWEEP_ROUNDS = 4

/**
 * Opens the store that keeps everything in one Redis, which any number of replicas may share.
 *
 * Resolves also when that Redis is away or refuses us: the store then says so on every call and keeps trying. Rejects with
 * PGR_SETTING_INVALID or PGR_STORE_MISCONFIGURED when the settings make no sense or the server must not be used.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const keys = keyspace(options.prefix)
  const link = new Link(options, keys)
  const send = makeSend(link, keys)
  const limits = packLimits(options.limits, PARTITIONS)
  const known = new KnownSets(MOST_KNOWN_ENTRIES)
  const reader = new ChangeReader(link, keys, known)
  const health = new Health(link, keys, options, () => reader.loseHistory())
  const groups = makeGroupWrites(send, limits)
  const sets = makeSetWrites({ send, link, keys, known, limits, mostMetrics: options.limits.setMetrics })
  const { tell } = options

  /** Every call is told, with how long it took and how it failed. */
  async function told<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    const done = (failure?: PgrError) => {
      const seconds = (performance.now() - startMs) / 1000
      tell({
        kind: 'store.call',
        operation,
        seconds,
        ...(failure === undefined ? {} : { code: failure.code }),
      })
    }
    try {
      const value = await work()
      done()
      return value
    } catch (reason) {
      const { error } = classify(reason)
      done(error)
      throw error
    }
  }

  async function toldWrite(operation: string, work: () => Promise<Written>): Promise<Written> {
    const written = await told(operation, work)
    if (written.duplicate) tell({ kind: 'store.duplicate' })
    return written
  }

  async function remove(write: UnitWrite): Promise<Written> {
    const partition = partitionOf(write.id, PARTITIONS)
    const reply = await send(write, partition, scripts.remove, [unitBytes(write.id)])
    const written = writtenOf(partition, reply)
    known.forget(write.id)
    const version = written.duplicate ? 0 : numberAt(reply, 3)
    return version === 0 ? written : { ...written, change: { kind: 'gone', id: write.id, version } }
  }

  async function wipe(write: Operation): Promise<void> {
    const outcomes = await Promise.allSettled(
      keys.partitions.map((_, partition) => send(write, partition, scripts.wipe, [])),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  async function sweep(): Promise<void> {
    const grace = options.tombstoneGraceMs ?? TOMBSTONE_GRACE_MS
    const retention = Math.max(options.operationRetentionMs ?? 0, OPERATION_RETENTION_MS)
    let waiting = [...keys.partitions]
    for (let round = 0; round < SWEEP_ROUNDS && waiting.length > 0; round++) {
      const more: typeof waiting = []
      for (const partition of waiting) {
        link.assertUsable()
        const values = ['', NO_DEADLINE, link.seed(), grace, retention]
        const reply = asList(await runScript(link.read, scripts.sweep, partition, values))
        if (textAt(reply, 0) === 'ok' && numberAt(reply, 1) === 1) more.push(partition)
      }
      waiting = more
    }
  }

  await link.open()

  return {
    name: 'redis',
    partitions: PARTITIONS,
    writeGroup: (write) => toldWrite(write.mode, () => groups.writeGroup(write)),
    failGroup: (write) => toldWrite('fail', () => groups.failGroup(write)),
    writeSet: (write) => toldWrite('set', () => sets.writeSet(write)),
    remove: (write) => toldWrite('remove', () => remove(write)),
    wipe: (write) => told('wipe', () => wipe(write)),
    changes: (since, fence) => reader.read(since, fence),
    sweep: () => told('sweep', sweep),
    ready: () =>
      told('ready', async () => {
        link.assertUsable()
        const fence = { deadlineMs: performance.now() + options.timeoutMs }
        await within(fence, Promise.all([link.write.time(), link.read.time()]))
      }),
    describe: () => told('describe', () => health.describe()),
    async close() {
      await health.close()
      await link.close()
    },
  }
}
