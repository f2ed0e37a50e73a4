import type { Notice } from '../given.ts'
import { duration } from '../kinds.ts'
import { nearestName } from '../nearest.ts'
import { openYaml } from '../yaml-source.ts'
import { makeReading, quote, type Reading, refuseWeb, type Value } from './reading.ts'
import { readTls, type WebTls } from './tls.ts'

/** A web configuration file, the format of Prometheus' exporter-toolkit, as it stands: files it names are not read. */
export interface WebConfig {
  /** Undefined when the file sets up no TLS. */
  readonly tls: WebTls | undefined
  readonly http2: boolean
  readonly headers: ReadonlyMap<string, string>
  /** bcrypt hashes by user. */
  readonly users: ReadonlyMap<string, string>
  readonly rateLimit: RateLimit | undefined
  readonly notices: readonly Notice[]
}

/** One request every `intervalMs`, and `burst` at once after a pause. */
export interface RateLimit {
  readonly intervalMs: number
  readonly burst: number
}

const HTTP_KEYS = ['http2', 'headers'] as const
const RATE_KEYS = ['interval', 'burst'] as const
const ROOT_KEYS = ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit'] as const

/** Headers that may be added to every answer, and the words each is limited to, if it is. */
const HEADERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Content-Security-Policy', []],
  ['X-Frame-Options', ['deny', 'sameorigin']],
  ['X-Content-Type-Options', ['nosniff']],
  ['X-XSS-Protection', []],
  ['Strict-Transport-Security', []],
])

const HASH = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
const LEAST_COST = 4
const MOST_COST = 31
/** A password takes seconds to check from here on, and they are checked one by one. */
const SLOW_COST = 15

const INTERVAL = duration({ zero: 'no limit' })

/**
 * Reads a web configuration file. Throws PGR_WEB_CONFIG_INVALID, with line and column, for an unknown key, one that
 * stands twice, and a value that cannot be used. As everywhere in this format, a key without a value is no key.
 */
export function readWebConfig(source: string, fileName: string): WebConfig {
  const reading = makeReading(openYaml(source, fileName, refuseWeb))
  const root = reading.section({ node: reading.root, place: fileName }, 'the file', ROOT_KEYS)
  const notices: Notice[] = []
  const tls = readTls(reading, root.get('tls_server_config'), notices)
  const http = reading.section(root.get('http_server_config'), 'http_server_config', HTTP_KEYS)
  const http2 = reading.bool(http.get('http2'), 'http_server_config.http2') ?? true
  const headers = readHeaders(reading, http.get('headers'))
  const users = readUsers(reading, root.get('basic_auth_users'), notices)
  const rateLimit = readRateLimit(reading, root.get('rate_limit'))
  if (users.size > 0 && tls === undefined) {
    notices.push({
      level: 'warn',
      message: `${fileName}: basic_auth_users without tls_server_config sends passwords over the network as they are`,
    })
  }
  return { tls, http2, headers, users, rateLimit, notices }
}

function readHeaders(reading: Reading, given: Value | undefined): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [header, value] of reading.mapping(given, 'http_server_config.headers')) {
    const words = HEADERS.get(header)
    if (words === undefined) {
      const suggestion = nearestName(header, HEADERS.keys())
      return refuseWeb(
        `${value.place}: ${quote(header)} is no header that can be set${suggestion ? `, did you mean ${suggestion}?` : `: those that can are ${[...HEADERS.keys()].join(', ')}`}`,
      )
    }
    const name = `http_server_config.headers.${header}`
    // A folded text ends with a line end, which no header can.
    const text = (reading.text(value, name) ?? '').replace(/[\r\n]+/g, ' ').trim()
    if (words.length > 0 && !words.includes(text))
      refuseWeb(`${value.place}: ${name} is ${quote(text)}, which is not ${words.join(' or ')}`)
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
      refuseWeb(
        `${value.place}: ${name} holds characters that no header can: write it in printable ASCII characters`,
      )
    if (text !== '') headers.set(header, text)
  }
  return headers
}

function readUsers(
  reading: Reading,
  given: Value | undefined,
  notices: Notice[],
): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  for (const [user, value] of reading.mapping(given, 'basic_auth_users')) {
    const name = `the hash of user ${quote(user)}`
    const hash = reading.text(value, name) ?? ''
    const cost = Number(HASH.exec(hash)?.[1])
    if (!(cost >= LEAST_COST && cost <= MOST_COST)) {
      refuseWeb(`${value.place}: ${name} is not one of bcrypt: make it with pgr hash-password`)
    }
    if (cost >= SLOW_COST) {
      notices.push({
        level: 'warn',
        message: `${value.place}: ${name} has cost ${cost}, so that checking a password takes seconds: 10 is usual`,
      })
    }
    users.set(user, hash)
  }
  return users
}

function readRateLimit(reading: Reading, given: Value | undefined): RateLimit | undefined {
  const keys = reading.section(given, 'rate_limit', RATE_KEYS)
  const interval = keys.get('interval')
  const intervalText = reading.text(interval, 'rate_limit.interval') ?? '0'
  const intervalMs = readInterval(intervalText)
  if (intervalMs === undefined)
    return refuseWeb(
      `${interval?.place}: rate_limit.interval must be the time between two requests such as 100ms or 2s, or 0 for no limit, not ${quote(intervalText)}`,
    )
  const burst = keys.get('burst')
  const burstText = reading.text(burst, 'rate_limit.burst') ?? '0'
  if (!/^\d{1,9}$/.test(burstText))
    refuseWeb(`${burst?.place}: rate_limit.burst must be a whole number of requests, not ${quote(burstText)}`)
  if (intervalMs === 0) return undefined
  if (Number(burstText) === 0)
    refuseWeb(
      `${burst?.place ?? interval?.place}: rate_limit.burst is 0, so that every request would be refused: set how many may come at once`,
    )
  return { intervalMs, burst: Number(burstText) }
}

/** Durations below a millisecond make sense here, too. */
function readInterval(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(us|µs|μs|ns)$/.exec(text) ?? []
  if (count !== undefined) return Number(count) / (unit === 'ns' ? 1e6 : 1e3)
  return INTERVAL.parse(text)
}
