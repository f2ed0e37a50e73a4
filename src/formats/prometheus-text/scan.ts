import { isAscii, isUtf8 } from 'node:buffer'
import { PgrError } from '../../errors/pgr-error.ts'
import { parseGoFloat } from '../../model/number.ts'
import type { ReadOptions } from '../format.ts'
import { quoteGo, quoteGoByte } from './quote.ts'

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const BLANK = 0x20
export const QUOTE = 0x22
export const HASH = 0x23
export const COMMA = 0x2c
export const EQUALS = 0x3d
const BACKSLASH = 0x5c
export const OPEN = 0x7b
export const CLOSE = 0x7d
const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30

/** Said wherever a carriage return is in the way. */
export const LF_ALONE = 'lines must end in LF alone, not CRLF'

/** First byte of a metric name, first byte of a label name, and what may follow in each. */
const METRIC_START = 1
const LABEL_START = 2
const METRIC_REST = 4
const LABEL_REST = 8

const classes = new Uint8Array(256)
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code)
  if (/[a-zA-Z_]/.test(char)) classes[code] = METRIC_START | LABEL_START | METRIC_REST | LABEL_REST
  else if (char === ':') classes[code] = METRIC_START | METRIC_REST
  else if (/[0-9]/.test(char)) classes[code] = METRIC_REST | LABEL_REST
}

/** Digits that a double holds exactly, and the powers of ten that go with them. */
const EXACT_DIGITS = 15
const powersOfTen = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

/**
 * A body being read from front to back. Bytes are scanned, because that is faster than characters; text is cut from
 * one decoding of the whole body. Only what lies before `end`, the last line feed, is scanned, so that every scan for
 * the end of something stops there at the latest.
 */
export class Scan {
  readonly bytes: Buffer
  /** One character per byte: positions in it are positions in `bytes`. */
  private readonly latin1: string
  readonly isAscii: boolean
  /** Behind the last line feed. */
  readonly end: number
  readonly options: ReadOptions
  /** The next byte to read. */
  at = 0
  /** Where the line being read begins. */
  lineStart = 0

  constructor(body: Uint8Array, options: ReadOptions) {
    this.bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.isAscii = isAscii(body)
    this.latin1 = this.bytes.toString('latin1')
    this.end = this.bytes.lastIndexOf(LF) + 1
    this.options = options
    if (!this.isAscii && !isUtf8(body)) this.refuseInvalidUtf8()
  }

  /** The text between two positions. */
  cut(start: number, end: number): string {
    if (!this.isAscii) {
      for (let at = start; at < end; at++) {
        if ((this.bytes[at] as number) >= 0x80) return this.bytes.toString('utf8', start, end)
      }
    }
    return this.latin1.slice(start, end)
  }

  /** The next byte; there always is one inside a line. */
  peek(): number {
    return this.bytes[this.at] as number
  }

  skipBlanks(): void {
    const { bytes } = this
    let at = this.at
    while (bytes[at] === BLANK || bytes[at] === TAB) at++
    this.at = at
  }

  skipLine(): void {
    this.at = this.endOfLine() + 1
  }

  /** Behind the metric name that begins here; here when none does. */
  endOfMetricName(): number {
    return this.endOfName(METRIC_START, METRIC_REST)
  }

  endOfLabelName(): number {
    return this.endOfName(LABEL_START, LABEL_REST)
  }

  private endOfName(start: number, rest: number): number {
    const { bytes } = this
    let at = this.at
    if (((classes[bytes[at] as number] as number) & start) === 0) return at
    do at++
    while (((classes[bytes[at] as number] as number) & rest) !== 0)
    return at
  }

  /** Behind the token that begins here: up to a blank, a tab or the end of the line. */
  endOfToken(): number {
    const { bytes } = this
    let at = this.at
    while (bytes[at] !== LF && bytes[at] !== BLANK && bytes[at] !== TAB) at++
    return at
  }

  endOfLine(): number {
    const { bytes } = this
    let at = this.at
    while (bytes[at] !== LF) at++
    return at
  }

