import { readStoredMetric } from '../../formats/stored/index.ts'
import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NumberMetric,
  Quantile,
  SummaryMetric,
} from '../../model/family.ts'
import { compareText, type Labels, labelKey, labelValue } from '../../model/labels.ts'
import { parseGoFloat } from '../../model/number.ts'
import type { SetMetric } from '../../store/store.ts'
import { type FamilyPart, isSeries, parseSetFamilyName } from '../set-family.ts'
import type { Hints } from './hints.ts'

/**
 * Series as they come by remote write: one by one, the buckets of a histogram each for itself and none with a type. What
 * belongs together is put together here, when it is shown and as far as hints tell.
 */

/** Where a family of a set is shown, and as what of it. */
export interface Place {
  /** Name under which the set keeps it. */
  readonly stored: string
  /** Name of its series. */
  readonly name: string
  readonly part: FamilyPart
  /** The family that shows it. */
  readonly family: string
}

export interface PlacedMetric {
  readonly place: Place
  readonly metric: SetMetric
}

/** What a series of a histogram or summary ends in, and the types that have such a series. */
const SUFFIXES: readonly (readonly [string, ReadonlySet<FamilyType>])[] = [
  ['_bucket', new Set(['histogram', 'gaugehistogram'])],
  ['_sum', new Set(['histogram', 'gaugehistogram', 'summary'])],
  ['_count', new Set(['histogram', 'gaugehistogram', 'summary'])],
  ['_gsum', new Set(['gaugehistogram'])],
  ['_gcount', new Set(['gaugehistogram'])],
]

/** Whether series by themselves can be part of a metric of this type. */
export function isComposite(type: FamilyType): boolean {
  return type === 'histogram' || type === 'gaugehistogram' || type === 'summary'
}

/** Names under which series of a composite family can be stored. */
export function namesOfParts(family: string): readonly string[] {
  return [family, ...SUFFIXES.map(([suffix]) => family + suffix)]
}

/**
 * `typeOf` tells the type that the set itself keeps a family with: one it was written with is not overruled by a hint.
 */
export function placeOf(
  stored: string,
  hints: Hints,
  typeOf: (name: string) => FamilyType | undefined,
): Place {
  const { name, part } = parseSetFamilyName(stored)
  for (const [suffix, types] of SUFFIXES) {
    if (!name.endsWith(suffix)) continue
    const family = name.slice(0, -suffix.length)
    const type = hints.get(family)?.type
    if (type !== undefined && types.has(type) && goesWith(typeOf(family), type))
      return { stored, name, part, family }
  }
  return { stored, name, part, family: name }
}

/** Whether a family that is kept with the type `own` may be shown with the type of a hint. */
export function goesWith(own: FamilyType | undefined, hinted: FamilyType): boolean {
  return own === undefined || own === 'unknown' || own === hinted || (isHistogram(own) && isHistogram(hinted))
}

function isHistogram(type: FamilyType): boolean {
  return type === 'histogram' || type === 'gaugehistogram'
}

/** The metrics of a family of this type in the order of their labels; what does not go with the type is left out. */
function metricsOf(type: FamilyType, name: string, placed: readonly PlacedMetric[]): readonly Metric[] {
  switch (type) {
    case 'histogram':
    case 'gaugehistogram':
      return sorted(placed, name, 'le', makeHistogram)
    case 'summary':
      return sorted(placed, name, 'quantile', makeSummary)
    case 'stateset':
      return sorted(placed, name, undefined, makeStates)
    default:
      return numbers(placed)
  }
}

/** Labels of the metrics of a family of this type, in no order; of some more than once. */
export function labelsOfPlaced(type: FamilyType, placed: readonly PlacedMetric[]): readonly Labels[] {
  const own = ownLabel(type)
  const labels: Labels[] = []
  for (const { place, metric } of placed)
    if (isSeries(place.part)) labels.push(own === undefined ? metric.labels : without(metric.labels, own))
  return labels
}

