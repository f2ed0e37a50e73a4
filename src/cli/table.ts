import type { Paint, Screen } from './screen.ts'

export interface Column {
  /** Its head on a terminal; there is none in tabs. */
  readonly name: string
  readonly right?: boolean
  /** May be cut when the terminal is too narrow, never below `LEAST_WIDTH`; the highest number first. */
  readonly shrinks?: 1 | 2
  /** Only in tabs, where programs read it. */
  readonly piped?: boolean
}

export interface Cell {
  /** For programs: exact, in full. */
  readonly raw: string
  /** For people; the same unless given. */
  readonly shown?: string
  readonly paint?: Paint
}

const GAP = '  '
const LEAST_WIDTH = 8
const ELLIPSIS = '…'

/**
 * Rows as text, each with its line end. On a terminal in columns below a head, cut to the width; else a line a row, fields
 * between tabs, without a head. What is not text for a terminal or would break a field is escaped as in JSON.
 */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  screen: Screen,
): string {
  return screen.isTerminal ? alignedText(columns, rows, screen) : tabText(rows, screen)
}

function tabText(rows: readonly (readonly Cell[])[], screen: Screen): string {
  return rows
    .map(
      (row) => `${row.map(({ raw, paint = 'plain' }) => screen.paint(escapeField(raw), paint)).join('\t')}\n`,
    )
    .join('')
}

function alignedText(columns: readonly Column[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  const kept = [...columns.keys()].filter((at) => columns[at]?.piped !== true)
  const head = kept.map((at) => ({ text: (columns[at]?.name ?? '').toUpperCase(), paint: 'dim' as Paint }))
  const body = rows.map((row) =>
    kept.map((at) => {
      const cell = row[at] ?? { raw: '' }
      return { text: escapeField(cell.shown ?? cell.raw), paint: cell.paint ?? 'plain' }
    }),
  )
  const kinds = kept.map((at) => columns[at] ?? { name: '' })
  const widths = fitWidths(
    kinds.map((_, at) => Math.max(...[head, ...body].map((row) => textWidth(row[at]?.text ?? '')))),
    kinds,
    screen.width,
  )
  return [head, ...body].map((row) => `${alignedLine(row, kinds, widths, screen)}\n`).join('')
}

function alignedLine(
  row: readonly { readonly text: string; readonly paint: Paint }[],
  kinds: readonly Column[],
  widths: readonly number[],
  screen: Screen,
): string {
  const cells = row.map(({ text, paint }, at) => {
    const width = widths[at] ?? 0
    const cut = cutText(text, width)
    const space = ' '.repeat(Math.max(0, width - textWidth(cut)))
    if (kinds[at]?.right) return space + screen.paint(cut, paint)
    return at === row.length - 1 ? screen.paint(cut, paint) : screen.paint(cut, paint) + space
  })
  return cells.join(GAP).trimEnd()
}

/** Takes what is too much from the columns that may shrink, those that do so first first; then cuts from the right. */
function fitWidths(wanted: readonly number[], kinds: readonly Column[], width: number): number[] {
  const widths = [...wanted]
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1) - width
  const take = (at: number, least: number): void => {
    const taken = Math.max(0, Math.min(excess, (widths[at] ?? 0) - least))
    widths[at] = (widths[at] ?? 0) - taken
    excess -= taken
  }
  for (const turn of [2, 1])
    for (const at of widths.keys()) if (kinds[at]?.shrinks === turn) take(at, LEAST_WIDTH)
  for (let at = widths.length - 1; at >= 0; at--) take(at, 0)
  return widths
}

/** Cut to a width, with a sign that something is missing. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  if (width < 1) return ''
  let cut = ''
  let used = 0
  for (const character of text) {
    used += characterWidth(character)
    if (used > width - 1) break
    cut += character
  }
  return cut + ELLIPSIS
}

/** Columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

const NO_WIDTH = /^(?:\p{Mn}|\p{Me}|\p{Default_Ignorable_Code_Point})$/u
/** Han, kana, hangul, full-width forms, and pictures that are shown as such. */
const WIDE =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]$/u

function characterWidth(character: string): number {
  if (character < '\u0300') return 1
  if (NO_WIDTH.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

const UNSHOWABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const SHORT: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Text from anywhere, made safe for a terminal and for a field between tabs. */
export function escapeField(text: string): string {
  return text.replaceAll(
    UNSHOWABLE,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
