import { PgrError } from '../errors/pgr-error.ts'

/** For basic authentication (RFC 7617), or a bearer token (RFC 6750). */
export type Credentials = BasicCredentials | { readonly token: string }

export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

/** Where a gateway is. */
export interface Target {
  /** Scheme, host, port and the path before the gateway's own; no end slash, no credentials. */
  readonly base: string
  readonly credentials?: Credentials
}

/**
 * Reads the address of a gateway: `host:port` means `http://host:port`; a path is kept in front of every path of the
 * gateway. Throws PGR_SETTING_INVALID; the message never holds credentials.
 */
export function parseTarget(given: string): Target & { readonly credentials?: BasicCredentials } {
  const withScheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(given) ? given : `http://${given}`
  const url = URL.canParse(withScheme) ? new URL(withScheme) : refuse('cannot be read')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse(`has the scheme ${url.protocol}//`)
  if (url.search !== '' || url.hash !== '') refuse('has a query or a fragment')
  const base = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
  if (url.username === '' && url.password === '') return { base }
  return { base, credentials: { user: decode(url.username), password: decode(url.password) } }
}

/** Value of the Authorization header. Throws PGR_SETTING_INVALID for a user name or token that it cannot carry; says neither. */
export function authorization(credentials: Credentials): string {
  if ('token' in credentials) return bearer(credentials.token)
  const { user, password } = credentials
  if (user.includes(':')) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      'the user name holds a colon: put the password into PGR_PASSWORD or a file named by PGR_PASSWORD_FILE, where other users of this machine cannot see it',
    )
  }
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** RFC 6750, 2.1. */
const TOKEN = /^[\w.~+/-]+=*$/

function bearer(token: string): string {
  if (!TOKEN.test(token)) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      'the bearer token is none: give one that has letters, digits and -._~+/ alone, on the only line of its file or in PGR_TOKEN',
    )
  }
  return `Bearer ${token}`
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return refuse('has credentials with a stray %, which is written %25')
  }
}

function refuse(what: string): never {
  throw new PgrError(
    'PGR_SETTING_INVALID',
    `the gateway's URL ${what}: give one such as http://127.0.0.1:9753`,
  )
}