  /** Reads the number that is the next token; undefined, without moving, when it is none. */
  readNumber(): number | undefined {
    const { bytes } = this
    let at = this.at
    const isNegative = bytes[at] === MINUS
    if (isNegative || bytes[at] === PLUS) at++
    let value = 0
    let digits = 0
    let fraction = 0
    // Digits with at most one point, few enough to be exact: value and power of ten are, hence their quotient is right.
    for (; ; at++) {
      const digit = (bytes[at] as number) - ZERO
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit
        digits++
        if (fraction > 0) fraction++
      } else if (bytes[at] === POINT && fraction === 0) {
        fraction = 1
      } else {
        break
      }
    }
    const next = bytes[at]
    if (digits === 0 || digits > EXACT_DIGITS || (next !== LF && next !== BLANK && next !== TAB)) {
      return this.readRareNumber()
    }
    this.at = at
    if (fraction > 1) value /= powersOfTen[fraction - 1] as number
    return isNegative ? -value : value
  }

  private readRareNumber(): number | undefined {
    const end = this.endOfToken()
    const value = parseGoFloat(this.cut(this.at, end))
    if (value !== undefined) this.at = end
    return value
  }

  /** What stands in the quotes that open here; `\\`, `\"` and `\n` are the only escapes. Moves behind the quotes. */
  readQuoted(what: string): string {
    const { bytes } = this
    const start = this.at + 1
    let at = start
    while (bytes[at] !== QUOTE && bytes[at] !== BACKSLASH && bytes[at] !== LF) at++
    const plain = this.cut(start, at)
    this.at = at
    if (bytes[at] === QUOTE) {
      this.at++
      return plain
    }
    return this.readEscaped(plain, what)
  }

  private readEscaped(before: string, what: string): string {
    const { bytes } = this
    let value = before
    let from = this.at
    let at = this.at
    for (;;) {
      const byte = bytes[at]
      if (byte === QUOTE) break
      if (byte === LF) {
        throw this.malformed(`${what} ${quoteGo(value + this.cut(from, at))} contains unescaped new-line`)
      }
      if (byte === BACKSLASH) {
        value += this.cut(from, at) + this.unescape(at + 1)
        at += 2
        from = at
      } else {
        at++
      }
    }
    this.at = at + 1
    return value + this.cut(from, at)
  }

  /** The rest of the line with the escapes of a HELP text undone; moves behind the line. */
  readHelp(): string {
    const { bytes } = this
    let text = ''
    let from = this.at
    let at = from
    for (; bytes[at] !== LF; at++) {
      if (bytes[at] !== BACKSLASH) continue
      text += this.cut(from, at) + this.unescape(at + 1)
      at++
      from = at + 1
    }
    this.at = at + 1
    return text + this.cut(from, at)
  }

  private unescape(at: number): string {
    const byte = this.bytes[at]
    if (byte === BACKSLASH) return '\\'
    if (byte === 0x6e) return '\n'
    if (byte === QUOTE) return '"'
    const shown = byte === LF ? '\\n' : this.charAt(at)
    throw this.malformed(`invalid escape sequence '\\${shown}'; a backslash itself is written as two`)
  }

  /** `name` itself, unless it is empty or longer than allowed. */
  checkedName(name: string, what: 'metric' | 'label'): string {
    const limit = this.options.limits.nameLength
    if (name.length > limit) {
      throw this.over(
        `the ${what} name ${quoteGo(name)} has ${name.length} characters, more than the ${limit} allowed; ` +
          'raise --push.max-name-length if it is meant',
      )
    }
    if (name === '') throw this.malformed(`invalid ${what} name`)
    return name
  }

  /** The whole character at a position, for messages. */
  charAt(at: number): string {
    const byte = this.bytes[at] as number
    if (byte < 0x80) return String.fromCharCode(byte)
    return this.bytes.toString('utf8', at, at + (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2))
  }

  /** For messages: the character here as a quoted Go character. */
  showChar(): string {
    return quoteGoByte(this.charAt(this.at))
  }

  /** The failure for what stands in the line being read. */
  malformed(reason: string): PgrError {
    return new PgrError('PGR_BODY_MALFORMED', `text format parsing error in line ${this.line()}: ${reason}`)
  }

  /** The failure for a limit that the line being read exceeds. */
  over(complaint: string): PgrError {
    return new PgrError('PGR_LIMIT_EXCEEDED', `line ${this.line()}: ${complaint}`)
  }

  private line(): number {
    const { bytes, lineStart } = this
    let line = 1
    for (let at = bytes.indexOf(LF); at !== -1 && at < lineStart; at = bytes.indexOf(LF, at + 1)) line++
    return line
  }

  private refuseInvalidUtf8(): never {
    for (;;) {
      const end = this.bytes.indexOf(LF, this.lineStart)
      if (end === -1 || !isUtf8(this.bytes.subarray(this.lineStart, end))) break
      this.lineStart = end + 1
    }
    throw this.malformed('the line is not valid UTF-8; send the body encoded in UTF-8')
  }
}
