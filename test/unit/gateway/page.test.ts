import { randomBytes } from 'node:crypto'
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { joinCrc, shiftOf } from '../../../src/gateway/exposition/crc32.ts'
import { Deflater } from '../../../src/gateway/exposition/gzip-member.ts'
import { HEAD, Page } from '../../../src/gateway/exposition/page.ts'

const END = Buffer.from('# EOF\n')
/** An empty final block. */
const LAST_BLOCK = Buffer.from([3, 0])
const deflater = new Deflater()
afterAll(() => deflater.close())

function textOf(page: Page): string {
  page.join(Number.POSITIVE_INFINITY)
  return Buffer.concat(page.plain().chunks).toString()
}

async function unzippedTextOf(page: Page): Promise<string> {
  page.join(Number.POSITIVE_INFINITY)
  const { chunks, bytes } = await page.gzip(deflater, END)
  const whole = Buffer.concat(chunks)
  expect(whole.length).toBe(bytes)
  return gunzipSync(whole).toString()
}

describe('a checksum joined from parts', () => {
  it.each([
    ['two parts', 5, 11],
    ['an empty first part', 0, 7],
    ['an empty second part', 7, 0],
    ['a part longer than 64 KiB', 3, 200_001],
  ])('equals the checksum of the whole for %s', (_why, a, b) => {
    const first = randomBytes(a)
    const second = randomBytes(b)
    expect(joinCrc(crc32(first), crc32(second), shiftOf(b))).toBe(crc32(Buffer.concat([first, second])))
  })
})

