import type { Family, FamilyType, MetricBase } from '../model/family.ts'

/** Something that works and should be otherwise, by the conventions of Prometheus. */
export interface LintProblem {
  readonly metric: string
  /** Stable, for scripts. */
  readonly rule: LintRule
  /** What is wrong and what would be right. */
  readonly message: string
}

export type LintRule =
  | 'help'
  | 'base-unit'
  | 'abbreviated-unit'
  | 'counter-total'
  | 'reserved-suffix'
  | 'reserved-label'
  | 'type-in-name'
  | 'colon'
  | 'camel-case'

/** What is wrong with these families, in their order; nothing for most. */
export function lint(families: readonly Family[]): LintProblem[] {
  return families.flatMap((family) =>
    [...problemsOf(family)].map(([rule, message]) => ({ metric: family.name, rule, message })),
  )
}

const TYPE_WORD = /_(counter|gauge|histogram|summary)(?:_|$)/i

type Found = readonly [rule: LintRule, message: string]

function* problemsOf(family: Family): Generator<Found> {
  const { name, help } = family
  if (help === '') yield ['help', `has no help text: add a line # HELP ${name} …`]
  yield* unitProblems(name)
  yield* typeProblems(name, family.type)
  const typeWord = TYPE_WORD.exec(name)?.[1]
  if (typeWord !== undefined)
    yield ['type-in-name', `has the type ${typeWord} in its name: leave that to # TYPE`]
  if (name.includes(':')) yield ['colon', 'has a colon, which is left to recording rules: use _']
  if (/[a-z][A-Z]/.test(name)) yield ['camel-case', 'is in camelCase: write it in snake_case']
  yield* labelProblems(family)
}

/** The unit that a quantity is measured in, by what else people measure it in. */
const BASE_UNITS: ReadonlyMap<string, string> = new Map([
  ['amperes', 'amperes'],
  ['bytes', 'bytes'],
  ['celsius', 'celsius'],
  ['grams', 'grams'],
  ['joules', 'joules'],
  ['kelvin', 'kelvin'],
  ['meters', 'meters'],
  ['metres', 'metres'],
  ['seconds', 'seconds'],
  ['volts', 'volts'],
  ['minutes', 'seconds'],
  ['hours', 'seconds'],
  ['days', 'seconds'],
  ['weeks', 'seconds'],
  ['kelvins', 'kelvin'],
  ['fahrenheit', 'celsius'],
  ['rankine', 'celsius'],
  ['inches', 'meters'],
  ['yards', 'meters'],
  ['miles', 'meters'],
  ['bits', 'bytes'],
  ['calories', 'joules'],
  ['pounds', 'grams'],
  ['ounces', 'grams'],
])
const PREFIX =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mebi|giga|gibi|tera|tebi|peta|pebi)/
const ABBREVIATED = /_(?:s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(?:_|$)/i

function* unitProblems(name: string): Generator<Found> {
  for (const word of name.split('_')) {
    const base = BASE_UNITS.get(word) ?? BASE_UNITS.get(word.replace(PREFIX, ''))
    if (base === undefined || base === word) continue
    yield ['base-unit', `is measured in ${word}: use the base unit ${base}`]
    break
  }
  if (ABBREVIATED.test(name)) yield ['abbreviated-unit', 'abbreviates a unit: write it out']
}

function* typeProblems(name: string, type: FamilyType): Generator<Found> {
  if (type === 'unknown' || type === 'info' || type === 'stateset') return
  const isHistogram = type === 'histogram' || type === 'gaugehistogram'
  const endsInTotal = name.endsWith('_total')
  if (type === 'counter' && !endsInTotal)
    yield ['counter-total', 'is a counter: its name should end in _total']
  if (type !== 'counter' && endsInTotal)
    yield ['counter-total', `is a ${type}: names that end in _total are for counters`]
  if (!isHistogram && name.endsWith('_bucket'))
    yield ['reserved-suffix', `is a ${type}: names that end in _bucket are for histograms`]
  const suffix = /_(?:count|sum)$/.exec(name)?.[0]
  if (!isHistogram && type !== 'summary' && suffix !== undefined)
    yield ['reserved-suffix', `is a ${type}: names that end in ${suffix} are for histograms and summaries`]
}

function* labelProblems(family: Family): Generator<Found> {
  const metrics: readonly MetricBase[] = family.metrics
  const names = new Set(metrics.flatMap(({ labels }) => labels.map(({ name }) => name)))
  for (const name of names) {
    // The readers took out what is the type's own.
    if (name === 'le' || name === 'quantile')
      yield [
        'reserved-label',
        `has a label ${name}, which is for ${name === 'le' ? 'histograms' : 'summaries'}`,
      ]
    if (/[a-z][A-Z]/.test(name))
      yield ['camel-case', `has a label ${name} in camelCase: write it in snake_case`]
  }
}
