import { computed, signal } from '@preact/signals'
import type { Failure } from '../api/ask.ts'
import type { Status } from '../api/types.ts'
import { startPoll, viewFailure } from './poll.ts'
import { addReading, type Reading, readCounters } from './rates.ts'

const EVERY_MS = 2000

export const status = signal<Status | undefined>(undefined)
const failure = signal<Failure | undefined>(undefined)

/** The counters of the last minutes, for rates. */
export const readings = signal<readonly Reading[]>([])

export interface Outage {
  readonly kind: 'unreachable' | 'away'
  readonly reason: string
}

/** Something that keeps the gateway from serving; undefined while all is well or nothing is known. */
export const outage = computed((): Outage | undefined => {
  if (failure.value !== undefined) {
    const { kind, message } = failure.value
    return { kind: kind === 'away' ? 'away' : 'unreachable', reason: message }
  }
  const store = status.value?.store
  if (store !== undefined && !store.ready)
    return { kind: 'away', reason: store.reason ?? 'the store does not say why' }
  const other = viewFailure.value
  if (other?.kind === 'away' || other?.kind === 'unreachable')
    return { kind: other.kind, reason: other.message }
  return undefined
})

/** Asks how the gateway is for as long as the page is open. */
export function watchStatus(): void {
  startPoll<Status>('api/v1/status', EVERY_MS, (answer) => {
    failure.value = answer.ok ? undefined : answer.failure
    if (!answer.ok) return
    status.value = answer.data
    const { counters } = answer.data
    if (counters !== undefined)
      readings.value = addReading(readings.peek(), readCounters(counters, Date.now()))
  })
}

/** A path that a setting moves. */
export function pathSet(flag: string, usual: string): string {
  return status.value?.settings?.find((each) => each.flag === flag)?.value ?? usual
}
