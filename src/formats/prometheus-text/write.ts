import {
  type Family,
  type FamilyType,
  type HistogramMetric,
  type Metric,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
  seriesNames,
} from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import {
  type EscapingScheme,
  escapeLabelName,
  escapeName,
  isLegacyLabelName,
  isLegacyMetricName,
} from '../../model/names.ts'
import { formatGo } from '../../model/number.ts'
import type { BlockOptions, Writer } from '../format.ts'
import { escapeHelp, escapeValue } from './escape.ts'
import { type BlockLabels, LabelText, labelsToWrite } from './label-text.ts'
import { makeNumberWriter } from './number-lines.ts'

const NOTHING = Buffer.alloc(0)

/** What the format has for each type of the model: five types, none of which Prometheus refuses in this format. */
const SHOWN_TYPES: Record<FamilyType, string> = {
  counter: 'counter',
  gauge: 'gauge',
  unknown: 'untyped',
  summary: 'summary',
  histogram: 'histogram',
  gaugehistogram: 'histogram',
  info: 'gauge',
  stateset: 'gauge',
}

/**
 * Writes the classic text format, version 0.0.4. Units, exemplars, start times and native buckets have no form in it;
 * a histogram always gets its `+Inf` bucket, sum and count, as Go writes them.
 */
export const writer: Writer = {
  name: 'text',
  framed: false,
  hasNative: false,
  end: NOTHING,

  contentType(escaping) {
    return `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`
  },

  claims(head, escaping) {
    return seriesNames(escapeName(head.name, escaping), head.type)
  },

  head(head, escaping) {
    const escaped = escapeName(head.name, escaping)
    const name = isLegacyMetricName(escaped) ? escaped : `"${escapeValue(escaped)}"`
    const help = head.help === '' ? '' : `# HELP ${name} ${escapeHelp(head.help)}\n`
    return Buffer.from(`${help}# TYPE ${name} ${SHOWN_TYPES[head.type]}\n`)
  },

  block(family, common, options) {
    if (family.metrics.length === 0) return NOTHING
    return Buffer.from(writeBlock(family, common, options))
  },

  numbers({ name }, { escaping }) {
    const { open, bare } = seriesName(escapeName(name, escaping))
    return makeNumberWriter({ open, bare, wholeEnd: '', escaping })
  },
}

/** What every line of a block needs. */
interface Block extends BlockLabels {
  readonly timestamps: boolean
}

function writeBlock(family: Family, common: Labels, { escaping, timestamps }: BlockOptions): string {
  const labels = new LabelText(common, escaping, reservedLabel(family, escaping))
  const text = writeMetrics(family, escaping, { labels, timestamps, written: undefined })
  if (!labels.hasRespelled) return text
  // Rare, and only known now: write again, this time leaving out metrics that became equal to one before.
  return writeMetrics(family, escaping, { labels, timestamps, written: new Set() })
}

/** The label that samples of this type add themselves, as it is spelled on the page. */
export function reservedLabel({ name, type }: Family, escaping: EscapingScheme): string | undefined {
  switch (type) {
    case 'summary':
      return 'quantile'
    case 'histogram':
    case 'gaugehistogram':
      return 'le'
    case 'stateset':
      return escapeLabelName(name, escaping)
    default:
      return undefined
  }
}

function writeMetrics(family: Family, escaping: EscapingScheme, block: Block): string {
  const name = escapeName(family.name, escaping)
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return writeNumbers(family.metrics, seriesName(name), block)
    case 'summary':
      return writeSummaries(family.metrics, name, block)
    case 'histogram':
    case 'gaugehistogram':
      return writeHistograms(family.metrics, name, block)
    case 'stateset':
      return writeStateSets(family.metrics, name, stateLabel(family.name, escaping), block)
  }
}

function stateLabel(name: string, escaping: EscapingScheme): string {
  const label = escapeLabelName(name, escaping)
  return isLegacyLabelName(label) ? label : `"${escapeValue(label)}"`
}

/** A series name ready to be followed by labels, and ready to stand without. */
interface SeriesName {
  readonly open: string
  readonly bare: string
}

function seriesName(name: string): SeriesName {
  if (isLegacyMetricName(name)) return { open: `${name}{`, bare: name }
  const quoted = `{"${escapeValue(name)}"`
  return { open: `${quoted},`, bare: `${quoted}}` }
}

function writeLine({ open, bare }: SeriesName, labels: string, value: number, end: string): string {
  return labels === '' ? `${bare} ${formatGo(value)}${end}` : `${open}${labels}} ${formatGo(value)}${end}`
}

/** What follows a value. Older scrapers fail over a timestamp below zero, so that none is written then. */
function endOfLine({ timestampMs }: Metric, { timestamps }: Block): string {
  return timestamps && timestampMs !== undefined && timestampMs >= 0 ? ` ${Math.trunc(timestampMs)}\n` : '\n'
}

function writeNumbers(metrics: readonly NumberMetric[], name: SeriesName, block: Block): string {
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels !== undefined) text += writeLine(name, labels, metric.value, endOfLine(metric, block))
  }
  return text
}

function writeSummaries(metrics: readonly SummaryMetric[], name: string, block: Block): string {
  const quantileName = seriesName(name)
  const sumName = seriesName(`${name}_sum`)
  const countName = seriesName(`${name}_count`)
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const end = endOfLine(metric, block)
    const before = labels === '' ? '' : `${labels},`
    for (const { quantile, value } of metric.quantiles) {
      text += writeLine(quantileName, `${before}quantile="${formatGo(quantile)}"`, value, end)
    }
    text += writeLine(sumName, labels, metric.sum ?? 0, end)
    text += writeLine(countName, labels, metric.count ?? 0, end)
  }
  return text
}

function writeHistograms(metrics: readonly HistogramMetric[], name: string, block: Block): string {
  const bucketName = seriesName(`${name}_bucket`)
  const sumName = seriesName(`${name}_sum`)
  const countName = seriesName(`${name}_count`)
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const end = endOfLine(metric, block)
    const before = labels === '' ? '' : `${labels},`
    const { buckets, count = 0, sum = 0 } = metric
    for (const { upperBound, cumulativeCount } of buckets) {
      text += writeLine(bucketName, `${before}le="${formatGo(upperBound)}"`, cumulativeCount, end)
    }
    if (buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY) {
      text += writeLine(bucketName, `${before}le="+Inf"`, count, end)
    }
    text += writeLine(sumName, labels, sum, end)
    text += writeLine(countName, labels, count, end)
  }
  return text
}

function writeStateSets(
  metrics: readonly StateSetMetric[],
  name: string,
  label: string,
  block: Block,
): string {
  const series = seriesName(name)
  let text = ''
  for (const metric of metrics) {
    const labels = labelsToWrite(metric, block)
    if (labels === undefined) continue
    const end = endOfLine(metric, block)
    const before = labels === '' ? '' : `${labels},`
    for (const state of metric.states) {
      text += writeLine(series, `${before}${label}="${escapeValue(state.name)}"`, state.enabled ? 1 : 0, end)
    }
  }
  return text
}
