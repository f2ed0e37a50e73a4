import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { ask } from '../e2e/ask.ts'
import { eventually } from '../support/eventually.ts'
import { findRedis } from '../support/find-redis.mjs'
import { type HeapProbe, heapProbe } from '../support/heap-probe.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { OtlpLoad } from './bodies/otlp-load.ts'
import { RemoteWriteLoad } from './bodies/remote-write-load.ts'
import { cpuOf } from './capacity/cpu.ts'
import { bodyOf, LARGE, pathOf, type Shape, SMALL, seriesIn } from './capacity/fleet.ts'
import { pushRequest, sendPushes } from './capacity/send-pushes.ts'

/** What docs/scaling.md and examples/capacity.js calculate with. */
const FILE = new URL('../../docs/benchmarks/costs.json', import.meta.url)
const SECONDS = Number(process.env['PGR_BENCH_SECONDS'] ?? 4)
const GROUPS = 1000
const CONNECTIONS = 16
const POLL_MS = 50
const ROUNDS = 5
/** Groups that change between two scrapes, spread over the page, so often that what it costs can be told. */
const CHANGED_GROUPS = 20
const CHANGED_ROUNDS = 20
const SCRAPES = 40
const SAMPLES = 1000
/** What a page gathers its pieces in. */
const SEGMENT_BYTES = 32 * 1024
const MEGA = 1e6

interface Rig {
  readonly redis: RedisServer
  readonly looking: Redis
  /** Polls when asked alone. */
  readonly pusher: Pgr
  readonly reader: Pgr
  readonly probe: HeapProbe
}

/** Microseconds and bytes of one operation. */
interface Used {
  readonly gatewayUs: number
  readonly gatewayThreadsUs: number
  readonly redisUs: number
  readonly toRedisBytes: number
  readonly fromRedisBytes: number
}

it('what a push, a change, a scrape and a series cost', async () => {
  const redis = await startRedis()
  const looking = new Redis(redis.port, '127.0.0.1')
  const probe = await heapProbe('usual')
  const flags = [`--redis.endpoint=${redis.url}`, '--redis.expiration=0']
  const pusher = await startPgr({ flags: [...flags, '--poll.interval=1h'] })
  const reader = await startPgr({
    flags: [...flags, `--poll.interval=${POLL_MS}ms`],
    nodeFlags: probe.nodeFlags,
    env: probe.env,
  })
  const rig: Rig = { redis, looking, pusher, reader, probe }
  try {
    // Whatever is compiled is compiled by the time it is measured.
    await pushCost(rig, 'warm', LARGE)
    await scrapeCosts(rig, 'warm', LARGE, await pollCost(rig))
    await removeAll(rig)

    const poll = await pollCost(rig)
    const small = await costsOf(rig, SMALL, poll)
    await removeAll(rig)
    const large = await costsOf(rig, LARGE, poll)
    const [remoteWrite, otlp] = [await remoteWriteCost(rig), await otlpCost(rig)]
    writeFileSync(
      FILE,
      `${JSON.stringify(fileOf({ poll, small, large, remoteWrite, otlp }), undefined, 2)}\n`,
    )
  } finally {
    looking.disconnect()
    await Promise.all([pusher.stop(), reader.stop()])
    await redis.stop()
  }
}, 900_000)

async function removeAll({ looking, reader }: Rig): Promise<void> {
  await looking.flushall()
  await eventually('an empty page', async () => (await scrape(reader, 'identity')) < 100)
  await sleep(10 * POLL_MS)
}

type Costs = Awaited<ReturnType<typeof costsOf>>

async function costsOf(rig: Rig, shape: Shape, poll: Used) {
  const { probe, looking, reader } = rig
  const emptyHeap = await probe.read('collect')
  const emptyRedis = await memoryOf(looking)
  await pushAll(rig, 'fleet', shape, 0)
  await sleep(20 * POLL_MS)
  const filledRedis = await memoryOf(looking)
  const view = await probe.read('collect')

  const push = await pushCost(rig, 'fleet', shape)
  const pushedRedis = await memoryOf(looking)
  const change = await changeCost(rig, 'fleet', shape, poll)
  const page = await scrapeCosts(rig, 'fleet', shape, poll)
  const held = await probe.read('collect')
  const residentBytes = residentOf(reader)
  return {
    push: push.used,
    httpBytes: Buffer.byteLength(requestOf('fleet', shape, 0, 0)),
    change,
    page,
    redisBytes: filledRedis - emptyRedis,
    redisBytesPerPush: (pushedRedis - filledRedis) / push.pushes,
    viewHeapBytes: view.heap - emptyHeap.heap,
    viewExternalBytes: view.external - emptyHeap.external,
    heapBytes: held.heap - emptyHeap.heap,
    externalBytes: held.external - emptyHeap.external,
    emptyHeapBytes: emptyHeap.heap + emptyHeap.external,
    residentBytes,
  }
}

