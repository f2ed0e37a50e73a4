import { type Fault, happenedDuring } from '../history.ts'
import type { Report, Rule } from './rule.ts'

export interface Recovery extends Rule {
  /** The longest of the times from a repair to the first acknowledgement; undefined when none was repaired. */
  firstAckMs(): number | undefined
}

/**
 * C9: pushes and scrapes fail only because of a fault that allows it, and no longer than `recoverWithinMs` after its
 * repair; within that time a push is acknowledged.
 */
export function requireRecovery(faults: readonly Fault[], report: Report): Recovery {
  const waiting = new Set<Fault>()
  let longestMs: number | undefined

  function acknowledge(endMs: number): void {
    for (const fault of waiting) {
      waiting.delete(fault)
      const tookMs = Math.max(0, endMs - fault.toMs)
      longestMs = Math.max(longestMs ?? 0, tookMs)
      if (tookMs > fault.recoverWithinMs) late(fault, `came ${Math.round(tookMs)} ms`, endMs)
    }
  }

  function late({ name, recoverWithinMs }: Fault, came: string, atMs: number): void {
    report('C9', `the first acknowledgement ${came} after ${name}, allowed are ${recoverWithinMs} ms`, atMs)
  }

  function fail(what: string, startMs: number, endMs: number): void {
    const isExcused = happenedDuring(
      faults,
      { startMs, endMs },
      ({ mayRefuse }) => mayRefuse,
      ({ recoverWithinMs }) => recoverWithinMs,
    )
    if (!isExcused) report('C9', `${what} failed without a cause`, startMs)
  }

  return {
    firstAckMs: () => longestMs,
    see(event) {
      if (event.kind === 'fault.ended') waiting.add(event.fault)
      if (event.kind === 'push.ended') {
        const { push, answer, endMs } = event
        if (answer.outcome === 'ok') acknowledge(endMs)
        else if (answer.status === 503 || answer.status === 0)
          fail(`a ${push.kind} to replica ${push.replica}`, push.startMs, endMs)
      }
      if (event.kind === 'scrape.ended' && event.answer.status !== 200)
        fail(`a scrape of replica ${event.scrape.replica}`, event.scrape.startMs, event.endMs)
    },
    conclude() {
      for (const fault of waiting) late(fault, 'never came', fault.toMs)
    },
  }
}
