import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

export interface Patience {
  /** When to give up. */
  readonly deadlineMs?: number
  readonly intervalMs?: number
}

const DEFAULT_DEADLINE_MS = 10_000
const DEFAULT_INTERVAL_MS = 50

/**
 * Asks until `isGood` says yes, and returns that answer. Fails with the last answer, or the last error, once the deadline
 * has passed. An answer that fails to come is asked for again.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  isGood: (answer: Awaited<T>) => boolean = Boolean,
  { deadlineMs = DEFAULT_DEADLINE_MS, intervalMs = DEFAULT_INTERVAL_MS }: Patience = {},
): Promise<Awaited<T>> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    let last: string
    try {
      const answer = await ask()
      if (isGood(answer)) return answer
      last = `last seen: ${inspect(answer, { depth: 6, maxStringLength: 4000 })}`
    } catch (reason) {
      last = `last error: ${reason instanceof Error ? reason.message : String(reason)}`
    }
    if (performance.now() >= endMs) throw new Error(`${what}: not within ${deadlineMs} ms; ${last}`)
    await sleep(intervalMs)
  }
}

/** Polls an assertion until it holds; fails with its own failure once the deadline has passed. */
export async function eventuallyHolds(
  assertion: () => void | Promise<void>,
  { deadlineMs = DEFAULT_DEADLINE_MS, intervalMs = DEFAULT_INTERVAL_MS }: Patience = {},
): Promise<void> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    try {
      return await assertion()
    } catch (reason) {
      if (performance.now() >= endMs) throw reason
    }
    await sleep(intervalMs)
  }
}
