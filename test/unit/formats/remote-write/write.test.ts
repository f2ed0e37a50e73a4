import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ReadOptions } from '../../../../src/formats/format.ts'
import { type RemoteWriteVersion, writeRemoteWrite } from '../../../../src/formats/remote-write/index.ts'
import {
  type Exemplar,
  type Family,
  fittingUnit,
  type Metric,
  type NativeHistogram,
} from '../../../../src/model/family.ts'
import { type Label, type Labels, sortLabels } from '../../../../src/model/labels.ts'
import { formatGo } from '../../../../src/model/number.ts'
import { decodeRemoteWrite } from '../../../support/remote-write.ts'
import { anyFamily, labelsOf, legacyLabelName } from '../arbitrary-family.ts'
import { NOW, readBody, show } from './reading.ts'

const WIDE: ReadOptions = {
  limits: { labelsPerSeries: 64, nameLength: 1000, valueLength: 1000, seriesPerPush: 100_000 },
  utf8Names: true,
}
const VERSIONS: [RemoteWriteVersion][] = [[1], [2]]

interface Expected {
  readonly name: string
  readonly labels: Labels
  readonly value: number
  readonly exemplar?: Exemplar | undefined
  readonly metric: Metric
}

/** The series of a page of text 0.0.4, but for what the family does not know. */
function seriesOf(family: Family): Expected[] {
  const all: Expected[] = []
  const add = (metric: Metric, suffix: string, own: Label[], value: number, exemplar?: Exemplar) => {
    const labels = [...metric.labels.filter(({ name }) => name !== own[0]?.name), ...own]
    all.push({
      name: `${family.name}${suffix}`,
      labels: sortLabels(labels.filter((label) => label.value !== '')),
      value,
      exemplar,
      metric,
    })
  }
  for (const metric of family.metrics) {
    if ('value' in metric) add(metric, '', [], metric.value, metric.exemplar)
    if ('states' in metric)
      for (const { name, enabled } of metric.states)
        add(metric, '', [{ name: family.name, value: name }], enabled ? 1 : 0)
    if ('quantiles' in metric)
      for (const { quantile, value } of metric.quantiles)
        add(metric, '', [{ name: 'quantile', value: formatGo(quantile) }], value)
    if ('buckets' in metric) {
      for (const { upperBound, cumulativeCount, exemplar } of metric.buckets)
        add(metric, '_bucket', [{ name: 'le', value: formatGo(upperBound) }], cumulativeCount, exemplar)
      if (metric.count !== undefined && metric.buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY)
        add(metric, '_bucket', [{ name: 'le', value: '+Inf' }], metric.count)
    }
    if ('quantiles' in metric || 'buckets' in metric) {
      if (metric.sum !== undefined) add(metric, '_sum', [], metric.sum)
      if (metric.count !== undefined) add(metric, '_count', [], metric.count)
    }
  }
  return all
}

function timesOf({ timestampMs = NOW, startMs = 0 }: Metric, version: RemoteWriteVersion) {
  // Plus zero: minus zero has no form as a whole number.
  return {
    timestampMs: Math.trunc(timestampMs) + 0,
    startMs: version === 2 ? Math.trunc(startMs) + 0 : 0,
  }
}

function withoutNative(family: Family): Family {
  if (family.type !== 'histogram' && family.type !== 'gaugehistogram') return family
  return { ...family, metrics: family.metrics.map(({ native: _native, ...classic }) => classic) }
}

