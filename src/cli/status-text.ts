import type { Status } from '../client/read-api.ts'
import { factsText } from './facts.ts'
import { labelsText } from './groups-table.ts'
import { agoCell } from './moments.ts'
import type { Screen } from './screen.ts'
import { type Cell, type Column, escapeField, tableText } from './table.ts'

const MOST_REJECTIONS = 5

type Facts = (readonly [name: string, value: Cell])[]

/** How a gateway is, from its status: itself, its store, what is wrong, and who shares it. */
export function statusText(status: Status, now: string, screen: Screen): string {
  const { store, page } = status
  const facts: Facts = [
    ['version', { raw: status.build_information.version }],
    ['started', agoCell(status.start_time, now)],
    ['store', { raw: escapeField(store.name) }],
    ['ready', store.ready ? { raw: 'yes', paint: 'green' } : { raw: 'no', paint: 'red' }],
  ]
  if (store.reason !== undefined)
    facts.push(['reason', { raw: store.reason, shown: escapeField(store.reason), paint: 'red' }])
  if (page !== undefined) {
    for (const name of ['series', 'groups', 'sets'] as const) facts.push([name, { raw: String(page[name]) }])
    facts.push(['expiring in 60s', { raw: String(page.expiring_within_60s) }])
  }
  const on = Object.entries(status.features ?? {})
  for (const [name, isOn] of on) facts.push([name.replaceAll('_', ' '), { raw: isOn ? 'on' : 'off' }])
  for (const [name, value] of Object.entries(store.facts ?? {}))
    facts.push([
      `store ${name.replaceAll('_', ' ')}`,
      { raw: String(value), shown: escapeField(String(value)) },
    ])
  return [
    factsText(facts, screen),
    findingsText(store.findings ?? [], screen),
    primariesText(store.primaries ?? [], screen),
    replicasText(store.replicas ?? [], now, screen),
    rejectionsText(status.recent_rejections ?? [], now, screen),
  ]
    .filter((part) => part !== '')
    .join(screen.isTerminal ? '\n' : '')
}

/** What was looked at in the store's settings; in tabs behind the word `finding`. */
export function findingsText(findings: NonNullable<Status['store']['findings']>, screen: Screen): string {
  return section(
    'finding',
    findings.map(({ finding, ok, where, message = '' }) => [
      { raw: finding },
      ok ? { raw: 'ok', paint: 'green' } : { raw: 'bad', paint: 'red' },
      { raw: where },
      { raw: ok ? '' : message },
    ]),
    screen,
  )
}

/** The servers behind the store; in tabs behind the word `primary`. */
export function primariesText(primaries: NonNullable<Status['store']['primaries']>, screen: Screen): string {
  return section(
    'primary',
    primaries.map(({ endpoint, state, partitions, reason = '' }) => [
      { raw: endpoint },
      { raw: state, paint: state === 'usable' ? 'green' : 'red' },
      { raw: `${partitions} partitions` },
      { raw: reason },
    ]),
    screen,
  )
}

function replicasText(
  replicas: NonNullable<Status['store']['replicas']>,
  now: string,
  screen: Screen,
): string {
  return section(
    'replica',
    replicas.map(({ id, version, address, last_seen }) => [
      { raw: id },
      { raw: version },
      { raw: address },
      agoCell(last_seen, now),
    ]),
    screen,
  )
}

function rejectionsText(
  rejections: NonNullable<Status['recent_rejections']>,
  now: string,
  screen: Screen,
): string {
  return section(
    'refused',
    rejections
      .slice(0, MOST_REJECTIONS)
      .map(({ at, protocol, labels, reason }) => [
        agoCell(at, now),
        { raw: protocol },
        { raw: labels === null ? '' : labelsText(labels) },
        { raw: reason },
      ]),
    screen,
  )
}

/** Rows that all begin with the same word. */
function section(word: string, rows: readonly (readonly Cell[])[], screen: Screen): string {
  if (rows.length === 0) return ''
  const columns: Column[] = [
    { name: word, piped: true },
    { name: word },
    { name: '' },
    { name: '' },
    { name: '', shrinks: 1 },
  ]
  return tableText(
    columns,
    rows.map((row) => [{ raw: word }, ...row]),
    screen,
  )
}
