import { keyspace } from '../../src/store/redis/keys.ts'
import { ask } from '../e2e/ask.ts'
import { type ChaosProxy, startChaosProxy } from '../support/chaos-proxy.ts'
import { type Counter, readCounter } from '../support/partition-meta.ts'
import { type RedisOptions, type RedisServer, startRedis } from '../support/redis-server.ts'
import { asList } from '../support/resp.ts'
import { type Pgr, type PgrOptions, startPgr } from '../support/start-pgr.ts'
import { type FaultCase, type FaultContext, type FaultResult, runFaultCase } from './fault-case.ts'
import type { Workload } from './workload.ts'

export interface RedisFaultContext extends FaultContext {
  readonly redis: RedisServer
  /** Between some gateways and Redis, as the case says. */
  readonly proxy: ChaosProxy
}

export interface RedisCase extends Omit<FaultCase, 'rig' | 'gateways' | 'fault'> {
  readonly redis?: RedisOptions
  /** 2 unless given. */
  readonly gateways?: number
  /** So many of them, the first ones, reach Redis through the proxy; none unless given. */
  readonly proxied?: number
  /** Of every gateway, besides where Redis is. */
  readonly flags?: readonly string[]
  /** What one of them has besides. */
  readonly each?: (replica: number) => PgrOptions
  readonly fault: (context: RedisFaultContext) => Promise<void>
}

export interface RedisResult extends FaultResult {
  /** Writes that the partitions counted while there was traffic. */
  readonly applied: number
  /** What each gateway logged. */
  readonly logs: readonly string[]
}

/** Gateways that share one Redis of their own, while something breaks. */
export async function runRedisCase(options: RedisCase): Promise<RedisResult> {
  const { redis: redisOptions, gateways: count = 2, proxied = 0, flags = [], each, fault, ...rest } = options
  const redis = await startRedis(redisOptions)
  const proxy = await startChaosProxy({ port: redis.port })
  const stopBoth = async (): Promise<void> => {
    await proxy.close()
    await redis.stop()
  }
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, replica) => {
      const { flags: more = [], ...others } = each?.(replica) ?? {}
      const endpoint = `--redis.endpoint=${replica < proxied ? proxy.url : redis.url}`
      return startPgr({ flags: [endpoint, ...flags, ...more], ...others })
    }),
  )
  const gateways = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(gateways.map((gateway) => gateway.kill()))
    await stopBoth()
    throw failed.reason
  }
  const before = await sumVersions(redis).catch(() => Number.NaN)
  let applied = Number.NaN
  const result = await runFaultCase({
    ...rest,
    gateways,
    fault: (context) => fault({ ...context, redis, proxy }),
    rig: {
      async stop() {
        applied = await sumVersions(redis).catch(() => Number.NaN)
        await stopBoth()
      },
    },
  })
  return { ...result, applied: applied - before, logs: gateways.map((gateway) => gateway.output()) }
}

/** Every push makes a group of its own that outlives the case, so that each that is lost is seen to be. */
export const COUNTABLE = { tokenGroups: 0, ttlMs: 300_000 } as const

/** Of a gateway to a server that is there again: its longest pause between two tries, a quarter more, and the look at it. */
export const BACK_WITHIN_MS = 2500

/** SIGKILL of Redis, a moment without it, and a new start with what reached the disk. */
export async function killAndRestart({ redis, workload }: RedisFaultContext): Promise<void> {
  await redis.kill()
  if (await workload.nextAck(300)) throw new Error('a push was acknowledged without Redis')
  await redis.restart()
}

const KEYS = keyspace('pgr')

/** The versions of all partitions, each of which counts the writes that had an effect on it. */
function sumVersions(redis: RedisServer): Promise<number> {
  return sumOfField(redis, 'v')
}

/** One counter over all partitions. */
export async function sumOfField(redis: RedisServer, field: Counter): Promise<number> {
  const connection = redis.open()
  try {
    const values = await Promise.all(
      KEYS.partitions.map(([meta]) => readCounter(connection.ask, meta, field)),
    )
    return values.reduce<number>((sum, value) => sum + Number(value), 0)
  } finally {
    connection.close()
  }
}

/** The name of the group that holds a family which no other has, as far as it is text. */
export async function nameOfUnit(redis: RedisServer, family: string): Promise<string> {
  const end = `\0${family}`
  const field = (await fieldsOf(redis)).find((name) => name.endsWith(end))
  if (field === undefined) throw new Error(`no group holds ${family}`)
  return field.slice(0, -end.length)
}

/** Fields that hold this group: its header and its families. */
export async function countFields(redis: RedisServer, unit: string): Promise<number> {
  return (await fieldsOf(redis)).filter((name) => name.startsWith(unit)).length
}

/** Of all partitions. */
async function fieldsOf(redis: RedisServer): Promise<string[]> {
  const connection = redis.open()
  try {
    const names = await Promise.all(KEYS.partitions.map(([, data]) => connection.ask('HKEYS', data)))
    return names.flatMap((each) => asList(each).map(String))
  } finally {
    connection.close()
  }
}

export async function statusOf(gateway: Pgr, path: string): Promise<number> {
  return (await ask(gateway.url, path)).status
}

/** One sample of what a gateway tells of itself, by the start of its line; 0 when it is not there. */
export async function ownSample(gateway: Pgr, series: string): Promise<number> {
  const { text } = await ask(gateway.url, '/telemetry')
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
}

/** Lines of a log that say this. */
export function linesWith(log: string, text: string): string[] {
  return log.split('\n').filter((line) => line.includes(text))
}

/** Value of a series on a page, by the start of its line; undefined when it is not there. */
export function shownValue(page: string, series: string): number | undefined {
  const line = page.split('\n').find((each) => each.startsWith(series))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}

/** At most one of a hundred is larger. */
export function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY
}

/** No writer of a workload has this number. */
const WIPER = 1_000_000
let wipes = 0

/** Records that `work` removes everything on purpose. */
export async function asWipe({ history }: Workload, work: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now()
  const push = { replica: 0, writer: WIPER, seq: ++wipes, unit: '', kind: 'wipe', ttlMs: 0, startMs } as const
  history.record({ kind: 'push.sent', push })
  await work()
  history.record({
    kind: 'push.ended',
    push,
    answer: { outcome: 'ok', status: 202 },
    endMs: performance.now(),
  })
}
