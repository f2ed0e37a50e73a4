import { describe, expect, it } from 'vitest'
import type { StoreReport } from '../../src/store/store.ts'
import { NO_HOLDINGS, openTestServer } from './open-test-server.ts'

const REPORT: StoreReport = {
  name: 'redis',
  facts: new Map<string, string | number | boolean>([
    ['redis_version', '7.0.15'],
    ['used_memory', 1024],
    ['connected', true],
    // A server may say anything of itself.
    ['__proto__', 'x'],
  ]),
  findings: [
    { finding: 'persistence', ok: false, message: 'set `appendonly yes`', where: 'redis://a:6379' },
    { finding: 'disk', ok: true, message: 'the disk is full', where: 'redis://a:6379' },
  ],
  losses: {
    history: 1,
    lostWrites: 2,
    resubmittedWrites: 3,
    lastAtMs: Date.UTC(2026, 1, 3, 4, 5, 6, 7),
    cause: 'failover',
  },
  primaries: [
    { endpoint: 'redis://a:6379', state: 'usable', partitions: 32 },
    { endpoint: 'redis://b:6379', state: 'away', partitions: 32, reason: 'connection refused' },
  ],
  replicas: [
    { id: '1f', version: '1.2.3', address: 'one:9753', lastSeenMs: Date.UTC(2026, 1, 3) },
    { id: '2f', version: '1.2.3', address: 'two:9753', lastSeenMs: Number.NaN },
  ],
}

const get = { method: 'GET', url: '/api/v1/status' } as const

