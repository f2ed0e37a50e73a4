import type { Family, NumberMetric } from '../../model/family.ts'
import { type Labels, NO_LABELS } from '../../model/labels.ts'
import type { Reader, ReadOptions } from '../format.ts'
import { Assembly, isHistogram, type Route } from './assembly.ts'
import { LabelSetReader } from './label-set.ts'
import { quoteGo } from './quote.ts'
import { BLANK, CLOSE, COMMA, CR, EQUALS, HASH, LF, LF_ALONE, OPEN, QUOTE, Scan, TAB } from './scan.ts'

/**
 * Reads the classic text format, version 0.0.4, taking and refusing what the Go library does and naming line and
 * reason as it does. Timestamps are read; whether they may be pushed is not decided here.
 *
 * Stricter than the Go library: invalid UTF-8 anywhere, and counts that are negative or not finite. More lenient: a
 * bucket or quantile given twice keeps the last value instead of becoming two equal series.
 */
function readText(body: Uint8Array, options: ReadOptions): Family[] {
  return new TextReader(new Scan(body, options)).read()
}

export const reader: Reader = { name: 'text', read: readText }

/** Of both HELP and TYPE. */
const KEYWORD_LENGTH = 4

class TextReader {
  private readonly scan: Scan
  private readonly labelSets: LabelSetReader
  private readonly assembly: Assembly
  /** Of the sample line before, and where its name stands. */
  private route: Route | undefined
  private nameStart = 0
  private nameEnd = 0
  /** The line being read has its name among the labels. */
  private bracesHoldName = false

  constructor(scan: Scan) {
    this.scan = scan
    this.labelSets = new LabelSetReader(scan)
    this.assembly = new Assembly(scan)
  }

  read(): Family[] {
    const { scan } = this
    while (scan.at < scan.end) {
      scan.lineStart = scan.at
      scan.skipBlanks()
      const byte = scan.peek()
      if (byte === LF) scan.at++
      else if (byte === HASH) this.readComment()
      else this.readSample()
    }
    this.refuseRest()
    return this.assembly.finish()
  }

  /** Behind the last line feed there may be blanks, nothing else. */
  private refuseRest(): void {
    const { scan } = this
    scan.lineStart = scan.at
    scan.skipBlanks()
    if (scan.at === scan.bytes.length) return
    throw scan.malformed(
      'unexpected end of input stream; the last line has no newline, with curl use --data-binary',
    )
  }

  private readSample(): void {
    const { scan } = this
    const route = this.readName()
    const { family } = route
    const isParts = family.type === 'summary' || isHistogram(family.type)
    const special = isParts ? (family.type === 'summary' ? 'quantile' : 'le') : undefined
    this.labelSets.special = undefined
    const labels = this.readLabels(route.name, special)
    this.assembly.countSeries()
    const value = scan.readNumber()
    if (value === undefined) throw this.refuseValue()
    if (isParts) {
      const parts = this.assembly.partsFor(family, labels)
      this.assembly.addPart(route, parts, this.labelSets.special, value)
      if (scan.peek() === LF) scan.at++
      else parts.timestampMs = this.readTimestamp()
    } else if (scan.peek() === LF) {
      scan.at++
      family.numbers.push({ labels, value })
    } else {
      family.numbers.push({ labels, value, timestampMs: this.readTimestamp() } satisfies NumberMetric)
    }
  }

  /** Stands behind the name afterwards, or, when braces hold the name, before them. */
  private readName(): Route {
    const { scan } = this
    const { bytes } = scan
    // Most lines have the name of the line before.
    let before = this.nameStart
    let at = scan.at
    const start = at
    while (before < this.nameEnd && bytes[before] === bytes[at]) {
      before++
      at++
    }
    this.bracesHoldName = false
    if (before === this.nameEnd && this.route !== undefined && (bytes[at] === OPEN || bytes[at] === BLANK)) {
      scan.at = at
      return this.route
    }
    const end = scan.endOfMetricName()
    if (end === start) return this.readRareName()
    scan.at = end
    const route = this.assembly.routeSample(scan.cut(start, end))
    this.route = route
    this.nameStart = start
    this.nameEnd = end
    return route
  }

  /** A name in quotes, before its labels or among them. */
  private readRareName(): Route {
    const { scan } = this
    if (!scan.options.utf8Names || (scan.peek() !== QUOTE && scan.peek() !== OPEN)) throw this.refuseName()
    if (scan.peek() === QUOTE) return this.assembly.routeSample(scan.readQuoted('metric name'))
    const start = scan.at
    const name = this.findNameInBraces()
    scan.at = start
    this.bracesHoldName = true
    return this.assembly.routeSample(name)
  }

