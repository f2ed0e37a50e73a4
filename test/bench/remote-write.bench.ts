import { Agent, request } from 'node:http'
import { expect, it } from 'vitest'
import { peer } from '../support/peers.ts'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { startPrometheus } from '../support/start-prometheus.ts'
import { median } from './load.ts'
import { RemoteWriteLoad } from './remote-write-load.ts'

const ROUNDS = Number(process.env['PGR_BENCH_ROUNDS'] ?? 5)
const TARGETS = 100
const SERIES_PER_TARGET = 1000
const BATCH = 2000
/** Requests at a time. */
const CONNECTIONS = 4
/** All series once, so often in a round: about a quarter of a minute, in which a Prometheus would scrape once. */
const TIMES = 20

interface Party {
  readonly name: string
  readonly writeUrl: string
  /** Where it tells `process_cpu_seconds_total`. */
  readonly metricsUrl: string
  readonly scrapeUrl?: string
}

it(`remote write 1.0: ${TARGETS * SERIES_PER_TARGET} series again and again, ${BATCH} in a request`, async () => {
  const load = new RemoteWriteLoad({ targets: TARGETS, seriesPerTarget: SERIES_PER_TARGET, batch: BATCH })
  const redis = await startRedis()
  const pgr = await startPgr({ flags: ['--redis.endpoint', redis.url] })
  const embedded = await startPgr()
  const prometheus =
    peer('prometheus') === undefined
      ? undefined
      : await startPrometheus({ config: 'global: {}\n', flags: ['--web.enable-remote-write-receiver'] })
  const parties: Party[] = [
    partyOf('pgr on Redis', pgr.url),
    partyOf('pgr embedded', embedded.url),
    ...(prometheus === undefined
      ? []
      : [
          {
            name: 'Prometheus',
            writeUrl: `${prometheus.url}/api/v1/write`,
            metricsUrl: `${prometheus.url}/metrics`,
          },
        ]),
  ]
  const perCpu = new Map<string, number[]>()
  const rates = new Map<string, number[]>()
  const redisPerCpu: number[] = []
  try {
    for (const party of parties) await send(load, party, 1, 0)
    for (let round = 1; round <= ROUNDS; round++) {
      for (const party of parties) {
        const redisBefore = await redisCpuSeconds(redis)
        const before = await cpuSeconds(party)
        const startedMs = performance.now()
        const samples = await send(load, party, TIMES / 2, round)
        await Promise.all([scrape(party), send(load, party, TIMES / 2, round + ROUNDS)])
        const seconds = (performance.now() - startedMs) / 1000
        note(perCpu, party.name, (2 * samples) / ((await cpuSeconds(party)) - before))
        note(rates, party.name, (2 * samples) / seconds)
        if (party.name === 'pgr on Redis')
          redisPerCpu.push((2 * samples) / ((await redisCpuSeconds(redis)) - redisBefore))
      }
    }
    for (const party of parties) {
      if (party.scrapeUrl === undefined) continue
      const page = await (await fetch(party.scrapeUrl)).text()
      expect(page.match(/^http_requests/gm)?.length, party.name).toBe(TARGETS * SERIES_PER_TARGET)
    }
  } finally {
    await Promise.all([pgr.stop(), embedded.stop(), prometheus?.stop()])
    await redis.stop()
  }
  process.stdout.write(`remote write 1.0, median of ${ROUNDS} rounds\n`)
  const base = median(perCpu.get('Prometheus') ?? [])
  for (const [name, figures] of perCpu) {
    const rate = median(rates.get(name) ?? [])
    process.stdout.write(
      `  ${name.padEnd(14)} ${Math.round(median(figures))} samples a CPU second (${(median(figures) / base).toFixed(2)} x Prometheus), ${Math.round(rate)} a second\n`,
    )
  }
  process.stdout.write(`  Redis          ${Math.round(median(redisPerCpu))} samples a CPU second\n`)
}, 1_800_000)

function partyOf(name: string, url: string): Party {
  return {
    name,
    writeUrl: `${url}/api/v1/write`,
    metricsUrl: `${url}/telemetry`,
    scrapeUrl: `${url}/metrics`,
  }
}

function note(figures: Map<string, number[]>, name: string, figure: number): void {
  const known = figures.get(name)
  if (known === undefined) figures.set(name, [figure])
  else known.push(figure)
}

/** Sends every series `times` times; resolves with the samples that were accepted. */
async function send(
  load: RemoteWriteLoad,
  { writeUrl }: Party,
  times: number,
  round: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  for (let time = 0; time < times; time++) {
    const timestampMs = Date.now()
    let next = 0
    const lane = async () => {
      while (next < load.batches)
        await post(agent, writeUrl, load.body(next++, round * times + time, timestampMs))
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, lane))
  }
  agent.destroy()
  return times * TARGETS * SERIES_PER_TARGET
}

function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      'content-length': body.length,
    }
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume()
      response.on('end', () =>
        (response.statusCode ?? 0) < 300 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** As Prometheus does, where there is anything to scrape. */
async function scrape({ scrapeUrl }: Party): Promise<void> {
  if (scrapeUrl === undefined) return
  await (await fetch(scrapeUrl, { headers: { 'accept-encoding': 'gzip' } })).arrayBuffer()
}

async function cpuSeconds({ metricsUrl }: Party): Promise<number> {
  const page = await (await fetch(metricsUrl)).text()
  return Number(/^process_cpu_seconds_total ([\d.]+)/m.exec(page)?.[1])
}

async function redisCpuSeconds(redis: Awaited<ReturnType<typeof startRedis>>): Promise<number> {
  const info = String(await redis.ask('info', 'cpu'))
  return (
    Number(/^used_cpu_sys:([\d.]+)/m.exec(info)?.[1]) + Number(/^used_cpu_user:([\d.]+)/m.exec(info)?.[1])
  )
}
