import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { AttributeCaches } from '../../../../src/formats/otlp/attribute-cache.ts'
import { readJson } from '../../../../src/formats/otlp/read-json.ts'
import { readProtobuf } from '../../../../src/formats/otlp/read-protobuf.ts'
import type { OtlpRequest } from '../../../../src/formats/otlp/request.ts'
import { encodeRequest, type OtlpJson } from '../../../support/otlp.ts'
import { otlpRequest } from './arbitrary-request.ts'
import { LIMITS } from './limits.ts'

const fromProtobuf = (body: Uint8Array, limits = LIMITS) => readProtobuf(body, limits, new AttributeCaches())
const fromJson = (body: OtlpJson | string, limits = LIMITS) =>
  readJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), limits, new AttributeCaches())

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return { code: reason.code, message: reason.message }
    throw reason
  }
  throw new Error('expected a refusal')
}

/** Both readings, which must not differ. */
function readBoth(request: OtlpJson, limits = LIMITS): OtlpRequest {
  const read = fromJson(request, limits)
  expect(fromProtobuf(encodeRequest(request), limits)).toEqual(read)
  return read
}

const inMetric = (metric: object): OtlpJson => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }],
})
const inPoint = (point: object): OtlpJson => inMetric({ name: 'm', gauge: { dataPoints: [point] } })
const withValue = (value: unknown) => inPoint({ asInt: '1', attributes: [{ key: 'a', value }] })

function onlyPoint(request: OtlpRequest) {
  const data = request.resources[0]?.scopes[0]?.metrics[0]?.data
  if (data?.kind !== 'gauge' || data.points[0] === undefined) throw new Error('expected one gauge')
  return data.points[0]
}

