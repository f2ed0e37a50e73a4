import type {
  Bucket,
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from '../../model/family.ts'
import { type Labels, mergeLabels } from '../../model/labels.ts'
import {
  type EscapingScheme,
  escapeLabelName,
  escapeName,
  isLegacyLabelName,
  isLegacyMetricName,
} from '../../model/names.ts'
import { formatOpenMetrics } from '../../model/number.ts'
import type { BlockOptions, FamilyHead, Writer } from '../format.ts'
import { contentTypeOf } from './media-type.ts'
import { claimedNames, EXEMPLAR_MAX_RUNES, runesOf } from './suffixes.ts'

const TOTAL = '_total'
const INFO = '_info'

/**
 * Writes OpenMetrics 1.0 text. The form is always that of the specification: types, suffixes, whole counts, a `+Inf`
 * bucket, count and sum of a histogram together or not at all, units and exemplars only where they are allowed. Values
 * are shown as they were pushed, also where an exposer should not have them (a counter below zero, a sum below zero
 * beside bounds that are not): Prometheus reads them, and to leave them out would lose series that Go's exposers show.
 *
 * Start times are not written: a `_created` sample is a series of its own for Prometheus before 3.x and all others that
 * scrape, and Go leaves it out by default too.
 */
export const writer: Writer = {
  name: 'openmetrics',
  framed: false,
  end: Buffer.from('# EOF\n'),

  contentType(escaping) {
    return contentTypeOf('1.0.0', escaping)
  },

  claims(head, escaping) {
    const shown = showFamily(head, escaping)
    return shown === undefined ? [] : claimedNames(shown.name, shown.type)
  },

  head(head, escaping) {
    const shown = showFamily(head, escaping)
    if (shown === undefined) return Buffer.alloc(0)
    const name = isLegacyMetricName(shown.name) ? shown.name : quote(shown.name)
    const help = head.help === '' ? '' : `# HELP ${name} ${escapeText(head.help)}\n`
    const unit = mayHaveUnit(shown, head.unit) ? `# UNIT ${name} ${head.unit}\n` : ''
    return Buffer.from(`${help}# TYPE ${name} ${shown.type}\n${unit}`)
  },

  block(family, common, options) {
    const shown = showFamily(family, options.escaping)
    if (shown === undefined) return Buffer.alloc(0)
    return Buffer.from(writeMetrics(family, shown, common, options))
  },
}

/** How a family stands on an OpenMetrics page. */
interface ShownFamily {
  /** Escaped, without `_total` or `_info`. */
  readonly name: string
  readonly type: FamilyType
}

/**
 * A counter or info is one only by its suffix; without it the type is the nearest that has none. Undefined for a state
 * set whose name cannot be the name of a label, which its states need.
 */
function showFamily({ name, type }: FamilyHead, escaping: EscapingScheme): ShownFamily | undefined {
  const escaped = escapeName(name, escaping)
  switch (type) {
    case 'counter':
      return hasSuffix(escaped, TOTAL)
        ? { name: escaped.slice(0, -TOTAL.length), type }
        : { name: escaped, type: 'unknown' }
    case 'info':
      return hasSuffix(escaped, INFO)
        ? { name: escaped.slice(0, -INFO.length), type }
        : { name: escaped, type: 'gauge' }
    case 'stateset':
      return escaping === 'allow-utf-8' || isLegacyLabelName(escaped) ? { name: escaped, type } : undefined
    default:
      return { name: escaped, type }
  }
}

function hasSuffix(name: string, suffix: string): boolean {
  return name.length > suffix.length && name.endsWith(suffix)
}

/** Prometheus fails the whole scrape over a unit that is not a suffix of the name as it stands on the page. */
function mayHaveUnit({ name, type }: ShownFamily, unit: string): boolean {
  if (type === 'info' || type === 'stateset') return false
  return /^[a-zA-Z0-9_:]+$/.test(unit) && name.endsWith(`_${unit}`)
}

/** A label that one type adds to some of its samples. */
interface ExtraLabel {
  readonly name: string
  readonly value: string
}

/** Writes one metric's sample lines; undefined when the format has no form for it. */
type WriteSamples<M extends Metric> = (metric: M, line: LineWriter) => string | undefined

/** One sample line: suffix of its name, extra label, value as text, exemplar. */
type LineWriter = (
  suffix: string,
  extra: ExtraLabel | undefined,
  value: string,
  exemplar?: Exemplar,
) => string

function writeMetrics(family: Family, shown: ShownFamily, common: Labels, options: BlockOptions): string {
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return writeEach(family.metrics, shown, { common, options }, writeNumber(shown.type))
    case 'summary':
      return writeEach(family.metrics, shown, { common, options, reserved: 'quantile' }, writeSummary)
    case 'histogram':
      return writeEach(
        family.metrics,
        shown,
        { common, options, reserved: 'le' },
        writeHistogram('_sum', '_count'),
      )
    case 'gaugehistogram':
      return writeEach(
        family.metrics,
        shown,
        { common, options, reserved: 'le' },
        writeHistogram('_gsum', '_gcount'),
      )
    case 'stateset':
      return writeEach(
        family.metrics,
        shown,
        { common, options, reserved: shown.name },
        writeStates(shown.name),
      )
  }
}