describe('the status', () => {
  it('has the keys and the kinds of values that readers of Pushgateway know', async () => {
    const { statusCode, headers, body } = await openTestServer().inject(get)
    const { status, data } = JSON.parse(body)
    expect({ statusCode, status }).toEqual({ statusCode: 200, status: 'success' })
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache, no-store, must-revalidate',
    })
    // As Pushgateway 1.5.1 answers.
    for (const key of ['branch', 'buildDate', 'buildUser', 'goVersion', 'revision', 'version'])
      expect(typeof data.build_information[key]).toBe('string')
    expect(data.build_information.version).toBe('1.2.3')
    expect(data.flags).toEqual({ port: '9753', 'redis.password': '***' })
    expect(data.start_time).toBe('2026-01-02T03:04:05.000Z')
  })

  it('tells all that the store reports', async () => {
    const server = openTestServer({
      gateway: {
        status: async () => ({
          store: 'redis',
          ready: true,
          reason: 'b is away',
          report: REPORT,
          holds: NO_HOLDINGS,
        }),
      },
    })
    const { body } = await server.inject(get)
    expect(body).toContain('"__proto__":"x"')
    const { store } = JSON.parse(body).data
    expect(store).toMatchObject({ name: 'redis', ready: true, reason: 'b is away' })
    expect(store.facts).toMatchObject({ redis_version: '7.0.15', used_memory: 1024, connected: true })
    expect(store.findings).toEqual([
      { finding: 'persistence', ok: false, message: 'set `appendonly yes`', where: 'redis://a:6379' },
      { finding: 'disk', ok: true, where: 'redis://a:6379' },
    ])
    expect(store.losses).toEqual({
      history: 1,
      lost_writes: 2,
      resubmitted_writes: 3,
      last_at: '2026-02-03T04:05:06.007Z',
      cause: 'failover',
    })
    expect(store.primaries).toEqual(REPORT.primaries)
    expect(store.replicas).toEqual([
      { id: '1f', version: '1.2.3', address: 'one:9753', last_seen: '2026-02-03T00:00:00.000Z' },
      { id: '2f', version: '1.2.3', address: 'two:9753', last_seen: null },
    ])
  })

  it('is 200 and says why nothing is known when the store is away', async () => {
    const server = openTestServer({
      gateway: {
        status: async () => ({
          store: 'redis',
          ready: false,
          reason: 'connection refused',
          holds: NO_HOLDINGS,
        }),
      },
    })
    const { statusCode, body } = await server.inject(get)
    expect(statusCode).toBe(200)
    expect(JSON.parse(body).data.store).toEqual({
      name: 'redis',
      ready: false,
      reason: 'connection refused',
    })
  })

  it('gives the store two seconds', async () => {
    const deadlines: number[] = []
    const server = openTestServer({
      gateway: {
        status: async ({ deadlineMs }) => {
          deadlines.push(deadlineMs)
          return { store: 'redis', ready: true, holds: NO_HOLDINGS }
        },
      },
    })
    const beforeMs = performance.now()
    await server.inject(get)
    const [deadlineMs = 0] = deadlines
    expect(deadlineMs).toBeGreaterThanOrEqual(beforeMs + 2000)
    expect(deadlineMs).toBeLessThanOrEqual(performance.now() + 2000)
  })

  it('answers HEAD, and other methods in the words of the API', async () => {
    const server = openTestServer()
    expect((await server.inject({ ...get, method: 'HEAD' })).statusCode).toBe(200)
    const { statusCode, headers, body } = await server.inject({ ...get, method: 'POST' })
    expect({ statusCode, allow: headers['allow'] }).toEqual({ statusCode: 405, allow: 'GET, HEAD, OPTIONS' })
    expect(JSON.parse(body)).toMatchObject({ status: 'error', errorType: 'bad_data' })
  })

  it('that cannot be made is a defect, in the words of the API', async () => {
    const error = new Error('no')
    const server = openTestServer({ gateway: { status: () => Promise.reject(error) } })
    const { statusCode, body } = await server.inject(get)
    expect(statusCode).toBe(500)
    expect(JSON.parse(body)).toMatchObject({ status: 'error', errorType: 'internal' })
    expect(server.events.filter(({ kind }) => kind !== 'request')).toMatchObject([
      { kind: 'defect', where: 'status', error },
    ])
  })

  it('tells which replica answers, what is switched on, and what every setting is', async () => {
    const server = openTestServer({
      options: {
        enableAdminApi: true,
        consistencyCheck: false,
        settings: [
          { flag: 'port', value: '9753', from: 'default', origin: '' },
          { flag: 'redis.password', value: '***', from: 'environment', origin: 'PGR_REDIS_PASSWORD' },
        ],
        startedAt: new Date(Date.now() - 5000),
      },
      gateway: {
        status: async () => ({
          ...{ store: 'redis', ready: true, report: { ...REPORT, self: '1f' } },
          holds: { series: 5, groups: 1, sets: 2, expiringSoon: 3 },
        }),
      },
    })
    const { data } = JSON.parse((await server.inject(get)).body)
    expect(data).toMatchObject({
      replica: { id: '1f' },
      features: { admin_api: true, lifecycle: false, consistency_check: false },
      settings: [
        { flag: 'port', value: '9753', from: 'default' },
        { flag: 'redis.password', value: '***', from: 'environment', origin: 'PGR_REDIS_PASSWORD' },
      ],
      page: { series: 5, groups: 1, sets: 2, expiring_within_60s: 3 },
    })
    expect(data.replica.uptime_seconds).toBeGreaterThanOrEqual(5)
    expect(data.settings[0]).not.toHaveProperty('origin')
  })

  it('tells what was pushed and what was not taken, with the labels of its group', async () => {
    const counters = {
      pushes: [{ protocol: 'text', outcome: 'accepted', total: 2 }] as const,
      samples: [{ protocol: 'text', total: 9 }],
      rejections: [{ protocol: 'text', reason: 'PGR_PUSH_INVALID', total: 1 }],
    }
    const rejection = {
      atMs: Date.UTC(2026, 1, 3),
      protocol: 'text',
      code: 'PGR_PUSH_INVALID',
      reason: 'no',
    } as const
    const labels = [{ name: '__proto__', value: 'x' }]
    const server = openTestServer({
      deps: {
        telemetry: {
          metrics: async () => ({ contentType: '', body: '' }),
          activity: async () => ({ counters, rejections: [{ ...rejection, labels }, rejection] }),
        },
      },
    })
    const { body } = await server.inject(get)
    const { data } = JSON.parse(body)
    expect(data.counters).toEqual(counters)
    const told = { at: '2026-02-03T00:00:00.000Z', protocol: 'text', code: 'PGR_PUSH_INVALID', reason: 'no' }
    expect(data.recent_rejections[1]).toEqual({ ...told, labels: null })
    expect(body).toContain('"labels":{"__proto__":"x"}')
  })

  it('goes without what other processes did not tell', async () => {
    const metrics = async () => ({ contentType: '', body: '' })
    const activity = () => Promise.reject(new Error('no'))
    const { statusCode, body } = await openTestServer({ deps: { telemetry: { metrics, activity } } }).inject(
      get,
    )
    expect(statusCode).toBe(200)
    expect(Object.keys(JSON.parse(body).data)).not.toContain('counters')
  })
})
