import { formatDuration, parseDuration } from '../model/duration.ts'

/** JSON Schema of one value. */
export type ValueSchema = Readonly<Record<string, unknown>>

export type ScalarType = 'text' | 'number' | 'boolean'

/** A kind of value: how it is read from text, shown again, and described. */
export interface Kind<Value> {
  readonly name: string
  /** Completes "must be …". */
  readonly expects: string
  /** Undefined when the text is not a value of this kind. Lists are separated by commas. */
  parse(text: string): Value | undefined
  /** The value as one would write it; credentials inside are masked. */
  show(value: Value): string
  /** What the configuration file may hold for it. */
  readonly scalars: readonly ScalarType[]
  /** The file may hold a sequence, the flag may be repeated. */
  readonly list?: true
  /** On the command line a switch without a value. */
  readonly isSwitch?: true
  readonly schema: ValueSchema
}

/** Where to listen. An empty host means every interface. */
export interface Address {
  readonly host: string
  readonly port: number
}

const MAX_PORT = 65_535

export const text: Kind<string> = {
  name: 'text',
  expects: 'text',
  parse: (given) => given,
  show: (value) => value,
  scalars: ['text', 'number', 'boolean'],
  schema: { type: ['string', 'number', 'boolean'] },
}

export const path: Kind<string> = {
  ...text,
  name: 'path',
  expects: 'the path of a file',
  scalars: ['text'],
  schema: { type: 'string' },
}

export const bool: Kind<boolean> = {
  name: 'switch',
  expects: 'true or false',
  parse(given) {
    const word = given.toLowerCase()
    if (['true', 'yes', 'on', '1'].includes(word)) return true
    if (['false', 'no', 'off', '0'].includes(word)) return false
    return undefined
  },
  show: String,
  scalars: ['boolean', 'text'],
  isSwitch: true,
  schema: { type: 'boolean' },
}

export function integer({ min, max }: { readonly min: number; readonly max: number }): Kind<number> {
  return {
    name: 'integer',
    expects: `a whole number from ${min} to ${max}`,
    parse: (given) => (/^\d{1,15}$/.test(given) ? within(Number(given), min, max) : undefined),
    show: String,
    scalars: ['number', 'text'],
    schema: { type: 'integer', minimum: min, maximum: max },
  }
}

/** How many, or as many as there are processors to use. */
export function countOrAuto({
  min,
  max,
}: {
  readonly min: number
  readonly max: number
}): Kind<number | 'auto'> {
  const numbers = integer({ min, max })
  return {
    name: 'integer or `auto`',
    expects: `${numbers.expects}, or auto`,
    parse: (given) => (given === 'auto' ? given : numbers.parse(given)),
    show: String,
    scalars: ['number', 'text'],
    schema: { anyOf: [numbers.schema, { const: 'auto' }] },
  }
}

export const port: Kind<number> = {
  ...integer({ min: 0, max: MAX_PORT }),
  name: 'port',
  expects: `a port from 0 to ${MAX_PORT}`,
}

const THOUSANDS = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
])

/** A whole number that may be shortened: `500k`, `10M`. */
export function count({ min }: { readonly min: number }): Kind<number> {
  return {
    name: 'count',
    expects: `a whole number of at least ${min} such as 500, 20k or 10M`,
    parse(given) {
      const [, digits, unit] = /^(\d{1,15})([kMG]?)$/.exec(given) ?? []
      if (digits === undefined || unit === undefined) return undefined
      return within(Number(digits) * (THOUSANDS.get(unit) ?? 1), min, Number.MAX_SAFE_INTEGER)
    },
    show: (value) => shorten(value, THOUSANDS),
    scalars: ['number', 'text'],
    schema: {
      anyOf: [
        { type: 'integer', minimum: min },
        { type: 'string', pattern: '^[0-9]{1,15}[kMG]?$' },
      ],
    },
  }
}

