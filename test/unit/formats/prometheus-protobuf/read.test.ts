import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import type { ReadOptions } from '../../../../src/formats/format.ts'
import { reader } from '../../../../src/formats/prometheus-protobuf/index.ts'
import { encodeDelimited, type Message } from '../../../support/prometheus-protobuf.ts'

const OPTIONS: ReadOptions = {
  limits: { labelsPerSeries: 5, nameLength: 30, valueLength: 40, seriesPerPush: 100 },
  utf8Names: false,
}

const read = (...messages: Message[]) => reader.read(encodeDelimited(...messages), OPTIONS)
const label = (name: string, value: string) => ({ name, value })
const gauge = (name: string, ...metric: Message[]): Message => ({ name, type: 1, metric })

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return { code: reason.code, message: reason.message }
    throw reason
  }
  throw new Error('expected a refusal')
}

describe('a body of delimited messages', () => {
  it('may have none', () => {
    expect(reader.read(Buffer.alloc(0), OPTIONS)).toEqual([])
  })

  it('becomes families in order, labels sorted', () => {
    const families = read(
      {
        name: 'requests_total',
        help: 'Requests.',
        type: 0,
        metric: [
          {
            label: [label('path', '/'), label('code', '200')],
            counter: {
              value: 3,
              exemplar: {
                label: [label('trace_id', 'x')],
                value: 0.5,
                timestamp: { seconds: 1700000000, nanos: 500000000 },
              },
              startTimestamp: { seconds: 1600000000 },
            },
          },
        ],
      },
      gauge('up', { gauge: { value: -0.5 }, timestampMs: 1700000000123 }),
      { name: 'any', type: 3, metric: [{ untyped: { value: Number.NaN } }] },
    )
    expect(families).toEqual([
      {
        name: 'requests_total',
        type: 'counter',
        help: 'Requests.',
        unit: '',
        metrics: [
          {
            labels: [label('code', '200'), label('path', '/')],
            value: 3,
            exemplar: { labels: [label('trace_id', 'x')], value: 0.5, timestampMs: 1700000000500 },
            startMs: 1600000000000,
          },
        ],
      },
      {
        name: 'up',
        type: 'gauge',
        help: '',
        unit: '',
        metrics: [{ labels: [], value: -0.5, timestampMs: 1700000000123 }],
      },
      { name: 'any', type: 'unknown', help: '', unit: '', metrics: [{ labels: [], value: Number.NaN }] },
    ])
  })

  it('becomes summaries and classic histograms, whole and of fractions', () => {
    const [summary, histogram, fractions] = read(
      {
        name: 's',
        type: 2,
        metric: [
          {
            summary: {
              sampleCount: 7,
              sampleSum: 1.5,
              quantile: [
                { quantile: 0.9, value: 2 },
                { quantile: 0.5, value: Number.NaN },
              ],
            },
          },
        ],
      },
      {
        name: 'h',
        type: 4,
        metric: [
          {
            histogram: {
              sampleCount: 2 ** 40,
              sampleSum: 9,
              bucket: [
                { upperBound: 1, cumulativeCount: 2, exemplar: { value: 0.7 } },
                { upperBound: 0.5, cumulativeCount: 1 },
              ],
            },
          },
        ],
      },
      {
        name: 'f',
        type: 5,
        metric: [
          {
            histogram: {
              sampleCountFloat: 2.5,
              bucket: [{ upperBound: Number.POSITIVE_INFINITY, cumulativeCountFloat: 2.5 }],
            },
          },
        ],
      },
    )
    expect(summary?.metrics).toEqual([
      {
        labels: [],
        count: 7,
        sum: 1.5,
        quantiles: [
          { quantile: 0.5, value: Number.NaN },
          { quantile: 0.9, value: 2 },
        ],
      },
    ])
    expect(histogram?.metrics).toEqual([
      {
        labels: [],
        count: 2 ** 40,
        sum: 9,
        buckets: [
          { upperBound: 0.5, cumulativeCount: 1 },
          { upperBound: 1, cumulativeCount: 2, exemplar: { labels: [], value: 0.7 } },
        ],
      },
    ])
    expect(fractions).toMatchObject({
      type: 'gaugehistogram',
      metrics: [{ count: 2.5, sum: 0, float: true, buckets: [{ cumulativeCount: 2.5 }] }],
    })
  })

  const native = (histogram: Message): Message => ({ name: 'n', type: 4, metric: [{ histogram }] })

  it('becomes native histograms', () => {
    const [family] = read(
      native({
        sampleCount: 12,
        sampleSum: 18.4,
        schema: 1,
        zeroThreshold: 0.001,
        zeroCount: 2,
        positiveSpan: [
          { offset: 0, length: 2 },
          { offset: 1, length: 2 },
        ],
        positiveDelta: [1, 1, -1, 0],
        negativeSpan: [{ offset: -3, length: 2 }],
        negativeDelta: [2, 1],
        exemplars: [{ value: 1, timestamp: { seconds: 5 } }, { value: 2 }],
      }),
    )
    expect(family?.metrics).toEqual([
      {
        labels: [],
        count: 12,
        sum: 18.4,
        buckets: [],
        native: {
          schema: 1,
          zeroThreshold: 0.001,
          zeroCount: 2,
          positive: {
            spans: [
              { offset: 0, length: 2 },
              { offset: 1, length: 2 },
            ],
            counts: [1, 2, 1, 1],
          },
          negative: { spans: [{ offset: -3, length: 2 }], counts: [2, 3] },
          exemplars: [{ labels: [], value: 1, timestampMs: 5000 }],
        },
      },
    ])
  })

  it('becomes a native histogram also without observations, and with fractions of them', () => {
    const [bare] = read(native({ positiveSpan: [{}] }))
    expect(bare).toMatchObject({ metrics: [{ count: 0, native: { positive: { counts: [] } } }] })
    const [fractions] = read(
      native({ sampleCountFloat: 1.5, schema: 0, positiveSpan: [{ length: 1 }], positiveCount: [1.5] }),
    )
    expect(fractions).toMatchObject({ metrics: [{ float: true, native: { positive: { counts: [1.5] } } }] })
    const [classic] = read(native({ sampleCount: 1, schema: 3 }))
    expect(classic?.metrics[0]).not.toHaveProperty('native')
  })

  it('is made coarser when its schema is finer than any that is stored', () => {
    const [family] = read(
      native({
        sampleCount: 6,
        schema: 10,
        positiveSpan: [
          { offset: 1, length: 4 },
          { offset: 3, length: 1 },
        ],
        positiveDelta: [1, 0, 0, 0, 1],
      }),
    )
    // Four buckets of schema 10 make one of schema 8: 1 to 4 are its first, 8 its second.
    expect(family).toMatchObject({
      metrics: [{ native: { schema: 8, positive: { spans: [{ offset: 1, length: 2 }], counts: [4, 2] } } }],
    })
  })

  it('reads numbers packed or one by one, fields in any order, and passes over what it does not know', () => {
    const w = () => protobuf.Writer.create()
    const histogram = w()
      .uint32(13 * 8)
      .sint64(3)
      .uint32(13 * 8)
      .sint64(-1)
      .uint32(12 * 8 + 2)
      .fork()
      .uint32(16)
      .uint32(2)
      .ldelim()
      .uint32(8)
      .uint64(5)
      .finish()
    const metric = w()
      .uint32(7 * 8 + 2)
      .bytes(histogram)
      .uint32(99 * 8 + 2)
      .string('later')
      .finish()
    const message = w()
      .uint32(4 * 8 + 2)
      .bytes(metric)
      .uint32(24)
      .uint32(4)
      .uint32(98 * 8)
      .uint32(1)
      .uint32(10)
      .string('n')
      .finish()
    const [family] = reader.read(w().bytes(message).finish(), OPTIONS)
    expect(family).toMatchObject({
      name: 'n',
      type: 'histogram',
      metrics: [{ count: 5, native: { positive: { counts: [3, 2] } } }],
    })
  })

  it('keeps the last of two families of one name, and none that has no metrics', () => {
    expect(
      read(gauge('a', { gauge: { value: 1 } }), gauge('empty'), gauge('a', { gauge: { value: 2 } })),
    ).toMatchObject([{ name: 'a', metrics: [{ value: 2 }] }])
  })

  it('keeps a unit only where the name ends in it', () => {
    expect(read({ ...gauge('a_seconds', { gauge: {} }), unit: 'seconds' })).toMatchObject([
      { unit: 'seconds' },
    ])
    expect(read({ ...gauge('b', { gauge: {} }), unit: 'seconds' })).toMatchObject([{ unit: '' }])
  })
})

