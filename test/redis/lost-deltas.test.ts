import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { type ChaosProxy, startChaosProxy } from '../support/chaos-proxy.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { jobOf } from '../support/store-writes.ts'
import { type Opened, openStore } from './open-store.ts'

const LIMITS = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1000 }
const keys = keyspace('pgr').partitions[partitionOf(unitId('set', jobOf('api')), 64)] ?? []
const FROM_MS = Date.now() - 60_000

interface Replica {
  readonly proxy: ChaosProxy
  readonly opened: Opened
  readonly test: TestGateway
}

let server: RedisServer
let redis: Redis
let one: Replica
let other: Replica

beforeAll(async () => {
  server = await startRedis({ directives: ['enable-debug-command yes'] })
  redis = new Redis(server.port)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

beforeEach(async () => {
  await redis.flushall()
  one = await openReplica()
  other = await openReplica()
})
afterEach(async () => {
  for (const replica of [one, other]) await closeReplica(replica)
})

async function closeReplica({ test, opened, proxy }: Replica): Promise<void> {
  await test.gateway.stop()
  await opened.store.close()
  await proxy.close()
}

async function openReplica(): Promise<Replica> {
  const proxy = await startChaosProxy({ port: server.port })
  // A server that was only just started counts as restarted.
  const opened = await openStore(proxy, { resubmit: { windowMs: 30_000, maxBytes: 1e7, after: 'restart' } })
  return { proxy, opened, test: openTestGateway(opened.store) }
}

const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })

async function add({ test }: Replica, value: number, atMs: number, pod = 'a'): Promise<void> {
  const texts = { 'service.name': 'api', pod }
  const attributes = Object.entries(texts).map(([key, stringValue]) => ({ key, value: { stringValue } }))
  const point = { timeUnixNano: `${FROM_MS + atMs}000000`, asInt: String(value) }
  const sum = { aggregationTemporality: 1, isMonotonic: true, dataPoints: [point] }
  const metrics = [{ name: 'requests', sum }]
  const body = { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }
  const { families } = reader.read(Buffer.from(JSON.stringify(body)), 'json')
  const written = await test.gateway.otlp({
    families,
    protocol: 'otlp',
    deadlineMs: performance.now() + 5000,
  })
  expect(written).toEqual({ points: 1, rejectedPoints: 0, reasons: [] })
}

async function shownBy({ test }: Replica): Promise<number> {
  const lines = (await test.page()).filter((line) => line.startsWith('requests_total'))
  return Number(lines[0]?.split(' ').at(-1))
}

/** What a replica of Redis has that hears of nothing from now on; the function promotes it. */
async function snapshot(): Promise<() => Promise<void>> {
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
  return async () => {
    for (const [place, key] of keys.entries()) {
      await redis.del(key)
      await redis.restore(key, 0, dumps[place] as Buffer)
    }
    await redis.call('DEBUG', 'CHANGE-REPL-ID')
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  }
}

const mendOf = ({ opened }: Replica) =>
  opened.events.filter((event): event is Event & { kind: 'store.mend' } => event.kind === 'store.mend')

async function mended(replica: Replica): Promise<void> {
  await eventuallyHolds(() => expect(mendOf(replica)).not.toEqual([]))
}

// A total that was lost was made of what was there then; meanwhile others may have added to what is left.
it.each([
  ['later', 3000],
  ['earlier', 1500],
])(
  'deltas that a failover lost are added again to what another gateway made of the rest, with a %s time',
  async (_when, atMs) => {
    await add(one, 1, 1000)
    const promote = await snapshot()
    await add(one, 10, 2000)
    one.proxy.cut('both')
    await promote()
    await eventuallyHolds(() => other.opened.store.ready())
    await add(other, 100, atMs, 'b')
    expect(await shownBy(other)).toBe(101)

    await one.proxy.heal()
    await mended(one)
    expect(mendOf(one)).toMatchObject([{ missing: 2, resubmitted: 2, lost: 0 }])
    for (const replica of [one, other])
      await eventuallyHolds(async () => expect(await shownBy(replica)).toBe(111))
  },
)

// The time of a total is that of its latest point, and two gateways may have points of one time.
it('deltas are not added to a total that a failover took away, although one with the same time is in its place', async () => {
  const third = await openReplica()
  try {
    await add(one, 1, 1000)
    const promote = await snapshot()
    await add(one, 10, 2000)
    expect(await shownBy(other)).toBe(11)
    one.proxy.cut('both')
    await promote()
    for (const { opened } of [other, third]) await eventuallyHolds(() => opened.store.ready())
    await add(third, 100, 2000, 'b')
    await add(other, 1000, 3000, 'c')
    expect(await shownBy(third)).toBe(1101)
  } finally {
    await closeReplica(third)
  }
})

it('deltas that a failover lost are not added twice where their sender sent them again', async () => {
  await add(one, 1, 1000)
  const promote = await snapshot()
  await add(one, 10, 2000)
  await add(one, 100, 3000)
  one.proxy.cut('both')
  await promote()
  await eventuallyHolds(() => other.opened.store.ready())
  await add(other, 10, 2000)
  expect(await shownBy(other)).toBe(11)

  await one.proxy.heal()
  await mended(one)
  for (const replica of [one, other])
    await eventuallyHolds(async () => expect(await shownBy(replica)).toBe(111))
})

// Whoever took them first gave no answer, and does not remember them.
it('deltas that a failover lost are added again by who acknowledged them, although they were there when they came', async () => {
  await add(one, 1, 1000)
  const promote = await snapshot()
  await add(other, 10, 2000)
  await add(one, 10, 2000)
  other.proxy.cut('both')
  await promote()
  await mended(one)
  await eventuallyHolds(async () => expect(await shownBy(one)).toBe(11))
})

it('deltas that a failover lost of several gateways are all added again, in whatever order these come back', async () => {
  await add(one, 1, 1000)
  const promote = await snapshot()
  await add(one, 10, 2000)
  await add(other, 100, 3000, 'b')
  await add(one, 1000, 4000)
  one.proxy.cut('both')
  other.proxy.cut('both')
  await promote()
  for (const replica of [other, one]) {
    await replica.proxy.heal()
    await mended(replica)
  }
  for (const replica of [one, other])
    await eventuallyHolds(async () => expect(await shownBy(replica)).toBe(1111))
})