interface Surroundings {
  readonly common: Labels
  readonly options: BlockOptions
  /** Name of the label the type adds; a metric that has one by this name cannot be shown. */
  readonly reserved?: string
}

function writeEach<M extends Metric>(
  metrics: readonly M[],
  shown: ShownFamily,
  { common, options, reserved }: Surroundings,
  write: WriteSamples<M>,
): string {
  const naming = new Naming(options.escaping)
  const name = naming.metric(shown.name)
  // Label sets that were different may be equal once names are escaped or common labels join; the first is shown.
  const written = new Set<string>()
  let block = ''
  for (const metric of metrics) {
    if (metric.stale) continue
    const text = naming.labels(mergeLabels(metric.labels, common), reserved)
    if (text === undefined || written.has(text)) continue
    const timestamp = timestampOf(metric, options)
    const line: LineWriter = (suffix, extra, value, exemplar) =>
      `${name(suffix, joinLabels(text, extra, naming))} ${value}${timestamp}${naming.exemplar(exemplar)}\n`
    const samples = write(metric, line)
    if (samples === undefined) continue
    written.add(text)
    block += samples
  }
  return block
}

function timestampOf({ timestampMs }: Metric, { timestamps }: BlockOptions): string {
  return timestamps && timestampMs !== undefined ? ` ${formatSeconds(timestampMs)}` : ''
}

/** Plain decimal rather than Go's exponent, as the specification recommends for timestamps. */
function formatSeconds(milliseconds: number): string {
  return String(milliseconds / 1000)
}

function joinLabels(text: string, extra: ExtraLabel | undefined, naming: Naming): string {
  if (extra === undefined) return text
  const last = `${naming.quotedLabelName(extra.name)}=${quote(extra.value)}`
  return text === '' ? last : `${text},${last}`
}

/** Names and label lists of one block; label names repeat from metric to metric, so each is escaped once. */
class Naming {
  private readonly escaping: EscapingScheme
  private readonly names = new Map<string, string>()

  constructor(escaping: EscapingScheme) {
    this.escaping = escaping
  }

  /** Gives the start of a sample line: name and label list. A name outside the legacy set stands inside the braces. */
  metric(name: string): (suffix: string, labels: string) => string {
    if (isLegacyMetricName(name)) {
      return (suffix, labels) => (labels === '' ? name + suffix : `${name}${suffix}{${labels}}`)
    }
    return (suffix, labels) => {
      const quoted = quote(name + suffix)
      return labels === '' ? `{${quoted}}` : `{${quoted},${labels}}`
    }
  }

  /**
   * The inside of a label list. Of labels whose names are equal after escaping the first is kept. Undefined when one
   * has the reserved name.
   */
  labels(labels: Labels, reserved?: string): string | undefined {
    let text = ''
    const used = new Set<string>()
    for (const { name, value } of labels) {
      const escaped = this.labelName(name)
      if (escaped === reserved) return undefined
      if (used.has(escaped)) continue
      used.add(escaped)
      text += `${text === '' ? '' : ','}${this.quotedLabelName(escaped)}=${quote(value)}`
    }
    return text
  }

