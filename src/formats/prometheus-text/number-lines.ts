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

/** Text is copied four bytes at a time and may write as many past its end, where the next text goes. */
const STEP = 4

/**
 * Writes a line for every series: all but label values and numbers is the same for all series with the same label names.
 * Leaves to others what cannot stand as it was pushed: a label with the name of a common one, one that is spelled
 * otherwise, and all that is not ASCII.
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
): number | undefined {
  if (text.includes(QUOTE) || text.includes(BACKSLASH) || text.includes(LF)) return undefined
  let mostBytes = text.length + STEP
  const frames: Frame[] = []
  for (const { names, series } of runs) {
    const frame = labels.frameOf(names)
    if (labels.hasRespelled || frame.places.length < names.length) return undefined
    frames.push(frame)
    mostBytes += series * (lengthOf(frame, line) + LONGEST_NUMBER)
  }
  shown.take(text)
  let to = sheet.room(mostBytes)
  const { bytes: out, view } = sheet
  let from = 0
  let label = 0
  let metric = 0
  for (let run = 0; run < runs.length; run++) {
    const frame = frames[run] as Frame
    if (!frameLines(frame, line)) return undefined
    const pieces = around.view
    const last = frame.before.length
    for (let left = runs[run]?.series ?? 0; left > 0; left--) {
      let at = 0
      for (let place = 0; ; place++) {
        const end = ends[place] as number
        for (let next = to; at < end; at += STEP, next += STEP)
          view.setUint32(next, pieces.getUint32(at, true), true)
        to += end - (place === 0 ? 0 : (ends[place - 1] as number))
        at = end
        if (place === last) break
        const length = lengths[label++] as number
        // All of them are ASCII only when there are as many bytes as there are code units.
        if (from + length > text.length) return undefined
        const values = shown.view
        for (let next = to, copied = 0; copied < length; copied += STEP, next += STEP)
          view.setUint32(next, values.getUint32(from + copied, true), true)
        from += length
        to += length
      }
      to = writeNumber(values[metric++] as number, line.wholeEnd, out, to)
      out[to++] = LF
    }
  }
  return from === text.length ? sheet.keep(to) : undefined
}

/** Bytes that can be read four at a time, also at their end. */
class Steps {
  bytes = Buffer.allocUnsafeSlow(4096)
  view = new DataView(this.bytes.buffer)

  room(bytes: number): void {
    if (bytes + STEP <= this.bytes.length) return
    this.bytes = Buffer.allocUnsafeSlow(2 * (bytes + STEP))
    this.view = new DataView(this.bytes.buffer)
  }

  take(text: Uint8Array): void {
    this.room(text.length)
    this.bytes.set(text)
  }
}

/** The label values being written. */
const shown = new Steps()
/** Of the lines being written: all text that stands before, between and after label values, and where each piece ends. */
const around = new Steps()
const ends: number[] = []

function frameLines({ before, end }: Frame, { open, bare }: NumberLine): boolean {
  const hasLabels = before.length > 0 || end !== ''
  let text = hasLabels ? open : bare
  for (let place = 0; place < before.length; place++) {
    text += before[place] as string
    ends[place] = text.length
  }
  text += hasLabels ? `${end}} ` : ' '
  ends[before.length] = text.length
  around.room(3 * text.length)
  return around.bytes.write(text) === text.length
}

function lengthOf({ before, end }: Frame, { open }: NumberLine): number {
  let length = open.length + end.length + 2
  for (const piece of before) length += piece.length
  return length
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
