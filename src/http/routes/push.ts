import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { PgrError } from '../../errors/pgr-error.ts'
import { readerFor } from '../../formats/index.ts'
import type { Family } from '../../model/family.ts'
import type { Event, Protocol } from '../../telemetry/events.ts'
import { asFailure, sendFailure } from '../answer.ts'
import { withBody } from '../body.ts'
import { parseGroupPath } from '../group-path.ts'
import type { Inflight } from '../inflight.ts'
import { readTtl, TTL_HEADER } from '../lifetime.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import type { Stalls } from '../stalls.ts'
import { type Handler, type Route, splitUrl } from './route.ts'

/** Push paths never move with the path of the scrape. */
const PUSH_PREFIX = '/metrics/'
export const PUSH_PATHS = ['/metrics/job/*', '/metrics/job@base64/*']

type WriteEvent = Event & { kind: 'push' }

/** What a request turned out to be, for telemetry; filled in as far as it got. */
interface Progress {
  protocol: Protocol
  sentBytes: number
  series: number
}

/** The ways in that read text: `PUT`, `POST` and `DELETE` of a group, and `POST` of the ingest path. */
export function pushRoutes(
  options: HttpOptions,
  { gateway, tell }: HttpDeps,
  inflight: Inflight,
  stalls: Stalls,
): Route[] {
  // Options are asked at each request: they may be exchanged.
  const sampleOptions = {
    get limits() {
      return options.limits.samples
    },
    get utf8Names() {
      return options.utf8Names
    },
  }
  const bodyOptions = {
    get limitBytes() {
      return options.limits.bodyBytes
    },
    inflight,
  }
  const groupStart = options.routePrefix.length + PUSH_PREFIX.length

  function deadline(): number {
    return performance.now() + options.requestTimeoutMs
  }

  /** Reads the body with the format its type names, and has it stored. */
  async function store(
    { raw, headers }: FastifyRequest,
    response: ServerResponse,
    progress: Progress,
    write: (families: Family[], bytes: number) => Promise<{ series: number }>,
  ): Promise<void> {
    const reader = readerFor(headers['content-type'])
    progress.protocol = reader.name as Protocol
    await withBody(raw, response, bodyOptions, async ({ bytes, sentBytes }) => {
      progress.sentBytes = sentBytes
      const families = reader.read(bytes, sampleOptions)
      await stalls.assertWaiting(raw)
      const { series } = await write(families, bytes.byteLength)
      progress.series = series
    })
  }

  function pushing(mode: 'put' | 'post'): Handler {
    return told('push', async (request, response, progress) => {
      const { path, query } = splitUrl(request.raw.url ?? '')
      const group = parseGroupPath(path.slice(groupStart), sampleOptions)
      const ttlMs = readTtl(request.headers[TTL_HEADER], query, options.ttl.maxMs)
      await store(request, response, progress, (families, bytes) =>
        gateway.push({
          mode,
          group,
          families,
          ...(ttlMs === undefined ? {} : { ttlMs }),
          protocol: progress.protocol,
          deadlineMs: deadline(),
          bytes,
        }),
      )
      return options.consistencyCheck ? 200 : 202
    })
  }

  const ingesting = told('ingest', async (request, response, progress) => {
    const { query } = splitUrl(request.raw.url ?? '')
    const ttlMs = readTtl(request.headers[TTL_HEADER], query, options.ttl.maxMs)
    await store(request, response, progress, (families, bytes) =>
      gateway.ingest({
        families,
        ...(ttlMs === undefined ? {} : { ttlMs }),
        protocol: progress.protocol,
        deadlineMs: deadline(),
        bytes,
      }),
    )
    return 200
  })

  /** A body, its type and a lifetime mean nothing here and are not looked at: clients send them. */
  const deleting = told('delete', async (request) => {
    const { path } = splitUrl(request.raw.url ?? '')
    const group = parseGroupPath(path.slice(groupStart), sampleOptions)
    await stalls.assertWaiting(request.raw)
    await gateway.removeGroup({ group, deadlineMs: deadline() })
    return 202
  })

  /** Answers with the status `work` ends with, or its failure, and tells what happened. */
  function told(
    handler: WriteEvent['handler'],
    work: (request: FastifyRequest, response: ServerResponse, progress: Progress) => Promise<number>,
  ): Handler {
    return async (request, reply) => {
      const startedAtMs = performance.now()
      const progress: Progress = { protocol: 'none', sentBytes: 0, series: 0 }
      let status: number
      let failure: PgrError | undefined
      try {
        status = await work(request, reply.raw, progress)
        reply.code(status).send()
      } catch (reason) {
        failure = asFailure(reason, handler, tell)
        status = failure.failure.status
        sendFailure(reply, failure)
      }
      tell({
        kind: 'push',
        handler,
        protocol: progress.protocol,
        method: request.method,
        status,
        bytes: progress.sentBytes,
        series: failure === undefined ? progress.series : 0,
        seconds: (performance.now() - startedAtMs) / 1000,
        ...(failure === undefined ? {} : { code: failure.code, reason: failure.message }),
        group: request.raw.url ?? '',
      })
      return reply
    }
  }

  return [
    ...PUSH_PATHS.map((path) => ({
      path,
      methods: { PUT: pushing('put'), POST: pushing('post'), DELETE: deleting },
    })),
    { path: options.paths.ingest, methods: { POST: ingesting } },
  ]
}
