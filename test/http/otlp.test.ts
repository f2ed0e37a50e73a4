import * as zlib from 'node:zlib'
import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { OtlpEncoding } from '../../src/formats/otlp/index.ts'
import { ExportResponse, encodeRequest, type OtlpJson, RpcStatus } from '../support/otlp.ts'
import { OPTIONS, openTestServer, type TestServer } from './open-test-server.ts'

const PATHS = ['/v1/metrics', '/api/v1/otlp/v1/metrics']
const ENCODINGS = ['protobuf', 'json'] as const
const TYPE = { protobuf: 'application/x-protobuf', json: 'application/json' }
/** Work on the spot, on a busy machine. */
const SOON_MS = 1000
const NOW = '1700000000000000000'

const REQUEST: OtlpJson = requestOf([gaugeOf([{ timeUnixNano: NOW, asDouble: 1.5 }])])

describe.each(ENCODINGS)('OTLP in %s', (encoding) => {
  it.each(PATHS)('is taken at %s and answered 200 with an empty response', async (url) => {
    const server = openTestServer()
    const startedAtMs = performance.now()
    const { statusCode, headers, rawPayload } = await send(server, encoding, REQUEST, { url })
    expect({ statusCode, type: headers['content-type'] }).toEqual({ statusCode: 200, type: TYPE[encoding] })
    expect(rawPayload.toString()).toBe(encoding === 'json' ? '{}' : '')
    expect(server.exports).toHaveLength(1)
    expect(server.exports[0]).toMatchObject({ protocol: 'otlp' })
    expect(server.exports[0]).not.toHaveProperty('ttlMs')
    const gauge = server.exports[0]?.families.find(({ family }) => family.name === 'depth')?.family
    expect(gauge).toMatchObject({ type: 'gauge', metrics: [{ value: 1.5, timestampMs: 1_700_000_000_000 }] })
    expect(server.exports[0]?.deadlineMs).toBeGreaterThanOrEqual(startedAtMs + OPTIONS.requestTimeoutMs)
    expect(server.events).toContainEqual(
      expect.objectContaining({
        kind: 'push',
        handler: 'otlp',
        protocol: 'otlp',
        method: 'POST',
        status: 200,
      }),
    )
  })

  it.each([
    TYPE[encoding].toUpperCase(),
    `${TYPE[encoding]}; charset=utf-8`,
    `${TYPE[encoding]};charset="UTF-8"; q=1`,
    ` ${TYPE[encoding]} `,
  ])('is known by the type "%s"', async (type) => {
    const server = openTestServer()
    const { statusCode, headers } = await send(server, encoding, REQUEST, {
      headers: { 'content-type': type },
    })
    expect({ statusCode, type: headers['content-type'] }).toEqual({ statusCode: 200, type: TYPE[encoding] })
    expect(server.exports).toHaveLength(1)
  })

  const compressors: [string, (body: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['identity', (body) => body],
    ['', (body) => body],
  ]
  it.each(compressors)('is read with Content-Encoding "%s"', async (name, compress) => {
    const server = openTestServer()
    const body = compress(bodyOf(encoding, REQUEST))
    const { statusCode } = await send(server, encoding, body, { headers: { 'content-encoding': name } })
    expect(statusCode).toBe(200)
    expect(server.exports[0]?.families.map(({ family }) => family.name)).toContain('depth')
    expect(server.events).toContainEqual(expect.objectContaining({ kind: 'push', bytes: body.length }))
  })

  it('is read with zstd where Node has it, and else told that it is not', async () => {
    const { zstdCompressSync } = zlib as { zstdCompressSync?: (body: Buffer) => Buffer }
    const server = openTestServer()
    const body = bodyOf(encoding, REQUEST)
    const answer = await send(server, encoding, zstdCompressSync?.(body) ?? body, {
      headers: { 'content-encoding': 'zstd' },
    })
    expect(answer.statusCode).toBe(zstdCompressSync === undefined ? 415 : 200)
    expect(server.exports).toHaveLength(zstdCompressSync === undefined ? 0 : 1)
    if (zstdCompressSync === undefined) expectStatus(answer, encoding, { code: 3, says: 'send gzip' })
  })

  it.each(['br', 'snappy', 'gzip, gzip', '__proto__', 'compress'])(
    'with Content-Encoding %s is refused with a status that names what is read',
    async (name) => {
      const server = openTestServer()
      const answer = await send(server, encoding, REQUEST, { headers: { 'content-encoding': name } })
      expect(answer.statusCode).toBe(415)
      expectStatus(answer, encoding, { code: 3, says: 'send gzip' })
      expect(server.exports).toEqual([])
    },
  )

  it('of nothing is a success', async () => {
    const server = openTestServer()
    const answers = [await send(server, encoding, {})]
    // Protobuf of nothing is no bytes at all, and exporters may send that.
    if (encoding === 'protobuf') answers.push(await send(server, encoding, Buffer.alloc(0)))
    for (const { statusCode, rawPayload } of answers) {
      expect(statusCode).toBe(200)
      expect(rawPayload.toString()).toBe(encoding === 'json' ? '{}' : '')
    }
  })

  it('is told which points were not taken, by the reader and by the gateway', async () => {
    const gateway = {
      otlp: async () => ({ points: 1, rejectedPoints: 3, reasons: ['they are ahead', 'they are late'] }),
    }
    const server = openTestServer({ gateway })
    const { statusCode, rawPayload } = await send(
      server,
      encoding,
      requestOf([gaugeOf([{ timeUnixNano: NOW, asDouble: 1 }, { timeUnixNano: NOW }])]),
    )
    expect(statusCode).toBe(200)
    expect(partialOf(rawPayload, encoding)).toEqual({
      rejectedDataPoints: 4,
      errorMessage: expect.stringMatching(/"depth".*; they are ahead; they are late$/),
    })
  })

  it('may ask for a lifetime by header or query, within the longest allowed', async () => {
    const server = openTestServer({ options: { ttl: { maxMs: 3_600_000 } } })
    await send(server, encoding, REQUEST, { headers: { 'x-pgr-ttl': '15m' } })
    await send(server, encoding, REQUEST, { url: `${PATHS[0]}?ttl=90s` })
    expect(server.exports.map(({ ttlMs }) => ttlMs)).toEqual([900_000, 90_000])
    for (const ttl of ['0', '2h', 'soon']) {
      const answer = await send(server, encoding, REQUEST, { headers: { 'x-pgr-ttl': ttl } })
      expect(answer.statusCode).toBe(400)
      expectStatus(answer, encoding, { code: 3, says: 'lifetime' })
    }
    expect(server.exports).toHaveLength(2)
  })

  it.each([
    ['as sent', (body: Buffer) => ({ body, headers: {} })],
    [
      'after decompression',
      (body: Buffer) => ({ body: gzipSync(body), headers: { 'content-encoding': 'gzip' } }),
    ],
    [
      'after inflation',
      (body: Buffer) => ({ body: deflateSync(body), headers: { 'content-encoding': 'deflate' } }),
    ],
  ])('over the limit %s is refused with 413', async (_when, make) => {
    const server = openTestServer()
    const { body, headers } = make(Buffer.alloc(OPTIONS.limits.bodyBytes + 1, ' '))
    const answer = await send(server, encoding, body, { headers })
    expect(answer.statusCode).toBe(413)
    expectStatus(answer, encoding, { code: 3, says: 'push.max-body' })
    expect(server.exports).toEqual([])
  })

  it('that swells a thousandfold is given up at the limit', async () => {
    const limits = { ...OPTIONS.limits, bodyBytes: 1 << 20, inflightBytes: 2 << 20 }
    const server = openTestServer({ options: { limits } })
    const bomb = gzipSync(Buffer.alloc(256 << 20))
    const startedAtMs = performance.now()
    const answer = await send(server, encoding, bomb, { headers: { 'content-encoding': 'gzip' } })
    expect(performance.now() - startedAtMs).toBeLessThan(SOON_MS)
    expect(answer.statusCode).toBe(413)
    expectStatus(answer, encoding, { code: 3, says: 'decompressed' })
    expect(server.inflightBytes).toBe(0)
  })

  it.each([
    ['PGR_STORE_UNAVAILABLE', 503, 14],
    ['PGR_STORE_DEGRADED', 503, 14],
    ['PGR_STORE_MISCONFIGURED', 503, 14],
    ['PGR_OVERLOADED', 503, 14],
    ['PGR_STOPPING', 503, 14],
    ['PGR_QUOTA_EXCEEDED', 429, 8],
  ] as const)(
    'that the gateway refuses with %s is to be sent again later: %i',
    async (code, status, rpcCode) => {
      const fail = async () => {
        throw new PgrError(code, 'it is "away"\nfor now')
      }
      const server = openTestServer({ gateway: { otlp: fail } })
      const waits = new Set<number>()
      for (let n = 0; n < 40; n++) {
        const answer = await send(server, encoding, REQUEST)
        expect(answer.statusCode).toBe(status)
        expectStatus(answer, encoding, { code: rpcCode, says: 'it is "away" for now' })
        waits.add(Number(answer.headers['retry-after']))
      }
      expect(waits.size).toBeGreaterThan(1)
      for (const seconds of waits) {
        expect(seconds).toBeGreaterThanOrEqual(1)
        expect(seconds).toBeLessThanOrEqual(5)
      }
      expect(server.events).toContainEqual(expect.objectContaining({ kind: 'push', status, code }))
    },
  )

  it('that meets a defect is answered 500 without a word of it', async () => {
    const fail = async () => {
      throw new TypeError('secret')
    }
    const server = openTestServer({ gateway: { otlp: fail } })
    const answer = await send(server, encoding, REQUEST)
    expect(answer.statusCode).toBe(500)
    expect(answer.headers['retry-after']).toBeUndefined()
    expectStatus(answer, encoding, { code: 13, says: 'defect' })
    expect(answer.rawPayload.toString()).not.toContain('secret')
  })

  it('that does not fit beside the others is refused with 503', async () => {
    const limits = { ...OPTIONS.limits, inflightBytes: 10 }
    const server = openTestServer({ options: { limits } })
    const answer = await send(server, encoding, REQUEST)
    expect(answer.statusCode).toBe(503)
    expectStatus(answer, encoding, { code: 14, says: 'push.max-inflight-bytes' })
  })

  it.each(malformed(encoding))(
    'that is %s is refused with 400, soon, and nothing is stored',
    async (_what, body) => {
      const limits = { ...OPTIONS.limits, bodyBytes: 4 << 20, inflightBytes: 16 << 20 }
      const server = openTestServer({ options: { limits } })
      const startedAtMs = performance.now()
      const answer = await send(server, encoding, body)
      expect(performance.now() - startedAtMs).toBeLessThan(SOON_MS)
      expect(answer.statusCode).toBe(400)
      expectStatus(answer, encoding, { code: 3 })
      expect(server.exports).toEqual([])
      expect(server.events.filter(({ kind }) => kind === 'defect')).toEqual([])
    },
  )

  it.each(refusedPoints())(
    'whose point has %s is told so, and the others are taken',
    async (_what, metric) => {
      const server = openTestServer()
      const good = gaugeOf([{ timeUnixNano: NOW, asDouble: 1 }])
      const { statusCode, rawPayload } = await send(server, encoding, requestOf([metric, good]))
      expect(statusCode).toBe(200)
      expect(partialOf(rawPayload, encoding)).toEqual({
        rejectedDataPoints: 1,
        errorMessage: expect.stringContaining('"bad"'),
      })
      expect(server.exports[0]?.families.map(({ family }) => family.name)).toEqual(['depth'])
    },
  )

  it('that is damaged below compression is refused with 400', async () => {
    const server = openTestServer()
    const whole = gzipSync(bodyOf(encoding, REQUEST))
    const bodies = [whole.subarray(0, -4), Buffer.concat([whole, Buffer.from('x')]), Buffer.from('no gzip')]
    for (const body of bodies) {
      const answer = await send(server, encoding, body, { headers: { 'content-encoding': 'gzip' } })
      expect(answer.statusCode).toBe(400)
      expectStatus(answer, encoding, { code: 3, says: 'gzip' })
    }
    expect(server.exports).toEqual([])
  })
})

describe('OTLP of neither encoding', () => {
  it.each([
    undefined,
    '',
    'text/plain',
    'application/protobuf',
    'application/grpc',
    'application/jsonx',
    ';;;',
  ])('with type %s is refused with 415 and told what is read', async (type) => {
    const server = openTestServer()
    for (const url of PATHS) {
      const headers = type === undefined ? {} : { 'content-type': type }
      const payload = encodeRequest(REQUEST)
      const {
        statusCode,
        body,
        headers: answered,
      } = await server.inject({ method: 'POST', url, headers, payload })
      expect(statusCode).toBe(415)
      expect(answered['content-type']).toContain('text/plain')
      expect(body).toContain('application/x-protobuf or application/json')
    }
    expect(server.exports).toEqual([])
  })

  it.each(PATHS)('by another method is refused at %s with 405 and the one there is', async (url) => {
    const server = openTestServer()
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'] as const) {
      const { statusCode, headers } = await server.inject({ method, url })
      expect({ statusCode, allow: headers['allow'] }).toEqual({ statusCode: 405, allow: 'OPTIONS, POST' })
    }
  })
})

