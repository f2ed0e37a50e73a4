import type { FamilyType, NativeHistogram } from '../../model/family.ts'
import { DELIMITED, FIXED64, tagOf, VARINT } from '../protobuf.ts'

/**
 * What reader and writer share: the numbers of `proto/prometheus/remote.proto` (version 1) and
 * `proto/io/prometheus/write/v2/types.proto` (version 2), and how both spell what protobuf has no word for.
 */
export type RemoteWriteVersion = 1 | 2

/** Of WriteRequest (version 1); the other version uses none of these. */
export const WRITE_REQUEST = { series: tagOf(1, DELIMITED), metadata: tagOf(3, DELIMITED) } as const

/** Reserved in WriteRequest, because Cortex says there where a body comes from. */
export const SOURCE_OF_CORTEX = tagOf(2, VARINT)

/** Of Request (version 2); the other version uses none of these. */
export const REQUEST = { symbol: tagOf(4, DELIMITED), series: tagOf(5, DELIMITED) } as const

/** Of TimeSeries in both versions; what is labels in version 1 is packed references in version 2. */
export const SERIES = { label: tagOf(1, DELIMITED), sample: tagOf(2, DELIMITED) } as const

/** Of TimeSeries in version 1. */
export const SERIES_1 = { exemplar: tagOf(3, DELIMITED), histogram: tagOf(4, DELIMITED) } as const

/** Of TimeSeries in version 2. */
export const SERIES_2 = {
  labelRef: tagOf(1, VARINT),
  histogram: tagOf(3, DELIMITED),
  exemplar: tagOf(4, DELIMITED),
  metadata: tagOf(5, DELIMITED),
  /** In drafts of the specification; samples have their own since. */
  start: tagOf(6, VARINT),
} as const

export const LABEL = { name: tagOf(1, DELIMITED), value: tagOf(2, DELIMITED) } as const

/** `start` is there in version 2 alone. */
export const SAMPLE = {
  value: tagOf(1, FIXED64),
  timestamp: tagOf(2, VARINT),
  start: tagOf(3, VARINT),
} as const

/** Labels of version 1; the references of version 2, packed, have the same tag. */
export const EXEMPLAR = {
  label: tagOf(1, DELIMITED),
  value: tagOf(2, FIXED64),
  timestamp: tagOf(3, VARINT),
} as const

/** `start` is there in version 2 alone. */
export const HISTOGRAM = {
  count: tagOf(1, VARINT),
  floatCount: tagOf(2, FIXED64),
  sum: tagOf(3, FIXED64),
  schema: tagOf(4, VARINT),
  zeroThreshold: tagOf(5, FIXED64),
  zeroCount: tagOf(6, VARINT),
  floatZeroCount: tagOf(7, FIXED64),
  negativeSpan: tagOf(8, DELIMITED),
  negativeDelta: tagOf(9, VARINT),
  negativeCount: tagOf(10, FIXED64),
  positiveSpan: tagOf(11, DELIMITED),
  positiveDelta: tagOf(12, VARINT),
  positiveCount: tagOf(13, FIXED64),
  resetHint: tagOf(14, VARINT),
  timestamp: tagOf(15, VARINT),
  customBound: tagOf(16, FIXED64),
  start: tagOf(17, VARINT),
} as const

/** Of MetricMetadata (version 1). */
export const METADATA_1 = {
  type: tagOf(1, VARINT),
  name: tagOf(2, DELIMITED),
  help: tagOf(4, DELIMITED),
  unit: tagOf(5, DELIMITED),
} as const

/** Of Metadata (version 2). */
export const METADATA_2 = {
  type: tagOf(1, VARINT),
  helpRef: tagOf(3, VARINT),
  unitRef: tagOf(4, VARINT),
} as const

/** Types by their number in both versions. */
export const TYPES: readonly FamilyType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

/** Reset hints by their number; the first says nothing. */
export const RESET_HINTS: readonly NativeHistogram['resetHint'][] = [undefined, 'yes', 'no', 'gauge']

/** The value that says that a series ended: one of many that are not a number, told from the others by its bits alone. */
export const STALE_MARKER = Uint8Array.of(0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f)

/** Whether the eight bytes of a number that start here are the marker. */
export function isStaleMarker(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < STALE_MARKER.length; i++) if (bytes[at + i] !== STALE_MARKER[i]) return false
  return true
}
