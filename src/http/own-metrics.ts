import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import type { Writer } from '../formats/format.ts'
import { readerFor } from '../formats/index.ts'
import type { Family } from '../model/family.ts'
import type { EscapingScheme } from '../model/names.ts'

const gzip = promisify(gzipCallback)

/** Own metrics come from us: nothing about them has to be limited. */
const READ_OPTIONS = {
  limits: {
    labelsPerSeries: Number.POSITIVE_INFINITY,
    nameLength: Number.POSITIVE_INFINITY,
    valueLength: Number.POSITIVE_INFINITY,
    seriesPerPush: Number.POSITIVE_INFINITY,
  },
  utf8Names: true,
}

/** Families of the page of own metrics, which is text 0.0.4. */
export function readOwn(body: string): readonly Family[] {
  return readerFor(undefined).read(Buffer.from(body), READ_OPTIONS)
}

interface Page {
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
}

/**
 * A page of pushed metrics with own families behind, for a server that shows both at one path; a format that ends its page
 * with something cannot have them. The page is compressed here when asked, which costs what it costs; two paths are the
 * fast way.
 */
export async function appendOwn(
  pushed: Page,
  own: readonly Family[],
  { writer, escaping, compress }: { writer: Writer; escaping: EscapingScheme; compress: boolean },
): Promise<Page> {
  const chunks = [...pushed.chunks]
  for (const family of own) {
    const block = writer.block(family, [], { escaping, timestamps: false })
    chunks.push(writer.head(family, escaping, block.length), block)
  }
  if (!compress) return { chunks, bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) }
  const zipped = await gzip(Buffer.concat(chunks), { level: 1 })
  return { chunks: [zipped], bytes: zipped.byteLength }
}
