import { Agent, get, request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { median } from './load.ts'

const ROUNDS = Number(process.env['PGR_BENCH_ROUNDS'] ?? 5)
const GROUPS = Number(process.env['PGR_BENCH_GROUPS'] ?? 10_000)
const FAMILIES = 10
const SERIES_PER_FAMILY = 10
const PUSHERS = 16
/** Between pushes to another replica: often enough to meet whatever holds one up, too seldom to take its time. */
const PUSH_EVERY_MS = 20

it(`starts cold: ${GROUPS} groups of ${FAMILIES * SERIES_PER_FAMILY} series in Redis, first complete page`, async () => {
  const redis = await startRedis()
  const flags = ['--redis.endpoint', redis.url, '--redis.expiration=0']
  const other = await startPgr({ flags })
  try {
    await fill(other.url)
    for (const encoding of ['identity', 'gzip'] as const) {
      const [seconds, viewSeconds, cpuSeconds, pushMs]: [number[], number[], number[], number[]] = [
        [],
        [],
        [],
        [],
      ]
      for (let round = 0; round < ROUNDS; round++) {
        const pushes = pushUntilStopped(other.url)
        const start = await startCold(flags, encoding)
        pushMs.push(await pushes.stop())
        seconds.push(start.seconds)
        viewSeconds.push(start.viewSeconds)
        cpuSeconds.push(start.cpuSeconds)
        // Beside the series pushed the two times of every group and one group that is pushed to meanwhile.
        expect(start.lines).toBeGreaterThanOrEqual(GROUPS * (FAMILIES * SERIES_PER_FAMILY + 2))
      }
      process.stdout.write(
        `cold start, ${encoding}, median of ${ROUNDS} rounds\n` +
          `  from exec to ready, with everything read: ${show(viewSeconds)} s\n` +
          `  from exec to the end of the first 200: ${show(seconds)} s, of which CPU ${show(cpuSeconds)} s\n` +
          `  longest push to another replica meanwhile: ${show(pushMs)} ms\n`,
      )
    }
  } finally {
    await other.stop()
    await redis.stop()
  }
}, 1_800_000)

function show(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`
}

/** Asks for readiness and for the page as soon as anything listens, again and again until they are there. */
async function startCold(flags: readonly string[], encoding: string) {
  const port = await freePort()
  const startedMs = performance.now()
  const pgr = await startPgr({ flags, port, waitFor: 'nothing' })
  const untilThere = async (path: string) => {
    for (;;) {
      const answer = await ask(`${pgr.url}${path}`, encoding).catch(() => undefined)
      const seconds = (performance.now() - startedMs) / 1000
      if (answer?.status === 200) return { body: answer.body, seconds }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  try {
    const [view, page] = await Promise.all([untilThere('/-/ready'), untilThere('/metrics')])
    const text = encoding === 'gzip' ? gunzipSync(page.body) : page.body
    return {
      viewSeconds: view.seconds,
      seconds: page.seconds,
      lines: linesOf(text),
      cpuSeconds: await cpuSecondsOf(pgr.url),
    }
  } finally {
    await pgr.stop()
  }
}

/** Samples alone: lines without a comment. */
function linesOf(text: Buffer): number {
  let lines = 0
  for (let at = 0; at < text.length; at = text.indexOf(0x0a, at) + 1) if (text[at] !== 0x23) lines++
  return lines
}

async function cpuSecondsOf(url: string): Promise<number> {
  const page = await (await fetch(`${url}/telemetry`)).text()
  return Number(/^process_cpu_seconds_total ([\d.]+)/m.exec(page)?.[1])
}

function ask(url: string, encoding: string): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/plain', 'accept-encoding': encoding }
    get(url, { agent: false, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
      response.on('error', reject)
    }).on('error', reject)
  })
}

/** Pushes again and again; `stop` resolves with the longest in milliseconds. */
function pushUntilStopped(url: string): { stop(): Promise<number> } {
  const agent = new Agent({ keepAlive: true })
  let stopped = false
  let longestMs = 0
  const pushing = (async () => {
    for (let n = 0; !stopped; n++) {
      const startedMs = performance.now()
      await push(agent, `${url}/metrics/job/meanwhile`, `meanwhile ${n}\n`)
      longestMs = Math.max(longestMs, performance.now() - startedMs)
      await new Promise((resolve) => setTimeout(resolve, PUSH_EVERY_MS))
    }
  })()
  return {
    async stop() {
      stopped = true
      await pushing
      agent.destroy()
      return longestMs
    },
  }
}

async function fill(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: PUSHERS })
  let next = 0
  const lane = async () => {
    while (next < GROUPS) {
      const group = next++
      await push(agent, `${url}/metrics/job/batch_${group}/instance/node-${group}`, bodyOf(group))
    }
  }
  await Promise.all(Array.from({ length: PUSHERS }, lane))
  agent.destroy()
}

function bodyOf(group: number): string {
  let body = ''
  for (let family = 0; family < FAMILIES; family++) {
    const name = `metric_family_${family}_total`
    body += `# TYPE ${name} counter\n`
    for (let i = 0; i < SERIES_PER_FAMILY; i++) {
      const host = `host-${(group * 7919 + i * 31) % 100_000}.example.com`
      const path = `/api/v1/resource/${(group * 31 + family * 17 + i) % 5000}`
      body += `${name}{shard="${i}",host="${host}",path="${path}"} ${group * 1000 + family * 10 + i}\n`
    }
  }
  return body
}

function push(agent: Agent, url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT', agent }, (response) => {
      response.resume()
      response.on('end', () =>
        response.statusCode === 200 || response.statusCode === 202
          ? resolve()
          : reject(new Error(`a push was answered ${response.statusCode}`)),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
