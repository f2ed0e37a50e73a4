import { formatDuration } from '../model/duration.ts'
import type { Cell } from './table.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** An instant in the past: for people how long ago, for programs itself; `none` when there is none. */
export function agoCell(instant: string | null, now: string, none = 'never'): Cell {
  const ms = instant === null ? Number.NaN : Date.parse(now) - Date.parse(instant)
  return Number.isNaN(ms)
    ? { raw: '', shown: none }
    : { raw: instant ?? '', shown: `${shortDuration(ms)} ago` }
}

/** An instant to come: for people how long until then. */
export function untilCell(
  instant: string | null,
  now: string,
  { soonMs }: { readonly soonMs: number },
): Cell {
  const ms = instant === null ? Number.NaN : Date.parse(instant) - Date.parse(now)
  if (Number.isNaN(ms)) return { raw: '', shown: 'never' }
  return {
    raw: instant ?? '',
    shown: ms <= 0 ? 'now' : `in ${shortDuration(ms)}`,
    ...(ms < soonMs ? { paint: 'yellow' as const } : {}),
  }
}

/** As exact as anybody wants it: `42s`, `3m10s`, `5h2m`, `12d`. */
export function shortDuration(ms: number): string {
  const whole = Math.max(0, ms)
  const step =
    whole < HOUR_MS ? SECOND_MS : whole < DAY_MS ? MINUTE_MS : whole < 10 * DAY_MS ? HOUR_MS : DAY_MS
  return formatDuration(Math.floor(whole / step) * step)
}