function send(
  server: TestServer,
  encoding: OtlpEncoding,
  request: OtlpJson | Buffer,
  { url = PATHS[0] as string, headers = {} }: { url?: string; headers?: Record<string, string> } = {},
) {
  return server.inject({
    method: 'POST',
    url,
    headers: { 'content-type': TYPE[encoding], ...headers },
    payload: Buffer.isBuffer(request) ? request : bodyOf(encoding, request),
  })
}

type Answer = Awaited<ReturnType<typeof send>>

function expectStatus(
  { headers, rawPayload }: Answer,
  encoding: OtlpEncoding,
  { code, says = '' }: { code: number; says?: string },
): void {
  expect(headers['content-type']).toBe(TYPE[encoding])
  const status =
    encoding === 'json' ? JSON.parse(rawPayload.toString()) : RpcStatus.toObject(RpcStatus.decode(rawPayload))
  expect(status).toEqual({ code, message: expect.stringContaining(says) })
  expect(status.message).not.toBe('')
}

function partialOf(payload: Buffer, encoding: OtlpEncoding): unknown {
  const { partialSuccess } =
    encoding === 'json'
      ? JSON.parse(payload.toString())
      : ExportResponse.toObject(ExportResponse.decode(payload), { longs: Number })
  return { ...partialSuccess, rejectedDataPoints: Number(partialSuccess.rejectedDataPoints) }
}

