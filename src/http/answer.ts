import type { FastifyReply } from 'fastify'
import { PgrError } from '../errors/pgr-error.ts'
import { OTLP_MEDIA_TYPE, type OtlpEncoding, writeStatus } from '../formats/otlp/index.ts'
import type { Tell } from '../telemetry/events.ts'

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** When a refusal does not say for how long. */
const RETRY_AFTER_SECONDS = 1
/** One failure meets many callers at once; they are not all to come back in the same second. */
const RETRY_SPREAD_SECONDS = 5
/** Longer messages quote what a stranger sent; the start of it is enough. */
const MAX_MESSAGE_LENGTH = 2000

/**
 * How a failure is spelled: text, the JSON envelope of Prometheus' API, or a google.rpc.Status in either encoding of OTLP.
 */
export type ErrorStyle = 'text' | 'api' | OtlpEncoding

/**
 * What a caught failure is to the outside. Anything but a `PgrError` is a defect: told with all there is, answered
 * without any of it.
 */
export function asFailure(reason: unknown, where: string, tell: Tell): PgrError {
  if (reason instanceof PgrError && reason.code !== 'PGR_INTERNAL') return reason
  tell({ kind: 'defect', where, error: reason })
  return new PgrError('PGR_INTERNAL', 'this is a defect in pgr; the log of the server says more', {
    cause: reason,
  })
}

/** Answers with a failure: status by its code, its message on one line, when to come back, which differs by caller. */
export function sendFailure(
  reply: FastifyReply,
  failure: PgrError,
  style: ErrorStyle = 'text',
): FastifyReply {
  const { status, retry } = failure.failure
  const message = toOneLine(failure.message)
  reply.code(status).header('x-content-type-options', 'nosniff')
  if (retry) reply.header('retry-after', retryAfter(failure))
  if (style === 'text') return reply.type(TEXT).send(`${message}\n`)
  if (style !== 'api') return sendOtlp(reply, writeStatus(status, message, style), style)
  return asApi(reply).send(
    JSON.stringify({ status: 'error', errorType: errorTypeOf(status), error: message }),
  )
}

export function sendOtlp(reply: FastifyReply, message: Uint8Array, encoding: OtlpEncoding): FastifyReply {
  return reply.type(OTLP_MEDIA_TYPE[encoding]).send(Buffer.from(message))
}

/** So that a page of another origin may read the API, as it may Pushgateway's; what removes is not for it. */
const API_HEADERS = {
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, OPTIONS',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Date',
  'cache-control': 'no-cache, no-store, must-revalidate',
}

/** Makes an answer one of the API: JSON, and for anybody to read. */
export function asApi(reply: FastifyReply): FastifyReply {
  return reply.headers(API_HEADERS).header('x-content-type-options', 'nosniff').type(JSON_TYPE)
}

export function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('x-content-type-options', 'nosniff').type(TEXT).send(text)
}

function retryAfter({ retryAfterSeconds = RETRY_AFTER_SECONDS }: PgrError): number {
  return Math.max(1, Math.ceil(retryAfterSeconds)) + Math.floor(Math.random() * RETRY_SPREAD_SECONDS)
}

function toOneLine(message: string): string {
  const short = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message
  return short.replace(/[\r\n\u2028\u2029]+/g, ' ')
}

/** The words of Prometheus' HTTP API. */
function errorTypeOf(status: number): string {
  if (status === 404) return 'not_found'
  if (status === 429 || status === 503) return 'unavailable'
  return status >= 500 ? 'internal' : 'bad_data'
}
