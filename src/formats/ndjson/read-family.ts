import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NativeBuckets,
  NativeHistogram,
} from '../../model/family.ts'
import { type Label, type Labels, NO_LABELS, sortLabels } from '../../model/labels.ts'
import { isValidUtf8Name } from '../../model/names.ts'
import { nativeProblem } from '../../model/native-histogram.ts'
import {
  asCount,
  asFinite,
  asList,
  asNumber,
  asObject,
  asText,
  asTuple,
  asWord,
  type Members,
  Misshapen,
  optional,
} from './shape.ts'

const TYPES: readonly FamilyType[] = [
  'counter',
  'gauge',
  'unknown',
  'summary',
  'histogram',
  'gaugehistogram',
  'info',
  'stateset',
]

/** Reads what `familyValue` made. Throws `Misshapen` for what is no family, or one that nothing could show. */
export function readFamily(value: unknown): Family {
  const members = asObject(value, 'a family')
  const name = asText(members['name'], 'the name of a family')
  if (!isValidUtf8Name(name)) throw new Misshapen('a family has no name')
  try {
    const type = asWord(members['type'], TYPES, 'its type')
    const help = optional(members['help'], (given) => asText(given, 'its help')) ?? ''
    const unit = optional(members['unit'], (given) => asText(given, 'its unit')) ?? ''
    const read = READERS[type]
    const own = ownLabelOf(type, name)
    const metrics = asList(members['metrics'], 'its list of metrics').map((metric) => {
      const given = asObject(metric, 'a metric of it')
      const base = readBase(given)
      if (base.labels.some((label) => label.name === own))
        throw new Misshapen(
          `it has a metric with the label ${JSON.stringify(own)}, which its type adds itself`,
        )
      return { ...base, ...read(given) } as Metric
    })
    return { name, type, help, unit, metrics } as Family
  } catch (reason) {
    if (!(reason instanceof Misshapen)) throw reason
    throw new Misshapen(`in the family ${JSON.stringify(name.slice(0, 100))}, ${reason.message}`)
  }
}

/** Sorted, with names that can be names. */
export function readLabels(value: unknown, what: string): Labels {
  if (value === undefined) return NO_LABELS
  const labels: Label[] = []
  for (const [name, given] of Object.entries(asObject(value, what))) {
    if (!isValidUtf8Name(name) || name === '__name__')
      throw new Misshapen(`${what} have a label called ${JSON.stringify(name.slice(0, 100))}`)
    labels.push({ name, value: asText(given, `the label ${JSON.stringify(name.slice(0, 100))}`) })
  }
  return sortLabels(labels)
}

function ownLabelOf(type: FamilyType, name: string): string | undefined {
  if (type === 'stateset') return name
  if (type === 'summary') return 'quantile'
  return type === 'histogram' || type === 'gaugehistogram' ? 'le' : undefined
}

function readBase(members: Members) {
  const timestampMs = optional(members['timestamp_ms'], (given) => asFinite(given, 'a timestamp'))
  const startMs = optional(members['start_ms'], (given) => asFinite(given, 'a start time'))
  return {
    labels: readLabels(members['labels'], 'the labels of a metric'),
    ...(timestampMs !== undefined && { timestampMs }),
    ...(startMs !== undefined && { startMs }),
    ...(members['stale'] === true && { stale: true as const }),
  }
}

const READERS: Record<FamilyType, (members: Members) => object> = {
  counter: readNumber,
  gauge: readNumber,
  unknown: readNumber,
  info: readNumber,
  summary: readSummary,
  histogram: readHistogram,
  gaugehistogram: readHistogram,
  stateset: readStates,
}

function readNumber({ value, exemplar }: Members): object {
  return {
    value: asNumber(value, 'a value'),
    ...(exemplar !== undefined && { exemplar: readExemplar(exemplar) }),
  }
}

function readTotals({ count, sum }: Members): { count?: number; sum?: number } {
  return {
    ...(count !== undefined && { count: asNumber(count, 'a count') }),
    ...(sum !== undefined && { sum: asNumber(sum, 'a sum') }),
  }
}

