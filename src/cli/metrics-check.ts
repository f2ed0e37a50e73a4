import { type BodyFormat, detectFormat } from '../client/body.ts'
import { readBody } from '../client/check.ts'
import { type LintProblem, lint } from '../client/lint.ts'
import { type Family, seriesOf } from '../model/family.ts'
import { compareText } from '../model/labels.ts'
import type { Input } from './input.ts'
import type { Screen } from './screen.ts'
import { tableText } from './table.ts'

export interface MetricsChecked {
  readonly families: readonly Family[]
  readonly problems: readonly LintProblem[]
}

/** Reads metrics and looks at their conventions. Throws PGR_BODY_MALFORMED for what cannot be read. */
export function checkMetrics(
  { name, body }: Input,
  { format, lints }: { readonly format: BodyFormat | 'auto'; readonly lints: boolean },
): MetricsChecked {
  const families = readBody({ name, body, format: format === 'auto' ? detectFormat(body) : format })
  return { families, problems: lints ? lint(families) : [] }
}

interface Extended {
  readonly extended: boolean
}

export function metricsJson({ families, problems }: MetricsChecked, { extended }: Extended): object {
  return {
    valid: problems.length === 0,
    families: families.length,
    series: total(families),
    problems,
    ...(extended ? { metrics: bySeries(families) } : {}),
  }
}

export function metricsText(
  { families, problems }: MetricsChecked,
  { extended }: Extended,
  screen: Screen,
): string {
  const found =
    problems.length === 0
      ? ''
      : tableText(
          [{ name: 'metric' }, { name: 'rule' }, { name: 'what is wrong', shrinks: 1 }],
          problems.map(({ metric, rule, message }) => [
            { raw: metric },
            { raw: rule, paint: 'yellow' },
            { raw: message },
          ]),
          screen,
        )
  return found + (extended ? seriesText(families, screen, found !== '') : '')
}

function seriesText(families: readonly Family[], screen: Screen, isSecond: boolean): string {
  const all = total(families)
  const table = tableText(
    [
      { name: 'kind', piped: true },
      { name: 'metric', shrinks: 1 },
      { name: 'series', right: true },
      { name: 'share', right: true },
    ],
    bySeries(families).map(({ name, series }) => [
      { raw: 'series' },
      { raw: name },
      { raw: String(series) },
      { raw: `${((100 * series) / Math.max(1, all)).toFixed(1)}%` },
    ]),
    screen,
  )
  return screen.isTerminal && isSecond ? `\n${table}` : table
}

function bySeries(families: readonly Family[]): { name: string; series: number }[] {
  return families
    .map((family) => ({ name: family.name, series: seriesOf(family) }))
    .sort((a, b) => b.series - a.series || compareText(a.name, b.name))
}

function total(families: readonly Family[]): number {
  return families.reduce((sum, family) => sum + seriesOf(family), 0)
}
