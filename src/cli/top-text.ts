import { type Rates, rateText } from './rates.ts'
import type { Screen } from './screen.ts'
import { type Cell, tableText } from './table.ts'

const MOST_REASONS = 10
const UNKNOWN = '-'

/** The whole screen, line by line. */
export function topLines(rates: Rates, url: string, screen: Screen): string[] {
  const { series, groups, sets, ready } = rates
  const state = ready ? screen.paint('ready', 'green') : screen.paint('not ready', 'red')
  const stored = `${series ?? UNKNOWN} series in ${groups ?? UNKNOWN} groups and ${sets ?? UNKNOWN} series sets`
  const lines = [`${url}: ${state}, ${stored}`, '', ...table(protocolTable(rates, screen))]
  if (rates.rejections.length > 0) lines.push('', ...table(reasonTable(rates, screen)))
  return lines
}

function protocolTable({ protocols }: Rates, screen: Screen): string {
  return tableText(
    [
      { name: 'protocol', shrinks: 1 },
      { name: 'pushes/s', right: true },
      { name: 'samples/s', right: true },
      { name: 'refused/s', right: true },
    ],
    protocols.map(({ protocol, pushes, samples, refused }) => [
      { raw: protocol },
      rateCell(pushes),
      rateCell(samples),
      { ...rateCell(refused), ...(refused !== null && refused > 0 ? { paint: 'red' as const } : {}) },
    ]),
    screen,
  )
}

function reasonTable({ rejections }: Rates, screen: Screen): string {
  return tableText(
    [
      { name: 'refused because', shrinks: 1 },
      { name: 'a second', right: true },
      { name: 'since start', right: true },
    ],
    rejections
      .slice(0, MOST_REASONS)
      .map(({ reason, rate, total }) => [{ raw: reason }, rateCell(rate), { raw: String(total) }]),
    screen,
  )
}

function rateCell(rate: number | null): Cell {
  return { raw: rateText(rate), shown: rateText(rate) || UNKNOWN }
}

function table(text: string): string[] {
  return text.trimEnd().split('\n')
}

/** One look as one line: instant, pushes, samples and refusals a second, series, groups, sets, ready or not. */
export function topLine(rates: Rates, screen: Screen): string {
  const sum = (pick: 'pushes' | 'samples' | 'refused'): string =>
    rates.seconds === null ? '' : rateText(rates.protocols.reduce((all, each) => all + (each[pick] ?? 0), 0))
  const { at, series, groups, sets, ready } = rates
  const fields = [at, sum('pushes'), sum('samples'), sum('refused'), series, groups, sets]
  const row: Cell[] = [
    ...fields.map((field) => ({ raw: String(field ?? '') })),
    { raw: ready ? 'ready' : 'not ready' },
  ]
  return tableText([], [row], { ...screen, isTerminal: false })
}
