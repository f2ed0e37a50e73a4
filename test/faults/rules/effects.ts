import type { Sighting } from '../book.ts'
import { isShaken } from '../excuses.ts'
import type { Event, Fault } from '../history.ts'
import type { Page } from '../tokens.ts'
import { type PageRule, type Report, type Rule, whereOf } from './rule.ts'

/**
 * C4, for what replaces: a page shows nothing that was not sent, nothing that was refused, and a token with no more push
 * times than it had attempts; a reply that was lost does not make the gateway apply the push a second time.
 */
export function requireEffects(faults: readonly Fault[], report: Report): PageRule {
  return (sighting) => {
    const effect = wrongEffect(faults, sighting)
    if (effect !== undefined) report('C4', `${whereOf(sighting)}, ${effect}`, sighting.scrape.startMs)
  }
}

function wrongEffect(
  faults: readonly Fault[],
  { shown, write, isIssued, endMs }: Sighting,
): string | undefined {
  if (shown === undefined || shown.isMixed) return undefined
  if (write === undefined) return isIssued ? undefined : 'which was never sent'
  if (write.startMs > endMs) return 'which was not sent yet'
  if (write.attempts === 0) return 'which was refused'
  const times = write.pushTimes.length
  if (times <= write.attempts || isShaken(faults, write)) return undefined
  return `which was sent ${write.attempts} times and has ${times} push times`
}

interface Sum {
  /** Of pushes that are settled: acknowledged ones, and those that may have been applied. */
  least: number
  most: number
  /** Acknowledged so recently that a scrape under way need not show it, as moments. */
  acknowledgedMs: number[]
}

/**
 * C4, for what adds up: everything acknowledged before the scrape counts, everything sent before its end may count, and
 * nothing counts twice. What a fault lost is taken off from then on.
 */
export function requireSums(faults: readonly Fault[], report: Report): Rule {
  const sums = new Map<string, Sum>()

  function sumOf(unit: string): Sum {
    let sum = sums.get(unit)
    if (sum === undefined) {
      sum = { least: 0, most: 0, acknowledgedMs: [] }
      sums.set(unit, sum)
    }
    return sum
  }

  function judge(page: Page, startMs: number, replica: number): void {
    for (const [unit, sum] of sums) {
      const value = page.sums.get(unit) ?? 0
      const least = sum.least - sum.acknowledgedMs.filter((ackMs) => ackMs >= startMs).length
      if (value > sum.most) {
        report('C4', `replica ${replica} shows ${unit} at ${value}, at most ${sum.most} were sent`, startMs)
        sum.most = value
      }
      if (value >= least) continue
      const isExcused = faults.some(({ mayLose, fromMs }) => mayLose && fromMs <= startMs)
      if (!isExcused)
        report('C4', `replica ${replica} shows ${unit} at ${value}, ${least} were acknowledged`, startMs)
      sum.least -= least - value
    }
  }

  return {
    see(event: Event) {
      if (event.kind === 'push.sent' && event.push.kind === 'add') sumOf(event.push.unit).most++
      if (event.kind === 'push.ended' && event.push.kind === 'add') {
        const sum = sumOf(event.push.unit)
        if (event.answer.outcome === 'refused') sum.most--
        if (event.answer.outcome !== 'ok') return
        sum.least++
        sum.acknowledgedMs.push(event.endMs)
        // No scrape takes longer than it takes to push so often.
        if (sum.acknowledgedMs.length > 20_000) sum.acknowledgedMs.splice(0, 10_000)
      }
      if (event.kind === 'scrape.ended' && event.answer.page !== undefined)
        judge(event.answer.page, event.scrape.startMs, event.scrape.replica)
    },
  }
}
