import type { InjectOptions } from 'fastify'
import { describe, expect, it } from 'vitest'
import { OPTIONS, openTestServer } from './open-test-server.ts'

describe('a wrong method', () => {
  it.each([
    ['GET', '/metrics/job/a', 'DELETE, OPTIONS, POST, PUT'],
    ['PATCH', '/metrics/job/a/b/c', 'DELETE, OPTIONS, POST, PUT'],
    ['PROPFIND', '/metrics/job@base64/YQ', 'DELETE, OPTIONS, POST, PUT'],
    ['GET', '/ingest', 'OPTIONS, POST'],
    ['PUT', '/ingest', 'OPTIONS, POST'],
    ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/metrics', 'GET, HEAD, OPTIONS'],
    ['POST', '/telemetry', 'GET, HEAD, OPTIONS'],
    ['POST', '/-/healthy', 'GET, HEAD, OPTIONS'],
    ['POST', '/-/ready', 'GET, HEAD, OPTIONS'],
    ['GET', '/-/quit', 'OPTIONS, POST, PUT'],
    ['GET', '/-/reload', 'OPTIONS, POST, PUT'],
    ['POST', '/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 with Allow', async (method, url, allow) => {
    const { statusCode, headers, body } = await openTestServer().inject({ method, url } as InjectOptions)
    expect({ statusCode, allow: headers.allow, body }).toEqual({
      statusCode: 405,
      allow,
      body: 'Method Not Allowed\n',
    })
  })

  it('is not one when it asks which there are', async () => {
    const { statusCode, headers } = await openTestServer().inject({
      method: 'OPTIONS',
      url: '/metrics/job/a',
    })
    expect({ statusCode, allow: headers.allow }).toEqual({
      statusCode: 200,
      allow: 'DELETE, OPTIONS, POST, PUT',
    })
  })
})

describe('an unknown path', () => {
  it.each([
    ['POST', '/metrics/job'],
    ['POST', '/metrics/jobs/a'],
    ['POST', '/metrics/foo/bar'],
    ['GET', '/metrics/'],
    ['POST', '/metrics/job@hex/a'],
    ['POST', '/METRICS/job/a'],
    ['GET', '/-/'],
    ['GET', '/nope'],
    ['PROPFIND', '/nope'],
  ])('%s %s is 404 in text', async (method, url) => {
    const { statusCode, headers, body } = await openTestServer().inject({ method, url } as InjectOptions)
    expect({ statusCode, body }).toEqual({ statusCode: 404, body: '404 page not found\n' })
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it('under the API is 404 in its envelope', async () => {
    const { statusCode, headers, body } = await openTestServer().inject({
      method: 'GET',
      url: '/api/v1/nope?x',
    })
    expect(statusCode).toBe(404)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(body)).toEqual({ status: 'error', errorType: 'not_found', error: '404 page not found' })
  })
})

describe('the status page', () => {
  it('gives way to a path that was set to its place', async () => {
    const server = openTestServer({ options: { paths: { ...OPTIONS.paths, metrics: '/' } } })
    expect((await server.inject({ method: 'GET', url: '/' })).body).toBe('a 1\nb 2\n')
  })

  it('is found without the slash behind the route prefix', async () => {
    const server = openTestServer({ options: { routePrefix: '/pgr' } })
    const { statusCode, headers } = await server.inject({ method: 'GET', url: '/pgr' })
    expect([statusCode, headers.location]).toEqual([308, '/pgr/'])
  })
})
