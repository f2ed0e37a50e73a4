import { type Losses, makeBook } from './book.ts'
import type { Event, History } from './history.ts'
import { requireAcknowledged } from './rules/acknowledged.ts'
import { type AnswerOptions, requireAnswers } from './rules/answers.ts'
import { requireEffects, requireSums } from './rules/effects.ts'
import { requireExpiry } from './rules/expiry.ts'
import { requireForward } from './rules/forward.ts'
import { requireTold, type Telling, type Told } from './rules/losses.ts'
import { requireBoundedMemory } from './rules/memory.ts'
import { requireRecovery } from './rules/recovery.ts'
import type { Report, Rule, RuleName } from './rules/rule.ts'
import { requireSame } from './rules/same.ts'
import { requireWhole } from './rules/whole.ts'
import { makeTally, type Tally } from './tally.ts'

export interface CheckerOptions extends Partial<AnswerOptions> {
  /** Series of every pushed unit. */
  readonly seriesPerUnit: number
  /** Least number of series that have to be left in the end. */
  readonly leastSeries?: number
  /** So long after it was sent a push that was not acknowledged may still be applied. */
  readonly appliesWithinMs?: number
  readonly expirySlackMs?: number
  readonly memoryGrowthBytes?: number
  readonly telling?: Telling
}

export interface Violation {
  readonly rule: RuleName
  readonly finding: string
  /** Since the history began. */
  readonly atMs: number
}

export interface Verdict extends Tally {
  /** The first of each rule; `count` has all. */
  readonly violations: readonly Violation[]
  readonly count: ReadonlyMap<RuleName, number>
  readonly losses: Losses
  readonly told: Told
  /** From a repair to the next acknowledgement; the longest. */
  readonly firstAckMs: number | undefined
  /** Left in the end. */
  readonly series: number
}

export interface Checker {
  /** True from the first violation on, so that long runs can end there. */
  hasViolations(): boolean
  /** The first violations of each rule, and the losses that are certain. */
  soFar(): Pick<Verdict, 'violations' | 'losses'>
  /** To be asked once, when nothing more is recorded. */
  conclude(): Verdict
}

/** More of one kind tell nothing new. */
const MOST_PER_RULE = 10

/**
 * The gateway's own deadline of a push is 3 s; what is added leaves room for a busy machine. What a gateway may grow by
 * holds the pushes it would send again, at most 64 MiB, and what the collector of garbage has not come to yet.
 */
const USUAL = {
  leastSeries: 1,
  appliesWithinMs: 4000,
  expirySlackMs: 1000,
  memoryGrowthBytes: 256 * 1024 * 1024,
  telling: 'exact' as Telling,
  expected4xx: [],
  pushWithinMs: 4000,
  scrapeWithinMs: 11_000,
  // Five seconds at least when an operator has to mend something; up to four more for each.
  retryAfterSeconds: [1, 9] as const,
}

/** Follows a history from now on and judges it by the rules C1 to C10. Keeps what later pages are judged by, no more. */
export function checkHistory(history: History, options: CheckerOptions): Checker {
  const settings = { ...USUAL, ...options }
  const { faults, startMs } = history
  const violations: Violation[] = []
  const count = new Map<RuleName, number>()
  const report: Report = (rule, finding, atMs) => {
    const times = (count.get(rule) ?? 0) + 1
    count.set(rule, times)
    if (times <= MOST_PER_RULE) violations.push({ rule, finding, atMs: Math.round(atMs - startMs) })
  }

  const book = makeBook(faults, settings)
  const pageRules = [
    requireAcknowledged(report),
    requireWhole(settings.seriesPerUnit, report),
    requireForward(report),
    requireEffects(faults, report),
    requireExpiry(settings.expirySlackMs, report),
  ]
  const same = requireSame(settings.leastSeries, report)
  const recovery = requireRecovery(faults, report)
  const told = requireTold(settings.telling, report)
  const tally = makeTally()
  const rules: Rule[] = [
    requireSums(faults, report),
    same,
    requireAnswers(faults, settings, report),
    requireBoundedMemory(settings.memoryGrowthBytes, report),
    recovery,
    told,
    tally,
  ]

  function judgePage({ scrape, endMs, answer: { page } }: Event & { kind: 'scrape.ended' }): void {
    if (page === undefined) return
    for (const sighting of book.sightings(scrape, endMs, page)) for (const judge of pageRules) judge(sighting)
  }

  function see(event: Event): void {
    book.see(event)
    if (event.kind === 'scrape.ended') judgePage(event)
    for (const rule of rules) rule.see(event)
  }

  history.listen(see)
  return {
    hasViolations: () => count.size > 0,
    soFar: () => ({ violations, losses: book.soFar() }),
    conclude() {
      for (const rule of rules) rule.conclude?.()
      const losses = book.settle()
      told.compare(losses)
      return {
        ...tally.counts(),
        violations,
        count,
        losses,
        told: told.told(),
        firstAckMs: recovery.firstAckMs(),
        series: same.series(),
      }
    },
  }
}

/** `C1 ×3: …` and so on, one line each; empty when all is well. */
export function describeViolations({ violations, count }: Verdict): string[] {
  return violations.map(({ rule, finding, atMs }) => {
    const times = count.get(rule) ?? 1
    return `${rule}${times === 1 ? '' : ` (one of ${times})`} at ${atMs} ms: ${finding}`
  })
}
