const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Text for between quotes: backslash, quote and line feed are escaped. */
export function escapeValue(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH || code === QUOTE || code === LF) return escapeAll(text).replaceAll('"', '\\"')
  }
  return text
}

/** Text of a HELP line: backslash and line feed are escaped. */
export function escapeHelp(text: string): string {
  return text.includes('\\') || text.includes('\n') ? escapeAll(text) : text
}

function escapeAll(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
