import { describe, expect, it } from 'vitest'
import { formatLogfmt } from '../../../src/telemetry/logfmt.ts'

describe('formatLogfmt', () => {
  it.each([
    ['plain text stays bare', 'redis', 'k=redis'],
    ['a URL stays bare', 'http://[::1]:9753/metrics?a', 'k=http://[::1]:9753/metrics?a'],
    ['blanks ask for quotes', 'a b', 'k="a b"'],
    ['an equals sign asks for quotes', 'a=b', 'k="a=b"'],
    ['a quote is escaped', 'a"b', 'k="a\\"b"'],
    ['a backslash is escaped', 'a\\b c', 'k="a\\\\b c"'],
    ['the empty text is visible', '', 'k=""'],
    ['no line can be started', 'a\nlevel=error', 'k="a\\nlevel=error"'],
    ['nor by a carriage return', 'a\rb', 'k="a\\rb"'],
    ['nor by a Unicode line end', 'a\u2028b\u0085c', 'k="a\\u2028b\\u0085c"'],
    ['no terminal can be steered', '\u001b[31m', 'k="\\u001b[31m"'],
    ['letters outside ASCII are kept, quoted', 'größe', 'k="größe"'],
    ['a number', 1.5, 'k=1.5'],
    ['a truth value', true, 'k=true'],
    ['null', null, 'k=null'],
    ['an object is JSON', { a: 1 }, 'k="{\\"a\\":1}"'],
  ])('%s', (_why, value, line) => {
    expect(formatLogfmt([['k', value]])).toBe(line)
  })

  it('leaves out what is undefined and joins the rest with blanks', () => {
    expect(
      formatLogfmt([
        ['a', 1],
        ['b', undefined],
        ['c', 2],
      ]),
    ).toBe('a=1 c=2')
  })

  it('keeps odd keys from ending the pair', () => {
    expect(formatLogfmt([['a b=c\n', 1]])).toBe('a_b_c_=1')
  })
})
