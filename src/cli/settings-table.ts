import type { ShownSetting } from '../config/show.ts'

/** Settings for the eye: name, value and origin in columns, one line each. */
export function settingsTable(settings: readonly ShownSetting[]): string {
  const nameWidth = Math.max(...settings.map(({ flag }) => flag.length))
  const valueWidth = Math.max(...settings.map(({ text }) => Math.min(text.length, 40)))
  return settings
    .map(({ flag, text, from, origin }) => {
      const whence = from === 'default' ? from : `${from} ${origin}`
      return `${flag.padEnd(nameWidth)}  ${text.padEnd(valueWidth)}  (${whence})\n`
    })
    .join('')
}
