import { BUDGETS, type Verdict } from '../budgets.ts'
import { show, significant } from '../harness/report.ts'
import type { Metric } from '../harness/results.ts'
import type { Run } from '../harness/run.ts'
import { type Figure, Figures } from './figures.ts'
import { growthPlots } from './growth-plots.ts'

const NO_RUN = 'No run is published yet.'

/** The page with its tables and pictures written anew from runs; what stands between them stays. */
export function benchmarkPage(page: string, runs: readonly Run[]): string {
  const figures = new Figures(runs)
  const parts = {
    machine: () => machineTable(runs),
    budgets: () => budgetTable(runs),
    rates: () => rateTable(figures),
    scrapes: () => scrapeTable(figures),
    memory: () => memoryTable(figures),
    growth: () => pictures(figures),
    formats: () => formatTable(figures),
  }
  return Object.entries(parts).reduce((text, [name, make]) => {
    const made = runs.length === 0 ? NO_RUN : make()
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
    const halves = text.split(start)
    const [before = '', rest] = halves
    if (halves.length !== 2 || rest?.split(end).length !== 2)
      throw new Error(`the page has not one place for "${name}"`)
    return `${before}${start}\n\n${made}\n\n${end}${rest.split(end)[1]}`
  }, page)
}

function pictures(figures: Figures): string {
  return growthPlots(figures)
    .map(({ file, title }) => `![${title}](benchmarks/${file})`)
    .join('\n\n')
}

function machineTable(runs: readonly Run[]): string {
  return table(
    ['', ...runs.map((_, n) => `run ${n + 1}`)],
    [
      ['started', ...runs.map(({ startedAt }) => `${startedAt.slice(0, 16).replace('T', ' ')} UTC`)],
      ['took', ...runs.map(({ seconds }) => `${Math.round(seconds / 60)} min`)],
      ['machine', ...runs.map(({ machine: { cores, cpu } }) => `${cores} cores, ${cpu}`)],
      ['memory', ...runs.map(({ machine }) => show('residentBytes', machine.memoryBytes))],
      ['system', ...runs.map(({ machine }) => `Linux ${machine.kernel}`)],
      ...[...new Set(runs.flatMap(({ machine }) => Object.keys(machine.programs)))].map((name) => [
        name,
        ...runs.map(({ machine }) => machine.programs[name] ?? ''),
      ]),
      ['closed loops by', ...runs.map(({ machine }) => machine.generator)],
      ['rounds', ...runs.map(({ sizes }) => `${sizes.rounds}`)],
    ],
  )
}

function budgetTable(runs: readonly Run[]): string {
  const rows = BUDGETS.flatMap(({ id, work }) => {
    const texts = [
      ...new Set(
        runs.flatMap(({ budgets }) => budgets.filter(({ budget }) => budget === id).map(({ text }) => text)),
      ),
    ]
    return texts.map((text, n) => {
      const verdicts = runs.map(({ budgets }) =>
        budgets.find((each) => each.budget === id && each.text === text),
      )
      return [n === 0 ? id : '', n === 0 ? work : '', text, ...verdicts.map(reached), verdictOf(verdicts)]
    })
  })
  return table(['#', 'work', 'must reach', ...runs.map((_, n) => `run ${n + 1}`), ''], rows)
}

function reached(verdict: Verdict | undefined): string {
  return verdict?.value === undefined ? '' : significant(verdict.value)
}

function verdictOf(verdicts: readonly (Verdict | undefined)[]): string {
  const known = verdicts.flatMap((verdict) => (verdict?.isMet === undefined ? [] : [verdict.isMet]))
  if (known.length === 0) return 'not measured'
  const met = known.filter(Boolean).length
  if (met === known.length) return 'met'
  return met === 0 ? '**missed**' : `**met in ${met} of ${known.length}**`
}

/** Measures whose cases are rates of pushes, samples or points. */
const RATES = ['B1', 'B2', 'B5', 'B6', 'B8', 'growth-replicas', 'scrapers']

