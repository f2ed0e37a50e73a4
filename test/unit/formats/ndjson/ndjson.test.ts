import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import {
  type ExportedUnit,
  endLine,
  headerLine,
  readHeader,
  readLine,
  unitLine,
} from '../../../../src/formats/ndjson/index.ts'
import type { Family, HistogramFamily } from '../../../../src/model/family.ts'
import { rising } from '../../../../src/model/family.ts'
import { nativeProblem } from '../../../../src/model/native-histogram.ts'
import { anyFamily } from '../arbitrary-family.ts'

/** Of what the model can hold, what readers of protocols let in: bounds that rise, native histograms that add up. */
function asStored(family: Family): Family {
  if (family.type === 'summary')
    return {
      ...family,
      metrics: family.metrics.map((metric) => ({
        ...metric,
        quantiles: rising(metric.quantiles, ({ quantile }) => quantile),
      })),
    }
  if (family.type === 'histogram' || family.type === 'gaugehistogram')
    return { ...family, metrics: family.metrics.map(withRisingBuckets) }
  if (family.type === 'stateset')
    return {
      ...family,
      metrics: family.metrics
        .filter(({ labels }) => labels.every(({ name }) => name !== family.name))
        .map((metric) => ({
          ...metric,
          states: [...new Map(metric.states.map((state) => [state.name, state])).values()],
        })),
    }
  return family
}

function withRisingBuckets({
  native,
  ...metric
}: HistogramFamily['metrics'][number]): HistogramFamily['metrics'][number] {
  const isRight =
    native !== undefined &&
    nativeProblem(native, metric.count ?? 0, metric.sum ?? 0, metric.float === true) === undefined
  return {
    ...metric,
    buckets: rising(metric.buckets, ({ upperBound }) => upperBound),
    ...(isRight && { native }),
  }
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (reason) {
    return reason instanceof PgrError ? `${reason.code} ${reason.message}` : String(reason)
  }
  return 'was read'
}

const unit: ExportedUnit = {
  kind: 'group',
  labels: [{ name: 'job', value: 'a' }],
  pushedMs: 1_700_000_000_000,
  lots: [
    {
      ttlMs: 1500,
      family: { name: 'a', type: 'gauge', help: 'h', unit: '', metrics: [{ labels: [], value: 1 }] },
    },
  ],
}

describe('lines of an export', () => {
  it('give back every family of the model', () => {
    fc.assert(
      fc.property(anyFamily().map(asStored), fc.nat(), (family, ttlMs) => {
        const written: ExportedUnit = { ...unit, lots: [{ ttlMs, family }] }
        expect(readLine(unitLine(written), 'a:2')).toEqual(written)
      }),
      { numRuns: 500 },
    )
  })

  it('give back a native histogram with all it can have', () => {
    const exemplar = { labels: [{ name: 'trace', value: 'x' }], value: 0.5, timestampMs: 1.5 }
    const family: Family = {
      name: 'h',
      type: 'histogram',
      help: '',
      unit: '',
      metrics: [
        {
          labels: [{ name: '__proto__', value: '' }],
          count: 6,
          sum: -0,
          startMs: 7.25,
          buckets: [{ upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 6, exemplar }],
          native: {
            schema: 3,
            zeroThreshold: 1e-128,
            zeroCount: 1,
            positive: { spans: [{ offset: -2, length: 2 }], counts: [1, 2] },
            negative: { spans: [{ offset: 0, length: 1 }], counts: [2] },
            exemplars: [exemplar],
            resetHint: 'no',
          },
        },
      ],
    }
    const written: ExportedUnit = {
      ...unit,
      kind: 'set',
      labels: [],
      pushedMs: 0,
      lots: [{ ttlMs: 0, family }],
    }
    expect(readLine(unitLine(written), 'a:2')).toEqual(written)
  })

  it('give back header and end', () => {
    const header = { exportedMs: 1_700_000_000_123, from: 'pgr', units: 3 } as const
    expect(readHeader(headerLine(header), 'a:1')).toEqual(header)
    expect(readLine(endLine({ units: 3 }), 'a:5')).toEqual({ units: 3 })
  })

  it.each([
    ['text', 'a 1'],
    ['half a line', unitLine(unit).slice(0, 60)],
    ['a list', '[]'],
    ['nothing', ''],
    ['another kind', '{"kind":"metadata","labels":{},"families":[]}'],
    ['a group without a job', '{"kind":"group","labels":{"a":"b"},"families":[]}'],
    ['labels that are numbers', '{"kind":"set","labels":{"a":1},"families":[]}'],
    ['a label without a name', '{"kind":"set","labels":{"":"1"},"families":[]}'],
    ['no families', '{"kind":"set","labels":{}}'],
    ['an unknown type', '{"kind":"set","families":[{"name":"a","type":"guage","metrics":[]}]}'],
    ['no name', '{"kind":"set","families":[{"type":"gauge","metrics":[]}]}'],
    [
      'a value that is text',
      '{"kind":"set","families":[{"name":"a","type":"gauge","metrics":[{"value":"1"}]}]}',
    ],
    [
      'a lifetime below 0',
      '{"kind":"set","families":[{"name":"a","type":"gauge","ttl_ms":-1,"metrics":[]}]}',
    ],
    [
      'buckets that fall',
      '{"kind":"set","families":[{"name":"a","type":"histogram","metrics":[{"buckets":[[2,1],[1,1]]}]}]}',
    ],
    [
      'the label le',
      '{"kind":"set","families":[{"name":"a","type":"histogram","metrics":[{"labels":{"le":"1"},"buckets":[]}]}]}',
    ],
    ['half a character', '{"kind":"set","labels":{"a":"\\ud800"},"families":[]}'],
    ['an end without a number', '{"end":true}'],
  ])('are refused with the place: %s', (_what, text) => {
    expect(codeOf(() => readLine(text, 'a.ndjson:7'))).toMatch(/^PGR_BODY_MALFORMED a\.ndjson:7: /)
  })

  it.each([
    ['a later version', '{"format":"pgr-export","version":2,"exported":"2026-01-01T00:00:00Z","from":"pgr"}'],
    ['something else', '{"hello":"world"}'],
    ['no time', '{"format":"pgr-export","version":1,"from":"pgr"}'],
  ])('begin with a header that is refused: %s', (_what, text) => {
    expect(codeOf(() => readHeader(text, 'a:1'))).toMatch(/^PGR_BODY_MALFORMED a:1: /)
  })
})
