import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { NO_ACTIVITY, OPTIONS, openTestServer, PAGE, pageOf } from './open-test-server.ts'

const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

describe('a scrape', () => {
  it('gets the page in text when it asks for nothing', async () => {
    const server = openTestServer()
    const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/metrics' })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: PAGE })
    expect(headers).toMatchObject({ 'content-length': String(PAGE.length), vary: 'Accept, Accept-Encoding' })
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4; charset=utf-8/)
    expect(headers['content-encoding']).toBeUndefined()
    expect(server.scrapes).toMatchObject([{ format: 'text', escaping: 'underscores', gzip: false }])
  })

  it('by Prometheus is answered in OpenMetrics with UTF-8 names', async () => {
    const server = openTestServer()
    const { headers } = await server.inject({
      method: 'GET',
      url: '/metrics',
      headers: { accept: PROMETHEUS },
    })
    expect(headers['content-type']).toMatch(
      /^application\/openmetrics-text; version=1\.0\.0;.*escaping=allow-utf-8/,
    )
    expect(server.scrapes).toMatchObject([{ format: 'openmetrics', escaping: 'allow-utf-8' }])
  })

  it('is never answered in OpenMetrics as Pushgateway', async () => {
    const server = openTestServer({ options: { compat: 'pushgateway' } })
    const { headers } = await server.inject({
      method: 'GET',
      url: '/metrics',
      headers: { accept: PROMETHEUS },
    })
    expect(headers['content-type']).toMatch(/^text\/plain/)
  })

  it('gets gzip when it accepts it, as the use-case compressed it', async () => {
    const zipped = gzipSync(PAGE)
    const server = openTestServer({
      gateway: {
        scrape: async ({ gzip }) => ({
          chunks: [zipped],
          bytes: zipped.length,
          series: gzip ? 2 : 0,
          free: [],
          ageSeconds: 0,
          release() {},
        }),
      },
    })
    const { headers, rawPayload } = await server.inject({
      method: 'GET',
      url: '/metrics',
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(zipped.length) })
    expect(gunzipSync(rawPayload).toString()).toBe(PAGE)
    expect(server.events).toMatchObject([{ kind: 'scrape', series: 2 }])
  })

  it('of HEAD gets the head alone', async () => {
    const { statusCode, headers, body } = await openTestServer().inject({ method: 'HEAD', url: '/metrics' })
    expect({ statusCode, body, length: headers['content-length'] }).toEqual({
      statusCode: 200,
      body: '',
      length: String(PAGE.length),
    })
  })

  it('gets many pieces joined, empty ones included', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? '' : `m${i} ${i}\n`))
    const server = openTestServer({ gateway: { scrape: async () => pageOf(...texts) } })
    expect((await server.inject({ method: 'GET', url: '/metrics' })).body).toBe(texts.join(''))
  })

  it.each([
    ['what Prometheus waits, less a margin', '15', 14_500],
    ['fractions', '2.5', 2000],
    ['never less than a little', '0.2', 100],
    ['never without end', '1e9', 300_000],
    ['ten seconds when nothing is said', undefined, 10_000],
    ['ten seconds when nonsense is said', 'soon', 10_000],
    ['ten seconds when zero is said', '0', 10_000],
    ['ten seconds when less than nothing is said', '-5', 10_000],
  ])('waits for a cold view %s', async (_why, seconds, budgetMs) => {
    const server = openTestServer()
    const headers = seconds === undefined ? {} : { 'x-prometheus-scrape-timeout-seconds': seconds }
    const beforeMs = performance.now()
    await server.inject({ method: 'GET', url: '/metrics', headers })
    const deadlineMs = server.scrapes[0]?.deadlineMs ?? 0
    expect(deadlineMs).toBeGreaterThanOrEqual(beforeMs + budgetMs)
    expect(deadlineMs).toBeLessThanOrEqual(performance.now() + budgetMs)
  })

  it('is 503 while the store is away: an empty page would end every series', async () => {
    const server = openTestServer({
      gateway: {
        scrape: async () => {
          throw new PgrError('PGR_STORE_UNAVAILABLE', 'the store does not answer')
        },
      },
    })
    const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/metrics' })
    expect({ statusCode, body }).toEqual({ statusCode: 503, body: 'the store does not answer\n' })
    expect(headers['retry-after']).toMatch(/^[1-5]$/)
    expect(server.events).toMatchObject([
      { kind: 'scrape', format: 'text', status: 503, bytes: 0, series: 0, code: 'PGR_STORE_UNAVAILABLE' },
    ])
  })

  it('of the last page says how old it is, rounded up, and is told as such', async () => {
    const server = openTestServer({
      gateway: { scrape: async () => ({ ...pageOf(PAGE), ageSeconds: 12.01 }) },
    })
    const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/metrics' })
    expect({ statusCode, body, age: headers['age'] }).toEqual({ statusCode: 200, body: PAGE, age: '13' })
    expect(server.events).toMatchObject([{ kind: 'scrape', status: 200, bytes: PAGE.length, stale: true }])
  })

  it('of a page as of now has no age', async () => {
    const server = openTestServer()
    const { headers } = await server.inject({ method: 'GET', url: '/metrics' })
    expect(headers).not.toHaveProperty('age')
    expect(server.events[0]).not.toHaveProperty('stale')
  })

  it('is told with what was sent', async () => {
    const server = openTestServer()
    await server.inject({ method: 'GET', url: '/metrics' })
    expect(server.events).toMatchObject([
      {
        kind: 'scrape',
        format: 'text',
        status: 200,
        bytes: PAGE.length,
        series: 1,
        seconds: expect.any(Number),
      },
    ])
  })
})

describe('own metrics', () => {
  it('have a page of their own', async () => {
    const { statusCode, headers, body } = await openTestServer().inject({ method: 'GET', url: '/telemetry' })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'pgr_units 1\n' })
    expect(headers['content-type']).toBe('text/plain; version=0.0.4')
  })

  it.each([false, true])('follow the pushed ones when they share a path; gzip: %s', async (gzip) => {
    const own = '# HELP pgr_units Units.\n# TYPE pgr_units gauge\npgr_units 1\n'
    const server = openTestServer({
      options: { compat: 'pushgateway', paths: { ...OPTIONS.paths, telemetry: OPTIONS.paths.metrics } },
      deps: {
        telemetry: {
          metrics: async () => ({ contentType: 'text/plain', body: own }),
          activity: async () => NO_ACTIVITY,
        },
      },
    })
    const { headers, rawPayload } = await server.inject({
      method: 'GET',
      url: '/metrics',
      headers: gzip ? { 'accept-encoding': 'gzip' } : {},
    })
    expect(headers['content-length']).toBe(String(rawPayload.length))
    expect((gzip ? gunzipSync(rawPayload) : rawPayload).toString()).toBe(PAGE + own)
  })

  it('that cannot be shown are a 500 and a defect', async () => {
    const error = new Error('no')
    const server = openTestServer({
      deps: {
        telemetry: {
          metrics: async () => {
            throw error
          },
          activity: async () => NO_ACTIVITY,
        },
      },
    })
    expect((await server.inject({ method: 'GET', url: '/telemetry' })).statusCode).toBe(500)
    expect(server.events).toMatchObject([{ kind: 'defect', where: 'telemetry', error }])
  })
})
