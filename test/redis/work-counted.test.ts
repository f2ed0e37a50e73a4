import { readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeStored } from '../../src/formats/stored/index.ts'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { PARTITIONS } from '../../src/store/redis/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { OtlpLoad } from '../bench/bodies/otlp-load.ts'
import { RemoteWriteLoad } from '../bench/bodies/remote-write-load.ts'
import { ask } from '../e2e/ask.ts'
import { type HeapProbe, heapProbe } from '../support/heap-probe.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { labelsOf, putOf } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

/**
 * Work is counted, not timed: commands and round trips have to be what they were, bytes and allocations not more than a
 * little above. With `PGR_WORK_UPDATE=1` the file is written anew with what is measured, and nothing is compared; `madeOf`
 * in it says what the figures are made of.
 */
const FILE = new URL('work-budgets.json', import.meta.url)
const UPDATES = process.env['PGR_WORK_UPDATE'] === '1'
/** More than this is a regression: what is measured differs by a few percent from run to run. */
const TOLERANCE = 1.15

/** Batches that have to agree on the commands, and most that are tried: what a replica does every few seconds falls into some. */
const BATCHES = 3
const MOST_BATCHES = 15
const PUSHES = 100
const WARM_PUSHES = 2000
const SCRAPES = 20
const WARM_SCRAPES = 40
const REQUESTS = 20
const SAMPLES = 500
const FEW_GROUPS = 100
const MANY_GROUPS = 3200
const CHANGED = 32
const TOGETHER = 5

interface Cost {
  /** Of Redis, also those that scripts call. */
  readonly commands: Readonly<Record<string, number>>
  /** Times that Redis answers; absent where several answers are on their way at a time and may arrive together. */
  readonly roundTrips?: number
  readonly bytesToRedis: number
  readonly bytesFromRedis: number
  /** Allocated by the gateway. */
  readonly heapBytes: number
  readonly externalBytes: number
}

interface Budget extends Cost {
  readonly madeOf: string
}

interface Budgets {
  /** Major version; another one allocates otherwise. */
  readonly node: number
  readonly works: Readonly<Record<string, Budget>>
}

const NODE = Number.parseInt(process.versions.node, 10)
const budgets = JSON.parse(readFileSync(FILE, 'utf8')) as Budgets

