import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NativeBuckets, NativeHistogram } from '../../../src/model/family.ts'
import { classicBuckets, coarsen, nativeProblem } from '../../../src/model/native-histogram.ts'

const NONE: NativeBuckets = { spans: [], counts: [] }

function native(parts: Partial<NativeHistogram>): NativeHistogram {
  return { schema: 0, zeroThreshold: 0, zeroCount: 0, positive: NONE, negative: NONE, ...parts }
}

const one = (offset: number, ...counts: number[]): NativeBuckets => ({
  spans: [{ offset, length: counts.length }],
  counts,
})

describe('a native histogram', () => {
  it.each<[string, NativeHistogram, number, number, boolean]>([
    ['without observations', native({}), 0, 0, false],
    ['of the coarsest schema', native({ schema: -4, positive: one(1, 2) }), 2, 1, false],
    [
      'on both sides of zero',
      native({ zeroCount: 1, positive: one(-7, 1, 0), negative: one(3, 2) }),
      4,
      0,
      false,
    ],
    ['with observations that are no number', native({ positive: one(0, 1) }), 2, Number.NaN, false],
    ['of fractions, whose sum may be off', native({ positive: one(0, 0.1) }), 0.3, 1, true],
    [
      'with custom bounds',
      native({ schema: -53, customBounds: [-1, 2], positive: one(0, 1, 0, 2) }),
      3,
      1,
      false,
    ],
  ])('is fine %s', (_what, histogram, count, sum, isFloat) => {
    expect(nativeProblem(histogram, count, sum, isFloat)).toBeUndefined()
  })

  it.each<[string, NativeHistogram, number, string]>([
    ['of a schema nobody knows', native({ schema: -9 }), 0, 'schema -9'],
    ['of a schema that is not stored', native({ schema: 9 }), 0, 'schema 9'],
    ['with a zero threshold below zero', native({ zeroThreshold: -1 }), 0, 'zero threshold -1'],
    ['with a zero count below zero', native({ zeroCount: -1 }), 0, 'zero count -1'],
    [
      'with buckets that no span covers',
      native({ positive: { spans: [], counts: [1] } }),
      1,
      '1 positive buckets, and spans for 0',
    ],
    ['with less than nothing in a bucket', native({ negative: one(0, -1) }), 0, '-1 observations'],
    [
      'with an infinite bucket',
      native({ negative: one(0, Number.POSITIVE_INFINITY) }),
      0,
      'Infinity observations',
    ],
    [
      'with overlapping spans',
      native({
        positive: {
          spans: [
            { offset: 5, length: 1 },
            { offset: -1, length: 1 },
          ],
          counts: [1, 1],
        },
      }),
      2,
      'overlap',
    ],
    [
      'with spans beyond any number',
      native({
        positive: {
          spans: [
            { offset: 2 ** 31 - 1, length: 0 },
            { offset: 2 ** 31 - 1, length: 0 },
          ],
          counts: [],
        },
      }),
      0,
      'beyond any number',
    ],
    ['with another count than its buckets hold', native({ positive: one(0, 1) }), 2, 'its count is 2'],
    [
      'with custom bounds and a zero bucket',
      native({ schema: -53, customBounds: [], zeroCount: 1 }),
      1,
      'zero bucket',
    ],
    [
      'with custom bounds and negative buckets',
      native({ schema: -53, customBounds: [1], negative: one(0, 1) }),
      1,
      'negative',
    ],
    ['with custom bounds out of order', native({ schema: -53, customBounds: [2, 1] }), 0, 'do not rise'],
    [
      'with an infinite custom bound',
      native({ schema: -53, customBounds: [Number.POSITIVE_INFINITY] }),
      0,
      'custom bound Infinity',
    ],
    [
      'with more buckets than custom bounds',
      native({ schema: -53, customBounds: [1], positive: one(0, 1, 1, 1) }),
      3,
      'more buckets',
    ],
    [
      'with a span before the first custom bound',
      native({ schema: -53, customBounds: [1], positive: one(-1, 1) }),
      1,
      'before the first',
    ],
    ['with custom bounds of another schema', native({ customBounds: [1] }), 0, 'beside a schema'],
  ])('is refused %s', (_what, histogram, count, words) => {
    expect(nativeProblem(histogram, count, 0, false)).toContain(words)
  })
})

/** Every observation lies at the middle of its bucket, on the scale where a bucket of schema 0 doubles. */
function exponents({ schema, positive }: NativeHistogram): Map<number, number> {
  const found = new Map<number, number>()
  let index = 0
  let at = 0
  for (const { offset, length } of positive.spans) {
    index += offset
    for (let i = 0; i < length; i++, index++)
      found.set((index - 0.5) * 2 ** -schema, positive.counts[at++] as number)
  }
  return found
}

describe('a native histogram made coarser', () => {
  it('keeps every observation in the bucket that holds the one it was in', () => {
    let moved = 0
    fc.assert(
      fc.property(
        fc.integer({ min: -3, max: 20 }),
        fc.integer({ min: -4, max: 8 }),
        fc.uniqueArray(fc.integer({ min: -2000, max: 2000 }), { maxLength: 20 }),
        (from, to, indexes) => {
          const sorted = indexes.sort((a, b) => a - b)
          let end = 0
          const spans = sorted.map((index) => {
            const offset = index - end
            end = index + 1
            return { offset, length: 1 }
          })
          const histogram = native({ schema: from, positive: { spans, counts: sorted.map((_, i) => i + 1) } })
          const coarse = coarsen(histogram, to)
          const schema = Math.min(from, to)
          expect(coarse.schema).toBe(schema)
          const expected = new Map<number, number>()
          for (const [exponent, count] of exponents(histogram)) {
            const bucket = (Math.ceil(exponent * 2 ** schema) - 0.5) * 2 ** -schema
            expected.set(bucket, (expected.get(bucket) ?? 0) + count)
          }
          expect(exponents(coarse)).toEqual(expected)
          if (from > to) moved++
          const total = coarse.positive.counts.reduce((sum, count) => sum + count, 0)
          expect(nativeProblem({ ...coarse, schema: Math.min(schema, 8) }, total, 0, false)).toBeUndefined()
        },
      ),
      { numRuns: 500 },
    )
    expect(moved).toBeGreaterThan(150)
  })
})

describe('custom bounds as classic buckets', () => {
  it('count up, and leave the one without a bound to the count', () => {
    const histogram = native({
      schema: -53,
      customBounds: [1, 2, 4],
      positive: {
        spans: [
          { offset: 1, length: 1 },
          { offset: 1, length: 1 },
        ],
        counts: [5, 7],
      },
    })
    expect(classicBuckets(histogram)).toEqual([
      { upperBound: 1, cumulativeCount: 0 },
      { upperBound: 2, cumulativeCount: 5 },
      { upperBound: 4, cumulativeCount: 5 },
    ])
  })
})
