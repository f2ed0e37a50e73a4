import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OtherHandler } from '../../telemetry/events.ts'
import type { Parameters } from '../parameters.ts'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** What is served at one path; every other method of it is answered 405. */
export interface Route {
  /** Below the route prefix; may end in a wildcard or in a name after a colon. */
  readonly path: string
  /** Paths that a wildcard stands for, with names in braces; what each of these is. */
  readonly shownAs?: readonly string[]
  readonly names?: Readonly<Record<string, string>>
  /** Read and checked before a handler is called, which finds the outcome in `request.query`. */
  readonly query?: Parameters
  readonly methods: Readonly<Partial<Record<Method, Operation>>>
  /** What its answers are told as, when they are told by nobody else. */
  readonly toldAs?: OtherHandler
}

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

/** What is done, and what the description of the API says of it. */
export interface Operation extends About {
  readonly handler: Handler
}

export interface About {
  /** A few words without a full stop. */
  readonly summary: string
  /** Sentences. */
  readonly description?: string
  /** Parameters that the handler reads of the query by itself. */
  readonly reads?: Parameters
  /** Headers of the request that change what is done. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: { readonly types: readonly string[]; readonly description: string }
  /** By status; of failures, which are described together, those worth naming. */
  readonly answers: Readonly<Record<number, Answer>>
  /** How failures are spelled, where that is not as everywhere under the path. */
  readonly failures?: FailureStyle
}

export type FailureStyle = 'text' | 'api' | 'otlp'

interface Answer {
  readonly description: string
  /** Media types; none when there is no body. */
  readonly types?: readonly string[]
  /** JSON Schema of the body. */
  readonly schema?: object
}

/** A page for people and scrapers: HEAD gives the head of what GET gives. */
export function page(path: string, handler: Handler, about: About, toldAs?: OtherHandler): Route {
  const operation = { ...about, handler }
  return {
    path,
    methods: { GET: operation, HEAD: operation },
    ...(toldAs === undefined ? {} : { toldAs }),
  }
}

/** Path and query of a request as sent, without decoding; the query without its question mark. */
export function splitUrl(url: string): { path: string; query: string } {
  const at = url.indexOf('?')
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) }
}
