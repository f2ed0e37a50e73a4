import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask } from './ask.ts'

const BUILT = fileURLToPath(new URL('../../dist/page/', import.meta.url))
const MOST_BYTES = 60 * 1024

describe('the files of the status page', () => {
  const prefix = '/pgr'
  let pgr: Pgr
  let index: string
  let links: string[]

  beforeAll(async () => {
    pgr = await startPgr({ flags: [`--web.route-prefix=${prefix}`], routePrefix: prefix })
    index = (await ask(pgr.url, `${prefix}/`)).text
    links = [...index.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, link = '']) => link)
  })
  afterAll(() => pgr?.stop())

  it('are 60 kB at most when compressed, all of them together', () => {
    const names = filesBelow(BUILT).filter((name) => !name.endsWith('.gz') && !name.endsWith('.txt'))
    expect(names.length).toBeGreaterThan(4)
    const bytes = names.reduce((sum, name) => sum + readFileSync(`${join(BUILT, name)}.gz`).length, 0)
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
  })

  it('are what is served compressed, or plain to who takes nothing else', async () => {
    expect(links.length).toBeGreaterThan(2)
    for (const link of ['', ...links]) {
      const path = `${prefix}/${link}`
      const file = readFileSync(join(BUILT, link === '' ? 'index.html' : link))
      const packed = await ask(pgr.url, path, { headers: { 'accept-encoding': 'gzip' } })
      expect([link, packed.headers['content-encoding']]).toEqual([link, 'gzip'])
      expect(packed.bytes.length).toBeLessThan(file.length)
      expect(gunzipSync(packed.bytes).equals(file)).toBe(true)
      const plain = await ask(pgr.url, path)
      expect([link, plain.headers['content-encoding']]).toEqual([link, undefined])
      expect(plain.bytes.equals(file)).toBe(true)
    }
  })

  it("are guarded: nothing inline, nothing from elsewhere, in nobody else's frame, in no index", async () => {
    for (const link of ['', ...links]) {
      const { headers } = await ask(pgr.url, `${prefix}/${link}`)
      const policy = headers['content-security-policy']
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['x-robots-tag']).toContain('noindex')
    }
    expect(index).not.toMatch(/<script(?![^>]*src=)|<style|https?:/)
  })

  it('are kept by browsers for good, but for the index, which is asked for again', async () => {
    for (const link of links) {
      const { headers } = await ask(pgr.url, `${prefix}/${link}`)
      expect([link, headers['cache-control']]).toEqual([link, expect.stringContaining('immutable')])
    }
    const { headers } = await ask(pgr.url, `${prefix}/`)
    expect(headers['cache-control']).toBe('no-cache')
    const again = await ask(pgr.url, `${prefix}/`, { headers: { 'if-none-match': headers.etag ?? '' } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('come with the licences of what is bundled in them', async () => {
    const { status, text } = await ask(pgr.url, `${prefix}/LICENSES.txt`)
    expect(status).toBe(200)
    for (const name of ['preact', '@preact/signals', '@preact/signals-core', 'uplot'])
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'))
    expect(text.match(/permission notice shall be included/g)?.length).toBeGreaterThanOrEqual(4)
  })
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
}
