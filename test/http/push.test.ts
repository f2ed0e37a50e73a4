import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { OPTIONS, openTestServer } from './open-test-server.ts'

const BODY = 'a 1\nb 2\n'

describe('a push', () => {
  it.each([
    ['PUT', 'put'],
    ['POST', 'post'],
  ] as const)('by %s stores the group and is answered 200 without a body', async (method, mode) => {
    const server = openTestServer()
    const startedAtMs = performance.now()
    const { statusCode, body, headers } = await server.inject({
      method,
      url: '/metrics/job/a/instance/i',
      payload: BODY,
    })
    expect({ statusCode, body, length: headers['content-length'] }).toEqual({
      statusCode: 200,
      body: '',
      length: '0',
    })
    expect(server.pushes).toHaveLength(1)
    expect(server.pushes[0]).toMatchObject({
      mode,
      group: [
        { name: 'instance', value: 'i' },
        { name: 'job', value: 'a' },
      ],
      families: [{ name: 'a' }, { name: 'b' }],
      protocol: 'text',
      bytes: BODY.length,
    })
    expect(server.pushes[0]).not.toHaveProperty('ttlMs')
    const deadlineMs = server.pushes[0]?.deadlineMs ?? 0
    expect(deadlineMs).toBeGreaterThanOrEqual(startedAtMs + OPTIONS.requestTimeoutMs)
    expect(deadlineMs).toBeLessThanOrEqual(performance.now() + OPTIONS.requestTimeoutMs)
  })

  it('is answered 202 when it is not checked', async () => {
    const server = openTestServer({ options: { consistencyCheck: false } })
    expect((await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: BODY })).statusCode).toBe(
      202,
    )
  })

  it.each([
    ['no type, as prom-client and Rust send', {}],
    ['the type of curl', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['the type of text', { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }],
    ['JSON, whose parser would refuse it', { 'content-type': 'application/json' }],
    ['no type at all', { 'content-type': ';;;' }],
    ['an empty type', { 'content-type': '' }],
  ])('with %s is read as text', async (_why, headers) => {
    const server = openTestServer()
    const { statusCode } = await server.inject({
      method: 'POST',
      url: '/metrics/job/a',
      headers,
      payload: BODY,
    })
    expect(statusCode).toBe(200)
    expect(server.pushes[0]?.families.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('without a body is a push of nothing', async () => {
    const server = openTestServer()
    for (const headers of [{}, { 'content-type': 'application/json' }, { 'content-length': '0' }]) {
      expect((await server.inject({ method: 'PUT', url: '/metrics/job/a', headers })).statusCode).toBe(200)
    }
    expect(server.pushes.map(({ families }) => families)).toEqual([[], [], []])
  })

  it('of OpenMetrics is read as that', async () => {
    const server = openTestServer()
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-type': 'application/openmetrics-text; version=1.0.0' },
      payload: '# TYPE a counter\na_total 1\n# EOF\n',
    })
    expect(statusCode).toBe(200)
    expect(server.pushes[0]?.protocol).toBe('openmetrics')
  })

  it('of remote write is refused with the path it belongs to', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({
      method: 'POST',
      url: '/metrics/job/a',
      headers: { 'content-type': 'application/x-protobuf' },
      payload: 'x',
    })
    expect(statusCode).toBe(415)
    expect(body).toContain('/api/v1/write')
  })

  it.each(['gzip', 'GZIP', 'x-gzip', 'identity, gzip'])(
    'with Content-Encoding %s is decompressed',
    async (encoding) => {
      const server = openTestServer()
      const { statusCode } = await server.inject({
        method: 'PUT',
        url: '/metrics/job/a',
        headers: { 'content-encoding': encoding },
        payload: gzipSync(BODY),
      })
      expect(statusCode).toBe(200)
      expect(server.pushes[0]?.bytes).toBe(BODY.length)
    },
  )

  it.each(['gzip, snappy', 'br', 'deflate', 'zstd', 'gzip, gzip', 'gzip, br', '__proto__'])(
    'with Content-Encoding %s is refused and told what is read',
    async (encoding) => {
      const server = openTestServer()
      const { statusCode, body } = await server.inject({
        method: 'PUT',
        url: '/metrics/job/a',
        headers: { 'content-encoding': encoding },
        payload: BODY,
      })
      expect(statusCode).toBe(415)
      expect(body).toContain('send gzip')
    },
  )

  it.each(['', 'identity', 'Identity'])('with Content-Encoding "%s" is read as it is', async (encoding) => {
    const server = openTestServer()
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': encoding },
      payload: BODY,
    })
    expect(statusCode).toBe(200)
  })

  it('of framed snappy is read', async () => {
    const server = openTestServer()
    const framed = 'ff060000734e6150705901080000f10918436320310a01080000af2fb6226420320a'
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': 'snappy' },
      payload: Buffer.from(framed, 'hex'),
    })
    expect(statusCode).toBe(200)
    expect(server.pushes[0]?.families).toMatchObject([{ name: 'c' }, { name: 'd' }])
  })

  it('of a snappy block is refused and told what is read', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': 'snappy' },
      payload: Buffer.from('040c6320310a', 'hex'),
    })
    expect(statusCode).toBe(400)
    expect(body).toContain('block format')
    expect(server.pushes).toEqual([])
  })

  it('of broken gzip is refused', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': 'gzip' },
      payload: gzipSync(BODY).subarray(0, -1),
    })
    expect(statusCode).toBe(400)
    expect(body).toContain('gzip')
    expect(server.pushes).toEqual([])
  })

  it.each([
    ['header', { 'x-pgr-ttl': '15m' }, ''],
    ['query', {}, '?ttl=15m'],
    ['both', { 'x-pgr-ttl': '900s' }, '?ttl=15m'],
  ])('asks for its lifetime by %s', async (_why, headers, query) => {
    const server = openTestServer()
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: `/metrics/job/a${query}`,
      headers,
      payload: BODY,
    })
    expect(statusCode).toBe(200)
    expect(server.pushes[0]).toMatchObject({ ttlMs: 900_000, group: [{ name: 'job', value: 'a' }] })
  })

  it.each([
    ['one that cannot be read', { 'x-pgr-ttl': 'soon' }, 'X'],
    ['two that differ', { 'x-pgr-ttl': '1m' }, 'ttl=2m'],
    ['more than allowed', { 'x-pgr-ttl': '2h' }, ''],
    ['never, where there is a limit', { 'x-pgr-ttl': '0' }, ''],
  ])('is refused with the lifetime %s', async (_why, headers, query) => {
    const server = openTestServer({ options: { ttl: { maxMs: 3_600_000 } } })
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: `/metrics/job/a?${query}`,
      headers,
      payload: BODY,
    })
    expect(statusCode).toBe(400)
    expect(server.events).toMatchObject([{ code: 'PGR_TTL_INVALID' }])
    expect(server.pushes).toEqual([])
  })

  it.each([
    ['a label without value', '/metrics/job/a/b', 'odd number of components in label string "/b"\n'],
    ['no job', '/metrics/job/', 'job name is required\n'],
    [
      'a path that is not encoded UTF-8',
      '/metrics/job/%ff',
      'the path "/metrics/job/%ff" is not percent-encoded UTF-8\n',
    ],
  ])('to %s is refused in one line of text', async (_why, url, text) => {
    const server = openTestServer()
    const { statusCode, headers, body } = await server.inject({ method: 'PUT', url, payload: BODY })
    expect({ statusCode, body }).toEqual({ statusCode: 400, body: text })
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it('splits the path before it decodes it', async () => {
    const server = openTestServer()
    await server.inject({ method: 'PUT', url: '/metrics/job/a%2Fb/c/d%2Fe+f', payload: BODY })
    expect(server.pushes[0]?.group).toEqual([
      { name: 'c', value: 'd/e+f' },
      { name: 'job', value: 'a/b' },
    ])
  })

  it('takes a path far longer than a router parameter', async () => {
    const server = openTestServer()
    const long = 'x'.repeat(1000)
    expect(
      (await server.inject({ method: 'PUT', url: `/metrics/job/${long}/l/${long}`, payload: BODY }))
        .statusCode,
    ).toBe(200)
  })

  it('stays where it is when the scrape moves, and follows the prefix', async () => {
    const paths = { metrics: '/all', telemetry: '/own', ingest: '/in' }
    const server = openTestServer({ options: { paths, routePrefix: '/pgr' } })
    expect(
      (await server.inject({ method: 'PUT', url: '/pgr/metrics/job/a', payload: BODY })).statusCode,
    ).toBe(200)
    expect((await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: BODY })).statusCode).toBe(
      404,
    )
    expect(server.pushes[0]?.group).toEqual([{ name: 'job', value: 'a' }])
  })
})

