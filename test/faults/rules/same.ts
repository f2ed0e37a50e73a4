import type { Report, Rule } from './rule.ts'

/** C6: after the last write every replica answers 200 with the same bytes, and with at least `series` series. */
export function requireSame(series: number, report: Report): Rule & { readonly series: () => number } {
  let shown = 0
  let wasQuiet = false
  return {
    series: () => shown,
    see(event) {
      if (event.kind !== 'quiesced') return
      wasQuiet = true
      const { pages, atMs } = event
      const refusing = pages.findIndex(({ status }) => status !== 200)
      if (refusing !== -1 || pages.length === 0) {
        report('C6', `replica ${refusing} has no page: ${pages[refusing]?.status}`, atMs)
        return
      }
      const digests = new Set(pages.map(({ digest }) => digest))
      const counts = pages.map(({ page }) => page?.series ?? 0)
      shown = Math.min(...counts)
      if (digests.size > 1)
        report(
          'C6',
          `${pages.length} replicas show ${digests.size} pages, of ${counts.join(', ')} series`,
          atMs,
        )
      if (shown < series) report('C6', `${shown} series are left of ${series}`, atMs)
    },
    conclude() {
      if (!wasQuiet) report('C6', 'the replicas were never compared', performance.now())
    },
  }
}
