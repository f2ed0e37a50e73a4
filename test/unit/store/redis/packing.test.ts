import { Decoder, decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Packable, Packed, pack, packValues, unpack } from '../../../../src/store/redis/packing.ts'
import { Slabs } from '../../../../src/wire/kept-bytes.ts'

/** Strings stay bytes, as they do for a script. */
const decoder = new Decoder({ rawStrings: true })

function decoded(packed: Uint8Array): unknown {
  return readable(decoder.decode(packed))
}

function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  return Array.isArray(value) ? value.map(readable) : value
}

function expected(value: Packable): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString('latin1')
  if (typeof value === 'number') return value
  if (value instanceof Packed) return readable(value.values())
  return readable(
    value instanceof Uint8Array
      ? value
      : value.flatMap((each) => (each instanceof Packed ? each.values() : [expected(each)])),
  )
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
        expect(decoded(pack(value))).toEqual(expected(value))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([0, 15, 16, 31, 32, 127, 65_535, 65_536, 70_000])('may be %i long', (length) => {
    const list = Array.from({ length }, (_, n) => n % 3)
    expect(decoded(pack(list))).toEqual(list)
    const text = 'ä'.repeat(length)
    expect(decoded(pack(text))).toBe(Buffer.from(text).toString('latin1'))
    expect(decoded(pack(Buffer.alloc(length, 7)))).toBe('\u0007'.repeat(length))
  })

  it('keeps every bit of a number', () => {
    for (const value of [0, -0, 127, 128, 2 ** 53 - 1, 1.5e-300, Number.POSITIVE_INFINITY])
      expect(Object.is(decoded(pack(value)), value)).toBe(true)
  })

  it('may be values that were packed before, in between others or not', () => {
    const simple = fc.oneof(
      fc.double({ noNaN: true }),
      fc.string({ unit: 'binary', maxLength: 70 }),
      fc.uint8Array({ maxLength: 300 }),
    )
    fc.assert(
      fc.property(fc.array(simple), fc.array(simple), fc.array(simple), (before, values, after) => {
        const packed = packValues(values, new Slabs())
        expect(pack([...before, packed, ...after])).toEqual(pack([...before, ...values, ...after]))
        expect(pack([packed.length, packed])).toEqual(pack([packed.length, ...values]))
        // Texts are given back as their bytes.
        expect(packed.values()).toEqual(
          values.map((value) => (typeof value === 'number' ? value : Buffer.from(value))),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('has bytes as strings, because scripts can read no others', () => {
    expect(pack(Buffer.from('ab')).toString('hex')).toBe('a26162')
    expect(pack(Buffer.alloc(300)).subarray(0, 3).toString('hex')).toBe('da012c')
  })
})

describe('what a script packed', () => {
  const numbers = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(-1, -32, -33, -128, -129, -32_768, -32_769, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1),
  )
  const values = fc.letrec<{ value: unknown; list: unknown[] }>((tie) => ({
    value: fc.oneof(numbers, fc.string({ unit: 'grapheme', maxLength: 300 }), tie('list')),
    list: fc.array(tie('value'), { maxLength: 40 }),
  })).value

  it('is read as what others say it is', () => {
    fc.assert(
      fc.property(values, (value) => {
        // To others -0 is 0.
        expect(unpack(encode(value))).toEqual(decode(encode(value)))
      }),
      { numRuns: 2000 },
    )
  })

  it('is as long as it says it is, and nothing is set aside for what is not there', () => {
    const packed = encode([1, 'text', [2 ** 40, -1.5]])
    for (let length = 0; length < packed.length; length++)
      expect(() => unpack(packed.subarray(0, length)), `${length} bytes`).toThrow(RangeError)
    expect(() => unpack(Buffer.concat([packed, Buffer.from([0])]))).toThrow('1 bytes follow')
    expect(() => unpack(Buffer.from('ddffffffff', 'hex'))).toThrow('ends early')
    expect(() => unpack(Buffer.from('dbffffffff', 'hex'))).toThrow('ends early')
  })

  it.each(['80', 'c0', 'c1', 'c2', 'c403616263', 'd40101'])(
    'is nothing that scripts do not write: %s',
    (hex) => {
      expect(() => unpack(Buffer.from(hex, 'hex'))).toThrow(RangeError)
    },
  )
})