describe.each(VERSIONS)('version %i', (version) => {
  it('reads back as what was written', () => {
    fc.assert(
      fc.property(fc.array(anyFamily().map(withoutNative), { maxLength: 3 }), (families) => {
        const { bytes, ...counts } = writeRemoteWrite(families, version, { nowMs: NOW })
        const found = readBody(bytes, version, WIDE)
        const expected = families.flatMap(seriesOf)
        expect(found.refused).toMatchObject({ emptySeries: 0, samples: 0, exemplars: 0 })
        expect(found.numbers).toEqual(
          expected.map(({ name, labels, value, metric }) => ({
            series: show(name, labels),
            value: metric.stale === true ? Number.NaN : value,
            stale: metric.stale === true,
            ...timesOf(metric, version),
          })),
        )
        const withExemplar = expected.flatMap(({ name, labels, exemplar, metric }) =>
          exemplar === undefined ? [] : [{ series: show(name, labels), exemplar, metric }],
        )
        expect(found.exemplars).toEqual(
          withExemplar.map(({ series, exemplar, metric }) => ({
            series,
            exemplar: {
              labels: exemplar.labels,
              value: exemplar.value,
              timestampMs: Math.trunc(exemplar.timestampMs ?? metric.timestampMs ?? NOW) + 0,
            },
          })),
        )
        expect(counts).toEqual({
          samples: expected.length,
          histograms: 0,
          exemplars: withExemplar.length,
        })
        const told = families.filter((family) => version === 1 || seriesOf(family).length > 0)
        const metadata = new Map(
          told
            .filter(({ type, help, unit }) => type !== 'unknown' || help !== '' || unit !== '')
            .map(({ name, type, help, unit }) => [
              name,
              { name, type, help, unit: fittingUnit(name, type, unit) },
            ]),
        )
        expect(new Set(found.metadata)).toEqual(new Set(metadata.values()))
      }),
    )
  })

  it('reads native histograms back as what was written', () => {
    const whole = fc.array(fc.nat(1000), { maxLength: 5 })
    const side = fc.tuple(fc.integer({ min: -1000, max: 1000 }), whole).map(([offset, counts]) => ({
      spans: counts.length === 0 ? [] : [{ offset, length: counts.length }],
      counts,
    }))
    const anyNative: fc.Arbitrary<NativeHistogram> = fc.record(
      {
        schema: fc.constantFrom(-4, 0, 3, 8),
        zeroThreshold: fc.constantFrom(0, 0.001),
        zeroCount: fc.nat(1000),
        positive: side,
        negative: side,
        resetHint: fc.constantFrom('yes', 'no', 'gauge'),
      },
      { requiredKeys: ['schema', 'zeroThreshold', 'zeroCount', 'positive', 'negative'] },
    )
    fc.assert(
      fc.property(anyNative, fc.boolean(), labelsOf(legacyLabelName), (native, float, labels) => {
        const sum = native.positive.counts.length - 0.5
        const count = [...native.positive.counts, ...native.negative.counts].reduce(
          (a, b) => a + b,
          native.zeroCount,
        )
        const histogram = { count, sum, native, ...(float && { float: true as const }) }
        const metric = { ...histogram, labels, buckets: [], startMs: 5 }
        const family: Family = { name: 'size', type: 'histogram', help: '', unit: '', metrics: [metric] }
        const { bytes, ...counts } = writeRemoteWrite([family], version, { nowMs: NOW })
        expect(counts).toEqual({ samples: 0, histograms: 1, exemplars: 0 })
        expect(readBody(bytes, version, WIDE)).toMatchObject({
          numbers: [],
          histograms: [
            {
              timestampMs: NOW,
              stale: false,
              startMs: version === 2 ? 5 : 0,
              metric: histogram,
            },
          ],
          refused: { histograms: 0 },
        })
      }),
    )
  })

  it('writes custom bounds, gauge histograms and those that ended', () => {
    const native: NativeHistogram = {
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      positive: { spans: [{ offset: 0, length: 2 }], counts: [1, 2] },
      negative: { spans: [], counts: [] },
      customBounds: [0.5],
      exemplars: [{ labels: [], value: 0.3, timestampMs: 9 }],
    }
    const metric = { labels: [], count: 3, sum: 2, native, buckets: [] }
    const { bytes } = writeRemoteWrite(
      [
        { name: 'bounds', type: 'histogram', help: '', unit: '', metrics: [metric] },
        { name: 'gauges', type: 'gaugehistogram', help: '', unit: '', metrics: [metric] },
        { name: 'ended', type: 'histogram', help: '', unit: '', metrics: [{ ...metric, stale: true }] },
      ],
      version,
      { nowMs: NOW },
    )
    const { exemplars: _exemplars, ...bare } = native
    const found = readBody(bytes, version)
    expect(found.histograms).toMatchObject([
      { series: 'bounds', stale: false, metric: { count: 3, native: bare } },
      { series: 'gauges', stale: false, metric: { native: { ...bare, resetHint: 'gauge' } } },
      { series: 'ended', stale: true },
    ])
    expect(found.exemplars[0]).toEqual({
      series: 'bounds',
      exemplar: { labels: [], value: 0.3, timestampMs: 9 },
    })
  })

  it('writes nothing of nothing', () => {
    expect(writeRemoteWrite([], version, { nowMs: NOW })).toEqual({
      bytes: Buffer.alloc(0),
      samples: 0,
      histograms: 0,
      exemplars: 0,
    })
  })
})

const LATENCY: Family = {
  name: 'latency_seconds',
  type: 'histogram',
  help: 'Latency.',
  unit: 'seconds',
  metrics: [
    {
      labels: [{ name: 'Path', value: '/' }],
      count: 3,
      sum: 1.5,
      buckets: [{ upperBound: 1, cumulativeCount: 2 }],
      timestampMs: 1000,
      startMs: 500,
    },
  ],
}

it('has the form of version 1 that others decode', () => {
  const { bytes } = writeRemoteWrite([LATENCY], 1, { nowMs: NOW })
  const series = (name: string, value: number, ...le: { name: string; value: string }[]) => ({
    labels: [{ name: 'Path', value: '/' }, { name: '__name__', value: name }, ...le],
    samples: [{ value, timestamp: 1000 }],
  })
  expect(decodeRemoteWrite(1, bytes)).toEqual({
    timeseries: [
      series('latency_seconds_bucket', 2, { name: 'le', value: '1' }),
      series('latency_seconds_bucket', 3, { name: 'le', value: '+Inf' }),
      series('latency_seconds_sum', 1.5),
      series('latency_seconds_count', 3),
    ],
    metadata: [{ type: 3, metricFamilyName: 'latency_seconds', help: 'Latency.', unit: 'seconds' }],
  })
})

it('has the form of version 2 that others decode', () => {
  const { bytes } = writeRemoteWrite([LATENCY], 2, { nowMs: NOW })
  const series = (value: number, labelsRefs: number[]) => ({
    labelsRefs,
    samples: [{ value, timestamp: 1000, startTimestamp: 500 }],
    metadata: { type: 3, helpRef: 7, unitRef: 8 },
  })
  expect(decodeRemoteWrite(2, bytes)).toEqual({
    symbols: ['', 'Path', '/', '__name__', 'latency_seconds_bucket', 'le', '1', 'Latency.', 'seconds'].concat(
      '+Inf',
      'latency_seconds_sum',
      'latency_seconds_count',
    ),
    timeseries: [
      series(2, [1, 2, 3, 4, 5, 6]),
      series(3, [1, 2, 3, 4, 5, 9]),
      series(1.5, [1, 2, 3, 10]),
      series(3, [1, 2, 3, 11]),
    ],
  })
})
