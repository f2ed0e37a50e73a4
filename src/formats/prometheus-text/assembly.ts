import {
  type Bucket,
  type Family,
  type FamilyType,
  type HistogramMetric,
  type NumberMetric,
  type Quantile,
  type SummaryMetric,
  seriesOf,
} from '../../model/family.ts'
import { type Labels, labelKey } from '../../model/labels.ts'
import { quoteGo } from './quote.ts'
import { LF_ALONE, type Scan } from './scan.ts'

/** The types a TYPE line can give; `untyped` is `unknown` in the model. */
const TYPES = new Map<string, TextType>([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['untyped', 'unknown'],
  ['summary', 'summary'],
  ['histogram', 'histogram'],
  ['gauge_histogram', 'gaugehistogram'],
  ['gaugehistogram', 'gaugehistogram'],
])

const KNOWN_TYPES = 'known are counter, gauge, histogram, summary and untyped'

type TextType = Exclude<FamilyType, 'info' | 'stateset'>

/** A histogram or summary whose lines are still coming in. */
interface Parts {
  readonly labels: Labels
  timestampMs: number | undefined
  count: number | undefined
  sum: number | undefined
  /** Bounds of buckets or quantiles, and the values that go with them, as they came. */
  readonly bounds: number[]
  readonly values: number[]
}

interface OpenFamily {
  readonly name: string
  help: string | undefined
  type: TextType | undefined
  readonly numbers: NumberMetric[]
  readonly parts: Parts[]
  partsByLabels: Map<string, Parts> | undefined
  lastParts: Parts | undefined
}

/** Where the samples of one name go. */
export interface Route {
  /** Name on the line, of the family itself or with one of the suffixes. */
  readonly name: string
  readonly family: OpenFamily
  readonly role: 'value' | 'count' | 'sum'
}

/**
 * Families taking shape. A name with `_bucket`, `_sum` or `_count` belongs to a histogram or summary only when the
 * TYPE line came first; after the first time a name is seen its place never changes.
 */
export class Assembly {
  private readonly families = new Map<string, OpenFamily>()
  private readonly routes = new Map<string, Route>()
  private readonly scan: Scan
  private series = 0

  constructor(scan: Scan) {
    this.scan = scan
  }

  /** The place for samples of this name; a family that had no type until now is untyped from now on. */
  routeSample(name: string): Route {
    const route = this.routes.get(name) ?? this.open(name)
    route.family.type ??= 'unknown'
    return route
  }

  setHelp(name: string, read: () => string): void {
    const { family } = this.routes.get(name) ?? this.open(name)
    if (family.help !== undefined) {
      throw this.scan.malformed(`second HELP line for metric name ${quoteGo(family.name)}`)
    }
    family.help = read()
  }

  setType(name: string, text: string): void {
    const { family } = this.routes.get(name) ?? this.open(name)
    if (family.type !== undefined) {
      throw this.scan.malformed(
        `second TYPE line for metric name ${quoteGo(family.name)}, or TYPE reported after samples`,
      )
    }
    family.type = TYPES.get(text) ?? TYPES.get(text.toLowerCase())
    if (family.type === undefined) {
      throw this.scan.malformed(
        `unknown metric type ${quoteGo(text)}; ${text.endsWith('\r') ? LF_ALONE : KNOWN_TYPES}`,
      )
    }
  }

  /** Makes sure that the family exists, as a HELP or TYPE line without content does. */
  mention(name: string): void {
    if (!this.routes.has(name)) this.open(name)
  }

  private open(name: string): Route {
    this.scan.checkedName(name, 'metric')
    const route = this.place(name)
    this.routes.set(name, route)
    return route
  }

  private place(name: string): Route {
    const own = this.families.get(name)
    if (own !== undefined) return { name, family: own, role: 'value' }
    for (const [suffix, role] of SUFFIXES) {
      if (name.length === suffix.length || !name.endsWith(suffix)) continue
      const family = this.families.get(name.slice(0, -suffix.length))
      if (family === undefined) continue
      if (isHistogram(family.type) || (family.type === 'summary' && suffix !== '_bucket')) {
        return { name, family, role }
      }
    }
    const family: OpenFamily = {
      name,
      help: undefined,
      type: undefined,
      numbers: [],
      parts: [],
      partsByLabels: undefined,
      lastParts: undefined,
    }
    this.families.set(name, family)
    return { name, family, role: 'value' }
  }

  /** Counts one more sample line against the limit. */
  countSeries(): void {
    this.checkSeries(++this.series)
  }

  private checkSeries(series: number): void {
    const limit = this.scan.options.limits.seriesPerPush
    if (series <= limit) return
    throw this.scan.over(
      `the body has more than the ${limit} series allowed; raise --push.max-series if it is meant`,
    )
  }

