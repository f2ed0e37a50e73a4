import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'

const gzip = promisify(gzipCallback)

interface Page {
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
}

const TYPE_LINE = Buffer.from('# TYPE ')
const LINE_END = 0x0a
const BLANK = 0x20

/** Families of a piece of a page; the pieces of an unchanged page are the same objects each time. */
const familiesOf = new WeakMap<Uint8Array, ReadonlySet<string>>()

/**
 * A page of pushed metrics in text 0.0.4 with the own metrics after it, for a server that shows both at one path. An own
 * family that was also pushed is left out: a name may stand on a page once. The page is compressed here when asked,
 * which costs what it costs; two paths are the fast way.
 */
export async function appendOwn(pushed: Page, own: string, compress: boolean): Promise<Page> {
  const taken = pushed.chunks.map(familiesIn)
  const kept = splitFamilies(own).filter(({ name }) => !taken.some((names) => names.has(name)))
  const chunks = [...pushed.chunks, Buffer.from(kept.map(({ text }) => text).join(''))]
  if (!compress) return { chunks, bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) }
  const zipped = await gzip(Buffer.concat(chunks), { level: 1 })
  return { chunks: [zipped], bytes: zipped.byteLength }
}

function familiesIn(chunk: Uint8Array): ReadonlySet<string> {
  const known = familiesOf.get(chunk)
  if (known !== undefined) return known
  const names = new Set<string>()
  const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  for (let at = text.indexOf(TYPE_LINE); at !== -1; at = text.indexOf(TYPE_LINE, at + 1)) {
    // Within a line it is part of a help text.
    if (at > 0 && text[at - 1] !== LINE_END) continue
    const start = at + TYPE_LINE.length
    const end = text.indexOf(BLANK, start)
    if (end !== -1) names.add(text.toString('utf8', start, end))
  }
  familiesOf.set(chunk, names)
  return names
}

/** Own families with their text, which begins with a HELP line each. */
function splitFamilies(page: string): { name: string; text: string }[] {
  return page
    .split(/^(?=# HELP )/m)
    .filter((text) => text.startsWith('# HELP '))
    .map((text) => ({
      name: text.slice('# HELP '.length).split(' ', 1)[0] ?? '',
      text: `${text.trimEnd()}\n`,
    }))
}