describe('the size of a body', () => {
  const limits = { ...OPTIONS.limits, bodyBytes: 1000 }

  function bodyOf(bytes: number): string {
    return `#${'x'.repeat(bytes - 2)}\n`
  }

  it('may be the limit, and one byte more is refused by what is declared', async () => {
    const server = openTestServer({ options: { limits } })
    expect(
      (await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: bodyOf(1000) })).statusCode,
    ).toBe(200)
    const { statusCode, body } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      payload: bodyOf(1001),
    })
    expect(statusCode).toBe(413)
    expect(body).toMatch(/1001 bytes.*push\.max-body/)
  })

  it('is held to the limit after decompression too', async () => {
    const server = openTestServer({ options: { limits } })
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': 'gzip' },
      payload: gzipSync(bodyOf(1001)),
    })
    expect(statusCode).toBe(413)
    expect(server.inflightBytes).toBe(0)
  })

  it('counts as in flight until the push is stored', async () => {
    const seen: number[] = []
    const server = openTestServer({
      gateway: {
        async push() {
          seen.push(server.inflightBytes)
          return { series: 0 }
        },
      },
    })
    const zipped = gzipSync(bodyOf(500))
    await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      headers: { 'content-encoding': 'gzip' },
      payload: zipped,
    })
    expect(seen).toEqual([zipped.length + 500])
    expect(server.inflightBytes).toBe(0)
  })

  it('is refused with 503 while others fill the limit in flight, and accepted after', async () => {
    let free = () => {}
    let isHeld = () => {}
    const held = new Promise<void>((resolve) => {
      isHeld = resolve
    })
    const server = openTestServer({
      options: { limits: { ...OPTIONS.limits, inflightBytes: 1500 } },
      gateway: {
        push: () =>
          new Promise((resolve) => {
            free = () => resolve({ series: 1 })
            isHeld()
          }),
        ingest: async () => ({ series: 1 }),
      },
    })
    const first = server.inject({ method: 'PUT', url: '/metrics/job/a', payload: bodyOf(1000) })
    await held
    const refused = await server.inject({ method: 'POST', url: '/ingest', payload: bodyOf(501) })
    expect(refused.statusCode).toBe(503)
    expect(refused.headers['retry-after']).toMatch(/^[1-5]$/)
    free()
    expect((await first).statusCode).toBe(200)
    expect((await server.inject({ method: 'POST', url: '/ingest', payload: bodyOf(501) })).statusCode).toBe(
      200,
    )
  })
})

