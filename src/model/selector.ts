import { RE2JS } from 're2js'
import { PgrError } from '../errors/pgr-error.ts'
import { type Labels, labelValue } from './labels.ts'
import { isLegacyLabelName, isValidUtf8Name } from './names.ts'

/** Whether these labels are selected; one that is missing counts as empty. */
export type Selector = (labels: Labels) => boolean

interface Matcher {
  readonly name: string
  readonly matches: (value: string) => boolean
}

/** Longer ones are a mistake. */
const MOST_CHARACTERS = 10_000

/**
 * Reads a selector of Prometheus without a metric name: `{job="backup",instance=~"db.*"}`. Expressions are those of RE2,
 * anchored at both ends, so that none takes longer than the text is long. As in Prometheus one of the matchers must not
 * match the empty text, because such a selector selects everything. Throws PGR_SELECTOR_INVALID.
 */
export function parseSelector(text: string): Selector {
  const matchers = new SelectorReader(text).read()
  if (matchers.every(({ matches }) => matches('')))
    throw invalid(text, 'it selects everything; one matcher must not match the empty text')
  return (labels) => matchers.every(({ name, matches }) => matches(labelValue(labels, name) ?? ''))
}

function invalid(text: string, why: string): PgrError {
  return new PgrError(
    'PGR_SELECTOR_INVALID',
    `the selector ${JSON.stringify(text.slice(0, 200))} cannot be used: ${why}`,
  )
}

const OPERATOR = /\s*(=~|!~|!=|=)\s*/y
const NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y
const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\.)*"/y
const SINGLE_QUOTED = /'(?:[^'\\\n]|\\.)*'/y
const RAW = /`[^`]*`/y
const ESCAPE = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs
const ESCAPED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

class SelectorReader {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  read(): Matcher[] {
    const { text } = this
    if (text.length > MOST_CHARACTERS) throw this.invalid(`it has more than ${MOST_CHARACTERS} characters`)
    this.skipBlanks()
    if (text[this.at] !== '{')
      throw this.invalid('it must begin with "{"; groups are selected by their labels, without a metric name')
    this.at++
    const matchers: Matcher[] = []
    for (;;) {
      this.skipBlanks()
      if (text[this.at] === '}') break
      matchers.push(this.readMatcher())
      this.skipBlanks()
      if (text[this.at] === ',') this.at++
      else if (text[this.at] !== '}') throw this.unexpected('"," or "}"')
    }
    this.at++
    this.skipBlanks()
    if (this.at < text.length) throw this.unexpected('the end')
    return matchers
  }

  private readMatcher(): Matcher {
    const name = this.take(NAME) ?? this.readQuoted()
    if (name === undefined) throw this.unexpected('the name of a label')
    if (!isLegacyLabelName(name) && !isValidUtf8Name(name))
      throw this.invalid(`${JSON.stringify(name)} is no name of a label`)
    const operator = this.take(OPERATOR)?.trim()
    if (operator === undefined) throw this.unexpected('=, !=, =~ or !~')
    const value = this.readQuoted()
    if (value === undefined) throw this.unexpected('a value in quotes')
    return { name, matches: this.matching(operator, value) }
  }

  private matching(operator: string, value: string): (value: string) => boolean {
    if (operator === '=') return (other) => other === value
    if (operator === '!=') return (other) => other !== value
    const expression = this.compile(value)
    return operator === '=~' ? (other) => expression.matches(other) : (other) => !expression.matches(other)
  }

  private compile(pattern: string): RE2JS {
    try {
      return RE2JS.compile(pattern, RE2JS.DOTALL)
    } catch (reason) {
      const why = reason instanceof Error ? reason.message : String(reason)
      throw this.invalid(`${JSON.stringify(pattern)} is no regular expression: ${why}`)
    }
  }

  /** Text in quotes of any kind, unescaped as Go does; undefined when there is none. */
  private readQuoted(): string | undefined {
    const raw = this.take(RAW)
    if (raw !== undefined) return raw.slice(1, -1)
    const quoted = this.take(DOUBLE_QUOTED) ?? this.take(SINGLE_QUOTED)
    return quoted?.slice(1, -1).replace(ESCAPE, (_all, code: string) => this.unescape(code))
  }

  private unescape(escaped: string): string {
    const known = ESCAPED[escaped]
    if (known !== undefined) return known
    const isOctal = escaped.length === 3 && !escaped.startsWith('x')
    const code = isOctal ? Number.parseInt(escaped, 8) : Number.parseInt(escaped.slice(1), 16)
    if (!(code <= 0x10ffff)) throw this.invalid(`nobody knows the escape \\${escaped}`)
    return String.fromCodePoint(code)
  }

  private take(expression: RegExp): string | undefined {
    expression.lastIndex = this.at
    const [found] = expression.exec(this.text) ?? []
    if (found !== undefined) this.at += found.length
    return found
  }

  private skipBlanks(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
  }

  private unexpected(expected: string): PgrError {
    const found = this.text[this.at]
    return this.invalid(
      `at character ${this.at + 1} there should be ${expected}, not ${found === undefined ? 'the end' : JSON.stringify(found)}`,
    )
  }

  private invalid(why: string): PgrError {
    return invalid(this.text, why)
  }
}
