import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writers } from '../../../../src/formats/index.ts'
import {
  OtlpReader,
  PROMETHEUS_TRANSLATION,
  STRATEGIES,
  type Translation,
  type TranslationOptions,
} from '../../../../src/formats/otlp/index.ts'
import { readStored, writeStored } from '../../../../src/formats/stored/index.ts'
import type { NativeBuckets } from '../../../../src/model/family.ts'
import { NO_LABELS } from '../../../../src/model/labels.ts'
import { encodeRequest, type OtlpJson } from '../../../support/otlp.ts'
import { otlpRequest } from './arbitrary-request.ts'
import { LIMITS } from './limits.ts'

const TIME = { startTimeUnixNano: '1700000000000000000', timeUnixNano: '1700000015000000000' }
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const SHOP = [text('service.name', 'shop')]

interface Around {
  readonly resource?: readonly object[]
  readonly scope?: object
}

const around = ({ resource = SHOP, scope = {} }: Around, ...metrics: readonly object[]): OtlpJson => ({
  resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ scope, metrics }] }],
})
const inShop = (...metrics: readonly object[]) => around({}, ...metrics)

/** Of protobuf, which must not differ from JSON. */
function translate(request: OtlpJson, options: Partial<TranslationOptions> = {}): Translation {
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS, ...options })
  const translated = reader.read(encodeRequest(request), 'protobuf')
  expect(reader.read(Buffer.from(JSON.stringify(request)), 'json')).toEqual(translated)
  return translated
}

const gauge = (...dataPoints: object[]) => ({ name: 'g', gauge: { dataPoints } })
const sum = (aggregationTemporality: number, isMonotonic: boolean, ...dataPoints: object[]) => ({
  name: 's',
  sum: { aggregationTemporality, isMonotonic, dataPoints },
})
const histogram = (...dataPoints: object[]) => ({
  name: 'h',
  histogram: { aggregationTemporality: 2, dataPoints },
})
const exponential = (...dataPoints: object[]) => ({
  name: 'e',
  exponentialHistogram: { aggregationTemporality: 2, dataPoints },
})
const summary = (...dataPoints: object[]) => ({ name: 'q', summary: { dataPoints } })

describe('deltas', () => {
  const stream = (request: OtlpJson) => translate(request).families[0]?.streams?.[0]
  const point = { ...TIME, asInt: '5', attributes: [text('a', '1'), text('b', '2')] }
  const one = stream(around({ scope: { name: 'x' } }, sum(1, true, point)))

  it('are described, and the sum of one that may fall is a gauge', () => {
    const { families } = translate(
      inShop(sum(1, true, { ...TIME, asInt: '5' }), {
        ...sum(1, false, { ...TIME, asInt: '-5' }),
        name: 't',
      }),
    )
    expect(
      families.map(({ family, streams }) => [family.name, family.type, family.metrics, streams?.length]),
    ).toEqual([
      [
        's_total',
        'counter',
        [
          {
            labels: [{ name: 'job', value: 'shop' }],
            timestampMs: 1_700_000_015_000,
            startMs: 1_700_000_000_000,
            value: 5,
          },
        ],
        1,
      ],
      [
        't',
        'gauge',
        [
          {
            labels: [{ name: 'job', value: 'shop' }],
            timestampMs: 1_700_000_015_000,
            startMs: 1_700_000_000_000,
            value: -5,
          },
        ],
        1,
      ],
    ])
    expect(translate(inShop(sum(2, true, { asInt: '5' }))).families[0]).not.toHaveProperty('streams')
  })

  it('streams have names that stay', () => {
    expect(Buffer.from(one ?? '', 'latin1').toString('hex')).toMatchInlineSnapshot(
      `"d996bf13a554c3ad5dadd9da3f8dd1d9"`,
    )
  })

  it('the order of attributes makes no stream', () => {
    const turned = { ...point, attributes: [...point.attributes].reverse() }
    expect(stream(around({ scope: { name: 'x' } }, sum(1, true, turned)))).toBe(one)
  })

  it.each([
    [
      'an attribute of the resource',
      around({ resource: [...SHOP, text('host', 'h')], scope: { name: 'x' } }, sum(1, true, point)),
    ],
    ['the scope', around({ scope: { name: 'y' } }, sum(1, true, point))],
    ['its version', around({ scope: { name: 'x', version: '1' } }, sum(1, true, point))],
    [
      'an attribute of the scope',
      around({ scope: { name: 'x', attributes: [text('c', '3')] } }, sum(1, true, point)),
    ],
    ['the metric', around({ scope: { name: 'x' } }, { ...sum(1, true, point), name: 'other' })],
    ['its unit', around({ scope: { name: 'x' } }, { ...sum(1, true, point), unit: 's' })],
    [
      'an attribute',
      around(
        { scope: { name: 'x' } },
        sum(1, true, { ...point, attributes: [text('a', '1'), text('b', '3')] }),
      ),
    ],
    [
      'one attribute less',
      around({ scope: { name: 'x' } }, sum(1, true, { ...point, attributes: [text('a', '1')] })),
    ],
    [
      'where an attribute stands',
      around(
        { resource: [...SHOP, text('b', '2')], scope: { name: 'x' } },
        sum(1, true, { ...point, attributes: [text('a', '1')] }),
      ),
    ],
  ])('another stream by %s', (_what, request) => {
    const other = stream(request)
    expect(other?.length).toBe(16)
    expect(other).not.toBe(one)
  })

  it('what a gauge and a summary carry is none', () => {
    const { families } = translate(inShop(gauge({ asInt: '1' }), summary({ count: '1', sum: 1 })))
    expect(families.every(({ streams }) => streams === undefined)).toBe(true)
  })
})