/** As many pushes as are taken, to groups that are there; the other replica does not look meanwhile. */
async function pushCost(rig: Rig, job: string, shape: Shape): Promise<{ used: Used; pushes: number }> {
  rig.reader.freeze()
  try {
    let pushes = 0
    const used = await useOf(rig, rig.pusher, async () => {
      const sent = await sendPushes({
        urls: [rig.pusher.url],
        connections: CONNECTIONS,
        seconds: SECONDS,
        next: (n) => requestOf(job, shape, n % GROUPS, n),
      })
      pushes = sent.pushes
      return pushes
    })
    return { used, pushes }
  } finally {
    rig.reader.thaw()
    await sleep(20 * POLL_MS)
  }
}

function requestOf(job: string, shape: Shape, group: number, round: number): Buffer {
  return pushRequest(pathOf(job, group), bodyOf(shape, group, round))
}

async function pushAll(rig: Rig, job: string, shape: Shape, round: number, every = 1): Promise<void> {
  const groups = Array.from({ length: Math.floor(GROUPS / every) }, (_, n) => n * every + (round % every))
  for (let from = 0; from < groups.length; from += CONNECTIONS) {
    await Promise.all(
      groups.slice(from, from + CONNECTIONS).map(async (group) => {
        const body = bodyOf(shape, group, round)
        const { status } = await ask(rig.pusher.url, pathOf(job, group), { method: 'POST', body })
        expect(status).toBe(200)
      }),
    )
  }
}

async function pollCost(rig: Rig): Promise<Used> {
  return useOf(rig, rig.reader, async () => {
    const before = await pollsOf(rig.reader)
    await sleep(1500 * SECONDS)
    return (await pollsOf(rig.reader)) - before
  })
}

/** Of a unit that another replica changed, read by a poll that reads many of them. */
async function changeCost(rig: Rig, job: string, shape: Shape, poll: Used): Promise<Used> {
  const rounds: Used[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    rig.reader.freeze()
    await pushAll(rig, job, shape, round * 1000).finally(() => rig.reader.thaw())
    const polls = await pollsOf(rig.reader)
    const used = await useOf(rig, rig.reader, async () => {
      await sleep(20 * POLL_MS)
      return GROUPS
    })
    rounds.push(without(used, poll, ((await pollsOf(rig.reader)) - polls) / GROUPS))
  }
  return mean(rounds)
}

async function scrapeCosts(rig: Rig, job: string, shape: Shape, poll: Used) {
  const { reader } = rig
  let round = 0
  const costs: Record<string, Used> = {}
  const sizes = { identity: 0, gzip: 0 }
  for (const encoding of ['identity', 'gzip'] as const) {
    await scrape(reader, encoding)
    const all: Used[] = []
    for (let n = 0; n < ROUNDS; n++) all.push(await changed(1, encoding))
    const few: Used[] = []
    for (let n = 0; n < CHANGED_ROUNDS; n++) few.push(await changed(GROUPS / CHANGED_GROUPS, encoding))
    const startedMs = performance.now()
    const unchanged = await useOf(rig, reader, async () => {
      for (let n = 0; n < SCRAPES; n++) {
        sizes[encoding] = await scrape(reader, encoding)
      }
      return SCRAPES
    })
    const polls = (performance.now() - startedMs) / POLL_MS / SCRAPES
    costs[`${encoding} unchanged`] = without(unchanged, poll, polls)
    costs[`${encoding} all`] = mean(all)
    costs[`${encoding} few`] = mean(few)
  }
  return { costs, sizes }

  /** A scrape of a page of which every so many groups changed, all of it read by then. */
  async function changed(every: number, encoding: 'identity' | 'gzip'): Promise<Used> {
    await pushAll(rig, job, shape, ++round * 7, every)
    await sleep(6 * POLL_MS)
    return useOf(rig, reader, async () => {
      await scrape(reader, encoding)
      return 1
    })
  }
}

