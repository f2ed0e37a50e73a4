import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { BUDGETS, judge } from '../../bench/budgets.ts'
import type { Run } from '../../bench/harness/run.ts'
import { benchmarkPage } from '../../bench/page/benchmark-page.ts'
import { Figures } from '../../bench/page/figures.ts'
import { growthPlots } from '../../bench/page/growth-plots.ts'

const DOCS = fileURLToPath(new URL('../../../docs', import.meta.url))
const page = readFileSync(`${DOCS}/benchmarks.md`, 'utf8')
const runs = readdirSync(`${DOCS}/benchmarks`)
  .filter((name) => /^run-.*\.json$/.test(name))
  .sort()
  .map((name) => JSON.parse(readFileSync(`${DOCS}/benchmarks/${name}`, 'utf8')) as Run)

describe('the runs that are published', () => {
  it.each(runs.map((run) => [run.startedAt, run] as const))(
    '%s measured every budget in full',
    (_when, run) => {
      expect(run.size).toBe('full')
      expect(new Set(run.budgets.map(({ budget }) => budget))).toEqual(new Set(BUDGETS.map(({ id }) => id)))
      expect(judge(run.measures)).toEqual(run.budgets)
    },
  )

  it('are there', () => {
    expect(runs.length).toBeGreaterThan(0)
  })
})

// Written anew by running this file with -u.
describe('what is made from them is up to date', () => {
  const plots = growthPlots(new Figures(runs))

  it('docs/benchmarks.md', async () => {
    await expect(benchmarkPage(page, runs)).toMatchFileSnapshot('../../../docs/benchmarks.md')
  })

  it.each([...plots])('docs/benchmarks/%s', async (name, plot) => {
    await expect(plot).toMatchFileSnapshot(`../../../docs/benchmarks/${name}`)
  })

  it('and its pictures are these', () => {
    const shown = [...page.matchAll(/\]\(benchmarks\/([\w-]+\.svg)\)/g)].map(([, name]) => name)
    expect(shown).toEqual([...plots.keys()])
  })
})
