import type { Report, Rule } from './rule.ts'

const MIB = 1024 * 1024

/**
 * C8: no replica takes more than `growthBytes` above what it took at most before the first fault; until then, above its
 * first reading.
 */
export function requireBoundedMemory(growthBytes: number, report: Report): Rule {
  /** Per replica. */
  const firstBytes = new Map<number, number>()
  const usualBytes = new Map<number, number>()
  const reported = new Set<number>()
  let isBroken = false
  return {
    see(event) {
      if (event.kind === 'fault.began') isBroken = true
      if (event.kind !== 'reading') return
      const { replica, atMs, reading } = event
      const bytes = reading.residentBytes
      if (!firstBytes.has(replica)) firstBytes.set(replica, bytes)
      if (!isBroken) usualBytes.set(replica, Math.max(bytes, usualBytes.get(replica) ?? 0))
      const base = (isBroken ? usualBytes : firstBytes).get(replica) ?? bytes
      const limit = base + growthBytes
      if (bytes <= limit) return
      if (reported.has(replica)) return
      reported.add(replica)
      const [has, may] = [bytes, limit].map((each) => Math.round(each / MIB))
      report('C8', `replica ${replica} takes ${has} MiB, more than ${may} MiB`, atMs)
    },
  }
}
