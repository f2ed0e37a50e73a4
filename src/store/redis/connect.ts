import type { ConnectionOptions } from 'node:tls'
import { Redis } from 'ioredis'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { isNoScript } from './failures.ts'
import type { RedisStoreOptions } from './options.ts'
import type { Script } from './scripts.ts'

/** A socket that keeps us waiting this long with a reply outstanding is dropped. */
const SOCKET_TIMEOUT_MS = 3000
const CONNECT_TIMEOUT_MS = 1000
const LONGEST_PAUSE_MS = 1000

/** Where to connect to: what the endpoint says, under what the settings say. */
export function targetOf(options: RedisStoreOptions): Endpoint {
  const said = parseEndpoint(options.endpoint)
  return {
    ...said,
    tls: said.tls || options.tls !== undefined,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.db === undefined ? {} : { db: options.db }),
  }
}

/**
 * A connection that connects when told to and by itself again after every loss. It never sends a command twice and
 * never keeps one for later: in-flight commands fail with the connection, and who retries is not its business.
 */
export function makeConnection(options: RedisStoreOptions, name: string): Redis {
  const { host, port, tls, username, password, db } = targetOf(options)
  return new Redis({
    host,
    port,
    db: db ?? 0,
    protocol: 2,
    lazyConnect: true,
    connectionName: name,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    commandTimeout: options.timeoutMs,
    socketTimeout: Math.max(SOCKET_TIMEOUT_MS, options.timeoutMs),
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) =>
      Math.min(50 * 2 ** Math.min(times, 10), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2),
    // 1 reconnects; 2 would also send the command again, behind our back.
    reconnectOnError: ({ message }) => (/^(READONLY|MASTERDOWN)/.test(message) ? 1 : false),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: tlsSettings(options, host) } : {}),
  })
}

function tlsSettings({ tls = {} }: RedisStoreOptions, host: string): ConnectionOptions {
  return {
    servername: host,
    rejectUnauthorized: tls.skipVerify !== true,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  }
}

export type Argument = string | number | Buffer

/** Runs a script by its digest, and by its text where the server does not know it. */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  values: readonly Argument[],
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...values]
  gatherWrites(redis)
  try {
    return await redis.callBuffer('evalsha', [script.sha, ...rest])
  } catch (reason) {
    if (!isNoScript(reason)) throw reason
    return redis.callBuffer('eval', [script.source, ...rest])
  }
}

const gathering = new WeakSet<object>()

/**
 * Commands sent in one turn of the event loop leave in one system call: at many pushes at a time, the calls were the
 * largest part of a push's cost.
 */
function gatherWrites({ stream }: Redis): void {
  if (stream === undefined || stream === null || gathering.has(stream)) return
  gathering.add(stream)
  stream.cork()
  setImmediate(() => {
    gathering.delete(stream)
    stream.uncork()
  })
}
