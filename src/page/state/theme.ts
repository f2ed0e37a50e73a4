import { effect, signal } from '@preact/signals'

const KEY = 'pgr-theme'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** What was chosen; `auto` is what the system says. */
export const theme = signal<Theme>(remembered())

const systemIsDark = matchMedia('(prefers-color-scheme: dark)')
/** Counts changes of colours, for what is drawn and not styled. */
export const paletteChanges = signal(0)
systemIsDark.addEventListener('change', () => {
  paletteChanges.value++
})

effect(() => {
  document.documentElement.dataset['theme'] = theme.value
  try {
    if (theme.value === 'auto') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme.value)
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
  paletteChanges.value = paletteChanges.peek() + 1
})

function remembered(): Theme {
  try {
    return THEMES.find((each) => each === localStorage.getItem(KEY)) ?? 'auto'
  } catch {
    return 'auto'
  }
}
