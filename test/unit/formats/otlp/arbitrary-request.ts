import fc from 'fast-check'
import type { OtlpJson } from '../../../support/otlp.ts'

/** Requests as OTLP JSON has them: every kind of point and of value, sensible or not. */
const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const double = fc
  .double()
  .map((value) => (Object.is(value, -0) ? 0 : Number.isFinite(value) ? value : String(value)))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
const count = fc.oneof(
  fc.nat({ max: 1000 }).map(String),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
)
const nanos = fc.oneof(fc.constant('0'), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String))
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 })
/** Rarely none, so that requests are mostly about something. */
const some = <T>(item: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant([]) },
  )
const hex = (digits: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits })
    .map((all) => all.join(''))

const { anyValue } = fc.letrec<{ anyValue: unknown; keyValue: unknown }>((tie) => ({
  anyValue: fc.oneof(
    { maxDepth: 3 },
    fc.record({ stringValue: text }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: double }),
    fc.record({
      bytesValue: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: list(tie('anyValue')) }) }),
    fc.record({ kvlistValue: fc.record({ values: list(tie('keyValue')) }) }),
  ),
  keyValue: fc.record({ key: text, value: tie('anyValue') }),
}))
const attributes = list(
  fc.record({
    key: fc.oneof(text, fc.constantFrom('a', 'a.b', 'a_b', 'le', 'quantile', 'job')),
    value: anyValue,
  }),
)
const number = fc.oneof(fc.record({ asDouble: double }), fc.record({ asInt: int64 }))
const exemplar = fc
  .tuple(
    number,
    fc.record(
      { timeUnixNano: nanos, traceId: hex(32), spanId: hex(16), filteredAttributes: attributes },
      { requiredKeys: [] },
    ),
  )
  .map(([value, rest]) => ({ ...rest, ...value }))
const point = {
  attributes,
  startTimeUnixNano: nanos,
  timeUnixNano: nanos,
  flags: fc.constantFrom(0, 1, 2, 3),
}
const partly = { requiredKeys: [] as [] }
const numberPoint = fc
  .tuple(fc.oneof(number, fc.constant({})), fc.record({ ...point, exemplars: list(exemplar) }, partly))
  .map(([value, rest]) => ({ ...rest, ...value }))
const histogramPoint = fc.record(
  {
    ...point,
    count,
    sum: double,
    bucketCounts: list(count),
    explicitBounds: list(double),
    exemplars: list(exemplar),
    min: double,
    max: double,
  },
  partly,
)
const buckets = fc.record({ offset: fc.integer(), bucketCounts: list(count) }, partly)
const exponentialPoint = fc.record(
  {
    ...point,
    count,
    sum: double,
    scale: fc.oneof(fc.integer({ min: -12, max: 24 }), fc.integer()),
    zeroCount: count,
    zeroThreshold: double,
    positive: buckets,
    negative: buckets,
    exemplars: list(exemplar),
  },
  partly,
)
const summaryPoint = fc.record(
  {
    ...point,
    count,
    sum: double,
    quantileValues: list(fc.record({ quantile: double, value: double }, partly)),
  },
  partly,
)
const temporality = fc.constantFrom(0, 1, 2)
const data = fc.oneof(
  fc.record({ gauge: fc.record({ dataPoints: some(numberPoint) }) }),
  fc.record({
    sum: fc.record({
      dataPoints: some(numberPoint),
      aggregationTemporality: temporality,
      isMonotonic: fc.boolean(),
    }),
  }),
  fc.record({
    histogram: fc.record({ dataPoints: some(histogramPoint), aggregationTemporality: temporality }),
  }),
  fc.record({
    exponentialHistogram: fc.record({
      dataPoints: some(exponentialPoint),
      aggregationTemporality: temporality,
    }),
  }),
  fc.record({ summary: fc.record({ dataPoints: some(summaryPoint) }) }),
  fc.constant({}),
)
const metric = fc
  .tuple(
    data,
    fc.record(
      {
        name: fc.oneof(text, fc.constantFrom('a.b', 'a_b', 'total')),
        description: text,
        unit: fc.oneof(text, fc.constantFrom('s', 'By', '1')),
      },
      partly,
    ),
  )
  .map(([kind, head]) => ({ ...head, ...kind }))
const scopeMetrics = fc.record(
  {
    scope: fc.record({ name: text, version: text, attributes }, partly),
    schemaUrl: text,
    metrics: some(metric),
  },
  { requiredKeys: ['metrics'] },
)
const resourceMetrics = fc.record(
  { resource: fc.record({ attributes }, partly), scopeMetrics: some(scopeMetrics) },
  { requiredKeys: ['scopeMetrics'] },
)

export const otlpRequest: fc.Arbitrary<OtlpJson> = fc.record({ resourceMetrics: some(resourceMetrics) })
