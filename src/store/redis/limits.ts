import type { StoreLimits } from '../store.ts'

/** A partition may take this much more than its even share, because units do not spread evenly. */
const HEADROOM = 1.5

/** Where the limits allow for much, any partition has room for a big unit or two. */
const ROOMY_SERIES = 50_000
const ROOMY_BYTES = 64 * 1024 * 1024

/**
 * The limits of one partition as scripts read them, five doubles: units, series and bytes of the partition; then series
 * and bytes of a unit that is alone in it.
 */
export function packLimits(limits: StoreLimits, partitions: number): Buffer {
  const share = (limit: number) => (limit / partitions) * HEADROOM
  const values = [
    Math.max(1, share(limits.units)),
    roomy(share(limits.series), limits.series, ROOMY_SERIES),
    roomy(share(limits.bytes), limits.bytes, ROOMY_BYTES),
    limits.series,
    limits.bytes,
  ]
  const packed = Buffer.alloc(8 * values.length)
  for (const [place, value] of values.entries()) packed.writeDoubleLE(value, 8 * place)
  return packed
}

function roomy(share: number, limit: number, room: number): number {
  return limit >= 4 * room ? Math.max(share, room) : share
}
