import type { Sighting } from '../book.ts'
import type { Write } from '../write.ts'
import { isEarlyExpiry } from './expiry.ts'
import { nameOf, type PageRule, type Report, wasAcknowledged, wasSeen, whereOf } from './rule.ts'

/**
 * C1: an acknowledged token, or a later one of its unit, is in every page asked for after the acknowledgement, until its
 * time is over. One that was already seen went back (C3), or expired early (C5).
 */
export function requireAcknowledged(report: Report): PageRule {
  return (sighting) => {
    for (const write of sighting.missed) {
      if (!isMissing(write, sighting)) continue
      const text = `${whereOf(sighting)} after ${nameOf(write)} was acknowledged`
      report('C1', text, sighting.scrape.startMs)
      return
    }
  }
}

function isMissing(write: Write, sighting: Sighting): boolean {
  if (!wasAcknowledged(write, sighting)) return false
  if (sighting.shown !== undefined) return !sighting.missed.some((other) => wasSeen(other, sighting))
  return !isEarlyExpiry(write, sighting)
}
