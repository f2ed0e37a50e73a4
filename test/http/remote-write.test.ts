import snappy from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { pairs, snappyBody, symbolized } from '../support/remote-write.ts'
import { OPTIONS, openTestServer, type TestServer, type Turned } from './open-test-server.ts'

const URL = '/api/v1/write'
const TYPE_1 = 'application/x-protobuf'
const TYPE_2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request'
const NOW = 1_764_000_000_123
const SAMPLE = { value: 1, timestamp: NOW }

const BODY_1 = snappyBody(1, {
  timeseries: [{ labels: pairs('__name__', 'up', 'job', 'a'), samples: [SAMPLE] }],
})
const HISTOGRAM = { countInt: 3, sum: 1, zeroCountInt: 3, timestamp: NOW }
/** Two samples, a histogram and an exemplar. */
const BODY_2 = snappyBody(
  2,
  symbolized(
    { labels: ['__name__', 'up', 'job', 'a'], samples: [SAMPLE] },
    {
      labels: ['__name__', 'up', 'job', 'b'],
      samples: [SAMPLE],
      exemplars: [{ labelsRefs: [3, 4], value: 1 }],
    },
    { labels: ['__name__', 'size'], histograms: [HISTOGRAM] },
  ),
)
const NOT_SNAPPY = Buffer.from('up 1\n')

interface Sent {
  readonly method?: 'POST' | 'GET' | 'PUT' | 'DELETE' | 'HEAD'
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: Uint8Array
}

async function send(server: TestServer, { method = 'POST', url = URL, headers, payload }: Sent) {
  const { statusCode, body, ...answer } = await server.inject({
    method,
    url,
    ...(headers === undefined ? {} : { headers }),
    ...(payload === undefined ? {} : { payload: Buffer.from(payload) }),
  })
  return { status: statusCode, body, headers: answer.headers, written: writtenIn(answer.headers) }
}

function version2(payload: Uint8Array = BODY_2, headers: Readonly<Record<string, string>> = {}): Sent {
  return { headers: { 'content-type': TYPE_2, 'content-encoding': 'snappy', ...headers }, payload }
}

function version1(payload: Uint8Array = BODY_1, headers: Readonly<Record<string, string>> = {}): Sent {
  return { headers: { 'content-type': TYPE_1, 'content-encoding': 'snappy', ...headers }, payload }
}

/** Samples, histograms and exemplars, as the answer says they were written; undefined when it says nothing of them. */
function writtenIn(headers: Record<string, unknown>): unknown[] | undefined {
  const said = ['samples', 'histograms', 'exemplars'].map(
    (what) => headers[`x-prometheus-remote-write-${what}-written`],
  )
  return said.every((value) => value === undefined) ? undefined : said
}

const NOTHING = ['0', '0', '0']

