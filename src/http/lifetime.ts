import { PgrError } from '../errors/pgr-error.ts'
import { formatDuration, parseDuration } from '../model/duration.ts'

/** Header and query parameter a push asks for its lifetime with; both, if they agree. */
export const TTL_HEADER = 'x-pgr-ttl'
const TTL_QUERY = 'ttl'

/**
 * The lifetime a push asks for in milliseconds, 0 = never; `undefined` when it asks for none. `query` is what follows
 * the question mark, as sent. Throws PGR_TTL_INVALID when it cannot be read, is asked for differently in two places or
 * is over `maxMs`, which never is whenever there is a limit (`maxMs` > 0).
 */
export function readTtl(
  header: string | string[] | undefined,
  query: string,
  maxMs: number,
): number | undefined {
  if (header === undefined && query === '') return undefined
  const given = [...asList(header), ...new URLSearchParams(query).getAll(TTL_QUERY)]
  const [first, ...others] = given.map((text) => ({ text, ms: parse(text) }))
  if (first === undefined) return undefined
  const other = others.find(({ ms }) => ms !== first.ms)
  if (other !== undefined) {
    throw new PgrError(
      'PGR_TTL_INVALID',
      `the push asks for two lifetimes, ${show(first.text)} and ${show(other.text)}; give one, as header X-Pgr-TTL or as query ttl`,
    )
  }
  assertAllowed(first.ms, maxMs)
  return first.ms
}

/** Repeats of a header arrive as one text with commas, or as a list. */
function asList(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  const texts = typeof header === 'string' ? header.split(',') : header
  return texts.map((text) => text.trim())
}

function parse(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw new PgrError(
    'PGR_TTL_INVALID',
    `the lifetime ${show(text)} is not a duration; write it like 90s, 15m or 1h30m, or 0 for never`,
  )
}

function assertAllowed(ms: number, maxMs: number): void {
  if (maxMs === 0 || (ms !== 0 && ms <= maxMs)) return
  const asked = ms === 0 ? '0 (never)' : formatDuration(ms)
  throw new PgrError(
    'PGR_TTL_INVALID',
    `the lifetime ${asked} is over the longest allowed, ${formatDuration(maxMs)}; ask for less or raise push.max-ttl`,
  )
}

function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
