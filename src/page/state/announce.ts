import { signal } from '@preact/signals'

const SHOWN_MS = 6000

/** What was just done, for eyes and for screen readers. */
export const announcement = signal('')

let timer: ReturnType<typeof setTimeout> | undefined

export function announce(text: string): void {
  announcement.value = text
  clearTimeout(timer)
  timer = setTimeout(() => {
    announcement.value = ''
  }, SHOWN_MS)
}