  /** Reads over the items of a brace that opens a line to the one that is a name alone. */
  private findNameInBraces(): string {
    const { scan } = this
    let name: string | undefined
    scan.at++
    for (;;) {
      scan.skipBlanks()
      if (scan.peek() === CLOSE) break
      const item = this.readItemName()
      scan.skipBlanks()
      if (scan.peek() === EQUALS) {
        scan.at++
        scan.skipBlanks()
        if (scan.peek() !== QUOTE) {
          throw scan.malformed(`expected '"' at start of label value, found ${scan.showChar()}`)
        }
        scan.readQuoted('label value')
        scan.skipBlanks()
      } else if (name === undefined) {
        name = item
      } else {
        throw scan.malformed(`two metric names in one line, ${quoteGo(name)} and ${quoteGo(item)}`)
      }
      if (scan.peek() === CLOSE) break
      if (scan.peek() !== COMMA) throw scan.malformed(`unexpected end of metric value ${scan.showChar()}`)
      scan.at++
    }
    if (name === undefined) throw scan.malformed('invalid metric name')
    return name
  }

  private readItemName(): string {
    const { scan } = this
    if (scan.peek() === QUOTE) return scan.readQuoted('metric name')
    const start = scan.at
    const end = scan.endOfLabelName()
    if (end === start) throw scan.malformed('invalid metric name')
    scan.at = end
    return scan.cut(start, end)
  }

  private refuseName(): Error {
    const { scan } = this
    if (scan.peek() === QUOTE || scan.peek() === OPEN) {
      return scan.malformed('invalid metric name; quoted names are read with --push.enable-utf8-names')
    }
    return scan.malformed(scan.peek() === CR ? `invalid metric name; ${LF_ALONE}` : 'invalid metric name')
  }

  private readLabels(metric: string, special: string | undefined): Labels {
    const { scan } = this
    if (scan.peek() === BLANK || scan.peek() === TAB) scan.skipBlanks()
    if (scan.peek() !== OPEN) return NO_LABELS
    scan.at++
    const labels = this.labelSets.read(metric, special, this.bracesHoldName)
    scan.skipBlanks()
    return labels
  }

  private refuseValue(): Error {
    const { scan } = this
    const token = scan.cut(scan.at, scan.endOfToken())
    const hint = token.endsWith('\r') ? `; ${LF_ALONE}` : ''
    return scan.malformed(`expected float as value, got ${quoteGo(token)}${hint}`)
  }

  /** Signed decimal integer of 64 bits, then the end of the line; moves behind it. */
  private readTimestamp(): number {
    const { scan } = this
    scan.skipBlanks()
    const start = scan.at
    const end = scan.endOfToken()
    const token = scan.cut(start, end)
    if (!/^[+-]?\d+$/.test(token) || !isInt64(token)) throw this.refuseTimestamp(token)
    scan.at = end
    if (scan.peek() !== LF) {
      const rest = scan.cut(end, scan.endOfLine())
      throw scan.malformed(`spurious string after timestamp: ${quoteGo(rest)}`)
    }
    scan.at++
    return Number(token)
  }

  private refuseTimestamp(token: string): Error {
    const reason = `expected integer as timestamp, got ${quoteGo(token)}`
    return this.scan.malformed(`${reason}; ${timestampHint(token)}`)
  }

  private readComment(): void {
    const { scan } = this
    scan.at++
    scan.skipBlanks()
    const start = scan.at
    const end = scan.endOfToken()
    const keyword = end - start === KEYWORD_LENGTH && scan.bytes[end] !== LF ? scan.cut(start, end) : ''
    if (keyword !== 'HELP' && keyword !== 'TYPE') {
      scan.skipLine()
      return
    }
    scan.at = end
    scan.skipBlanks()
    const name = this.readCommentName()
    if (scan.peek() === LF) {
      scan.at++
      return
    }
    if (scan.peek() !== BLANK && scan.peek() !== TAB) throw this.refuseCommentName()
    scan.skipBlanks()
    if (scan.peek() === LF) {
      this.assembly.mention(name)
      scan.at++
    } else if (keyword === 'HELP') {
      this.assembly.setHelp(name, () => scan.readHelp())
    } else {
      const lineEnd = scan.endOfLine()
      this.assembly.setType(name, scan.cut(scan.at, lineEnd))
      scan.at = lineEnd + 1
    }
  }

  private readCommentName(): string {
    const { scan } = this
    if (scan.peek() === QUOTE && scan.options.utf8Names) return scan.readQuoted('metric name')
    const start = scan.at
    scan.at = scan.endOfMetricName()
    return scan.cut(start, scan.at)
  }

  private refuseCommentName(): Error {
    const { scan } = this
    const reason = 'invalid metric name in comment'
    if (scan.peek() === QUOTE) {
      return scan.malformed(`${reason}; quoted names are read with --push.enable-utf8-names`)
    }
    return scan.malformed(scan.peek() === CR ? `${reason}; ${LF_ALONE}` : reason)
  }
}

function isInt64(decimal: string): boolean {
  // Up to 18 digits and a sign always fit.
  return decimal.length < 19 || BigInt.asIntN(64, BigInt(decimal)) === BigInt(decimal)
}

function timestampHint(token: string): string {
  if (token.startsWith('#')) return 'exemplars belong to OpenMetrics, sent as application/openmetrics-text'
  if (token === '') return 'the line ends in a blank'
  if (token.endsWith('\r')) return LF_ALONE
  return 'a timestamp is in whole milliseconds'
}
