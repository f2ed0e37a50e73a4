const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const whole = new Intl.NumberFormat('en-GB')
const short = new Intl.NumberFormat('en-GB', { maximumSignificantDigits: 3 })

export function showCount(n: number): string {
  return whole.format(n)
}

export function showRate(perSecond: number): string {
  return perSecond >= 1000 ? whole.format(Math.round(perSecond)) : short.format(perSecond)
}

export function showShare(part: number, all: number): string {
  if (all === 0) return '–'
  const percent = (100 * part) / all
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(1)} %`
}

/** One thing, or so many of them. */
export function countOf(n: number, one: string, many = `${one}s`): string {
  return `${showCount(n)} ${n === 1 ? one : many}`
}

/** How long ago, in its largest unit. Clocks differ: what seems to come is now. */
export function showAgo(ms: number): string {
  if (ms < 2 * SECOND) return 'just now'
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ago`
  return `${Math.floor(ms / DAY)} d ago`
}

/** What is left, in its two largest units, rounded up so that 0 means over. */
export function showLeft(ms: number): string {
  const all = Math.ceil(ms / SECOND) * SECOND
  if (all <= 0) return 'expired'
  const part = (unit: number, within: number): string => String(Math.floor((all % within) / unit))
  if (all < MINUTE) return `${all / SECOND} s`
  if (all < HOUR) return `${part(MINUTE, HOUR)} min ${part(SECOND, MINUTE).padStart(2, '0')} s`
  if (all < DAY) return `${part(HOUR, DAY)} h ${part(MINUTE, HOUR).padStart(2, '0')} min`
  return `${Math.floor(all / DAY)} d ${part(HOUR, DAY)} h`
}

/** An instant in the reader's own time zone, to the second, with the zone's name. */
export function showInstant(iso: string): string {
  return new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function showBytes(bytes: number): string {
  const unit = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${short.format(bytes / 1024 ** unit)} ${UNITS[unit]}`
}

/** What a store says of itself; the name tells the unit of a number. */
export function showFact(name: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (/memory|bytes/.test(name)) return showBytes(value)
  if (name.endsWith('_seconds')) return showLeft(value * SECOND)
  return showCount(value)
}

/** Labels as Prometheus writes them. */
export function showLabels(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`
}

/** Text as one word of a shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
