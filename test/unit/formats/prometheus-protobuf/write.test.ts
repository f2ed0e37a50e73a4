import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reader, writer } from '../../../../src/formats/prometheus-protobuf/index.ts'
import type { Family, HistogramMetric } from '../../../../src/model/family.ts'
import type { Label, Labels } from '../../../../src/model/labels.ts'
import type { EscapingScheme } from '../../../../src/model/names.ts'
import { decodeDelimited } from '../../../support/prometheus-protobuf.ts'
import { anyFamily } from '../arbitrary-family.ts'

const ROOMY = {
  limits: { labelsPerSeries: 100, nameLength: 1000, valueLength: 1000, seriesPerPush: 10_000 },
  utf8Names: true,
}

function page(
  family: Family,
  common: Labels = [],
  { escaping = 'allow-utf-8', timestamps = true }: { escaping?: EscapingScheme; timestamps?: boolean } = {},
): Buffer {
  const block = writer.block(family, common, { escaping, timestamps })
  return Buffer.concat([writer.head(family, escaping, block.length), block, writer.end])
}

const label = (name: string, value: string): Label => ({ name, value })

describe('a page in protobuf', () => {
  it('is what protobufjs reads by the vendored file', () => {
    const family: Family = {
      name: 'requests_total',
      type: 'counter',
      help: 'Requests.',
      unit: '',
      metrics: [
        {
          labels: [label('code', '200')],
          value: 3,
          startMs: -1500,
          timestampMs: -5,
          exemplar: { labels: [label('trace_id', 'é')], value: 0.5, timestampMs: 1_700_000_000_123.5 },
        },
        { labels: [label('code', '500')], value: 0, stale: true },
      ],
    }
    expect(decodeDelimited(page(family, [label('job', 'b')]))).toEqual([
      {
        name: 'requests_total',
        help: 'Requests.',
        metric: [
          {
            label: [label('code', '200'), label('job', 'b')],
            counter: {
              value: 3,
              startTimestamp: { seconds: -2, nanos: 500_000_000 },
              exemplar: {
                label: [label('trace_id', 'é')],
                value: 0.5,
                timestamp: { seconds: 1_700_000_000, nanos: 123_500_000 },
              },
            },
            timestampMs: -5,
          },
        ],
      },
    ])
  })

  it('spells the type of a counter and a value of zero out, for readers that ask whether they are there', () => {
    const help = 'long '.repeat(5000)
    const family: Family = { name: 'c', type: 'counter', help, unit: '', metrics: [{ labels: [], value: 0 }] }
    const bytes = page(family)
    expect(decodeDelimited(bytes)).toEqual([{ name: 'c', help, metric: [{ counter: {} }] }])
    expect(bytes.subarray(-15).toString('hex')).toBe(`1800220b1a0909${'00'.repeat(8)}`)
  })

  it.each<[string, Family, number, string]>([
    [
      'info',
      { name: 'i', type: 'info', help: '', unit: '', metrics: [{ labels: [], value: 1 }] },
      1,
      'gauge',
    ],
    [
      'unknown',
      { name: 'u', type: 'unknown', help: '', unit: '', metrics: [{ labels: [], value: 1 }] },
      3,
      'untyped',
    ],
  ])('shows %s as its nearest', (_type, family, number, field) => {
    expect(decodeDelimited(page(family))).toMatchObject([
      { type: number, metric: [{ [field]: { value: 1 } }] },
    ])
  })

  it('shows the states of a set as gauges, labels sorted', () => {
    const family: Family = {
      name: 'm',
      type: 'stateset',
      help: '',
      unit: '',
      metrics: [
        {
          labels: [label('a', '1'), label('z', '2')],
          states: [
            { name: 'on', enabled: true },
            { name: 'off', enabled: false },
          ],
        },
      ],
    }
    expect(decodeDelimited(page(family))).toMatchObject([
      {
        type: 1,
        metric: [
          { label: [label('a', '1'), label('m', 'on'), label('z', '2')], gauge: { value: 1 } },
          { label: [label('a', '1'), label('m', 'off'), label('z', '2')], gauge: {} },
        ],
      },
    ])
  })

  const histogram = (metric: Partial<HistogramMetric>): Family => ({
    name: 'h',
    type: 'histogram',
    help: '',
    unit: '',
    metrics: [{ labels: [], count: 3, sum: 1, buckets: [], ...metric }],
  })
  const nothing = { spans: [], counts: [] }

  it('shows a native histogram with deltas, or with counts when one is a fraction', () => {
    const native = {
      schema: -1,
      zeroThreshold: 0.5,
      zeroCount: 1,
      positive: { spans: [{ offset: 2, length: 2 }], counts: [1, 0] },
      negative: { spans: [{ offset: -2, length: 1 }], counts: [1] },
      exemplars: [{ labels: [], value: 1, timestampMs: 1000 }],
    }
    expect(decodeDelimited(page(histogram({ native })))).toMatchObject([
      {
        type: 4,
        metric: [
          {
            histogram: {
              sampleCount: 3,
              sampleSum: 1,
              schema: -1,
              zeroThreshold: 0.5,
              zeroCount: 1,
              positiveSpan: [{ offset: 2, length: 2 }],
              positiveDelta: [1, -1],
              negativeSpan: [{ offset: -2, length: 1 }],
              negativeDelta: [1],
              exemplars: [{ value: 1, timestamp: { seconds: 1 } }],
            },
          },
        ],
      },
    ])
    const fractions = { ...native, zeroCount: 0.5, positive: { ...native.positive, counts: [1.5, 0] } }
    expect(decodeDelimited(page(histogram({ native: fractions })))).toMatchObject([
      {
        metric: [
          {
            histogram: {
              sampleCountFloat: 3,
              zeroCountFloat: 0.5,
              positiveCount: [1.5, 0],
              negativeCount: [1],
            },
          },
        ],
      },
    ])
  })

  it('tells a native histogram without observations by a span of no length', () => {
    const native = { schema: 3, zeroThreshold: 0, zeroCount: 0, positive: nothing, negative: nothing }
    expect(decodeDelimited(page(histogram({ count: 0, native })))).toMatchObject([
      { metric: [{ histogram: { schema: 3, positiveSpan: [{}] } }] },
    ])
  })

  it('shows custom bounds in classic buckets', () => {
    const native = {
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      customBounds: [0.1, 1, 10],
      positive: {
        spans: [
          { offset: 0, length: 1 },
          { offset: 1, length: 2 },
        ],
        counts: [2, 3, 4],
      },
      negative: nothing,
    }
    const [message] = decodeDelimited(page(histogram({ count: 9, native })))
    expect(message).toMatchObject({
      metric: [
        {
          histogram: {
            sampleCount: 9,
            bucket: [
              { upperBound: 0.1, cumulativeCount: 2 },
              { upperBound: 1, cumulativeCount: 2 },
              { upperBound: 10, cumulativeCount: 5 },
            ],
          },
        },
      ],
    })
    expect(JSON.stringify(message)).not.toContain('Span')
  })

  it('leaves out what becomes equal by escaping, as the other formats do', () => {
    const family: Family = {
      name: 'a.b',
      type: 'gauge',
      help: '',
      unit: '',
      metrics: [
        { labels: [label('x.y', '1')], value: 1 },
        { labels: [label('x_y', '1')], value: 2 },
      ],
    }
    expect(decodeDelimited(page(family, [], { escaping: 'underscores' }))).toEqual([
      { name: 'a_b', type: 1, metric: [{ label: [label('x_y', '1')], gauge: { value: 1 } }] },
    ])
  })

  it('reads back as what was written', () => {
    let metrics = 0
    fc.assert(
      fc.property(
        anyFamily({ types: ['counter', 'gauge', 'unknown', 'summary', 'histogram', 'gaugehistogram'] }),
        (family) => {
          const plain = withoutWhatHasNoForm(family)
          const [back] = reader.read(page(plain), ROOMY)
          expect(back).toEqual(plain.metrics.length === 0 ? undefined : plain)
          metrics += plain.metrics.length
        },
      ),
      { numRuns: 1500 },
    )
    expect(metrics).toBeGreaterThan(400)
  })
})

