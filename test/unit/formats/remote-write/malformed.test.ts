import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import type { RemoteWriteVersion } from '../../../../src/formats/remote-write/index.ts'
import { encodeRemoteWrite, pairs, symbolized } from '../../../support/remote-write.ts'
import { NOW, OPTIONS, readBody, refusal, single } from './reading.ts'

const SAMPLE = { value: 1, timestamp: NOW }
const HISTOGRAM = {
  countInt: 3,
  sum: 1,
  zeroCountInt: 1,
  positiveSpans: [{ offset: 1, length: 1 }],
  positiveDeltas: [2],
  timestamp: NOW,
}

const BODY_1 = encodeRemoteWrite(1, {
  timeseries: [
    {
      labels: pairs('__name__', 'up', 'job', 'api'),
      samples: [SAMPLE],
      exemplars: [{ labels: pairs('trace_id', 'x'), value: 1, timestamp: NOW }],
    },
    { labels: pairs('__name__', 'size'), histograms: [HISTOGRAM] },
  ],
  metadata: [{ type: 1, metricFamilyName: 'up', help: 'Up.', unit: 'x' }],
})
const BODY_2 = encodeRemoteWrite(
  2,
  symbolized(
    { labels: ['__name__', 'up', 'job', 'api'], samples: [SAMPLE], metadata: { type: 2, helpRef: 2 } },
    { labels: ['__name__', 'size'], histograms: [HISTOGRAM], exemplars: [{ labelsRefs: [3, 4], value: 1 }] },
  ),
)

const bytes = (...parts: readonly (number | readonly number[])[]) => Buffer.from(parts.flat())
/** A field of bytes. */
const field = (tag: number, ...content: (number | readonly number[])[]) => {
  const inner = content.flat()
  return [
    tag,
    ...(inner.length < 0x80 ? [inner.length] : [(inner.length & 0x7f) | 0x80, inner.length >> 7]),
    ...inner,
  ]
}
const NAME = field(0x0a, field(0x0a, [...Buffer.from('__name__')]), field(0x12, [...Buffer.from('up')]))

