import { isUtf8 } from 'node:buffer'
import { PgrError } from '../../errors/pgr-error.ts'
import type { Family, FamilyType } from '../../model/family.ts'
import type { Reader, ReadOptions } from '../format.ts'
import { FamilyBuilder } from './family.ts'
import { malformed, readMetricName, readSample, show, undoEscapes } from './sample.ts'
import { SUFFIXES } from './suffixes.ts'

const EOF = '# EOF'
const LINE_FEED = 0x0a

/**
 * Reads OpenMetrics 1.0 text strictly: what the specification forbids is refused, as the whole body would be by the
 * scrapers that see the data later. A sample's timestamp becomes whole milliseconds, a `_created` sample the start of
 * its metric; a counter `a` becomes the family `a_total`, an info `a` the family `a_info`. Families without samples
 * are checked and left out.
 */
export const reader: Reader = {
  name: 'openmetrics',
  read(body, options) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    if (!isUtf8(bytes)) throw atLine(malformed('the body is not valid UTF-8'), lineOfBrokenText(body))
    const page = new Page(options)
    let line = 0
    try {
      for (let at = 0; at < bytes.length && !page.ended; ) {
        line++
        const end = bytes.indexOf(LINE_FEED, at)
        // A string per line: what is kept of a line would keep a string of the whole body alive.
        page.readLine(bytes.toString('utf8', at, end === -1 ? bytes.length : end), line)
        if (page.ended) assertNothingAfter(bytes, end)
        if (end === -1) break
        at = end + 1
      }
      if (!page.ended) throw malformed('the body does not end in "# EOF" and may be cut off')
      return page.families
    } catch (reason) {
      throw atLine(reason, page.blamedLine ?? Math.max(1, line))
    }
  },
}

function assertNothingAfter(bytes: Buffer, end: number): void {
  if (end === -1 || end + 1 === bytes.length) return
  throw malformed(`nothing may follow "# EOF", got ${show(bytes.toString('utf8', end + 1, end + 41))}`)
}

function atLine(reason: unknown, line: number): unknown {
  if (!(reason instanceof PgrError)) return reason
  return new PgrError(reason.code, `openmetrics parsing error in line ${line}: ${reason.message}`)
}

/** Line feeds are found among bytes: none is ever part of a longer character. */
function lineOfBrokenText(body: Uint8Array): number {
  const whole = new TextDecoder().decode(body)
  // The replacement character may be there by right; then an earlier line is blamed, at worst.
  const broken = whole.indexOf('\ufffd')
  return whole.slice(0, broken).split('\n').length
}

/** The lines read so far: families done, the one being read, and the names nobody else may use. */
class Page {
  readonly families: Family[] = []
  ended = false
  /** Set when a failure belongs to an earlier line than the one being read. */
  blamedLine: number | undefined
  private current: FamilyBuilder | undefined
  private readonly claimed = new Map<string, string>()
  private series = 0
  private readonly options: ReadOptions

  constructor(options: ReadOptions) {
    this.options = options
  }

  readLine(line: string, number: number): void {
    if (line === EOF) {
      this.finishFamily()
      this.ended = true
    } else if (line.startsWith('#')) {
      this.readMetadata(line, number)
    } else if (line === '') {
      throw malformed('blank lines are not allowed')
    } else {
      this.readSampleLine(line, number)
    }
  }

  private readSampleLine(line: string, number: number): void {
    const sample = readSample(withoutReturn(line), this.options)
    let suffix = this.current?.suffixOf(sample.name)
    if (this.current === undefined || suffix === undefined) {
      this.startFamily(sample.name, number)
      suffix = ''
    }
    this.count(suffix)
    this.current?.add(suffix, sample)
    if (this.current !== undefined) this.current.lastLine = number
  }

  private count(suffix: string): void {
    const { seriesPerPush } = this.options.limits
    if (suffix !== '_created') this.series++
    if (this.series <= seriesPerPush) return
    throw new PgrError(
      'PGR_LIMIT_EXCEEDED',
      `the body has more than the ${seriesPerPush} series allowed; raise --push.max-series if it is meant`,
    )
  }

  private readMetadata(line: string, number: number): void {
    const keyword = line.slice(2, 6)
    if (!['TYPE', 'HELP', 'UNIT'].includes(keyword) || line[1] !== ' ' || line[6] !== ' ') {
      throw malformed(`only TYPE, HELP, UNIT and EOF may follow "# ", got ${show(line)}`)
    }
    const cursor = { line, at: 7 }
    const name = readMetricName(cursor, this.options)
    if (line[cursor.at] !== ' ') throw malformed(`expected a blank after the name ${show(name)}`)
    const content = line.slice(cursor.at + 1)
    if (this.current?.name !== name) this.startFamily(name, number)
    const family = this.current
    if (family === undefined) return
    family.lastLine = number
    if (keyword === 'HELP') family.setHelp(undoEscapes(content))
    else if (keyword === 'TYPE') family.setType(readType(withoutReturn(content)))
    else family.setUnit(readUnit(withoutReturn(content), this.options))
  }

  private startFamily(name: string, number: number): void {
    this.finishFamily()
    this.current = new FamilyBuilder(name, number)
  }

  private finishFamily(): void {
    const { current } = this
    if (current === undefined) return
    this.blamedLine = current.lastLine
    const family = current.finish()
    this.blamedLine = current.firstLine
    for (const name of current.claims()) {
      const owner = this.claimed.get(name)
      if (owner !== undefined) throw malformed(clashOf(current.name, owner, name))
      this.claimed.set(name, current.name)
    }
    this.blamedLine = undefined
    this.current = undefined
    if (family !== undefined) this.families.push(family)
  }
}

function clashOf(name: string, owner: string, claimed: string): string {
  if (name === owner) return `metric family ${show(name)} comes twice; all lines of a family must be together`
  return `metric families ${show(owner)} and ${show(name)} cannot both be there: both may have samples ${show(claimed)}`
}

function withoutReturn(text: string): string {
  if (text.endsWith('\r')) throw malformed('the line ends in a carriage return; only a line feed ends a line')
  return text
}

function readType(text: string): FamilyType {
  if (Object.hasOwn(SUFFIXES, text)) return text as FamilyType
  const remedy = text === 'untyped' ? '; OpenMetrics calls it "unknown"' : ''
  throw malformed(`unknown metric type ${show(text)}${remedy}`)
}

function readUnit(unit: string, { utf8Names }: ReadOptions): string {
  // `metricname-char` of the grammar; what else a quoted name may end in can be no more than the name itself.
  const legal = utf8Names ? !/\s/.test(unit) : /^[a-zA-Z0-9_:]*$/.test(unit)
  if (!legal) throw malformed(`invalid unit ${show(unit)}`)
  return unit
}
