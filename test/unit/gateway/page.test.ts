import { randomBytes } from 'node:crypto'
import { crc32, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinCrc, shiftOf } from '../../../src/gateway/exposition/crc32.ts'
import { deflateSegment } from '../../../src/gateway/exposition/gzip-member.ts'
import { HEAD, Page } from '../../../src/gateway/exposition/page.ts'

const END = deflateSegment(Buffer.from('# EOF\n'))

function textOf(page: Page): string {
  page.join(Number.POSITIVE_INFINITY)
  return Buffer.concat(page.snapshot().plain().chunks).toString()
}

function unzippedTextOf(page: Page): string {
  page.join(Number.POSITIVE_INFINITY)
  const snapshot = page.snapshot()
  snapshot.deflate(Number.POSITIVE_INFINITY)
  return gunzipSync(Buffer.concat(snapshot.gzip(END).chunks)).toString()
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
    page.set('b', 'u1', Buffer.from('b1\n'))
    page.set('a', 'u2', Buffer.from('a2\n'))
    page.set('a', HEAD, Buffer.from('# a\n'))
    page.set('a', 'u1', Buffer.from('a1\n'))
    expect(textOf(page)).toBe('# a\na1\na2\nb1\n')
  })

  it('shows an earlier snapshot unchanged after later changes', () => {
    const page = new Page()
    page.set('a', 'u', Buffer.from('old\n'))
    page.join(Number.POSITIVE_INFINITY)
    const snapshot = page.snapshot()
    page.set('a', 'u', Buffer.from('new\n'))
    page.set('b', 'u', Buffer.from('b\n'))
    expect(textOf(page)).toBe('new\nb\n')
    snapshot.deflate(Number.POSITIVE_INFINITY)
    expect(gunzipSync(Buffer.concat(snapshot.gzip(END).chunks)).toString()).toBe('old\n# EOF\n')
    expect(unzippedTextOf(page)).toBe('new\nb\n# EOF\n')
  })

  it('compresses again only the segments that changed', () => {
    const page = new Page()
    for (let i = 0; i < 2000; i++)
      page.set('family', `u${String(i).padStart(5, '0')}`, Buffer.from(`m{i="${i}"} ${i}\n`.repeat(8)))
    page.join(Number.POSITIVE_INFINITY)
    const first = page.snapshot()
    first.deflate(Number.POSITIVE_INFINITY)
    const before = first.gzip(END).chunks
    page.set('family', 'u01000', Buffer.from('changed\n'))
    page.join(Number.POSITIVE_INFINITY)
    const second = page.snapshot()
    second.deflate(Number.POSITIVE_INFINITY)
    const after = second.gzip(END).chunks
    expect(before.length).toBeGreaterThan(6)
    expect(after.length).toBe(before.length)
    const kept = after.filter((chunk) => before.includes(chunk))
    // All but the changed segment and the trailer with the checksum.
    expect(kept.length).toBe(before.length - 2)
  })

  it('equals a sorted map of pieces after any sequence of changes, plain and gzipped', () => {
    const change = fc.record({
      family: fc.constantFrom('a', 'a_b', 'b', 'c'),
      unit: fc.nat(400).map((n) => `u${n}`),
      bytes: fc.oneof(fc.constant(0), fc.nat(3000), fc.constant(90_000)),
    })
    let largest = 0
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 120 }), { maxLength: 4 }), (rounds) => {
        const page = new Page()
        const model = new Map<string, string>()
        let serial = 0
        for (const round of rounds) {
          for (const { family, unit, bytes } of round) {
            const text = bytes === 0 ? undefined : `${serial++}`.padEnd(bytes, '.')
            const key = `${family}\u0000${unit}`
            const grown = (text?.length ?? 0) - (model.get(key)?.length ?? 0)
            expect(page.set(family, unit, text === undefined ? undefined : Buffer.from(text))).toBe(grown)
            if (text === undefined) model.delete(key)
            else model.set(key, text)
          }
          const expected = [...model]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([, text]) => text)
            .join('')
          largest = Math.max(largest, expected.length)
          expect(page.bytes).toBe(expected.length)
          expect(textOf(page)).toBe(expected)
          expect(unzippedTextOf(page)).toBe(`${expected}# EOF\n`)
        }
      }),
      { numRuns: 40 },
    )
    expect(largest).toBeGreaterThan(300_000)
  })
})
