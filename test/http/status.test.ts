import { describe, expect, it } from 'vitest'
import type { StoreReport } from '../../src/store/store.ts'
import { openTestServer } from './open-test-server.ts'

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
        status: async () => ({ store: 'redis', ready: true, reason: 'b is away', report: REPORT }),
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
      gateway: { status: async () => ({ store: 'redis', ready: false, reason: 'connection refused' }) },
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
          return { store: 'redis', ready: true }
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
    expect(server.events).toMatchObject([{ kind: 'defect', where: 'status', error }])
  })
})
