import type { FastifyReply } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { RemoteWriteReader, type RemoteWriteVersion, versionFor } from '../../formats/remote-write/index.ts'
import type { RemoteWritten } from '../../gateway/gateway.ts'
import { unsnapBlock } from '../../wire/snappy.ts'
import { withBody } from '../body.ts'
import type { Inflight } from '../inflight.ts'
import { readTtl, TTL_HEADER } from '../lifetime.ts'
import { type HttpDeps, type HttpOptions, sampleOptionsOf } from '../options.ts'
import type { Stalls } from '../stalls.ts'
import { TTL } from './push-parameters.ts'
import { type Operation, type Route, splitUrl } from './route.ts'
import { told } from './told.ts'

/** Prometheus' own path, and the one that others had before it. */
const PATHS = ['/api/v1/write', '/api/v1/push']

/** Bodies are in the block format, whether they say so or not; there is no other. */
const ENCODINGS = {
  decoders: { snappy: unsnapBlock },
  unnamed: 'snappy',
  advice: 'snappy in its block format, as remote write does',
} as const

/** Remote write 1.0 and 2.0 (Prometheus, remote write specifications). */
export function remoteWriteRoutes(
  options: HttpOptions,
  { gateway, tell }: HttpDeps,
  inflight: Inflight,
  stalls: Stalls,
): Route[] {
  const reader = new RemoteWriteReader(gateway.placeSeries)
  const samples = sampleOptionsOf(options)

  const writing = told(tell, 'remote-write', async ({ raw, headers }, reply, progress) => {
    const version = versionFor(headers['content-type'])
    const protocol = version === 2 ? 'remote-write-2' : 'remote-write-1'
    progress.protocol = protocol
    // What is not said to be written counts as not written; until it is, nothing is.
    if (version === 2) sayWritten(reply, NOTHING)
    const { query } = splitUrl(raw.url ?? '')
    const ttlMs = readTtl(headers[TTL_HEADER], query, options.ttl.maxMs)
    const bodyOptions = { limitBytes: options.limits.bodyBytes, inflight, encodings: ENCODINGS }
    const written = await withBody(raw, reply.raw, bodyOptions, async ({ bytes, sentBytes }) => {
      progress.sentBytes = sentBytes
      const body = reader.read(bytes, version, samples)
      await stalls.assertWaiting(raw)
      return gateway.remoteWrite({
        body,
        ...(ttlMs === undefined ? {} : { ttlMs }),
        protocol,
        deadlineMs: performance.now() + options.requestTimeoutMs,
      })
    })
    progress.series = written.samples + written.histograms
    if (version === 2) sayWritten(reply, written)
    assertNoneRefused(written, version)
    return 204
  })

  const operation: Operation = {
    handler: writing,
    summary: 'Take remote write 1.0 or 2.0',
    description: 'What cannot be stored is refused by itself, and the rest is stored.',
    reads: { ttl: TTL },
    headers: { 'X-Pgr-TTL': 'The same as `ttl`.' },
    body: {
      types: ['application/x-protobuf', 'application/x-protobuf;proto=io.prometheus.write.v2.Request'],
      description: 'A WriteRequest or Request, compressed with snappy in its block format.',
    },
    answers: {
      204: { description: 'Stored.' },
      400: { description: 'Some of it, or all, cannot be stored.' },
      413: { description: 'The body is too large.' },
      415: { description: 'The encoding or type is not read here.' },
      429: { description: 'There is no room, or there are too many requests.' },
      503: { description: 'The store is away; send it again.' },
    },
    failures: 'text',
  }
  return PATHS.map((path) => ({ path, methods: { POST: operation } }))
}

const NOTHING = { samples: 0, histograms: 0, exemplars: 0 }

/** Senders of 1.0 take these for a partial failure, so that only those of 2.0 get them. */
function sayWritten(
  reply: FastifyReply,
  { samples, histograms, exemplars }: Pick<RemoteWritten, 'samples' | 'histograms' | 'exemplars'>,
): void {
  reply.headers({
    'x-prometheus-remote-write-samples-written': String(samples),
    'x-prometheus-remote-write-histograms-written': String(histograms),
    'x-prometheus-remote-write-exemplars-written': String(exemplars),
  })
}

function assertNoneRefused(written: RemoteWritten, version: RemoteWriteVersion): void {
  const { refused, samples, histograms, exemplars, reasons } = written
  if (refused === 0) return
  throw new PgrError(
    'PGR_PUSH_INVALID',
    `${refused} of the body cannot be stored, the other ${samples + histograms + exemplars} are: ${reasons.join('; ')}` +
      (version === 1 ? '; sending it again does not help' : ''),
  )
}