describe('a point that is refused costs itself alone', () => {
  it.each([
    ['no value', gauge({ ...TIME }), 'a point of metric "g" has no value'],
    [
      'bounds that do not rise',
      histogram({ count: '2', bucketCounts: ['1', '1', '0'], explicitBounds: [2, 1] }),
      'has bounds that do not rise',
    ],
    [
      'bounds that are no numbers',
      histogram({ count: '2', bucketCounts: ['1', '1'], explicitBounds: ['NaN'] }),
      'has bounds that do not rise',
    ],
    [
      'more in buckets than there are',
      histogram({ count: '1', bucketCounts: ['1', '1', '0'], explicitBounds: [1, 2] }),
      'holds 2 observations in its buckets, and its count is 1',
    ],
    [
      'less than 2^63 in all, and 2^63 in a bucket',
      histogram({ count: '5', bucketCounts: ['9223372036854775808', '0'], explicitBounds: [1] }),
      'holds 9223372036854776000 observations',
    ],
    [
      'buckets and a count that differ',
      exponential({ count: '3', positive: { bucketCounts: ['1', '1'] } }),
      'holds 2 observations in its buckets, and its count is 3',
    ],
    [
      'a scale too coarse',
      exponential({ count: '1', scale: -5, positive: { bucketCounts: ['1'] } }),
      'has the scale -5',
    ],
    [
      'a threshold that is no number',
      exponential({ count: '0', zeroThreshold: 'NaN' }),
      'has the zero threshold NaN',
    ],
    ['a threshold below zero', exponential({ count: '0', zeroThreshold: -1 }), 'has the zero threshold -1'],
    [
      'buckets beyond any index',
      exponential({ count: '2', positive: { offset: 2_147_483_647, bucketCounts: ['1', '1'] } }),
      'beyond any number',
    ],
    [
      'a quantile above one',
      summary({ count: '1', sum: 1, quantileValues: [{ quantile: 1.5, value: 1 }] }),
      'has the quantile 1.5',
    ],
    [
      'a quantile that is no number',
      summary({ count: '1', sum: 1, quantileValues: [{ quantile: 'NaN', value: 1 }] }),
      'has the quantile NaN',
    ],
    [
      'an attribute without a key',
      gauge({ asInt: '1', attributes: [text('', 'x')] }),
      'has an attribute without a key',
    ],
    [
      'an attribute that no label name is left of',
      gauge({ asInt: '1', attributes: [text('__', 'x')] }),
      'has an attribute "__", of which no label name is left',
    ],
    [
      'too many labels',
      gauge({ asInt: '1', attributes: Array.from({ length: 64 }, (_, i) => text(`k${i}`, 'v')) }),
      'has more than the 64 labels allowed (--push.max-labels)',
    ],
    [
      'a label name too long',
      gauge({ asInt: '1', attributes: [text('k'.repeat(257), 'v')] }),
      '--push.max-name-length',
    ],
    [
      'a label value too long',
      gauge({ asInt: '1', attributes: [text('k', 'v'.repeat(4097))] }),
      '--push.max-value-length',
    ],
  ])('%s', (_what, metric, reason) => {
    const good = { name: 'good', gauge: { dataPoints: [{ asInt: '1' }] } }
    const { families, points, rejectedPoints, message } = translate(inShop(metric, good))
    expect({ points, rejectedPoints }).toEqual({ points: 2, rejectedPoints: 1 })
    expect(message).toContain(reason)
    expect(families.map(({ family }) => family.name)).toEqual(['good'])
  })

  it.each([
    [
      'no temporality',
      sum(0, true, { asInt: '1' }, { asInt: '2' }),
      'metric "s" does not say whether its points are cumulative or deltas (2 points)',
    ],
    [
      'no name',
      { ...sum(2, false, { asInt: '1' }, { asInt: '2' }), name: '' },
      'metric "" has no name that could be kept (2 points)',
    ],
    [
      'a name of which nothing is left',
      { ...sum(2, false, { asInt: '1' }, { asInt: '2' }), name: '__.' },
      'metric "__." has no name that could be kept (2 points)',
    ],
    [
      'a name too long',
      { ...sum(2, false, { asInt: '1' }, { asInt: '2' }), name: 'x'.repeat(300) },
      '--push.max-name-length',
    ],
  ])('a metric with %s loses all of its points', (_what, metric, reason) => {
    const { families, points, rejectedPoints, message } = translate(inShop(metric))
    expect({ points, rejectedPoints, families }).toEqual({ points: 2, rejectedPoints: 2, families: [] })
    expect(message).toContain(reason)
  })

  it('a metric without data is told of, and counts nothing', () => {
    expect(translate(inShop({ name: 'odd' }))).toEqual({
      families: [],
      points: 0,
      rejectedPoints: 0,
      message: 'metric "odd" has no data of a kind that is known',
    })
    expect(translate(inShop(gauge())).message).toBe('')
  })

  it('of two metrics of one resource that share a name and not a type the first stays', () => {
    const first = { name: 'x.y', gauge: { dataPoints: [{ asInt: '1' }] } }
    const second = { name: 'x_y', histogram: { aggregationTemporality: 2, dataPoints: [{ count: '0' }] } }
    const { families, rejectedPoints, message } = translate(inShop(first, second))
    expect(families.map(({ family }) => [family.name, family.type])).toEqual([['x_y', 'gauge']])
    expect(rejectedPoints).toBe(1)
    expect(message).toBe(
      'metric "x_y" is a histogram, and "x_y" is a gauge by another metric of the same resource',
    )
    const apart: OtlpJson = {
      resourceMetrics: [...(inShop(first).resourceMetrics ?? []), ...(inShop(second).resourceMetrics ?? [])],
    }
    expect(translate(apart).rejectedPoints).toBe(0)
  })

  it('what is wrong everywhere is told once, and of much that is wrong the beginning', () => {
    const metrics = Array.from({ length: 500 }, (_, i) => ({ ...gauge({}, {}), name: `metric.${i}` }))
    const { rejectedPoints, message } = translate(inShop(...metrics))
    expect(rejectedPoints).toBe(1000)
    expect(message).toContain('a point of metric "metric.0" has no value (2 points); ')
    expect(message).toMatch(/; and 980 more$/)
    expect(message.length).toBeLessThan(1000)
  })

  it('a resource whose attributes cannot be promoted loses its points, and no other does', () => {
    const bad = around({ resource: [...SHOP, text('__', 'x')] }, gauge({ asInt: '1' }))
    const request = {
      resourceMetrics: [
        ...(bad.resourceMetrics ?? []),
        ...(inShop(gauge({ asInt: '1' })).resourceMetrics ?? []),
      ],
    }
    const { families, rejectedPoints, message } = translate(request, {
      promotion: { attributes: [], isAllBut: true },
    })
    expect(rejectedPoints).toBe(1)
    expect(message).toContain('is of a resource that has an attribute "__", of which no label name is left')
    expect(families.length).toBe(1)
  })

  it('a resource that cannot be described is told of', () => {
    const { families, rejectedPoints, message } = translate(
      around({ resource: [...SHOP, text('__', 'x')] }, gauge({ asInt: '1' })),
    )
    expect({ rejectedPoints, families: families.length }).toEqual({ rejectedPoints: 0, families: 1 })
    expect(message).toBe(
      'the target_info of a resource was left out: it has an attribute "__", of which no label name is left',
    )
  })
})