/** How long a metric is to live, and whether its sender said as of when it is. */
export interface Lifetime {
  /** Of the series it is put together from the latest; 0 = never. */
  expiresMs: number
  isExplicit: boolean
}

/** Lifetimes of the metrics of a family of this type by `labelKey` of their labels. */
export function lifetimesOf(type: FamilyType, placed: readonly PlacedMetric[]): Map<string, Lifetime> {
  const own = ownLabel(type)
  const lifetimes = new Map<string, Lifetime>()
  for (const { place, metric } of placed) {
    if (!isSeries(place.part)) continue
    const { expiresMs, explicit: isExplicit } = metric
    const key = labelKey(own === undefined ? metric.labels : without(metric.labels, own))
    const known = lifetimes.get(key)
    if (known === undefined) {
      lifetimes.set(key, { expiresMs, isExplicit })
      continue
    }
    known.expiresMs = laterOf(known.expiresMs, expiresMs)
    known.isExplicit ||= isExplicit
  }
  return lifetimes
}

/** 0 is later than every other. */
function laterOf(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : Math.max(a, b)
}

/**
 * Parts of one metric that expire within this time of each other came by the same push, or by two of one batch. They go
 * together, when the first of them does: no histogram is shown by halves. One that is later is still being pushed.
 */
const SAME_PUSH_MS = 10_000

/** Tells the metrics that have to go because a part of theirs expired; undefined when no part did. */
export function endedMetrics(
  expired: readonly PlacedMetric[],
): ((placed: PlacedMetric) => boolean) | undefined {
  const ends = new Map<string, number>()
  for (const placed of expired) {
    const key = keyOfWhole(placed)
    if (key !== undefined) ends.set(key, Math.max(ends.get(key) ?? 0, placed.metric.expiresMs))
  }
  if (ends.size === 0) return undefined
  return (placed) => {
    const endMs = ends.get(keyOfWhole(placed) ?? '')
    return (
      endMs !== undefined && placed.metric.expiresMs !== 0 && placed.metric.expiresMs - endMs <= SAME_PUSH_MS
    )
  }
}

/** Of a series that is part of a histogram or summary, which of all it is part of. */
function keyOfWhole({ place, metric }: PlacedMetric): string | undefined {
  const { family, name } = place
  if (name === family && labelValue(metric.labels, 'quantile') === undefined) return undefined
  return `${family}\u0000${labelKey(without(without(metric.labels, 'le'), 'quantile'))}`
}

/** The label that tells the series of one metric apart. */
function ownLabel(type: FamilyType): string | undefined {
  if (type === 'summary') return 'quantile'
  return isHistogram(type) ? 'le' : undefined
}

/** All series of one metric. */
interface Parts {
  readonly labels: Labels
  readonly of: { readonly suffix: string; readonly part: FamilyPart; readonly metric: SetMetric }[]
}

function sorted(
  placed: readonly PlacedMetric[],
  family: string,
  own: string | undefined,
  make: (parts: Parts) => Metric | undefined,
): readonly Metric[] {
  const byKey = new Map<string, Parts>()
  for (const { place, metric } of placed) {
    const labels = own === undefined ? metric.labels : without(metric.labels, own)
    const key = labelKey(labels)
    let parts = byKey.get(key)
    if (parts === undefined) {
      parts = { labels, of: [] }
      byKey.set(key, parts)
    }
    parts.of.push({ suffix: place.name.slice(family.length), part: place.part, metric })
  }
  const metrics: Metric[] = []
  for (const [, parts] of [...byKey].sort(([a], [b]) => compareText(a, b))) {
    const metric = make(parts)
    if (metric !== undefined) metrics.push(metric)
  }
  return metrics
}

function without(labels: Labels, name: string): Labels {
  return labelValue(labels, name) === undefined ? labels : labels.filter((label) => label.name !== name)
}

