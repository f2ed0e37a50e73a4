/** What is wrong with a value, to be said with the place it stands at. */
export class Misshapen extends Error {}

/** A JSON object whose members are asked for one by one. */
export type Members = Readonly<Record<string, unknown>>

/** Throws `Misshapen`, as all of these do. */
export function asObject(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Misshapen(`${what} is not an object`)
  return value as Members
}

export function asList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Misshapen(`${what} is not a list`)
  return value
}

/** A list of exactly so many. */
export function asTuple(value: unknown, length: number, what: string): readonly unknown[] {
  const list = asList(value, what)
  if (list.length !== length) throw new Misshapen(`${what} has ${list.length} parts, not ${length}`)
  return list
}

export function asText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Misshapen(`${what} is not text`)
  if (/\p{Surrogate}/u.test(value)) throw new Misshapen(`${what} has half a character`)
  return value
}

export function asWord<T extends string>(value: unknown, words: readonly T[], what: string): T {
  const word = words.find((known) => known === value)
  if (word === undefined)
    throw new Misshapen(`${what} is ${JSON.stringify(value)?.slice(0, 60)}, not one of ${words.join(', ')}`)
  return word
}

const SPECIAL: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
  ['-0', -0],
])

/** Any number of the model. */
export function asNumber(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const special = SPECIAL.get(value)
  if (special === undefined) throw new Misshapen(`${what} is not a number`)
  return special
}

export function asFinite(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Misshapen(`${what} is not a number`)
  return value
}

export function asCount(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new Misshapen(`${what} is not a whole number from 0 on`)
  return value
}

/** Milliseconds since the epoch of an instant of ISO 8601. */
export function asInstant(value: unknown, what: string): number {
  const ms = Date.parse(asText(value, what))
  if (Number.isNaN(ms)) throw new Misshapen(`${what} is not an instant of ISO 8601`)
  return ms
}

/** What `read` makes of a member; nothing when it is not there. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value)
}
