import type { FamilyType, NativeHistogram } from '../../model/family.ts'
import { DELIMITED, FIXED64, tagOf, VARINT } from '../protobuf.ts'

/**
 * What reader and writer of stored blobs share: the numbers of `proto/pgr/v1/family.proto`. Data at rest depends on
 * every one of them.
 */

/** First byte of a blob whose message stands as it is. */
export const PLAIN = 0x01
/** First byte of a blob whose message is a raw deflate stream. */
export const DEFLATED = 0x02

export const TYPE_NUMBER: Record<FamilyType, number> = {
  counter: 1,
  gauge: 2,
  unknown: 3,
  summary: 4,
  histogram: 5,
  gaugehistogram: 6,
  info: 7,
  stateset: 8,
}

export const TYPE_OF_NUMBER: ReadonlyMap<number, FamilyType> = new Map(
  Object.entries(TYPE_NUMBER).map(([type, number]) => [number, type as FamilyType]),
)

type ResetHint = NonNullable<NativeHistogram['resetHint']>

export const HINT_NUMBER: Record<ResetHint, number> = { yes: 1, no: 2, gauge: 3 }

export const HINT_OF_NUMBER: ReadonlyMap<number, ResetHint> = new Map(
  Object.entries(HINT_NUMBER).map(([hint, number]) => [number, hint as ResetHint]),
)

export const FAMILY = {
  type: tagOf(1, VARINT),
  name: tagOf(2, DELIMITED),
  help: tagOf(3, DELIMITED),
  unit: tagOf(4, DELIMITED),
  labelName: tagOf(5, DELIMITED),
  shape: tagOf(6, DELIMITED),
  run: tagOf(7, DELIMITED),
  valueLength: tagOf(8, DELIMITED),
  valueText: tagOf(9, DELIMITED),
  value: tagOf(10, DELIMITED),
  metric: tagOf(11, DELIMITED),
} as const

export const METRIC = {
  skip: tagOf(1, VARINT),
  timestampMs: tagOf(2, FIXED64),
  startMs: tagOf(3, FIXED64),
  stale: tagOf(4, VARINT),
  exemplar: tagOf(5, DELIMITED),
  value: tagOf(6, FIXED64),
  count: tagOf(7, VARINT),
  floatCount: tagOf(8, FIXED64),
  sum: tagOf(9, FIXED64),
  quantile: tagOf(10, DELIMITED),
  quantileValue: tagOf(11, DELIMITED),
  state: tagOf(12, DELIMITED),
  upperBound: tagOf(13, DELIMITED),
  sameBounds: tagOf(14, VARINT),
  bucketIncrement: tagOf(15, DELIMITED),
  bucketCount: tagOf(16, DELIMITED),
  float: tagOf(17, VARINT),
  native: tagOf(18, DELIMITED),
} as const

export const EXEMPLAR = {
  label: tagOf(1, DELIMITED),
  value: tagOf(2, FIXED64),
  timestampMs: tagOf(3, FIXED64),
  bucket: tagOf(4, VARINT),
} as const

export const STATE = {
  name: tagOf(1, DELIMITED),
  enabled: tagOf(2, VARINT),
} as const

export const NATIVE = {
  schema: tagOf(1, VARINT),
  zeroThreshold: tagOf(2, FIXED64),
  zeroCount: tagOf(3, FIXED64),
  positiveSpan: tagOf(4, DELIMITED),
  positiveCount: tagOf(5, DELIMITED),
  positiveFloatCount: tagOf(6, DELIMITED),
  negativeSpan: tagOf(7, DELIMITED),
  negativeCount: tagOf(8, DELIMITED),
  negativeFloatCount: tagOf(9, DELIMITED),
  customBound: tagOf(10, DELIMITED),
  exemplar: tagOf(11, DELIMITED),
  resetHint: tagOf(12, VARINT),
} as const

export const SINGLE = {
  type: tagOf(1, VARINT),
  metric: tagOf(2, DELIMITED),
  carried: tagOf(3, DELIMITED),
} as const
