import { decode } from '@msgpack/msgpack'
import { Redis } from 'ioredis'
import { partitionOf, UNIT_ID_BYTES, unitId } from '../../src/model/unit.ts'
import { NO_DEADLINE } from '../../src/store/redis/clock.ts'
import {
  type Applied,
  makeGroupWrites,
  packGroup,
  unitBytes,
  writtenOf,
} from '../../src/store/redis/group-writes.ts'
import { type AcknowledgedWrite, Journal } from '../../src/store/redis/journal.ts'
import { keyspace, PARTITIONS, type PartitionKeys } from '../../src/store/redis/keys.ts'
import { KnownSets } from '../../src/store/redis/known-sets.ts'
import { packLimits } from '../../src/store/redis/limits.ts'
import { type MendParts, type MendReport, mend } from '../../src/store/redis/mend.ts'
import { asList, numberAt, type Reply, textAt } from '../../src/store/redis/reply.ts'
import { type Argument, runScript } from '../../src/store/redis/run-script.ts'
import { type Script, scripts } from '../../src/store/redis/scripts.ts'
import { makeSetWrites } from '../../src/store/redis/set-writes.ts'
import { writeAlone } from '../../src/store/redis/together.ts'
import { decodeUnit } from '../../src/store/redis/unit-changes.ts'
import type {
  ChangePage,
  GroupWrite,
  SetWrite,
  Store,
  StoreLimits,
  UnitWrite,
} from '../../src/store/store.ts'
import { readCounter, readCounters, setTime } from '../support/partition-meta.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { WIDE_LIMITS } from '../support/store-harness.ts'
import { StoreView } from '../support/store-view.ts'
import { jobIn, operation } from '../support/store-writes.ts'

/** The only partition that is written to. */
export const PARTITION = 7

/** A write as it was acknowledged, with all that a model needs to make it again. */
export type Made =
  | { readonly kind: 'group'; readonly write: GroupWrite; readonly atMs: number }
  | { readonly kind: 'set'; readonly write: SetWrite; readonly atMs: number }
  | { readonly kind: 'remove'; readonly write: UnitWrite; readonly atMs: number }
  | { readonly kind: 'wipe'; readonly atMs: number }

/** One gateway with its own memory of what it acknowledged. */
export interface MendingGateway {
  readonly journal: Journal
  writeGroup(write: GroupWrite): Promise<Made>
  writeSet(write: SetWrite): Promise<Made>
  remove(write: UnitWrite): Promise<Made>
  wipe(): Promise<Made>
  mend(over?: Partial<MendParts>): Promise<MendReport>
}

/** A server whose partition can be put back to what it was, as if a replica that lagged had been promoted. */
export interface FailoverRig {
  readonly redis: Redis
  /** Labels of a unit in the partition, the same for the same name. */
  labels(name: string): ReturnType<typeof jobIn>
  gateway(limits?: Partial<StoreLimits>): MendingGateway
  /** Runs a script as a gateway does. */
  run(partition: number, script: Script, operation: Buffer, values: readonly Argument[]): Promise<Reply>
  /** What a replica has that hears of nothing from now on; the function promotes it. */
  snapshot(): Promise<() => Promise<void>>
  /** Waits until the store's clock is past everything written. */
  tick(): Promise<number>
  /** Lets the partition's time stand still from now on, far in the future; again to let it go on by one millisecond. */
  freeze(): Promise<void>
  /** Of the partition. */
  version(): Promise<number>
  /** A reader that starts from nothing. */
  view(): Promise<StoreView>
  /** What the partition holds that does not fit together: fields of no unit, counters that are not the sum of headers. */
  audit(): Promise<string[]>
  /** A new, empty partition. */
  reset(): Promise<void>
  close(): void
}

const keys: readonly string[] = keyspace('pgr').partitions[PARTITION] ?? []

