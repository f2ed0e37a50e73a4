import type { Counters } from '../api/types.ts'

/** The counters at one moment. */
export interface Reading {
  readonly atMs: number
  /** By protocol: pushes that were taken, pushes that were not, samples of the former. */
  readonly accepted: ReadonlyMap<string, number>
  readonly refused: ReadonlyMap<string, number>
  readonly samples: ReadonlyMap<string, number>
  /** By reason. */
  readonly rejections: ReadonlyMap<string, number>
}

/** Five minutes of a reading every two seconds. */
const MOST_READINGS = 151

export function readCounters(counters: Counters, atMs: number): Reading {
  const { pushes, samples, rejections } = counters
  return {
    atMs,
    accepted: sum(
      pushes.filter(({ outcome }) => outcome === 'accepted').map((each) => [each.protocol, each.total]),
    ),
    refused: sum(
      pushes.filter(({ outcome }) => outcome !== 'accepted').map((each) => [each.protocol, each.total]),
    ),
    samples: sum(samples.map(({ protocol, total }) => [protocol, total])),
    rejections: sum(rejections.map(({ reason, total }) => [reason, total])),
  }
}

/** With one more reading, and without those of before a restart or longer ago than is drawn. */
export function addReading(readings: readonly Reading[], next: Reading): readonly Reading[] {
  const last = readings.at(-1)
  const restarted = last !== undefined && fell(last.accepted, next.accepted)
  return restarted ? [next] : [...readings.slice(1 - MOST_READINGS), next]
}

/** Points of a chart: the seconds of each reading but the first, and per name what was counted per second until then. */
export interface Rates {
  readonly seconds: readonly number[]
  readonly perSecond: ReadonlyMap<string, readonly number[]>
}

/** Names come in order, as many as ever had a count. */
export function ratesOf(
  readings: readonly Reading[],
  what: 'accepted' | 'refused' | 'samples' | 'rejections',
): Rates {
  const names = [...new Set(readings.flatMap((reading) => [...reading[what].keys()]))].sort()
  const perSecond = new Map<string, number[]>(names.map((name) => [name, []]))
  const seconds: number[] = []
  for (const [n, next] of readings.entries()) {
    const last = readings[n - 1]
    if (last === undefined) continue
    const tookSeconds = Math.max(0.001, (next.atMs - last.atMs) / 1000)
    seconds.push(next.atMs / 1000)
    for (const [name, points] of perSecond) {
      const more = (next[what].get(name) ?? 0) - (last[what].get(name) ?? 0)
      points.push(Math.max(0, more) / tookSeconds)
    }
  }
  return { seconds, perSecond }
}

function sum(entries: readonly (readonly [string, number])[]): Map<string, number> {
  const totals = new Map<string, number>()
  for (const [name, total] of entries) totals.set(name, (totals.get(name) ?? 0) + total)
  return totals
}

function fell(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  return [...before].some(([name, total]) => (after.get(name) ?? 0) < total)
}