describe('a failed push', () => {
  it.each([
    ['PGR_PUSH_INCONSISTENT', 400],
    ['PGR_QUOTA_EXCEEDED', 429],
    ['PGR_STORE_UNAVAILABLE', 503],
    ['PGR_STORE_MISCONFIGURED', 503],
  ] as const)('with %s is answered %i', async (code, status) => {
    const server = openTestServer({
      gateway: {
        push: async () => {
          throw new PgrError(code, 'first line\nsecond line')
        },
      },
    })
    const { statusCode, headers, body } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      payload: BODY,
    })
    expect(statusCode).toBe(status)
    expect(headers['retry-after'] !== undefined).toBe(status !== 400)
    expect(body).toBe('first line second line\n')
    expect(server.events).toMatchObject([{ kind: 'push', status, code, series: 0, bytes: BODY.length }])
  })

  it.each([
    ['PGR_QUOTA_EXCEEDED', 30],
    ['PGR_STORE_UNAVAILABLE', undefined],
    ['PGR_STORE_DEGRADED', undefined],
    ['PGR_STORE_MISCONFIGURED', 2.1],
  ] as const)(
    'with %s asks many that wait for the same to come back at different times',
    async (code, seconds) => {
      const reason = new PgrError(code, 'x', seconds === undefined ? {} : { retryAfterSeconds: seconds })
      const server = openTestServer({ gateway: { push: () => Promise.reject(reason) } })
      const told = new Set<unknown>()
      for (let n = 0; n < 200; n++) {
        const { headers } = await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: BODY })
        told.add(headers['retry-after'])
      }
      const first = Math.ceil(seconds ?? 1)
      expect([...told].sort()).toEqual([0, 1, 2, 3, 4].map((more) => `${first + more}`).sort())
    },
  )

  it('by a defect is 500, told whole and answered without any of it', async () => {
    const secret = new TypeError('cannot read the password hunter2')
    const server = openTestServer({
      gateway: {
        push: async () => {
          throw secret
        },
      },
    })
    const { statusCode, body } = await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: BODY })
    expect(statusCode).toBe(500)
    expect(body).not.toContain('hunter2')
    expect(server.events).toMatchObject([
      { kind: 'defect', where: 'push', error: secret },
      { kind: 'push', status: 500, code: 'PGR_INTERNAL' },
    ])
  })

  it('of a body that cannot be read names the line', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({
      method: 'PUT',
      url: '/metrics/job/a',
      payload: 'a 1\nb x\n',
    })
    expect(statusCode).toBe(400)
    expect(body).toContain('line 2')
    expect(server.events).toMatchObject([{ code: 'PGR_BODY_MALFORMED', protocol: 'text' }])
  })
})

