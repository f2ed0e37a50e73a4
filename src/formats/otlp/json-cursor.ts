import { isUtf8 } from 'node:buffer'
import { PgrError } from '../../errors/pgr-error.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const LETTER_N = 0x6e
const LETTER_T = 0x74
const LETTER_F = 0x66

/** Objects and lists within each other that are read, known or not. */
const MOST_DEPTH = 200

/** How JSON spells a number. */
export const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/**
 * Walks over JSON (RFC 8259) and makes nothing but what is asked for, so that a body takes no memory for what the reader
 * does not know; numbers are handed out as their text, of which `JSON.parse` would lose digits. What follows in the place
 * of a value is taken by exactly one call. Throws PGR_BODY_MALFORMED with the position.
 */
export class JsonCursor {
  private readonly bytes: Buffer
  private at = 0
  private depth = 0

  constructor(body: Uint8Array) {
    this.bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    if (!isUtf8(this.bytes)) throw this.malformed('it is not UTF-8')
  }

  malformed(reason: string): PgrError {
    return new PgrError('PGR_BODY_MALFORMED', `JSON parsing error at byte ${this.at}: ${reason}`)
  }

  /** Calls `read` with each key; it takes the value, or `skip` does. A null in the place of the object is an empty one. */
  object(read: (key: string) => void): void {
    if (this.takeNull()) return
    this.open(OPEN_OBJECT, 'an object')
    for (let first = true; !this.close(CLOSE_OBJECT, first); first = false) {
      const key = this.string()
      if (this.peek() !== COLON) throw this.malformed('expected a colon behind the key')
      this.at++
      read(key)
    }
    this.depth--
  }

  /** Calls `read` at each value; it takes it. A null in the place of the list is an empty one. */
  list(read: () => void): void {
    if (this.takeNull()) return
    this.open(OPEN_LIST, 'a list')
    for (let first = true; !this.close(CLOSE_LIST, first); first = false) read()
    this.depth--
  }

  /** Steps over a value. */
  skip(): void {
    switch (this.peek()) {
      case OPEN_OBJECT:
        this.object(() => this.skip())
        break
      case OPEN_LIST:
        this.list(() => this.skip())
        break
      case QUOTE:
        this.string()
        break
      case LETTER_T:
      case LETTER_F:
        this.boolean()
        break
      case LETTER_N:
        this.word('null')
        break
      default:
        this.number()
    }
  }

  /**
   * The bytes of the list or object that follows, as a latin1 string, and nothing taken; whether they are JSON was not
   * looked at. Undefined when none follows or it has no end.
   */
  peekWhole(): string | undefined {
    const first = this.peek()
    if (first !== OPEN_LIST && first !== OPEN_OBJECT) return undefined
    const { bytes } = this
    let open = 0
    for (let at = this.at; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === QUOTE) at = this.endOfString(at + 1)
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) open++
      else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && --open === 0)
        return bytes.toString('latin1', this.at, at + 1)
    }
    return undefined
  }

  /** Takes what `peekWhole` gave and is known to be JSON. */
  takeWhole(whole: string): void {
    this.at += whole.length
  }

  /** True, and the null taken, when one follows. */
  takeNull(): boolean {
    if (this.peek() !== LETTER_N) return false
    this.word('null')
    return true
  }

  /** A lone surrogate, which no UTF-8 can hold, becomes U+FFFD. */
  string(): string {
    if (this.peek() !== QUOTE) throw this.malformed('expected a string')
    const start = this.at + 1
    const end = this.endOfString(start)
    const text = this.bytes.toString('utf8', start, end)
    const value = text.includes('\\') ? this.unescape(text) : text
    this.at = end + 1
    return value
  }

  /** Where the closing quote of the string stands whose first character is here. */
  private endOfString(start: number): number {
    const { bytes } = this
    let at = start
    for (let byte = bytes[at]; byte !== QUOTE; byte = bytes[++at]) {
      if (byte === undefined) throw this.malformed('the string has no end')
      if (byte < 0x20) throw this.malformed('the string has a control character in it')
      if (byte === BACKSLASH) at++
    }
    return at
  }

  private unescape(text: string): string {
    try {
      const value: unknown = JSON.parse(`"${text}"`)
      return String(value).replace(/\p{Surrogate}/gu, '\ufffd')
    } catch {
      throw this.malformed('the string has an escape that means nothing')
    }
  }

  /** The text of a number. */
  number(): string {
    this.peek()
    const { bytes } = this
    const start = this.at
    let at = start
    for (let byte = bytes[at]; byte !== undefined && isOfNumber(byte); byte = bytes[++at]) {}
    const text = bytes.toString('latin1', start, at)
    if (!JSON_NUMBER.test(text)) throw this.malformed('expected a value')
    this.at = at
    return text
  }

  /** The text of a number that may also be given as a string, as JSON for protobuf has it. */
  numberText(): string {
    return this.peek() === QUOTE ? this.string() : this.number()
  }

  isString(): boolean {
    return this.peek() === QUOTE
  }

  boolean(): boolean {
    const isTrue = this.peek() === LETTER_T
    this.word(isTrue ? 'true' : 'false')
    return isTrue
  }

  end(): void {
    if (this.peek() !== undefined) throw this.malformed('something follows the end of the request')
  }

  private open(bracket: number, what: string): void {
    if (this.peek() !== bracket) throw this.malformed(`expected ${what}`)
    if (++this.depth > MOST_DEPTH)
      throw this.malformed(`it nests deeper than ${MOST_DEPTH} objects and lists`)
    this.at++
  }

  /** True when the closing bracket was taken; else the comma between two values was, unless this is the first. */
  private close(bracket: number, first: boolean): boolean {
    const byte = this.peek()
    if (byte === bracket) {
      this.at++
      return true
    }
    if (first) return false
    if (byte !== COMMA) throw this.malformed('expected a comma or the end of what was opened')
    this.at++
    if (this.peek() === bracket) throw this.malformed('nothing follows the comma')
    return false
  }

  private word(word: string): void {
    const { bytes, at } = this
    if (bytes.toString('latin1', at, at + word.length) !== word) throw this.malformed('expected a value')
    this.at += word.length
  }

  /** The byte behind white space, not taken; undefined at the end. */
  private peek(): number | undefined {
    const { bytes } = this
    let byte = bytes[this.at]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++this.at]
    return byte
  }
}

function isOfNumber(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    (byte | 0x20) === 0x65
  )
}
