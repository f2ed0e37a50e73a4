/**
 * OTLP units (UCUM) as Prometheus spells them (OpenTelemetry, Prometheus compatibility, "Metric Metadata"). The words are
 * those of Prometheus's own translator, also where the specification has others (`tibibytes`).
 */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['d', 'days'],
  ['h', 'hours'],
  ['min', 'minutes'],
  ['s', 'seconds'],
  ['ms', 'milliseconds'],
  ['us', 'microseconds'],
  ['ns', 'nanoseconds'],
  ['By', 'bytes'],
  ['KiBy', 'kibibytes'],
  ['MiBy', 'mebibytes'],
  ['GiBy', 'gibibytes'],
  ['TiBy', 'tibibytes'],
  ['KBy', 'kilobytes'],
  ['MBy', 'megabytes'],
  ['GBy', 'gigabytes'],
  ['TBy', 'terabytes'],
  ['m', 'meters'],
  ['V', 'volts'],
  ['A', 'amperes'],
  ['J', 'joules'],
  ['W', 'watts'],
  ['g', 'grams'],
  ['Cel', 'celsius'],
  ['Hz', 'hertz'],
  ['1', ''],
  ['%', 'percent'],
])

/** Behind "per". */
const WORDS_PER: ReadonlyMap<string, string> = new Map([
  ['s', 'second'],
  ['m', 'minute'],
  ['h', 'hour'],
  ['d', 'day'],
  ['w', 'week'],
  ['mo', 'month'],
  ['y', 'year'],
])

/** The two parts of a unit, each empty when there is none; the second begins with `per_`. */
export interface UnitWords {
  readonly main: string
  readonly per: string
}

/** A part in braces is an annotation and means nothing; one that is not known is its own word. */
export function wordsOf(unit: string): UnitWords {
  const slash = unit.indexOf('/')
  const main = plain(slash === -1 ? unit : unit.slice(0, slash))
  const per = slash === -1 ? '' : plain(unit.slice(slash + 1))
  const perWord = WORDS_PER.get(per) ?? per
  return { main: WORDS.get(main) ?? main, per: perWord === '' ? '' : `per_${perWord}` }
}

function plain(part: string): string {
  return /[{}]/.test(part) ? '' : part.trim()
}

/** In the characters of a metric name, no two underscores in a row and none in front. */
export function cleanUnit(word: string): string {
  return word.replace(/[^a-zA-Z0-9:]+/gu, '_').replace(/^_/, '')
}

/** The unit as Prometheus keeps it beside the metric: `By/s` is `bytes_per_second`. */
export function translateUnit(unit: string): string {
  const { main, per } = wordsOf(unit)
  return [cleanUnit(main), cleanUnit(per)]
    .filter((word) => word !== '')
    .join('_')
    .replace(/^_/, '')
    .replace(/_$/, '')
}