const BINARY_UNITS = new Map([
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

/** Bytes. Units are binary however they are spelled, as Prometheus has it: `512MB` is 512 × 2^20. */
export function size({ min }: { readonly min: number }): Kind<number> {
  return {
    name: 'size',
    expects: `a size of at least ${shorten(min, BINARY_UNITS)} such as 512KiB, 64MiB or 4GB`,
    parse(given) {
      const [, digits, letter = ''] = /^(\d{1,15})(?:B|([KMGT])(?:i?B)?)?$/.exec(given) ?? []
      if (digits === undefined) return undefined
      const unit = letter === '' ? 1 : (BINARY_UNITS.get(`${letter}iB`) ?? 1)
      return within(Number(digits) * unit, min, Number.MAX_SAFE_INTEGER)
    },
    show: (value) => shorten(value, BINARY_UNITS),
    scalars: ['number', 'text'],
    schema: {
      anyOf: [
        { type: 'integer', minimum: min },
        { type: 'string', pattern: '^[0-9]{1,15}(B|[KMGT](i?B)?)?$' },
      ],
    },
  }
}

/** Milliseconds, written in Prometheus or Go syntax. `zero` says what 0 means; without it 0 is refused. */
export function duration({
  minMs = 0,
  zero,
}: {
  readonly minMs?: number
  readonly zero?: string
} = {}): Kind<number> {
  const least = minMs > 0 ? ` of at least ${formatDuration(minMs)}` : ''
  const none = zero === undefined ? '' : `, or 0 for ${zero}`
  return {
    name: 'duration',
    expects: `a duration${least} such as 90s, 5m or 1h30m${none}`,
    parse(given) {
      const ms = parseDuration(given)
      if (ms === 0) return zero === undefined ? undefined : 0
      return ms === undefined ? undefined : within(ms, minMs, Number.MAX_SAFE_INTEGER)
    },
    show: (value) => (value === 0 ? '0' : formatDuration(value)),
    // A bare number has no unit; only 0 needs none.
    scalars: ['text', 'number'],
    schema:
      zero === undefined
        ? { type: 'string' }
        : { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0, maximum: 0 }] },
  }
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    name: words.map((word) => `\`${word}\``).join(', '),
    expects: `one of ${words.join(', ')}`,
    parse: (given) => words.find((word) => word === given),
    show: (value) => value,
    scalars: ['text'],
    schema: { enum: words },
  }
}

/** Path of a URL: segments of unreserved characters, without an end slash. */
export const urlPath: Kind<string> = {
  name: 'URL path',
  expects: 'a URL path such as /metrics: it starts with / and its parts hold letters, digits and . _ ~ -',
  parse(given) {
    if (!/^(?:\/[A-Za-z0-9._~-]+)+$/.test(given)) return undefined
    return given.split('/').some((part) => part === '.' || part === '..') ? undefined : given
  },
  show: (value) => value,
  scalars: ['text'],
  schema: { type: 'string', pattern: '^(/[A-Za-z0-9._~-]+)+$' },
}

/** What stands in front of every path: with a leading slash and without one at the end; `/` is nothing at all. */
export const routePrefix: Kind<string> = {
  ...urlPath,
  name: 'URL path',
  expects: 'a URL path such as /pushgateway, or / for none',
  parse(given) {
    const path = `/${given.replace(/^\/+|\/+$/g, '')}`
    return path === '/' ? path : urlPath.parse(path)
  },
  schema: { type: 'string' },
}

/** Address under which others reach the server; without a scheme it is http. */
export const externalUrl: Kind<string> = {
  name: 'URL',
  expects: 'an address such as https://push.example.org/gateway',
  parse(given) {
    const url = readUrl(given)
    if (url === undefined || url.search !== '' || url.hash !== '' || url.username !== '') return undefined
    return routePrefix.parse(url.pathname) === undefined ? undefined : given
  },
  show: (value) => value,
  scalars: ['text'],
  schema: { type: 'string' },
}

/** Path of an address, as `routePrefix` has it. */
export function pathOfUrl(given: string): string {
  return routePrefix.parse(readUrl(given)?.pathname ?? '/') ?? '/'
}

