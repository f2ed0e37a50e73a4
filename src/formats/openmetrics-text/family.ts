import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  MetricBase,
  NumberMetric,
  Quantile,
  State,
  StateSetMetric,
  SummaryMetric,
} from '../../model/family.ts'
import { keptText } from '../../model/kept-text.ts'
import { type Labels, labelKey } from '../../model/labels.ts'
import { parseGoFloat } from '../../model/number.ts'
import { malformed, type Sample, show, toMs } from './sample.ts'
import { claimedNames, SUFFIXES } from './suffixes.ts'

/** Samples of one metric that share a timestamp, before they are checked. */
interface Point {
  readonly timestampSeconds: number | undefined
  value: number | undefined
  exemplar: Exemplar | undefined
  count: number | undefined
  sum: number | undefined
  startMs: number | undefined
  readonly buckets: Bucket[]
  readonly quantiles: Quantile[]
  readonly states: State[]
}

/**
 * One family while its lines come in. Refuses what the specification refuses, with the reason; the caller adds the
 * line. A metric with several points keeps the last: a gateway shows one.
 */
export class FamilyBuilder {
  /** As OpenMetrics has it, without `_total` or `_info`. */
  readonly name: string
  readonly firstLine: number
  lastLine: number
  private type: FamilyType | undefined
  private help: string | undefined
  private unit: string | undefined
  private readonly metrics: Metric[] = []
  /** Keys of the metrics that had a sample; one that had and is left may not come again. */
  private readonly seen = new Set<string>()
  private key: string | undefined
  private labels: Labels = []
  private point: Point | undefined

  constructor(name: string, line: number) {
    // A slice would keep its line alive, HELP text and all, as long as the name is an index of something.
    this.name = keptText(name)
    this.firstLine = line
    this.lastLine = line
  }

  setType(type: FamilyType): void {
    this.assertHead('TYPE', this.type)
    this.type = type
  }

  setHelp(help: string): void {
    this.assertHead('HELP', this.help)
    this.help = help
  }

  setUnit(unit: string): void {
    this.assertHead('UNIT', this.unit)
    this.unit = unit
  }

  private assertHead(keyword: string, before: string | undefined): void {
    if (this.seen.size > 0) throw malformed(`${keyword} of ${show(this.name)} comes after its samples`)
    if (before !== undefined) throw malformed(`second ${keyword} line for ${show(this.name)}`)
  }

  /** What follows the family's name in the name of a sample that may belong to it. */
  suffixOf(sampleName: string): string | undefined {
    if (!sampleName.startsWith(this.name)) return undefined
    const suffix = sampleName.slice(this.name.length)
    if (SUFFIXES[this.type ?? 'unknown'].includes(suffix)) return suffix
    if (suffix !== '') return undefined
    const expected = SUFFIXES[this.type ?? 'unknown'].map((suffix) => show(this.name + suffix))
    throw malformed(`a sample of ${this.type} ${show(this.name)} must be named ${expected.join(' or ')}`)
  }

  claims(): readonly string[] {
    return claimedNames(this.name, this.type ?? 'unknown')
  }

  add(suffix: string, sample: Sample): void {
    const { labels, special } = this.splitLabels(suffix, sample)
    this.assertExemplarAllowed(suffix, sample)
    const point = this.pointFor(labels, sample.timestampSeconds)
    switch (suffix) {
      case '_created':
        point.startMs = this.once(suffix, point, point.startMs, startOf(sample.value))
        break
      case '_count':
      case '_gcount':
        point.count = this.once(suffix, point, point.count, assertWhole(sample))
        break
      case '_sum':
        point.sum = this.once(suffix, point, point.sum, assertCounterLike(sample))
        break
      case '_gsum':
        point.sum = this.once(suffix, point, point.sum, assertNotNan(sample))
        break
      case '_bucket':
        addBucket(point, special, sample)
        break
      case '_total':
        point.value = this.once(suffix, point, point.value, assertCounterLike(sample))
        point.exemplar = sample.exemplar
        break
      default:
        this.addPlain(point, special, sample)
    }
  }

  private addPlain(point: Point, special: string, sample: Sample): void {
    switch (this.type) {
      case 'summary':
        addQuantile(point, special, sample)
        break
      case 'stateset':
        addState(point, special, sample)
        break
      case 'info':
        if (sample.value !== 1)
          throw malformed(`the value of info ${show(sample.name)} must be 1, got ${sample.value}`)
        point.value = this.once('_info', point, point.value, 1)
        break
      default:
        point.value = this.once('', point, point.value, sample.value)
    }
  }

  /** The metric's labels, and the value of the one that tells its samples apart; empty where there is no such label. */
  private splitLabels(suffix: string, { name, labels }: Sample): { labels: Labels; special: string } {
    const special = this.specialLabel()
    if (special === undefined) return { labels, special: '' }
    const label = labels.find((label) => label.name === special.name)
    if (suffix === special.suffix) {
      if (label === undefined) throw malformed(`${show(name)} has no label ${show(special.name)}`)
      return { labels: labels.filter((other) => other !== label), special: label.value }
    }
    if (label !== undefined) throw malformed(`${show(name)} must not have the label ${show(special.name)}`)
    return { labels, special: '' }
  }

