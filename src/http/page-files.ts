import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the status page as it is sent. */
export interface PageFile {
  /** Below the folder of the page, without a slash in front. */
  readonly name: string
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly etag: string
  /** The name changes with the content, so that nobody has to ask again. */
  readonly isImmutable: boolean
}

/** Where the build puts the page; the same seen from the source and from what was built of it. */
const BUILT = fileURLToPath(new URL('../../dist/page/', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Every file of the page that was built; none when it was not. They are few and small, and stay in memory. */
export function readPageFiles(): readonly PageFile[] {
  if (!existsSync(BUILT)) return []
  return readdirSync(BUILT, { recursive: true, encoding: 'utf8' })
    .filter((name) => extname(name) in TYPES)
    .map((name) => {
      const plain = readFileSync(BUILT + name)
      return {
        name: name.replaceAll('\\', '/'),
        type: TYPES[extname(name)] ?? '',
        plain,
        gzip: readFileSync(`${BUILT}${name}.gz`),
        etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
        isImmutable: name.startsWith('assets'),
      }
    })
}