describe('points', () => {
  const only = (metric: object) => translate(inShop(metric)).families[0]?.family.metrics[0]

  it('at no time have none', () => {
    expect(only(gauge({ asInt: '1' }))).toEqual({ labels: [{ name: 'job', value: 'shop' }], value: 1 })
  })

  it('that ended say so, whatever else they carry', () => {
    const stale = { ...TIME, flags: 1 }
    for (const metric of [
      gauge({ ...stale, asDouble: 'NaN' }),
      histogram({ ...stale, count: '1', bucketCounts: ['5', '5'], explicitBounds: ['NaN'] }),
      exponential({ ...stale, scale: -100 }),
      summary({ ...stale, quantileValues: [{ quantile: 7 }] }),
    ])
      expect(only(metric)).toMatchObject({ stale: true, timestampMs: 1_700_000_015_000 })
  })

  it('lose labels that their samples add themselves', () => {
    const attributes = [text('le', '1'), text('quantile', '1')]
    const names = (metric: object) => only(metric)?.labels.map(({ name }) => name)
    expect(names(gauge({ asInt: '1', attributes }))).toEqual(['job', 'le', 'quantile'])
    expect(names(histogram({ count: '0', attributes }))).toEqual(['job', 'quantile'])
    expect(names(exponential({ count: '0', attributes }))).toEqual(['job', 'quantile'])
    expect(names(summary({ count: '0', attributes }))).toEqual(['job', 'le'])
  })

  it('keep a zero threshold that is set', () => {
    expect(only(exponential({ count: '0', zeroThreshold: 0.25 }))).toMatchObject({
      native: { zeroThreshold: 0.25 },
    })
    expect(only(exponential({ count: '0' }))).toMatchObject({ native: { zeroThreshold: 1e-128 } })
  })

  it('with counts that no number holds keep the nearest', () => {
    const counts = ['9007199254740993', '9007199254740993', '9007199254740993']
    const count = String(3n * 9007199254740993n)
    expect(only(histogram({ count, bucketCounts: counts, explicitBounds: [1, 2] }))).toMatchObject({
      count: Number(count),
      buckets: [{ cumulativeCount: 2 ** 53 }, { cumulativeCount: 2 ** 54 }],
    })
    expect(
      only(
        histogram({
          count: '18446744073709551615',
          bucketCounts: ['18446744073709551615', '0'],
          explicitBounds: [1],
        }),
      ),
    ).toMatchObject({
      count: 2 ** 64,
      buckets: [{ cumulativeCount: 2 ** 64 }],
    })
  })

  it('of one metric have its unit only if its name ends in it', () => {
    const family = (strategy: TranslationOptions['strategy']) =>
      translate(inShop({ ...sum(2, true, { asInt: '1' }), unit: 'By' }), { strategy }).families[0]?.family
    expect(family('UnderscoreEscapingWithSuffixes')).toMatchObject({ name: 's_bytes_total', unit: 'bytes' })
    expect(family('UnderscoreEscapingWithoutSuffixes')).toMatchObject({ name: 's', unit: '' })
  })

  it('share their labels with what comes again', () => {
    const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })
    const read = (asInt: string) =>
      reader.read(encodeRequest(inShop(gauge({ ...TIME, asInt, attributes: [text('a', 'b')] }))), 'protobuf')
        .families[0]?.family.metrics[0]
    const first = read('1')
    expect(read('2')?.labels).toBe(first?.labels)
  })

  it('with exemplars keep the latest that is one, in full if it is short', () => {
    const at = (ms: number, more: object) => ({ asInt: '1', timeUnixNano: `${ms}000000`, ...more })
    const exemplars = [
      at(3000, { asInt: undefined }),
      at(2000, { traceId: 'ab'.repeat(16), filteredAttributes: [text('user', 'u'.repeat(200))] }),
      at(1000, {}),
    ]
    expect(only(sum(2, true, { ...TIME, asInt: '1', exemplars }))).toMatchObject({
      exemplar: { labels: [{ name: 'trace_id', value: 'ab'.repeat(16) }], value: 1, timestampMs: 2000 },
    })
    expect(only(sum(2, false, { ...TIME, asInt: '1', exemplars }))).not.toHaveProperty('exemplar')
  })

  it('with very many exemplars and buckets take no time to speak of', () => {
    const many = 20_000
    const bounds = Array.from({ length: many }, (_, i) => i)
    const point = {
      count: '0',
      explicitBounds: bounds,
      bucketCounts: [...bounds.map(() => '0'), '0'],
      exemplars: bounds.map((bound) => ({ asDouble: bound, timeUnixNano: '1' })),
    }
    const limits = { ...LIMITS, seriesPerPush: 1_000_000 }
    const before = process.cpuUsage()
    const { rejectedPoints } = translate(inShop(histogram(point)), { limits })
    expect(rejectedPoints).toBe(0)
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(5)
  })
})

