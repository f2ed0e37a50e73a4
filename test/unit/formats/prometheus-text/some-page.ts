import fc from 'fast-check'
import { writer } from '../../../../src/formats/prometheus-text/index.ts'
import type {
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  SummaryMetric,
} from '../../../../src/model/family.ts'
import { anyFamily, legacyLabelName, legacyMetricName } from '../arbitrary-family.ts'

/** What the classic text format has a form of its own for. */
const TEXT_TYPES: readonly FamilyType[] = ['counter', 'gauge', 'unknown', 'summary', 'histogram']

/**
 * Families that text can hold as they are: each metric with what its type needs, nothing that has no form, no name
 * that is another's with a suffix.
 */
export function textFamilies(names: 'legacy' | 'utf-8'): fc.Arbitrary<Family[]> {
  const choices = names === 'legacy' ? { metricNames: legacyMetricName, labelNames: legacyLabelName } : {}
  return fc
    .array(anyFamily({ ...choices, types: TEXT_TYPES }), { maxLength: 4 })
    .map((families) =>
      families.map((family, index) => asTextHolds({ ...family, name: `${family.name}${index}` })),
    )
    .map((families) => families.filter(({ metrics }) => metrics.length > 0))
}

/** The bytes of such a page. */
export const somePage: fc.Arbitrary<Buffer> = textFamilies('legacy').map((families) =>
  Buffer.concat(
    families.flatMap((family) => [
      writer.head(family, 'underscores', 0),
      writer.block(family, [], { escaping: 'underscores', timestamps: true }),
    ]),
  ),
)

function asTextHolds(family: Family): Family {
  const head = { name: family.name, help: family.help.replace(/^[ \t]+/, ''), unit: '' }
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
      return {
        ...head,
        type: family.type,
        metrics: family.metrics.map((metric) => ({ ...commonOf(metric), value: metric.value + 0 })),
      }
    case 'summary':
      return { ...head, type: family.type, metrics: family.metrics.map(summaryAsTextHolds) }
    case 'histogram':
      return { ...head, type: family.type, metrics: family.metrics.map(histogramAsTextHolds) }
    default:
      throw new Error(`text has no form of its own for ${family.type}`)
  }
}

function commonOf({ labels, timestampMs }: Metric) {
  const shown = labels.filter(({ name }) => !['le', 'quantile', '__name__'].includes(name))
  return timestampMs === undefined || timestampMs < 0
    ? { labels: shown }
    : { labels: shown, timestampMs: Math.trunc(timestampMs) }
}

function summaryAsTextHolds(metric: SummaryMetric): SummaryMetric {
  return {
    ...commonOf(metric),
    count: Math.trunc(metric.count ?? 0),
    sum: (metric.sum ?? 0) + 0,
    quantiles: ascending(metric.quantiles, ({ quantile }) => quantile).map(({ quantile, value }) => ({
      quantile: quantile + 0,
      value: value + 0,
    })),
  }
}

function histogramAsTextHolds(metric: HistogramMetric): HistogramMetric {
  const count = metric.count ?? 0
  const buckets = ascending(metric.buckets, ({ upperBound }) => upperBound).map(
    ({ upperBound, cumulativeCount }) => ({ upperBound: upperBound + 0, cumulativeCount }),
  )
  if (buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY) {
    buckets.push({ upperBound: Number.POSITIVE_INFINITY, cumulativeCount: count })
  }
  const isFloat = [count, ...buckets.map(({ cumulativeCount }) => cumulativeCount)].some(
    (value) => !Number.isInteger(value),
  )
  return {
    ...commonOf(metric),
    count,
    sum: (metric.sum ?? 0) + 0,
    buckets,
    ...(isFloat ? { float: true as const } : {}),
  }
}

/** Sorted, each bound once, none that is not a number; adding 0 elsewhere turns -0 into what text shows. */
function ascending<T>(items: readonly T[], boundOf: (item: T) => number): T[] {
  const byBound = new Map(items.map((item) => [boundOf(item) + 0, item]))
  byBound.delete(Number.NaN)
  return [...byBound.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}
