import type { FamilyType, NativeHistogram } from '../../model/family.ts'

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

const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2

const tag = (field: number, wireType: number): number => field * 8 + wireType

export const FAMILY = {
  type: tag(1, VARINT),
  name: tag(2, DELIMITED),
  help: tag(3, DELIMITED),
  unit: tag(4, DELIMITED),
  labelName: tag(5, DELIMITED),
  shape: tag(6, DELIMITED),
  run: tag(7, DELIMITED),
  valueLength: tag(8, DELIMITED),
  valueText: tag(9, DELIMITED),
  value: tag(10, DELIMITED),
  metric: tag(11, DELIMITED),
} as const

export const METRIC = {
  skip: tag(1, VARINT),
  timestampMs: tag(2, FIXED64),
  startMs: tag(3, FIXED64),
  stale: tag(4, VARINT),
  exemplar: tag(5, DELIMITED),
  value: tag(6, FIXED64),
  count: tag(7, VARINT),
  floatCount: tag(8, FIXED64),
  sum: tag(9, FIXED64),
  quantile: tag(10, DELIMITED),
  quantileValue: tag(11, DELIMITED),
  state: tag(12, DELIMITED),
  upperBound: tag(13, DELIMITED),
  sameBounds: tag(14, VARINT),
  bucketIncrement: tag(15, DELIMITED),
  bucketCount: tag(16, DELIMITED),
  float: tag(17, VARINT),
  native: tag(18, DELIMITED),
} as const

export const EXEMPLAR = {
  label: tag(1, DELIMITED),
  value: tag(2, FIXED64),
  timestampMs: tag(3, FIXED64),
  bucket: tag(4, VARINT),
} as const

export const STATE = {
  name: tag(1, DELIMITED),
  enabled: tag(2, VARINT),
} as const

export const NATIVE = {
  schema: tag(1, VARINT),
  zeroThreshold: tag(2, FIXED64),
  zeroCount: tag(3, FIXED64),
  positiveSpan: tag(4, DELIMITED),
  positiveCount: tag(5, DELIMITED),
  positiveFloatCount: tag(6, DELIMITED),
  negativeSpan: tag(7, DELIMITED),
  negativeCount: tag(8, DELIMITED),
  negativeFloatCount: tag(9, DELIMITED),
  customBound: tag(10, DELIMITED),
  exemplar: tag(11, DELIMITED),
  resetHint: tag(12, VARINT),
} as const

export const SINGLE = {
  type: tag(1, VARINT),
  metric: tag(2, DELIMITED),
} as const
