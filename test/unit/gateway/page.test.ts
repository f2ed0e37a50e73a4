import { randomBytes } from 'node:crypto'
import { crc32, createDeflateRaw, gunzipSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { joinCrc, shiftOf } from '../../../src/gateway/exposition/crc32.ts'
import { makeDeflate, roomFor } from '../../../src/gateway/exposition/deflate-texts.js'
import { Deflater } from '../../../src/gateway/exposition/deflater.ts'
import { deflateShort } from '../../../src/gateway/exposition/gzip-member.ts'
import { HEAD, Page } from '../../../src/gateway/exposition/page.ts'

const FOREVER = Number.POSITIVE_INFINITY
const END = deflateShort(Buffer.from('# EOF\n'))
/** An empty final block. */
const LAST_BLOCK = Buffer.from([3, 0])
const deflater = new Deflater()
afterAll(() => deflater.close())

interface Block {
  readonly family: string
  readonly unit: string
  text: string
  series: number
}

/** A page of texts that knows from what it was told how large each of them is. */
function pageOf(keeps: { text?: boolean; gzip?: boolean } = { text: true, gzip: true }) {
  const sizes = new Map<string, number>()
  const page = new Page<Block>({
    familyOf: ({ family }) => family,
    orderOf: ({ unit }) => unit,
    write: ({ text }, sheet) => sheet.add(Buffer.from(text)),
    seriesOf: ({ series }) => series,
    resized({ family, unit }, by) {
      const key = `${family} ${unit}`
      sizes.set(key, (sizes.get(key) ?? 0) + by)
    },
  })
  page.keepText(keeps.text === true)
  if (keeps.gzip) page.keepGzip(deflater)
  const put = (family: string, unit: string, text: string, series = 1) => {
    const block = { family, unit, text, series }
    page.put(block)
    return block
  }
  return { page, put, sizes }
}

async function settle(page: Page<Block>): Promise<void> {
  while (!page.render(FOREVER)) await page.landing()
  while (!page.isCompressed) await page.landing()
  expect(page.join(FOREVER)).toBe(true)
}

async function textOf(page: Page<Block>): Promise<string> {
  await settle(page)
  const { chunks, bytes } = page.plain()
  expect(chunks.reduce((sum, { length }) => sum + length, 0)).toBe(bytes)
  return Buffer.concat(chunks).toString()
}

async function unzippedTextOf(page: Page<Block>): Promise<string> {
  await settle(page)
  const { chunks, bytes } = page.gzip(END)
  const whole = Buffer.concat(chunks)
  expect(whole.length).toBe(bytes)
  return gunzipSync(whole).toString()
}

const number = (n: number) => String(n).padStart(5, '0')

/** Lines of which hardly two are equal, so that they do not shrink to nothing. */
const lines = (n: number, count: number) =>
  Array.from({ length: count }, (_, i) => `m{i="${n}",j="${(n * 7919 + i * 104729) % 1e6}"} ${i}\n`).join('')

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
  it('keeps pieces in order of family and unit, the head first', async () => {
    const { page, put } = pageOf()
    put('b', 'u1', 'b1\n')
    put('a', 'u2', 'a2\n')
    put('a', HEAD, '# a\n')
    put('a', 'u1', 'a1\n')
    expect(await textOf(page)).toBe('# a\na1\na2\nb1\n')
    expect(await unzippedTextOf(page)).toBe('# a\na1\na2\nb1\n# EOF\n')
  })

  it('shows what stands in the place of a piece, or nothing once it is gone', async () => {
    const { page, put } = pageOf()
    const old = put('a', 'u1', 'old\n')
    put('a', 'u2', 'a2\n')
    await settle(page)
    const other = put('a', 'u1', 'new one\n')
    page.remove(old)
    expect(await textOf(page)).toBe('new one\na2\n')
    page.remove(other)
    page.remove(other)
    expect(await textOf(page)).toBe('a2\n')
    expect(await unzippedTextOf(page)).toBe('a2\n# EOF\n')
  })

  it('shows what a piece became after it was rendered, before that was compressed', async () => {
    const { page, put } = pageOf({ gzip: true })
    for (let i = 0; i < 2000; i++) put('a', number(i), `old ${i}\n`)
    expect(page.render(Number.NEGATIVE_INFINITY)).toBe(false)
    const text = Array.from({ length: 2000 }, (_, i) => (i < 10 ? `newer ${i}\n` : `old ${i}\n`)).join('')
    for (let i = 0; i < 10; i++) put('a', number(i), `newer ${i}\n`)
    expect(page.render(Number.NEGATIVE_INFINITY)).toBe(false)
    expect(await unzippedTextOf(page)).toBe(`${text}# EOF\n`)
  })

  it('renders what families show of the same units about at once', () => {
    const { page, put } = pageOf({ gzip: true })
    const written = new Map<string, number[]>()
    const units = 6000
    for (const family of ['a', 'b', 'c']) {
      for (let unit = 0; unit < units; unit++) {
        const block = put(family, number(unit), '')
        Object.defineProperty(block, 'text', {
          get() {
            written.set(block.unit, [...(written.get(block.unit) ?? []), page.work.written])
            return ''
          },
        })
      }
    }
    page.render(FOREVER)
    const near = [...written.values()].filter((at) => Math.max(...at) - Math.min(...at) < units / 2)
    expect(written.size).toBe(units)
    // But for those where one family ends and the next begins.
    expect(near.length).toBeGreaterThan(0.8 * units)
  })

  it('joins what is compressed while the rest is waited for', async () => {
    const { page, put } = pageOf({ gzip: true })
    for (let i = 0; i < 4000; i++) put('a', number(i), lines(i, 30))
    while (!page.render(FOREVER)) await page.landing()
    expect(page.work.joinedBytes).toBeGreaterThan(0)
    const text = Array.from({ length: 4000 }, (_, i) => lines(i, 30)).join('')
    expect(await unzippedTextOf(page)).toBe(`${text}# EOF\n`)
  })

  it.each([
    ['as long as before', 'new\n'],
    ['shorter', 'n\n'],
    ['longer', 'brand new\n'],
  ])('stays as it was handed out while it is held, also when what comes is %s', async (_what, changed) => {
    const { page, put } = pageOf()
    put('a', 'u', 'old\n')
    await settle(page)
    const releaseText = page.holdText()
    const releaseGzip = page.holdGzip()
    const plain = page.plain()
    const zipped = page.gzip(END)
    put('a', 'u', changed)
    put('b', 'u', 'b\n')
    expect(await textOf(page)).toBe(`${changed}b\n`)
    expect(await unzippedTextOf(page)).toBe(`${changed}b\n# EOF\n`)
    expect(Buffer.concat(plain.chunks).toString()).toBe('old\n')
    expect(gunzipSync(Buffer.concat(zipped.chunks)).toString()).toBe('old\n# EOF\n')
    releaseText()
    releaseGzip()
  })

  it('is renewed where it stands while nobody holds it, whatever its pieces become', async () => {
    const { page, put } = pageOf()
    const pieces = 500
    const all = new Map<number, string>()
    const change = (i: number, text: string) => {
      all.set(i, text)
      put('a', number(i), text)
    }
    for (let i = 0; i < pieces; i++) change(i, lines(i, 12))
    await settle(page)
    const rooms = () => new Set(page.plain().chunks.map(({ buffer }) => buffer))
    const before = rooms()
    expect(before.size).toBeGreaterThan(3)
    // As long as before: nothing is copied but what changed.
    const joinedBefore = page.work.joinedBytes
    change(7, lines(7, 12).replaceAll(' ', '\t'))
    await settle(page)
    expect(rooms()).toEqual(before)
    expect(page.work.joinedBytes - joinedBefore).toBeLessThan(30_000)
    // A little longer or shorter: what it is among moves.
    for (let i = 0; i < pieces; i += 25) change(i, lines(i, 12).replace('} ', i % 2 === 0 ? '}  ' : '}'))
    const text = [...all.keys()].sort((a, b) => a - b).map((i) => all.get(i))
    expect(await textOf(page)).toBe(text.join(''))
    expect(await unzippedTextOf(page)).toBe(`${text.join('')}# EOF\n`)
    expect([...rooms()].filter((room) => !before.has(room)).length).toBeLessThanOrEqual(1)
  })

  it.each([
    ['alone', { gzip: true, text: false }],
    ['beside its text', { gzip: true, text: true }],
  ])('keeps what was compressed, %s, when pieces come between and a run becomes two', async (_how, keeps) => {
    const { page, put } = pageOf(keeps)
    const all = new Map<string, string>()
    const change = (unit: string, text: string) => {
      all.set(unit, text)
      put('a', unit, text)
    }
    for (let i = 0; i < 600; i++) change(number(i), lines(i, 6))
    await settle(page)
    for (let round = 1; round <= 60; round++) {
      const beside = number((round * 37) % 600)
      for (let n = 0; n < 150; n++) change(`${beside}-${round}-${number(n)}`, lines(round * n, 1))
      const text = [...all.keys()].sort().map((unit) => all.get(unit))
      expect(await unzippedTextOf(page)).toBe(`${text.join('')}# EOF\n`)
      if (keeps.text) expect(await textOf(page)).toBe(text.join(''))
    }
  })

  it('hands out the same bytes again while nothing changes', async () => {
    const { page, put } = pageOf()
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 30))
    await settle(page)
    const work = { ...page.work }
    const { chunks } = page.gzip(END)
    await settle(page)
    expect(page.gzip(END).chunks).toBe(chunks)
    expect(page.work).toEqual(work)
  })

  it('renews what changed and little besides', async () => {
    const { page, put } = pageOf({ gzip: true })
    for (let i = 0; i < 5000; i++) put('family', number(i), lines(i, 30))
    await settle(page)
    expect(page.work.written).toBe(5000)
    const before = { ...page.work }
    const chunks = new Set(page.gzip(END).chunks)
    for (let i = 0; i < 5000; i += 100) put('family', number(i), lines(i + 1, 30))
    await settle(page)
    const after = page.gzip(END).chunks
    const bytesOfPiece = page.bytes / 5000
    // A piece is rendered and compressed with those that share its segment, of about 4 KiB.
    expect(page.work.written - before.written).toBeLessThanOrEqual(50 * Math.ceil(4096 / bytesOfPiece + 1))
    expect(page.work.compressedBytes - before.compressedBytes).toBeLessThanOrEqual(50 * (4096 + bytesOfPiece))
    expect(after.filter((chunk) => !chunks.has(chunk)).length).toBeLessThanOrEqual(50 + 1)
  })

  it('writes nothing but what changed as long as the text is kept', async () => {
    const { page, put } = pageOf({ text: true })
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 3))
    await settle(page)
    const before = page.work.written
    for (let i = 0; i < 1000; i += 100) put('family', number(i), lines(i + 1, 3))
    await settle(page)
    expect(page.work.written - before).toBe(10)
  })

  it('keeps no text unless it is asked for', async () => {
    const { page, put } = pageOf({ gzip: true })
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 30))
    const text = await unzippedTextOf(page)
    expect(page.keptBytes).toBeLessThan(page.bytes / 2)
    page.keepText(true)
    const compressed = page.work.compressedBytes
    expect(`${await textOf(page)}# EOF\n`).toBe(text)
    expect(page.work.compressedBytes).toBe(compressed)
    expect(page.keptBytes).toBeGreaterThan(page.bytes)
    page.keepText(false)
    expect(page.keptBytes).toBeLessThan(page.bytes / 2)
    put('family', number(500), 'changed\n')
    expect(await unzippedTextOf(page)).toContain('\nchanged\n')
  })

  it('compresses what it has when that is asked for, and gives it up again', async () => {
    const { page, put } = pageOf({ text: true })
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 30))
    const text = await textOf(page)
    const { written } = page.work
    page.keepGzip(deflater)
    expect(await unzippedTextOf(page)).toBe(`${text}# EOF\n`)
    expect(page.work.written).toBe(written)
    page.keepGzip(undefined)
    expect(page.keptBytes).toBeLessThan(page.bytes * 1.1)
    put('family', number(1), 'changed\n')
    expect(await textOf(page)).toContain('\nchanged\n')
  })

  it('tries again what could not be compressed', async () => {
    const { page, put } = pageOf()
    const broken = new Deflater()
    page.keepGzip(broken)
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 30))
    expect(page.render(FOREVER) || page.isBehind).toBe(true)
    broken.close()
    await expect(settle(page)).rejects.toMatchObject({ code: 'PGR_INTERNAL' })
    page.keepGzip(deflater)
    expect(await unzippedTextOf(page)).toBe(`${await textOf(page)}# EOF\n`)
  })

  it('loses nothing when a piece cannot be written for a while', async () => {
    let fails = false
    const page = new Page<Block>({
      familyOf: ({ family }) => family,
      orderOf: ({ unit }) => unit,
      write({ text, unit }, sheet) {
        if (fails && unit === number(50)) throw new Error('damaged')
        return sheet.add(Buffer.from(text))
      },
      seriesOf: ({ series }) => series,
      resized: () => undefined,
    })
    page.keepText(true)
    page.keepGzip(deflater)
    const blocks = Array.from({ length: 100 }, (_, i) => ({
      family: 'a',
      unit: number(i),
      text: lines(i, 2),
      series: 1,
    }))
    for (const block of blocks) page.put(block)
    await settle(page)
    fails = true
    for (const block of blocks) {
      block.text = lines(1, 3)
      page.put(block)
    }
    expect(() => page.render(FOREVER)).toThrow('damaged')
    fails = false
    const expected = blocks.map(({ text }) => text).join('')
    expect(await textOf(page)).toBe(expected)
    expect(await unzippedTextOf(page)).toBe(`${expected}# EOF\n`)
    expect(page.bytes).toBe(expected.length)
    expect(page.series).toBe(100)
  })

  it('stops when its time is up and goes on later', async () => {
    const { page, put } = pageOf({ text: true })
    for (let i = 0; i < 1000; i++) put('family', number(i), lines(i, 30), 30)
    let slices = 1
    while (!page.render(0)) slices++
    expect(slices).toBeGreaterThan(5)
    expect(await textOf(page)).toHaveLength(page.bytes)
  })

  it('equals a sorted map of pieces after any sequence of changes, plain and gzipped', async () => {
    const change = fc.record({
      family: fc.constantFrom('a', 'a_b', 'b', 'c'),
      unit: fc.nat(400).map((n) => `u${n}`),
      bytes: fc.oneof(fc.constant(-1), fc.nat(60), fc.nat(3000), fc.constant(0), fc.constant(90_000)),
      series: fc.nat(9),
    })
    const round = fc.record({
      changes: fc.array(change, { maxLength: 150 }),
      removed: fc.option(fc.constantFrom('a', 'a_b', 'c', 'd')),
      keepsText: fc.boolean(),
      keepsGzip: fc.boolean(),
      isSettled: fc.boolean(),
    })
    let largest = 0
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 6 }), async (rounds) => {
        const { page, put, sizes } = pageOf({})
        const model = new Map<string, Block>()
        let serial = 0
        let compresses = false
        for (const { changes, removed, keepsText, keepsGzip, isSettled } of rounds) {
          page.keepText(keepsText)
          if (keepsGzip !== compresses) page.keepGzip(keepsGzip ? deflater : undefined)
          compresses = keepsGzip
          for (const { family, unit, bytes, series } of changes) {
            const key = `${family}\u0000${unit}`
            if (bytes < 0) {
              const piece = model.get(key)
              if (piece !== undefined) page.remove(piece)
              model.delete(key)
            } else {
              model.set(key, put(family, unit, `${serial++}`.padEnd(bytes, '.').slice(0, bytes), series))
            }
          }
          if (removed !== null) {
            page.removeFamily(removed)
            for (const [key, { family }] of model) if (family === removed) model.delete(key)
          }
          if (!isSettled) {
            page.render(Number.NEGATIVE_INFINITY)
            continue
          }
          const pieces = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, piece]) => piece)
          const expected = pieces.map(({ text }) => text).join('')
          largest = Math.max(largest, expected.length)
          await settle(page)
          if (keepsText) expect(await textOf(page)).toBe(expected)
          if (keepsGzip) expect(await unzippedTextOf(page)).toBe(`${expected}# EOF\n`)
          expect(page.series).toBe(pieces.reduce((sum, { series }) => sum + series, 0))
          expect(page.bytes).toBe(expected.length)
          for (const { family, unit, text } of pieces)
            expect(sizes.get(`${family} ${unit}`) ?? 0).toBe(text.length)
        }
      }),
      { numRuns: 60 },
    )
    expect(largest).toBeGreaterThan(300_000)
  })
})