/** What goes along with a number. */
interface Side {
  startMs?: number
  exemplar?: Exemplar
}

/** Nearly all series: no more is made for each than has to be. */
function numbers(placed: readonly PlacedMetric[]): readonly Metric[] {
  const keyed: { readonly key: string; readonly metric: NumberMetric }[] = []
  const sides = new Map<string, Side>()
  for (const { place, metric } of placed) {
    const key = labelKey(metric.labels)
    if (isSeries(place.part)) {
      const number = numberIn(metric)
      if (number !== undefined) keyed.push({ key, metric: number })
      continue
    }
    let side = sides.get(key)
    if (side === undefined) {
      side = {}
      sides.set(key, side)
    }
    const startMs = place.part === 'start' ? numberOf(metric.content) : undefined
    const exemplar = place.part === 'exemplar' ? exemplarOf(metric.content) : undefined
    if (startMs !== undefined) side.startMs = startMs
    if (exemplar !== undefined) side.exemplar = exemplar
  }
  // A value and a total of the same series, which only a race can bring about: the newer one is shown.
  keyed.sort((a, b) => compareText(a.key, b.key) || timeOf(b.metric) - timeOf(a.metric))
  const metrics: NumberMetric[] = []
  let last: string | undefined
  for (const { key, metric } of keyed) {
    if (key === last) continue
    last = key
    const side = sides.get(key)
    metrics.push(side === undefined ? metric : { ...metric, ...side })
  }
  return metrics
}

function timeOf({ timestampMs = 0 }: NumberMetric): number {
  return timestampMs
}

function numberIn({ labels, timestampMs, content }: SetMetric): NumberMetric | undefined {
  if (typeof content === 'number') return { labels, timestampMs, value: content }
  const stored = storedNumber(content)
  return stored === undefined ? undefined : { timestampMs, ...stored, labels }
}

function makeStates({ labels, of }: Parts): Metric | undefined {
  for (const {
    part,
    metric: { content, timestampMs },
  } of of) {
    if (!isSeries(part) || typeof content === 'number') continue
    const stored = readStoredMetric(content)
    if (stored.type === 'stateset') return { timestampMs, ...stored.metric, labels }
  }
  return undefined
}

/** Nothing without a count: buckets that add up to nothing known cannot be shown as a histogram. */
function makeHistogram({ labels, of }: Parts): HistogramMetric | undefined {
  let whole: HistogramMetric | undefined
  let count: number | undefined
  let sum: number | undefined
  let startMs: number | undefined
  let newestMs = Number.NEGATIVE_INFINITY
  let nativeExemplar: Exemplar | undefined
  const cumulative = new Map<number, number>()
  const exemplars = new Map<number, Exemplar>()
  for (const { suffix, part, metric } of of) {
    const { content, timestampMs } = metric
    const value = numberOf(content)
    if (part === 'start') {
      if (suffix !== '_bucket') startMs = value
      continue
    }
    if (part === 'exemplar') {
      const exemplar = exemplarOf(content)
      if (exemplar === undefined) continue
      if (suffix === '_bucket') exemplars.set(boundOf(metric.labels), exemplar)
      else nativeExemplar = exemplar
      continue
    }
    newestMs = Math.max(newestMs, timestampMs)
    if (suffix === '_bucket') {
      const bound = boundOf(metric.labels)
      if (value !== undefined && !Number.isNaN(bound)) cumulative.set(bound, value)
    } else if (suffix === '_sum' || suffix === '_gsum') sum = value
    else if (suffix === '_count' || suffix === '_gcount') count = value
    else if (typeof content !== 'number') {
      const stored = readStoredMetric(content)
      if (stored.type === 'histogram' || stored.type === 'gaugehistogram') whole = stored.metric
    }
  }
  if (cumulative.size === 0 && count === undefined) {
    return whole === undefined
      ? undefined
      : {
          timestampMs: newestMs,
          ...withNativeExemplar(whole, nativeExemplar),
          labels,
          ...startOf(startMs ?? whole.startMs),
        }
  }
  count ??= cumulative.get(Number.POSITIVE_INFINITY) ?? whole?.count
  if (count === undefined) return undefined
  sum ??= whole?.sum
  const buckets = [...cumulative]
    .sort(([a], [b]) => a - b)
    .map(([upperBound, cumulativeCount]): Bucket => {
      const exemplar = exemplars.get(upperBound)
      return { upperBound, cumulativeCount, ...(exemplar === undefined ? {} : { exemplar }) }
    })
  const isFloat =
    whole?.float === true || [count, ...cumulative.values()].some((each) => !Number.isInteger(each))
  const native = whole === undefined ? undefined : withNativeExemplar(whole, nativeExemplar).native
  return {
    labels,
    timestampMs: newestMs,
    ...startOf(startMs ?? whole?.startMs),
    count,
    ...(sum === undefined ? {} : { sum }),
    buckets,
    ...(native === undefined ? {} : { native }),
    ...(isFloat ? { float: true } : {}),
  }
}

