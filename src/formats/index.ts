import { PgrError } from '../errors/pgr-error.ts'
import type { Reader, Writer } from './format.ts'
import { parseMediaType } from './media-type.ts'
import type { Offer } from './negotiate.ts'
import * as openMetrics from './openmetrics-text/index.ts'
import * as protobuf from './prometheus-protobuf/index.ts'
import * as text from './prometheus-text/index.ts'

/**
 * formats: which reader takes a body, by its media type, and which writers a page can be asked of, by name.
 */

/** Readers of push paths by media type; what is not here and not refused below is text, as curl and prom-client need. */
const readers: ReadonlyMap<string, Reader> = new Map([
  ['text/plain', text.reader],
  [openMetrics.MEDIA_TYPE, openMetrics.reader],
])

/** Media types that are never text, with what to do instead. */
const refused: ReadonlyMap<string, string> = new Map([
  [
    'application/x-protobuf',
    'this path reads text; send remote write to /api/v1/write and OTLP metrics to /v1/metrics',
  ],
  [protobuf.MEDIA_TYPE, `it needs the parameters proto=${protobuf.PROTO}; encoding=delimited`],
])

/**
 * The reader for a push with this Content-Type. An unknown or missing type is read as text. Throws PGR_TYPE_UNSUPPORTED
 * for the types of other paths and for those no path reads.
 */
export function readerFor(contentType: string | undefined): Reader {
  if (contentType !== last.contentType) last = { contentType, reader: chooseReader(contentType) }
  return last.reader
}

/** Most requests are of the same type as the one before. */
let last: { readonly contentType: string | undefined; readonly reader: Reader } = {
  contentType: undefined,
  reader: text.reader,
}

function chooseReader(contentType: string | undefined): Reader {
  const { type: mediaType, parameters } = parseMediaType(contentType)
  if (mediaType === protobuf.MEDIA_TYPE && isDelimited(parameters)) return protobuf.reader
  const remedy = refused.get(mediaType)
  if (remedy !== undefined) {
    throw new PgrError('PGR_TYPE_UNSUPPORTED', `content type ${mediaType} is not read here; ${remedy}`)
  }
  return readers.get(mediaType) ?? text.reader
}

function isDelimited(parameters: ReadonlyMap<string, string>): boolean {
  return parameters.get('proto') === protobuf.PROTO && parameters.get('encoding') === 'delimited'
}

/** Writers by name. */
export const writers: ReadonlyMap<string, Writer> = new Map(
  [text.writer, openMetrics.writer, protobuf.writer].map((writer) => [writer.name, writer]),
)

/** Text 0.0.4 stands first: it answers whoever names nothing on offer. */
export const offers: readonly [Offer, ...(readonly Offer[])] = [
  {
    writer: text.writer,
    mediaType: 'text/plain',
    parameters: new Map([['version', ['0.0.4', undefined]]]),
    contentType: (escaping) => text.writer.contentType(escaping),
  },
  {
    writer: openMetrics.writer,
    mediaType: openMetrics.MEDIA_TYPE,
    parameters: new Map([['version', ['1.0.0']]]),
    contentType: (escaping) => openMetrics.contentTypeOf('1.0.0', escaping),
  },
  {
    // An entry without a version asks for the oldest; the page is the same.
    writer: openMetrics.writer,
    mediaType: openMetrics.MEDIA_TYPE,
    parameters: new Map([['version', ['0.0.1', undefined]]]),
    contentType: (escaping) => openMetrics.contentTypeOf('0.0.1', escaping),
  },
  {
    writer: protobuf.writer,
    mediaType: protobuf.MEDIA_TYPE,
    parameters: new Map([
      ['proto', [protobuf.PROTO]],
      ['encoding', ['delimited']],
    ]),
    contentType: (escaping) => protobuf.writer.contentType(escaping),
  },
]
