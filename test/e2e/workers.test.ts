import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeCertificates } from '../support/certificates.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, type PgrOptions, startPgr } from '../support/start-pgr.ts'
import { ask, push, samplesOf, scrape } from './ask.ts'

let redis: RedisServer
let folder: string
const stopping: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  folder = makeFolder('workers')
  redis = await startRedis()
})
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop()
  await redis.stop()
  removeFolder(folder)
})

async function start({ flags = [], ...options }: PgrOptions = {}): Promise<Pgr> {
  const pgr = await startPgr({
    ...options,
    flags: ['--workers=2', `--redis.endpoint=${redis.url}`, '--web.enable-lifecycle', ...flags],
  })
  stopping.push(() => pgr.kill())
  return pgr
}

type At = Pick<Pgr, 'url'>

async function readyStatus({ url }: At): Promise<number> {
  return (await ask(url, '/-/ready')).status
}

/** Samples of the telemetry by name and labels. */
async function telemetry({ url }: At, path = '/telemetry'): Promise<Map<string, number>> {
  const { text } = await ask(url, path)
  return new Map(
    samplesOf(text).map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

/** The process of each worker, as the log told it last. */
function pids(pgr: Pgr): Map<number, number> {
  const started = pgr.stderr().matchAll(/msg="started a worker" worker=supervisor number=(\d) pid=(\d+)/g)
  return new Map([...started].map(([, number, pid]) => [Number(number), Number(pid)]))
}

function pidOf(pgr: Pgr, worker: number): number {
  const pid = pids(pgr).get(worker)
  if (pid === undefined) throw new Error(`worker ${worker} was not started; the log:\n${pgr.stderr()}`)
  return pid
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** What an agent that keeps one connection gets answered by is one worker. */
function connection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  stopping.push(async () => agent.destroy())
  return agent
}

async function jobs(at: At): Promise<Set<string>> {
  const lines = samplesOf(await scrape(at.url))
  return new Set(lines.flatMap((line) => /^a\{.*job="([^"]*)"/.exec(line)?.[1] ?? []))
}

const REQUESTS = ['1', '2'].map((worker) => `pgr_worker_requests_total{worker="${worker}"}`)

describe('two workers', () => {
  it('show on the next page what either acknowledged, and share the work', async () => {
    const pgr = await start()
    for (let n = 0; n < 100; n++) {
      await push(pgr.url, `/metrics/job/j${n}`, `a ${n}\n`)
      if (n % 10 === 0) expect((await jobs(pgr)).has(`j${n}`)).toBe(true)
    }
    // Both workers are asked.
    for (let n = 0; n < 4; n++) expect((await jobs(pgr)).size).toBe(100)

    const page = await telemetry(pgr)
    const shares = REQUESTS.map((name) => page.get(name) ?? 0)
    expect(shares.reduce((sum, share) => sum + share)).toBe(100)
    expect(Math.min(...shares)).toBeGreaterThan(20)
    expect(page.get('pgr_requests_total{handler="push",protocol="text",method="POST",code="200"}')).toBe(100)
    expect(page.get('pushgateway_http_push_duration_seconds_count{method="post"}')).toBe(100)
    expect([page.get('pgr_units'), page.get('pgr_ready'), page.get('pgr_workers_serving')]).toEqual([
      100, 1, 2,
    ])
    for (const worker of ['supervisor', '1', '2'])
      expect(page.get(`process_cpu_seconds_total{worker="${worker}"}`)).toBeGreaterThan(0)

    const { data } = JSON.parse((await ask(pgr.url, '/api/v1/status')).text)
    const addresses = data.store.replicas.map(({ address }: { address: string }) => address)
    expect(addresses.sort()).toEqual([`127.0.0.1:${pgr.port}#1`, `127.0.0.1:${pgr.port}#2`])
    expect(data.flags.workers).toBe('2')
    expect(data.settings).toContainEqual({ flag: 'workers', value: '2', from: 'flag', origin: '--workers' })
    expect(data.counters.pushes).toEqual([{ protocol: 'text', outcome: 'accepted', total: 100 }])
    expect(data.recent_rejections).toEqual([])
  })

  it('show their metrics as one behind those that were pushed, as Pushgateway does', async () => {
    const pgr = await start({ flags: ['--compat=pushgateway'] })
    for (let n = 0; n < 4; n++) await push(pgr.url, `/metrics/job/j${n}`, 'a 1\n')
    const page = await telemetry(pgr, '/metrics')
    expect(page.get('a{instance="",job="j3"}')).toBe(1)
    expect(page.get('pushgateway_http_requests_total{code="200",handler="push",method="post"}')).toBe(4)
  })

  it('take OTLP on a port of its own, deltas added up whichever worker they come to', async () => {
    const port = await freePort()
    const pgr = await start({ flags: [`--otlp.listen-address=127.0.0.1:${port}`] })
    const headers = { 'content-type': 'application/json' }
    const startMs = Date.now() - 1000
    for (let n = 1; n <= 20; n++) {
      const [startTimeUnixNano, timeUnixNano] = [n, n + 1].map((ms) => `${startMs + ms}000000`)
      const point = { asInt: '2', startTimeUnixNano, timeUnixNano }
      const sum = { aggregationTemporality: 1, isMonotonic: true, dataPoints: [point] }
      const body = JSON.stringify({
        resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'done', sum }] }] }],
      })
      const url = `http://127.0.0.1:${port}`
      expect((await ask(url, '/v1/metrics', { method: 'POST', headers, body })).text).toBe('{}')
    }
    expect(samplesOf(await scrape(pgr.url))).toEqual(['done_total{instance=""} 40'])
    const page = await telemetry(pgr)
    expect(Math.min(...REQUESTS.map((name) => page.get(name) ?? 0))).toBeGreaterThan(0)
  })

  it('say in every line of the one log who wrote it, whole and once what is about all', async () => {
    const pgr = await start({ flags: ['--log.level=debug'] })
    const long = 'x'.repeat(3000)
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; n < 20; n++) {
        // Three label values of that length make lines that no pipe takes in one piece.
        const path = `/metrics/job/j/a/${long}/b/${long}/c/${long}${lane}-${n}`
        await push(pgr.url, path, 'a 1\n')
      }
    })
    await Promise.all(lanes)
    await pgr.stop()
    const lines = pgr.stderr().trimEnd().split('\n')
    expect(
      lines.filter((line) => !/^ts=\S+ level=\w+ msg=.* worker=(1|2|supervisor)( |$)/.test(line)),
    ).toEqual([])
    expect(lines.filter((line) => line.includes(long)).length).toBe(160)
    for (const once of ['msg=listening', 'msg="settings that are not', 'msg="stopping', 'msg=stopped'])
      expect([once, lines.filter((line) => line.includes(once)).length]).toEqual([once, 1])
  })

  it('are both ready before the first probe says so', async () => {
    const pgr = await start()
    expect([...pids(pgr).keys()].sort()).toEqual([1, 2])
    redis.freeze()
    await eventuallyHolds(async () => expect(await readyStatus(pgr)).toBe(503))
    redis.thaw()
    await eventuallyHolds(async () => expect(await readyStatus(pgr)).toBe(200))
  })
})