describe('remote write', () => {
  it.each<[string, Readonly<Record<string, string>>, Uint8Array, string]>([
    ['1.0 as it is usually sent', { 'content-type': TYPE_1, 'content-encoding': 'snappy' }, BODY_1, '1'],
    ['1.0 by its name', { 'content-type': `${TYPE_1};proto=prometheus.WriteRequest` }, BODY_1, '1'],
    ['neither a type nor an encoding, which is 1.0 in snappy', {}, BODY_1, '1'],
    ['an empty type', { 'content-type': '' }, BODY_1, '1'],
    ['an empty encoding', { 'content-type': TYPE_1, 'content-encoding': '' }, BODY_1, '1'],
    ['an encoding in capitals', { 'content-encoding': 'SNAPPY' }, BODY_1, '1'],
    ['a parameter nobody asked for', { 'content-type': `${TYPE_1}; charset=utf-8` }, BODY_1, '1'],
    ['a type in other letters', { 'content-type': 'Application/X-Protobuf' }, BODY_1, '1'],
    ['the version in a header alone', { 'x-prometheus-remote-write-version': '2.0.0' }, BODY_1, '1'],
    ['2.0 as it is usually sent', { 'content-type': TYPE_2, 'content-encoding': 'snappy' }, BODY_2, '2'],
    [
      'blanks in the type',
      { 'content-type': 'application/x-protobuf ; proto=io.prometheus.write.v2.Request' },
      BODY_2,
      '2',
    ],
    [
      'quotes and case in the type',
      { 'content-type': 'APPLICATION/x-protobuf;\tPROTO="io.prometheus.write.v2.Request"' },
      BODY_2,
      '2',
    ],
    [
      'another version in the header than in the type',
      { 'content-type': TYPE_2, 'x-prometheus-remote-write-version': '0.1.0' },
      BODY_2,
      '2',
    ],
  ])('with %s is taken, and answered 204 without a body', async (_what, headers, payload, version) => {
    const server = openTestServer()
    const answer = await send(server, { headers, payload })
    expect(answer).toMatchObject({ status: 204, body: '' })
    expect(answer.written).toEqual(version === '2' ? ['2', '1', '1'] : undefined)
    expect(server.writes).toMatchObject([{ protocol: `remote-write-${version}` }])
    expect(server.writes[0]).not.toHaveProperty('ttlMs')
    expect(server.inflightBytes).toBe(0)
  })

  it('has a second path', async () => {
    const server = openTestServer({ options: { routePrefix: '/pgr' } })
    expect(await send(server, { ...version2(), url: '/pgr/api/v1/push' })).toMatchObject({ status: 204 })
    expect(await send(server, { ...version2(), url: '/pgr/api/v1/write' })).toMatchObject({ status: 204 })
    expect(await send(server, version2())).toMatchObject({ status: 404 })
    expect(server.writes).toHaveLength(2)
  })

  it.each(['GET', 'PUT', 'DELETE', 'HEAD'] as const)('is not sent by %s', async (method) => {
    const server = openTestServer()
    for (const url of ['/api/v1/write', '/api/v1/push'])
      expect(await send(server, { method, url })).toMatchObject({
        status: 405,
        headers: { allow: 'OPTIONS, POST' },
      })
  })

  it('waits for the store no longer than a push may', async () => {
    const server = openTestServer()
    const startedAtMs = performance.now()
    await send(server, version1())
    const deadlineMs = server.writes[0]?.deadlineMs ?? 0
    expect(deadlineMs).toBeGreaterThanOrEqual(startedAtMs + OPTIONS.requestTimeoutMs)
    expect(deadlineMs).toBeLessThanOrEqual(performance.now() + OPTIONS.requestTimeoutMs)
  })

  it('of nothing at all is taken', async () => {
    const server = openTestServer()
    for (const sent of [version1(Buffer.from([0])), version2(Buffer.from([0]))])
      expect(await send(server, sent)).toMatchObject({ status: 204 })
    expect(server.writes.map(({ body }) => body.numbers)).toEqual([[], []])
  })
})

describe('what is not remote write', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['JSON', { 'content-type': 'application/json' }],
    ['an image', { 'content-type': 'image/png' }],
    ['text', { 'content-type': 'text/plain' }],
    ['protobuf by another name', { 'content-type': 'application/protobuf' }],
    ['another message', { 'content-type': `${TYPE_1};proto=io.prometheus.write.v3.Request` }],
    ['a message in other letters', { 'content-type': `${TYPE_1};proto=IO.prometheus.write.v2.Request` }],
    ['a message without a name', { 'content-type': `${TYPE_1};proto=` }],
    ['OTLP', { 'content-type': 'application/x-protobuf;proto=opentelemetry' }],
  ])('is refused by its type before it is decoded: %s', async (_what, headers) => {
    const server = openTestServer()
    const answer = await send(server, { headers, payload: NOT_SNAPPY })
    expect(answer).toMatchObject({ status: 415, written: undefined })
    expect(answer.body).toContain(TYPE_2)
    expect(server.events).toMatchObject([{ protocol: 'none', bytes: 0, code: 'PGR_TYPE_UNSUPPORTED' }])
    expect(server.writes).toEqual([])
  })

  it.each(['gzip', 'deflate', 'zstd', 'identity', 'snappy, snappy', 'snappy, gzip', 'x-snappy-framed'])(
    'is refused by its encoding before it is decoded: %s',
    async (encoding) => {
      const server = openTestServer()
      const second = await send(server, version2(NOT_SNAPPY, { 'content-encoding': encoding }))
      expect(second).toMatchObject({ status: 415, written: NOTHING })
      expect(second.body).toContain('snappy in its block format')
      const first = await send(server, version1(NOT_SNAPPY, { 'content-encoding': encoding }))
      expect(first).toMatchObject({ status: 415, written: undefined })
      expect(server.writes).toEqual([])
    },
  )

  it('is a body of the other version, which would read as an empty one', async () => {
    const server = openTestServer()
    const first = await send(server, version1(BODY_2))
    expect(first).toMatchObject({ status: 400, written: undefined })
    expect(first.body).toContain(`send it as ${TYPE_2}`)
    const second = await send(server, version2(BODY_1))
    expect(second).toMatchObject({ status: 400, written: NOTHING })
    expect(second.body).toContain('without the parameter proto')
    expect(server.writes).toEqual([])
  })
})