describe('an exponential histogram', () => {
  const side = fc.record({
    offset: fc.oneof(
      fc.integer({ min: -3000, max: 3000 }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 100 }),
    ),
    bucketCounts: fc.array(fc.nat({ max: 3 }), { maxLength: 60 }),
  })
  const scale = fc.oneof(fc.integer({ min: -4, max: 21 }), fc.integer({ min: 9, max: 2 ** 31 - 1 }))

  it('has every observation in the bucket that its own lies in', () => {
    fc.assert(
      fc.property(scale, side, side, (finest, positive, negative) => {
        const count = [...positive.bucketCounts, ...negative.bucketCounts].reduce((a, b) => a + b, 0)
        const point = { count: String(count), scale: finest, positive, negative }
        const { families, message } = translate(inShop(exponential(point)))
        expect(message).toBe('')
        const [metric] = families[0]?.family.metrics ?? []
        if (metric === undefined || !('native' in metric) || metric.native === undefined)
          throw new Error('expected a native histogram')
        expect(metric.native.schema).toBe(Math.min(finest, 8))
        expect(countsOf(metric.native.positive)).toEqual(expected(finest, positive))
        expect(countsOf(metric.native.negative)).toEqual(expected(finest, negative))
      }),
      { numRuns: 300 },
    )
  })

  /**
   * Bucket i of scale s holds what lies above base^i up to base^(i + 1), base being 2^(2^-s); at a scale coarser by n it
   * is bucket floor(i / 2^n), which natively goes by the upper bound.
   */
  function expected(finest: number, { offset, bucketCounts }: { offset: number; bucketCounts: number[] }) {
    const counts = new Map<number, number>()
    const by = BigInt(Math.max(0, finest - 8))
    bucketCounts.forEach((count, i) => {
      if (count === 0) return
      const own = BigInt(offset) + BigInt(i)
      const index = Number(by > 64n ? (own < 0n ? -1n : 0n) : own >> by) + 1
      counts.set(index, (counts.get(index) ?? 0) + count)
    })
    return counts
  }

  function countsOf({ spans, counts }: NativeBuckets): Map<number, number> {
    const found = new Map<number, number>()
    let index = 0
    let at = 0
    for (const { offset, length } of spans) {
      index += offset
      for (let i = 0; i < length; i++, index++) found.set(index, counts[at++] as number)
    }
    expect(at).toBe(counts.length)
    return found
  }
})

