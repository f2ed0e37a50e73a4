import { describe, expect, it } from 'vitest'
import { metricsJson } from '../../../src/http/metric-json.ts'
import type { Family, HistogramMetric } from '../../../src/model/family.ts'

function histogram(metric: Partial<HistogramMetric>): Family {
  return {
    name: 'h',
    type: 'histogram',
    help: '',
    unit: '',
    metrics: [{ labels: [], buckets: [], ...metric }],
  }
}

const shown = (family: Family) => metricsJson(family, 10).metrics[0]

const NATIVE = {
  schema: 0,
  zeroThreshold: 0.001,
  zeroCount: 2,
  positive: { spans: [{ offset: 0, length: 3 }], counts: [1, 0, 4] },
  negative: { spans: [{ offset: 1, length: 2 }], counts: [5, 6] },
}

describe('a native histogram', () => {
  it('has its buckets from the lowest up, each by itself, empty ones left out', () => {
    expect(shown(histogram({ native: NATIVE, count: 18, sum: -3 }))).toEqual({
      labels: {},
      native: {
        schema: 0,
        zero_threshold: '0.001',
        zero_count: '2',
        count: '18',
        sum: '-3',
        buckets: [
          ['-4', '-2', '6'],
          ['-2', '-1', '5'],
          ['0.5', '1', '1'],
          ['2', '4', '4'],
        ],
      },
    })
  })

  it('may have bounds of its own, and nothing beyond the first and the last', () => {
    const native = {
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      positive: { spans: [{ offset: 0, length: 3 }], counts: [1, 2, 3] },
      negative: { spans: [], counts: [] },
      customBounds: [0.5, 10],
    }
    expect(shown(histogram({ native, count: 6 }))).toMatchObject({
      native: {
        schema: -53,
        buckets: [
          ['-Inf', '0.5', '1'],
          ['0.5', '10', '2'],
          ['10', '+Inf', '3'],
        ],
      },
    })
  })

  it('stands beside classic buckets when there are both', () => {
    const buckets = [{ upperBound: 1, cumulativeCount: 6 }]
    expect(shown(histogram({ native: NATIVE, buckets, count: 18, sum: 1 }))).toMatchObject({
      buckets: { '1': '6' },
      count: '18',
      sum: '1',
      native: { count: '18' },
    })
  })
})

describe('what is not known of a metric', () => {
  it('is left out', () => {
    expect(shown(histogram({}))).toEqual({ labels: {}, buckets: {} })
    const summary: Family = {
      name: 's',
      type: 'summary',
      help: '',
      unit: '',
      metrics: [{ labels: [], quantiles: [] }],
    }
    expect(shown(summary)).toEqual({ labels: {}, quantiles: {} })
  })
})

describe('states', () => {
  it('count one by one when only so many metrics are shown', () => {
    const family: Family = {
      name: 's',
      type: 'stateset',
      help: '',
      unit: '',
      metrics: [
        {
          labels: [{ name: 'a', value: 'b' }],
          states: [
            { name: 'on', enabled: true },
            { name: 'off', enabled: false },
          ],
        },
      ],
    }
    expect(metricsJson(family, 1)).toEqual({
      metrics: [{ labels: { a: 'b', s: 'on' }, value: '1' }],
      truncated: true,
    })
    expect(metricsJson(family, 2).truncated).toBe(false)
  })
})