  /** Name of that label, and the suffix of the samples that have it. */
  private specialLabel(): { readonly name: string; readonly suffix: string } | undefined {
    switch (this.type) {
      case 'histogram':
      case 'gaugehistogram':
        return { name: 'le', suffix: '_bucket' }
      case 'summary':
        return { name: 'quantile', suffix: '' }
      case 'stateset':
        return { name: this.name, suffix: '' }
      default:
        return undefined
    }
  }

  private assertExemplarAllowed(suffix: string, { name, exemplar }: Sample): void {
    if (exemplar === undefined || suffix === '_total' || suffix === '_bucket') return
    throw malformed(`${show(name)} must not have an exemplar; only totals of counters and buckets may`)
  }

  private pointFor(labels: Labels, timestampSeconds: number | undefined): Point {
    const key = labelKey(labels)
    if (key !== this.key || this.point === undefined) {
      this.closeMetric()
      if (this.seen.has(key)) throw malformed(`samples of one metric of ${show(this.name)} are not together`)
      this.seen.add(key)
      this.key = key
      this.labels = labels
      this.point = newPoint(this.type, timestampSeconds)
      return this.point
    }
    const before = this.point.timestampSeconds
    if (before === timestampSeconds) return this.point
    if (before === undefined || timestampSeconds === undefined) {
      throw malformed(`some samples of one metric of ${show(this.name)} have timestamps and some have none`)
    }
    if (timestampSeconds < before)
      throw malformed(`timestamps of one metric of ${show(this.name)} go backwards`)
    this.metricOf(this.point)
    this.point = newPoint(this.type, timestampSeconds)
    return this.point
  }

  /** Points of a single number may repeat a timestamp, which can be one of finer grain cut off; nothing else may. */
  private once(suffix: string, point: Point, before: number | undefined, value: number): number {
    const single = this.type === undefined || !['histogram', 'gaugehistogram', 'summary'].includes(this.type)
    if (before === undefined || (single && point.timestampSeconds !== undefined)) return value
    throw malformed(`${show(this.name + suffix)} stands twice with the same labels`)
  }

  private closeMetric(): void {
    if (this.point !== undefined) this.metrics.push(this.metricOf(this.point))
    this.point = undefined
  }

  private metricOf(point: Point): Metric {
    switch (this.type) {
      case 'summary':
        return summaryOf(this.labels, point)
      case 'histogram':
      case 'gaugehistogram':
        assertSumFits(this.type, point, this.name)
        return histogramOf(this.labels, point, this.name)
      case 'stateset':
        return statesOf(this.labels, point)
      default:
        return numberOf(this.labels, point, this.name)
    }
  }

  /** The family as the model has it; undefined when it has no metrics. */
  finish(): Family | undefined {
    this.closeMetric()
    const type = this.type ?? 'unknown'
    const unit = this.unit ?? ''
    if (unit !== '') {
      if (type === 'info' || type === 'stateset')
        throw malformed(`${type} ${show(this.name)} must not have a unit`)
      if (!this.name.endsWith(`_${unit}`)) {
        throw malformed(`unit ${show(unit)} is not a suffix of the name ${show(this.name)}`)
      }
    }
    if (this.metrics.length === 0) return undefined
    const name = type === 'counter' ? `${this.name}_total` : type === 'info' ? `${this.name}_info` : this.name
    return { name, type, help: this.help ?? '', unit, metrics: this.metrics } as Family
  }
}

const PLAIN: ReadonlySet<FamilyType> = new Set(['counter', 'gauge', 'unknown', 'info'])

/** Shared by all points of plain numbers, which have no parts to add. */
const NO_PARTS = { buckets: [], quantiles: [], states: [] }

function newPoint(type: FamilyType | undefined, timestampSeconds: number | undefined): Point {
  return {
    timestampSeconds,
    value: undefined,
    exemplar: undefined,
    count: undefined,
    sum: undefined,
    startMs: undefined,
    ...(type === undefined || PLAIN.has(type) ? NO_PARTS : { buckets: [], quantiles: [], states: [] }),
  }
}

/** Seconds with a fraction as milliseconds with one; microseconds are what a double holds of today. */
function startOf(seconds: number): number {
  const startMs = Math.round(seconds * 1e6) / 1e3 + 0
  if (!Number.isFinite(startMs))
    throw malformed(`a created time must be seconds since the epoch, got ${seconds}`)
  return startMs
}

function assertNotNan({ name, value }: Sample): number {
  if (Number.isNaN(value)) throw malformed(`the value of ${show(name)} must not be NaN`)
  return value
}

function assertCounterLike(sample: Sample): number {
  if (assertNotNan(sample) < 0) throw malformed(`the value of ${show(sample.name)} must not be negative`)
  return sample.value
}