describe('a rate limit', () => {
  it('is that of all workers together', async () => {
    const file = join(folder, 'web.yml')
    writeFileSync(file, 'rate_limit: {interval: 1h, burst: 10}\n')
    const pgr = await start({ flags: [`--web.config.file=${file}`], waitFor: 'nothing' })
    await pgr.until('listens', () => pgr.stderr().includes('msg=listening'))
    const statuses = new Map<number, number>()
    for (let n = 0; n < 20; n++) {
      const { status } = await ask(pgr.url, '/-/healthy')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect(Object.fromEntries(statuses)).toEqual({ 200: 10, 429: 10 })
  })
})

describe('a worker that is killed under load', () => {
  it('loses nothing that was acknowledged, and is replaced without readiness failing', async () => {
    const pgr = await start()
    const accepted: string[] = []
    const probes: number[] = []
    let isOver = false

    async function lane(name: string): Promise<void> {
      let agent = connection()
      for (let n = 0; !isOver; n++) {
        const job = `${name}-${n}`
        const outcome = await ask(pgr.url, `/metrics/job/${job}`, {
          method: 'PUT',
          body: 'a 1\n',
          agent,
        }).then(
          ({ status }) => status,
          () => 0,
        )
        if (outcome === 200) accepted.push(job)
        else agent = connection()
      }
    }
    async function probe(): Promise<void> {
      while (!isOver) {
        // A probe on a connection of the worker that dies is cut off, as any other request.
        probes.push(await readyStatus(pgr).catch(() => 0))
        await sleep(20)
      }
    }
    const load = Promise.all([...['p', 'q', 'r', 's'].map(lane), probe()])
    await eventually('some load', () => accepted.length > 50)
    const before = await telemetry(pgr)
    const victim = pidOf(pgr, 2)
    process.kill(victim, 'SIGKILL')
    await eventually('a successor', () => pidOf(pgr, 2) !== victim)
    const acknowledged = accepted.length
    await eventually('more load', () => accepted.length > acknowledged + 50)
    isOver = true
    await load

    const shown = await jobs(pgr)
    expect(accepted.filter((job) => !shown.has(job))).toEqual([])
    expect(probes.filter((status) => status === 503)).toEqual([])
    const page = await telemetry(pgr)
    expect([page.get('pgr_worker_losses_total'), page.get('pgr_workers_serving')]).toEqual([1, 2])
    const pushes = 'pgr_requests_total{handler="push",protocol="text",method="PUT",code="200"}'
    expect(page.get(pushes)).toBeGreaterThanOrEqual(before.get(pushes) ?? Number.POSITIVE_INFINITY)
    expect(pgr.stderr()).toMatch(
      /level=warn msg="lost a worker, another takes its place" worker=supervisor number=2 pid=\d+ reason=SIGKILL/,
    )
    expect(await pgr.stop()).toEqual({ code: 0, signal: null })
  })

  it('while it stands still leaves no client waiting for it', async () => {
    const pgr = await start()
    const frozen = pidOf(pgr, 1)
    process.kill(frozen, 'SIGSTOP')
    const asked = Array.from({ length: 8 }, () =>
      ask(pgr.url, '/-/healthy').then(
        ({ status }) => status,
        ({ code }) => code,
      ),
    )
    // All that are with the other worker are answered; one is on its way to the frozen one.
    await Promise.all([sleep(0), eventually('answers', async () => (await Promise.race(asked)) === 200)])
    const page = await eventually(
      'a page without it',
      () => telemetry(pgr).catch(() => new Map()),
      (got) => got.size > 0,
    )
    expect(page.get('pgr_telemetry_missing_workers')).toBe(1)
    process.kill(frozen, 'SIGKILL')
    const answers = await Promise.all(asked)
    expect(answers.filter((answer) => answer !== 200 && answer !== 'ECONNRESET')).toEqual([])
    await eventually('a successor', () => pidOf(pgr, 1) !== frozen)
  })
})

describe('signals', () => {
  it('SIGTERM drains all, ends what is under way, and exits 0; again ends all at once', async () => {
    const pgr = await start({ flags: ['--shutdown.drain-delay=1h'] })
    const workers = [...pids(pgr).values()]
    // As a service manager does it, which signals every process.
    for (const pid of [pgr.pid, ...workers]) process.kill(pid, 'SIGTERM')
    await eventuallyHolds(async () => {
      for (let n = 0; n < 4; n++) expect(await readyStatus(pgr)).toBe(503)
    })
    await push(pgr.url, '/metrics/job/late', 'a 1\n')
    pgr.signal('SIGTERM')
    expect(await pgr.exited).toEqual({ code: 143, signal: null })
    await eventually('no worker', () => !workers.some(isAlive))
  })

  it('SIGINT does not drain, and /-/quit stops all', async () => {
    for (const how of ['SIGINT', 'quit']) {
      const pgr = await start({ flags: ['--shutdown.drain-delay=1h'] })
      const workers = [...pids(pgr).values()]
      if (how === 'quit') expect((await ask(pgr.url, '/-/quit', { method: 'PUT' })).status).toBe(200)
      else pgr.signal('SIGINT')
      expect(await pgr.exited).toEqual({ code: 0, signal: null })
      expect(workers.filter(isAlive)).toEqual([])
      expect(pgr.stderr()).not.toContain('lost a worker')
    }
  })

  it('SIGKILL of the supervisor leaves nothing running', async () => {
    const pgr = await start()
    const workers = [...pids(pgr).values()]
    expect(workers.filter(isAlive)).toHaveLength(2)
    await pgr.kill()
    await eventually('no worker', () => !workers.some(isAlive))
  })

  it.each(['SIGHUP', '/-/reload'])(
    '%s reaches every worker, and a replacement has what is in effect',
    async (how) => {
      const file = join(folder, 'pushgw.yml')
      writeFileSync(file, 'push: {max_ttl: 1h}\n')
      const pgr = await start({ flags: [`--config.file=${file}`] })
      /** Of four connections two are with either worker. */
      async function statuses(): Promise<number[]> {
        const body = 'a 1\n'
        const answers = [1, 2, 3, 4].map(() => ask(pgr.url, '/metrics/job/a?ttl=2h', { method: 'PUT', body }))
        return (await Promise.all(answers)).map(({ status }) => status)
      }
      async function reload(outcome: RegExp): Promise<void> {
        if (how === 'SIGHUP') pgr.signal('SIGHUP')
        else expect((await ask(pgr.url, how, { method: 'POST' })).text).toMatch(outcome)
        await eventually('a reload', () => outcome.test(pgr.stderr()))
      }
      expect(await statuses()).toEqual([400, 400, 400, 400])
      writeFileSync(file, 'push: {max_ttl: 2h}\n')
      await reload(/changed(=|: --)push\.max-ttl\n/)
      expect(await statuses()).toEqual([200, 200, 200, 200])

      writeFileSync(file, 'prot: 1\n')
      await reload(/prot is not a setting/)
      expect((await telemetry(pgr)).get('pgr_config_last_reload_successful')).toBe(0)
      // What is wrong in the file is no reason for a worker not to start.
      const victim = pidOf(pgr, 1)
      process.kill(victim, 'SIGKILL')
      await eventually('a successor', () => pidOf(pgr, 1) !== victim)
      expect(await statuses()).toEqual([200, 200, 200, 200])
      const failures = pgr
        .stderr()
        .split('\n')
        .filter((line) => line.includes('failed to reload'))
      expect(failures).toHaveLength(1)
    },
  )
})

describe('a start', () => {
  it('on a port that is taken fails as one process does, and says so once', async () => {
    const first = await start()
    const second = await start({ port: first.port, waitFor: 'nothing' })
    expect(await second.exited).toEqual({ code: 1, signal: null })
    const errors = second
      .stderr()
      .split('\n')
      .filter((line) => line.includes('taken'))
    expect(errors).toEqual([
      `error: cannot listen on 127.0.0.1:${first.port}: the port is taken; stop what listens there or choose another`,
    ])
    expect(await readyStatus(first)).toBe(200)
  })

  it.each([['2'], ['auto']])('of %s over the embedded store is refused', async (workers) => {
    const pgr = await startPgr({ flags: [`--workers=${workers}`], waitFor: 'nothing' })
    stopping.push(() => pgr.kill())
    expect(await pgr.exited).toEqual({ code: 2, signal: null })
    expect(pgr.output()).toBe(
      `error: --workers is ${workers}, but the store is embedded in one process, whose memory others cannot share: give --redis.endpoint, or leave it out\n`,
    )
  })
})

describeWith('openssl', 'two workers with TLS', () => {
  it('speak HTTP/1.1 and HTTP/2 alike, and take over a new certificate', async () => {
    const { cert, key } = makeCertificates(folder)
    const file = join(folder, 'web.yml')
    writeFileSync(
      file,
      `tls_server_config: {cert_file: ${cert}, key_file: ${key}}\nrate_limit: {interval: 1ms, burst: 1000}\n`,
    )
    const pgr = await start({ flags: [`--web.config.file=${file}`], scheme: 'https' })

    /** The certificate and the answer that a new connection gets. */
    async function meet(): Promise<{ shown: string; status: number }> {
      const session = connectHttp2(pgr.url, { rejectUnauthorized: false })
      try {
        const stream = session.request({ ':path': '/-/ready' })
        const [headers] = await once(stream.resume(), 'response')
        const shown = (session.socket as TLSSocket).getPeerX509Certificate()?.toString() ?? ''
        return { shown, status: Number(headers[':status']) }
      } finally {
        session.destroy()
      }
    }
    /** Of four connections two are with either worker. */
    const meetAll = () => Promise.all([meet(), meet(), meet(), meet()])
    const first = readFileSync(cert, 'utf8')
    expect(await meetAll()).toEqual(Array.from({ length: 4 }, () => ({ shown: first, status: 200 })))

    makeCertificates(folder)
    const second = readFileSync(cert, 'utf8')
    await eventuallyHolds(async () =>
      expect((await meetAll()).map(({ shown }) => shown)).toEqual(Array.from({ length: 4 }, () => second)),
    )
    expect(await pgr.stop()).toEqual({ code: 0, signal: null })
  })
})
