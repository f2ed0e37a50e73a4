import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OtherHandler } from '../../telemetry/events.ts'
import type { Parameters } from '../parameters.ts'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** What is served at one path; every other method of it is answered 405. */
export interface Route {
  /** Below the route prefix; may end in a wildcard. */
  readonly path: string
  /** Read and checked before a handler is called, which finds the outcome in `request.query`. */
  readonly query?: Parameters
  readonly methods: Readonly<Partial<Record<Method, Handler>>>
  /** What its answers are told as, when they are told by nobody else. */
  readonly toldAs?: OtherHandler
}

type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

/** A page for people and scrapers: HEAD gives the head of what GET gives. */
export function page(path: string, handler: Handler, toldAs?: OtherHandler): Route {
  return {
    path,
    methods: { GET: handler, HEAD: handler },
    ...(toldAs === undefined ? {} : { toldAs }),
  }
}

/** Path and query of a request as sent, without decoding; the query without its question mark. */
export function splitUrl(url: string): { path: string; query: string } {
  const at = url.indexOf('?')
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) }
}