function bodyOf(encoding: OtlpEncoding, request: OtlpJson): Buffer {
  return encoding === 'json' ? Buffer.from(JSON.stringify(request)) : encodeRequest(request)
}

function requestOf(metrics: readonly object[]): OtlpJson {
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

function gaugeOf(dataPoints: readonly object[], name = 'depth'): object {
  return { name, gauge: { dataPoints } }
}

/** Metrics of one point that cannot be shown. */
function refusedPoints(): [string, object][] {
  const point = { timeUnixNano: NOW, startTimeUnixNano: NOW, sum: 1 }
  const histogram = (over: object) => ({
    name: 'bad',
    histogram: { aggregationTemporality: 2, dataPoints: [{ ...point, count: '1', ...over }] },
  })
  const exponential = (over: object) => ({
    name: 'bad',
    exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ ...point, count: '1', ...over }] },
  })
  return [
    ['a bound that is no number', histogram({ explicitBounds: [1, 'NaN'], bucketCounts: ['0', '1', '0'] })],
    ['bounds that fall', histogram({ explicitBounds: [2, 1], bucketCounts: ['0', '1', '0'] })],
    ['a scale below what can be shown', exponential({ scale: -5 })],
    ['no value', gaugeOf([{ timeUnixNano: NOW }], 'bad')],
    ['no temporality', { name: 'bad', sum: { dataPoints: [{ ...point, asInt: '1' }] } }],
  ]
}

