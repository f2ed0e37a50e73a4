import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Prometheus, scrapeConfig, startPrometheus } from '../support/start-prometheus.ts'
import { push } from './ask.ts'

const SCRAPE_MS = 500
const TTL_MS = 2000
/** What a busy machine may add to a scrape. */
const SLACK_MS = 2000
const SOON = { deadlineMs: 10_000, intervalMs: 50 }

const REQUESTS = `# HELP request_seconds How long requests took.
# TYPE request_seconds histogram
request_seconds_bucket{le="0.1"} 50
request_seconds_bucket{le="1"} 90
request_seconds_bucket{le="+Inf"} 100
request_seconds_sum 42
request_seconds_count 100
`

describeWith('prometheus', 'Prometheus, scraping a replica that took none of the pushes', () => {
  let redis: RedisServer
  let taker: Pgr
  let scraped: Pgr
  let prometheus: Prometheus

  beforeAll(async () => {
    redis = await startRedis({ durable: true })
    const flags = [`--redis.endpoint=${redis.url}`]
    ;[taker, scraped] = await Promise.all([startPgr({ flags }), startPgr({ flags })])
    prometheus = await startPrometheus({ config: scrapeConfig(`127.0.0.1:${scraped.port}`, SCRAPE_MS) })
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all([taker?.kill(), scraped?.kill()])
    await redis?.stop()
  })

  /** The only series an instant query finds. */
  function only(expression: string): Promise<{ metric: object; value: number }> {
    return eventually(
      expression,
      () => prometheus.query(expression),
      (found) => found.length === 1,
      SOON,
    ).then(([first]) => first ?? { metric: {}, value: Number.NaN })
  }

  it('finds a value with the labels it was pushed with', async () => {
    await push(taker.url, '/metrics/job/backup/instance/db1', 'last_success{disk="a\\"b"} 42.5\n')
    await push(taker.url, '/metrics/job/nightly', 'last_run 7\n')
    expect(await only('last_success')).toEqual({
      metric: { __name__: 'last_success', job: 'backup', instance: 'db1', disk: 'a"b' },
      value: 42.5,
    })
    // The empty instance of the page keeps the address of the gateway from taking its place.
    expect(await only('last_run')).toEqual({ metric: { __name__: 'last_run', job: 'nightly' }, value: 7 })
  })

  it('knows help and type', async () => {
    await push(
      taker.url,
      '/metrics/job/meta',
      `${REQUESTS}# HELP done_total Work done.\n# TYPE done_total counter\ndone_total 3\n# HELP depth How "deep".\n# TYPE depth gauge\ndepth 2\n`,
    )
    await only('depth')
    expect(await only('done_total')).toMatchObject({ value: 3 })
    const metadata = await eventually(
      'metadata of all',
      readMetadata,
      (all) => all['depth'] !== undefined,
      SOON,
    )
    expect(metadata).toMatchObject({
      request_seconds: [{ type: 'histogram', help: 'How long requests took.' }],
      // In OpenMetrics a counter is called what its sample is called without the suffix.
      done: [{ type: 'counter', help: 'Work done.' }],
      depth: [{ type: 'gauge', help: 'How "deep".' }],
      push_time_seconds: [{ type: 'gauge' }],
    })
  })

  it('computes quantiles of a pushed histogram', async () => {
    await push(taker.url, '/metrics/job/quantile', REQUESTS)
    const { value } = await only('histogram_quantile(0.7, request_seconds_bucket{job="quantile"})')
    // 20 of the 40 between 0.1 and 1.
    expect(value).toBeCloseTo(0.55, 10)
    expect(await only('request_seconds_count{job="quantile"}')).toMatchObject({ value: 100 })
  })

  it('shows a series until its lifetime ends, and then no longer', async () => {
    const pushedMs = performance.now()
    await push(taker.url, '/metrics/job/brief/instance/x', 'brief 1\n', {
      headers: { 'x-pgr-ttl': `${TTL_MS}ms` },
    })
    await only('brief')
    await eventually(
      'an end of the series',
      () => prometheus.query('brief'),
      (found) => found.length === 0,
      SOON,
    )
    const shownMs = performance.now() - pushedMs
    expect(shownMs).toBeGreaterThan(TTL_MS)
    expect(shownMs).toBeLessThan(TTL_MS + SCRAPE_MS + SLACK_MS)
    // Its own history is not rewritten.
    expect(await prometheus.query('count_over_time(brief[1m])')).toHaveLength(1)
  })

  it('is told of an outage of Redis instead of an empty page, and goes on after it', async () => {
    await push(taker.url, '/metrics/job/lasting', 'lasting 1\n')
    await only('lasting')
    await redis.kill()
    const [target] = await eventually('a failed scrape', targets, ([first]) => first?.health === 'down', SOON)
    expect(target?.lastError).toContain('503')
    await eventually(
      'up of 0',
      () => prometheus.query('up{job="pgr"}'),
      ([up]) => up?.value === 0,
      SOON,
    )
    await redis.restart()
    await eventually(
      'up of 1',
      () => prometheus.query('up{job="pgr"}'),
      ([up]) => up?.value === 1,
      SOON,
    )
    expect(await only('lasting')).toMatchObject({ value: 1 })
  })

  const targets = () => prometheus.targets()

  async function readMetadata(): Promise<Record<string, unknown>> {
    const response = await fetch(`${prometheus.url}/api/v1/metadata`)
    return ((await response.json()) as { data: Record<string, unknown> }).data
  }
})