it.each<[string, RemoteWriteVersion, Buffer]>([
  ['of version 2 read as version 1', 1, BODY_2],
  ['of version 1 read as version 2', 2, BODY_1],
  [
    'of metadata alone read as version 2',
    2,
    encodeRemoteWrite(1, { metadata: [{ type: 1, metricFamilyName: 'a' }] }),
  ],
  ['of symbols alone read as version 1', 1, encodeRemoteWrite(2, { symbols: ['', 'a'] })],
  ['without symbols', 2, bytes(field(0x2a, field(0x0a, 1, 2), field(0x12)))],
  ['whose first symbol is not empty', 2, encodeRemoteWrite(2, { symbols: ['__name__', 'up'] })],
  ['that is text', 1, Buffer.from('up 1\n')],
  ['that is compressed', 1, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
  ['with a length of more than the body', 1, bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0x07)],
  ['with a length beyond 2^32', 1, bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
  ['with a label longer than its series', 1, bytes(0x0a, 4, 0x0a, 100, 0x0a, 0, ...new Array(120).fill(0))],
  [
    'with a name longer than its label',
    1,
    bytes(field(0x0a, field(0x0a, 0x0a, 100), field(0x12)), new Array(120).fill(0)),
  ],
  ['with a sample longer than its series', 1, bytes(field(0x0a, NAME, 0x12, 50), new Array(60).fill(0))],
  ['with a number that never ends', 1, Buffer.alloc(30, 0xff)],
  [
    'with groups three hundred deep',
    1,
    bytes(field(0x0a, NAME, field(0x12, new Array(300).fill((9 << 3) | 3)))),
  ],
  ['with a group', 1, bytes((9 << 3) | 3, (9 << 3) | 4)],
  ['with a field 0', 1, bytes(0x02, 0)],
  ['with a value of the wrong kind', 1, bytes(field(0x0a, NAME, field(0x12, 0x08, 1)))],
  ['with a time of the wrong kind', 1, bytes(field(0x0a, NAME, field(0x12, 0x11, 0, 0, 0, 0, 0, 0, 0, 0)))],
  ['with a series of the wrong kind', 1, bytes(0x08, 1)],
  ['with labels of the wrong kind', 1, bytes(field(0x0a, 0x08, 1))],
  ['with symbols of the wrong kind', 2, bytes(0x20, 1)],
  ['with metadata of the wrong kind', 2, bytes(field(0x22), field(0x2a, 0x28, 1))],
])('a body %s is refused', (_what, version, body) => {
  const { code, message } = refusal(() => readBody(body, version))
  expect(code).toBe('PGR_BODY_MALFORMED')
  expect(message).toMatch(
    new RegExp(`^the body is not remote write ${version}.0: (it|time series \\d+) (has|is|cannot)`),
  )
})

it.each<[string, Buffer, string]>([
  [
    'in its second series',
    bytes(field(0x0a, NAME, field(0x12)), field(0x0a, 0x12, 9)),
    'time series 2 is cut off',
  ],
  ['behind its series', bytes(field(0x0a, NAME, field(0x12)), 0x1a, 9), ': it is cut off'],
])('a body that is broken %s says so', (_where, body, words) => {
  expect(refusal(() => readBody(body, 1)).message).toContain(words)
})

it('a body of another version says how to send it', () => {
  expect(refusal(() => readBody(BODY_2, 1)).message).toContain('proto=io.prometheus.write.v2.Request')
  expect(refusal(() => readBody(BODY_1, 2)).message).toContain('without the parameter proto')
})

it('messages in messages three hundred deep are passed over', () => {
  let nested: number[] = []
  for (let i = 0; i < 300; i++) nested = field(0x4a, nested)
  expect(readBody(bytes(field(0x0a, NAME, field(0x12), nested)), 1).numbers).toHaveLength(1)
})

it.each<[RemoteWriteVersion, Buffer]>([
  [1, BODY_1],
  [2, BODY_2],
])('a body of version %i is read or refused, wherever it is cut off', (version, body) => {
  let read = 0
  for (let end = 0; end < body.length; end++) {
    try {
      readBody(body.subarray(0, end), version)
      read++
    } catch (reason) {
      expect(reason, `at ${end}`).toBeInstanceOf(PgrError)
    }
  }
  // Between two fields of the outermost message, and nowhere else.
  expect(read).toBe(version === 1 ? 3 : 8)
  expect(readBody(body, version)).toMatchObject({
    numbers: [{ series: 'up{job="api"}' }],
    histograms: [{ series: 'size' }],
    exemplars: [{}],
    metadata: [{ name: 'up' }],
    refused: { samples: 0, emptySeries: 0 },
  })
})

describe('a million empty series', () => {
  const MILLION = 1_000_000
  const options = { ...OPTIONS, limits: { ...OPTIONS.limits, seriesPerPush: MILLION } }

  it.each<[RemoteWriteVersion, Buffer, number]>([
    [1, Buffer.alloc(2 * MILLION, bytes(0x0a, 0)), 0],
    [2, Buffer.concat([bytes(0x22, 0), Buffer.alloc(2 * MILLION, bytes(0x2a, 0))]), MILLION],
  ])('of version %i take little time', (version, body, refused) => {
    expect(refusal(() => readBody(body, version)).code).toBe('PGR_LIMIT_EXCEEDED')
    const started = process.cpuUsage()
    expect(readBody(body, version, options).refused.emptySeries).toBe(refused)
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1e6).toBeLessThan(3)
  })
})

it('a body without a series is held against its version all the same', () => {
  expect(refusal(() => readBody(encodeRemoteWrite(1, single('a', 'b')), 2)).code).toBe('PGR_BODY_MALFORMED')
})
