import { Agent, request } from 'node:http'
import { expect, it } from 'vitest'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { median } from './load.ts'
import { OtlpLoad, type Services } from './otlp-load.ts'

// Prints how many points of OTLP a gateway takes in a second of its processor. The Prometheus that the other
// benches stand beside, 2.42, has no receiver of OTLP.

const ROUNDS = Number(process.env['PGR_BENCH_ROUNDS'] ?? 5)
/** Of the gateway, such as `--cpu-prof`. */
const NODE_FLAGS = process.env['PGR_BENCH_NODE_FLAGS']?.split(' ') ?? []
const PROCESSES = 100
const POINTS = 1000
/** Requests at a time. */
const CONNECTIONS = 4
/** All series once, so often in a round. */
const TIMES = 20

it.each([
  ['cumulative, on Redis', 'cumulative', true],
  ['cumulative, embedded', 'cumulative', false],
  ['deltas, on Redis', 'delta', true],
  ['deltas, embedded', 'delta', false],
] as const)(
  `OTLP: ${PROCESSES * POINTS} sums again and again, ${POINTS} in a request: %s`,
  async (name, temporality, onRedis) => {
    const redis = onRedis ? await startRedis() : undefined
    const flags = redis === undefined ? [] : ['--redis.endpoint', redis.url]
    const pgr = await startPgr({ flags, nodeFlags: NODE_FLAGS })
    const perCpu: number[] = []
    const rates: number[] = []
    const redisPerCpu: number[] = []
    try {
      const load = new Sender(pgr.url, temporality)
      await load.send(1)
      for (let round = 0; round < ROUNDS; round++) {
        const before = [
          await cpuSeconds(pgr.url),
          await redisCpuSeconds(redis),
          performance.now() / 1000,
        ] as const
        let points = await load.send(TIMES / 2)
        const [, more] = await Promise.all([scrape(pgr.url), load.send(TIMES / 2)])
        points += more
        perCpu.push(points / ((await cpuSeconds(pgr.url)) - before[0]))
        redisPerCpu.push(points / ((await redisCpuSeconds(redis)) - before[1]))
        rates.push(points / (performance.now() / 1000 - before[2]))
      }
      const page = await scrape(pgr.url)
      expect(page.match(/^http_server_requests/gm)?.length).toBe(PROCESSES * POINTS)
      expect(Number(FIRST.exec(page)?.[1])).toBe(load.firstValue)
    } finally {
      await pgr.stop()
      await redis?.stop()
    }
    const figures = [
      `${Math.round(median(perCpu))} points a CPU second`,
      `${Math.round(median(rates))} a second`,
    ]
    if (redis !== undefined) figures.push(`${Math.round(median(redisPerCpu))} a CPU second of Redis`)
    process.stdout.write(`OTLP ${name.padEnd(22)} ${figures.join(', ')} (median of ${ROUNDS} rounds)\n`)
  },
  1_800_000,
)

/** The first series of the first process. */
const FIRST =
  /^http_server_requests_0_total\{http_request_method="POST",[^}]*thing\/0",instance="api-7d9c4b5f6d-0",[^}]*\} (\S+)$/m

class Sender {
  private readonly url: string
  private readonly load: OtlpLoad
  /** What its first series has to show. */
  firstValue = 0
  private readonly isDelta: boolean
  private rounds = 0
  private lastMs = 0

  constructor(url: string, temporality: Services['temporality']) {
    this.url = `${url}/v1/metrics`
    this.isDelta = temporality === 'delta'
    this.load = new OtlpLoad({ processes: PROCESSES, points: POINTS, temporality })
  }

  /** Sends every series `times` times; resolves with the points that were taken. */
  async send(times: number): Promise<number> {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    for (let time = 0; time < times; time++) {
      // Two deltas of one time would be the same one.
      this.lastMs = Math.max(Date.now(), this.lastMs + 1)
      this.rounds++
      this.firstValue = this.isDelta ? this.firstValue + this.rounds : this.rounds
      let next = 0
      const lane = async () => {
        while (next < PROCESSES) await post(agent, this.url, this.load.body(next++, this.rounds, this.lastMs))
      }
      await Promise.all(Array.from({ length: CONNECTIONS }, lane))
    }
    agent.destroy()
    return times * PROCESSES * POINTS
  }
}

/** Rejects unless every point was taken, of which an answer without a word says so. */
function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length }
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.on('end', () =>
        response.statusCode === 200 && bytes === 0
          ? resolve()
          : reject(new Error(`answered ${response.statusCode} with ${bytes} bytes`)),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function scrape(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`, { headers: { 'accept-encoding': 'gzip' } })).text()
}

async function cpuSeconds(url: string): Promise<number> {
  const page = await (await fetch(`${url}/telemetry`)).text()
  return Number(/^process_cpu_seconds_total ([\d.]+)/m.exec(page)?.[1])
}

async function redisCpuSeconds(redis: Awaited<ReturnType<typeof startRedis>> | undefined): Promise<number> {
  if (redis === undefined) return 0
  const info = String(await redis.ask('info', 'cpu'))
  return (
    Number(/^used_cpu_sys:([\d.]+)/m.exec(info)?.[1]) + Number(/^used_cpu_user:([\d.]+)/m.exec(info)?.[1])
  )
}