  exemplar(exemplar: Exemplar | undefined): string {
    if (exemplar === undefined) return ''
    const { labels, value, timestampMs } = exemplar
    let runes = 0
    for (const label of labels) runes += runesOf(this.labelName(label.name)) + runesOf(label.value)
    if (runes > EXEMPLAR_MAX_RUNES) return ''
    const time = timestampMs === undefined ? '' : ` ${formatSeconds(timestampMs)}`
    return ` # {${this.labels(labels) ?? ''}} ${formatOpenMetrics(value)}${time}`
  }

  quotedLabelName(escaped: string): string {
    return isLegacyLabelName(escaped) ? escaped : quote(escaped)
  }

  private labelName(name: string): string {
    let escaped = this.names.get(name)
    if (escaped === undefined) {
      escaped = escapeLabelName(name, this.escaping)
      this.names.set(name, escaped)
    }
    return escaped
  }
}

function writeNumber(type: FamilyType): WriteSamples<NumberMetric> {
  const suffix = type === 'counter' ? TOTAL : type === 'info' ? INFO : ''
  const mayHaveExemplar = type === 'counter'
  return ({ value, exemplar }, line) =>
    line(suffix, undefined, formatOpenMetrics(value), mayHaveExemplar ? exemplar : undefined)
}

/** Undefined when a count is not whole, which this format has no form for; scrapers that parse strictly refuse it. */
function writeSummary({ count, sum, quantiles }: SummaryMetric, line: LineWriter): string | undefined {
  if (count !== undefined && !isCount(count)) return undefined
  let text = ''
  for (const { quantile, value } of quantiles) {
    text += line('', { name: 'quantile', value: formatOpenMetrics(quantile) }, formatOpenMetrics(value))
  }
  if (sum !== undefined) text += line('_sum', undefined, formatOpenMetrics(sum))
  if (count !== undefined) text += line('_count', undefined, formatCount(count))
  return text
}

function writeStates(name: string): WriteSamples<StateSetMetric> {
  return ({ states }, line) => {
    let text = ''
    for (const state of states) text += line('', { name, value: state.name }, state.enabled ? '1' : '0')
    return text
  }
}

/**
 * Undefined for a histogram with counts that are not whole: OpenMetrics 1.0 has no float histograms, strict parsers
 * refuse the page, and Go's encoder fails. The text format and protobuf show them.
 */
function writeHistogram(sumSuffix: string, countSuffix: string): WriteSamples<HistogramMetric> {
  return (metric, line) => {
    const buckets = withInfinity(metric)
    if (!buckets.every(({ cumulativeCount }) => isCount(cumulativeCount))) return undefined
    let text = ''
    for (const { upperBound, cumulativeCount, exemplar } of buckets) {
      const le = { name: 'le', value: formatOpenMetrics(upperBound) }
      text += line('_bucket', le, formatCount(cumulativeCount), exemplar)
    }
    if (metric.sum === undefined) return text
    const count = buckets.at(-1)?.cumulativeCount ?? 0
    return (
      text +
      line(sumSuffix, undefined, formatOpenMetrics(metric.sum)) +
      line(countSuffix, undefined, formatCount(count))
    )
  }
}

/** The buckets with the one for +Inf, which every histogram must have and which holds what the count says. */
function withInfinity({ buckets, count }: HistogramMetric): readonly Bucket[] {
  const last = buckets.at(-1)
  if (last?.upperBound === Number.POSITIVE_INFINITY) return buckets
  const cumulativeCount = count ?? last?.cumulativeCount ?? 0
  return [...buckets, { upperBound: Number.POSITIVE_INFINITY, cumulativeCount }]
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0
}

/** Digits alone below 1e21, beyond every 64-bit count. */
function formatCount(count: number): string {
  return String(count)
}

function quote(text: string): string {
  return `"${escapeText(text)}"`
}

function escapeText(text: string): string {
  return /[\\\n"]/.test(text)
    ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
    : text
}
