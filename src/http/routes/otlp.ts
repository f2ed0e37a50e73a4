import { PgrError } from '../../errors/pgr-error.ts'
import { parseMediaType } from '../../formats/media-type.ts'
import {
  OTLP_MEDIA_TYPE,
  type OtlpEncoding,
  OtlpReader,
  type TranslationOptions,
  writeResponse,
} from '../../formats/otlp/index.ts'
import { gunzip, inflate, unzstd } from '../../wire/deflate.ts'
import { sendOtlp } from '../answer.ts'
import { type Encodings, withBody } from '../body.ts'
import type { Inflight } from '../inflight.ts'
import { readTtl, TTL_HEADER } from '../lifetime.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import type { Stalls } from '../stalls.ts'
import { TTL } from './push-parameters.ts'
import { type Operation, type Route, splitUrl } from './route.ts'
import { told } from './told.ts'

/** The path of the specification, and the one that Prometheus has for it. */
const PATHS = ['/v1/metrics', '/api/v1/otlp/v1/metrics']

/** What exporters can be set to, as far as it is there. */
const ENCODINGS: Encodings = {
  decoders: {
    gzip: gunzip,
    'x-gzip': gunzip,
    deflate: inflate,
    ...(unzstd === undefined ? {} : { zstd: unzstd }),
  },
  advice: unzstd === undefined ? 'gzip, deflate or no encoding' : 'gzip, deflate, zstd or no encoding',
}

const ENCODING_OF: ReadonlyMap<string, OtlpEncoding> = new Map(
  (['protobuf', 'json'] as const).map((encoding) => [OTLP_MEDIA_TYPE[encoding], encoding]),
)

/** Metrics of OTLP/HTTP (OpenTelemetry Protocol, OTLP/HTTP). */
export function otlpRoutes(
  options: HttpOptions,
  { gateway, tell }: HttpDeps,
  inflight: Inflight,
  stalls: Stalls,
): Route[] {
  const readerFor = makeReaders(options)

  const exporting = told(tell, 'otlp', async ({ raw, headers }, reply, progress) => {
    const encoding = encodingOf(headers['content-type'])
    progress.protocol = 'otlp'
    progress.style = encoding
    const { query } = splitUrl(raw.url ?? '')
    const ttlMs = readTtl(headers[TTL_HEADER], query, options.ttl.maxMs)
    const bodyOptions = { limitBytes: options.limits.bodyBytes, inflight, encodings: ENCODINGS }
    await withBody(raw, reply.raw, bodyOptions, async ({ bytes, sentBytes }) => {
      progress.sentBytes = sentBytes
      const { families, rejectedPoints, message } = readerFor().read(bytes, encoding)
      await stalls.assertWaiting(raw)
      const written = await gateway.otlp({
        families,
        ...(ttlMs === undefined ? {} : { ttlMs }),
        protocol: 'otlp',
        deadlineMs: performance.now() + options.requestTimeoutMs,
      })
      progress.series = written.points
      const reasons = [message, ...written.reasons].filter((reason) => reason !== '')
      const answer = {
        rejectedPoints: rejectedPoints + written.rejectedPoints,
        message: reasons.join('; '),
      }
      sendOtlp(reply.code(200), writeResponse(answer, encoding), encoding)
    })
    return 200
  })

  const types = [...ENCODING_OF.keys()]
  const operation: Operation = {
    handler: exporting,
    summary: 'Take OTLP metrics',
    description: 'Points that say how things stand replace older ones, deltas are added up.',
    reads: { ttl: TTL },
    headers: { 'X-Pgr-TTL': 'The same as `ttl`.', 'Content-Encoding': ENCODINGS.advice },
    body: { types, description: 'An ExportMetricsServiceRequest.' },
    answers: {
      200: { description: 'Stored, but for the points that the answer counts as rejected.', types },
      400: { description: 'It cannot be read.' },
      413: { description: 'The body is too large.' },
      415: { description: 'The encoding or type is not read here.' },
      429: { description: 'There is no room, or there are too many requests.' },
      503: { description: 'The store is away; send it again.' },
    },
    failures: 'otlp',
  }
  return PATHS.map((path) => ({ path, methods: { POST: operation } }))
}

/** A reader remembers what it read by the limits it was made with. */
function makeReaders(options: HttpOptions): () => OtlpReader {
  let limits: TranslationOptions['limits'] | undefined
  let reader: OtlpReader | undefined
  return () => {
    if (reader === undefined || limits !== options.limits.samples) {
      limits = options.limits.samples
      reader = new OtlpReader({ ...options.otlp, limits })
    }
    return reader
  }
}

/** Throws PGR_TYPE_UNSUPPORTED. */
function encodingOf(contentType: string | undefined): OtlpEncoding {
  const encoding = ENCODING_OF.get(parseMediaType(contentType).type)
  if (encoding !== undefined) return encoding
  throw new PgrError(
    'PGR_TYPE_UNSUPPORTED',
    `content type ${JSON.stringify(contentType ?? '')} is not read here; send OTLP metrics as ${[...ENCODING_OF.keys()].join(' or ')}`,
  )
}