describe('a body is refused', () => {
  const one = (metric: Message, type = 1): Message => ({ name: 'm', type, metric: [metric] })
  const histogram = (parts: Message): Message => one({ histogram: parts }, 4)

  it.each<[string, Message, string]>([
    ['without a name', { type: 1, metric: [] }, 'in metric family 2: it has no name'],
    [
      'with a name that is none',
      gauge('a b', { gauge: {} }),
      'invalid metric name "a b"; such names are read with --push.enable-utf8-names',
    ],
    ['with a type nobody knows', { name: 'm', type: 6, metric: [{ gauge: {} }] }, '("m"): it has the type 6'],
    ['with a value of another type', one({ counter: { value: 1 } }), 'without the value of a gauge'],
    [
      'with a label name that is none',
      one({ label: [label('a-b', '')], gauge: {} }),
      'invalid label name "a-b"',
    ],
    ['with an empty label name', one({ label: [label('', 'x')], gauge: {} }), 'invalid label name ""'],
    ['with a reserved label', one({ label: [label('__name__', 'x')], gauge: {} }), 'reserved'],
    [
      'with a label twice',
      one({ label: [label('a', '1'), label('a', '2')], gauge: {} }),
      'two labels called "a"',
    ],
    [
      'with a bucket label on a histogram',
      { name: 'm', type: 4, metric: [{ label: [label('le', '1')], histogram: {} }] },
      'label "le"',
    ],
    [
      'with buckets that fall below zero',
      histogram({ sampleCount: 1, positiveSpan: [{ length: 2 }], positiveDelta: [1, -2] }),
      '-1 observations in a positive bucket',
    ],
    [
      'with spans for other buckets',
      histogram({ sampleCount: 1, positiveSpan: [{ length: 2 }], positiveDelta: [1] }),
      '1 positive buckets, and spans for 2',
    ],
    [
      'with spans that overlap',
      histogram({
        sampleCount: 2,
        positiveSpan: [{ length: 1 }, { offset: -1, length: 1 }],
        positiveDelta: [1, 0],
      }),
      'overlap',
    ],
    [
      'with a count that is not that of its buckets',
      histogram({ sampleCount: 3, positiveSpan: [{ length: 1 }], positiveDelta: [1] }),
      'holds 1 observations in its buckets, and its count is 3',
    ],
    [
      'with custom bounds, which have no form here',
      histogram({ schema: -53, sampleCount: 1, positiveSpan: [{ length: 1 }], positiveDelta: [1] }),
      'schema -53',
    ],
    ['with an infinite count', histogram({ sampleCountFloat: Number.POSITIVE_INFINITY }), 'count Infinity'],
  ])('%s', (_why, message, words) => {
    const { code, message: said } = refusal(() => read(gauge('fine', { gauge: {} }), message))
    expect(code).toBe('PGR_BODY_MALFORMED')
    expect(said).toContain('protobuf parsing error in metric family 2')
    expect(said).toContain(words)
  })

  it.each<[string, Message, string]>([
    [
      'series',
      gauge('m', ...Array.from({ length: 101 }, (_, i) => ({ label: [label('i', `${i}`)], gauge: {} }))),
      '--push.max-series',
    ],
    [
      'buckets',
      {
        name: 'm',
        type: 4,
        metric: [{ histogram: { bucket: Array.from({ length: 98 }, (_, i) => ({ upperBound: i })) } }],
      },
      '--push.max-series',
    ],
    [
      'labels',
      gauge('m', { label: Array.from({ length: 6 }, (_, i) => label(`l${i}`, '')), gauge: {} }),
      '--push.max-labels',
    ],
    ['characters in a name', gauge('m'.repeat(31), { gauge: {} }), '--push.max-name-length'],
    [
      'characters in a value',
      gauge('m', { label: [label('a', 'v'.repeat(41))], gauge: {} }),
      '--push.max-value-length',
    ],
  ])('for more %s than allowed', (_what, message, setting) => {
    const { code, message: said } = refusal(() => read(message))
    expect(code).toBe('PGR_LIMIT_EXCEEDED')
    expect(said).toContain(setting)
  })

  it('wherever it is cut off', () => {
    const body = encodeDelimited(gauge('a', { label: [label('x', 'y')], gauge: { value: 1 } }), {
      name: 'h',
      type: 4,
      metric: [
        {
          histogram: {
            sampleCount: 1,
            bucket: [{ upperBound: 1 }],
            positiveSpan: [{ length: 1 }],
            positiveDelta: [1],
          },
        },
      ],
    })
    const whole = encodeDelimited(gauge('a', { label: [label('x', 'y')], gauge: { value: 1 } })).length
    for (let end = 1; end < body.length; end++) {
      if (end === whole) continue
      expect(refusal(() => reader.read(body.subarray(0, end), OPTIONS)).code, `at ${end}`).toBe(
        'PGR_BODY_MALFORMED',
      )
    }
  })

  it.each([
    ['text that is not UTF-8', Buffer.from([3, 0x0a, 1, 0xff])],
    [
      'groups nested three hundred deep',
      Buffer.concat([Buffer.from([0xac, 2]), Buffer.alloc(300, (9 << 3) | 3)]),
    ],
    ['a length of more than the body', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['a number that never ends', Buffer.alloc(20, 0xff)],
    ['text 0.0.4', Buffer.from('a 1\n')],
  ])('that is %s', (_what, body) => {
    expect(refusal(() => reader.read(body, OPTIONS)).code).toBe('PGR_BODY_MALFORMED')
  })

  it('or read, whatever bytes change', () => {
    let readable = 0
    const body = encodeDelimited(
      {
        name: 'c',
        help: 'h',
        type: 0,
        metric: [{ label: [label('a', 'b')], counter: { value: 1, exemplar: { value: 1 } } }],
      },
      { name: 's', type: 2, metric: [{ summary: { sampleCount: 1, quantile: [{ quantile: 0.5 }] } }] },
      {
        name: 'h',
        type: 4,
        metric: [
          {
            histogram: {
              sampleCount: 3,
              bucket: [{ upperBound: 1, cumulativeCount: 1 }],
              schema: 1,
              positiveSpan: [{ length: 2 }],
              positiveDelta: [1, 1],
            },
          },
        ],
      },
    )
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(body)
        changed[at] = byte
        try {
          reader.read(changed, OPTIONS)
          readable++
        } catch (reason) {
          expect(reason).toBeInstanceOf(PgrError)
        }
      }),
      { numRuns: 3000 },
    )
    expect(readable).toBeGreaterThan(900)
  })
})
