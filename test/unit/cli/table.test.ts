import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { screenOf } from '../../../src/cli/screen.ts'
import { type Column, cutText, escapeField, tableText, textWidth } from '../../../src/cli/table.ts'
import { PIPE, terminal } from '../../support/screens.ts'

const COLUMNS: readonly Column[] = [
  { name: 'id', piped: true },
  { name: 'name', shrinks: 1 },
  { name: 'n', right: true },
  { name: 'why', shrinks: 2 },
]
const row = (name: string, n: string, why: string) => [
  { raw: 'g1' },
  { raw: name },
  { raw: n, shown: `${n}!` },
  { raw: why },
]

describe('a table on a terminal', () => {
  it('stands in columns below its head, without what is for programs', () => {
    expect(tableText(COLUMNS, [row('a', '1', ''), row('bcd', '100', 'so')], terminal())).toBe(
      'NAME     N  WHY\na       1!\nbcd   100!  so\n',
    )
  })

  it('is cut to the width, columns that matter less first', () => {
    const rows = [row('a'.repeat(30), '1', 'b'.repeat(30))]
    const [, line] = tableText(COLUMNS, rows, terminal(50)).split('\n')
    expect(line).toBe(`${'a'.repeat(30)}  1!  ${'b'.repeat(13)}…`)
    const [, narrow] = tableText(COLUMNS, rows, terminal(30)).split('\n')
    expect(narrow).toBe(`${'a'.repeat(15)}…  1!  ${'b'.repeat(7)}…`)
  })

  it('is never wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string(), fc.string()), { maxLength: 5 }),
        fc.integer({ min: 10, max: 120 }),
        (rows, width) => {
          const text = tableText(
            COLUMNS,
            rows.map(([a, b, c]) => row(a, b, c)),
            terminal(width),
          )
          const lines = text.split('\n')
          expect(lines).toHaveLength(rows.length + 2)
          for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  it('measures what is shown, not how it is painted', () => {
    const screen = screenOf({ stream: { isTTY: true, columns: 80 }, env: {}, noColor: false })
    const text = tableText(
      [{ name: 'a' }, { name: 'b' }],
      [[{ raw: 'x', paint: 'red' }, { raw: 'y' }]],
      screen,
    )
    expect(text.split('\n')[1]).toBe('\u001b[31mx\u001b[39m  y')
  })
})

describe('a table in a pipe', () => {
  it('has a line a row, every field in full, tabs between and nothing else', () => {
    expect(tableText(COLUMNS, [row('a'.repeat(99), '1', ''), row('b', '2', 'so')], PIPE)).toBe(
      `g1\t${'a'.repeat(99)}\t1\t\ng1\tb\t2\tso\n`,
    )
  })

  it('keeps as many fields whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [line, ...rest] = tableText(COLUMNS, [row(text, '1', text)], PIPE).split('\n')
        expect([line?.split('\t').length, rest]).toEqual([4, ['']])
      }),
    )
  })
})

describe('text from anywhere', () => {
  it.each([
    ['a\tb\nc\r', 'a\\tb\\nc\\r'],
    ['\u001b[31m', '\\u001b[31m'],
    ['\u202eabc', '\\u202eabc'],
    ['ü 日本 😀', 'ü 日本 😀'],
  ])('cannot steer a terminal: %j', (text, shown) => {
    expect(escapeField(text)).toBe(shown)
  })

  it.each([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['😀', 2],
  ])('has a width: %j', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  it('is cut where a wide character does not fit', () => {
    expect([cutText('日本語', 4), cutText('abc', 3), cutText('abc', 2), cutText('abc', 0)]).toEqual([
      '日…',
      'abc',
      'a…',
      '',
    ])
  })
})
