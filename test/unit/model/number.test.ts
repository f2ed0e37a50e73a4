import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatGo, formatGoF, formatOpenMetrics, parseGoFloat } from '../../../src/model/number.ts'

describe('formatGo', () => {
  it.each([
    ['zero', 0, '0'],
    ['negative zero loses its sign', -0, '0'],
    ['an integer below a million', 123456, '123456'],
    ['the last integer without exponent', 999999, '999999'],
    ['a million, where the exponent begins', 1e6, '1e+06'],
    ['a negative million', -1e6, '-1e+06'],
    ['digits behind the point of the mantissa', 1234567, '1.234567e+06'],
    ['zeros at the end go', 123_450_000, '1.2345e+08'],
    ['a large number with a fraction', 1795363939.0697625, '1.7953639390697625e+09'],
    ['a small fraction beside large digits', 100000.5, '100000.5'],
    ['a negative large number with a fraction', -1234567.5, '-1.2345675e+06'],
    ['the last plain size, in JavaScript', 1.23e20, '1.23e+20'],
    ['the first exponent of JavaScript itself', 1e21, '1e+21'],
    ['the smallest plain fraction', 0.0001, '0.0001'],
    ['more digits at the same size', 0.000123, '0.000123'],
    ['the first small exponent', 0.00001, '1e-05'],
    ['a small exponent with digits', 0.0000123, '1.23e-05'],
    ['below what JavaScript writes plainly', 1e-7, '1e-07'],
    ['three digits of exponent', 5e-324, '5e-324'],
    ['the largest double', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['infinity', Number.POSITIVE_INFINITY, '+Inf'],
    ['negative infinity', Number.NEGATIVE_INFINITY, '-Inf'],
    ['not a number', Number.NaN, 'NaN'],
  ])('writes %s', (_why, value, text) => {
    expect(formatGo(value)).toBe(text)
  })

  it('is read back as the same number, in the layout that Go has for it', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const text = formatGo(value)
        expect(parseGoFloat(text)).toBe(value === 0 ? 0 : value)
        const size = Math.abs(value)
        if (size === Number.POSITIVE_INFINITY) return
        expect(text).toMatch(
          size === 0 || (size >= 1e-4 && size < 1e6)
            ? /^-?\d{1,6}(\.\d+)?$/
            : /^-?[1-9](\.\d*[1-9])?e[+-](\d\d|[1-9]\d\d)$/,
        )
      }),
    )
  })
})

describe('formatOpenMetrics', () => {
  it.each([
    ['an integer gets a fraction', 1, '1.0'],
    ['zero', 0, '0.0'],
    ['negative zero', -0, '0.0'],
    ['a negative integer', -17, '-17.0'],
    ['a fraction stays', 2.5, '2.5'],
    ['an exponent stays', 1e6, '1e+06'],
    ['a small exponent stays', 1e-7, '1e-07'],
    ['infinity stays', Number.POSITIVE_INFINITY, '+Inf'],
    ['not a number stays', Number.NaN, 'NaN'],
  ])('%s', (_why, value, text) => {
    expect(formatOpenMetrics(value)).toBe(text)
  })
})

describe('formatGoF', () => {
  it.each([
    ['large numbers without exponent', 1e21, '1000000000000000000000'],
    ['the digits of a large number', -1.25e22, '-12500000000000000000000'],
    ['small numbers without exponent', 1.5e-7, '0.00000015'],
    ['small negative numbers', -1e-9, '-0.000000001'],
    ['what is plain anyway', 1520879607.789, '1520879607.789'],
    ['negative zero', -0, '-0'],
    ['infinity', Number.NEGATIVE_INFINITY, '-Inf'],
  ])('writes %s', (_why, value, text) => {
    expect(formatGoF(value)).toBe(text)
  })

  it('never has an exponent and loses nothing', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatGoF(value)
        expect(text).toMatch(/^-?\d+(\.\d+)?$/)
        expect(Number(text)).toBe(value)
      }),
    )
  })
})

describe('parseGoFloat', () => {
  it.each([
    ['an integer', '42', 42],
    ['leading zeros', '007', 7],
    ['a sign', '-42', -42],
    ['a plus', '+1', 1],
    ['negative zero', '-0', -0],
    ['no digit before the point', '.5', 0.5],
    ['no digit behind the point', '5.', 5],
    ['an exponent in upper case', '1E3', 1000],
    ['more digits than are exact in steps', '12345678901234567890', 12345678901234567000],
    ['the number clients print for NaN', 'Nan', Number.NaN],
    ['NaN in upper case', 'NAN', Number.NaN],
    ['a short infinity', 'inf', Number.POSITIVE_INFINITY],
    ['a signed infinity', '+Inf', Number.POSITIVE_INFINITY],
    ['a long infinity', 'Infinity', Number.POSITIVE_INFINITY],
    ['a negative long infinity', '-infinitY', Number.NEGATIVE_INFINITY],
    ['underflow', '1e-400', 0],
    ['a zero with any exponent', '0e9999', 0],
  ])('reads %s', (_why, text, value) => {
    expect(parseGoFloat(text)).toBe(value)
  })

  it.each([
    ['nothing', ''],
    ['a lone point', '.'],
    ['a lone sign', '-'],
    ['a signed NaN', '+NaN'],
    ['an exponent without digits', '1e'],
    ['overflow', '1e400'],
    ['overflow of digits', '9'.repeat(400)],
    ['hexadecimal', '0x10'],
    ['hexadecimal with an exponent', '0x1p4'],
    ['binary', '0b1'],
    ['underscores', '1_000'],
    ['half a word', 'infi'],
    ['a blank', ' 1'],
    ['a line end', '1\r'],
    ['two points', '1.2.3'],
    ['two signs', '--1'],
    ['a suffix of BigInt', '1n'],
    ['digits of another script', '١'],
  ])('refuses %s', (_why, text) => {
    expect(parseGoFloat(text)).toBeUndefined()
  })
})