async function scrape({ url }: Pgr, encoding: 'identity' | 'gzip'): Promise<number> {
  const headers = { accept: 'text/plain;version=0.0.4', 'accept-encoding': encoding }
  const { status, bytes } = await ask(url, '/metrics', { headers })
  expect(status).toBe(200)
  return bytes.length
}

async function remoteWriteCost(rig: Rig): Promise<Used> {
  const load = new RemoteWriteLoad({ targets: 10, seriesPerTarget: SAMPLES, batch: SAMPLES })
  const startMs = Date.now()
  return sampleCost(rig, (n) =>
    ask(rig.pusher.url, '/api/v1/write', {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: load.body(n % 10, n, startMs + n),
    }),
  )
}

async function otlpCost(rig: Rig): Promise<Used> {
  const load = new OtlpLoad({ processes: 10, points: SAMPLES, temporality: 'cumulative' })
  const startMs = Date.now()
  return sampleCost(rig, (n) =>
    ask(rig.pusher.url, '/v1/metrics', {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: load.body(n % 10, n, startMs + n),
    }),
  )
}

/** Of one sample, in requests of a thousand. */
async function sampleCost(rig: Rig, send: (n: number) => Promise<{ status: number }>): Promise<Used> {
  rig.reader.freeze()
  try {
    let n = 0
    const run = async (seconds: number): Promise<number> => {
      const from = n
      const endMs = performance.now() + 1000 * seconds
      while (performance.now() < endMs) expect([200, 204]).toContain((await send(++n)).status)
      return (n - from) * SAMPLES
    }
    await run(SECONDS / 2)
    return await useOf(rig, rig.pusher, () => run(SECONDS))
  } finally {
    rig.reader.thaw()
  }
}

/** Of one of the operations whose number `work` resolves with. */
async function useOf({ redis, looking }: Rig, pgr: Pgr, work: () => Promise<number>): Promise<Used> {
  const take = async () => {
    const stats = await looking.info('stats')
    const bytes = (side: string) => Number(new RegExp(`total_net_${side}_bytes:(\\d+)`).exec(stats)?.[1])
    return {
      toRedisBytes: bytes('input'),
      fromRedisBytes: bytes('output'),
      gateway: cpuOf(pgr.pid),
      redis: cpuOf(redis.child().pid),
    }
  }
  const before = await take()
  const operations = await work()
  const after = await take()
  const main = after.gateway.main - before.gateway.main
  return {
    gatewayUs: (main * 1e6) / operations,
    gatewayThreadsUs: ((after.gateway.all - before.gateway.all - main) * 1e6) / operations,
    redisUs: ((after.redis.all - before.redis.all) * 1e6) / operations,
    toRedisBytes: (after.toRedisBytes - before.toRedisBytes) / operations,
    fromRedisBytes: (after.fromRedisBytes - before.fromRedisBytes) / operations,
  }
}

const FIELDS = ['gatewayUs', 'gatewayThreadsUs', 'redisUs', 'toRedisBytes', 'fromRedisBytes'] as const

function used(of: (field: (typeof FIELDS)[number]) => number): Used {
  return Object.fromEntries(FIELDS.map((field) => [field, of(field)])) as unknown as Used
}

function without(all: Used, part: Used, times: number): Used {
  return used((field) => all[field] - times * part[field])
}

function mean(all: readonly Used[]): Used {
  return used((field) => all.reduce((sum, one) => sum + one[field], 0) / all.length)
}

async function memoryOf(looking: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await looking.info('memory'))?.[1])
}

function residentOf({ pid }: Pgr): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

async function pollsOf({ url }: Pgr): Promise<number> {
  const { text } = await ask(url, '/telemetry')
  return Number(/^pgr_view_poll_duration_seconds_count (\d+)/m.exec(text)?.[1])
}

/** Grows with how often something is done, and with the series of each. */
interface Linear {
  readonly each: number
  readonly perSeries: number
}

interface Measured {
  readonly poll: Used
  readonly small: Costs
  readonly large: Costs
  readonly remoteWrite: Used
  readonly otlp: Used
}

