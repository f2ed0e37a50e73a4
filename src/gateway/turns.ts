import { PgrError } from '../errors/pgr-error.ts'

/** Worked in one go before everything else of the process gets its turn. */
const TURN_MS = 5
/** Readers that may wait for those before them. */
const MOST_WAITING = 64

/** What to call between two steps of long work: undefined while the turn lasts, else a promise to wait for. */
export type Turn = () => Promise<void> | undefined

/**
 * Begins a turn. Work that goes through all that is stored is cut by it, so that no push waits for the end of it. From
 * `deadlineMs` (performance.now) on there are no more turns: what is waited for rejects with PGR_OVERLOADED.
 */
export function takeTurns(deadlineMs: number): Turn {
  let until = performance.now() + TURN_MS
  return () => {
    if (performance.now() < until) return undefined
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        const nowMs = performance.now()
        until = nowMs + TURN_MS
        if (nowMs < deadlineMs) resolve()
        else reject(overloaded('going through what is stored took too long; ask for less'))
      })
    })
  }
}

/** Does one piece of work after another; `deadlineMs` (performance.now) is when one need not begin any more. */
export type Lane = <T>(deadlineMs: number, work: () => Promise<T>) => Promise<T>

/**
 * Lets long work in one at a time: side by side, each would take a turn before a push gets its own. Rejects with
 * PGR_OVERLOADED when too much waits already, or when it is too late to begin.
 */
export function makeLane(mostWaiting = MOST_WAITING): Lane {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  return async (deadlineMs, work) => {
    if (waiting >= mostWaiting) throw overloaded(QUEUED)
    waiting++
    const own = last.then(() => {
      if (performance.now() > deadlineMs) throw overloaded(QUEUED)
      return work()
    })
    last = own.catch(() => undefined)
    try {
      return await own
    } finally {
      waiting--
    }
  }
}

const QUEUED = 'too many listings of what is stored wait for each other; try again'

function overloaded(message: string): PgrError {
  return new PgrError('PGR_OVERLOADED', message)
}
