import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { GroupListing } from '../../src/gateway/gateway.ts'
import type { Family } from '../../src/model/family.ts'
import { openTestServer } from './open-test-server.ts'

const PUSHED_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function listing(families: readonly Family[], parts: Partial<GroupListing> = {}): GroupListing {
  return {
    kind: 'group',
    labels: [{ name: 'job', value: 'a' }],
    protocol: 'text',
    createdMs: PUSHED_MS,
    pushedMs: PUSHED_MS,
    failedMs: 0,
    failure: '',
    expiresMs: 0,
    series: families.length,
    families: families.map((family) => ({
      name: family.name,
      type: family.type,
      pushedMs: PUSHED_MS,
      series: 1,
      read: () => family,
    })),
    ...parts,
  }
}

async function ask(groups: readonly GroupListing[]) {
  const server = openTestServer({ gateway: { groups: async () => groups } })
  const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/api/v1/metrics' })
  return { statusCode, headers, body }
}

describe('everything stored as JSON', () => {
  it('is an empty list at first, for anybody to read', async () => {
    const { statusCode, headers, body } = await ask([])
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: '{"status":"success","data":[]}' })
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
    })
  })

  it('shows types that Pushgateway lacks as the nearest it has', async () => {
    const { body } = await ask([
      listing([
        {
          name: 'm',
          type: 'stateset',
          help: '',
          unit: '',
          metrics: [
            {
              labels: [],
              states: [
                { name: 'on', enabled: true },
                { name: 'off', enabled: false },
              ],
            },
          ],
        },
        { name: 'n_info', type: 'info', help: '', unit: '', metrics: [{ labels: [], value: 1 }] },
      ]),
    ])
    const [group] = JSON.parse(body).data
    expect(group.m).toMatchObject({
      type: 'GAUGE',
      metrics: [
        { labels: { job: 'a', instance: '', m: 'on' }, value: '1' },
        { labels: { job: 'a', instance: '', m: 'off' }, value: '0' },
      ],
    })
    expect(group.n_info).toMatchObject({ type: 'GAUGE', time_stamp: '2026-01-02T03:04:05.678Z' })
  })

  it('holds whatever a label is called', async () => {
    const metrics = [{ labels: [{ name: '__proto__', value: 'x"' }], value: 1 }]
    const { body } = await ask([listing([{ name: 'a', type: 'gauge', help: '', unit: '', metrics }])])
    expect(body).toContain('"__proto__":"x\\""')
  })

  it('comes whole however much there is', async () => {
    const groups = Array.from({ length: 5000 }, (_, i) =>
      listing([{ name: 'a', type: 'gauge', help: 'h', unit: '', metrics: [{ labels: [], value: i }] }]),
    )
    const { body } = await ask(groups)
    expect(
      JSON.parse(body).data.map(
        (group: { a: { metrics: { value: string }[] } }) => group.a.metrics[0]?.value,
      ),
    ).toEqual(groups.map((_, i) => String(i)))
  })

  it('is 503 while the store is away', async () => {
    const away = async () => {
      throw new PgrError('PGR_STORE_UNAVAILABLE', 'redis is away', { retryAfterSeconds: 2 })
    }
    const server = openTestServer({ gateway: { groups: away } })
    const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/api/v1/metrics' })
    expect(statusCode).toBe(503)
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(JSON.parse(body)).toEqual({ status: 'error', errorType: 'unavailable', error: 'redis is away' })
  })

  it('tells a browser what it may ask', async () => {
    const { statusCode, headers } = await openTestServer().inject({
      method: 'OPTIONS',
      url: '/api/v1/metrics',
    })
    expect(statusCode).toBe(200)
    expect(headers).toMatchObject({
      allow: 'GET, OPTIONS',
      'access-control-allow-methods': 'GET, OPTIONS',
    })
  })
})
