import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KnownSeries } from '../../../../src/formats/remote-write/known-series.ts'

const ROOMY = 1e9

describe('what is known of label sets', () => {
  it('is what was kept under the same bytes, wherever they stand', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 300 }),
        (texts) => {
          const known = new KnownSeries<number>(ROOMY)
          const keys = texts.map((text) => Buffer.from(text))
          for (const [n, key] of keys.entries()) {
            expect(known.get(key, 0, key.length)).toBeUndefined()
            known.keep(key, 0, key.length, n)
          }
          for (const [n, key] of keys.entries()) {
            const elsewhere = Buffer.concat([Buffer.from('abc'), key, Buffer.from('d')])
            expect(known.get(elsewhere, 3, 3 + key.length)).toBe(n)
          }
        },
      ),
    )
  })

  it('is found among very many', () => {
    const known = new KnownSeries<number>(ROOMY)
    const keyOf = (n: number) => Buffer.from(`__name__="requests_total",path="/thing/${n}"`)
    for (let n = 0; n < 100_000; n++) known.keep(keyOf(n), 0, keyOf(n).length, n)
    let found = 0
    for (let n = 0; n < 100_000; n++) {
      const known_ = known.get(keyOf(n), 0, keyOf(n).length)
      if (known_ === n) found++
      // A place that is taken is no reason to mistake one for another.
      else expect(known_).toBeUndefined()
    }
    expect(found).toBeGreaterThan(99_900)
  })

  it('is never mistaken, and found in no time, when all bytes are made to meet', () => {
    const known = new KnownSeries<number>(ROOMY)
    // The top bit of one word undoes that of the word before, whatever the seed.
    const keys: Buffer[] = []
    for (let n = 0; n < 1 << 12; n++) {
      const key = Buffer.alloc(96)
      for (let pair = 0; pair < 12; pair++) {
        if (n & (1 << pair)) {
          key[pair * 8 + 3] = 0x80
          key[pair * 8 + 7] = 0x80
        }
      }
      keys.push(key)
    }
    for (const [n, key] of keys.entries()) known.keep(key, 0, key.length, n)
    for (const [n, key] of keys.entries()) expect([n, undefined]).toContain(known.get(key, 0, key.length))
  })

  it('is forgotten when two generations have passed without it, and stays as long as it is met', () => {
    const known = new KnownSeries<string>(2000)
    const keyOf = (text: string) => Buffer.from(text)
    const keep = (text: string) => known.keep(keyOf(text), 0, text.length, text)
    const get = (text: string) => known.get(keyOf(text), 0, text.length)
    keep('met')
    keep('not met')
    for (let n = 0; n < 100; n++) {
      keep(`another ${n}`)
      expect(get('met')).toBe('met')
    }
    expect(get('not met')).toBeUndefined()
  })
})
