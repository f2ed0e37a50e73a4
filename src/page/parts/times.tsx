import { nowMs } from '../state/clock.ts'
import { showAgo, showInstant, showLeft } from './format.ts'

/** How long ago; the instant itself on hover. */
export function Ago({ at, never = 'never' }: { readonly at: string | null; readonly never?: string }) {
  if (at === null) return <span class="muted">{never}</span>
  return (
    <time dateTime={at} title={showInstant(at)}>
      {showAgo(nowMs.value - Date.parse(at))}
    </time>
  )
}

const SOON_MS = 60_000

/** What is left, counted down. */
export function Countdown({ until }: { readonly until: string | null }) {
  if (until === null) return <span class="muted">never</span>
  const leftMs = Date.parse(until) - nowMs.value
  return (
    <time dateTime={until} title={showInstant(until)} class={leftMs < SOON_MS ? 'soon' : undefined}>
      {showLeft(leftMs)}
    </time>
  )
}
