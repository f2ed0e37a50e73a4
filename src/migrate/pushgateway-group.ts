import { PgrError } from '../errors/pgr-error.ts'
import type { ExportedUnit } from '../formats/ndjson/index.ts'
import { type Family, type FamilyType, type Metric, rising } from '../model/family.ts'
import { type Labels, labelKey, labelValue, sortLabels, withoutNames } from '../model/labels.ts'
import { parseGoFloat } from '../model/number.ts'

/** What a page tells of a metric and the API does not, by `detailKey`. */
export type Details = ReadonlyMap<string, Metric>

export function detailKey(family: string, shown: Labels): string {
  return `${family}\u0000${labelKey(shown)}`
}

const TYPES: ReadonlyMap<unknown, FamilyType> = new Map([
  ['COUNTER', 'counter'],
  ['GAUGE', 'gauge'],
  ['UNTYPED', 'unknown'],
  ['SUMMARY', 'summary'],
  ['HISTOGRAM', 'histogram'],
  ['GAUGE_HISTOGRAM', 'gaugehistogram'],
])

/** Members of a group that are no families, and the families that nobody pushed. */
const NOT_PUSHED = new Set([
  'labels',
  'last_push_successful',
  'push_time_seconds',
  'push_failure_time_seconds',
])

type Members = Readonly<Record<string, unknown>>

/** Labels of a group of Pushgateway's API. Throws PGR_BODY_MALFORMED. */
export function readGroupLabels(text: string, name: string): Labels {
  return labelsOf(parse(text, name)['labels'], name)
}

/** A group of Pushgateway's API with what pages tell beside it. Its metrics never expire. Throws PGR_BODY_MALFORMED. */
export function readGroup(text: string, details: Details, name: string): ExportedUnit {
  const group = parse(text, name)
  const labels = labelsOf(group['labels'], name)
  const families: Family[] = []
  let pushedMs = 0
  for (const [family, given] of Object.entries(group)) {
    if (family === 'push_time_seconds') pushedMs = Date.parse(String((given as Members)['time_stamp'])) || 0
    if (!NOT_PUSHED.has(family))
      families.push(readFamily(family, given as Members, { labels, details, name }))
  }
  return { kind: 'group', labels, pushedMs, lots: families.map((family) => ({ ttlMs: 0, family })) }
}

function parse(text: string, name: string): Members {
  try {
    return JSON.parse(text) as Members
  } catch (reason) {
    throw malformed(name, 'a group that is not JSON', reason)
  }
}

interface GroupContext {
  readonly labels: Labels
  readonly details: Details
  readonly name: string
}

function readFamily(
  family: string,
  { type: typeName, help, metrics }: Members,
  context: GroupContext,
): Family {
  const type = TYPES.get(typeName)
  if (type === undefined || !Array.isArray(metrics))
    throw malformed(context.name, `a family ${JSON.stringify(family)} that is none of Pushgateway's`)
  return {
    name: family,
    type,
    help: typeof help === 'string' ? help : '',
    unit: '',
    metrics: metrics.map((metric) => readMetric(family, type, metric as Members, context)),
  } as Family
}

function readMetric(family: string, type: FamilyType, given: Members, context: GroupContext): Metric {
  const shown = labelsOf(given['labels'], context.name)
  const labels = ownLabels(shown, context.labels)
  const detailed = context.details.get(detailKey(family, shown))
  if (detailed !== undefined) return { ...detailed, labels }
  const number = (text: unknown): number => readNumber(text, family, context.name)
  const pairs = (of: unknown): [number, number][] =>
    Object.entries(of ?? {}).map(([key, value]) => [number(key), number(value)])
  switch (type) {
    case 'summary': {
      const quantiles = pairs(given['quantiles']).map(([quantile, value]) => ({ quantile, value }))
      const totals = { count: number(given['count']), sum: number(given['sum']) }
      return { labels, ...totals, quantiles: rising(quantiles, ({ quantile }) => quantile) }
    }
    case 'histogram':
    case 'gaugehistogram': {
      const buckets = pairs(given['buckets']).map(([upperBound, cumulativeCount]) => ({
        upperBound,
        cumulativeCount,
      }))
      const totals = { count: number(given['count']), sum: number(given['sum']) }
      return { labels, ...totals, buckets: rising(buckets, ({ upperBound }) => upperBound) }
    }
    default:
      return { labels, value: number(given['value']) }
  }
}

/** Every metric shows the labels of its group, and an empty instance where it has none. */
function ownLabels(shown: Labels, group: Labels): Labels {
  const own = withoutNames(shown, group)
  return labelValue(own, 'instance') === '' ? own.filter(({ name }) => name !== 'instance') : own
}

function labelsOf(value: unknown, name: string): Labels {
  if (typeof value !== 'object' || value === null) throw malformed(name, 'a group without labels')
  const labels = Object.entries(value).map(([label, text]) => {
    if (typeof text !== 'string') throw malformed(name, `a label ${JSON.stringify(label)} that is not text`)
    return { name: label, value: text }
  })
  return sortLabels(labels)
}

function readNumber(text: unknown, family: string, name: string): number {
  const value = typeof text === 'string' ? parseGoFloat(text) : undefined
  if (value === undefined) throw malformed(name, `a value of ${JSON.stringify(family)} that is not a number`)
  return value
}

function malformed(name: string, what: string, cause?: unknown): PgrError {
  return new PgrError('PGR_BODY_MALFORMED', `${name}/api/v1/metrics has ${what}: is it a Pushgateway?`, {
    cause,
  })
}