describe('a deletion', () => {
  it('is answered 202 and needs no body', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({ method: 'DELETE', url: '/metrics/job/a/b/c' })
    expect({ statusCode, body }).toEqual({ statusCode: 202, body: '' })
    expect(server.removed).toEqual([
      [
        { name: 'b', value: 'c' },
        { name: 'job', value: 'a' },
      ],
    ])
  })

  it.each([
    ['a type, as most clients send', { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, ''],
    ['a JSON type without a body', { 'content-type': 'application/json' }, ''],
    ['an encoding', { 'content-encoding': 'br' }, ''],
    ['a lifetime that cannot be read', { 'x-pgr-ttl': 'soon' }, '?ttl=later'],
  ])('looks at neither body nor lifetime: %s', async (_why, headers, query) => {
    const server = openTestServer()
    const { statusCode } = await server.inject({ method: 'DELETE', url: `/metrics/job/a${query}`, headers })
    expect(statusCode).toBe(202)
  })

  it('of a path that names no group is refused', async () => {
    const server = openTestServer()
    expect((await server.inject({ method: 'DELETE', url: '/metrics/job/a/b' })).statusCode).toBe(400)
    expect(server.removed).toEqual([])
  })
})

describe('an ingest', () => {
  it('hands families over with their lifetime and is answered 200', async () => {
    const server = openTestServer()
    const { statusCode, body } = await server.inject({ method: 'POST', url: '/ingest?ttl=0', payload: BODY })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: '' })
    expect(server.ingests).toMatchObject([
      { families: [{ name: 'a' }, { name: 'b' }], ttlMs: 0, protocol: 'text', bytes: BODY.length },
    ])
  })
})

describe('what is told of a request', () => {
  it.each([
    ['PUT', '/metrics/job/a', { handler: 'push', protocol: 'text', status: 200, bytes: 8, series: 2 }],
    ['POST', '/ingest', { handler: 'ingest', protocol: 'text', status: 200, bytes: 8, series: 2 }],
    ['DELETE', '/metrics/job/a', { handler: 'delete', protocol: 'none', status: 202, bytes: 0, series: 0 }],
    ['PUT', '/metrics/job/a/b', { handler: 'push', protocol: 'none', status: 400, code: 'PGR_PATH_INVALID' }],
  ] as const)('%s %s is one event', async (method, url, event) => {
    const server = openTestServer()
    await server.inject({ method, url, payload: BODY })
    expect(server.events).toMatchObject([{ kind: 'push', method, group: url, ...event } as Partial<Event>])
    expect(server.events[0]).toMatchObject({ seconds: expect.any(Number) })
  })
})