function assertWhole(sample: Sample): number {
  if (!Number.isInteger(assertCounterLike(sample))) {
    throw malformed(`the value of ${show(sample.name)} must be a whole number, got ${sample.value}`)
  }
  return sample.value
}

function addBucket(point: Point, le: string, sample: Sample): void {
  const upperBound = parseGoFloat(le)
  if (upperBound === undefined || Number.isNaN(upperBound)) {
    throw malformed(`the label le of ${show(sample.name)} must be a number, got ${show(le)}`)
  }
  if (upperBound === Number.POSITIVE_INFINITY && le !== '+Inf') {
    throw malformed(`the bound of the last bucket is spelled ${show(le)}; it must be "+Inf"`)
  }
  const cumulativeCount = assertWhole(sample)
  const before = point.buckets.at(-1)
  if (before !== undefined) {
    if (upperBound <= before.upperBound)
      throw malformed(`buckets of ${show(sample.name)} are not in rising order`)
    if (cumulativeCount < before.cumulativeCount) {
      throw malformed(
        `a bucket of ${show(sample.name)} holds less than the one before; buckets are cumulative`,
      )
    }
  }
  const { exemplar } = sample
  point.buckets.push({ upperBound, cumulativeCount, ...(exemplar !== undefined && { exemplar }) })
}

function addQuantile(point: Point, text: string, { name, value }: Sample): void {
  const quantile = parseGoFloat(text)
  if (quantile === undefined || !(quantile >= 0 && quantile <= 1)) {
    throw malformed(`the label quantile of ${show(name)} must be a number from 0 to 1, got ${show(text)}`)
  }
  if (value < 0) throw malformed(`a quantile of ${show(name)} must not be negative`)
  if (point.quantiles.some((other) => other.quantile === quantile)) {
    throw malformed(`quantile ${show(text)} of ${show(name)} stands twice`)
  }
  point.quantiles.push({ quantile, value })
}

function addState(point: Point, state: string, { name, value }: Sample): void {
  if (value !== 0 && value !== 1) throw malformed(`a state of ${show(name)} must be 0 or 1, got ${value}`)
  const before = point.states.findIndex((other) => other.name === state)
  if (before !== -1 && point.timestampSeconds === undefined) {
    throw malformed(`state ${show(state)} of ${show(name)} stands twice`)
  }
  point.states.splice(before === -1 ? point.states.length : before, 1, { name: state, enabled: value === 1 })
}

function baseOf(labels: Labels, { timestampSeconds, startMs }: Point): MetricBase {
  return {
    labels,
    ...(timestampSeconds !== undefined && { timestampMs: toMs(timestampSeconds) }),
    ...(startMs !== undefined && { startMs }),
  }
}

function numberOf(labels: Labels, point: Point, name: string): NumberMetric {
  const { value, exemplar, timestampSeconds, startMs } = point
  if (value === undefined)
    throw malformed(`counter ${show(name)} has a created time and no ${show(`${name}_total`)}`)
  // Almost every metric.
  if (exemplar === undefined && timestampSeconds === undefined && startMs === undefined)
    return { labels, value }
  return { value, ...baseOf(labels, point), ...(exemplar !== undefined && { exemplar }) }
}

function summaryOf(labels: Labels, point: Point): SummaryMetric {
  const { count, sum, quantiles } = point
  return {
    quantiles: quantiles.sort((a, b) => a.quantile - b.quantile),
    ...baseOf(labels, point),
    ...(count !== undefined && { count }),
    ...(sum !== undefined && { sum }),
  }
}

function statesOf(labels: Labels, point: Point): StateSetMetric {
  return { states: point.states, ...baseOf(labels, point) }
}

/** With negative observations the sum of a histogram could fall, so there is none; that of a gauge histogram may. */
function assertSumFits(type: FamilyType, { sum, buckets }: Point, name: string): void {
  if (sum === undefined) return
  const negative = buckets.some(({ upperBound }) => upperBound < 0)
  if (type === 'histogram' && negative)
    throw malformed(`histogram ${show(name)} has negative bounds and a sum`)
  if (sum < 0 && !negative)
    throw malformed(`gaugehistogram ${show(name)} has a negative sum and no negative bounds`)
}

/** Histogram and gauge histogram; OpenMetrics 1.0, Histogram and GaugeHistogram. */
function histogramOf(labels: Labels, point: Point, name: string): HistogramMetric {
  const { count, sum, buckets } = point
  const last = buckets.at(-1)
  if (last?.upperBound !== Number.POSITIVE_INFINITY)
    throw malformed(`histogram ${show(name)} has no +Inf bucket`)
  if ((count === undefined) !== (sum === undefined)) {
    throw malformed(`histogram ${show(name)} has only one of count and sum; it must have both or neither`)
  }
  if (count !== undefined && count !== last.cumulativeCount) {
    throw malformed(
      `the count of histogram ${show(name)} is ${count}, its +Inf bucket ${last.cumulativeCount}`,
    )
  }
  return { count: last.cumulativeCount, buckets, ...baseOf(labels, point), ...(sum !== undefined && { sum }) }
}