describe('a page', () => {
  it('keeps pieces in order of family and unit, the head first', () => {
    const page = new Page()
    page.set('b', 'u1', Buffer.from('b1\n'), 1)
    page.set('a', 'u2', Buffer.from('a2\n'), 1)
    page.set('a', HEAD, Buffer.from('# a\n'), 1)
    page.set('a', 'u1', Buffer.from('a1\n'), 1)
    expect(textOf(page)).toBe('# a\na1\na2\nb1\n')
  })

  it('is handed out as it stood, whatever changes before it is compressed or sent', async () => {
    const page = new Page()
    page.set('a', 'u', Buffer.from('old\n'), 1)
    page.join(Number.POSITIVE_INFINITY)
    const plain = page.plain()
    const zipped = page.gzip(deflater, END)
    page.set('a', 'u', Buffer.from('new\n'), 1)
    page.set('b', 'u', Buffer.from('b\n'), 1)
    expect(textOf(page)).toBe('new\nb\n')
    expect(Buffer.concat(plain.chunks).toString()).toBe('old\n')
    expect(gunzipSync(Buffer.concat((await zipped).chunks)).toString()).toBe('old\n# EOF\n')
    expect(await unzippedTextOf(page)).toBe('new\nb\n# EOF\n')
  })

  it('copies bytes when it joins them, so that where they stood can be written over', async () => {
    const page = new Page()
    const sheet = Buffer.from('old\n')
    page.set('a', 'u', sheet, 1)
    page.join(Number.POSITIVE_INFINITY)
    sheet.fill('x')
    expect(textOf(page)).toBe('old\n')
  })

  it('compresses while it is joined all but the segment that is written to, and nothing twice', async () => {
    const page = new Page()
    const texts: Uint8Array[] = []
    const counting = {
      deflate(text: Uint8Array) {
        texts.push(text)
        return deflater.deflate(text)
      },
    }
    const add = (from: number) => {
      for (let i = from; i < from + 100; i++)
        page.set('a', `u${String(i).padStart(3, '0')}`, Buffer.alloc(2000, `${i}\n`), 1)
      page.join(Number.POSITIVE_INFINITY, counting as Deflater)
    }
    add(0)
    expect(texts.length).toBeGreaterThan(2)
    const early = texts.length
    add(100)
    expect(texts.length).toBeGreaterThan(early)
    const { chunks } = await page.gzip(counting as Deflater, END)
    expect(gunzipSync(Buffer.concat(chunks)).length).toBe(200 * 2000 + END.length)
    const bytes = texts.reduce((sum, text) => sum + text.length, 0)
    expect(bytes).toBeLessThan(200 * 2000 * 1.3)
  })

  it('compresses again only the segments that changed', async () => {
    const page = new Page()
    for (let i = 0; i < 2000; i++)
      page.set('family', `u${String(i).padStart(5, '0')}`, Buffer.from(`m{i="${i}"} ${i}\n`.repeat(8)), 1)
    page.join(Number.POSITIVE_INFINITY)
    const before = (await page.gzip(deflater, END)).chunks
    page.set('family', 'u01000', Buffer.from('changed\n'), 1)
    page.join(Number.POSITIVE_INFINITY)
    const after = (await page.gzip(deflater, END)).chunks
    expect(before.length).toBeGreaterThan(6)
    expect(after.length).toBe(before.length)
    const kept = after.filter((chunk) => before.includes(chunk))
    // All but the changed segment, the end and the trailer with the checksum.
    expect(kept.length).toBe(before.length - 3)
  })

  it('equals a sorted map of pieces after any sequence of changes, plain and gzipped', async () => {
    const change = fc.record({
      family: fc.constantFrom('a', 'a_b', 'b', 'c'),
      unit: fc.nat(400).map((n) => `u${n}`),
      bytes: fc.oneof(fc.constant(0), fc.nat(3000), fc.constant(90_000)),
      series: fc.nat(9),
    })
    const round = fc.record({
      changes: fc.array(change, { maxLength: 120 }),
      removed: fc.option(fc.constantFrom('a', 'a_b', 'c', 'd')),
    })
    let largest = 0
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 4 }), async (rounds) => {
        const page = new Page()
        const model = new Map<string, { family: string; text: string; series: number }>()
        let serial = 0
        for (const { changes, removed } of rounds) {
          for (const { family, unit, bytes, series } of changes) {
            const text = bytes === 0 ? undefined : `${serial++}`.padEnd(bytes, '.')
            const key = `${family}\u0000${unit}`
            const grown = (text?.length ?? 0) - (model.get(key)?.text.length ?? 0)
            const bytesNow = text === undefined ? undefined : Buffer.from(text)
            expect(page.set(family, unit, bytesNow, series)).toBe(grown)
            if (text === undefined) model.delete(key)
            else model.set(key, { family, text, series })
          }
          if (removed !== null) {
            page.removeFamily(removed)
            for (const [key, { family }] of model) if (family === removed) model.delete(key)
          }
          const pieces = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, piece]) => piece)
          const expected = pieces.map(({ text }) => text).join('')
          expect(page.series).toBe(pieces.reduce((sum, { series }) => sum + series, 0))
          largest = Math.max(largest, expected.length)
          expect(page.bytes).toBe(expected.length)
          expect(textOf(page)).toBe(expected)
          expect(await unzippedTextOf(page)).toBe(`${expected}# EOF\n`)
        }
      }),
      { numRuns: 40 },
    )
    expect(largest).toBeGreaterThan(300_000)
  })
})

describe('a deflater', () => {
  it('gives of every text a segment of its own, in whatever order they are waited for', async () => {
    const own = new Deflater()
    const texts = ['a'.repeat(100_000), '', randomBytes(200_000).toString('latin1'), 'b', ''].map((text) =>
      Buffer.from(text, 'latin1'),
    )
    const segments = await Promise.all(texts.map((text) => own.deflate(text)))
    for (const [place, { bytes, length, crc }] of segments.entries()) {
      const text = texts[place] as Buffer
      expect(inflateRawSync(Buffer.concat([bytes, LAST_BLOCK])).equals(text)).toBe(true)
      expect([length, crc]).toEqual([text.length, crc32(text)])
    }
    own.close()
  })

  it('lets nobody wait who comes too late', async () => {
    const own = new Deflater()
    const before = [own.deflate(Buffer.alloc(1_000_000)), own.deflate(Buffer.from('x'))]
    own.close()
    const outcomes = await Promise.allSettled([...before, own.deflate(Buffer.from('y'))])
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'PGR_INTERNAL' } })
  })
})
