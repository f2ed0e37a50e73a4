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
import { type Labels, NO_LABELS } from '../../model/labels.ts'
import { type EscapingScheme, escapeName, isLegacyLabelName, isLegacyMetricName } from '../../model/names.ts'
import { formatOpenMetrics } from '../../model/number.ts'
import type { BlockOptions, FamilyHead, Writer } from '../format.ts'
import {
  type BlockLabels,
  escapeValue,
  LabelText,
  labelsToWrite,
  makeNumberWriter,
} from '../prometheus-text/index.ts'
import { contentTypeOf } from './media-type.ts'
import { claimedNames, EXEMPLAR_MAX_RUNES, runesOf } from './suffixes.ts'

const TOTAL = '_total'
const INFO = '_info'
const BUCKET = '_bucket'

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
  hasNative: false,
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
    const help = head.help === '' ? '' : `# HELP ${name} ${escapeValue(head.help)}\n`
    const unit = mayHaveUnit(shown, head.unit) ? `# UNIT ${name} ${head.unit}\n` : ''
    return Buffer.from(`${help}# TYPE ${name} ${shown.type}\n${unit}`)
  },

  block(family, common, options) {
    const shown = showFamily(family, options.escaping)
    if (shown === undefined) return Buffer.alloc(0)
    return Buffer.from(writeBlock(family, shown, common, options))
  },

  numbers(head, { escaping }) {
    const shown = showFamily(head, escaping)
    if (shown === undefined) return () => undefined
    const { open, bare } = numberName(shown)
    return makeNumberWriter({ open, bare, wholeEnd: '.0', escaping })
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
function showFamily(
  { name, type }: Pick<FamilyHead, 'name' | 'type'>,
  escaping: EscapingScheme,
): ShownFamily | undefined {
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

/** What every line of a block needs. */
interface Block extends BlockLabels {
  readonly exemplarLabels: LabelText
  readonly timestamps: boolean
}

function writeBlock(family: Family, shown: ShownFamily, common: Labels, options: BlockOptions): string {
  const { escaping, timestamps } = options
  const labels = new LabelText(common, escaping, reservedLabel(shown))
  const exemplarLabels = new LabelText(NO_LABELS, escaping, undefined)
  const block = { labels, exemplarLabels, timestamps, written: undefined }
  if (!overlap(family.metrics, common)) {
    const text = writeMetrics(family, shown, block)
    if (!labels.hasRespelled) return text
  }
  // Rare: labels were different and may be equal on the page. The first metric is shown.
  return writeMetrics(family, shown, { ...block, written: new Set() })
}

/** The label that samples of this type add themselves. */
function reservedLabel({ name, type }: ShownFamily): string | undefined {
  switch (type) {
    case 'summary':
      return 'quantile'
    case 'histogram':
    case 'gaugehistogram':
      return 'le'
    case 'stateset':
      return name
    default:
      return undefined
  }
}

function overlap(metrics: readonly Metric[], common: Labels): boolean {
  if (common.length === 0) return false
  for (const { labels } of metrics) {
    for (const { name } of labels) {
      for (const other of common) if (name === other.name) return true
    }
  }
  return false
}

function writeMetrics(family: Family, shown: ShownFamily, block: Block): string {
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return writeNumbers(family.metrics, numberName(shown), block)
    case 'summary':
      return writeSummaries(family.metrics, shown, block)
    case 'histogram':
      return writeHistograms(family.metrics, shown, ['_sum', '_count'], block)
    case 'gaugehistogram':
      return writeHistograms(family.metrics, shown, ['_gsum', '_gcount'], block)
    case 'stateset':
      return writeStateSets(family.metrics, shown, block)
  }
}

/** A series name ready to be followed by labels, and ready to stand without; what a sample of it may carry. */
interface SeriesName {
  readonly open: string
  readonly bare: string
  readonly mayHaveExemplar: boolean
}

function seriesName({ name }: ShownFamily, suffix = ''): SeriesName {
  const mayHaveExemplar = suffix === TOTAL || suffix === BUCKET
  const full = name + suffix
  if (isLegacyMetricName(full)) return { open: `${full}{`, bare: full, mayHaveExemplar }
  const quoted = `{${quote(full)}`
  return { open: `${quoted},`, bare: `${quoted}}`, mayHaveExemplar }
}

/** The name of the samples of a counter, gauge, unknown or info. */
function numberName(shown: ShownFamily): SeriesName {
  switch (shown.type) {
    case 'counter':
      return seriesName(shown, TOTAL)
    case 'info':
      return seriesName(shown, INFO)
    default:
      return seriesName(shown)
  }
}

function writeLine({ open, bare }: SeriesName, labels: string, value: string, end: string): string {
  return labels === '' ? `${bare} ${value}${end}` : `${open}${labels}} ${value}${end}`
}

function timestampOf({ timestampMs }: Metric, { timestamps }: Block): string {
  return timestamps && timestampMs !== undefined ? ` ${formatSeconds(timestampMs)}` : ''
}

/** Plain decimal rather than Go's exponent, as the specification recommends for timestamps. */
function formatSeconds(milliseconds: number): string {
  return String(milliseconds / 1000)
}

function writeExemplar(exemplar: Exemplar | undefined, { exemplarLabels }: Block): string {
  if (exemplar === undefined) return ''
  const { labels, value, timestampMs } = exemplar
  const text = exemplarLabels.of(labels)
  // The text has quotes and escapes beside what is counted; when all of it fits, nothing is too long.
  if (text.length > EXEMPLAR_MAX_RUNES && !fits(labels)) return ''
  const time = timestampMs === undefined ? '' : ` ${formatSeconds(timestampMs)}`
  return ` # {${text}} ${formatOpenMetrics(value)}${time}`
}

function fits(labels: Labels): boolean {
  let runes = 0
  for (const { name, value } of labels) runes += runesOf(name) + runesOf(value)
  return runes <= EXEMPLAR_MAX_RUNES
}

function writeNumbers(metrics: readonly NumberMetric[], name: SeriesName, block: Block): string {
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const exemplar = name.mayHaveExemplar ? writeExemplar(metric.exemplar, block) : ''
    text += writeLine(
      name,
      labels,
      formatOpenMetrics(metric.value),
      `${timestampOf(metric, block)}${exemplar}\n`,
    )
  }
  return text
}

