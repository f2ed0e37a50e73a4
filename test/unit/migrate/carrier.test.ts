import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UNLIMITED } from '../../../src/client/check.ts'
import type { Writer } from '../../../src/formats/format.ts'
import { readerFor, writers } from '../../../src/formats/index.ts'
import { type Carrier, carrierOf, writeBody } from '../../../src/migrate/carrier.ts'
import type { Family, HistogramFamily, Metric } from '../../../src/model/family.ts'
import { anyFamily, legacyLabelName, legacyMetricName } from '../formats/arbitrary-family.ts'

function pageOf(family: Family, format: string): string {
  const writer = writers.get(format) as Writer
  return Buffer.from(writer.block(family, [], { escaping: 'allow-utf-8', timestamps: true })).toString()
}

const plain = { labels: [], value: 1 }
const native: HistogramFamily['metrics'][number] = {
  labels: [],
  count: 2,
  sum: 3,
  buckets: [],
  native: {
    schema: -53,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { spans: [{ offset: 0, length: 2 }], counts: [1, 1] },
    negative: { spans: [], counts: [] },
    customBounds: [1],
  },
}

describe('what a family is pushed in', () => {
  it.each<[string, Partial<Family>, Carrier]>([
    ['a counter', { type: 'counter', metrics: [plain] }, 'protobuf'],
    ['a state set', { type: 'stateset', metrics: [] }, 'openmetrics'],
    ['an info', { type: 'info', name: 'a_info', metrics: [plain] }, 'openmetrics'],
    ['an info without the suffix of one', { type: 'info', metrics: [plain] }, 'remote-write'],
    [
      'a histogram',
      { type: 'histogram', metrics: [{ labels: [], count: 1, sum: 1, buckets: [] }] },
      'protobuf',
    ],
    [
      'a histogram without a sum',
      { type: 'histogram', metrics: [{ labels: [], count: 1, buckets: [] }] },
      'openmetrics',
    ],
    [
      'a summary without a sum',
      { type: 'summary', metrics: [{ labels: [], count: 1, quantiles: [] }] },
      'openmetrics',
    ],
    ['a histogram with custom bounds', { type: 'histogram', metrics: [native] }, 'remote-write'],
  ])('%s', (_what, parts, carrier) => {
    expect(carrierOf({ name: 'a', help: '', unit: '', ...parts } as Family)).toBe(carrier)
  })

  it('has all of it that any page shows', () => {
    const families = anyFamily({
      types: ['counter', 'gauge', 'unknown'],
      metricNames: legacyMetricName,
      labelNames: legacyLabelName,
    })
    fc.assert(
      fc.property(families, (given) => {
        const metrics = (given.metrics as readonly Metric[]).map(({ stale: _, ...metric }) => ({
          ...metric,
          // Whole milliseconds are all that the format has.
          ...(metric.timestampMs !== undefined && { timestampMs: Math.trunc(metric.timestampMs) }),
        }))
        fc.pre(metrics.length > 0)
        const family = { ...given, unit: '', metrics } as Family
        const carrier = carrierOf(family)
        if (carrier === 'remote-write') throw new Error('no number needs it')
        const { contentType, body } = writeBody([family], carrier, [])
        const [read] = readerFor(contentType).read(body, UNLIMITED)
        for (const format of ['text', 'openmetrics', 'protobuf'])
          expect(pageOf(read as Family, format)).toBe(pageOf(family, format))
      }),
    )
  })
})
