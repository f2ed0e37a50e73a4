import { type PageRule, type Report, whereOf } from './rule.ts'

/** C2: a unit has all its series, and all of them carry one token. `series` is how many every push writes. */
export function requireWhole(series: number, report: Report): PageRule {
  return (sighting) => {
    const { shown, scrape } = sighting
    if (shown === undefined) return
    if (shown.isMixed) report('C2', `${whereOf(sighting)} beside another token`, scrape.startMs)
    else if (shown.series !== series)
      report('C2', `${whereOf(sighting)} in ${shown.series} of ${series} series`, scrape.startMs)
  }
}
