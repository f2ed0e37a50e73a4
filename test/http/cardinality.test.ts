import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { CardinalityRequest } from '../../src/gateway/gateway.ts'
import { openTestServer } from './open-test-server.ts'

const COUNTED = {
  nowMs: Date.UTC(2026, 10, 27, 20),
  ...{ series: 3, groups: 2, sets: 1, families: 1, complete: true },
  metrics: [{ name: 'a', type: 'gauge', series: 3, groups: 3 }] as const,
  labels: [{ name: 'job', values: 1, series: 3 }],
  jobs: [{ job: 'b', series: 3, groups: 2, sets: 1 }],
  pairs: [{ name: 'job', value: 'b', series: 3 }],
}

async function ask(url: string, cardinality = async () => COUNTED) {
  const asked: CardinalityRequest[] = []
  const server = openTestServer({
    gateway: {
      cardinality: (request) => {
        asked.push(request)
        return cardinality()
      },
    },
  })
  const { statusCode, headers, body } = await server.inject({ method: 'GET', url })
  return { statusCode, headers, asked, ...JSON.parse(body) }
}

describe('the cardinality', () => {
  it('is told as it is counted', async () => {
    const { statusCode, status, data, asked } = await ask('/api/v1/cardinality')
    const { nowMs: _, ...counts } = COUNTED
    expect({ statusCode, status, data }).toEqual({
      statusCode: 200,
      status: 'success',
      data: { now: '2026-11-27T20:00:00.000Z', ...counts },
    })
    expect(asked).toEqual([{ match: [], limit: 10, deadlineMs: expect.any(Number) }])
  })

  it('is asked for in part', async () => {
    const { asked } = await ask('/api/v1/cardinality?limit=3&label=path&match[]={job="b"}')
    expect(asked).toMatchObject([{ limit: 3, label: 'path', match: [{ text: '{job="b"}' }] }])
    expect(asked[0]?.match[0]?.select([{ name: 'job', value: 'b' }])).toBe(true)
  })

  it.each(['limit=1001', 'label=a&label=b', `label=${'x'.repeat(1001)}`, 'match[]=x'])(
    'refuses %s',
    async (query) => {
      const { statusCode, errorType, asked } = await ask(`/api/v1/cardinality?${query}`)
      expect({ statusCode, errorType, asked }).toEqual({ statusCode: 400, errorType: 'bad_data', asked: [] })
    },
  )

  it('is 503 while the store is away', async () => {
    const { statusCode, headers } = await ask('/api/v1/cardinality', async () => {
      throw new PgrError('PGR_STORE_UNAVAILABLE', 'gone', { retryAfterSeconds: 7 })
    })
    expect(statusCode).toBe(503)
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(7)
  })
})
