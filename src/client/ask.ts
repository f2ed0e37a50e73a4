import { PgrError } from '../errors/pgr-error.ts'
import { isWorthRetrying } from './retry.ts'
import { oneLine, unreachable, type World } from './send.ts'
import { authorization, type Target } from './target.ts'

/** What a gateway is asked: a path below its own, and what stands behind the question mark. */
export interface Question {
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Iterable<readonly [name: string, value: string]>
}

export interface AskOptions {
  /** Until the whole answer is read. */
  readonly timeoutMs: number
  /** A longer answer is refused. */
  readonly mostBytes?: number
  /** Ends the question early; what it rejects with is thrown as it is. */
  readonly signal?: AbortSignal
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

const MOST_BYTES = 64 * 1024 * 1024
/** What a gateway says of a path it does not serve, in either spelling of failures. */
const NO_SUCH_PATH = '404 page not found'
const NOT_SERVED = Symbol('not served')
/** An explanation longer than this is cut. */
const LONGEST_REASON = 4096

/**
 * Asks once and returns whatever the gateway answers. Redirects are not followed: they would hand credentials to another
 * host. Throws PGR_GATEWAY_UNREACHABLE without an answer, PGR_BODY_TOO_LARGE for one over the limit.
 */
export async function ask(
  target: Target,
  question: Question,
  options: AskOptions,
  world: Pick<World, 'fetch'> = { fetch },
): Promise<Reply> {
  const url = urlOf(target, question)
  const tooLate = AbortSignal.timeout(options.timeoutMs)
  try {
    const response = await world.fetch(url, {
      method: question.method ?? 'GET',
      headers: headersFor(target, 'application/json, text/plain;q=0.5'),
      redirect: 'manual',
      signal: options.signal ? AbortSignal.any([options.signal, tooLate]) : tooLate,
    })
    const body = await readWhole(response, url, options.mostBytes ?? MOST_BYTES)
    return { status: response.status, headers: response.headers, body }
  } catch (reason) {
    options.signal?.throwIfAborted()
    if (reason instanceof PgrError) throw reason
    throw unreachable({ url }, reason, options)
  }
}

/**
 * Asks the API and returns `data` of its answer, null when it answers without a body. Throws what `ask` throws, and for
 * answers that refuse: PGR_UNAUTHORIZED, PGR_FORBIDDEN (401, 403), PGR_NOT_FOUND (404 of something that is not stored),
 * PGR_SETTING_INVALID (400), PGR_GATEWAY_BUSY (429, 5xx), PGR_PUSH_REFUSED (anything else, such as what is no answer of
 * this API).
 */
export async function askApi(
  target: Target,
  question: Question,
  options: AskOptions,
  world: Pick<World, 'fetch'> = { fetch },
): Promise<unknown> {
  const reply = await ask(target, question, options, world)
  const { status, body } = reply
  const isTaken = status >= 200 && status < 300
  if (isTaken && body.length === 0) return null
  const envelope = readEnvelope(body)
  if (!isTaken) throw refusal(urlOf(target, question), reply, envelope)
  if (envelope?.status !== 'success') {
    throw new PgrError(
      'PGR_PUSH_REFUSED',
      `${urlOf(target, question)} is not the API of this gateway; check --url`,
    )
  }
  return envelope.data ?? null
}

/** Whether a question failed because the gateway serves nothing at that path, as others and older ones do. */
export function isNotServed(reason: unknown): boolean {
  return reason instanceof PgrError && reason.cause === NOT_SERVED
}

/** What a question says beside its address: the media type that is wanted, and who asks. */
export function headersFor({ credentials }: Target, accept: string): Record<string, string> {
  return { Accept: accept, ...(credentials && { Authorization: authorization(credentials) }) }
}

export function urlOf({ base }: Target, { path, query = [] }: Question): string {
  const words = new URLSearchParams()
  for (const [name, value] of query) words.append(name, value)
  return `${base}${path}${words.size === 0 ? '' : `?${words}`}`
}

/** What every answer of the API is wrapped in. */
interface Envelope {
  readonly status?: unknown
  readonly data?: unknown
  readonly errorType?: unknown
  readonly error?: unknown
}

function readEnvelope(body: Uint8Array): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** What an answer that refuses is to whoever asked. */
export function refusalOf(url: string, reply: Reply): PgrError {
  return refusal(url, reply, readEnvelope(reply.body))
}

function refusal(url: string, { status, headers, body }: Reply, envelope: Envelope | undefined): PgrError {
  const said = typeof envelope?.error === 'string' ? envelope.error : Buffer.from(body).toString()
  const text = oneLine(said.slice(0, LONGEST_REASON))
  const reason = text === '' ? '' : `: ${text}`
  if (status === 401) {
    return new PgrError(
      'PGR_UNAUTHORIZED',
      `the gateway wants credentials (401)${reason}; give --user and PGR_PASSWORD, or --token-file`,
    )
  }
  if (status === 403) return new PgrError('PGR_FORBIDDEN', `the gateway forbids this (403)${reason}`)
  if (status === 400)
    return new PgrError('PGR_SETTING_INVALID', `the gateway refused the question (400)${reason}`)
  if (isWorthRetrying(status))
    return new PgrError('PGR_GATEWAY_BUSY', `the gateway answered ${status}${reason}; try again later`)
  const isAbsent = status === 404 && envelope?.errorType === 'not_found' && text !== NO_SUCH_PATH
  if (isAbsent) return new PgrError('PGR_NOT_FOUND', text)
  if (status >= 300 && status < 400) {
    const to = oneLine(headers.get('location') ?? 'elsewhere')
    return new PgrError(
      'PGR_PUSH_REFUSED',
      `the gateway sends this question on to ${to} (${status}); give --url its final address`,
    )
  }
  const isNowhere = status === 404 || status === 405
  return new PgrError(
    'PGR_PUSH_REFUSED',
    `the gateway answered ${status} to ${url}${reason}; check --url`,
    isNowhere ? { cause: NOT_SERVED } : {},
  )
}

async function readWhole(response: Response, url: string, mostBytes: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    bytes += value.length
    if (bytes > mostBytes) {
      void reader.cancel().catch(() => {})
      throw new PgrError(
        'PGR_BODY_TOO_LARGE',
        `the answer of ${url} has more than ${mostBytes} bytes; ask for less of it`,
      )
    }
    chunks.push(value)
  }
}
