import { PgrError } from '../../errors/pgr-error.ts'
import type { Exemplar } from '../../model/family.ts'
import { duplicateName, type Label, type Labels, sortLabels } from '../../model/labels.ts'
import { isLegacyLabelName, isLegacyMetricName, isValidUtf8Name } from '../../model/names.ts'
import { parseGoFloat } from '../../model/number.ts'
import type { ReadOptions } from '../format.ts'
import { EXEMPLAR_MAX_RUNES, runesOf } from './suffixes.ts'

/** A sample line, taken apart. */
export interface Sample {
  readonly name: string
  /** Sorted, no name twice; `le`, `quantile` and the like still among them. */
  readonly labels: Labels
  readonly value: number
  readonly timestampSeconds: number | undefined
  readonly exemplar: Exemplar | undefined
}

/** Where the reader stands in a line. */
interface Cursor {
  readonly line: string
  at: number
}

/** The reason alone; whoever knows the line adds it. */
export function malformed(reason: string): PgrError {
  return new PgrError('PGR_BODY_MALFORMED', reason)
}

function overLimit(reason: string, setting: string): PgrError {
  return new PgrError('PGR_LIMIT_EXCEEDED', `${reason}; raise ${setting} if it is meant`)
}

/** A stranger's text for a message: quoted, and cut where it is long. */
export function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/**
 * Reads `name{labels} value [timestamp] [# {labels} value [timestamp]]`, a line without its line feed. Single blanks
 * stand exactly where the grammar has them.
 */
export function readSample(line: string, options: ReadOptions): Sample {
  const cursor = { line, at: 0 }
  let name = line.startsWith('{') ? undefined : readBareName(cursor, options)
  let labels: Label[] = []
  if (line[cursor.at] === '{') {
    const braces = readBraces(cursor, options, name === undefined)
    name ??= braces.name
    labels = braces.labels
  }
  if (name === undefined) throw malformed('the sample has no metric name')
  assertDistinct(labels, options)
  const value = readValue(cursor)
  let timestampSeconds: number | undefined
  if (cursor.at < line.length && line[cursor.at + 1] !== '#') timestampSeconds = readTimestamp(cursor)
  const exemplar = cursor.at < line.length ? readExemplar(cursor, options) : undefined
  if (cursor.at < line.length)
    throw malformed(`unexpected ${show(line.slice(cursor.at))} at the end of the sample`)
  return { name, labels, value, timestampSeconds, exemplar }
}

/** The metric name that starts a line, or follows the keyword of a metadata line; quoted ones must be allowed. */
export function readMetricName(cursor: Cursor, options: ReadOptions): string {
  return cursor.line[cursor.at] === '"' ? readQuotedName(cursor, options) : readBareName(cursor, options)
}

function readBareName(cursor: Cursor, options: ReadOptions): string {
  const { line, at } = cursor
  let end = at
  while (end < line.length && line[end] !== '{' && line[end] !== ' ') end++
  const name = line.slice(at, end)
  if (!isLegacyMetricName(name)) throw malformed(`invalid metric name ${show(name)}`)
  assertNameLength(name, options)
  cursor.at = end
  return name
}

function readQuotedName(cursor: Cursor, options: ReadOptions): string {
  if (!options.utf8Names) {
    throw malformed('names in quotes are not allowed; start pgr with --push.enable-utf8-names to allow them')
  }
  const name = readQuoted(cursor)
  if (!isValidUtf8Name(name)) throw malformed(`invalid name ${show(name)}`)
  assertNameLength(name, options)
  return name
}

function assertNameLength(name: string, { limits }: ReadOptions): void {
  if (name.length <= limits.nameLength) return
  const reason = `a name of ${name.length} characters is longer than the ${limits.nameLength} allowed`
  throw overLimit(reason, '--push.max-name-length')
}

/** `{name="value",…}`; with `named`, the first entry is the metric name in quotes. */
function readBraces(
  cursor: Cursor,
  options: ReadOptions,
  named: boolean,
): { name: string | undefined; labels: Label[] } {
  const { line } = cursor
  const labels: Label[] = []
  let name: string | undefined
  cursor.at++
  if (named) {
    if (line[cursor.at] !== '"') throw malformed('the sample has no metric name')
    name = readQuotedName(cursor, options)
    if (line[cursor.at] === '}') {
      cursor.at++
      return { name, labels }
    }
    expectText(cursor, ',', 'between the entries of a label list')
  } else if (line[cursor.at] === '}') {
    cursor.at++
    return { name, labels }
  }
  for (;;) {
    labels.push(readLabel(cursor, options))
    if (labels.length > options.limits.labelsPerSeries) {
      throw overLimit(
        `a series has more than the ${options.limits.labelsPerSeries} labels allowed`,
        '--push.max-labels',
      )
    }
    if (line[cursor.at] === '}') break
    expectText(cursor, ',', 'between the entries of a label list')
  }
  cursor.at++
  return { name, labels }
}