function rateTable(figures: Figures): string {
  const rows = RATES.flatMap((measure) =>
    cells(figures, measure, 'generatorShare', (of) => [
      withSpread('perSecond', of('perSecond')),
      times(of('perSecond')),
      withSpread('p50Ms', of('p50Ms')),
      withSpread('p99Ms', of('p99Ms')),
      plain('gatewayUs', of('gatewayUs')),
      plain('redisUs', of('redisUs')),
      plain('generatorUs', of('generatorUs')),
      share(of('generatorShare')),
    ]),
  )
  const head = [
    '',
    'what',
    'who',
    'rate',
    '× peer',
    'p50',
    'p99',
    'gateway CPU',
    'Redis CPU',
    'generator CPU',
    'generator, of a core',
  ]
  return table(head, rows)
}

const SCRAPES = ['B3', 'B10', 'unchanged', 'growth-changes', 'B7', 'scrapers']

function scrapeTable(figures: Figures): string {
  const rows = SCRAPES.flatMap((measure) =>
    (['scrapeMs', 'startMs'] as const).flatMap((metric) =>
      cells(figures, measure, metric, (of) => [
        withSpread(metric, of(metric)),
        times(of(metric)),
        plain('insideMs', of('insideMs')),
        plain('pageBytes', of('pageBytes')),
        plain('gatewayUs', of('gatewayUs')),
        plain('redisUs', of('redisUs')),
        plain('generatorUs', of('generatorUs')),
      ]),
    ),
  )
  return table(
    ['', 'what', 'who', 'time', '× peer', 'at the gateway', 'page', 'gateway CPU', 'Redis CPU', 'reader CPU'],
    rows,
  )
}

const PEAKS = ['B1', 'B4', 'B5', 'B6']

function memoryTable(figures: Figures): string {
  const rows = PEAKS.flatMap((measure) =>
    cells(figures, measure, 'peakBytes', (of) => [
      plain('residentBytes', of('residentBytes')),
      times(of('residentBytes')),
      plain('peakBytes', of('peakBytes')),
      times(of('peakBytes')),
      plain('redisPeakBytes', of('redisPeakBytes')),
    ]),
  )
  return table(['', 'what', 'who', 'resident', '× peer', 'peak', '× peer', 'peak of Redis'], rows)
}

function formatTable(figures: Figures): string {
  const rows = ['B5', 'formats'].flatMap((measure) =>
    cells(figures, measure, 'perGatewaySecond', (of) => [
      withSpread('perGatewaySecond', of('perGatewaySecond')),
      times(of('perGatewaySecond')),
    ]).filter(([, what]) => measure === 'formats' || what === 'decoding'),
  )
  return table(['', 'what', 'who', 'per CPU second', '× protobufjs'], rows)
}

/** Rows of everybody who has a metric in a case of a measure: its id, the case, who, and what `rest` makes of the figures. */
function cells(
  figures: Figures,
  measure: string,
  metric: Metric,
  rest: (of: (metric: Metric) => Figure | undefined) => readonly string[],
): string[][] {
  return figures.cases(measure).flatMap((what) =>
    figures
      .parties(measure, what)
      .filter((party) => figures.of(measure, what, party, metric) !== undefined)
      .map((party) => [measure, what, party, ...rest((which) => figures.of(measure, what, party, which))]),
  )
}

function plain(metric: Metric, figure: Figure | undefined): string {
  return figure === undefined ? '' : show(metric, figure.median)
}

function withSpread(metric: Metric, figure: Figure | undefined): string {
  if (figure === undefined) return ''
  const { median, min, max } = figure
  return min === max
    ? show(metric, median)
    : `${show(metric, median)} (${show(metric, min)} to ${show(metric, max)})`
}

function times(figure: Figure | undefined): string {
  return figure?.ratio === undefined ? '' : significant(figure.ratio)
}

function share(figure: Figure | undefined): string {
  return figure === undefined ? '' : `${Math.round(figure.median * 100)} %`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return lines.join('\n')
}
