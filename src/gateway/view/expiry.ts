import type { PlacedMetric } from './loose-series.ts'
import type { Entry, Unit, UnitPage } from './unit.ts'

/** Pages are replaced, never written to. */
const lastOfPage = new WeakMap<UnitPage, number>()

/** When the last of a unit goes; 0 = never. */
export function expiryOf(unit: Unit): number {
  if (unit.kind === 'group') return unit.expiresMs
  let lastMs = 1
  for (const page of unit.pages.values()) {
    let pageMs = lastOfPage.get(page)
    if (pageMs === undefined) {
      pageMs = lastOf(page.metrics)
      lastOfPage.set(page, pageMs)
    }
    if (pageMs === 0) return 0
    lastMs = Math.max(lastMs, pageMs)
  }
  return lastMs
}

/** Whether less than this is left of it. */
export function isExpiring(unit: Unit, nowMs: number, withinMs: number): boolean {
  const expiresMs = expiryOf(unit)
  return expiresMs !== 0 && expiresMs - nowMs < withinMs
}

/** When the last of a family goes; 0 = never. */
export function expiryOfEntry({ content, expiresMs }: Entry): number {
  if (content.kind !== 'paged') return expiresMs
  let lastMs = 1
  for (const metrics of content.pages.values()) {
    const pageMs = lastOf(metrics)
    if (pageMs === 0) return 0
    lastMs = Math.max(lastMs, pageMs)
  }
  return lastMs
}

function lastOf(metrics: readonly PlacedMetric[]): number {
  let lastMs = 1
  for (const { metric } of metrics) {
    if (metric.expiresMs === 0) return 0
    if (metric.expiresMs > lastMs) lastMs = metric.expiresMs
  }
  return lastMs
}
