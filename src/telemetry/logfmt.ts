/**
 * logfmt: `key=value` pairs on one line, values quoted when they need it. Done here rather than in a pino transport: a
 * transport is a worker thread that writes to a file descriptor, which a test cannot hand a stream, which may lose the
 * last lines of a crash, and which leaves control characters as they are.
 */
export function formatLogfmt(fields: Iterable<readonly [key: string, value: unknown]>): string {
  let line = ''
  for (const [key, value] of fields) {
    if (value === undefined) continue
    line += `${line === '' ? '' : ' '}${formatKey(key)}=${formatValue(value)}`
  }
  return line
}

function formatKey(key: string): string {
  return key.replace(/[^\w.-]/g, '_')
}

const PLAIN = /^[\w./:+@%,;()[\]{}|~!?*<>#&$^-]+$/

function formatValue(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return PLAIN.test(text) ? text : quote(text)
}

/** As JSON, and with every character escaped that ends a line or steers a terminal. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