function malformed(encoding: OtlpEncoding): [string, Buffer][] {
  return encoding === 'json' ? malformedJson() : malformedProtobuf()
}

function malformedJson(): [string, Buffer][] {
  const nested = (depth: number) =>
    `{"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":${'{"arrayValue":{"values":['.repeat(depth)}${']}}'.repeat(depth)}}]}}]}`
  const texts: [string, string][] = [
    ['no JSON', 'depth 1\n'],
    ['nothing', ''],
    ['cut short', '{"resourceMetrics":[{'],
    ['a list', '[]'],
    ['a number', '1'],
    ['followed by more', '{} {}'],
    ['of lists where objects belong', '{"resourceMetrics":[[]]}'],
    ['of a text where a list belongs', '{"resourceMetrics":"x"}'],
    ['a count of a negative number', histogramText('"-1"')],
    ['a count beyond 64 bits', histogramText('"18446744073709551616"')],
    ['a count that is a fraction', histogramText('1.5')],
    ['a time beyond 64 bits', gaugeText('"99999999999999999999999"')],
    ['nested deep', nested(30_000)],
    ['nested deep in what is not read', `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['nested deep and cut short', `{"x":${'{"a":'.repeat(100_000)}`],
  ]
  return [
    ...texts.map(([what, text]): [string, Buffer] => [what, Buffer.from(text)]),
    ['no UTF-8', Buffer.from('{"resourceMetrics":[{"schemaUrl":"\xff"}]}', 'latin1')],
  ]
}

function histogramText(count: string): string {
  return `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"h","histogram":{"dataPoints":[{"count":${count}}]}}]}]}]}`
}

function gaugeText(time: string): string {
  return `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":${time}}]}}]}]}]}`
}

