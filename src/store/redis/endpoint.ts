import { PgrError } from '../../errors/pgr-error.ts'

/** Where a Redis is, and what the address says about how to talk to it. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly db?: number
}

const DEFAULT_PORT = 6379

/**
 * Reads one address: `redis://[user[:password]@]host[:port][/db]`, `rediss://` for TLS, `host:port`, `host`, `:port`
 * (this host), `[::1]:6379`. Throws PGR_SETTING_INVALID; the message never holds a password.
 */
export function parseEndpoint(text: string, defaultPort = DEFAULT_PORT): Endpoint {
  const trimmed = text.trim()
  if (trimmed === '') throw invalid('the redis endpoint is empty; give `host:port` or `redis://host:port`')
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)
    ? parseUrl(trimmed, defaultPort)
    : parseAddress(trimmed, defaultPort)
}

/** For logs and messages: without user and password. */
export function showEndpoint({ host, port, tls }: Pick<Endpoint, 'host' | 'port' | 'tls'>): string {
  return `${tls ? 'rediss' : 'redis'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function parseUrl(text: string, defaultPort: number): Endpoint {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      'the redis endpoint is not a valid URL; give `redis://[user:password@]host:port[/db]`',
      { cause },
    )
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw invalid(
      `the redis endpoint has the scheme "${url.protocol}//"; only redis:// and rediss:// are known`,
    )
  if (url.search !== '' || url.hash !== '')
    throw invalid(
      'the redis endpoint carries a query or fragment, which has no meaning; use the redis settings',
    )
  return {
    host: url.hostname === '' ? '127.0.0.1' : bare(url.hostname),
    port: url.port === '' ? defaultPort : readPort(url.port),
    tls: url.protocol === 'rediss:',
    ...(url.username === '' ? {} : { username: decode(url.username) }),
    ...(url.password === '' ? {} : { password: decode(url.password) }),
    ...readDb(url.pathname),
  }
}

function parseAddress(text: string, defaultPort: number): Endpoint {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]*)(?::(\d+))?$/i.exec(text)
  if (match === null)
    throw invalid(
      `the redis endpoint ${JSON.stringify(text.replace(/.*@/, '…@'))} is neither host:port nor a redis:// URL`,
    )
  const [, host = '', port] = match
  return {
    host: host === '' ? '127.0.0.1' : bare(host),
    port: port === undefined ? defaultPort : readPort(port),
    tls: false,
  }
}

function readPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw invalid(`the redis endpoint has port ${text}; a port is 1 to 65535`)
}

function readDb(path: string): { db?: number } {
  if (path === '' || path === '/') return {}
  const match = /^\/(\d{1,5})$/.exec(path)
  if (match === null)
    throw invalid(`the redis endpoint names the database ${JSON.stringify(path.slice(1))}; it is a number`)
  return { db: Number(match[1]) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      'the user or password in the redis endpoint is not percent-encoded correctly; encode a literal "%" as "%25"',
      { cause },
    )
  }
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

function invalid(message: string): PgrError {
  return new PgrError('PGR_SETTING_INVALID', message)
}
