import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { Snapshot, SnapshotUnit } from '../../src/gateway/snapshot.ts'
import { openTestServer } from './open-test-server.ts'

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function unit(job: string): SnapshotUnit {
  const labels = [{ name: 'job', value: job }]
  const family = {
    name: 'a',
    type: 'gauge',
    help: '',
    unit: '',
    metrics: [{ labels: [], value: 1 }],
  } as const
  return {
    kind: 'group',
    labels,
    read: () => ({ kind: 'group', labels, pushedMs: NOW_MS, lots: [{ ttlMs: 1500, family }] }),
  }
}

function serve(snapshot: () => Promise<Snapshot>) {
  return openTestServer({ gateway: { snapshot } })
}

describe('everything stored as lines', () => {
  it('has a head, a line for each group, and an end', async () => {
    const server = serve(async () => ({ nowMs: NOW_MS, units: [unit('x'), unit('y')] }))
    const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/api/v1/export' })
    expect({ statusCode, type: headers['content-type'] }).toEqual({
      statusCode: 200,
      type: 'application/x-ndjson; charset=utf-8',
    })
    expect(body.split('\n').map((line) => line && JSON.parse(line))).toEqual([
      { format: 'pgr-export', version: 1, exported: '2026-01-02T03:04:05.678Z', from: 'pgr', units: 2 },
      ...['x', 'y'].map((job) => ({
        kind: 'group',
        labels: { job },
        pushed: '2026-01-02T03:04:05.678Z',
        families: [{ name: 'a', type: 'gauge', metrics: [{ value: 1 }], ttl_ms: 1500 }],
      })),
      { end: true, units: 2 },
      '',
    ])
  })

  it('may tell no more than which groups there are, without decoding them', async () => {
    const listed: SnapshotUnit = {
      ...unit('x'),
      read: () => {
        throw new Error('was decoded')
      },
    }
    const server = serve(async () => ({ nowMs: NOW_MS, units: [listed] }))
    const { body } = await server.inject({ method: 'GET', url: '/api/v1/export?only=labels' })
    expect(JSON.parse(body.split('\n')[1] ?? '')).toEqual({
      kind: 'group',
      labels: { job: 'x' },
      families: [],
    })
  })

  it('has no body for HEAD', async () => {
    const server = serve(async () => ({ nowMs: NOW_MS, units: [unit('x')] }))
    const { statusCode, body } = await server.inject({ method: 'HEAD', url: '/api/v1/export' })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: '' })
  })

  it('refuses what it does not know, and says so as the API does', async () => {
    const { statusCode, body } = await openTestServer().inject({
      method: 'GET',
      url: '/api/v1/export?only=names',
    })
    expect(statusCode).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ status: 'error', errorType: 'bad_data' })
  })

  it('is 503 with Retry-After while the store is away', async () => {
    const server = serve(async () => {
      throw new PgrError('PGR_STORE_UNAVAILABLE', 'away')
    })
    const { statusCode, headers } = await server.inject({ method: 'GET', url: '/api/v1/export' })
    expect(statusCode).toBe(503)
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  })
})
