import { PgrError } from '../errors/pgr-error.ts'
import type { PushRequest } from './request.ts'
import { isWorthRetrying, parseRetryAfterMs, retryDelayMs } from './retry.ts'

/** What sending needs from the world outside. */
export interface World {
  fetch(url: string, init: RequestInit): Promise<Response>
  sleep(ms: number): Promise<void>
  random(): number
  now(): number
}

/** What the gateway said, besides its status; of a long body the beginning. */
export interface Answer {
  readonly headers: Headers
  readonly body: Uint8Array
}

export interface SendOptions {
  /** Attempts after the first. */
  readonly retries: number
  /** For each attempt, until the answer is read. */
  readonly timeoutMs: number
  /** The reason in an answer that refuses; without it the body is text. */
  explain?(answer: Answer): string
  /** Hears of every failed attempt that is followed by another. */
  onRetry?(failure: {
    readonly attempt: number
    readonly error: PgrError
    readonly reason: string
    readonly delayMs: number
  }): void
}

export interface Sent extends Answer {
  readonly status: number
  readonly attempts: number
}

interface Failure {
  readonly error: PgrError
  readonly askedMs?: number | undefined
}

/** What is read of an answer. */
const LONGEST_ANSWER_BYTES = 65_536
/** An explanation longer than this is cut. */
const LONGEST_REASON = 4096

/**
 * Sends until the gateway answers 2xx, refuses for good, or retries run out. Sending twice is safe: a group push
 * replaces what it names, and merged samples are taken once.
 *
 * Throws PGR_UNAUTHORIZED or PGR_FORBIDDEN (401, 403), PGR_PUSH_REFUSED (any other final answer), PGR_GATEWAY_BUSY
 * (429 or 5xx to the end), PGR_GATEWAY_UNREACHABLE (no answer to the end).
 */
export async function sendPush(request: PushRequest, options: SendOptions, world: World): Promise<Sent> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await sendOnce(request, options, world)
    if ('status' in outcome) return { ...outcome, attempts: attempt }
    const { error, askedMs } = outcome
    if (!error.failure.retry) throw error
    if (attempt > options.retries) throw attempt === 1 ? error : afterAttempts(error, attempt)
    const delayMs = retryDelayMs(attempt, askedMs, world.random())
    options.onRetry?.({ attempt, error, reason: error.message, delayMs })
    await world.sleep(delayMs)
  }
}

function afterAttempts(error: PgrError, attempts: number): PgrError {
  return new PgrError(error.code, `${error.message} (${attempts} attempts)`, { cause: error })
}

async function sendOnce(
  request: PushRequest,
  options: SendOptions,
  world: World,
): Promise<Omit<Sent, 'attempts'> | Failure> {
  try {
    const response = await world.fetch(request.url, {
      method: request.method,
      headers: [...request.headers],
      body: request.body,
      // Following would turn a push into a GET, or hand credentials to another host.
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    })
    const { headers } = response
    const body = await readStart(response)
    if (response.ok) return { status: response.status, headers, body }
    const said = options.explain?.({ headers, body }) ?? Buffer.from(body).toString()
    return {
      error: refusal(request, response, oneLine(said.slice(0, LONGEST_REASON))),
      askedMs: parseRetryAfterMs(headers.get('retry-after'), world.now()),
    }
  } catch (reason) {
    return { error: unreachable(request, reason, options) }
  }
}

function refusal({ method, url }: PushRequest, response: Response, said: string): PgrError {
  const { status } = response
  const reason = said === '' ? '' : `: ${said}`
  if (status === 401) {
    return new PgrError(
      'PGR_UNAUTHORIZED',
      `the gateway wants credentials (401)${reason}; give --user and PGR_PASSWORD, or --token-file`,
    )
  }
  if (status === 403) return new PgrError('PGR_FORBIDDEN', `the gateway forbids this push (403)${reason}`)
  if (status >= 300 && status < 400) {
    const to = oneLine(response.headers.get('location') ?? 'elsewhere')
    return new PgrError(
      'PGR_PUSH_REFUSED',
      `the gateway sends this push on to ${to} (${status}); give --url its final address`,
    )
  }
  if (isWorthRetrying(status))
    return new PgrError('PGR_GATEWAY_BUSY', `the gateway answered ${status}${reason}; try again later`)
  if (status === 404 || status === 405) {
    return new PgrError(
      'PGR_PUSH_REFUSED',
      `the gateway answered ${status} to ${method} ${url}${reason}; check --url`,
    )
  }
  return new PgrError('PGR_PUSH_REFUSED', `the gateway refused the push (${status})${reason}`)
}

/** PGR_GATEWAY_UNREACHABLE for what sending failed with. */
export function unreachable(
  { url }: Pick<PushRequest, 'url'>,
  reason: unknown,
  { timeoutMs }: Pick<SendOptions, 'timeoutMs'>,
): PgrError {
  const at = new URL(url).origin
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    const message = `the gateway at ${at} did not answer within ${timeoutMs} ms; raise --timeout or try again later`
    return new PgrError('PGR_GATEWAY_UNREACHABLE', message, { cause: reason })
  }
  return new PgrError(
    'PGR_GATEWAY_UNREACHABLE',
    `no gateway answers at ${at} (${networkReason(reason)}); check --url`,
    {
      cause: reason,
    },
  )
}

/** What the network said is in the cause; of several addresses tried, the last one's. */
function networkReason(reason: unknown): string {
  let error = reason
  for (let depth = 0; depth < 4 && error instanceof Error; depth++) {
    if (error instanceof AggregateError && error.errors.length > 0) error = error.errors.at(-1)
    else if (error.cause instanceof Error) error = error.cause
    else break
  }
  return error instanceof Error ? oneLine(error.message) : oneLine(String(error))
}

/** The first bytes of the answer's body; the rest is not waited for. */
async function readStart(response: Response): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = response.body.getReader()
  while (bytes < LONGEST_ANSWER_BYTES) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    bytes += value.length
  }
  void reader.cancel().catch(() => {})
  return Buffer.concat(chunks).subarray(0, LONGEST_ANSWER_BYTES)
}

/** One line without control characters: the text may come from anywhere and goes to a terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
}