describe('protobuf and JSON', () => {
  it('give the same request', () => {
    fc.assert(
      fc.property(otlpRequest, (request) => {
        readBoth(request)
      }),
      { numRuns: 200 },
    )
  })

  it('give the same again when attributes are known already', () => {
    const cache = new AttributeCaches()
    fc.assert(
      fc.property(otlpRequest, (request) => {
        const body = encodeRequest(request)
        const first = readProtobuf(body, LIMITS, cache)
        expect(readProtobuf(body, LIMITS, cache)).toEqual(first)
        const json = Buffer.from(JSON.stringify(request))
        expect(readJson(json, LIMITS, cache)).toEqual(first)
        expect(readJson(json, LIMITS, cache)).toEqual(first)
        expect(fromJson(request)).toEqual(first)
      }),
      { numRuns: 80 },
    )
  })

  it('give the same of what the SDK for JavaScript sends', () => {
    const { bodies }: { bodies: { protobuf: string; json: string }[] } = JSON.parse(
      readFileSync(new URL('../../../fixtures/otlp/sdk-bodies.json', import.meta.url), 'utf8'),
    )
    for (const body of bodies) {
      const read = readJson(Buffer.from(body.json, 'base64'), LIMITS, new AttributeCaches())
      expect(fromProtobuf(Buffer.from(body.protobuf, 'base64'))).toEqual(read)
      expect(read.resources[0]?.scopes[0]?.metrics.length).toBe(9)
    }
    expect(bodies.length).toBe(2)
  })

  it('an empty request is one', () => {
    expect(fromProtobuf(Buffer.alloc(0))).toEqual({ resources: [] })
    expect(fromJson('{}')).toEqual({ resources: [] })
    expect(fromJson(' null ')).toEqual({ resources: [] })
  })

  it('times lose what is below a millisecond, and nothing else', () => {
    for (const [nanos, ms] of [
      ['1700000000123000000', 1_700_000_000_123],
      ['1700000000122999999', 1_700_000_000_122],
      ['999999', 0],
      ['18446744073709551615', 18_446_744_073_709],
    ] as const)
      expect(onlyPoint(readBoth(inPoint({ timeUnixNano: nanos, startTimeUnixNano: nanos })))).toMatchObject({
        timeMs: ms,
        startMs: ms,
      })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanos) => {
        const { timeMs } = onlyPoint(fromProtobuf(encodeRequest(inPoint({ timeUnixNano: String(nanos) }))))
        expect(timeMs).toBe(Number(nanos / 1_000_000n))
      }),
    )
  })

  it.each([
    ['a string', { stringValue: 'a "b" <c>' }, 'a "b" <c>'],
    ['a bool', { boolValue: false }, 'false'],
    ['an int that no double can hold', { intValue: '9007199254740993' }, '9007199254740993'],
    ['the least int', { intValue: '-9223372036854775808' }, '-9223372036854775808'],
    ['a double', { doubleValue: 1e21 }, '1e+21'],
    ['a small double', { doubleValue: 1.5e-7 }, '1.5e-7'],
    ['no number', { doubleValue: 'NaN' }, 'NaN'],
    ['an infinity', { doubleValue: '-Infinity' }, '-Infinity'],
    ['bytes', { bytesValue: '+/8=' }, '+/8='],
    ['nothing', {}, ''],
    [
      'a list',
      {
        arrayValue: { values: [{ stringValue: 'a<"\u2028' }, { intValue: '5' }, {}, { bytesValue: 'AA==' }] },
      },
      '["a<\\"\\u2028",5,null,"AA=="]',
    ],
    [
      'a map, by its keys',
      {
        kvlistValue: {
          values: [
            { key: 'b', value: { doubleValue: 'Infinity' } },
            { key: 'a', value: { arrayValue: { values: [] } } },
            { key: 'b', value: { boolValue: true } },
          ],
        },
      },
      '{"a":[],"b":true}',
    ],
  ])('an attribute that is %s', (_what, value, shown) => {
    expect(onlyPoint(readBoth(withValue(value))).attributes).toEqual([{ name: 'a', value: shown }])
  })

  it('ids that are none are left out', () => {
    const exemplar = { asInt: '1', traceId: '00000000000000000000000000000000', spanId: 'abcd' }
    expect(onlyPoint(readBoth(inPoint({ asInt: '1', exemplars: [exemplar] }))).exemplars).toMatchObject([
      { traceId: '', spanId: '' },
    ])
  })

  it('more attributes than allowed are kept up to the first of them, a resource keeps all', () => {
    const limits = { ...LIMITS, labelsPerSeries: 2 }
    const attributes = Array.from({ length: 9 }, (_, i) => ({ key: `k${i}`, value: { stringValue: 'v' } }))
    const request = {
      resourceMetrics: [
        {
          resource: { attributes },
          scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asInt: '1', attributes }] } }] }],
        },
      ],
    }
    const read = readBoth(request, limits)
    expect(onlyPoint(read).attributes.length).toBe(3)
    expect(read.resources[0]?.attributes.length).toBe(9)
  })

  it.each([
    ['points', inMetric({ name: 'm', gauge: { dataPoints: Array.from({ length: 20 }, () => ({})) } })],
    ['resources', { resourceMetrics: Array.from({ length: 20 }, () => ({})) }],
    [
      'metrics',
      { resourceMetrics: [{ scopeMetrics: [{ metrics: Array.from({ length: 20 }, () => ({})) }] }] },
    ],
    ['values in a list', withValue({ arrayValue: { values: Array.from({ length: 20 }, () => ({})) } })],
    ['exemplars', inPoint({ exemplars: Array.from({ length: 20 }, () => ({ asInt: '1' })) })],
    [
      'buckets',
      inMetric({
        name: 'm',
        exponentialHistogram: {
          dataPoints: [{ positive: { bucketCounts: Array.from({ length: 300 }, () => '0') } }],
        },
      }),
    ],
    [
      'bounds',
      inMetric({
        name: 'm',
        histogram: { dataPoints: [{ explicitBounds: Array.from({ length: 20 }, (_, i) => i) }] },
      }),
    ],
  ])('too many %s are too much for one push', (_what, request) => {
    const limits = { ...LIMITS, seriesPerPush: 15 }
    for (const run of [() => fromJson(request, limits), () => fromProtobuf(encodeRequest(request), limits)])
      expect(refusal(run)).toMatchObject({
        code: 'PGR_LIMIT_EXCEEDED',
        message: expect.stringContaining('--push.max-series'),
      })
  })

  it.each([31, 32, 33])('lists within each other, %i deep', (depth) => {
    let value: unknown = { boolValue: true }
    for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } }
    const request = withValue(value)
    const runs = [() => fromJson(request), () => fromProtobuf(encodeRequest(request))]
    for (const run of runs) {
      if (depth <= 32)
        expect(onlyPoint(run()).attributes[0]?.value).toBe(`${'['.repeat(depth)}true${']'.repeat(depth)}`)
      else
        expect(refusal(run)).toMatchObject({
          code: 'PGR_BODY_MALFORMED',
          message: expect.stringMatching(/deeper than/),
        })
    }
  })

  it('every prefix of a body is read or refused', () => {
    const [body] = JSON.parse(
      readFileSync(new URL('../../../fixtures/otlp/sdk-bodies.json', import.meta.url), 'utf8'),
    ).bodies
    const cases = [
      [Buffer.from(body.protobuf, 'base64'), fromProtobuf],
      [
        Buffer.from(body.json, 'base64'),
        (bytes: Uint8Array) => readJson(bytes, LIMITS, new AttributeCaches()),
      ],
    ] as const
    let refused = 0
    for (const [bytes, read] of cases) {
      for (let length = 0; length < bytes.length; length++) {
        try {
          read(bytes.subarray(0, length))
        } catch (reason) {
          expect(reason).toBeInstanceOf(PgrError)
          refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(1000)
  })
})

describe('protobuf', () => {
  it.each([
    ['cut off', '0a05', 'is cut off'],
    ['cut off within a number', '0a80', 'is cut off'],
    ['a length beyond any body', '0affffffff0f', ''],
    ['a field longer than its message', '0a020a05', 'is cut off'],
    ['a tag that is none', '00', ''],
    ['a wire type that is none', '0f', ''],
    ['groups without end', '0b'.repeat(5000), ''],
  ])('%s is refused', (_what, hex, words) => {
    expect(refusal(() => fromProtobuf(Buffer.from(hex, 'hex')))).toMatchObject({
      code: 'PGR_BODY_MALFORMED',
      message: expect.stringContaining(words),
    })
  })

  it('lists that nest without end are refused', () => {
    let value: Buffer = Buffer.from([0x10, 0x01])
    for (let i = 0; i < 3000; i++) value = wrap(5, wrap(1, value))
    const point = wrap(7, Buffer.concat([Buffer.from('0a0161', 'hex'), wrap(2, value)]))
    const body = wrap(
      1,
      wrap(2, wrap(2, Buffer.concat([Buffer.from('0a016d', 'hex'), wrap(5, wrap(1, point))]))),
    )
    expect(refusal(() => fromProtobuf(body)).message).toBe(
      'protobuf parsing error in the OTLP request in metric "m": it has an attribute value that nests deeper than 32 lists and maps',
    )
  })

  it('attributes may stand apart, and among fields that nobody knows', () => {
    const attribute = (key: string) => wrap(7, Buffer.from(`0a01${Buffer.from(key).toString('hex')}`, 'hex'))
    const point = Buffer.concat([
      attribute('a'),
      Buffer.from('1901000000000000000', 'hex'),
      attribute('b'),
      Buffer.from('fa3f0161', 'hex'),
      attribute('c'),
      attribute('d'),
    ])
    const body = wrap(1, wrap(2, wrap(2, wrap(5, wrap(1, point)))))
    expect(onlyPoint(fromProtobuf(body)).attributes.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('numbers may come one by one', () => {
    const point = Buffer.from(
      '3101000000000000003102000000000000003900000000000000403900000000000008404100',
      'hex',
    )
    const body = wrap(1, wrap(2, wrap(2, wrap(9, wrap(1, point.subarray(0, 36))))))
    const data = fromProtobuf(body).resources[0]?.scopes[0]?.metrics[0]?.data
    expect(data?.points).toMatchObject([{ bucketCounts: [1, 2], bounds: [2, 3] }])
  })
})

function wrap(field: number, bytes: Buffer): Buffer {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length]), bytes])
}