it('whatever a request holds, each of its points is taken or counted as refused, and labels are in order', () => {
  const seen = { taken: 0, rejected: 0, described: 0 }
  fc.assert(
    fc.property(
      otlpRequest,
      fc.constantFrom('UnderscoreEscapingWithSuffixes' as const, 'NoTranslation' as const),
      (request, strategy) => {
        const { families, points, rejectedPoints, message } = translate(request, {
          strategy,
          promotesScope: true,
          promotion: { attributes: ['a'], isAllBut: false },
        })
        const taken = families.filter(({ family }) => family.name !== 'target_info' || family.type !== 'info')
        expect(taken.reduce((sum, { family }) => sum + family.metrics.length, 0) + rejectedPoints).toBe(
          points,
        )
        seen.taken += points - rejectedPoints
        seen.rejected += rejectedPoints
        seen.described += families.filter(({ streams }) => streams !== undefined).length
        if (rejectedPoints > 0) expect(message).not.toBe('')
        for (const { family, streams } of families) {
          if (streams !== undefined) expect(streams.length).toBe(family.metrics.length)
          for (const { labels } of family.metrics) {
            const names = labels.map(({ name }) => name)
            expect(names).toEqual([...new Set(names)].sort((a, b) => (a < b ? -1 : 1)))
            expect(labels.every(({ value }) => value !== '')).toBe(true)
          }
        }
      },
    ),
    { numRuns: 150 },
  )
  expect(Math.min(seen.taken, seen.rejected, seen.described)).toBeGreaterThan(20)
})

it('whatever was translated can be stored, read back and shown by every writer', () => {
  let metrics = 0
  fc.assert(
    fc.property(otlpRequest, fc.constantFrom(...STRATEGIES), (request, strategy) => {
      for (const { family } of translate(request, { strategy, promotesScope: true }).families) {
        expect(readStored(writeStored(family))).toEqual(family)
        for (const writer of writers.values())
          for (const escaping of ['allow-utf-8', 'underscores'] as const)
            writer.block(family, NO_LABELS, { escaping, timestamps: true })
        metrics += family.metrics.length
      }
    }),
    { numRuns: 100 },
  )
  expect(metrics).toBeGreaterThan(50)
})
