/** An instant in milliseconds as text; null for never (0) and for what is no instant. */
export function isoTime(unixMs: number): string | null {
  const date = new Date(unixMs)
  return unixMs === 0 || Number.isNaN(date.getTime()) ? null : date.toISOString()
}
