import type { Sighting } from '../book.ts'
import type { Event } from '../history.ts'
import type { Write } from '../write.ts'

export const RULES = {
  C1: 'what was acknowledged is in every page asked for later',
  C2: 'a group is shown whole, and of one push',
  C3: 'what a page showed never goes back',
  C4: 'what was sent is applied once, what was refused not at all',
  C5: 'data is shown until its time is over, and not after it',
  C6: 'when all is quiet every replica shows the same bytes',
  C7: 'every answer is one that was promised, and comes in time',
  C8: 'memory stays bounded',
  C9: 'nothing fails without a cause, and all works soon after the repair',
  C10: 'the gateways count the writes that were lost',
} as const

export type RuleName = keyof typeof RULES

/** To be called with what was seen, once per finding; `atMs` is when. */
export type Report = (rule: RuleName, finding: string, atMs: number) => void

/** Follows the events; `conclude` is called once after the last of them. */
export interface Rule {
  see(event: Event): void
  conclude?(): void
}

/** Judges what one page shows of one unit. */
export type PageRule = (sighting: Sighting) => void

export function nameOf({ writer, seq }: { readonly writer: number; readonly seq: number }): string {
  return `${writer}:${seq}`
}

/** How findings of pages begin: where and by what it was seen. */
export function whereOf({ unit, scrape, shown }: Sighting): string {
  const what = shown === undefined ? 'nothing' : nameOf(shown)
  return `replica ${scrape.replica} shows ${what} of ${unit}`
}

/** Whether an earlier scrape showed it before this one began. */
export function wasSeen(write: Write, { scrape }: Sighting): boolean {
  return write.seenMs < scrape.startMs
}

export function wasAcknowledged(write: Write, { scrape }: Sighting): boolean {
  return write.ackMs < scrape.startMs
}
