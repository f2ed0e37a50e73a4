import type { HistoryCause, Tell } from '../../telemetry/events.ts'
import type { StoreLosses } from '../store.ts'

/** Counts what is told of losses, on its way to whoever is told. */
export function makeLosses(tell: Tell): { readonly tell: Tell; report(): StoreLosses } {
  let history = 0
  let lostWrites = 0
  let resubmittedWrites = 0
  let last: { lastAtMs: number; cause: HistoryCause } | undefined
  return {
    tell(event) {
      if (event.kind === 'store.history') {
        history++
        last = { lastAtMs: Date.now(), cause: event.cause }
      } else if (event.kind === 'store.mend') {
        lostWrites += event.lost
        resubmittedWrites += event.resubmitted
      }
      tell(event)
    },
    report: () => ({ history, lostWrites, resubmittedWrites, ...last }),
  }
}