function readUrl(given: string): URL | undefined {
  const [, scheme] = /^([a-z]+):\/\//i.exec(given) ?? []
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return undefined
  const text = scheme === undefined ? `http://${given}` : given
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Start of the name of every key in Redis; braces would change the slot of a key. */
export const keyPrefix: Kind<string> = {
  ...text,
  name: 'key prefix',
  expects: 'one to 64 letters, digits or the characters _ . : -',
  parse: (given) => (/^[A-Za-z0-9_.:-]{1,64}$/.test(given) ? given : undefined),
  schema: { type: ['string', 'number', 'boolean'], pattern: '^[A-Za-z0-9_.:-]{1,64}$' },
}

/** Any texts but those with commas. */
export const texts: Kind<readonly string[]> = {
  name: 'list',
  expects: 'texts separated by commas',
  parse: (given) => parseList(given, (item) => item),
  show: (value) => value.join(','),
  scalars: ['text'],
  list: true,
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
}

export const addresses: Kind<readonly Address[]> = {
  name: 'address list',
  expects: 'addresses such as :9753, 127.0.0.1:9753 or [::1]:9753, separated by commas',
  parse: (given) => parseList(given, parseAddress),
  show: (value) => value.map(showAddress).join(','),
  scalars: ['text'],
  list: true,
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
}

/** Where Redis is: each item is `host:port`, `:port`, `host`, or a `redis://` or `rediss://` URL, as given. */
export const endpoints: Kind<readonly string[]> = {
  name: 'endpoint list',
  expects:
    'endpoints such as redis.example:6379, :6379 or rediss://user@redis.example:6380, separated by commas',
  parse: (given) => parseList(given, (item) => (isEndpoint(item) ? item : undefined)),
  show: (value) => value.map(maskCredentials).join(','),
  scalars: ['text'],
  list: true,
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
}

/**
 * Addresses as somebody tells them and how to reach them from here: each item is `host:port=host:port`. Keys and values
 * are `host:port`, with brackets around an IPv6 host.
 */
export const addressMap: Kind<ReadonlyMap<string, string>> = {
  name: 'address map',
  expects:
    'pairs such as 10.0.0.1:6379=redis.example:6379, the announced address first and none twice, separated by commas',
  parse(given) {
    const pairs = parseList(given, parseAddressPair)
    const map = new Map(pairs)
    return pairs !== undefined && map.size === pairs.length ? map : undefined
  },
  show: (value) => [...value].map(([announced, reachable]) => `${announced}=${reachable}`).join(','),
  scalars: ['text'],
  list: true,
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
}

/**
 * `redis://me:secret@host` → `redis://me:***@host`. Made for text that is not quite a URL, too: it rather hides a bit
 * more than shows a bit of a password.
 */
export function maskCredentials(given: string): string {
  return given.replace(/^((?:[a-z]+:\/\/)?[^@:/]*):.*@/is, '$1:***@').replace(/\?.*$/s, '?***')
}

export function showAddress({ host, port: number }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${number}`
}

function parseAddress(given: string): Address | undefined {
  const [, six, other, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]@]*)):(\d{1,5})$/.exec(given) ?? []
  if (digits === undefined || Number(digits) > MAX_PORT) return undefined
  return { host: six ?? other ?? '', port: Number(digits) }
}

function parseAddressPair(given: string): readonly [string, string] | undefined {
  const sides = given.split('=').map((side) => parseAddress(side.trim()))
  const [announced, reachable] = sides
  if (sides.length !== 2 || announced === undefined || reachable === undefined) return undefined
  if ([announced, reachable].some(({ host, port: number }) => host === '' || number === 0)) return undefined
  return [showAddress(announced), showAddress(reachable)]
}

function isEndpoint(given: string): boolean {
  if (/^rediss?:\/\//.test(given)) return URL.canParse(given) && !/[?#\s]/.test(given)
  return parseAddress(given) !== undefined || /^(?:[A-Za-z0-9._-]+)$/.test(given)
}

function parseList<Item>(
  given: string,
  parseItem: (item: string) => Item | undefined,
): readonly Item[] | undefined {
  const items: Item[] = []
  for (const part of given.split(',')) {
    const item = parseItem(part.trim())
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined
}

/** The largest unit that divides the value. */
function shorten(value: number, units: ReadonlyMap<string, number>): string {
  if (value === 0) return '0'
  let shown = String(value)
  for (const [unit, factor] of units) if (value % factor === 0) shown = `${value / factor}${unit}`
  return shown
}
