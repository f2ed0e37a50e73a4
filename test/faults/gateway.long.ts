import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { ask, push, samplesOf, scrape } from '../e2e/ask.ts'
import { talk } from '../http/talk.ts'
import { openStore } from '../redis/open-store.ts'
import { startChaosProxy } from '../support/chaos-proxy.ts'
import { eventually } from '../support/eventually.ts'
import { openTestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { reportRow, runFaultCase } from './fault-case.ts'
import { runKills } from './gateway-kills.ts'
import { httpTarget } from './http-target.ts'
import { ownSample, p99, runRedisCase, shownValue, sumOfField } from './redis-case.ts'
import { openSeat } from './seat.ts'

const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

async function redisServer(): Promise<RedisServer> {
  const redis = await startRedis()
  stopping.push(() => redis.stop())
  return redis
}

async function gatewayOn(url: string, options: { waitFor?: 'nothing' } = {}): Promise<Pgr> {
  const pgr = await startPgr({ flags: [`--redis.endpoint=${url}`], ...options })
  stopping.push(() => pgr.kill())
  return pgr
}

/** A case without a workload that held. */
function reportHeld(id: string, name: string, acked: number, unknown = 0): void {
  const nothing = { lost: 0, toldLost: 0, resubmitted: 0, longestErrorWindowMs: 0, firstAckMs: undefined }
  reportRow({ id, name, acked, unknown, ...nothing, violations: [] })
}

it('F6-gateway: what a frozen gateway could not do in time it does not do after the thaw', async () => {
  const redis = await redisServer()
  const proxy = await startChaosProxy({ port: redis.port })
  stopping.push(() => proxy.close())
  const [frozen, other] = await Promise.all([gatewayOn(proxy.url), gatewayOn(redis.url)])
  const request = (job: string): string =>
    `PUT /metrics/job/${job} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nv 1\n`
  const connect = async () => {
    const connection = talk(frozen.port)
    connection.say('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
    await connection.until('OK')
    return connection
  }
  const [whole, half, patient] = await Promise.all([connect(), connect(), connect()])

  // Held up on the way to Redis, it may get there, but too late.
  proxy.stall()
  const inFlight = ask(frozen.url, '/metrics/job/in-flight', { method: 'PUT', body: 'v 1\n' })
  half.say(request('half').slice(0, -2))
  await sleep(300)
  frozen.freeze()
  half.say(request('half').slice(-2))
  whole.say(request('whole'))
  patient.say(request('patient'))
  const fresh = talk(frozen.port)
  fresh.say(request('fresh'))
  await sleep(4000)
  proxy.resume()
  // These senders gave up, and sent what is newer elsewhere.
  for (const { socket } of [half, whole, fresh]) socket.destroy()
  const jobs = ['in-flight', 'half', 'whole', 'fresh']
  for (const job of jobs) await push(other.url, `/metrics/job/${job}`, 'v 2\n', { method: 'PUT' })
  frozen.thaw()

  expect((await inFlight).status).toBe(503)
  // Somebody who still waits is served, one way or the other.
  expect(await patient.until('Date: ').then(() => true)).toBe(true)
  await push(frozen.url, '/metrics/job/after', 'v 3\n')
  const page = await scrape(other.url)
  expect(jobs.map((job) => shownValue(page, `v{instance="",job="${job}"}`))).toEqual([2, 2, 2, 2])
  expect(shownValue(page, 'v{instance="",job="after"}')).toBe(3)
  expect(await scrape(frozen.url)).toBe(page)
  patient.socket.destroy()
  reportHeld('F6-gateway', 'a gateway is frozen for 4 s with pushes in flight', jobs.length + 1, jobs.length)
})

it(
  'F27-1000: gateways are killed in the middle of pushes up to 1,000 times, and groups stay old or new',
  async () => {
    const { violations, verdict, kills, interrupted, hindered } = await runKills({
      id: 'F27-1000',
      name: (times) => `the same, ${times} times`,
      kills: 1000,
      mostMs: 9 * MINUTE_MS,
      leastKills: 100,
    })
    expect(violations).toEqual([])
    // Each costs the start of a process, a second of a processor, and time is bounded.
    expect(kills).toBeGreaterThanOrEqual(100)
    expect(interrupted).toBeGreaterThan(kills)
    expect(hindered).toBe(0)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  },
  12 * MINUTE_MS,
)

it('F28: gateways are replaced one after the other under load, and every push is accepted', async () => {
  const ROUNDS = 2
  const rig = await startRedis()
  const flags = [`--redis.endpoint=${rig.url}`, '--shutdown.drain-delay=1s']
  const seats = await Promise.all([1, 2, 3].map(() => openSeat(flags)))
  /** What a balancer knows of them. */
  const isReady = seats.map(() => true)
  const exits: unknown[] = []
  let isOver = false
  const looking = Promise.all(
    seats.map(async ({ url }, place) => {
      for (; !isOver; await sleep(50)) {
        const status = await ask(url, '/-/ready').then(
          (answer) => answer.status,
          () => 0,
        )
        isReady[place] = status === 200
      }
    }),
  )
  const targets = seats.map(({ url }) => httpTarget(url))
  const balanced = targets.map((own, place) => ({
    ...own,
    push(request: Parameters<typeof own.push>[0]) {
      const turn = [...targets.keys()].map((n) => (place + n) % targets.length)
      return (targets[turn.find((each) => isReady[each]) ?? place] ?? own).push(request)
    },
  }))

  const { violations, verdict } = await runFaultCase({
    id: 'F28',
    name: 'SIGTERM of one gateway after the other, behind a balancer',
    rig,
    gateways: seats,
    replicas: balanced,
    workload: { writers: 8, ratePerSecond: 300 },
    // Scrapes of one that is gone.
    allows: { mayRefuse: true, mayReset: true, recoverWithinMs: 1000 },
    async fault() {
      for (const seat of Array.from({ length: ROUNDS }, () => seats).flat()) {
        seat.sitting().signal('SIGTERM')
        exits.push(await seat.sitting().exited)
        await seat.reseat()
        await eventually('all are ready', () => isReady.every(Boolean))
      }
    },
  }).finally(() => {
    isOver = true
  })
  await looking
  expect(violations).toEqual([])
  expect(exits).toEqual(exits.map(() => ({ code: 0, signal: null })))
  expect(exits).toHaveLength(ROUNDS * seats.length)
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, longestErrorWindowMs: 0 })
  expect(verdict.acked).toBeGreaterThan(1000)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
})

