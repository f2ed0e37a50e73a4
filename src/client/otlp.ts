import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { PgrError } from '../errors/pgr-error.ts'
import { parseMediaType } from '../formats/media-type.ts'
import { OTLP_MEDIA_TYPE, readStatus } from '../formats/otlp/index.ts'
import { type Family, seriesOf } from '../model/family.ts'
import { type Labels, labelValue, withoutNames } from '../model/labels.ts'
import { compressBody } from './body.ts'
import { toMetricData } from './otlp-metrics.ts'
import type { PushRequest } from './request.ts'
import { type Answer, oneLine } from './send.ts'
import { authorization, type Target } from './target.ts'

/** Families to be sent by OTLP. */
export interface OtlpOrder {
  readonly target: Target
  readonly families: readonly Family[]
  /** Sorted. `job` and `instance` name the resource; every point gets the others, over its own. */
  readonly labels: Labels
  /** For samples without a timestamp. */
  readonly nowMs: number
  readonly ttl?: string
  readonly gzip: boolean
}

const JOB = 'job'
const INSTANCE = 'instance'
const IDENTITY: Labels = [JOB, INSTANCE].map((name) => ({ name, value: '' }))

/** Builds the request. Throws PGR_PUSH_INVALID for times and counts that OTLP cannot carry. */
export function buildOtlp({ target, families, labels, nowMs, ttl, gzip }: OtlpOrder): {
  request: PushRequest
  series: number
} {
  const metrics = toMetricData(families, { labels: withoutNames(labels, IDENTITY), nowMs })
  const body = ProtobufMetricsSerializer.serializeRequest({
    resource: resourceFromAttributes(resourceAttributes(labels)),
    scopeMetrics: [{ scope: { name: 'pgr' }, metrics }],
  })
  if (body === undefined) throw new PgrError('PGR_INTERNAL', 'the serializer of OTLP wrote nothing')
  const headers = new Map([['Content-Type', OTLP_MEDIA_TYPE.protobuf]])
  if (ttl !== undefined) headers.set('X-Pgr-TTL', ttl)
  if (target.credentials) headers.set('Authorization', authorization(target.credentials))
  const compressed = gzip ? compressBody(body) : undefined
  if (compressed) headers.set('Content-Encoding', 'gzip')
  return {
    request: { method: 'POST', url: `${target.base}/v1/metrics`, headers, body: compressed ?? body },
    series: families.reduce((sum, family) => sum + seriesOf(family), 0),
  }
}

function resourceAttributes(labels: Labels): Record<string, string> {
  const job = labelValue(labels, JOB)
  const instance = labelValue(labels, INSTANCE)
  return {
    ...(job !== undefined && { 'service.name': job }),
    ...(instance !== undefined && { 'service.instance.id': instance }),
  }
}

/**
 * What a receiver that took the request warns of; undefined when all is well. Throws PGR_PUSH_REFUSED when it took only
 * part of it, or gives an answer that is not one of OTLP.
 */
export function readOtlpAnswer({ headers, body }: Answer): string | undefined {
  if (body.length === 0) return undefined
  const { partialSuccess } = deserialize(headers, body)
  const rejected = partialSuccess?.rejectedDataPoints ?? 0
  const message = oneLine(partialSuccess?.errorMessage ?? '')
  if (rejected === 0) return message === '' ? undefined : message
  const why = message === '' ? 'its log may say why' : message
  throw new PgrError(
    'PGR_PUSH_REFUSED',
    `the receiver rejected points (${rejected}) and took the others: ${why}`,
  )
}

function deserialize(headers: Headers, body: Uint8Array) {
  const type = headers.get('content-type') ?? ''
  try {
    if (isProtobuf(headers)) return ProtobufMetricsSerializer.deserializeResponse(body)
  } catch (reason) {
    throw notOtlp(type, reason)
  }
  throw notOtlp(type)
}

function notOtlp(type: string, cause?: unknown): PgrError {
  return new PgrError(
    'PGR_PUSH_REFUSED',
    `the receiver's answer, of type ${JSON.stringify(type)}, is none of OTLP, so that nobody knows what became of the push; check --url`,
    { cause },
  )
}

/** The reason that an answer other than 2xx gives. */
export function explainOtlp({ headers, body }: Answer): string {
  return (isProtobuf(headers) ? readStatus(body) : undefined) ?? Buffer.from(body).toString()
}

function isProtobuf(headers: Headers): boolean {
  return parseMediaType(headers.get('content-type') ?? undefined).type === OTLP_MEDIA_TYPE.protobuf
}
