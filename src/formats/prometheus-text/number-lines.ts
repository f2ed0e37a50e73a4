import type { EscapingScheme } from '../../model/names.ts'
import { formatGo } from '../../model/number.ts'
import type { NumberColumns, NumberWriter } from '../format.ts'
import type { Sheet } from '../sheet.ts'
import { type Frame, LabelText } from './label-text.ts'

/** What all lines of a family have in common. */
export interface NumberLine {
  /** The name ready to be followed by labels, and ready to stand without. */
  readonly open: string
  readonly bare: string
  /** Follows a whole number below a million. */
  readonly wholeEnd: '' | '.0'
  readonly escaping: EscapingScheme
}

const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const LAST_ASCII = 0x7f

/**
 * Writes a line for every series, byte by byte: all but label values and numbers is the same for all series with the same
 * label names. Leaves to others what cannot stand as it was pushed: a label with the name of a common one, one that is
 * spelled otherwise, and all that is not ASCII.
 */
export function makeNumberWriter(line: NumberLine): NumberWriter {
  return (columns, common, sheet) =>
    writeLines(columns, new LabelText(common, line.escaping, undefined), line, sheet)
}

function writeLines(
  { runs, text, lengths, values }: NumberColumns,
  labels: LabelText,
  line: NumberLine,
  sheet: Sheet,
): Uint8Array | undefined {
  let mostBytes = text.length + values.length * LONGEST_NUMBER
  const frames: Frame[] = []
  for (const { names, series } of runs) {
    const frame = labels.frameOf(names)
    if (labels.hasRespelled || frame.places.length < names.length) return undefined
    frames.push(frame)
    mostBytes += series * lengthOf(frame, line)
  }
  let to = sheet.room(mostBytes)
  const out = sheet.bytes
  let from = 0
  let label = 0
  let metric = 0
  for (let run = 0; run < runs.length; run++) {
    if (!frameLines(frames[run] as Frame, line)) return undefined
    const last = ends.length - 1
    const pieces = around
    for (let left = runs[run]?.series ?? 0; left > 0; left--) {
      let at = 0
      for (let place = 0; place <= last; place++) {
        const end = ends[place] as number
        while (at < end) out[to++] = pieces[at++] as number
        if (place === last) break
        const valueEnd = from + (lengths[label++] as number)
        if (valueEnd > text.length) return undefined
        while (from < valueEnd) {
          const byte = text[from++] as number
          if (byte > LAST_ASCII || byte === QUOTE || byte === BACKSLASH || byte === LF) return undefined
          out[to++] = byte
        }
      }
      to = writeNumber(values[metric++] as number, line.wholeEnd, out, to)
      out[to++] = LF
    }
  }
  return from === text.length ? sheet.keep(to) : undefined
}

/** Of the lines being written: all text that stands before, between and after label values, and where each piece ends. */
let around = Buffer.allocUnsafeSlow(4096)
const ends: number[] = []

function frameLines({ before, end }: Frame, { open, bare }: NumberLine): boolean {
  let text = before.length === 0 && end === '' ? bare : open
  ends.length = 0
  for (const piece of before) {
    text += piece
    ends.push(text.length)
  }
  text += before.length === 0 && end === '' ? ' ' : `${end}} `
  ends.push(text.length)
  if (text.length > around.length) around = Buffer.allocUnsafeSlow(2 * text.length)
  return around.write(text) === text.length
}

function lengthOf({ before, end }: Frame, { open }: NumberLine): number {
  return before.reduce((sum, piece) => sum + piece.length, open.length + end.length + 2)
}

/** `-1.7976931348623157e+308`, rounded up. */
const LONGEST_NUMBER = 26
const MILLION = 1e6
const digits = new Uint8Array(10)

/** As `formatGo`, or with `.0` after a short whole number as `formatOpenMetrics`. */
function writeNumber(value: number, wholeEnd: string, out: Uint8Array, at: number): number {
  if (value !== (value | 0)) return writeAscii(formatGo(value), out, at)
  let to = at
  if (value < 0) out[to++] = MINUS
  let rest = value < 0 ? -value : value
  const isShort = rest < MILLION
  let first = digits.length
  do {
    const tens = (rest / 10) >>> 0
    digits[--first] = ZERO + rest - tens * 10
    rest = tens
  } while (rest > 0)
  if (isShort) {
    while (first < digits.length) out[to++] = digits[first++] as number
    return wholeEnd === '' ? to : writeAscii(wholeEnd, out, to)
  }
  const exponent = digits.length - 1 - first
  let end = digits.length
  while (digits[end - 1] === ZERO) end--
  out[to++] = digits[first++] as number
  if (first < end) out[to++] = POINT
  while (first < end) out[to++] = digits[first++] as number
  out[to++] = SMALL_E
  out[to++] = PLUS
  out[to++] = ZERO
  out[to++] = ZERO + exponent
  return to
}

const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const SMALL_E = 0x65

function writeAscii(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i)
  return at + text.length
}