it('F29: clocks of gateways are an hour off and jump, and data expires by the clock of Redis', async () => {
  const preload = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))]
  const clocks = [
    { CLOCK_SHIFT_MS: `${HOUR_MS}` },
    { CLOCK_SHIFT_MS: `${-HOUR_MS}` },
    { CLOCK_SHIFT_MS: `${HOUR_MS}`, CLOCK_JUMP_MS: '2000' },
  ]
  const offsetsMs: number[] = []
  const { violations, verdict, logs } = await runRedisCase({
    id: 'F29',
    name: 'clocks of gateways are an hour early, an hour late, and jump between the two',
    gateways: clocks.length,
    each: (replica) => ({ nodeFlags: preload, env: clocks[replica] ?? {} }),
    workload: {
      ttlMs: 2500,
      kinds: ['put', 'post', 'delete', 'ingest'],
      uniqueKinds: ['put', 'post', 'ingest'],
    },
    allows: { mayRefuse: true, recoverWithinMs: 3000 },
    warmUpMs: 6000,
    async fault({ redis, gateways, workload }) {
      expect(workload.failed()).toBe(0)
      for (const { url } of gateways) {
        const times = samplesOf(await scrape(url)).filter((line) => line.startsWith('push_time_seconds{'))
        expect(times.length).toBeGreaterThan(20)
        for (const line of times)
          offsetsMs.push(Date.now() - 1000 * Number(line.slice(line.lastIndexOf(' ') + 1)))
        for (const [aheadMs, status] of [
          [5 * MINUTE_MS, 200],
          [20 * MINUTE_MS, 400],
        ] as const) {
          const body = `ahead{job="ahead",instance="${url}"} 1 ${Date.now() + aheadMs}\n`
          expect((await ask(url, '/ingest', { method: 'POST', body })).status).toBe(status)
        }
      }
      // Deadlines are kept by the clock that only measures time.
      redis.freeze()
      await sleep(4000)
      redis.thaw()
    },
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(500)
  expect(Math.max(...offsetsMs.map(Math.abs))).toBeLessThan(MINUTE_MS)
  const startedAtMs = logs.map((log) => Date.parse(/ts=(\S+)/.exec(log)?.[1] ?? '') - Date.now())
  expect(startedAtMs[0]).toBeGreaterThan(HOUR_MS / 2)
  expect(startedAtMs[1]).toBeLessThan(-HOUR_MS / 2)
})