describe('the work of a gateway on Redis', () => {
  let redisServer: RedisServer
  let redis: Redis
  let store: Store
  let probe: HeapProbe
  let pgr: Pgr
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const side = new Agent({ keepAlive: true, maxSockets: 1 })
  const together = Array.from({ length: TOGETHER }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const measured = new Map<string, Cost>()
  let serial = 0

  beforeAll(async () => {
    redisServer = await startRedis()
    redis = new Redis(redisServer.port, '127.0.0.1')
    store = (await openStore(redisServer, { timeoutMs: 10_000 })).store
    probe = await heapProbe('quiet')
    pgr = await startPgr({
      // Polls when a scrape asks for it, and not by itself.
      flags: [
        `--redis.endpoint=${redisServer.url}`,
        '--poll.interval=1h',
        '--redis.timeout=20s',
        '--push.timeout=30s',
      ],
      nodeFlags: probe.nodeFlags,
      env: probe.env,
    })
  })
  afterAll(async () => {
    for (const each of [agent, side, ...together]) each.destroy()
    await pgr?.stop()
    await store?.close()
    redis?.disconnect()
    await redisServer?.stop()
    if (UPDATES) writeBudgets(measured)
  })

  const push = (method: 'PUT' | 'POST', instance: number) =>
    send(method, `/metrics/job/probe/instance/i${instance}`, 'text/plain', bodyOf(instance))

  async function send(method: string, path: string, type: string, body: string | Buffer, more = {}) {
    const headers = { 'content-type': type, ...more }
    const { status, text } = await ask(pgr.url, path, { method, headers, body, agent })
    expect([200, 204], `${path}: ${text}`).toContain(status)
  }

  async function scrape(encoding: 'identity' | 'gzip', by = agent): Promise<number> {
    const headers = { accept: 'text/plain;version=0.0.4', 'accept-encoding': encoding }
    const { status, bytes } = await ask(pgr.url, '/metrics', { headers, agent: by })
    expect(status).toBe(200)
    return bytes.length
  }

  /** Groups of others, up to this many. */
  async function fillTo(groups: number): Promise<void> {
    for (let from = 0; from < groups; from += 500) {
      const instances = Array.from({ length: Math.min(500, groups - from) }, (_, n) => from + n)
      await Promise.all(instances.map((instance) => writeOther(instance, 1)))
    }
  }

  const labelsOfOther = (instance: number) => labelsOf(['job', 'fill'], ['instance', `i${instance}`])

  function writeOther(instance: number, value: number): Promise<unknown> {
    const metrics = [1, 2, 3].map((x) => ({ labels: [{ name: 'x', value: String(x) }], value: value * x }))
    const blob = writeStored({ name: 'a', type: 'gauge', help: '', unit: '', metrics })
    return store.writeGroup(putOf(labelsOfOther(instance), [{ name: 'a', type: 'gauge', series: 3, blob }]))
  }

  /** Of one of `operations` that a batch does, without what counting costs. */
  async function costOf(
    operations: number,
    batch: () => Promise<unknown>,
    prepare: () => Promise<unknown> = async () => undefined,
  ): Promise<Cost> {
    const agreeing = new Map<string, Cost[]>()
    for (let n = 0; n < MOST_BATCHES; n++) {
      await prepare()
      await probe.read('collect')
      const [before, heapBefore] = [await counters(), await probe.read()]
      const [idle, heapIdle] = [await counters(), await probe.read()]
      await batch()
      const [after, heapAfter] = [await counters(), await probe.read()]
      if (heapAfter.collections !== heapBefore.collections) continue
      const grown = (of: (one: Counters) => number) => (of(after) - 2 * of(idle) + of(before)) / operations
      const allocated = (of: 'heap' | 'external') =>
        (heapAfter[of] - 2 * heapIdle[of] + heapBefore[of]) / operations
      const commands = [...after.calls.keys()]
        .map((name) => [name, toTenths(grown(({ calls }) => calls.get(name) ?? 0))] as const)
        .filter(([, calls]) => calls !== 0)
        .sort(([a], [b]) => (a < b ? -1 : 1))
      const cost: Cost = {
        commands: Object.fromEntries(commands),
        roundTrips: toTenths(grown(({ writes }) => writes)),
        bytesToRedis: grown(({ bytesIn }) => bytesIn),
        bytesFromRedis: grown(({ bytesOut }) => bytesOut),
        heapBytes: allocated('heap'),
        externalBytes: allocated('external'),
      }
      const key = JSON.stringify(cost.commands)
      const alike = [...(agreeing.get(key) ?? []), cost]
      if (alike.length === BATCHES) return leastOf(alike)
      agreeing.set(key, alike)
    }
    throw new Error(
      `of ${MOST_BATCHES} batches no ${BATCHES} were alike, or the heap was collected: ${[...agreeing.keys()].join(' ')}`,
    )
  }

  async function counters(): Promise<Counters> {
    const info = await redis.info('commandstats', 'stats')
    const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
    const total = (name: string) => Number(new RegExp(`^total_${name}:(\\d+)`, 'm').exec(info)?.[1])
    return {
      calls: new Map(calls.map(([, name = '', count]) => [name, Number(count)])),
      writes: total('writes_processed'),
      bytesIn: total('net_input_bytes'),
      bytesOut: total('net_output_bytes'),
    }
  }

  function settle(work: string, cost: Cost): void {
    measured.set(work, cost)
    if (UPDATES) return
    const budget = budgets.works[work]
    const { commands, roundTrips, ...sizes } = cost
    expect([work, commands, roundTrips]).toEqual([work, budget?.commands, budget?.roundTrips])
    for (const [name, size] of Object.entries(sizes) as [keyof typeof sizes, number][]) {
      if (NODE !== budgets.node && (name === 'heapBytes' || name === 'externalBytes')) continue
      expect(size, `${work}: ${name}`).toBeLessThanOrEqual((budget?.[name] ?? 0) * TOLERANCE)
    }
  }

  /** `new` groups, the same again by PUT, and by POST. */
  async function pushCosts(): Promise<Record<'new' | 'put' | 'post', Cost>> {
    const many = async (method: 'PUT' | 'POST', from: number) => {
      for (let n = 0; n < PUSHES; n++) await push(method, from + n)
    }
    const fresh = await costOf(PUSHES, () => {
      serial += PUSHES
      return many('PUT', serial)
    })
    const from = serial
    return {
      new: fresh,
      put: await costOf(PUSHES, () => many('PUT', from)),
      post: await costOf(PUSHES, () => many('POST', from)),
    }
  }

  it(`of a push is the same with ${MANY_GROUPS} groups as with ${FEW_GROUPS}`, {
    timeout: 120_000,
  }, async () => {
    // As often as the many are written, so that versions have as many digits.
    for (let written = 0; written < MANY_GROUPS; written += FEW_GROUPS) await fillTo(FEW_GROUPS)
    for (let n = 0; n < WARM_PUSHES; n++) await push(n % 2 === 0 ? 'PUT' : 'POST', n % 100)
    await scrape('identity')
    serial = 1000
    const few = await pushCosts()
    await fillTo(MANY_GROUPS)
    await scrape('identity')
    serial = 5000
    const many = await pushCosts()

    for (const kind of ['new', 'put', 'post'] as const) {
      expect([kind, many[kind].commands]).toEqual([kind, few[kind].commands])
      expect(few[kind].bytesToRedis).toBeGreaterThan(100)
      for (const side of ['bytesToRedis', 'bytesFromRedis'] as const)
        expect(Math.abs(many[kind][side] / few[kind][side] - 1)).toBeLessThan(0.01)
      settle(`push of 3 series, ${kind}`, many[kind])
    }
  })

  it('of a push that never expires leaves the index of what does alone', { timeout: 60_000 }, async () => {
    const many = async () => {
      for (let n = 0; n < PUSHES; n++)
        await send('POST', `/metrics/job/kept/instance/i${n}`, 'text/plain', bodyOf(n), { 'x-pgr-ttl': '0' })
    }
    for (let warm = 0; warm < WARM_PUSHES; warm += PUSHES) await many()
    settle('push of 3 series, post, never expiring', await costOf(PUSHES, many))
  })

  it('of a push brings back nothing of what else its group has', { timeout: 60_000 }, async () => {
    const path = (group: string) => `/metrics/job/beside/instance/${group}`
    const others = Array.from({ length: 200 }, (_, n) => `other_${n} 1\n`).join('')
    await send('PUT', path('few'), 'text/plain', 'other_0 1\n')
    await send('PUT', path('all'), 'text/plain', others)
    const costs: Cost[] = []
    for (const group of ['few', 'all']) {
      const many = async () => {
        for (let n = 0; n < PUSHES; n++) await send('POST', path(group), 'text/plain', bodyOf(n))
      }
      for (let warm = 0; warm < WARM_PUSHES; warm += PUSHES) await many()
      costs.push(await costOf(PUSHES, many))
    }
    const [few, all] = costs as [Cost, Cost]
    expect(few.bytesFromRedis).toBeGreaterThan(50)
    expect(all.bytesFromRedis / few.bytesFromRedis).toBeLessThan(1.02)
    expect(all.commands).toEqual(few.commands)
  })

  it('of a scrape is a look at every partition while nothing changes', { timeout: 60_000 }, async () => {
    await fillTo(MANY_GROUPS)
    for (const encoding of ['identity', 'gzip'] as const) {
      for (let n = 0; n < WARM_SCRAPES; n++) await scrape(encoding)
      const one = await costOf(SCRAPES, async () => {
        for (let n = 0; n < SCRAPES; n++) expect(await scrape(encoding)).toBeGreaterThan(50_000)
      })
      settle(`scrape with nothing changed, ${encoding}`, one)
      await Promise.all(together.map((each) => scrape(encoding, each)))
      settle(
        `${TOGETHER} scrapes together with nothing changed, ${encoding}`,
        await costOf(1, () => scrapeTogether(encoding)),
      )
    }
  })

  /** Arrive while Redis answers none of them: two polls serve them, the one that was sent for the first and the next. */
  async function scrapeTogether(encoding: 'identity' | 'gzip'): Promise<void> {
    redisServer.freeze()
    const scrapes = together.map((each) => scrape(encoding, each))
    // What comes later by another connection is answered after all of them were taken up.
    for (let n = 0; n < 3; n++) await ask(pgr.url, '/-/healthy', { agent: side })
    redisServer.thaw()
    await Promise.all(scrapes)
  }

  it('of a scrape grows with what others changed', { timeout: 60_000 }, async () => {
    await fillTo(MANY_GROUPS)
    const partitionOfOther = (instance: number) =>
      partitionOf(unitId('group', labelsOfOther(instance)), PARTITIONS)
    // Each in a partition of its own, and all over the page.
    const instances = Array.from({ length: CHANGED }, (_, partition) => {
      for (let instance = (partition * MANY_GROUPS) / CHANGED; ; instance++)
        if (partitionOfOther(instance) === partition) return instance
    })
    const change = (value: number) => Promise.all(instances.map((instance) => writeOther(instance, value)))
    for (const encoding of ['identity', 'gzip'] as const) {
      let value = 100
      for (let n = 0; n < 10; n++) {
        await change(value++)
        await scrape(encoding)
      }
      const { roundTrips, ...cost } = await costOf(
        1,
        () => scrape(encoding),
        () => change(value++),
      )
      expect(roundTrips).toBeGreaterThan(1)
      settle(`scrape with ${CHANGED} changed groups of 3 series, ${encoding}`, cost)
    }
  })

  it(`of ${SAMPLES} samples of one target is one write`, { timeout: 60_000 }, async () => {
    const remoteWrite = new RemoteWriteLoad({ targets: 1, seriesPerTarget: SAMPLES, batch: SAMPLES })
    const otlp = new OtlpLoad({ processes: 1, points: SAMPLES, temporality: 'cumulative' })
    const startMs = Date.now()
    let round = 0
    const works = {
      'remote write': () => {
        const headers = { 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '0.1.0' }
        const body = remoteWrite.body(0, ++round, startMs + round)
        return send('POST', '/api/v1/write', 'application/x-protobuf', body, headers)
      },
      OTLP: () => {
        const body = otlp.body(0, ++round, startMs + round)
        return send('POST', '/v1/metrics', 'application/x-protobuf', body)
      },
    }
    for (const [name, work] of Object.entries(works)) {
      for (let n = 0; n < 100; n++) await work()
      const cost = await costOf(REQUESTS, async () => {
        for (let n = 0; n < REQUESTS; n++) await work()
      })
      settle(`${name} of ${SAMPLES} known series`, cost)
    }
  })

  it('is counted for every budget', () => {
    if (!UPDATES) expect([...measured.keys()].sort()).toEqual(Object.keys(budgets.works).sort())
  })
})

interface Counters {
  readonly calls: ReadonlyMap<string, number>
  readonly writes: number
  readonly bytesIn: number
  readonly bytesOut: number
}

function leastOf(costs: readonly Cost[]): Cost {
  const least = (of: (cost: Cost) => number) => Math.round(Math.min(...costs.map(of)))
  const [{ commands } = { commands: {} }] = costs
  return {
    commands,
    roundTrips: Math.min(...costs.map(({ roundTrips = 0 }) => roundTrips)),
    bytesToRedis: least(({ bytesToRedis }) => bytesToRedis),
    bytesFromRedis: least(({ bytesFromRedis }) => bytesFromRedis),
    heapBytes: least(({ heapBytes }) => heapBytes),
    externalBytes: least(({ externalBytes }) => externalBytes),
  }
}

function toTenths(value: number): number {
  return Math.round(value * 10) / 10
}

function writeBudgets(measured: ReadonlyMap<string, Cost>): void {
  const works = [...measured].map(([work, cost]) => [
    work,
    { madeOf: budgets.works[work]?.madeOf ?? '', ...cost },
  ])
  const text = JSON.stringify({ node: NODE, works: Object.fromEntries(works) }, undefined, 2)
  writeFileSync(FILE, `${text}\n`)
}

/** Three series of two families. */
function bodyOf(n: number): string {
  return `# TYPE a gauge\na{x="1"} ${n % 10}\na{x="2"} ${n % 10}\n# TYPE b_total counter\nb_total ${n % 10}\n`
}