/** The part of an arbitrary family that this format can say, spelled as the reader does. */
function withoutWhatHasNoForm(family: Family): Family {
  const wellFormed = (labels: Labels) =>
    labels.every(({ name }) => name !== 'le' && name !== 'quantile' && name !== '__name__')
  const micro = (ms: number | undefined) =>
    ms === undefined ? {} : { startMs: Math.round(ms * 1000) / 1000 }
  const base = (metric: Family['metrics'][number]) => ({
    labels: metric.labels,
    ...(metric.timestampMs !== undefined && { timestampMs: Math.trunc(metric.timestampMs) + 0 }),
  })
  const metrics: unknown[] = []
  for (const metric of family.metrics) {
    if (metric.stale || !wellFormed(metric.labels)) continue
    if (family.type === 'summary' && 'quantiles' in metric) {
      const count = Math.min(Math.trunc(metric.count ?? 0), Number.MAX_SAFE_INTEGER)
      const quantiles = rising(metric.quantiles, ({ quantile }) => quantile)
      metrics.push({ ...base(metric), ...micro(metric.startMs), count, sum: metric.sum ?? 0, quantiles })
    } else if ('buckets' in metric) {
      // Native parts and exemplars have rows of their own above: arbitrary ones are not valid.
      const buckets = rising(metric.buckets, ({ upperBound }) => upperBound).map(
        ({ upperBound, cumulativeCount }) => ({ upperBound, cumulativeCount }),
      )
      const count = metric.count ?? 0
      const float = [count, ...buckets.map((bucket) => bucket.cumulativeCount)].some(
        (n) => !Number.isSafeInteger(n),
      )
      const hasFraction =
        float && [count, ...buckets.map((bucket) => bucket.cumulativeCount)].some((n) => n > 0)
      metrics.push({
        ...base(metric),
        ...micro(metric.startMs),
        count,
        sum: metric.sum ?? 0,
        buckets,
        ...(hasFraction && { float: true }),
      })
    } else if ('value' in metric) {
      const start = family.type === 'counter' ? micro(metric.startMs) : {}
      metrics.push({ ...base(metric), ...start, value: metric.value })
    }
  }
  return { ...family, unit: '', metrics } as Family
}

function rising<T>(items: readonly T[], numberOf: (item: T) => number): T[] {
  const kept = new Map(
    items.filter((item) => !Number.isNaN(numberOf(item))).map((item) => [numberOf(item), item]),
  )
  return [...kept.values()].sort((a, b) => (numberOf(a) < numberOf(b) ? -1 : 1))
}