function withNativeExemplar(metric: HistogramMetric, exemplar: Exemplar | undefined): HistogramMetric {
  const { native } = metric
  if (native === undefined || exemplar === undefined) return metric
  return { ...metric, native: { ...native, exemplars: [...(native.exemplars ?? []), exemplar] } }
}

function startOf(startMs: number | undefined): { startMs?: number } {
  return startMs === undefined ? {} : { startMs }
}

/** NaN when the label is not there or no number. */
function boundOf(labels: Labels): number {
  return parseGoFloat(labelValue(labels, 'le') ?? '') ?? Number.NaN
}

/** Nothing without a count, which nobody could make up. */
function makeSummary({ labels, of }: Parts): SummaryMetric | undefined {
  let whole: SummaryMetric | undefined
  let count: number | undefined
  let sum: number | undefined
  let startMs: number | undefined
  let newestMs = Number.NEGATIVE_INFINITY
  const quantiles: Quantile[] = []
  for (const { suffix, part, metric } of of) {
    const { content, timestampMs } = metric
    if (part === 'start') startMs = numberOf(content)
    if (!isSeries(part)) continue
    newestMs = Math.max(newestMs, timestampMs)
    const value = numberOf(content)
    if (suffix === '_sum') sum = value
    else if (suffix === '_count') count = value
    else if (typeof content !== 'number') {
      const stored = readStoredMetric(content)
      if (stored.type === 'summary') whole = stored.metric
    } else {
      const quantile = parseGoFloat(labelValue(metric.labels, 'quantile') ?? '')
      if (quantile !== undefined && quantile >= 0 && quantile <= 1)
        quantiles.push({ quantile, value: content })
    }
  }
  if (whole !== undefined && count === undefined) return { timestampMs: newestMs, ...whole, labels }
  if (count === undefined) return undefined
  quantiles.sort((a, b) => a.quantile - b.quantile)
  return {
    labels,
    timestampMs: newestMs,
    ...startOf(startMs),
    count,
    ...(sum === undefined ? {} : { sum }),
    quantiles,
  }
}

function numberOf(content: SetMetric['content']): number | undefined {
  return typeof content === 'number' ? content : undefined
}

function storedNumber(content: Uint8Array): NumberMetric | undefined {
  const stored = readStoredMetric(content)
  switch (stored.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return stored.metric
    default:
      return undefined
  }
}

function exemplarOf(content: SetMetric['content']): Exemplar | undefined {
  return typeof content === 'number' ? undefined : storedNumber(content)?.exemplar
}

/** A family of a set as it is shown. */
export function assembleFamily(
  head: { readonly name: string; readonly type: FamilyType; readonly help: string; readonly unit: string },
  placed: readonly PlacedMetric[],
): Family {
  const { name, type, help, unit } = head
  return { name, type, help, unit, metrics: metricsOf(type, name, placed) } as Family
}
