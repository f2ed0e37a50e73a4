import { Agent } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type Talk, talk } from '../http/talk.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, type PgrOptions, startPgr } from '../support/start-pgr.ts'
import { ask, push, samplesOf, scrape } from './ask.ts'

const stopping: (() => Promise<unknown>)[] = []
const talks: Talk[] = []

afterEach(async () => {
  for (const { socket } of talks.splice(0)) socket.destroy()
  for (const stop of stopping.splice(0).reverse()) await stop()
})

async function start(options: PgrOptions): Promise<Pgr> {
  const pgr = await startPgr(options)
  stopping.push(() => pgr.kill())
  return pgr
}

async function redisServer(port?: number): Promise<RedisServer> {
  const redis = await startRedis(port === undefined ? {} : { port })
  stopping.push(() => redis.stop())
  return redis
}

/** A push of which the last byte is still to come, on a connection that was answered before. */
async function pushInPart(pgr: Pgr, job: string): Promise<Talk> {
  const connection = talk(pgr.port)
  talks.push(connection)
  connection.say('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
  await connection.until('OK')
  connection.say(`PUT /metrics/job/${job} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1`)
  return connection
}

async function readyStatus({ url }: Pgr): Promise<number> {
  return (await ask(url, '/-/ready')).status
}

describe('SIGTERM', () => {
  it('fails readiness first, serves on, ends what is under way, and loses nothing it accepted', async () => {
    const redis = await redisServer()
    const flags = [`--redis.endpoint=${redis.url}`]
    const [leaving, staying] = await Promise.all([
      start({ flags: [...flags, '--shutdown.drain-delay=1s'] }),
      start({ flags }),
    ])
    const accepted: string[] = []
    const cut: string[] = []
    const whileDraining: number[] = []
    let isDraining = false

    /** Pushes without a pause on one connection, until nobody listens any more. */
    async function lane(name: string): Promise<string> {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      try {
        for (let n = 0; ; n++) {
          const job = `${name}-${n}`
          const outcome = await ask(leaving.url, `/metrics/job/${job}`, {
            method: 'PUT',
            body: 'a 1\n',
            agent,
          })
            .then(({ status }) => status)
            .catch((reason: NodeJS.ErrnoException) => reason.code ?? reason.message)
          if (outcome === 'ECONNREFUSED') return outcome
          if (typeof outcome === 'string') cut.push(job)
          else if (outcome === 200) accepted.push(job)
          else throw new Error(`${job} was answered ${outcome}`)
          if (isDraining && typeof outcome === 'number') whileDraining.push(outcome)
        }
      } finally {
        agent.destroy()
      }
    }
    const lanes = Promise.all(['p', 'q', 'r', 's', 't', 'u', 'v', 'w'].map(lane))
    await eventually('some load', () => accepted.length > 100)
    const late = await pushInPart(leaving, 'late')

    leaving.signal('SIGTERM')
    await eventuallyHolds(async () => expect(await readyStatus(leaving)).toBe(503), { intervalMs: 5 })
    isDraining = true
    expect((await ask(leaving.url, '/-/healthy')).status).toBe(200)
    expect((await ask(leaving.url, '/metrics')).status).toBe(200)
    expect(await readyStatus(staying)).toBe(200)

    expect(await lanes).toEqual(Array.from({ length: 8 }, () => 'ECONNREFUSED'))
    // Nobody new is let in, and who was in the middle of it is waited for.
    expect(leaving.isRunning()).toBe(true)
    late.say('\n')
    const answer = await late.untilEnd()
    expect(answer).toMatch(/HTTP\/1\.1 200 OK.*HTTP\/1\.1 200 OK/s)
    expect(await leaving.exited).toEqual({ code: 0, signal: null })

    expect(whileDraining.length).toBeGreaterThan(50)
    const jobs = new Set(
      samplesOf(await scrape(staying.url)).flatMap((line) => /^a\{.*job="([^"]*)"/.exec(line)?.[1] ?? []),
    )
    expect([...accepted, 'late'].filter((job) => !jobs.has(job))).toEqual([])
    // A connection may close as a request is on its way to it, but not one whose request was taken.
    expect(cut.filter((job) => jobs.has(job))).toEqual([])
    expect(cut.length).toBeLessThanOrEqual(8)
  })

  it('cuts off what takes longer than the timeout', async () => {
    const pgr = await start({ flags: ['--shutdown.timeout=300ms'] })
    const slow = await pushInPart(pgr, 'slow')
    pgr.signal('SIGTERM')
    expect(await pgr.exited).toEqual({ code: 0, signal: null })
    expect(await slow.untilEnd()).not.toMatch(/HTTP\/1\.1 200 OK.*HTTP\/1\.1 200 OK/s)
  })

  it('does not wait for a Redis that does not answer', async () => {
    const redis = await redisServer()
    const pgr = await start({ flags: [`--redis.endpoint=${redis.url}`] })
    await push(pgr.url, '/metrics/job/a', 'a 1\n')
    redis.freeze()
    pgr.signal('SIGTERM')
    const exit = await Promise.race([pgr.exited, new Promise((resolve) => setTimeout(resolve, 8000, 'late'))])
    redis.thaw()
    expect(exit).toEqual({ code: 0, signal: null })
  })

  it('given twice ends the process at once', async () => {
    const pgr = await start({ flags: ['--shutdown.drain-delay=1h'] })
    pgr.signal('SIGTERM')
    await eventuallyHolds(async () => expect(await readyStatus(pgr)).toBe(503))
    pgr.signal('SIGTERM')
    expect(await pgr.exited).toEqual({ code: 143, signal: null })
  })
})

describe('SIGINT', () => {
  it('does not drain', async () => {
    const pgr = await start({ flags: ['--shutdown.drain-delay=1h'] })
    await push(pgr.url, '/metrics/job/a', 'a 1\n')
    pgr.signal('SIGINT')
    expect(await pgr.exited).toEqual({ code: 0, signal: null })
  })

  it('given twice does not wait for requests under way', async () => {
    const pgr = await start({ flags: ['--shutdown.timeout=1h'] })
    await pushInPart(pgr, 'slow')
    pgr.signal('SIGINT')
    await eventually('no new connections', () =>
      ask(pgr.url, '/-/healthy').then(
        () => false,
        () => true,
      ),
    )
    expect(pgr.isRunning()).toBe(true)
    pgr.signal('SIGINT')
    expect(await pgr.exited).toEqual({ code: 130, signal: null })
  })
})

describe('a start', () => {
  it('on a port that is taken ends with one line that names it, and leaves the other in peace', async () => {
    const first = await start({})
    await push(first.url, '/metrics/job/a', 'a 1\n')
    const second = await start({ port: first.port, waitFor: 'nothing' })
    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(second.stdout()).toBe('')
    expect(second.stderr()).toMatch(
      new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${first.port}: .*port is taken.*\\n$`),
    )
    expect(samplesOf(await scrape(first.url))).toContain('a{instance="",job="a"} 1')
  })

  it('without its Redis is alive and not ready, and recovers when Redis appears', async () => {
    const port = await freePort()
    const pgr = await start({ flags: [`--redis.endpoint=127.0.0.1:${port}`], waitFor: 'healthy' })
    expect(await readyStatus(pgr)).toBe(503)
    const refused = await ask(pgr.url, '/metrics/job/a', { method: 'PUT', body: 'a 1\n' })
    expect([refused.status, Number(refused.headers['retry-after']) > 0]).toEqual([503, true])
    expect((await ask(pgr.url, '/metrics')).status).toBe(503)
    expect((await ask(pgr.url, '/-/healthy')).status).toBe(200)

    await redisServer(port)
    await eventuallyHolds(async () => expect(await readyStatus(pgr)).toBe(200))
    await push(pgr.url, '/metrics/job/a', 'a 1\n')
    expect(samplesOf(await scrape(pgr.url))).toContain('a{instance="",job="a"} 1')
  })
})