describe('a deflater', () => {
  const stripOf = (...texts: string[]) => {
    const ranges: number[] = []
    let at = 0
    for (const text of texts) {
      ranges.push(at, at + text.length)
      at += text.length
    }
    return { strip: new Uint8Array(Buffer.from(texts.join(''), 'latin1')), ranges: Uint32Array.from(ranges) }
  }

  it('gives of every text a segment of its own', async () => {
    const own = new Deflater()
    const texts = ['a'.repeat(100_000), randomBytes(200_000).toString('latin1'), 'b']
    const { bytes, lengths, crcs } = await own.deflate(stripOf(...texts))
    let at = 0
    for (const [place, text] of texts.entries()) {
      const part = bytes.subarray(at, at + (lengths[place] as number))
      at += part.length
      expect(inflateRawSync(Buffer.concat([part, LAST_BLOCK])).toString('latin1')).toBe(text)
      expect(crcs[place]).toBe(crc32(Buffer.from(text, 'latin1')))
    }
    expect(at).toBe(bytes.length)
    own.close()
  })

  it.each([
    ['one stream for all', createDeflateRaw({ level: 1 })],
    ['a stream for each, where Node is another', {}],
  ])('compresses each text apart, by %s', (_how, engine) => {
    const deflate = makeDeflate(engine)
    const texts = ['a'.repeat(100_000), randomBytes(70_000), 'b', 'a'.repeat(5000), randomBytes(1), '\n']
    for (const text of [...texts, ...texts].map((each) => Buffer.from(each))) {
      const room = Buffer.alloc(10 + roomFor(text.length), 0xff)
      const end = deflate(text, room, 10)
      expect(end).toBeGreaterThan(10)
      expect(inflateRawSync(Buffer.concat([room.subarray(10, end), LAST_BLOCK])).equals(text)).toBe(true)
      expect(room.subarray(0, 10)).toEqual(Buffer.alloc(10, 0xff))
    }
  })

  it('has one stream for all in this Node', () => {
    expect(makeDeflate()).not.toBe(makeDeflate({}))
    expect(makeDeflate({})).toBe(makeDeflate({ _handle: {} }))
  })

  it('does not pass over that a text did not fit', () => {
    expect(() => makeDeflate()(randomBytes(1000), new Uint8Array(1000), 0)).toThrow('did not fit')
  })

  it('says so when it cannot, and goes on', async () => {
    const own = new Deflater()
    const broken = { ...stripOf('text'), ranges: undefined as unknown as Uint32Array }
    await expect(own.deflate(broken)).rejects.toMatchObject({ code: 'PGR_INTERNAL' })
    expect((await own.deflate(stripOf('text'))).lengths).toHaveLength(1)
    own.close()
  })

  it('lets nobody wait who comes too late', async () => {
    const own = new Deflater()
    const before = [own.deflate(stripOf('a'.repeat(1_000_000))), own.deflate(stripOf('x'))]
    own.close()
    const outcomes = await Promise.allSettled([...before, own.deflate(stripOf('y'))])
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'PGR_INTERNAL' } })
  })
})