function readSummary(members: Members): object {
  const quantiles = asList(members['quantiles'], 'a list of quantiles').map((pair) => {
    const [quantile, value] = asTuple(pair, 2, 'a quantile')
    return { quantile: asNumber(quantile, 'a quantile'), value: asNumber(value, 'a value') }
  })
  assertRising(quantiles, ({ quantile }) => quantile, 'quantiles')
  return { ...readTotals(members), quantiles }
}

function readStates(members: Members): object {
  const states = asList(members['states'], 'a list of states').map((pair) => {
    const [name, enabled] = asTuple(pair, 2, 'a state')
    if (typeof enabled !== 'boolean') throw new Misshapen('a state is neither true nor false')
    return { name: asText(name, 'the name of a state'), enabled }
  })
  if (new Set(states.map(({ name }) => name)).size < states.length)
    throw new Misshapen('a state stands twice')
  return { states }
}

function readHistogram(members: Members): Omit<HistogramMetric, 'labels'> {
  const buckets = asList(members['buckets'], 'a list of buckets').map(readBucket)
  assertRising(buckets, ({ upperBound }) => upperBound, 'buckets')
  const totals = readTotals(members)
  const isFloat = members['float'] === true
  const native = optional(members['native'], readNative)
  if (native !== undefined) {
    const problem = nativeProblem(native, totals.count ?? 0, totals.sum ?? 0, isFloat)
    if (problem !== undefined) throw new Misshapen(`a native histogram ${problem}`)
  }
  return { ...totals, buckets, ...(native && { native }), ...(isFloat && { float: true }) }
}

function readBucket(value: unknown): Bucket {
  const list = asList(value, 'a bucket')
  const [upperBound, cumulativeCount] = asTuple(list.slice(0, 2), 2, 'a bucket')
  return {
    upperBound: asNumber(upperBound, 'the bound of a bucket'),
    cumulativeCount: asNumber(cumulativeCount, 'the count of a bucket'),
    ...(list.length > 2 && { exemplar: readExemplar(list[2]) }),
  }
}

function readNative(value: unknown): NativeHistogram {
  const members = asObject(value, 'a native histogram')
  const customBounds = optional(members['custom_bounds'], (given) => readNumbers(given, 'custom bounds'))
  const exemplars = optional(members['exemplars'], (given) => asList(given, 'exemplars').map(readExemplar))
  const resetHint = optional(members['reset_hint'], (given) =>
    asWord(given, ['yes', 'no', 'gauge'] as const, 'a reset hint'),
  )
  return {
    schema: asFinite(members['schema'], 'a schema'),
    zeroThreshold: asNumber(members['zero_threshold'], 'a zero threshold'),
    zeroCount: asNumber(members['zero_count'], 'a zero count'),
    positive: readBuckets(members['positive']),
    negative: readBuckets(members['negative']),
    ...(customBounds && { customBounds }),
    ...(exemplars && { exemplars }),
    ...(resetHint && { resetHint }),
  }
}

function readBuckets(value: unknown): NativeBuckets {
  const { spans, counts } = asObject(value, 'a side of a native histogram')
  return {
    spans: asList(spans, 'spans').map((span) => {
      const [offset, length] = asTuple(span, 2, 'a span')
      return {
        offset: asWhole(offset, 'the offset of a span'),
        length: asCount(length, 'the length of a span'),
      }
    }),
    counts: readNumbers(counts, 'counts'),
  }
}

function asWhole(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value)) throw new Misshapen(`${what} is not a whole number`)
  return value as number
}

function readNumbers(value: unknown, what: string): number[] {
  return asList(value, what).map((number) => asNumber(number, what))
}

function readExemplar(value: unknown): Exemplar {
  const members = asObject(value, 'an exemplar')
  const timestampMs = optional(members['timestamp_ms'], (given) => asFinite(given, 'the time of an exemplar'))
  return {
    labels: readLabels(members['labels'], 'the labels of an exemplar'),
    value: asNumber(members['value'], 'the value of an exemplar'),
    ...(timestampMs !== undefined && { timestampMs }),
  }
}

function assertRising<T>(items: readonly T[], numberOf: (item: T) => number, what: string): void {
  for (let i = 1; i < items.length; i++)
    if (!(numberOf(items[i - 1] as T) < numberOf(items[i] as T))) throw new Misshapen(`${what} do not rise`)
}
