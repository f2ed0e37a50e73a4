import type { Fault, Scrape } from './history.ts'
import type { Write } from './write.ts'

/** What the faults so far allow to happen to a write. */

function concerns(fault: Fault, write: Write): boolean {
  if (!fault.mayLose && fault.mayHideForMs === undefined) return false
  return write.startMs <= fault.toMs && write.untilMs >= fault.fromMs - fault.lossReachMs
}

function hiddenUntil(fault: Fault): number {
  return fault.toMs + (fault.mayHideForMs ?? 0)
}

/** Pages that may show what a fault brought back, or applied anew. */
export function isShaken(faults: readonly Fault[], write: Write): boolean {
  return faults.some((fault) => concerns(fault, write))
}

/**
 * What it means that a page lacks a write: it may come back, it is gone for good as a fault allows, or nothing allows it.
 */
export function meaningOfAbsence(
  faults: readonly Fault[],
  write: Write,
  { startMs }: Scrape,
  endMs: number,
): 'hidden' | 'lost' | 'gone' {
  let meaning: 'lost' | 'gone' = 'gone'
  for (const fault of faults) {
    if (!concerns(fault, write) || endMs < fault.fromMs) continue
    if (startMs <= hiddenUntil(fault)) return 'hidden'
    if (fault.mayLose) meaning = 'lost'
  }
  return meaning
}

/** Whether a fault may have lost a write, which no page that was made after the fault has shown. */
export function isUncertain(faults: readonly Fault[], write: Write): boolean {
  return faults.some(
    (fault) => fault.mayLose && concerns(fault, write) && write.lastSeenMs <= hiddenUntil(fault),
  )
}
