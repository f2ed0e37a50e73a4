import { PgrError } from '../errors/pgr-error.ts'

/** Parameters of a query by name, in JSON Schema, as far as `readQuery` knows that. All that may come has a limit. */
export type Parameters = Readonly<Record<string, Parameter>>

export type Parameter = TextParameter | NumberParameter | ListParameter

interface Described {
  readonly description: string
}

interface TextParameter extends Described {
  readonly type: 'string'
  readonly maxLength?: number
  /** Either this or `maxLength`. */
  readonly enum?: readonly string[]
  readonly default?: string
}

/** A whole number without a sign. */
interface NumberParameter extends Described {
  readonly type: 'integer'
  readonly minimum: number
  readonly maximum: number
  readonly default: number
}

/** May be given several times. */
interface ListParameter extends Described {
  readonly type: 'array'
  readonly maxItems: number
  readonly items: { readonly type: 'string'; readonly maxLength: number }
}

/** What is read of parameters. */
export type Query<P extends Parameters> = { readonly [Name in keyof P]: Value<P[Name]> }

type Value<P> = P extends NumberParameter
  ? number
  : P extends ListParameter
    ? readonly string[]
    : Text<P> | (P extends { readonly default: string } ? never : undefined)

type Text<P> = P extends { readonly enum: readonly (infer Choice)[] } ? Choice : string

/** The same for programs that know JSON Schema. */
export function querySchema(parameters: Parameters): { type: 'object'; properties: Parameters } {
  return { type: 'object', properties: parameters }
}

/** As a query comes: each parameter once, or all that were given under one name. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>

/** Reads the parameters that are known; others are ignored. Throws PGR_QUERY_INVALID, which says what is allowed. */
export function readQuery<P extends Parameters>(parameters: P, query: RawQuery): Query<P> {
  const values = Object.entries(parameters).map(([name, parameter]) => [
    name,
    readParameter(name, parameter, query[name]),
  ])
  return Object.fromEntries(values)
}

function readParameter(name: string, parameter: Parameter, given: RawQuery[string]): unknown {
  if (parameter.type === 'array') return readList(name, parameter, given)
  if (given === undefined) return parameter.default
  if (typeof given !== 'string') throw invalid(name, 'is given more than once')
  return parameter.type === 'integer' ? readNumber(name, parameter, given) : readText(name, parameter, given)
}

function readNumber(name: string, { minimum, maximum }: NumberParameter, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= minimum && value <= maximum) return value
  throw invalid(name, `is ${quoted(text)}; it is a whole number from ${minimum} to ${maximum}`)
}

function readText(name: string, { maxLength, enum: choices }: TextParameter, text: string): string {
  if (choices !== undefined && !choices.includes(text))
    throw invalid(name, `is ${quoted(text)}; it is ${choices.join(' or ')}`)
  if (maxLength !== undefined) assertLength(name, text, maxLength)
  return text
}

function readList(
  name: string,
  { maxItems, items }: ListParameter,
  given: RawQuery[string],
): readonly string[] {
  const texts = given === undefined ? [] : typeof given === 'string' ? [given] : given
  if (texts.length > maxItems) throw invalid(name, `is given more than ${maxItems} times`)
  for (const text of texts) assertLength(name, text, items.maxLength)
  return texts
}

/** In characters, as JSON Schema has it. */
function assertLength(name: string, text: string, most: number): void {
  if (text.length > most && [...text].length > most)
    throw invalid(name, `is longer than the ${most} characters it may have`)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

function invalid(name: string, why: string): PgrError {
  return new PgrError('PGR_QUERY_INVALID', `the parameter ${name} ${why}`)
}
