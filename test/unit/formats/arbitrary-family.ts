import fc from 'fast-check'
import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  NativeHistogram,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from '../../../src/model/family.ts'
import { type Label, type Labels, sortLabels } from '../../../src/model/labels.ts'

/**
 * Families as the model allows them: every type, every optional part, awkward numbers and text. No label set twice in
 * a family.
 */
export interface FamilyChoices {
  /** Types to draw from; all by default. */
  readonly types?: readonly FamilyType[]
  readonly metricNames?: fc.Arbitrary<string>
  readonly labelNames?: fc.Arbitrary<string>
  readonly labelValues?: fc.Arbitrary<string>
  /** Metrics carry labels and values alone. */
  readonly bare?: boolean
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 12 })

const awkwardText = fc.constantFrom(
  '',
  '"',
  '\\',
  '\n',
  '\\n',
  'a"b\\c\nd',
  ' # ',
  '} 1',
  '\u0000',
  'é',
  '日本',
  '😀',
)

export const labelText = fc.oneof(anyText, awkwardText)

export const legacyMetricName = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,8}$/)
export const legacyLabelName = fc
  .oneof(
    fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/),
    fc.constantFrom('__proto__', 'constructor', 'a', 'b', 'c'),
  )
  .filter((name) => name !== 'le' && name !== 'quantile')

const awkwardNumber = fc.constantFrom(
  0,
  -0,
  1,
  -1,
  0.5,
  1e6,
  123456.789,
  1e21,
  5e-324,
  Number.MAX_VALUE,
  2 ** 32 + 1,
  2 ** 53,
  2 ** 63,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
)

const anyNumber = fc.oneof(fc.double(), awkwardNumber)

const anyCount = fc.oneof(
  fc.nat(),
  fc.constantFrom(0, 2 ** 32, 2 ** 32 + 1, 2 ** 52, Number.MAX_SAFE_INTEGER, 2 ** 60, 0.25),
)

const anyTime = fc.oneof(fc.integer(), fc.constantFrom(0, 1_700_000_000_123, 1_700_000_000_123.5))

export function labelsOf(names: fc.Arbitrary<string>, values = labelText): fc.Arbitrary<Labels> {
  return fc
    .uniqueArray(fc.record({ name: names, value: values }), { maxLength: 4, selector: ({ name }) => name })
    .map((labels: Label[]) => sortLabels(labels))
}

function exemplarOf(names: fc.Arbitrary<string>): fc.Arbitrary<Exemplar> {
  return fc.record(
    { labels: labelsOf(names), value: anyNumber, timestampMs: anyTime },
    { requiredKeys: ['labels', 'value'] },
  )
}

const nativeBuckets = fc
  .array(fc.record({ offset: fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), length: fc.nat(3) }), {
    maxLength: 3,
  })
  .chain((spans) => {
    const length = spans.reduce((sum, span) => sum + span.length, 0)
    return fc.record({
      spans: fc.constant(spans),
      counts: fc.array(anyCount, { minLength: length, maxLength: length }),
    })
  })

function nativeOf(names: fc.Arbitrary<string>): fc.Arbitrary<NativeHistogram> {
  return fc.record(
    {
      schema: fc.constantFrom(-53, -4, 0, 8),
      zeroThreshold: anyNumber,
      zeroCount: anyCount,
      positive: nativeBuckets,
      negative: nativeBuckets,
      customBounds: fc.array(anyNumber, { maxLength: 3 }),
      exemplars: fc.array(exemplarOf(names), { minLength: 1, maxLength: 2 }),
      resetHint: fc.constantFrom('yes', 'no', 'gauge'),
    },
    { requiredKeys: ['schema', 'zeroThreshold', 'zeroCount', 'positive', 'negative'] },
  )
}

const base = { timestampMs: anyTime, startMs: anyTime, stale: fc.constant(true as const) }

function metricsOf<T extends { readonly labels: Labels }>(metric: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.uniqueArray(metric, { maxLength: 4, selector: ({ labels }) => JSON.stringify(labels) })
}

function familyOf(type: FamilyType, choices: FamilyChoices): fc.Arbitrary<Family> {
  const names =
    choices.labelNames ??
    fc.oneof(legacyLabelName, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }))
  const labels = labelsOf(names, choices.labelValues)
  const head = {
    name:
      choices.metricNames ??
      fc.oneof(legacyMetricName, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 })),
    help: labelText,
    unit: fc.constantFrom('', 'seconds'),
  }
  switch (type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info': {
      const extras = choices.bare === true ? {} : { exemplar: exemplarOf(names), ...base }
      const metric: fc.Arbitrary<NumberMetric> = fc.record(
        { labels, value: anyNumber, ...extras },
        { requiredKeys: ['labels', 'value'] },
      )
      return fc.record({ ...head, type: fc.constant(type), metrics: metricsOf(metric) })
    }
    case 'summary': {
      const quantiles = fc.array(fc.record({ quantile: anyNumber, value: anyNumber }), { maxLength: 3 })
      const metric: fc.Arbitrary<SummaryMetric> = fc.record(
        { labels, count: anyCount, sum: anyNumber, quantiles, ...base },
        { requiredKeys: ['labels', 'quantiles'] },
      )
      return fc.record({ ...head, type: fc.constant(type), metrics: metricsOf(metric) })
    }
    case 'histogram':
    case 'gaugehistogram': {
      const bucket: fc.Arbitrary<Bucket> = fc.record(
        { upperBound: anyNumber, cumulativeCount: anyCount, exemplar: exemplarOf(names) },
        { requiredKeys: ['upperBound', 'cumulativeCount'] },
      )
      const metric: fc.Arbitrary<HistogramMetric> = fc.record(
        {
          labels,
          count: anyCount,
          sum: anyNumber,
          buckets: fc.array(bucket, { maxLength: 4 }),
          native: nativeOf(names),
          float: fc.constant(true as const),
          ...base,
        },
        { requiredKeys: ['labels', 'buckets'] },
      )
      return fc.record({ ...head, type: fc.constant(type), metrics: metricsOf(metric) })
    }
    case 'stateset': {
      const states = fc.array(fc.record({ name: labelText, enabled: fc.boolean() }), { maxLength: 3 })
      const metric: fc.Arbitrary<StateSetMetric> = fc.record(
        { labels, states, ...base },
        { requiredKeys: ['labels', 'states'] },
      )
      return fc.record({ ...head, type: fc.constant(type), metrics: metricsOf(metric) })
    }
  }
}

export const ALL_TYPES: readonly FamilyType[] = [
  'counter',
  'gauge',
  'unknown',
  'summary',
  'histogram',
  'gaugehistogram',
  'info',
  'stateset',
]

export function anyFamily(choices: FamilyChoices = {}): fc.Arbitrary<Family> {
  return fc.oneof(...(choices.types ?? ALL_TYPES).map((type) => familyOf(type, choices)))
}
