const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Prometheus' units, largest first; a year has 365 days. */
const UNITS = [
  ['y', 365 * DAY_MS],
  ['w', 7 * DAY_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
  ['ms', 1],
] as const

/** Longer spellings cannot mean a duration anybody wants and are not looked at. */
const MAX_LENGTH = 64

const PROMETHEUS = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const GO = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|m|s|ms|us|µs|μs|ns))+$/
const GO_PART = /(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)/g

const GO_UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
  ['ms', 1],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ns', 1e-6],
])

/**
 * Milliseconds, a whole number, that a duration in Prometheus' spelling (`90s`, `1h30m`, `1y`: whole numbers, every unit
 * at most once, largest first) or in Go's (`1.5h`, `250ms`) stands for; `undefined` when it is neither, is negative or
 * is too large to be exact. `0` needs no unit. What is above zero but below a millisecond is `undefined` too: rounding
 * it to zero would turn it into "never" where zero means that.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (text === '' || text.length > MAX_LENGTH) return undefined
  const ms = parsePrometheus(text) ?? parseGo(text)
  return ms !== undefined && Number.isSafeInteger(ms) ? ms : undefined
}

function parsePrometheus(text: string): number | undefined {
  const counts = PROMETHEUS.exec(text)
  if (counts === null) return undefined
  return UNITS.reduce((sum, [, unitMs], at) => sum + Number(counts[at + 1] ?? 0) * unitMs, 0)
}

function parseGo(text: string): number | undefined {
  if (!GO.test(text)) return undefined
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(GO_PART)) ms += Number(count) * (GO_UNIT_MS.get(unit) ?? 0)
  const whole = Math.round(ms)
  return whole === 0 && ms > 0 ? undefined : whole
}

/**
 * The shortest Prometheus spelling without years and weeks, which people do not read exactly: `90m` is `1h30m`, zero is
 * `0s`. `ms` is a whole number of milliseconds, not negative; reading the text back gives it again.
 */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let text = ''
  let rest = ms
  for (const [name, unitMs] of UNITS) {
    if (name === 'y' || name === 'w') continue
    const count = Math.floor(rest / unitMs)
    if (count > 0) text += `${count}${name}`
    rest -= count * unitMs
  }
  return text
}