it('F32: ten cold gateways start at once with a million series stored, and pushes go on', async () => {
  const COLD = 10
  const GROUPS = 10_000
  const SERIES = 100
  const SCRAPES = 3
  const redis = await redisServer()
  const warm = await gatewayOn(redis.url)
  await fill(warm, GROUPS, SERIES)

  const probes = startProbes(warm, redis, { path: BATCH, groups: 50, body: textOf(SERIES) })
  const cold = await Promise.all(
    Array.from({ length: COLD }, async () => {
      const pgr = await gatewayOn(redis.url, { waitFor: 'nothing' })
      // Elsewhere they would have machines of their own.
      setPriority(pgr.pid, 10)
      return pgr
    }),
  )
  const first = await Promise.all(cold.map((pgr) => firstPages(pgr, SCRAPES)))
  const { statuses, pushMs, redisMs } = await probes.end()

  expect(statuses).toEqual([200])
  expect(first.map(({ series }) => series)).toEqual(cold.map(() => GROUPS * SERIES))
  expect(new Set(first.map(({ digest }) => digest)).size).toBe(1)
  // Each group is read once, and what is pushed meanwhile again: not once for every scrape that waited.
  for (const pgr of cold)
    expect(await ownSample(pgr, 'pgr_view_changed_units_total')).toBeLessThan(1.5 * GROUPS)
  expect(pushMs.length).toBeGreaterThan(100)
  expect(p99(redisMs)).toBeLessThan(200)
  expect(p99(pushMs)).toBeLessThan(200)
  reportHeld('F32', `${COLD} cold gateways start at once with a million series stored`, pushMs.length)
})

it('F33: what was removed while a gateway was paused, and is forgotten by now, is no ghost on its page', async () => {
  const GRACE_MS = 300
  const redis = await redisServer()
  const open = async () => {
    const { store } = await openStore(redis, { tombstoneGraceMs: GRACE_MS })
    const opened = openTestGateway(store)
    stopping.push(
      () => store.close(),
      () => opened.gateway.stop(),
    )
    return { store, ...opened }
  }
  // It polls only when it is scraped, so that it is paused in between.
  const [paused, other] = [await open(), await open()]
  for (const job of ['kept', 'removed', 'shortened']) await other.push('put', { job }, 'v 1\n', 0)
  expect((await paused.page()).filter((line) => line.startsWith('v{'))).toHaveLength(3)

  await other.remove({ job: 'removed' })
  await other.push('put', { job: 'shortened' }, 'v 2\n', 50)
  await sleep(100)
  await other.store.sweep()
  await sleep(GRACE_MS + 100)
  await other.store.sweep()
  // Nothing in the log tells of the two any more.
  expect(await sumOfField(redis, 'f')).toBeGreaterThan(0)

  const page = await paused.page()
  expect(page.filter((line) => line.startsWith('v{'))).toEqual(['v{instance="",job="kept"} 1'])
  expect(page).toEqual(await other.page())
  const resets = paused.events.filter((event) => event.kind === 'view.reset')
  expect(resets.length).toBeGreaterThan(0)
  expect(new Set(resets.map((event) => event.reason))).toEqual(new Set(['floor']))
  reportHeld('F33', 'a gateway sleeps longer than removals are remembered', 5)
})

it('F34: a group of 12 MB and 50,000 series, and one more, do not hold up others', async () => {
  const SERIES = 50_000
  const BODY_BYTES = 12 * 1024 * 1024
  const ROUNDS = 6
  const probed: Probed[] = []
  // A connection that is to end with the answer is cut off while the rest of the body is on its way.
  const agent = new Agent({ keepAlive: true })
  stopping.push(async () => agent.destroy())
  const { violations, verdict } = await runRedisCase({
    id: 'F34',
    name: 'groups of 12 MB and 50,000 series, and of one byte or series more',
    flags: [`--push.max-series=${SERIES}`, `--push.max-body=${BODY_BYTES}B`],
    workload: { writers: 2, ratePerSecond: 20, scrapeEveryMs: 2000 },
    // Two of these groups are kept, as the page and in the journal of what was pushed.
    checker: { memoryGrowthBytes: 512 * MIB },
    async fault({ redis, gateways }) {
      const [one, other] = gateways as [Pgr, Pgr]
      const probes = gateways.map((gateway, n) =>
        startProbes(gateway, redis, {
          path: `/metrics/job/neighbour-${n}/group/`,
          groups: 20,
          body: 'v 1\n',
        }),
      )
      const largest = bodyOf(SERIES, BODY_BYTES)
      for (let round = 0; round < ROUNDS; round++) {
        const answers: number[] = []
        for (const body of [largest, `${largest.slice(0, -1)} \n`, bodyOf(SERIES + 1, BODY_BYTES)]) {
          const path = `/metrics/job/large/group/${round % 2}`
          answers.push((await ask(one.url, path, { method: 'PUT', body, agent })).status)
          await sleep(1500)
        }
        expect(answers).toEqual([200, 413, 400])
        expect(samplesOf(await scrape(other.url)).filter((line) => line.startsWith('large{'))).toHaveLength(
          SERIES * Math.min(round + 1, 2),
        )
      }
      for (const probe of probes) probed.push(await probe.end())
    },
  })
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, longestErrorWindowMs: 0 })
  const [beside, elsewhere] = probed as [Probed, Probed]
  for (const { statuses, pushMs, redisMs } of probed) {
    expect(statuses).toEqual([200])
    expect(pushMs.length).toBeGreaterThan(300)
    expect(p99(redisMs)).toBeLessThan(100)
  }
  expect(p99(elsewhere.pushMs)).toBeLessThan(100)
  // The process that reads such a body does nothing else meanwhile: about 0.4 s of a processor, longer when it is shared.
  expect(p99(beside.pushMs)).toBeLessThan(1000)
})