describe('a hostile body', () => {
  const bytes = (...parts: readonly (number | readonly number[])[]) => Buffer.from(parts.flat())
  const nested = (depth: number, open: (inside: Buffer) => Buffer) => {
    let body: Buffer = Buffer.alloc(0)
    for (let i = 0; i < depth; i++) body = open(body)
    return body
  }
  const delimited = (tag: number) => (inside: Buffer) =>
    Buffer.concat([bytes(tag, (inside.length & 0x7f) | 0x80, inside.length >> 7), inside])
  const pressed = (body: Uint8Array) => Buffer.from(snappy.compress(body))
  const limit = OPTIONS.limits.bodyBytes

  it.each<[string, number, Buffer]>([
    // Taken for negative, this length moves a reader backwards, for ever.
    ['a literal of 2 GiB in six bytes', 400, bytes(4, 0xfc, 0xf9, 0xff, 0xff, 0xff)],
    ['the same with the highest bit alone', 400, bytes(4, 0xfc, 0, 0, 0, 0x80)],
    ['a length of more than 32 bits', 400, bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a length that never ends', 400, Buffer.alloc(64, 0xff)],
    ['4 GiB out of five bytes', 413, bytes(0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['a bomb', 413, pressed(Buffer.alloc(limit + 1))],
    ['what fits, from less than any block can hold', 400, bytes(0x80, 0x80, 0x04)],
    ['a copy of what is not there', 400, bytes(4, 0x0d, 0x01)],
    ['a copy from nowhere', 400, bytes(5, 0x00, 0x61, 0x01, 0x00)],
    ['a block that was cut off', 400, BODY_2.subarray(0, -1)],
    ['a block with a byte too many', 400, Buffer.concat([BODY_2, bytes(0)])],
    ['a length of one too many', 400, Buffer.concat([bytes((BODY_1[0] ?? 0) + 1), BODY_1.subarray(1)])],
    ['no bytes at all', 400, Buffer.alloc(0)],
    ['framed snappy', 400, Buffer.from('ff060000734e6150705901080000f10918436320310a', 'hex')],
    ['groups 300 deep', 400, pressed(nested(300, (inside) => Buffer.concat([bytes(0x7b), inside])))],
    ['series in series 300 deep', 400, pressed(nested(300, delimited(0x2a)))],
    ['a table without end', 400, pressed(Buffer.alloc(limit, bytes(0x2a, 0)))],
    ['more than may be sent', 413, Buffer.alloc(limit + 1)],
  ])('is refused at little cost: %s', async (_what, status, payload) => {
    const server = openTestServer()
    for (const [sent, written] of [
      [version1(payload), undefined],
      [version2(payload), NOTHING],
    ] as const) {
      const started = process.cpuUsage()
      const answer = await send(server, sent)
      const { user, system } = process.cpuUsage(started)
      expect(answer).toMatchObject({ status, written })
      expect(answer.body).toMatch(/^.{20,}\n$/)
      expect((user + system) / 1000).toBeLessThan(100)
    }
    expect(server.writes).toEqual([])
    expect(server.inflightBytes).toBe(0)
  })

  it('may nest what nobody knows as deep as it likes', async () => {
    const server = openTestServer()
    const deep = nested(300, delimited(0x7a))
    const body = Buffer.concat([Buffer.from(snappy.uncompress(BODY_2)), deep])
    expect(await send(server, version2(pressed(body)))).toMatchObject({ status: 204 })
  })
})

describe('what was written is said', () => {
  const REFUSED = { samples: 1, histograms: 0, exemplars: 1, refused: 2, reasons: ['the one', 'the other'] }

  it('truly by a partial write, with the number and the reasons of what was not', async () => {
    const server = openTestServer({ gateway: { remoteWrite: async () => REFUSED } })
    const answer = await send(server, version2())
    expect(answer).toMatchObject({ status: 400, written: ['1', '0', '1'] })
    expect(answer.body).toBe('2 of the body cannot be stored, the other 2 are: the one; the other\n')
    expect(server.events).toMatchObject([{ status: 400, series: 1, code: 'PGR_PUSH_INVALID' }])
  })

  it('never by 1.0, whose senders would take it for a failure', async () => {
    const server = openTestServer({ gateway: { remoteWrite: async () => REFUSED } })
    const answer = await send(server, version1())
    expect(answer).toMatchObject({ status: 400, written: undefined })
    expect(answer.body).toContain('the one; the other; sending it again does not help')
  })

  it.each([
    ['PGR_STORE_UNAVAILABLE', 503],
    ['PGR_OVERLOADED', 503],
    ['PGR_QUOTA_EXCEEDED', 429],
  ] as const)('as nothing with %s, and when to come back', async (code, status) => {
    const turned: Turned = {
      gateway: { remoteWrite: () => Promise.reject(new PgrError(code, 'not now')) },
    }
    const second = await send(openTestServer(turned), version2())
    expect(second).toMatchObject({ status, written: NOTHING, body: 'not now\n' })
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0)
    const first = await send(openTestServer(turned), version1())
    expect(first).toMatchObject({ status, written: undefined })
    expect(Number(first.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('as nothing by a defect, which tells nothing of itself', async () => {
    const server = openTestServer({ gateway: { remoteWrite: () => Promise.reject(new Error('secret')) } })
    const answer = await send(server, version2())
    expect(answer).toMatchObject({ status: 500, written: NOTHING })
    expect(answer.body).not.toContain('secret')
  })
})

describe('the lifetime of what is written', () => {
  it.each([
    ['header', { 'x-pgr-ttl': '15m' }, ''],
    ['query', {}, '?ttl=15m'],
  ])('is asked for by %s', async (_how, headers, query) => {
    const server = openTestServer()
    expect(await send(server, { ...version2(BODY_2, headers), url: URL + query })).toMatchObject({
      status: 204,
    })
    expect(server.writes).toMatchObject([{ ttlMs: 900_000 }])
  })

  it.each(['soon', '2h', '0'])('is refused when it is %s and an hour is the most', async (ttl) => {
    const server = openTestServer({ options: { ttl: { maxMs: 3_600_000 } } })
    expect(await send(server, version2(BODY_2, { 'x-pgr-ttl': ttl }))).toMatchObject({
      status: 400,
      written: NOTHING,
    })
    expect(server.events).toMatchObject([{ code: 'PGR_TTL_INVALID' }])
    expect(server.writes).toEqual([])
  })
})

it('is told for telemetry, with its version, its size as sent and its series', async () => {
  const server = openTestServer()
  await send(server, version1())
  await send(server, version2())
  const common = { kind: 'push', handler: 'remote-write', method: 'POST', status: 204 }
  expect(server.events).toMatchObject([
    { ...common, protocol: 'remote-write-1', bytes: BODY_1.length, series: 1 },
    { ...common, protocol: 'remote-write-2', bytes: BODY_2.length, series: 3 },
  ])
})
