import type { Label, Labels } from '../../model/labels.ts'
import type { EscapingScheme } from '../../model/names.ts'
import { formatGo } from '../../model/number.ts'
import type { NumberColumns, NumberRun, NumberWriter } from '../format.ts'
import type { Sheet } from '../sheet.ts'
import { escapeValue } from './escape.ts'
import { showName } from './label-text.ts'

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
const FIRST_BEYOND_ASCII = 0x80

/** Text is copied four bytes at a time and may write as many past its end, where the next text goes. */
const STEP = 4

/**
 * Writes a line for every series: all but label values and numbers is the same for all series with the same label names.
 * Leaves to others what cannot stand as it was pushed: a label with the name of a common one, one that is spelled
 * otherwise, and all that is not ASCII.
 */
export function makeNumberWriter(line: NumberLine): NumberWriter {
  return (columns, common, sheet) => writeLines(columns, common, line, sheet)
}

function writeLines(
  { runs, text, lengths, values }: NumberColumns,
  common: Labels,
  line: NumberLine,
  sheet: Sheet,
): number | undefined {
  if (text.includes(QUOTE) || text.includes(BACKSLASH) || text.includes(LF)) return undefined
  const commonLength = escapeCommon(common)
  let mostBytes = text.length + STEP
  for (let run = 0; run < runs.length; run++) {
    const { names, series } = runs[run] as NumberRun
    const stencil = stencilFor(line, run, names, common)
    if (stencil === undefined) return undefined
    mostBytes += series * (stencil.text.length + commonLength + LONGEST_NUMBER)
  }
  shown.take(text)
  let to = sheet.room(mostBytes)
  const { bytes: out, view } = sheet
  let from = 0
  let label = 0
  let metric = 0
  for (let run = 0; run < runs.length; run++) {
    const last = fillIn(stencils[run] as Stencil, commonLength)
    if (last === undefined) return undefined
    const pieces = around.view
    for (let left = (runs[run] as NumberRun).series; left > 0; left--) {
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
/** The values of the common labels as they are shown. */
const commonValues: string[] = []

function escapeCommon(common: Labels): number {
  let length = 0
  for (let i = 0; i < common.length; i++) {
    const value = escapeValue((common[i] as Label).value)
    commonValues[i] = value
    length += value.length
  }
  return length
}

/** A line without the values of its labels: blocks of a family mostly differ in these alone. */
interface Stencil {
  readonly names: readonly string[]
  readonly commonNames: readonly string[]
  /** In ASCII, a byte for each character. */
  readonly text: Buffer
  /** Where a value goes, in order. */
  readonly gaps: readonly Gap[]
}

interface Gap {
  readonly at: number
  /** Index of the common label that has the value; `OWN` for the next label of the series. */
  readonly common: number
}

const OWN = -1

/** Of the lines that were written last, by run: blocks that stand together on a page are mostly written together. */
let stencilled: NumberLine | undefined
const stencils: (Stencil | undefined)[] = []

/** Undefined where a line cannot be written with the labels as they are. */
function stencilFor(
  line: NumberLine,
  run: number,
  names: readonly string[],
  common: Labels,
): Stencil | undefined {
  if (stencilled !== line) stencils.length = 0
  stencilled = line
  const known = stencils[run]
  if (known !== undefined && isFor(known, names, common)) return known
  const made = makeStencil(line, names, common)
  stencils[run] = made
  return made
}

function isFor({ names, commonNames }: Stencil, own: readonly string[], common: Labels): boolean {
  if (commonNames.length !== common.length || names.length !== own.length) return false
  for (let i = 0; i < common.length; i++) if (commonNames[i] !== common[i]?.name) return false
  if (names === own) return true
  for (let i = 0; i < own.length; i++) if (names[i] !== own[i]) return false
  return true
}

function makeStencil(
  { open, bare, escaping }: NumberLine,
  names: readonly string[],
  common: Labels,
): Stencil | undefined {
  const commonNames = common.map(({ name }) => name)
  const gaps: Gap[] = []
  let text = names.length + common.length === 0 ? bare : open
  for (let own = 0, next = 0; own < names.length || next < common.length; ) {
    const isOwn = next === common.length || (names[own] as string) < (commonNames[next] as string)
    const name = (isOwn ? names[own] : commonNames[next]) as string
    if (!isOwn && name === names[own]) return undefined
    const spelled = showName(name, escaping)
    if (spelled === undefined) return undefined
    text += `${gaps.length > 0 ? ',' : ''}${spelled}="`
    gaps.push({ at: text.length, common: isOwn ? OWN : next })
    text += '"'
    if (isOwn) own++
    else next++
  }
  text += gaps.length > 0 ? '} ' : ' '
  const bytes = Buffer.from(text)
  return bytes.length === text.length ? { names, commonNames, text: bytes, gaps } : undefined
}

/** Puts the common values in their places; returns how many of the series' own are left. Undefined when one is not ASCII. */
function fillIn({ text, gaps }: Stencil, commonLength: number): number | undefined {
  around.room(text.length + commonLength)
  const { bytes } = around
  let to = 0
  let from = 0
  let own = 0
  for (let i = 0; i < gaps.length; i++) {
    const { at, common } = gaps[i] as Gap
    while (from < at) bytes[to++] = text[from++] as number
    if (common === OWN) {
      ends[own++] = to
      continue
    }
    const value = commonValues[common] as string
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at)
      if (code >= FIRST_BEYOND_ASCII) return undefined
      bytes[to++] = code
    }
  }
  while (from < text.length) bytes[to++] = text[from++] as number
  ends[own] = to
  return own
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