export function openRig(server: RedisServer): FailoverRig {
  const redis = new Redis(server.port, '127.0.0.1', { protocol: 2 })
  const names = new Map<string, ReturnType<typeof jobIn>>()
  const onPromotion: (() => void)[] = []
  let epochs = 0
  let lastMs = 0

  async function run(
    _partition: number,
    script: Script,
    id: Buffer,
    values: readonly Argument[],
  ): Promise<Reply> {
    const all = [id, NO_DEADLINE, `epoch${epochs++}`, ...values]
    if (script === scripts.writeGroups) return writeAlone(redis, keys as PartitionKeys, all, false)
    return asList(await runScript(redis, script, keys, all))
  }

  const ask = (word: string, ...words: string[]) => redis.call(word, words)

  async function clockMs(): Promise<number> {
    const [seconds = 0, micros = 0] = (await redis.time()).map(Number)
    return Math.max(seconds * 1000 + Math.floor(micros / 1000), await readCounter(ask, keys[0] ?? '', 't'))
  }

  function gateway(limits: Partial<StoreLimits> = {}): MendingGateway {
    const journal = new Journal({ windowMs: 60_000, maxBytes: 1e8 })
    const all = { ...WIDE_LIMITS, ...limits }
    const packed = packLimits(all, PARTITIONS)
    const send = async (
      write: { operation: string },
      partition: number,
      script: Script,
      values: readonly Argument[],
    ) => {
      const reply = await run(partition, script, Buffer.from(write.operation, 'latin1'), values)
      if (['late', 'schema', 'quota'].includes(textAt(reply, 0))) throw new Error(textAt(reply, 0))
      return reply
    }
    const groups = makeGroupWrites(send, packed)
    const learn = () =>
      makeSetWrites({
        send,
        known: new KnownSets(1e6),
        limits: packed,
        mostMetrics: all.setMetrics,
        history: { certainty: () => 0, wrote: () => undefined },
      })
    let sets = learn()
    // Slots that were given out in lost history belong to other metrics by now.
    onPromotion.push(() => {
      sets = learn()
    })

    function note(
      entry: object,
      { epoch, firstMs: atMs, change }: Applied,
      version = change?.version,
    ): number {
      journal.note({ ...entry, partition: PARTITION, epoch, atMs, version } as AcknowledgedWrite)
      lastMs = Math.max(lastMs, atMs)
      return atMs
    }

    return {
      journal,
      async writeGroup(write) {
        const entry = { kind: 'group' as const, write, operation: write.operation }
        const remembered = { ...entry, write: packGroup(write) }
        return { ...entry, atMs: note(remembered, await groups.writeGroup(write)) }
      },
      async writeSet(write) {
        const entry = { kind: 'set' as const, write, operation: write.operation }
        return { ...entry, atMs: note(entry, await sets.writeSet(write)) }
      },
      async remove(write) {
        const entry = { kind: 'remove' as const, write, operation: write.operation }
        const reply = await send(write, PARTITION, scripts.remove, [unitBytes(write.id)])
        const version = numberAt(reply, 3)
        return {
          ...entry,
          atMs: note(entry, writtenOf(PARTITION, reply), version === 0 ? undefined : version),
        }
      },
      async wipe() {
        const entry = { kind: 'wipe' as const, operation: operation().operation }
        const reply = await send(entry, PARTITION, scripts.wipe, [])
        return { ...entry, atMs: note(entry, writtenOf(PARTITION, reply), numberAt(reply, 3)) }
      },
      mend: (over = {}) =>
        mend({
          journal,
          partitions: [PARTITION],
          options: { limits: all },
          limits: packed,
          run,
          mayResend: (entryEpoch, storeEpoch) => entryEpoch === storeEpoch,
          ...over,
        }),
    }
  }

  async function* changes(): AsyncGenerator<ChangePage> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (partition !== PARTITION)
        yield {
          partition,
          epoch: 'x',
          wiped: 0,
          version: 0,
          nowMs: 0,
          changes: [],
          done: true,
          digest: 0,
          reset: 'first',
        }
    }
    const values = ['', 0, 0, 1000, 1e9]
    const reply = asList(await runScript(redis, scripts.since, keys, values))
    const epoch = textAt(reply, 0)
    const known = new KnownSets(1e6)
    yield {
      partition: PARTITION,
      epoch,
      wiped: numberAt(reply, 4),
      version: numberAt(reply, 2),
      nowMs: numberAt(reply, 5),
      changes: asList(reply[7]).map((unit) =>
        decodeUnit(asList(unit), { epoch, base: 0, whole: true, known }),
      ),
      done: numberAt(reply, 1) === -1,
      digest: numberAt(reply, 6),
      reset: 'first',
    }
  }

  return {
    redis,
    gateway,
    run,
    labels(name) {
      const known = names.get(name)
      if (known !== undefined) return known
      // In the same partition as a group and as a set, so that one name does for both.
      for (let n = 0; ; n++) {
        const labels = jobIn(PARTITION, PARTITIONS, 'group', `${name}-${n}`)
        if (partitionOf(unitId('set', labels), PARTITIONS) !== PARTITION) continue
        names.set(name, labels)
        return labels
      }
    },
    async snapshot() {
      const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
      return async () => {
        const restoring = redis.multi()
        restoring.del(...keys)
        for (const [place, key] of keys.entries()) restoring.restore(key, 0, dumps[place] ?? Buffer.alloc(0))
        for (const [error] of (await restoring.exec()) ?? []) if (error !== null) throw error
        for (const forget of onPromotion) forget()
      }
    },
    async tick() {
      let nowMs = await clockMs()
      while (nowMs <= lastMs) nowMs = await clockMs()
      lastMs = nowMs
      return nowMs
    },
    async freeze() {
      lastMs = Math.max(lastMs + 1, Date.now() + 60_000)
      await setTime(ask, keys[0] ?? '', lastMs)
    },
    version: () => readCounter(ask, keys[0] ?? '', 'v'),
    async view() {
      const store: Pick<Store, 'partitions' | 'changes'> = { partitions: PARTITIONS, changes }
      const view = new StoreView(store as Store)
      await view.read()
      return view
    },
    async audit() {
      const meta = await readCounters(ask, keys[0] ?? '')
      const names = await redis.hkeysBuffer(keys[1] ?? '')
      const values = await redis.hvalsBuffer(keys[1] ?? '')
      const logged = new Set(
        (await redis.zrangeBuffer(keys[2] ?? '', '0', '-1')).map((id) => id.toString('latin1')),
      )
      const contents = new Map(
        names.map((name, place) => [name.toString('latin1'), values[place] ?? Buffer.alloc(0)]),
      )
      const expected = new Set([''])
      const sums = { n: 0, s: 0, b: 0 }
      const complaints: string[] = []
      const sets = new Set<string>()
      for (const [id, bytes] of contents) {
        if (id.length !== UNIT_ID_BYTES) continue
        const header = decode(bytes) as unknown[]
        expected.add(id)
        if (!logged.has(id)) complaints.push('a unit that is not in the log')
        if (id.startsWith('S')) sets.add(id)
        else if (!addsUp(header)) complaints.push('a group whose sums are not those of its families')
        if (id.startsWith('G'))
          for (let i = 12; i < header.length; i += 8) expected.add(`${id}\u0000${String(header[i])}`)
        if (Number(header[8]) <= Number(meta.w)) continue
        sums.n++
        sums.s += Number(header[9])
        sums.b += Number(header[10])
      }
      for (const name of contents.keys()) {
        if (!expected.has(name) && !sets.has(name.slice(0, UNIT_ID_BYTES)))
          complaints.push(`a field of no unit: ${JSON.stringify(name.slice(UNIT_ID_BYTES))}`)
      }
      for (const name of expected) if (!contents.has(name)) complaints.push('a family without its blob')
      for (const [name, sum] of Object.entries(sums) as [keyof typeof sums, number][])
        if (Number(meta[name]) !== sum) complaints.push(`${name} is ${meta[name]}, the headers say ${sum}`)
      return complaints
    },
    async reset() {
      await redis.del(...keys)
      onPromotion.length = 0
      lastMs = 0
      await run(PARTITION, scripts.init, Buffer.alloc(0), [0])
    },
    close: () => redis.disconnect(),
  }
}

/** Whether series and bytes of a group's header are those of its families, and of its labels. */
function addsUp(header: readonly unknown[]): boolean {
  let series = 0
  let bytes = Buffer.byteLength(String(header[1]))
  for (let i = 12; i < header.length; i += 8) {
    series += Number(header[i + 2])
    bytes += Number(header[i + 3])
  }
  return header[9] === series && header[10] === bytes
}
