import { type BodyFormat, CONTENT_TYPES, compressBody } from './body.ts'
import { type GroupLabel, groupPath } from './group-path.ts'
import { authorization, type Target } from './target.ts'

/** What somebody wants pushed. */
export interface PushOrder {
  readonly target: Target
  /** Where the body goes: a group, or the merging path without one. */
  readonly to:
    | { readonly job: string; readonly labels: readonly GroupLabel[]; readonly replace: boolean }
    | 'ingest'
  /** Asked lifetime, as the server reads it. */
  readonly ttl?: string
  readonly format: BodyFormat
  readonly body: Uint8Array
  readonly gzip: boolean
}

/** A request ready to be sent any number of times. */
export interface PushRequest {
  readonly method: 'PUT' | 'POST'
  readonly url: string
  /** Names in the usual capitals, in the order they are shown. */
  readonly headers: ReadonlyMap<string, string>
  /** As sent. */
  readonly body: Uint8Array
}

/** Builds the request. Throws PGR_SETTING_INVALID when the order names something no gateway accepts. */
export function buildRequest({ target, to, ttl, format, body, gzip }: PushOrder): PushRequest {
  const headers = new Map([['Content-Type', CONTENT_TYPES[format]]])
  if (ttl !== undefined) headers.set('X-Pgr-TTL', ttl)
  if (target.credentials) headers.set('Authorization', authorization(target.credentials))
  const compressed = gzip ? compressBody(body) : undefined
  if (compressed) headers.set('Content-Encoding', 'gzip')
  const path = to === 'ingest' ? '/ingest' : groupPath(to.job, to.labels)
  return {
    method: to !== 'ingest' && to.replace ? 'PUT' : 'POST',
    url: `${target.base}${path}`,
    headers,
    body: compressed ?? body,
  }
}