/** So many series of one family in exactly so many bytes. */
function bodyOf(series: number, bytes: number): string {
  const head = '# TYPE large gauge\n'
  const lines = Array.from({ length: series }, (_, n) => `large{n="${n}",pad=""} 1\n`)
  const spare = bytes - head.length - lines.reduce((sum, line) => sum + line.length, 0)
  const each = 'x'.repeat(Math.floor(spare / series))
  const padded = lines.map((line, n) =>
    line.replace('pad=""', `pad="${each}${n < spare % series ? 'x' : ''}"`),
  )
  return head + padded.join('')
}

function textOf(series: number): string {
  let text = ''
  for (let n = 0; n < series; n++)
    text += `m_${n % 10}{path="/api/v1/items/${n}",code="${200 + (n % 5)}"} ${n}\n`
  return text
}

const BATCH = '/metrics/job/batch/instance/'

async function fill({ url }: Pgr, groups: number, series: number): Promise<void> {
  const body = textOf(series)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < groups)
      await push(url, `${BATCH}${next++}`, body, { method: 'PUT', headers: { 'x-pgr-ttl': '0' } })
  }
  await Promise.all(Array.from({ length: 16 }, lane))
}

interface Probed {
  readonly statuses: readonly number[]
  readonly pushMs: readonly number[]
  readonly redisMs: readonly number[]
}

interface Probes {
  /** Of groups, without the number that comes last. */
  readonly path: string
  readonly groups: number
  readonly body: string
}

/** Pushes the same again and again, and asks Redis for a PING as often, until it is ended. */
function startProbes(
  gateway: Pgr,
  redis: RedisServer,
  { path, groups, body }: Probes,
): { end(): Promise<Probed> } {
  const script = fileURLToPath(new URL('probe.mjs', import.meta.url))
  const args = [script, `${gateway.port}`, `${redis.port}`, path, `${groups}`, body]
  const probing = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const written: Buffer[] = []
  probing.stdout.on('data', (bytes: Buffer) => written.push(bytes))
  const ended = new Promise<Probed>((resolve, reject) => {
    probing.once('error', reject)
    probing.once('close', () => resolve(JSON.parse(Buffer.concat(written).toString())))
  })
  stopping.push(async () => void probing.kill('SIGKILL'))
  return {
    end() {
      probing.stdin.end()
      return ended
    },
  }
}

interface FirstPage {
  /** Without push times, which change. */
  readonly series: number
  readonly digest: string
  readonly tookMs: number
}

/** Scrapes at the same time, again and again until there is a page; all of them have to be equal. */
async function firstPages(pgr: Pgr, scrapes: number): Promise<FirstPage> {
  const startMs = performance.now()
  const pages = await Promise.all(Array.from({ length: scrapes }, () => firstPage(pgr)))
  const [page] = pages
  if (page === undefined || new Set(pages.map(({ digest }) => digest)).size !== 1)
    throw new Error(`${pgr.url} shows different pages`)
  return { ...page, tookMs: performance.now() - startMs }
}

async function firstPage({ url }: Pgr): Promise<Omit<FirstPage, 'tookMs'>> {
  const headers = { 'x-prometheus-scrape-timeout-seconds': '14' }
  for (;;) {
    const answer = await ask(url, '/metrics', { headers }).catch(() => undefined)
    if (answer === undefined) {
      await sleep(50)
    } else if (answer.status === 200) {
      // Their names come after those of what was pushed here.
      const data = answer.bytes.subarray(0, answer.bytes.indexOf('# HELP push_'))
      return { series: countSeries(data), digest: createHash('sha256').update(data).digest('hex') }
    } else {
      expect(answer.status).toBe(503)
    }
  }
}

function countSeries(page: Buffer): number {
  let series = 0
  for (let at = 0; at < page.length; at = page.indexOf('\n', at) + 1) if (page[at] !== HASH_SIGN) series++
  return series
}

const HASH_SIGN = '#'.charCodeAt(0)
