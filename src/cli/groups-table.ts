import type { GroupRow } from '../client/read-api.ts'
import { agoCell, untilCell } from './moments.ts'
import type { Screen } from './screen.ts'
import { type Cell, type Column, tableText } from './table.ts'

const SOON_MS = 60_000

const COLUMNS: readonly Column[] = [
  { name: 'id', piped: true },
  { name: 'kind' },
  { name: 'labels', shrinks: 1 },
  { name: 'series', right: true },
  { name: 'families', right: true, piped: true },
  { name: 'protocol' },
  { name: 'last push' },
  { name: 'expires' },
  { name: 'state', shrinks: 2 },
]

/** Groups and series sets, one a row. In tabs the last field is `ok`, or `failed: ` and why. */
export function groupsTable(groups: readonly GroupRow[], now: string, screen: Screen): string {
  return tableText(
    COLUMNS,
    groups.map((group) => groupCells(group, now)),
    screen,
  )
}

function groupCells(group: GroupRow, now: string): Cell[] {
  const failure = `failed: ${group.failure_reason ?? 'no reason is known'}`
  return [
    { raw: group.id },
    { raw: group.kind },
    { raw: labelsText(group.labels) },
    { raw: String(group.series) },
    { raw: String(group.families) },
    { raw: group.protocol ?? '', shown: group.protocol ?? '-' },
    agoCell(group.last_push, now),
    untilCell(group.expires, now, { soonMs: SOON_MS }),
    group.last_push_successful ? { raw: 'ok' } : { raw: failure, paint: 'red' },
  ]
}

/** `{job="a",instance="b"}`: as in a selector, the job first, since people look for it. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const { job, ...others } = labels
  const pairs = Object.entries(job === undefined ? others : { job, ...others })
  return `{${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`
}
