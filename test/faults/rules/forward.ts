import { nameOf, type PageRule, type Report, wasAcknowledged, wasSeen, whereOf } from './rule.ts'

/**
 * C3: once a page showed a token, pages asked for later show it or one that is not older: of one writer numbers never
 * fall, and no replica is behind what another one showed.
 */
export function requireForward(report: Report): PageRule {
  return (sighting) => {
    const seen = sighting.missed.find(
      (write) =>
        wasSeen(write, sighting) && (sighting.shown !== undefined || !wasAcknowledged(write, sighting)),
    )
    if (seen === undefined) return
    report('C3', `${whereOf(sighting)} after ${nameOf(seen)} had been shown`, sighting.scrape.startMs)
  }
}
