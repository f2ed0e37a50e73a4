const SPECIAL = /["\\\n]/

/** Text for between quotes: backslash, quote and line feed are escaped. */
export function escapeValue(text: string): string {
  return SPECIAL.test(text) ? escapeAll(text).replaceAll('"', '\\"') : text
}

/** Text of a HELP line: backslash and line feed are escaped. */
export function escapeHelp(text: string): string {
  return text.includes('\\') || text.includes('\n') ? escapeAll(text) : text
}

function escapeAll(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