/** Leaves out a summary whose count is not whole: this format has no form for it, and strict scrapers refuse the page. */
function writeSummaries(metrics: readonly SummaryMetric[], shown: ShownFamily, block: Block): string {
  const quantileName = seriesName(shown)
  const sumName = seriesName(shown, '_sum')
  const countName = seriesName(shown, '_count')
  let text = ''
  for (const metric of metrics) {
    const { count, sum, quantiles } = metric
    if (count !== undefined && !isCount(count)) continue
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const end = `${timestampOf(metric, block)}\n`
    const before = labels === '' ? '' : `${labels},`
    for (const { quantile, value } of quantiles) {
      const all = `${before}quantile="${formatOpenMetrics(quantile)}"`
      text += writeLine(quantileName, all, formatOpenMetrics(value), end)
    }
    if (sum !== undefined) text += writeLine(sumName, labels, formatOpenMetrics(sum), end)
    if (count !== undefined) text += writeLine(countName, labels, formatCount(count), end)
  }
  return text
}

/**
 * Leaves out a histogram with counts that are not whole: OpenMetrics 1.0 has no float histograms, strict parsers refuse
 * the page, and Go's encoder fails. The text format shows them. A count stands only beside a sum, as the specification
 * has it; the `+Inf` bucket says the same.
 */
function writeHistograms(
  metrics: readonly HistogramMetric[],
  shown: ShownFamily,
  [sumSuffix, countSuffix]: readonly [string, string],
  block: Block,
): string {
  const bucketName = seriesName(shown, BUCKET)
  const sumName = seriesName(shown, sumSuffix)
  const countName = seriesName(shown, countSuffix)
  let text = ''
  for (const metric of metrics) {
    const buckets = withInfinity(metric)
    if (!buckets.every(({ cumulativeCount }) => isCount(cumulativeCount))) continue
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const timestamp = timestampOf(metric, block)
    const before = labels === '' ? '' : `${labels},`
    for (const { upperBound, cumulativeCount, exemplar } of buckets) {
      const all = `${before}le="${formatOpenMetrics(upperBound)}"`
      const end =
        exemplar === undefined ? `${timestamp}\n` : `${timestamp}${writeExemplar(exemplar, block)}\n`
      text += writeLine(bucketName, all, formatCount(cumulativeCount), end)
    }
    if (metric.sum === undefined) continue
    const count = buckets.at(-1)?.cumulativeCount ?? 0
    text += writeLine(sumName, labels, formatOpenMetrics(metric.sum), `${timestamp}\n`)
    text += writeLine(countName, labels, formatCount(count), `${timestamp}\n`)
  }
  return text
}

/** The buckets with the one for +Inf, which every histogram must have and which holds what the count says. */
function withInfinity({ buckets, count }: HistogramMetric): readonly Bucket[] {
  const last = buckets.at(-1)
  if (last?.upperBound === Number.POSITIVE_INFINITY) return buckets
  const cumulativeCount = count ?? last?.cumulativeCount ?? 0
  return [...buckets, { upperBound: Number.POSITIVE_INFINITY, cumulativeCount }]
}

function writeStateSets(metrics: readonly StateSetMetric[], shown: ShownFamily, block: Block): string {
  const name = seriesName(shown)
  const label = isLegacyLabelName(shown.name) ? shown.name : quote(shown.name)
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const end = `${timestampOf(metric, block)}\n`
    const before = labels === '' ? '' : `${labels},`
    for (const state of metric.states) {
      text += writeLine(name, `${before}${label}=${quote(state.name)}`, state.enabled ? '1' : '0', end)
    }
  }
  return text
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0
}

/** Digits alone below 1e21, beyond every 64-bit count. */
function formatCount(count: number): string {
  return String(count)
}

function quote(text: string): string {
  return `"${escapeValue(text)}"`
}
