import type { FamilyRow, GroupDetails, MetricRow } from '../client/read-api.ts'
import { labelsText } from './groups-table.ts'
import { agoCell, untilCell } from './moments.ts'
import type { Screen } from './screen.ts'
import { type Cell, type Column, cutText, escapeField, tableText } from './table.ts'

const SOON_MS = 60_000

const SERIES_COLUMNS: readonly Column[] = [
  { name: 'family', piped: true },
  { name: 'type', piped: true },
  { name: 'series' },
  { name: 'value', right: true },
]

/**
 * A group and all that is in it. On a terminal its facts, then family by family; in tabs a line a series: family, type,
 * series, value.
 */
export function groupText(group: GroupDetails, now: string, screen: Screen): string {
  if (!screen.isTerminal) return tableText(SERIES_COLUMNS, group.families_list.flatMap(seriesCells), screen)
  return `${factsText(group, now, screen)}${group.families_list.map((family) => familyText(family, screen)).join('')}`
}

function factsText(group: GroupDetails, now: string, screen: Screen): string {
  const push = agoCell(group.last_push, now)
  const failure = agoCell(group.last_failure, now)
  const expires = untilCell(group.expires, now, { soonMs: SOON_MS })
  const facts: [what: string, how: string][] = [
    [group.kind, screen.paint(escapeField(labelsText(group.labels)), 'bold')],
    ['id', group.id],
    ['holds', `${group.series} series in ${group.families} families`],
    ['last push', `${said(push)}${group.protocol === null ? '' : `, ${escapeField(group.protocol)}`}`],
    [
      'last failure',
      `${said(failure)}${group.failure_reason === null ? '' : `: ${escapeField(group.failure_reason)}`}`,
    ],
    ['expires', said(expires)],
  ]
  return facts.map(([what, how]) => `${screen.paint(what.padEnd(12), 'dim')}  ${how}\n`).join('')
}

function said({ raw, shown = raw }: Cell): string {
  return raw === '' ? shown : `${shown} (${raw})`
}

function familyText(family: FamilyRow, screen: Screen): string {
  const help =
    family.help === ''
      ? ''
      : `  ${cutText(escapeField(family.help), Math.max(20, screen.width - family.name.length - 16))}`
  const head = `\n${screen.paint(escapeField(family.name), 'bold')}  ${family.type}${screen.paint(help, 'dim')}\n`
  const rows = family.metrics.flatMap((metric) => seriesOf(family.name, metric))
  const lines = rows.map(([series, value]) => `  ${escapeField(series)}  ${escapeField(value)}\n`)
  const more = family.truncated ? `  … ${family.series} series in all; --samples shows more\n` : ''
  return head + lines.join('') + more
}

function seriesCells(family: FamilyRow): Cell[][] {
  return family.metrics.flatMap((metric) =>
    seriesOf(family.name, metric).map(([series, value]) => [
      { raw: family.name },
      { raw: family.type },
      { raw: series },
      { raw: value },
    ]),
  )
}

type Series = readonly [series: string, value: string]

/**
 * What a metric is made of, as the exposition format would have it. A bucket of a native histogram, which has no series
 * there, is told by its bounds.
 */
export function seriesOf(name: string, metric: MetricRow): Series[] {
  const { labels, native } = metric
  const rows: Series[] = []
  const add = (suffix: string, more: Readonly<Record<string, string>>, value: string | undefined): void => {
    if (value !== undefined) rows.push([`${name}${suffix}${labelsOf({ ...labels, ...more })}`, value])
  }
  add('', {}, metric.value)
  for (const [quantile, value] of Object.entries(metric.quantiles ?? {})) add('', { quantile }, value)
  for (const [le, value] of Object.entries(metric.buckets ?? {})) add('_bucket', { le }, value)
  for (const [lower, upper, count] of native?.buckets ?? [])
    rows.push([`${name}${labelsOf(labels)} (${lower}, ${upper}]`, count])
  if (native?.zero_count !== undefined && Number(native.zero_count) > 0)
    rows.push([`${name}${labelsOf(labels)} zero`, native.zero_count])
  add('_sum', {}, metric.sum ?? native?.sum)
  add('_count', {}, metric.count ?? native?.count)
  return rows
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels).length === 0 ? '' : labelsText(labels)
}
