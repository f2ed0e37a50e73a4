import { misconfigured } from './failures.ts'

/** What the meta key of a partition counts; scripts read and write it as one field, see `partition.lua`. */
export interface Counters {
  readonly version: number
  /** Readers below it may have missed removals. */
  readonly floor: number
  /** Up to which version everything is gone. */
  readonly wiped: number
  /** Time of the newest write, in milliseconds. */
  readonly timeMs: number
  readonly digest: number
}

/** Field of the meta key. */
export const COUNTERS = 'c'

const BYTES = 64
const NONE: Counters = { version: 0, floor: 0, wiped: 0, timeMs: 0, digest: 0 }

/** Eight doubles: version, floor, wiped, time, units, series, bytes, digest. Null where there is no partition. */
export function readCounters(field: unknown): Counters {
  if (field === null || field === undefined) return NONE
  if (!Buffer.isBuffer(field) || field.length !== BYTES)
    throw misconfigured(`the counters of a partition in redis are not ${BYTES} bytes`)
  const at = (place: number) => field.readDoubleLE(place * 8)
  return { version: at(0), floor: at(1), wiped: at(2), timeMs: at(3), digest: at(7) }
}
