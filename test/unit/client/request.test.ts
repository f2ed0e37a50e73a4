import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { buildRequest, type PushOrder } from '../../../src/client/request.ts'

const order: PushOrder = {
  target: { base: 'http://h/prefix' },
  to: { job: 'j', labels: [], replace: false },
  format: 'text',
  body: Buffer.from('a 1\n'),
  gzip: true,
}

describe('the request for a push', () => {
  it('names the group, the format and nothing else', () => {
    const request = buildRequest(order)
    expect([request.method, request.url]).toEqual(['POST', 'http://h/prefix/metrics/job/j'])
    expect([...request.headers]).toEqual([['Content-Type', 'text/plain; version=0.0.4; charset=utf-8']])
    expect(request.body).toBe(order.body)
  })

  it('replaces a group by PUT', () => {
    expect(buildRequest({ ...order, to: { job: 'j', labels: [], replace: true } }).method).toBe('PUT')
  })

  it('goes to the merging path when there is no group', () => {
    const { method, url } = buildRequest({ ...order, to: 'ingest' })
    expect([method, url]).toEqual(['POST', 'http://h/prefix/ingest'])
  })

  it('carries format, lifetime and credentials', () => {
    const { headers } = buildRequest({
      ...order,
      format: 'openmetrics',
      ttl: '15m',
      target: { base: 'http://h', credentials: { user: 'u', password: 'p' } },
    })
    expect([...headers]).toEqual([
      ['Content-Type', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
      ['X-Pgr-TTL', '15m'],
      ['Authorization', 'Basic dTpw'],
    ])
  })

  it('compresses a long body and says so', () => {
    const body = Buffer.alloc(5000, 'a_metric 1\n')
    const request = buildRequest({ ...order, body })
    expect(request.headers.get('Content-Encoding')).toBe('gzip')
    expect(gunzipSync(request.body)).toEqual(body)
  })

  it('leaves a long body alone when told to', () => {
    const body = Buffer.alloc(5000, 'a')
    const request = buildRequest({ ...order, body, gzip: false })
    expect(request.headers.has('Content-Encoding')).toBe(false)
    expect(request.body).toBe(body)
  })
})
