import { gzipSync } from 'node:zlib'

/** Formats of a body that is pushed as it is. */
export type BodyFormat = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<BodyFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Below this, gzip costs more than it saves. */
const GZIP_FROM_BYTES = 1024

/** OpenMetrics ends with `# EOF`; in the classic text format that line would be one comment among others. */
export function detectFormat(body: Uint8Array): BodyFormat {
  const tail = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(
    'latin1',
    Math.max(0, body.length - 8),
  )
  return /(?:^|\n)# EOF\n?$/.test(tail) ? 'openmetrics' : 'text'
}

/** Compresses what is over 1 kB; undefined when compressing is not worth it. */
export function compressBody(body: Uint8Array): Uint8Array | undefined {
  if (body.length <= GZIP_FROM_BYTES) return undefined
  const compressed = gzipSync(body)
  return compressed.length < body.length ? compressed : undefined
}
