/** Longest piece of a body that a message repeats. */
const SHOWN_LENGTH = 100

const UNPRINTABLE = /["\\]|(?! )[\p{C}\p{Z}]/gu

const SHORT_ESCAPES = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
])

/** A string as Go's `%q` shows it, which is what tools that read these messages know; shortened when long. */
export function quoteGo(text: string): string {
  const isLong = text.length > SHOWN_LENGTH
  const shown = isLong ? text.slice(0, SHOWN_LENGTH) : text
  return `"${shown.replace(UNPRINTABLE, escapeGo)}"${isLong ? '...' : ''}`
}

/** A character as Go's `%q` shows it. */
export function quoteGoByte(char: string): string {
  return char === "'" ? "'\\''" : `'${char === '"' ? char : char.replace(UNPRINTABLE, escapeGo)}'`
}

function escapeGo(char: string): string {
  const short = SHORT_ESCAPES.get(char)
  if (short !== undefined) return short
  const hex = (char.codePointAt(0) as number).toString(16)
  if (hex.length <= 2) return hex.length === 2 && hex > '7f' ? `\\u00${hex}` : `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
