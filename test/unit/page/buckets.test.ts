import { describe, expect, it } from 'vitest'
import {
  type Bucket,
  classicBuckets,
  nativeBuckets,
  quantileOf,
  showBound,
} from '../../../src/page/parts/buckets.ts'

const shape = (buckets: readonly Bucket[]): unknown[] =>
  buckets.map(({ lower, upper, count, afterGap }) => [lower, upper, count, afterGap])

describe('classic buckets', () => {
  it('hold what lies between two bounds, in the order of the bounds', () => {
    expect(shape(classicBuckets({ '10': '9', '+Inf': '10', '2.5': '4' }))).toEqual([
      ['-Inf', '2.5', 4, false],
      ['2.5', '10', 5, false],
      ['10', '+Inf', 1, false],
    ])
  })

  it('are never less than empty, whatever was sent', () => {
    expect(classicBuckets({ '1': '5', '2': '3' }).map(({ count }) => count)).toEqual([5, 0])
  })
})

describe('native buckets', () => {
  const native = { schema: 0, zero_threshold: '0.001', zero_count: '2', count: '9', sum: '1' }

  it('stand around the zero bucket, with gaps where empty ones were left out', () => {
    const buckets = nativeBuckets({
      ...native,
      buckets: [
        ['-2', '-1', '3'],
        ['1', '2', '1'],
        ['2', '4', '2'],
        ['16', '32', '1'],
      ],
    })
    expect(shape(buckets)).toEqual([
      ['-2', '-1', 3, false],
      ['-0.001', '0.001', 2, true],
      ['1', '2', 1, true],
      ['2', '4', 2, false],
      ['16', '32', 1, true],
    ])
  })

  it('have nothing below zero when nothing negative was observed', () => {
    expect(shape(nativeBuckets({ ...native, buckets: [] }))).toEqual([['0', '0.001', 2, false]])
    expect(nativeBuckets({ ...native, zero_count: '0', buckets: [] })).toEqual([])
  })
})

describe('a quantile', () => {
  const buckets = classicBuckets({ '1': '10', '2': '20', '+Inf': '21' })

  it.each([
    [0.5, 1.05],
    [0.25, 0.525],
    [1, 2],
  ])('%f lies straight within its bucket, and at the last bound there is when beyond it', (share, value) => {
    expect(quantileOf(buckets, share)).toBeCloseTo(value)
  })

  it('is unknown without observations', () => {
    expect(quantileOf(classicBuckets({ '+Inf': '0' }), 0.5)).toBeUndefined()
  })
})

describe('a bound', () => {
  it.each([
    ['+Inf', '+∞'],
    ['-Inf', '−∞'],
    ['0.0025', '0.0025'],
    ['1.0905077326652577', '1.09'],
    ['2.938735877055719e-39', '2.9e-39'],
    ['12000000', '1.2e+7'],
  ])('%s is written %s', (text, shown) => {
    expect(showBound(text)).toBe(shown)
  })
})