function malformedProtobuf(): [string, Buffer][] {
  const whole = encodeRequest(REQUEST)
  const field = (number: number, bytes: Buffer) =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes])
  const nested = (depth: number) => {
    // AnyValue in ArrayValue in AnyValue …, made from the inside out, each length in front of what it holds.
    const heads: Buffer[] = []
    let length = 0
    for (let n = 0; n < 2 * depth; n++) {
      const head = Buffer.concat([Buffer.from([n % 2 === 0 ? (1 << 3) | 2 : (5 << 3) | 2]), varint(length)])
      heads.push(head)
      length += head.length
    }
    const value = Buffer.concat(heads.reverse())
    const attribute = Buffer.concat([field(1, Buffer.from('a')), field(2, value)])
    return field(1, field(1, field(1, attribute)))
  }
  return [
    ['text', Buffer.from('depth 1\n')],
    ['cut short', whole.subarray(0, -1)],
    ['followed by more', Buffer.concat([whole, Buffer.from([0x0a])])],
    ['of a length beyond its end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['of a number that does not end', Buffer.from([0x0a, ...Array(11).fill(0xff)])],
    ['of field zero', Buffer.from([0x02, 0x00])],
    ['nested deep', nested(30_000)],
    ['nested deep in groups that are not read', Buffer.alloc(100_000, (15 << 3) | 3)],
  ]
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
