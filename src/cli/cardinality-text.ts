import type { Cardinality } from '../client/read-api.ts'
import type { Screen } from './screen.ts'
import { type Cell, type Column, tableText } from './table.ts'

export interface CardinalityChoice {
  readonly by?: 'metric' | 'label' | 'job' | 'pair' | 'value' | undefined
  readonly label?: string | undefined
}

type Kind = NonNullable<CardinalityChoice['by']>

interface Section {
  readonly kind: Kind
  /** Behind name and series. */
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly [name: string, series: number, ...more: (string | number)[]])[]
}

/** Who has how many series, a table for each kind that was asked for. */
export function cardinalityText(found: Cardinality, choice: CardinalityChoice, screen: Screen): string {
  const sections = sectionsOf(found, choice.label).filter(
    ({ kind, rows }) => rows.length > 0 && (choice.by ?? kind) === kind,
  )
  return sections
    .map((section) => sectionText(section, found.series, screen))
    .join(screen.isTerminal ? '\n' : '')
}

function sectionsOf(found: Cardinality, label: string | undefined): Section[] {
  const right = (name: string): Column => ({ name, right: true })
  return [
    {
      kind: 'metric',
      columns: [{ name: 'type' }, right('groups')],
      rows: found.metrics.map(({ name, series, type, groups }) => [name, series, type, groups]),
    },
    {
      kind: 'label',
      columns: [right('values')],
      rows: found.labels.map(({ name, series, values }) => [name, series, values]),
    },
    {
      kind: 'value',
      columns: [],
      rows: (found.values ?? []).map(({ value, series }) => [
        `${label ?? ''}=${JSON.stringify(value)}`,
        series,
      ]),
    },
    {
      kind: 'job',
      columns: [right('groups'), right('sets')],
      rows: found.jobs.map(({ job, series, groups, sets }) => [job, series, groups, sets]),
    },
    {
      kind: 'pair',
      columns: [],
      rows: found.pairs.map(({ name, value, series }) => [`${name}=${JSON.stringify(value)}`, series]),
    },
  ]
}

function sectionText({ kind, columns, rows }: Section, all: number, screen: Screen): string {
  const cells = rows.map(([name, series, ...more]): Cell[] => [
    { raw: kind },
    { raw: name },
    { raw: String(series) },
    { raw: share(series, all) },
    ...more.map((value) => ({ raw: String(value) })),
  ])
  const head: Column[] = [
    { name: 'kind', piped: true },
    { name: kind, shrinks: 1 },
    { name: 'series', right: true },
    { name: 'share', right: true },
  ]
  return tableText([...head, ...columns], cells, screen)
}

function share(series: number, all: number): string {
  return all === 0 ? '0.0%' : `${((100 * series) / all).toFixed(1)}%`
}
