import type { Event, Fault } from '../history.ts'
import { happenedDuring } from '../history.ts'
import type { Report, Rule } from './rule.ts'

export interface AnswerOptions {
  /** Statuses from 400 to 499 that pushes may be answered with. */
  readonly expected4xx: readonly number[]
  /** Longest time to the answer of a push, and of a scrape. */
  readonly pushWithinMs: number
  readonly scrapeWithinMs: number
  /** Bounds of Retry-After, in seconds. */
  readonly retryAfterSeconds: readonly [least: number, most: number]
}

/** From so many refused pushes on no half of them may be told the same: a wave of them has one reason. */
const ENOUGH_TO_DIFFER = 50

/** C7: 2xx, 503 with a Retry-After that is spread, or an expected 4xx; and never later than promised. */
export function requireAnswers(faults: readonly Fault[], options: AnswerOptions, report: Report): Rule {
  const { expected4xx, pushWithinMs, scrapeWithinMs, retryAfterSeconds } = options
  const [least, most] = retryAfterSeconds
  /** How often pushes were told which Retry-After. */
  const told = new Map<string, number>()

  function complaintOf({ answer, ...call }: Call): string | undefined {
    const { status, retryAfter, broken } = answer
    if (broken === 'timeout')
      return happenedDuring(faults, call, ({ mayStall }) => mayStall, recovery) ? undefined : 'had no answer'
    if (broken !== undefined)
      return happenedDuring(faults, call, ({ mayReset }) => mayReset, recovery) ? undefined : broken
    if (status >= 200 && status < 300) return undefined
    if (expected4xx.includes(status)) return undefined
    if (status !== 503) return `was answered ${status}`
    if (retryAfter === undefined) return 'was answered 503 without Retry-After'
    const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : Number.NaN
    return seconds >= least && seconds <= most ? undefined : `was answered Retry-After: ${retryAfter}`
  }

  function judge(call: Call): void {
    const complaint = complaintOf(call)
    if (complaint !== undefined) report('C7', `${call.what} ${complaint}`, call.startMs)
    const tookMs = Math.round(call.endMs - call.startMs)
    const isLate = tookMs > call.withinMs && call.answer.broken !== 'timeout'
    if (isLate && !happenedDuring(faults, call, ({ mayStall }) => mayStall, recovery))
      report('C7', `${call.what} took ${tookMs} ms, longer than ${call.withinMs} ms`, call.startMs)
  }

  return {
    see(event) {
      const call = callOf(event, pushWithinMs, scrapeWithinMs)
      if (call === undefined) return
      judge(call)
      const { retryAfter } = call.answer
      if (event.kind !== 'push.ended' || retryAfter === undefined) return
      // One that is wrong was complained about, and must not fill the memory.
      if (told.size < 100) told.set(retryAfter, (told.get(retryAfter) ?? 0) + 1)
    },
    conclude() {
      const all = [...told.values()].reduce((sum, times) => sum + times, 0)
      if (all < ENOUGH_TO_DIFFER) return
      for (const [retryAfter, times] of told) {
        const complaint = `${times} of ${all} refused pushes were told Retry-After: ${retryAfter}`
        if (times > all / 2) report('C7', complaint, performance.now())
      }
    },
  }
}

interface Call {
  readonly what: string
  readonly startMs: number
  readonly endMs: number
  readonly withinMs: number
  readonly answer: {
    readonly status: number
    readonly retryAfter?: string
    readonly broken?: 'timeout' | 'reset' | 'not connected'
  }
}

function callOf(event: Event, pushWithinMs: number, scrapeWithinMs: number): Call | undefined {
  if (event.kind === 'push.ended') {
    const { push, answer, endMs } = event
    const what = `a ${push.kind} to replica ${push.replica}`
    return { what, startMs: push.startMs, endMs, withinMs: pushWithinMs, answer }
  }
  if (event.kind !== 'scrape.ended') return undefined
  const { scrape, answer, endMs } = event
  const what = `a scrape of replica ${scrape.replica}`
  return { what, startMs: scrape.startMs, endMs, withinMs: scrapeWithinMs, answer }
}

const recovery = ({ recoverWithinMs }: Fault): number => recoverWithinMs
