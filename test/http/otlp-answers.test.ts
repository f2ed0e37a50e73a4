import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { ExportResponse, encodeRequest, type OtlpJson, RpcStatus } from '../support/otlp.ts'
import { openTestServer, type Turned } from './open-test-server.ts'

const TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const
const ENCODINGS = ['protobuf', 'json'] as const
type Encoding = (typeof ENCODINGS)[number]

const ONE: OtlpJson = {
  resourceMetrics: [
    { scopeMetrics: [{ metrics: [{ name: 'g', gauge: { dataPoints: [{ asDouble: 1 }] } }] }] },
  ],
}
/** One point without a value beside one that is good. */
const HALF: OtlpJson = {
  resourceMetrics: [
    { scopeMetrics: [{ metrics: [{ name: 'g', gauge: { dataPoints: [{}, { asDouble: 1 }] } }] }] },
  ],
}

function bytesOf(request: OtlpJson, encoding: Encoding): Buffer {
  return encoding === 'json' ? Buffer.from(JSON.stringify(request)) : encodeRequest(request)
}

async function send(
  payload: Buffer,
  headers: Record<string, string>,
  { turned = {}, url = '/v1/metrics' }: { turned?: Turned; url?: string } = {},
) {
  const server = openTestServer(turned)
  const {
    statusCode,
    rawPayload,
    headers: answered,
  } = await server.inject({ method: 'POST', url, headers, payload })
  return { server, statusCode, body: rawPayload, answered }
}

function responseIn(body: Buffer, encoding: Encoding): unknown {
  if (encoding === 'json') return JSON.parse(body.toString())
  return ExportResponse.toObject(ExportResponse.decode(body), { longs: String })
}

function statusIn(body: Buffer, encoding: Encoding): unknown {
  return encoding === 'json' ? JSON.parse(body.toString()) : RpcStatus.toObject(RpcStatus.decode(body))
}

describe.each(ENCODINGS)('an OTLP request in %s', (encoding) => {
  const type = { 'content-type': TYPES[encoding] }

  it.each(['/v1/metrics', '/api/v1/otlp/v1/metrics'])('is answered in the same at %s', async (url) => {
    const { server, statusCode, body, answered } = await send(bytesOf(ONE, encoding), type, { url })
    expect([statusCode, answered['content-type'], responseIn(body, encoding)]).toEqual([
      200,
      TYPES[encoding],
      {},
    ])
    expect(server.exports).toMatchObject([{ families: [{ family: { name: 'g' } }], protocol: 'otlp' }])
  })

  it('may have nothing in it', async () => {
    const { statusCode, body } = await send(bytesOf({}, encoding), type)
    expect([statusCode, responseIn(body, encoding)]).toEqual([200, {}])
  })

  it('may be compressed, ask for a lifetime, and spell its type in other ways', async () => {
    const { server, statusCode } = await send(gzipSync(bytesOf(ONE, encoding)), {
      'content-type': `${TYPES[encoding].toUpperCase()}; charset=utf-8`,
      'content-encoding': 'gzip',
      'x-pgr-ttl': '90s',
    })
    expect(statusCode).toBe(200)
    expect(server.exports).toMatchObject([{ ttlMs: 90_000 }])
  })

  it('loses the points that are bad, hears of it, and keeps the others', async () => {
    const { server, statusCode, body } = await send(bytesOf(HALF, encoding), type)
    expect(statusCode).toBe(200)
    expect(responseIn(body, encoding)).toEqual({
      partialSuccess: { rejectedDataPoints: '1', errorMessage: 'a point of metric "g" has no value' },
    })
    expect(server.exports[0]?.families[0]?.family.metrics).toHaveLength(1)
  })

  it('is told what the gateway rejected as well', async () => {
    const otlp = async () => ({ points: 0, rejectedPoints: 2, reasons: ['too late'] })
    const { body } = await send(bytesOf(HALF, encoding), type, { turned: { gateway: { otlp } } })
    expect(responseIn(body, encoding)).toEqual({
      partialSuccess: {
        rejectedDataPoints: '3',
        errorMessage: 'a point of metric "g" has no value; too late',
      },
    })
  })

  it.each<[ErrorCode, number, number]>([
    ['PGR_QUOTA_EXCEEDED', 429, 8],
    ['PGR_STORE_UNAVAILABLE', 503, 14],
  ])('is told of %s in its own encoding, and when to come back', async (code, status, rpc) => {
    const otlp = async () => {
      throw new PgrError(code, 'why')
    }
    const { statusCode, body, answered } = await send(bytesOf(ONE, encoding), type, {
      turned: { gateway: { otlp } },
    })
    expect([statusCode, answered['content-type']]).toEqual([status, TYPES[encoding]])
    expect(statusIn(body, encoding)).toEqual({ code: rpc, message: 'why' })
    expect(Number(answered['retry-after'])).toBeGreaterThan(0)
  })

  it.each([
    ['cannot be read', Buffer.from([0x7b, 0x0a, 0x05]), {}, 400],
    ['is not what its encoding says', bytesOf(ONE, encoding), { 'content-encoding': 'gzip' }, 400],
    ['is too large', Buffer.alloc(64 * 1024 + 1), {}, 413],
    ['has an encoding that is not read', bytesOf(ONE, encoding), { 'content-encoding': 'br' }, 415],
  ])('is refused when it %s', async (_why, payload, headers, status) => {
    const { server, statusCode, body } = await send(payload, { ...type, ...headers })
    expect([statusCode, server.exports]).toEqual([status, []])
    expect(statusIn(body, encoding)).toMatchObject({ code: 3, message: expect.stringMatching(/\w/) })
  })
})

it.each(['', 'text/plain', 'application/protobuf'])('an OTLP request of type %j is refused', async (type) => {
  const { statusCode, body } = await send(encodeRequest(ONE), { 'content-type': type })
  expect(statusCode).toBe(415)
  expect(body.toString()).toContain('application/x-protobuf or application/json')
})