/** Microseconds of CPU and bytes, as examples/capacity/model.js reads them. */
function fileOf({ poll, small, large, remoteWrite, otlp }: Measured): unknown {
  const linear = (of: (costs: Costs) => number): Linear => {
    const [few, many] = [seriesIn(SMALL), seriesIn(LARGE)]
    const perSeries = (of(large) - of(small)) / (many - few)
    return { each: rounded(Math.max(0, of(small) - few * perSeries)), perSeries: rounded(perSeries) }
  }
  const cpu = (field: 'gatewayUs' | 'gatewayThreadsUs' | 'redisUs') => ({
    push: linear(({ push }) => push[field]),
    change: linear(({ change }) => change[field]),
    poll: rounded(poll[field]),
    remoteWriteSample: rounded(remoteWrite[field]),
    otlpPoint: rounded(otlp[field]),
  })
  return {
    measuredOn: {
      processor: cpus()[0]?.model,
      cores: cpus().length,
      node: process.versions.node,
      redis: findRedis()?.version,
    },
    seriesPerFamily: LARGE.seriesPerFamily,
    gatewayUs: {
      ...cpu('gatewayUs'),
      scrape: scrapeCost(small, large),
      render: renderCost(large, 'gatewayUs'),
    },
    gatewayThreadsUs: { ...cpu('gatewayThreadsUs'), render: renderCost(large, 'gatewayThreadsUs') },
    redisUs: cpu('redisUs'),
    bytes: {
      pushBody: linear(({ httpBytes }) => httpBytes),
      pushToRedis: linear(({ push }) => push.toRedisBytes),
      pushFromRedis: linear(({ push }) => push.fromRedisBytes),
      changeFromRedis: linear(({ change }) => change.fromRedisBytes),
      pollFromRedis: rounded(poll.fromRedisBytes),
      remoteWriteSampleToRedis: rounded(remoteWrite.toRedisBytes),
      remoteWriteSampleFromRedis: rounded(remoteWrite.fromRedisBytes),
      otlpPointToRedis: rounded(otlp.toRedisBytes),
      otlpPointFromRedis: rounded(otlp.fromRedisBytes),
      page: linear(({ page }) => page.sizes.identity / GROUPS),
      pageGzip: linear(({ page }) => page.sizes.gzip / GROUPS),
      viewHeap: linear(({ viewHeapBytes }) => viewHeapBytes / GROUPS),
      viewBuffers: linear(({ viewExternalBytes }) => viewExternalBytes / GROUPS),
      redisMemory: linear(({ redisBytes }) => redisBytes / GROUPS),
      redisMemoryPerPush: rounded(large.redisBytesPerPush),
    },
  }
}

/** Of a scrape of an unchanged page, its look at Redis included; by the megabyte of the page before compression. */
function scrapeCost(small: Costs, large: Costs) {
  const megabytes = ({ page }: Costs) => page.sizes.identity / MEGA
  const costOfSize = (name: 'identity unchanged' | 'gzip unchanged') => {
    const of = ({ page }: Costs) => page.costs[name]?.gatewayUs ?? Number.NaN
    const perMegabyte = (of(large) - of(small)) / (megabytes(large) - megabytes(small))
    return {
      each: rounded(of(small) - perMegabyte * megabytes(small)),
      perMegabyte: rounded(perMegabyte),
    }
  }
  return { identity: costOfSize('identity unchanged'), gzip: costOfSize('gzip unchanged') }
}

/** What changed since the last scrape is written anew, and the segments that it stands in are joined and compressed. */
function renderCost({ page }: Costs, field: 'gatewayUs' | 'gatewayThreadsUs') {
  const grown = (share: 'all' | 'few') =>
    (['identity', 'gzip'] as const)
      .map((encoding) => {
        const changed = page.costs[`${encoding} ${share}`]?.[field] ?? Number.NaN
        return changed - (page.costs[`${encoding} unchanged`]?.[field] ?? Number.NaN)
      })
      .reduce((sum, us) => sum + us / 2, 0)
  const megabytes = page.sizes.identity / MEGA
  const series = GROUPS * seriesIn(LARGE)
  const share = CHANGED_GROUPS / GROUPS
  const blocks = (SEGMENT_BYTES * GROUPS * LARGE.families) / page.sizes.identity
  const renewed = 1 - (1 - share) ** blocks
  // all = series × a + megabytes × b; few = share × series × a + renewed × megabytes × b
  const perMegabyte = (grown('few') - share * grown('all')) / (megabytes * (renewed - share))
  const perSeries = (grown('all') - megabytes * perMegabyte) / series
  return { perSeries: rounded(Math.max(0, perSeries)), perMegabyte: rounded(perMegabyte) }
}

/** To three digits: more is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
