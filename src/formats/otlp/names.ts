import { cleanUnit, wordsOf } from './units.ts'

/**
 * Names of OTLP metrics and attributes as Prometheus's OTLP translator spells them, character for character.
 *
 * The strategy says whether characters outside the legacy set are escaped, and whether unit and type become suffixes.
 */
export const STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const

export type TranslationStrategy = (typeof STRATEGIES)[number]

export function isEscaping(strategy: TranslationStrategy): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'UnderscoreEscapingWithoutSuffixes'
}

function addsSuffixes(strategy: TranslationStrategy): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'NoUTF8EscapingWithSuffixes'
}

export interface NamedMetric {
  readonly name: string
  readonly unit: string
  /** `counter` is a monotonic sum. */
  readonly type: 'counter' | 'gauge' | 'other'
}

/** The name of the family; undefined when nothing of the name is left. */
export function translateMetricName(metric: NamedMetric, strategy: TranslationStrategy): string | undefined {
  if (!isEscaping(strategy)) {
    const name = addsSuffixes(strategy) ? withSuffixes(metric) : metric.name
    return name === '' ? undefined : name
  }
  const name = behindDigit(addsSuffixes(strategy) ? escapedWithSuffixes(metric) : escaped(metric.name))
  return name === '' || (name !== metric.name && isOnlyUnderscores(name)) ? undefined : name
}

function escaped(name: string): string {
  return tokens(name, /[^a-zA-Z0-9:_]+/u).join('_')
}

/** Underscores part tokens too, so that those in a row become one and those at either end go. */
function escapedWithSuffixes({ name, unit, type }: NamedMetric): string {
  const parts = withUnit(tokens(name, /[^a-zA-Z0-9:]+/u), unit)
  const suffix = suffixOf(unit, type)
  return (suffix === '' ? parts : [...parts.filter((part) => part !== suffix), suffix]).join('_')
}

function tokens(name: string, separator: RegExp): string[] {
  return name.split(separator).filter((token) => token !== '')
}

/** A unit that the name has already is not added again. */
function withUnit(parts: readonly string[], unit: string): string[] {
  const words = wordsOf(unit)
  const cleanPer = cleanUnit(words.per)
  const per = cleanPer === 'per_' ? '' : newWord(parts, cleanPer.replace(/_$/, ''))
  const main = newWord(parts, cleanUnit(words.main))
  return [...parts, per === '' ? main : main.replace(/_$/, ''), per].filter((part) => part !== '')
}

function newWord(parts: readonly string[], word: string): string {
  return parts.includes(word) ? '' : word
}

/** A ratio is a gauge alone: counters of things often have the unit `1` by mistake. */
function suffixOf(unit: string, type: NamedMetric['type']): string {
  if (type === 'counter') return 'total'
  return type === 'gauge' && unit === '1' ? 'ratio' : ''
}

/** Each suffix goes where the name has it, and comes back in its order: unit, per unit, type. */
function withSuffixes({ name, unit, type }: NamedMetric): string {
  const { main, per } = wordsOf(unit)
  const suffix = suffixOf(unit, type)
  let base = withoutSuffix(withoutSuffix(name, suffix), per)
  if (!base.endsWith(main)) base += `_${main}`
  if (per !== '') base += `_${per}`
  return suffix === '' ? base : `${base}_${suffix}`
}

/** The character in front of the suffix goes with it, whatever it is. */
function withoutSuffix(name: string, suffix: string): string {
  return suffix !== '' && name.endsWith(suffix) && name.length > suffix.length + 1
    ? name.slice(0, -(suffix.length + 1))
    : name
}

/** No name of the legacy set begins with a digit. */
function behindDigit(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name
}

export interface LabelNaming {
  /** False where names are not escaped. */
  readonly isEscaping: boolean
  /** Keep underscores in a row instead of making one of them. */
  readonly keepsUnderscores: boolean
  /** Put `key` before a name that begins with a single underscore. */
  readonly keysUnderscore: boolean
}

/** The name of the label for an attribute with this key; undefined when there is none. */
export function translateLabelName(key: string, naming: LabelNaming): string | undefined {
  const name = naming.isEscaping ? escapedLabelName(key, naming) : key
  return isOnlyUnderscores(name) ? undefined : name
}

function escapedLabelName(key: string, { keepsUnderscores, keysUnderscore }: LabelNaming): string {
  const name = keepsUnderscores ? key.replace(/[^a-zA-Z0-9]/gu, '_') : collapsed(key)
  if (/^\d/.test(name)) return `key_${name}`
  return keysUnderscore && /^_(?!_)/.test(name) ? `key${name}` : name
}

/** Of `__x__`, which is reserved, only what is between. */
function collapsed(key: string): string {
  const reserved = /^__(.*)__$/s.exec(key)?.[1]
  const inner = (reserved ?? key).replace(/[^a-zA-Z0-9]+/gu, '_')
  return reserved === undefined ? inner : `__${inner}__`
}

/** An empty one as well. */
function isOnlyUnderscores(name: string): boolean {
  return /^_*$/.test(name)
}
