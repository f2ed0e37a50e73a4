import fc from 'fast-check'
import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from '../../../../src/model/family.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import { ALL_TYPES, labelsOf, labelText, legacyLabelName } from '../arbitrary-family.ts'

/**
 * Pages of families that OpenMetrics can hold without loss, valid by its rules for values: what is written is read back
 * equal, and strict parsers take it. Start times, which are not written, are not among it; nor is minus zero.
 */
export interface ShowableChoices {
  /** Appended to the names of families, to make them UTF-8. */
  readonly nameTails?: fc.Arbitrary<string>
  readonly labelNames?: fc.Arbitrary<string>
  readonly labelValues?: fc.Arbitrary<string>
}

const value = fc
  .oneof(fc.double(), fc.integer(), fc.constantFrom(0.5, 1e6, 1e21, 123456.789, 5e-324, Number.MAX_VALUE))
  .map((value) => value + 0)
const positive = value.map((value) => (Number.isNaN(value) ? 0 : Math.abs(value)))
const count = fc.oneof(fc.nat(1000), fc.constantFrom(2 ** 32 + 1, 2 ** 53, 2 ** 63))
const timestampMs = fc.oneof(
  fc.integer({ min: -(10 ** 12), max: 10 ** 14 }),
  fc.constantFrom(0, 1, 999, 1000, -1, 1_700_000_000_123),
)

function metrics<M extends { readonly labels: Labels }>(metric: fc.Arbitrary<M>): fc.Arbitrary<M[]> {
  return fc.uniqueArray(metric, {
    minLength: 1,
    maxLength: 4,
    selector: ({ labels }) => JSON.stringify(labels),
  })
}

function familyOf(type: FamilyType, choices: ShowableChoices): fc.Arbitrary<Family> {
  const labelNames = choices.labelNames ?? legacyLabelName
  const labels = labelsOf(labelNames, choices.labelValues)
  const exemplar: fc.Arbitrary<Exemplar> = fc.record(
    { labels, value, timestampMs },
    { requiredKeys: ['labels', 'value'] },
  )
  const tail = choices.nameTails ?? fc.constant('')
  const head = fc.record({ tail, help: labelText, unit: fc.constantFrom('', 'seconds') })
  return head.chain(({ tail, help, unit: wanted }) => {
    const unit = type === 'info' || type === 'stateset' ? '' : wanted
    const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : ''
    const name = `f${tail}${unit === '' ? '' : `_${unit}`}${suffix}`
    return metricsOf(type, labels, exemplar).map((metrics) => ({ name, type, help, unit, metrics }) as Family)
  })
}

function metricsOf(
  type: FamilyType,
  labels: fc.Arbitrary<Labels>,
  exemplar: fc.Arbitrary<Exemplar>,
): fc.Arbitrary<readonly Metric[]> {
  switch (type) {
    case 'counter':
      return metrics<NumberMetric>(
        fc.record({ labels, value: positive, timestampMs, exemplar }, { requiredKeys: ['labels', 'value'] }),
      )
    case 'gauge':
    case 'unknown':
      return metrics<NumberMetric>(
        fc.record({ labels, value, timestampMs }, { requiredKeys: ['labels', 'value'] }),
      )
    case 'info':
      return metrics<NumberMetric>(fc.record({ labels, value: fc.constant(1) }))
    case 'stateset': {
      const states = fc.uniqueArray(fc.record({ name: labelText, enabled: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
        selector: ({ name }) => name,
      })
      return metrics<StateSetMetric>(fc.record({ labels, states }))
    }
    case 'summary': {
      const quantiles = fc
        .uniqueArray(fc.record({ quantile: fc.constantFrom(0, 0.5, 0.99, 1), value: positive }), {
          maxLength: 3,
          selector: ({ quantile }) => quantile,
        })
        .map((quantiles) => quantiles.sort((a, b) => a.quantile - b.quantile))
      return metrics<SummaryMetric>(
        fc.record(
          { labels, count, sum: positive, quantiles, timestampMs },
          { requiredKeys: ['labels', 'count', 'quantiles'] },
        ),
      )
    }
    case 'histogram':
    case 'gaugehistogram':
      return metrics(histogramOf(type, labels, exemplar))
  }
}

function histogramOf(
  type: 'histogram' | 'gaugehistogram',
  labels: fc.Arbitrary<Labels>,
  exemplar: fc.Arbitrary<Exemplar>,
): fc.Arbitrary<HistogramMetric> {
  const bounds = fc.uniqueArray(fc.constantFrom(-1, 0, 0.001, 0.1, 1, 10, 100000, 1e6, 1e23), {
    maxLength: 4,
  })
  const parts = fc.record(
    {
      labels,
      bounds,
      steps: fc.array(count, { minLength: 5, maxLength: 5 }),
      exemplars: fc.array(fc.option(exemplar, { nil: undefined }), { minLength: 5, maxLength: 5 }),
      sum: positive,
      timestampMs,
    },
    { requiredKeys: ['labels', 'bounds', 'steps', 'exemplars'] },
  )
  return parts.map(({ labels, bounds, steps, exemplars, sum, timestampMs }) => {
    let below = 0
    const sorted = [...bounds.sort((a, b) => a - b), Number.POSITIVE_INFINITY]
    const buckets = sorted.map((upperBound, i): Bucket => {
      below += steps[i] ?? 0
      const exemplar = exemplars[i]
      return { upperBound, cumulativeCount: below, ...(exemplar !== undefined && { exemplar }) }
    })
    const mayHaveSum = type === 'gaugehistogram' || !sorted.some((bound) => bound < 0)
    return {
      labels,
      count: below,
      ...(mayHaveSum && sum !== undefined && { sum }),
      buckets,
      ...(timestampMs !== undefined && { timestampMs }),
    }
  })
}

/** Families of different names, so that none takes up a name of another. */
export function showablePage(choices: ShowableChoices = {}): fc.Arbitrary<Family[]> {
  return fc
    .array(fc.oneof(...ALL_TYPES.map((type) => familyOf(type, choices))), { maxLength: 4 })
    .map((families) => families.map((family, i) => ({ ...family, name: `p${i}_${family.name}` }) as Family))
}
