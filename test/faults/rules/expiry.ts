import type { Sighting } from '../book.ts'
import { expiresByMs, expiresFromMs, type Write } from '../write.ts'
import { nameOf, type PageRule, type Report, wasAcknowledged, wasSeen, whereOf } from './rule.ts'

/**
 * C5: what was pushed for a time is not shown longer than that and `slackMs`, does not come back, and is not taken away
 * before. When it was stored is known as between sending and acknowledgement.
 */
export function requireExpiry(slackMs: number, report: Report): PageRule {
  return (sighting) => {
    const { shown, write, scrape, missed, isIssued, isRemembered } = sighting
    if (shown !== undefined && write !== undefined && write.attempts > 0) {
      const overMs = scrape.startMs - expiresByMs(write)
      if (overMs > slackMs)
        report('C5', `${whereOf(sighting)} ${Math.round(overMs)} ms after its time`, scrape.startMs)
    }
    if (shown !== undefined && !isRemembered && isIssued && !shown.isMixed)
      report('C5', `${whereOf(sighting)}, which was over and came back`, scrape.startMs)
    const early = shown === undefined ? missed.find((each) => isEarlyExpiry(each, sighting)) : undefined
    if (early !== undefined) {
      const leftMs = Math.round(expiresFromMs(early) - sighting.endMs)
      report('C5', `${whereOf(sighting)} ${leftMs} ms before the time of ${nameOf(early)}`, scrape.startMs)
    }
  }
}

/**
 * From one page alone an expiry that comes early looks like a loss. What was seen and vanishes in the second half of its
 * time is taken for the first, everything else for the second.
 */
export function isEarlyExpiry(write: Write, sighting: Sighting): boolean {
  if (!wasAcknowledged(write, sighting) || !wasSeen(write, sighting)) return false
  return sighting.endMs - write.ackStartMs >= write.ttlMs / 2 && write.ttlMs > 0
}
