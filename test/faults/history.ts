import type { Page } from './tokens.ts'

/**
 * What happened while gateways were driven and broken, as data. Times are of `performance.now()`.
 *
 * Events are handed on as they come and not kept: half an hour of them would not fit. Faults are kept, because what a
 * page may lack is decided by the faults before it.
 */

/** `add` is a write whose effects sum up, by 1; the others replace or remove. */
export type Kind = 'put' | 'post' | 'delete' | 'wipe' | 'ingest' | 'add'

/** One attempt; a token that is sent again is another push of the same token. */
export interface Push {
  readonly replica: number
  readonly writer: number
  readonly seq: number
  /** `<job>/<name>`; empty for a wipe. */
  readonly unit: string
  readonly kind: Kind
  /** 0 is for ever. */
  readonly ttlMs: number
  readonly startMs: number
}

export interface Answer {
  /** `refused` promises that nothing ran; a 503 does not. */
  readonly outcome: 'ok' | 'refused' | 'unknown'
  /** 0 when there was none. */
  readonly status: number
  readonly retryAfter?: string
  /** How a call without an answer ended. */
  readonly broken?: 'timeout' | 'reset' | 'not connected'
}

export interface Scrape {
  readonly replica: number
  readonly startMs: number
}

export interface ScrapeAnswer extends Pick<Answer, 'status' | 'retryAfter' | 'broken'> {
  /** Given with status 200. */
  readonly page?: Page
  /** Of the bytes before compression. */
  readonly digest?: string
}

/** What a gateway tells of itself; counters since its start. */
export interface Reading {
  readonly lostWrites: number
  readonly resubmittedWrites: number
  readonly historyLosses: number
  readonly residentBytes: number
}

/** What may happen because of a fault that would be a violation without it. */
export interface Excuses {
  /** Redis may forget what it acknowledged from `lossReachMs` before the fault began until it ended. */
  readonly mayLose: boolean
  /** Infinite when everything stored may go. */
  readonly lossReachMs: number
  /**
   * What was acknowledged in that time may be missing from pages that are asked for up to so long after the end.
   * Undefined: nothing may be missing unless it may be lost.
   */
  readonly mayHideForMs?: number
  /** Pushes and scrapes may fail, and have to succeed again so long after the end. */
  readonly mayRefuse: boolean
  readonly recoverWithinMs: number
  /** Gateways may break connections or not accept them. */
  readonly mayReset: boolean
  /** Gateways may answer late. */
  readonly mayStall: boolean
}

export interface Fault extends Excuses {
  readonly name: string
  readonly fromMs: number
  /** When it was repaired; infinite while it lasts. */
  readonly toMs: number
}

export type Event =
  | { readonly kind: 'push.sent'; readonly push: Push }
  | { readonly kind: 'push.ended'; readonly push: Push; readonly answer: Answer; readonly endMs: number }
  | { readonly kind: 'scrape.sent'; readonly scrape: Scrape }
  | {
      readonly kind: 'scrape.ended'
      readonly scrape: Scrape
      readonly answer: ScrapeAnswer
      readonly endMs: number
    }
  | { readonly kind: 'fault.began'; readonly fault: Fault }
  | { readonly kind: 'fault.ended'; readonly fault: Fault }
  | {
      readonly kind: 'reading'
      readonly replica: number
      readonly reading: Reading
      readonly atMs: number
    }
  /** Nothing is written any more; the last page of every replica, in their order. */
  | { readonly kind: 'quiesced'; readonly pages: readonly ScrapeAnswer[]; readonly atMs: number }

export type Listener = (event: Event) => void

export interface RunningFault {
  readonly fault: Fault
  /** To be called when it is repaired; further calls do nothing. */
  end(): void
}

export interface History {
  readonly startMs: number
  readonly faults: readonly Fault[]
  listen(listener: Listener): void
  record(event: Event): void
  beginFault(name: string, excuses?: Partial<Excuses>): RunningFault
}

/** A fault that excuses nothing: everything has to go on as if it were not there. */
const NO_EXCUSES: Excuses = {
  mayLose: false,
  lossReachMs: 0,
  mayRefuse: false,
  recoverWithinMs: 3000,
  mayReset: false,
  mayStall: false,
}

export function makeHistory(): History {
  const listeners: Listener[] = []
  const faults: Fault[] = []
  const record = (event: Event): void => {
    for (const listener of listeners) listener(event)
  }
  return {
    startMs: performance.now(),
    faults,
    record,
    listen: (listener) => void listeners.push(listener),
    beginFault(name, excuses = {}) {
      const fault = {
        ...NO_EXCUSES,
        ...excuses,
        name,
        fromMs: performance.now(),
        toMs: Number.POSITIVE_INFINITY,
      }
      faults.push(fault)
      record({ kind: 'fault.began', fault })
      return {
        fault,
        end() {
          if (fault.toMs !== Number.POSITIVE_INFINITY) return
          fault.toMs = performance.now()
          record({ kind: 'fault.ended', fault })
        },
      }
    },
  }
}

/** Whether a call happened while a fault of which `isExcused` holds was on, or up to `afterMs` after it. */
export function happenedDuring(
  faults: readonly Fault[],
  call: { readonly startMs: number; readonly endMs: number },
  isExcused: (fault: Fault) => boolean,
  afterMs: (fault: Fault) => number = () => 0,
): boolean {
  return faults.some(
    (fault) => isExcused(fault) && call.endMs >= fault.fromMs && call.startMs <= fault.toMs + afterMs(fault),
  )
}
