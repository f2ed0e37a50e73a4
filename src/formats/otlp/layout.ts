import { DELIMITED, FIXED64, tagOf, VARINT } from '../protobuf.ts'

/** The numbers of `proto/opentelemetry/proto`, which the reader of protobuf bodies and the writer of answers share. */

export const REQUEST = { resourceMetrics: tagOf(1, DELIMITED) } as const

export const RESOURCE_METRICS = {
  resource: tagOf(1, DELIMITED),
  scopeMetrics: tagOf(2, DELIMITED),
} as const

export const RESOURCE = { attributes: tagOf(1, DELIMITED) } as const

export const SCOPE_METRICS = {
  scope: tagOf(1, DELIMITED),
  metrics: tagOf(2, DELIMITED),
  schemaUrl: tagOf(3, DELIMITED),
} as const

export const SCOPE = {
  name: tagOf(1, DELIMITED),
  version: tagOf(2, DELIMITED),
  attributes: tagOf(3, DELIMITED),
} as const

export const METRIC = {
  name: tagOf(1, DELIMITED),
  description: tagOf(2, DELIMITED),
  unit: tagOf(3, DELIMITED),
  gauge: tagOf(5, DELIMITED),
  sum: tagOf(7, DELIMITED),
  histogram: tagOf(9, DELIMITED),
  exponentialHistogram: tagOf(10, DELIMITED),
  summary: tagOf(11, DELIMITED),
} as const

/** Of Gauge, Sum, Histogram, ExponentialHistogram and Summary; each has as many of these as it needs. */
export const DATA = {
  points: tagOf(1, DELIMITED),
  temporality: tagOf(2, VARINT),
  isMonotonic: tagOf(3, VARINT),
} as const

/** AggregationTemporality by number. */
export const TEMPORALITIES = ['unspecified', 'delta', 'cumulative'] as const

/** Bit of the flags of a point. */
export const NO_RECORDED_VALUE = 1

export const NUMBER_POINT = {
  start: tagOf(2, FIXED64),
  time: tagOf(3, FIXED64),
  asDouble: tagOf(4, FIXED64),
  exemplars: tagOf(5, DELIMITED),
  asInt: tagOf(6, FIXED64),
  attributes: tagOf(7, DELIMITED),
  flags: tagOf(8, VARINT),
} as const

export const HISTOGRAM_POINT = {
  start: tagOf(2, FIXED64),
  time: tagOf(3, FIXED64),
  count: tagOf(4, FIXED64),
  sum: tagOf(5, FIXED64),
  bucketCounts: tagOf(6, FIXED64),
  explicitBounds: tagOf(7, FIXED64),
  exemplars: tagOf(8, DELIMITED),
  attributes: tagOf(9, DELIMITED),
  flags: tagOf(10, VARINT),
} as const

export const EXPONENTIAL_POINT = {
  attributes: tagOf(1, DELIMITED),
  start: tagOf(2, FIXED64),
  time: tagOf(3, FIXED64),
  count: tagOf(4, FIXED64),
  sum: tagOf(5, FIXED64),
  scale: tagOf(6, VARINT),
  zeroCount: tagOf(7, FIXED64),
  positive: tagOf(8, DELIMITED),
  negative: tagOf(9, DELIMITED),
  flags: tagOf(10, VARINT),
  exemplars: tagOf(11, DELIMITED),
  zeroThreshold: tagOf(14, FIXED64),
} as const

/** Of ExponentialHistogramDataPoint.Buckets. */
export const BUCKETS = { offset: tagOf(1, VARINT), bucketCounts: tagOf(2, VARINT) } as const

export const SUMMARY_POINT = {
  start: tagOf(2, FIXED64),
  time: tagOf(3, FIXED64),
  count: tagOf(4, FIXED64),
  sum: tagOf(5, FIXED64),
  quantiles: tagOf(6, DELIMITED),
  attributes: tagOf(7, DELIMITED),
  flags: tagOf(8, VARINT),
} as const

/** Of SummaryDataPoint.ValueAtQuantile. */
export const QUANTILE = { quantile: tagOf(1, FIXED64), value: tagOf(2, FIXED64) } as const

export const EXEMPLAR = {
  time: tagOf(2, FIXED64),
  asDouble: tagOf(3, FIXED64),
  spanId: tagOf(4, DELIMITED),
  traceId: tagOf(5, DELIMITED),
  asInt: tagOf(6, FIXED64),
  attributes: tagOf(7, DELIMITED),
} as const

export const KEY_VALUE = { key: tagOf(1, DELIMITED), value: tagOf(2, DELIMITED) } as const

export const ANY_VALUE = {
  string: tagOf(1, DELIMITED),
  bool: tagOf(2, VARINT),
  int: tagOf(3, VARINT),
  double: tagOf(4, FIXED64),
  array: tagOf(5, DELIMITED),
  map: tagOf(6, DELIMITED),
  bytes: tagOf(7, DELIMITED),
} as const

/** Of ArrayValue and KeyValueList. */
export const LIST = { values: tagOf(1, DELIMITED) } as const

/** Of ExportMetricsServiceResponse and ExportMetricsPartialSuccess. */
export const RESPONSE = { partialSuccess: tagOf(1, DELIMITED) } as const
export const PARTIAL_SUCCESS = {
  rejectedDataPoints: tagOf(1, VARINT),
  errorMessage: tagOf(2, DELIMITED),
} as const

/** Of google.rpc.Status. */
export const STATUS = { code: tagOf(1, VARINT), message: tagOf(2, DELIMITED) } as const
