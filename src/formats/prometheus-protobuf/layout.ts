import type { FamilyType } from '../../model/family.ts'
import { DELIMITED, FIXED64, tagOf, VARINT } from '../protobuf.ts'

/** What reader and writer share: the numbers of `proto/io/prometheus/client/metrics.proto`. */

export const MEDIA_TYPE = 'application/vnd.google.protobuf'
export const PROTO = 'io.prometheus.client.MetricFamily'
export const CONTENT_TYPE = `${MEDIA_TYPE}; proto=${PROTO}; encoding=delimited`

export const FAMILY = {
  name: tagOf(1, DELIMITED),
  help: tagOf(2, DELIMITED),
  type: tagOf(3, VARINT),
  metric: tagOf(4, DELIMITED),
  unit: tagOf(5, DELIMITED),
} as const

/** Types of the wire by number; a stateset and an info are gauges there. */
export const TYPES = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram'] as const

export type WireType = (typeof TYPES)[number]

export const TYPE_NUMBER: Record<FamilyType, number> = {
  counter: 0,
  gauge: 1,
  summary: 2,
  unknown: 3,
  histogram: 4,
  gaugehistogram: 5,
  info: 1,
  stateset: 1,
}

export const METRIC = {
  label: tagOf(1, DELIMITED),
  gauge: tagOf(2, DELIMITED),
  counter: tagOf(3, DELIMITED),
  summary: tagOf(4, DELIMITED),
  untyped: tagOf(5, DELIMITED),
  timestampMs: tagOf(6, VARINT),
  histogram: tagOf(7, DELIMITED),
} as const

/** Of LabelPair. */
export const LABEL = { name: tagOf(1, DELIMITED), value: tagOf(2, DELIMITED) } as const

/** Of Gauge, Untyped and Counter; the first has nothing else. */
export const NUMBER = {
  value: tagOf(1, FIXED64),
  exemplar: tagOf(2, DELIMITED),
  start: tagOf(3, DELIMITED),
} as const

export const SUMMARY = {
  count: tagOf(1, VARINT),
  sum: tagOf(2, FIXED64),
  quantile: tagOf(3, DELIMITED),
  start: tagOf(4, DELIMITED),
} as const

export const QUANTILE = { quantile: tagOf(1, FIXED64), value: tagOf(2, FIXED64) } as const

export const HISTOGRAM = {
  count: tagOf(1, VARINT),
  sum: tagOf(2, FIXED64),
  bucket: tagOf(3, DELIMITED),
  floatCount: tagOf(4, FIXED64),
  schema: tagOf(5, VARINT),
  zeroThreshold: tagOf(6, FIXED64),
  zeroCount: tagOf(7, VARINT),
  floatZeroCount: tagOf(8, FIXED64),
  negativeSpan: tagOf(9, DELIMITED),
  negativeDelta: tagOf(10, VARINT),
  negativeCount: tagOf(11, FIXED64),
  positiveSpan: tagOf(12, DELIMITED),
  positiveDelta: tagOf(13, VARINT),
  positiveCount: tagOf(14, FIXED64),
  start: tagOf(15, DELIMITED),
  exemplar: tagOf(16, DELIMITED),
} as const

export const BUCKET = {
  cumulativeCount: tagOf(1, VARINT),
  upperBound: tagOf(2, FIXED64),
  exemplar: tagOf(3, DELIMITED),
  floatCumulativeCount: tagOf(4, FIXED64),
} as const

export const SPAN = { offset: tagOf(1, VARINT), length: tagOf(2, VARINT) } as const

export const EXEMPLAR = {
  label: tagOf(1, DELIMITED),
  value: tagOf(2, FIXED64),
  timestamp: tagOf(3, DELIMITED),
} as const

/** Of google.protobuf.Timestamp. */
export const TIMESTAMP = { seconds: tagOf(1, VARINT), nanos: tagOf(2, VARINT) } as const