function readLabel(cursor: Cursor, options: ReadOptions): Label {
  const name = readLabelName(cursor, options)
  expectText(cursor, '=', `after label name ${show(name)}`)
  if (cursor.line[cursor.at] !== '"')
    throw malformed(`the value of label ${show(name)} is not in double quotes`)
  const value = readQuoted(cursor)
  const { valueLength } = options.limits
  if (value.length > valueLength) {
    const reason = `the value of label ${show(name)} has ${value.length} characters, more than the ${valueLength} allowed`
    throw overLimit(reason, '--push.max-value-length')
  }
  return { name, value }
}

function readLabelName(cursor: Cursor, options: ReadOptions): string {
  const { line, at } = cursor
  if (line[at] === '"') return readQuotedName(cursor, options)
  let end = at
  while (end < line.length && !isLabelNameEnd(line.charCodeAt(end))) end++
  const name = line.slice(at, end)
  if (!isLegacyLabelName(name)) throw malformed(`invalid label name ${show(name)}`)
  assertNameLength(name, options)
  cursor.at = end
  return name
}

const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const CLOSING_BRACE = 0x7d

function isLabelNameEnd(code: number): boolean {
  return code === EQUALS || code === QUOTE || code === COMMA || code === CLOSING_BRACE
}

/** A text in double quotes; the cursor stands on the first and is left behind the last. */
function readQuoted(cursor: Cursor): string {
  const { line, at } = cursor
  const end = line.indexOf('"', at + 1)
  if (end === -1) throw malformed(`the quote opened at column ${at + 1} is never closed`)
  const text = line.slice(at + 1, end)
  if (!text.includes('\\')) {
    cursor.at = end + 1
    return text
  }
  return readEscaped(cursor)
}

function readEscaped(cursor: Cursor): string {
  const { line, at } = cursor
  let end = at + 1
  while (end < line.length && line.charCodeAt(end) !== QUOTE) end += line[end] === '\\' ? 2 : 1
  if (end >= line.length) throw malformed(`the quote opened at column ${at + 1} is never closed`)
  cursor.at = end + 1
  return undoEscapes(line.slice(at + 1, end))
}

/** Undoes `\\`, `\"` and `\n`; a backslash before anything else stands for itself. */
export function undoEscapes(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

function assertDistinct(labels: Label[], { utf8Names }: ReadOptions): void {
  const twice = duplicateName(sortLabels(labels))
  if (twice !== undefined) throw malformed(`label name ${show(twice)} stands twice in one label list`)
  // In the quoted form it would be a second metric name, in the plain one it makes series nobody can scrape.
  const named = labels.some(({ name }) => name === '__name__')
  if (named)
    throw malformed(`the label __name__ is reserved${utf8Names ? '; write the name in quotes instead' : ''}`)
}

function readValue(cursor: Cursor): number {
  expectText(cursor, ' ', 'before the value')
  const text = readToken(cursor)
  const value = parseGoFloat(text)
  if (value === undefined) throw malformed(`expected a decimal number as value, got ${show(text)}`)
  return value
}

function readTimestamp(cursor: Cursor): number {
  expectText(cursor, ' ', 'before the timestamp')
  const text = readToken(cursor)
  const seconds = parseGoFloat(text)
  if (seconds === undefined || !Number.isFinite(seconds * 1000)) {
    throw malformed(`expected seconds since the epoch as timestamp, got ${show(text)}`)
  }
  return seconds
}

function readExemplar(cursor: Cursor, options: ReadOptions): Exemplar {
  expectText(cursor, ' # ', 'before an exemplar')
  if (cursor.line[cursor.at] !== '{') throw malformed('an exemplar has no label list; an empty one is {}')
  const { labels } = readBraces(cursor, options, false)
  assertDistinct(labels, options)
  const runes = labels.reduce((sum, { name, value }) => sum + runesOf(name) + runesOf(value), 0)
  if (runes > EXEMPLAR_MAX_RUNES) {
    throw malformed(
      `the labels of an exemplar have ${runes} characters, more than the ${EXEMPLAR_MAX_RUNES} allowed`,
    )
  }
  const value = readValue(cursor)
  if (cursor.at === cursor.line.length) return { labels, value }
  return { labels, value, timestampMs: toMs(readTimestamp(cursor)) }
}

/** Whole milliseconds; never minus zero. */
export function toMs(seconds: number): number {
  return Math.round(seconds * 1000) + 0
}

function readToken(cursor: Cursor): string {
  const { line, at } = cursor
  const blank = line.indexOf(' ', at)
  cursor.at = blank === -1 ? line.length : blank
  return line.slice(at, cursor.at)
}

function expectText(cursor: Cursor, text: string, where: string): void {
  if (!cursor.line.startsWith(text, cursor.at)) {
    const found =
      cursor.at < cursor.line.length ? show(cursor.line.slice(cursor.at, cursor.at + 20)) : 'the line ends'
    throw malformed(`expected ${show(text)} ${where}, got ${found}`)
  }
  cursor.at += text.length
}
