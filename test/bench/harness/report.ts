import type { Verdict } from '../budgets.ts'
import { METRICS, type Measured, type Metric, type Summary, summarise } from './results.ts'

/** What one measure came to, for people: every metric of every case, the parties below each other. */
export function showMeasured(measured: Measured): string {
  const summaries = summarise(measured)
  const width = Math.max(...summaries.map(({ party }) => party.length))
  const lines = [`${measured.id}: ${measured.title} (${Math.round(measured.seconds)} s)`]
  let heading = ''
  for (const what of new Set(summaries.map((each) => each.what))) {
    const ofWhat = summaries.filter((each) => each.what === what)
    for (const metric of new Set(ofWhat.map((each) => each.metric))) {
      heading = `${what}: ${METRICS[metric].text}`
      lines.push(`  ${heading}`)
      for (const each of ofWhat.filter((one) => one.metric === metric))
        lines.push(`    ${each.party.padEnd(width)}  ${showSummary(each, measured.peer)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function showSummary({ metric, median, min, max, ratio }: Summary, peer = ''): string {
  const spread = min === max ? '' : ` (${show(metric, min)} to ${show(metric, max)})`
  return `${show(metric, median)}${spread}${ratio === undefined ? '' : `, ${significant(ratio)} × ${peer}`}`
}

export function showVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ budget, text, value, isMet }) => {
    const reached = value === undefined ? 'not measured' : significant(value)
    const word = isMet === undefined ? '' : isMet ? ', met' : ', MISSED'
    return `  ${budget.padEnd(4)} ${text}: ${reached}${word}`
  })
  return lines.length === 0 ? '' : `${['budgets', ...lines].join('\n')}\n`
}

/** A value with its unit, in the size that people read. */
export function show(metric: Metric, value: number): string {
  const { unit } = METRICS[metric]
  if (unit === 'B') return showBytes(value)
  if (unit === 'ms' && value >= 1000) return `${significant(value / 1000)} s`
  if (unit === 'µs' && value >= 1e6) return `${significant(value / 1e6)} s`
  if (unit === 'µs' && value >= 1000) return `${significant(value / 1000)} ms`
  return unit === ''
    ? significant(value)
    : unit === '/s'
      ? `${significant(value)}/s`
      : `${significant(value)} ${unit}`
}

function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${significant(bytes / 1e9)} GB`
  return bytes >= 1e6 ? `${significant(bytes / 1e6)} MB` : `${significant(bytes)} B`
}

/** Three digits that say something, large numbers in full. */
export function significant(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 6 })
}
