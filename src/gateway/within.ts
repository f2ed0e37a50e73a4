import { PgrError } from '../errors/pgr-error.ts'

/**
 * Waits for `work` no longer than until `deadlineMs` (performance.now), then rejects with PGR_STORE_UNAVAILABLE and the
 * message `late`. The work goes on, and nobody hears of its end.
 */
export function within<T>(work: Promise<T>, deadlineMs: number, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new PgrError('PGR_STORE_UNAVAILABLE', late))
    const timer = setTimeout(giveUp, Math.max(0, deadlineMs - performance.now()))
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