  /** The histogram or summary with these labels; a new one when there is none yet. */
  partsFor(family: OpenFamily, labels: Labels): Parts {
    // The reader hands out the same list again for the same labels on neighbouring lines.
    if (family.lastParts?.labels === labels) return family.lastParts
    const key = labelKey(labels)
    family.partsByLabels ??= new Map()
    let parts = family.partsByLabels.get(key)
    if (parts === undefined) {
      parts = {
        labels,
        timestampMs: undefined,
        count: undefined,
        sum: undefined,
        bounds: [],
        values: [],
      }
      family.parts.push(parts)
      family.partsByLabels.set(key, parts)
    }
    family.lastParts = parts
    return parts
  }

  /** Takes one sample of a histogram or summary; `bound` is its `le` or `quantile`. */
  addPart(route: Route, parts: Parts, bound: number | undefined, value: number): void {
    const { family, role } = route
    if (role === 'sum') {
      parts.sum = value
    } else if (role === 'count') {
      parts.count =
        family.type === 'summary' ? Math.trunc(this.count(family, value)) : this.count(family, value)
    } else if (bound !== undefined && !Number.isNaN(bound)) {
      parts.bounds.push(bound)
      parts.values.push(family.type === 'summary' ? value : this.count(family, value))
    }
  }

  private count(family: OpenFamily, value: number): number {
    if (value >= 0 && value < Number.POSITIVE_INFINITY) return value
    throw this.scan.malformed(
      `${value < 0 ? 'negative' : 'not a finite'} count for ${family.type} ${quoteGo(family.name)}`,
    )
  }

  /** Everything read, in order of first appearance; families without samples are left out. */
  finish(): Family[] {
    const families: Family[] = []
    let series = 0
    for (const open of this.families.values()) {
      if (open.numbers.length === 0 && open.parts.length === 0) continue
      const family = close(open)
      series += seriesOf(family)
      families.push(family)
    }
    // A line that gives only part of a histogram or summary makes it whole, which is more series than lines.
    this.checkSeries(series)
    return families
  }
}

const SUFFIXES = [
  ['_count', 'count'],
  ['_sum', 'sum'],
  ['_bucket', 'value'],
] as const

export function isHistogram(type: TextType | undefined): type is 'histogram' | 'gaugehistogram' {
  return type === 'histogram' || type === 'gaugehistogram'
}

function close({ name, help = '', type: given, numbers, parts }: OpenFamily): Family {
  const unit = ''
  const type: TextType = given ?? 'unknown'
  switch (type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
      return { name, help, unit, type, metrics: numbers }
    case 'summary':
      return { name, help, unit, type, metrics: parts.map(closeSummary) }
    case 'histogram':
    case 'gaugehistogram':
      return { name, help, unit, type, metrics: parts.map(closeHistogram) }
  }
}

function closeSummary(parts: Parts): SummaryMetric {
  const quantiles: Quantile[] = []
  for (const at of ascending(parts.bounds)) {
    quantiles.push({ quantile: parts.bounds[at] as number, value: parts.values[at] as number })
  }
  return { quantiles, ...closeCommon(parts) }
}

function closeHistogram(parts: Parts): HistogramMetric {
  const buckets: Bucket[] = []
  let isFloat = parts.count !== undefined && !Number.isInteger(parts.count)
  for (const at of ascending(parts.bounds)) {
    const cumulativeCount = parts.values[at] as number
    if (!Number.isInteger(cumulativeCount)) isFloat = true
    buckets.push({ upperBound: parts.bounds[at] as number, cumulativeCount })
  }
  const last = buckets.at(-1)
  const common = closeCommon(parts)
  return {
    buckets,
    ...common,
    ...(common.count === undefined && last?.upperBound === Number.POSITIVE_INFINITY
      ? { count: last.cumulativeCount }
      : {}),
    ...(isFloat ? { float: true as const } : {}),
  }
}

function closeCommon({ labels, timestampMs, count, sum }: Parts) {
  return {
    labels,
    ...(timestampMs === undefined ? {} : { timestampMs }),
    ...(count === undefined ? {} : { count }),
    ...(sum === undefined ? {} : { sum }),
  }
}

/**
 * Positions of the bounds in ascending order. Of equal bounds only the last one given stays, as the last of two counts
 * does: kept side by side they would be the same series twice.
 */
function ascending(bounds: readonly number[]): Iterable<number> {
  let isAscending = true
  for (let at = 1; at < bounds.length; at++) {
    if (!((bounds[at - 1] as number) < (bounds[at] as number))) isAscending = false
  }
  if (isAscending) return bounds.keys()
  const order = [...bounds.keys()].sort((a, b) => compareNumbers(bounds[a] as number, bounds[b] as number))
  return order.filter((at, index) => bounds[order[index + 1] ?? -1] !== bounds[at])
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
