import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { loadOf, type UnitCosts } from '../../examples/capacity/model.js'
import { simulate } from '../../examples/capacity/simulation.js'
import { ask } from '../e2e/ask.ts'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { cpuOf } from './capacity/cpu.ts'
import { bodyOf, pathOf, seriesIn } from './capacity/fleet.ts'
import { pushRequest, sendPushes } from './capacity/send-pushes.ts'

const COSTS = new URL('../../docs/benchmarks/costs.json', import.meta.url)
/** What docs/scaling.md shows beside what was predicted. */
const FILE = new URL('../../docs/benchmarks/capacity.json', import.meta.url)
const SECONDS = Number(process.env['PGR_BENCH_SECONDS'] ?? 20)
const SHAPE = { families: 2, seriesPerFamily: 10 }
const PUSHES = Number(process.env['PGR_BENCH_PUSHES'] ?? 1000)
const GROUPS = 5000
/** More than are mostly under way, so that none waits for another. */
const CONNECTIONS = 64
/** Made before: who sends shares the processor with those who are measured. Each push has other values than the last. */
const BODIES = 2
const SERVERS = { replicas: 2, primaries: 1 }
const SHARD = {
  pushes: PUSHES,
  series: GROUPS * seriesIn(SHAPE),
  scrapers: 5,
  interval: 5,
  pushInterval: GROUPS / PUSHES,
  pollInterval: 1,
  linkGbits: 10,
}

it(`what the model says of ${PUSHES} pushes/s, ${SHARD.series} series and ${SHARD.scrapers} scrapers, and what is`, async () => {
  const costs = JSON.parse(readFileSync(COSTS, 'utf8')) as UnitCosts
  const redis = await startRedis()
  const flags = [`--redis.endpoint=${redis.url}`, '--redis.expiration=0']
  const gateways = [await startPgr({ flags }), await startPgr({ flags })]
  const urls = gateways.map(({ url }) => url)
  const requests = Array.from({ length: BODIES * GROUPS }, (_, n) =>
    pushRequest(pathOf('fleet', n % GROUPS), bodyOf(SHAPE, n % GROUPS, Math.floor(n / GROUPS))),
  )
  try {
    const send = (seconds: number, rate: number | undefined) =>
      sendPushes({
        urls,
        connections: CONNECTIONS,
        seconds,
        ...(rate === undefined ? {} : { rate }),
        next: (n) => requests[n % requests.length] ?? Buffer.alloc(0),
      })
    // Fills the store, and has the program compiled.
    let filled = 0
    while (filled < 2 * GROUPS) filled += (await send(2, undefined)).pushes
    await Promise.all(urls.map((url) => scrape(url)))

    const take = () => ({
      gateways: gateways.map(({ pid }) => cpuOf(pid)),
      redis: cpuOf(redis.child().pid),
      own: process.cpuUsage(),
    })
    let isOver = false
    const scrapeMs: number[] = []
    const before = take()
    const scrapers = Array.from({ length: SHARD.scrapers }, async (_, n) => {
      await sleep((SHARD.interval * 1000 * n) / SHARD.scrapers)
      for (let turn = n; !isOver; turn++) {
        const startMs = performance.now()
        await scrape(urls[turn % urls.length] ?? '')
        scrapeMs.push(performance.now() - startMs)
        await sleep(startMs + SHARD.interval * 1000 - performance.now())
      }
    })
    const sent = await send(SECONDS, PUSHES)
    const after = take()
    isOver = true
    const { seconds, latencies } = sent
    await Promise.all(scrapers)
    scrapeMs.sort((a, b) => a - b)

    const own = after.own.user + after.own.system - before.own.user - before.own.system
    const predicted = simulate(SHARD, SERVERS, costs, {
      seconds: SECONDS,
      roundTripMs: 0.1,
      cores: cpus().length,
      generatorUs: own / sent.pushes,
    })
    const { busy } = loadOf(SHARD, SERVERS, costs)
    const share = (of: (at: ReturnType<typeof take>, n: number) => number) =>
      [0, 1].reduce((sum, n) => sum + (of(after, n) - of(before, n)) / seconds / 2, 0)
    const at = (sorted: readonly number[], quantile: number) =>
      sorted[Math.floor(sorted.length * quantile)] ?? 0
    const rows = [
      ["a gateway's thread, busy", busy.gateway, share(({ gateways: all }, n) => all[n]?.main ?? 0)],
      [
        "a gateway's other threads, busy",
        busy.gatewayThreads * 4,
        share(({ gateways: all }, n) => (all[n]?.all ?? 0) - (all[n]?.main ?? 0)),
      ],
      ["Redis' thread, busy", busy.redis, (after.redis.all - before.redis.all) / seconds],
      ['push, p50 in ms', predicted.pushes.p50Ms, at(latencies, 0.5)],
      ['push, p99 in ms', predicted.pushes.p99Ms, at(latencies, 0.99)],
      ['scrape, p50 in ms', predicted.scrapes.p50Ms, at(scrapeMs, 0.5)],
    ] as const
    const lines = rows.map(([what, model, real]) => ({
      what,
      predicted: Number(model.toPrecision(2)),
      measured: Number(real.toPrecision(2)),
    }))
    writeFileSync(
      FILE,
      `${JSON.stringify({ fleet: SHARD, ...SERVERS, cores: cpus().length, senderCores: Number((own / 1e6 / seconds).toPrecision(2)), lines }, undefined, 2)}\n`,
    )
    for (const { what, predicted: model, measured } of lines)
      process.stdout.write(`${what}: predicted ${model}, measured ${measured}\n`)
  } finally {
    await Promise.all(gateways.map((each) => each.stop()))
    await redis.stop()
  }
}, 600_000)

async function scrape(url: string): Promise<void> {
  const headers = { accept: 'text/plain;version=0.0.4', 'accept-encoding': 'gzip' }
  const { status, bytes } = await ask(url, '/metrics', { headers })
  expect(status).toBe(200)
  expect(bytes.length).toBeGreaterThan(100_000)
}
