import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { Redis, type RedisOptions } from 'ioredis'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { type RedisStoreOptions, WAIT_TIMEOUT_MS } from './options.ts'
import { sentinelConnector } from './sentinel-connector.ts'

/** A socket that keeps us waiting this long with a reply outstanding is dropped. */
const SOCKET_TIMEOUT_MS = 3000
const CONNECT_TIMEOUT_MS = 1000
/** A frozen server never says goodbye; until it did, or this is over, nobody looks for its successor. */
const GOODBYE_MS = 100
const LONGEST_PAUSE_MS = 1000
/** A Sentinel that hangs must not keep us from asking the next one. */
const SENTINEL_TIMEOUT_MS = 500
const DEFAULT_SENTINEL_PORT = 26379

/** A server by its address. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** How to get at a primary: by its address, or by asking Sentinels for it each time. */
export type Way = Address | 'sentinel'

/** A server by name, as a key and for messages. */
export function addressKey({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The addresses given, Sentinels with a port of their own. */
export function endpointsOf(options: RedisStoreOptions): readonly Endpoint[] {
  return options.endpoints.map((text) =>
    parseEndpoint(text, options.masterName === undefined ? undefined : DEFAULT_SENTINEL_PORT),
  )
}

/** How a told address is reached from here. */
export function reachable(address: Address, natMap: RedisStoreOptions['natMap']): Address {
  const outer = natMap?.get(addressKey(address))
  if (outer === undefined) return address
  const { host, port } = parseEndpoint(outer)
  return { host, port }
}

/**
 * A connection that connects when told to and by itself again after every loss. It never sends a command twice and
 * never keeps one for later: in-flight commands fail with the connection, and who retries is not its business.
 */
export function makeConnection(options: RedisStoreOptions, name: string, way: Way): Redis {
  const { waitReplicas = 0, waitTimeoutMs = WAIT_TIMEOUT_MS } = options
  const longestMs = options.timeoutMs + (waitReplicas > 0 ? waitTimeoutMs : 0)
  const redis = new Redis({
    ...(way === 'sentinel' ? sentinelSettings(options) : { host: way.host, port: way.port }),
    ...credentials(options),
    db: dbOf(options),
    protocol: 2,
    lazyConnect: true,
    connectionName: name,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    commandTimeout: longestMs,
    socketTimeout: Math.max(SOCKET_TIMEOUT_MS, longestMs),
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: GOODBYE_MS,
    retryStrategy: pauseBefore,
    // 1 reconnects; 2 would also send the command again, behind our back.
    reconnectOnError: ({ message }) => (/^(READONLY|MASTERDOWN)/.test(message) ? 1 : false),
    ...(usesTls(options) ? { tls: tlsSettings(options, way === 'sentinel' ? undefined : way.host) } : {}),
    ...(way === 'sentinel'
      ? { Connector: sentinelConnector((message) => redis.emit('error', new Error(message))) }
      : {}),
  })
  return redis
}

/** A connection for questions to a Sentinel or a cluster node; it does not come back by itself once lost. */
export function makeScout(
  options: RedisStoreOptions,
  { host, port }: Address,
  to: 'sentinel' | 'node',
): Redis {
  const scout = new Redis({
    host,
    port,
    ...(to === 'sentinel' ? sentinelCredentials(options) : credentials(options)),
    protocol: 2,
    lazyConnect: true,
    // At a Sentinel a name would be one more permission.
    ...(to === 'node' ? { connectionName: 'pgr-scout' } : {}),
    disableClientInfo: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: options.timeoutMs,
    socketTimeout: Math.max(SOCKET_TIMEOUT_MS, options.timeoutMs),
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: () => null,
    ...(usesTls(options) ? { tls: tlsSettings(options, host) } : {}),
  })
  scout.on('error', () => undefined)
  return scout
}

/** Connects a scout; rejects with what was wrong with the way to the server, which the client tells its listeners only. */
export async function connectScout(scout: Redis): Promise<void> {
  let wrong: unknown
  scout.once('error', (reason) => {
    wrong = reason
  })
  try {
    await scout.connect()
  } catch (reason) {
    throw wrong ?? reason
  }
}

/**
 * Ends a connection, wherever it stands. A socket that is ended in the middle of a TLS handshake can fail twice, and the
 * client listens for the first failure only; the second would end the process.
 */
export function hangUp(redis: Redis, reconnect = false): void {
  redis.stream?.on('error', () => undefined)
  redis.disconnect(reconnect)
}

/** Number of the database all connections use. */
export function dbOf(options: RedisStoreOptions): number {
  return options.db ?? (options.masterName === undefined ? endpointsOf(options)[0]?.db : undefined) ?? 0
}

function pauseBefore(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2)
}

/** User and password of Redis. Behind Sentinels those of an endpoint are the Sentinels' own. */
function credentials(options: RedisStoreOptions): Pick<RedisOptions, 'username' | 'password'> {
  const said: Partial<Endpoint> = options.masterName === undefined ? (endpointsOf(options)[0] ?? {}) : {}
  const username = options.username ?? said.username
  const password = options.password ?? said.password
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
}

function sentinelCredentials(options: RedisStoreOptions): Pick<RedisOptions, 'username' | 'password'> {
  const [said] = endpointsOf(options)
  const username = options.sentinel?.username ?? said?.username
  const password = options.sentinel?.password ?? said?.password
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
}

function sentinelSettings(options: RedisStoreOptions) {
  const { username, password } = sentinelCredentials(options)
  const tls = usesTls(options) ? tlsSettings(options, undefined) : undefined
  const natMap = (told: string) => {
    const at = told.lastIndexOf(':')
    return reachable({ host: told.slice(0, at), port: Number(told.slice(at + 1)) }, options.natMap)
  }
  return {
    sentinels: endpointsOf(options).map(({ host, port }) => ({ host, port })),
    name: options.masterName ?? '',
    role: 'master' as const,
    failoverDetector: true,
    sentinelMaxConnections: 10,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: pauseBefore,
    sentinelReconnectStrategy: pauseBefore,
    natMap,
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  }
}

export function usesTls(options: RedisStoreOptions): boolean {
  return options.tls !== undefined || endpointsOf(options).some(({ tls }) => tls)
}

function tlsSettings({ tls = {} }: RedisStoreOptions, host: string | undefined): ConnectionOptions {
  return {
    // Only names may be asked for (RFC 6066, 3); addresses are compared with the certificate all the same.
    ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
    rejectUnauthorized: tls.skipVerify !== true,
    // Asked for anew by every connection.
    get ca() {
      return tls.ca
    },
    get cert() {
      return tls.cert
    },
    get key() {
      return tls.key
    },
  }
}
