import { afterEach, describe, expect, it } from 'vitest'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisOptions, type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask, OPENMETRICS, push, samplesOf, scrape } from './ask.ts'

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

async function redisServer(options: RedisOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options)
  stopping.push(() => redis.stop())
  return redis
}

async function replica(redis: RedisServer, port?: number): Promise<Pgr> {
  const pgr = await startPgr({
    flags: [`--redis.endpoint=${redis.url}`],
    ...(port === undefined ? {} : { port }),
  })
  stopping.push(() => pgr.kill())
  return pgr
}

const HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n'

/** Every way of writing once, over both replicas: groups replaced, added to, refused and removed, and merged samples. */
async function fill(a: Pgr, b: Pgr): Promise<void> {
  await push(a.url, '/metrics/job/first/instance/1', HISTOGRAM)
  await push(b.url, '/metrics/job/first/instance/2', HISTOGRAM)
  await push(a.url, '/metrics/job/second', '# HELP g of a\n# TYPE g gauge\ng{x="1"} 1\ng{x="2"} 2\n')
  await push(b.url, '/metrics/job/second', 'c_total{x="3"} 3\n')
  await push(a.url, '/metrics/job/third', '# TYPE g gauge\ng{x="9"} 9\n')
  await push(b.url, '/metrics/job/third', '# TYPE g gauge\ng{x="4"} 4\n', { method: 'PUT' })
  const clash = await ask(a.url, '/metrics/job/third', {
    method: 'POST',
    body: '# TYPE g counter\ng{x="5"} 5\n',
  })
  expect(clash.status).toBe(400)
  await push(b.url, '/ingest', 'm{job="a",instance="b"} 1\nm{job="a"} 2\nm 3\n')
  await push(a.url, '/metrics/job/gone', 'r 1\n')
  const gone = await ask(b.url, '/metrics/job/gone', { method: 'DELETE' })
  expect(gone.status).toBe(202)
}

describe('replicas of one Redis', () => {
  it('serve what a killed one acknowledged up to its last moment', async () => {
    const redis = await redisServer()
    const [taker, other] = await Promise.all([replica(redis), replica(redis)])
    const acknowledged = new Set<string>()
    let isKilled = false
    async function lane(name: string): Promise<void> {
      for (let n = 0; !isKilled; n++) {
        const job = `${name}-${n}`
        // What was not answered may or may not be there.
        const { status } = await ask(taker.url, `/metrics/job/${job}`, {
          method: 'PUT',
          body: 'a 1\nb 2\n',
        }).catch(() => ({ status: 0 }))
        if (status !== 200) return
        acknowledged.add(job)
        if (acknowledged.size < 200) continue
        isKilled = true
        await taker.kill()
      }
    }
    await Promise.all(['p', 'q', 'r', 's'].map(lane))

    const lines = new Set(samplesOf(await scrape(other.url)))
    expect(acknowledged.size).toBeGreaterThanOrEqual(200)
    const lost = [...acknowledged].filter(
      (job) => !lines.has(`a{instance="",job="${job}"} 1`) || !lines.has(`b{instance="",job="${job}"} 2`),
    )
    expect(lost).toEqual([])
  })

  it('show the same bytes, in text and in OpenMetrics, also one that starts later', async () => {
    const redis = await redisServer()
    const [a, b] = await Promise.all([replica(redis), replica(redis)])
    await fill(a, b)
    const late = await replica(redis)
    for (const [headers, end] of [
      [{}, ''],
      [OPENMETRICS, '# EOF\n'],
    ] as const) {
      const pages = await Promise.all([a, b, late].map(({ url }) => scrape(url, headers)))
      const [page = ''] = pages
      expect(page.endsWith(end)).toBe(true)
      // Two histograms of 4, g twice and of the third once, c, m three times, and two times of each of four groups.
      expect(samplesOf(page)).toHaveLength(8 + 3 + 1 + 3 + 2 * 4)
      expect(page).not.toContain('gone')
      expect(pages).toEqual([page, page, page])
    }
  })

  it('still have everything after all of them were restarted', async () => {
    const redis = await redisServer()
    const [a, b] = await Promise.all([replica(redis), replica(redis)])
    await fill(a, b)
    const before = await scrape(a.url)
    await Promise.all([a.stop(), b.kill()])
    const [again, other] = await Promise.all([replica(redis, a.port), replica(redis, b.port)])
    expect(samplesOf(before).length).toBeGreaterThan(20)
    expect(await scrape(again.url)).toBe(before)
    expect(await scrape(other.url)).toBe(before)
  })

  it('tell that Redis is away, and have everything when it is back, without a restart of theirs', async () => {
    const redis = await redisServer({ durable: true })
    const replicas = await Promise.all([replica(redis), replica(redis)])
    const [a, b] = replicas
    await fill(a, b)
    const before = await scrape(a.url)

    await redis.kill()
    for (const { url } of replicas) {
      await eventuallyHolds(async () => expect((await ask(url, '/-/ready')).status).toBe(503))
      expect((await ask(url, '/-/healthy')).status).toBe(200)
      for (const [path, method] of [
        ['/metrics/job/meanwhile', 'PUT'],
        ['/metrics/job/meanwhile', 'POST'],
        ['/metrics/job/second', 'DELETE'],
        ['/ingest', 'POST'],
      ] as const) {
        const { status, headers } = await ask(url, path, { method, body: 'meanwhile 1\n' })
        expect([path, method, status, Number(headers['retry-after']) > 0]).toEqual([path, method, 503, true])
      }
      // An empty page would end every series.
      const { status, headers } = await ask(url, '/metrics')
      expect([status, Number(headers['retry-after']) > 0]).toEqual([503, true])
    }

    await redis.restart()
    for (const { url } of replicas) {
      await eventuallyHolds(async () => expect((await ask(url, '/-/ready')).status).toBe(200))
      expect(await scrape(url)).toBe(before)
    }
    expect(samplesOf(before).length).toBeGreaterThan(20)
    await push(a.url, '/metrics/job/afterwards', 'afterwards 1\n')
    expect(samplesOf(await scrape(b.url))).toContain('afterwards{instance="",job="afterwards"} 1')
  })
})
