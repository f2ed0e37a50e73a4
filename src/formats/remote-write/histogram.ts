import type { NativeHistogram } from '../../model/family.ts'
import type { Budget } from '../budget.ts'
import { NativeFields } from '../native-fields.ts'
import { eachField, type ProtobufReader, readInt64, readUint64, skipUnknown } from '../protobuf.ts'
import { HISTOGRAM, isStaleMarker, RESET_HINTS } from './layout.ts'
import type { NativeMetric } from './remote-write.ts'

/** A native histogram as it stands in a body. */
export interface HistogramFound {
  /** Or what is wrong with it, to continue "it". */
  readonly metric: NativeMetric | string
  readonly timestampMs: number
  /** 0 = none. */
  readonly startMs: number
  readonly stale: boolean
}

const NO_BUCKETS = { spans: [], counts: [] }
const NOTHING: NativeHistogram = {
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  positive: NO_BUCKETS,
  negative: NO_BUCKETS,
}

/** Reads a Histogram; the versions differ in its start alone. */
export function readHistogram(reader: ProtobufReader, budget: Budget): HistogramFound {
  const fields = new NativeFields(HISTOGRAM, budget)
  let count = 0
  let isFloat = false
  let sum = 0
  let stale = false
  let hint = 0
  let timestampMs = 0
  let startMs = 0
  eachField(reader, (tag) => {
    switch (tag) {
      case HISTOGRAM.count:
        count = readUint64(reader)
        isFloat = false
        break
      case HISTOGRAM.floatCount:
        count = reader.double()
        isFloat = true
        break
      case HISTOGRAM.sum:
        sum = reader.double()
        stale = isStaleMarker(reader.buf, reader.pos - 8)
        break
      case HISTOGRAM.resetHint:
        hint = reader.uint32()
        break
      case HISTOGRAM.timestamp:
        timestampMs = readInt64(reader)
        break
      case HISTOGRAM.start:
        startMs = readInt64(reader)
        break
      default:
        if (!fields.read(reader, tag)) skipUnknown(reader, tag, 17)
    }
  })
  // Senders put the marker in the count as well, and nothing in the buckets.
  if (stale) return { metric: { count: 0, sum, native: NOTHING }, timestampMs, startMs, stale }
  const native = fields.toNative({ count, sum, isFloat })
  const metric = typeof native === 'string' ? native : metricOf({ count, sum, isFloat }, native, hint)
  return { metric, timestampMs, startMs, stale }
}

interface Totals {
  readonly count: number
  readonly sum: number
  readonly isFloat: boolean
}

function metricOf({ count, sum, isFloat }: Totals, native: NativeHistogram, hint: number): NativeMetric {
  const resetHint = RESET_HINTS[hint]
  return {
    count,
    sum,
    native: resetHint === undefined ? native : { ...native, resetHint },
    ...(isFloat && { float: true as const }),
  }
}
