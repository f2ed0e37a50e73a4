import { gzipSync, gunzipSync as nodeGunzip } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { gunzip } from '../../../src/wire/deflate.ts'

const LIMIT = { limitBytes: 4 * 1024 * 1024, setting: 'push.max-body' }

/** One body small enough to be done on the spot, one that goes beside the event loop. */
const SMALL = Buffer.from('requests_total 1\n')
const LARGE = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `m${(i * 7919) % 60_013} ${i}\n`).join(''))
const SIZES: [string, Buffer][] = [
  ['small', SMALL],
  ['large', LARGE],
]

async function refusal(body: Uint8Array, options: Parameters<typeof gunzip>[1] = LIMIT): Promise<PgrError> {
  try {
    await gunzip(body, options)
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error('the body was accepted')
}

describe.each(SIZES)('gunzip of a %s body', (size, plain) => {
  const zipped = gzipSync(plain)

  it('gives back what was compressed', async () => {
    expect(Buffer.compare(await gunzip(zipped, LIMIT), plain)).toBe(0)
  })

  it('is done on the spot only when it is small', async () => {
    const result = gunzip(zipped, LIMIT)
    expect(result instanceof Promise).toBe(size === 'large')
    await result
  })

  it('joins several members', async () => {
    const joined = await gunzip(Buffer.concat([zipped, gzipSync('b 2\n')]), LIMIT)
    expect(Buffer.compare(joined, Buffer.concat([plain, Buffer.from('b 2\n')]))).toBe(0)
  })

  it.each([
    ['the trailer is cut', zipped.subarray(0, -1)],
    ['the data is cut', zipped.subarray(0, zipped.length >> 1)],
    ['the header is cut', zipped.subarray(0, 5)],
    ['text follows', Buffer.concat([zipped, Buffer.from('garbage')])],
    ['one byte follows', Buffer.concat([zipped, Buffer.from('x')])],
    ['zeros follow', Buffer.concat([zipped, Buffer.alloc(8)])],
    ['a member follows after zeros', Buffer.concat([zipped, Buffer.alloc(8), zipped])],
    ['half a header follows', Buffer.concat([zipped, Buffer.from([0x1f, 0x8b])])],
    ['the checksum is wrong', Buffer.concat([zipped.subarray(0, -8), Buffer.from('12345678')])],
  ])('refuses it when %s', async (_why, body) => {
    expect((await refusal(body)).code).toBe('PGR_BODY_MALFORMED')
  })

  it('accepts a result of exactly the limit and refuses one byte more', async () => {
    const exact = await gunzip(zipped, { ...LIMIT, limitBytes: plain.length })
    expect(exact.byteLength).toBe(plain.length)

    const error = await refusal(zipped, { ...LIMIT, limitBytes: plain.length - 1 })
    expect(error.code).toBe('PGR_BODY_TOO_LARGE')
    expect(error.message).toContain('push.max-body')
  })

  it('tells of every byte it keeps', async () => {
    let taken = 0
    await gunzip(zipped, { ...LIMIT, take: (bytes) => (taken += bytes) })
    expect(taken).toBe(plain.length)
  })

  it('gives up when it may take no more', async () => {
    const full = new PgrError('PGR_OVERLOADED', 'too much at once')
    const error = await refusal(zipped, {
      ...LIMIT,
      take: () => {
        throw full
      },
    })
    expect(error).toBe(full)
  })
})

describe('gunzip', () => {
  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['plain text', Buffer.from('a 1\n')],
    ['zlib instead of gzip', Buffer.from('789c4b540230e4028b00c8', 'hex')],
  ])('refuses %s', async (_why, body) => {
    expect((await refusal(body)).code).toBe('PGR_BODY_MALFORMED')
  })

  it('stops a small body that swells at the limit, without keeping more than that', async () => {
    const bomb = gzipSync(Buffer.alloc(12 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(16 * 1024)
    let taken = 0
    const error = await refusal(bomb, { ...LIMIT, take: (bytes) => (taken += bytes) })
    expect(error.code).toBe('PGR_BODY_TOO_LARGE')
    expect(taken).toBeLessThanOrEqual(LIMIT.limitBytes)
  })

  it('moves a small body that swells within the limit off the spot', async () => {
    const plain = Buffer.alloc(3 * 1024 * 1024, 'a')
    const result = gunzip(gzipSync(plain), LIMIT)
    expect(result).toBeInstanceOf(Promise)
    expect(Buffer.compare(await result, plain)).toBe(0)
  })

  it('never does anything to damaged bytes but refuse them or read what zlib reads', async () => {
    const zipped = gzipSync('a_total{job="x"} 1\nb 2\n')
    let read = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(zipped.length - 1), fc.nat(255), async (at, byte) => {
        const damaged = Buffer.from(zipped)
        damaged[at] = byte
        try {
          const plain = await gunzip(damaged, LIMIT)
          expect(Buffer.compare(plain, nodeGunzip(damaged))).toBe(0)
          read++
        } catch (reason) {
          expect(reason).toBeInstanceOf(PgrError)
        }
      }),
      { numRuns: 300 },
    )
    expect(read).toBeGreaterThan(0)
  })
})
