import { Decoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Packable, pack } from '../../../../src/store/redis/packing.ts'

/** Strings stay bytes, as they do for a script. */
const decoder = new Decoder({ rawStrings: true })

function unpack(packed: Uint8Array): unknown {
  return readable(decoder.decode(packed))
}

function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  return Array.isArray(value) ? value.map(readable) : value
}

function expected(value: Packable): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString('latin1')
  return typeof value === 'number'
    ? value
    : readable(value instanceof Uint8Array ? value : value.map(expected))
}

describe('what is packed', () => {
  const packables = fc.letrec<{ value: Packable; list: Packable[] }>((tie) => ({
    value: fc.oneof(
      fc.double({ noNaN: true }),
      fc.integer(),
      fc.string({ unit: 'binary', maxLength: 70 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      tie('list'),
    ),
    list: fc.array(tie('value'), { maxLength: 20 }),
  })).value

  it('is read by others as what it was', () => {
    fc.assert(
      fc.property(packables, (value) => {
        expect(unpack(pack(value))).toEqual(expected(value))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([0, 15, 16, 31, 32, 127, 65_535, 65_536, 70_000])('may be %i long', (length) => {
    const list = Array.from({ length }, (_, n) => n % 3)
    expect(unpack(pack(list))).toEqual(list)
    const text = 'ä'.repeat(length)
    expect(unpack(pack(text))).toBe(Buffer.from(text).toString('latin1'))
    expect(unpack(pack(Buffer.alloc(length, 7)))).toBe('\u0007'.repeat(length))
  })

  it('keeps every bit of a number', () => {
    for (const value of [0, -0, 127, 128, 2 ** 53 - 1, 1.5e-300, Number.POSITIVE_INFINITY])
      expect(Object.is(unpack(pack(value)), value)).toBe(true)
  })

  it('has bytes as strings, because scripts can read no others', () => {
    expect(pack(Buffer.from('ab')).toString('hex')).toBe('a26162')
    expect(pack(Buffer.alloc(300)).subarray(0, 3).toString('hex')).toBe('da012c')
  })
})
