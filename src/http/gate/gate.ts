import type { IncomingMessage, ServerResponse } from 'node:http'
import { PgrError } from '../../errors/pgr-error.ts'
import type { Tell, TurnedAway } from '../../telemetry/events.ts'
import { splitUrl } from '../routes/route.ts'
import { makeTokens, readBasic } from './credentials.ts'
import { makePasswords, makePasswordThread, type PasswordThread } from './passwords.ts'
import { type Bucket, makeBucket, type RateLimit } from './rate-limit.ts'

/** Who may come in, how often, and what every answer carries. */
export interface Access {
  /** bcrypt hashes by user. With users or tokens, everyone else is answered 401. */
  readonly users: ReadonlyMap<string, string>
  readonly tokens: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  readonly rateLimit: RateLimit | undefined
}

export const OPEN_ACCESS: Access = { users: new Map(), tokens: [], headers: new Map(), rateLimit: undefined }

export interface Gate {
  /** Calls `enter` for a request that may come in, and answers every other. */
  pass(request: IncomingMessage, response: ServerResponse, enter: () => void): void
  setAccess(access: Access): void
  close(): Promise<void>
}

export interface GateOptions {
  readonly access: Access
  /** Paths that are served without credentials. */
  readonly publicPaths: readonly string[]
}

/** In front of all routes, whatever they are: nothing of a request but its head was looked at before. */
export function makeGate(
  { access: first, publicPaths }: GateOptions,
  tell: Tell,
  thread: PasswordThread = makePasswordThread(),
): Gate {
  const passwords = makePasswords(thread.compare)
  let access = first
  let tokens = makeTokens(access.tokens)
  let bucket = bucketOf(access)
  passwords.setUsers(access.users)

  function mayEnter({ headers, method, url = '' }: IncomingMessage): boolean | Promise<boolean> {
    if (access.users.size === 0 && access.tokens.length === 0) return true
    if ((method === 'GET' || method === 'HEAD') && publicPaths.includes(splitUrl(url).path)) return true
    const { authorization = '' } = headers
    if (tokens.has(authorization)) return true
    const credentials = access.users.size === 0 ? undefined : readBasic(authorization)
    return credentials === undefined ? false : passwords.isRight(credentials)
  }

  function refuse(response: ServerResponse, failure: PgrError, reason: TurnedAway): void {
    tell({ kind: 'turned-away', reason })
    if (reason === 'credentials') response.setHeader('www-authenticate', challenges(access))
    answer(response, failure)
  }

  function settle(response: ServerResponse, isRight: boolean, enter: () => void): void {
    if (isRight) enter()
    else refuse(response, new PgrError('PGR_UNAUTHORIZED', 'Unauthorized'), 'credentials')
  }

  function fail(response: ServerResponse, reason: unknown): void {
    if (reason instanceof PgrError) {
      refuse(response, reason, 'busy')
      return
    }
    tell({ kind: 'defect', where: 'passwords', error: reason })
    answer(response, new PgrError('PGR_INTERNAL', 'this is a defect in pgr; the log of the server says more'))
  }

  return {
    pass(request, response, enter) {
      if (bucket?.take() === false) {
        refuse(response, tooMany(access), 'rate')
        return
      }
      for (const [name, value] of access.headers) response.setHeader(name, value)
      const verdict = mayEnter(request)
      if (typeof verdict === 'boolean') {
        settle(response, verdict, enter)
        return
      }
      // Whoever goes away meanwhile leaves a request that nothing more is heard of.
      let isThere = true
      response.once('close', () => {
        isThere = false
      })
      verdict.then(
        (isRight) => isThere && settle(response, isRight, enter),
        (reason) => isThere && fail(response, reason),
      )
    },
    setAccess(next) {
      if (!isSameLimit(access.rateLimit, next.rateLimit)) bucket = bucketOf(next)
      access = next
      tokens = makeTokens(next.tokens)
      passwords.setUsers(next.users)
    },
    close: () => thread.close(),
  }
}

function bucketOf({ rateLimit }: Access): Bucket | undefined {
  return rateLimit === undefined ? undefined : makeBucket(rateLimit)
}

function isSameLimit(one: RateLimit | undefined, other: RateLimit | undefined): boolean {
  return one?.intervalMs === other?.intervalMs && one?.burst === other?.burst
}

function challenges({ users, tokens }: Access): string[] {
  return [...(users.size > 0 ? ['Basic'] : []), ...(tokens.length > 0 ? ['Bearer'] : [])]
}

function tooMany({ rateLimit }: Access): PgrError {
  return new PgrError('PGR_RATE_LIMITED', 'Too Many Requests', {
    retryAfterSeconds: (rateLimit?.intervalMs ?? 0) / 1000,
  })
}

/** As routes answer failures, before there is a route. */
function answer(response: ServerResponse, { message, failure, retryAfterSeconds = 1 }: PgrError): void {
  const body = `${message}\n`
  response.writeHead(failure.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    ...(failure.retry ? { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) } : {}),
  })
  response.end(body)
}