describe('JSON', () => {
  it('passes over keys that nobody knows, snake case among them', () => {
    const read = fromJson({
      resource_metrics: [{}],
      resourceMetrics: [{ other: [{ deep: [null, true, -1.5e3, 'x'] }], scope_metrics: [1], schemaUrl: 'x' }],
      more: null,
    } as OtlpJson)
    expect(read).toEqual({ resources: [{ attributes: [], scopes: [] }] })
  })

  it('takes numbers as strings and strings as numbers, enum values by name, null for nothing', () => {
    const point = {
      asInt: 5,
      timeUnixNano: 1_700_000_000_000_000_000,
      startTimeUnixNano: '1e18',
      attributes: null,
    }
    expect(onlyPoint(fromJson(inPoint(point)))).toMatchObject({
      value: 5,
      timeMs: 1_700_000_000_000,
      startMs: 1_000_000_000_000,
      attributes: [],
    })
    const read = fromJson(
      inMetric({
        sum: {
          aggregationTemporality: 'AGGREGATION_TEMPORALITY_DELTA',
          isMonotonic: null,
          dataPoints: [{ asDouble: '1.5' }],
        },
      }),
    )
    expect(read.resources[0]?.scopes[0]?.metrics[0]?.data).toMatchObject({
      temporality: 'delta',
      isMonotonic: false,
      points: [{ value: 1.5 }],
    })
  })

  it('ids are hexadecimal of either case', () => {
    const exemplar = { asInt: 1, traceId: '5B8EFFF798038103D269B633813FC60C', spanId: 'EEE19B7EC3C1B174' }
    expect(onlyPoint(fromJson(inPoint({ exemplars: [exemplar] }))).exemplars).toMatchObject([
      { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' },
    ])
  })

  it('keys may be escaped, and a lone surrogate becomes what UTF-8 can hold', () => {
    const body = '{"resource\\u004detrics":[{"scopeMetrics":[{"metrics":[{"name":"a\\ud800\\n"}]}]}]}'
    expect(fromJson(body).resources[0]?.scopes[0]?.metrics[0]?.name).toBe('a\ufffd\n')
  })

  it.each([
    ['nothing', '', 'expected an object'],
    ['a list', '[]', 'expected an object'],
    ['no end', '{"resourceMetrics":[', 'expected'],
    ['no colon', '{"a" 1}', 'colon'],
    ['two values', '{} {}', 'follows the end'],
    ['a comma too many', '{"a":1,}', 'nothing follows the comma'],
    ['a comma missing', '{"a":1 "b":2}', 'comma'],
    ['a word', '{"a":nul}', 'expected a value'],
    ['a number that is none', '{"a":01}', 'expected a value'],
    ['a string without end', '{"a', 'no end'],
    ['a control character', '{"a\u0001":1}', 'control character'],
    ['an escape that is none', '{"a\\x":1}', 'escape'],
    ['an escape at the end', '{"a\\', 'no end'],
    ['a list for an object', '{"resourceMetrics":{}}', 'expected a list'],
    [
      'a count below zero',
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"count":-1}]}}]}]}]}',
      'whole number',
    ],
    [
      'a count of 2^64',
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"count":"18446744073709551616"}]}}]}]}]}',
      'whole number',
    ],
    [
      'a count with a fraction',
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"count":1.5}]}}]}]}]}',
      'whole number',
    ],
    [
      'a count of a million digits',
      `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"count":"${'9'.repeat(1e6)}"}]}}]}]}]}`,
      'whole number',
    ],
    [
      'a double in hexadecimal',
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":"0x10"}]}}]}]}]}',
      'is no number',
    ],
    [
      'a double beyond all',
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":1e400}]}}]}]}]}',
      'is no number',
    ],
    ['lists without end', '{"a":'.repeat(100_000), 'deeper than 200'],
    ['brackets without end', `{"a":${'['.repeat(100_000)}`, 'deeper than 200'],
  ])('%s is refused', (_what, body, words) => {
    expect(refusal(() => fromJson(body))).toMatchObject({
      code: 'PGR_BODY_MALFORMED',
      message: expect.stringMatching(new RegExp(`^JSON parsing error at byte \\d+: .*${words}`)),
    })
  })

  it('bytes that are no UTF-8 are refused', () => {
    expect(
      refusal(() => readJson(Buffer.from('7b2261ff223a317d', 'hex'), LIMITS, new AttributeCaches())).message,
    ).toMatch(/not UTF-8/)
  })

  it('what JSON.parse takes as a whole is taken, and nothing else', () => {
    const json = fc.oneof(
      fc.json(),
      fc.json().map((text) => text.replace(/[,:\]}"]/, '')),
      fc.string(),
    )
    fc.assert(
      fc.property(json, (text) => {
        const body = `{"unknown": ${text}}`
        let valid = true
        try {
          JSON.parse(body)
        } catch {
          valid = false
        }
        if (valid) expect(fromJson(body)).toEqual({ resources: [] })
        else expect(refusal(() => fromJson(body)).code).toBe('PGR_BODY_MALFORMED')
      }),
      { numRuns: 1000 },
    )
  })
})
