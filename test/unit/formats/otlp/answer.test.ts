import { describe, expect, it } from 'vitest'
import {
  OTLP_MEDIA_TYPE,
  type PartialSuccess,
  writeResponse,
  writeStatus,
} from '../../../../src/formats/otlp/index.ts'
import { ExportResponse, RpcStatus } from '../../../support/otlp.ts'

const response = (body: Uint8Array) => ExportResponse.toObject(ExportResponse.decode(body), { longs: Number })
const status = (body: Uint8Array) => RpcStatus.toObject(RpcStatus.decode(body))
const json = (body: Uint8Array) => JSON.parse(Buffer.from(body).toString())

describe('the answer to a request', () => {
  it('is empty when everything was taken', () => {
    const success: PartialSuccess = { rejectedPoints: 0, message: '' }
    expect(writeResponse(success, 'protobuf')).toEqual(new Uint8Array(0))
    expect(Buffer.from(writeResponse(success, 'json')).toString()).toBe('{}')
  })

  it.each([
    ['points that were not', { rejectedPoints: 2 ** 40, message: 'a point of metric "ä" has no value' }],
    ['a warning', { rejectedPoints: 0, message: 'x'.repeat(300) }],
    ['points and no reason', { rejectedPoints: 3, message: '' }],
  ])('tells of %s', (_what, partial) => {
    const { rejectedPoints, message } = partial
    expect(response(writeResponse(partial, 'protobuf'))).toEqual({
      partialSuccess: {
        ...(rejectedPoints > 0 && { rejectedDataPoints: rejectedPoints }),
        ...(message !== '' && { errorMessage: message }),
      },
    })
    expect(json(writeResponse(partial, 'json'))).toEqual({
      partialSuccess: { rejectedDataPoints: String(rejectedPoints), errorMessage: message },
    })
  })

  it('is of the type that senders give their requests', () => {
    expect(OTLP_MEDIA_TYPE).toEqual({ protobuf: 'application/x-protobuf', json: 'application/json' })
  })

  it('is never long', () => {
    const partial = { rejectedPoints: 1, message: 'x'.repeat(10_000_000) }
    for (const encoding of ['protobuf', 'json'] as const)
      expect(writeResponse(partial, encoding).length).toBeLessThan(10_000)
  })

  it.each([
    [400, 3],
    [413, 3],
    [429, 8],
    [503, 14],
    [500, 13],
    [418, 2],
  ])('to what was refused with %i is a status', (http, code) => {
    const expected = { code, message: 'the body is cut off; send all of it' }
    expect(status(writeStatus(http, expected.message, 'protobuf'))).toEqual(expected)
    expect(json(writeStatus(http, expected.message, 'json'))).toEqual(expected)
  })
})
