import { computed, signal } from '@preact/signals'

const local = signal(Date.now())
const offsetMs = signal(0)

/** Moves of the offset below this are the network's. */
const JITTER_MS = 1500

const tick = (): void => {
  local.value = Date.now()
}
setInterval(tick, 1000)
document.addEventListener('visibilitychange', tick)

/** Unix milliseconds by the store's clock, second by second: what countdowns go by. */
export const nowMs = computed(() => local.value + offsetMs.value)

/** Takes the store's clock from an answer that was just given. */
export function setStoreClock(iso: string | undefined): void {
  const ms = Date.parse(iso ?? '')
  if (Number.isNaN(ms)) return
  const offset = ms - Date.now()
  if (Math.abs(offset - offsetMs.peek()) > JITTER_MS) offsetMs.value = offset
}
