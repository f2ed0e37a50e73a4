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

it('the runs that are published measured every budget in full, or growth alone', () => {
  expect(runs.some(({ budgets }) => budgets.length > 0)).toBe(true)
  for (const run of runs) {
    expect(run.size).toBe('full')
    const measured = run.measures.map(({ id }) => id)
    if (measured.every((id) => id.startsWith('growth'))) {
      expect(run.budgets).toEqual([])
      continue
    }
    expect(new Set(run.budgets.map(({ budget }) => budget))).toEqual(new Set(BUDGETS.map(({ id }) => id)))
    expect(judge(run.measures)).toEqual(run.budgets)
  }
})

// Written anew by running this file with -u.
describe('what is made from them is up to date', () => {
  it('docs/benchmarks.md', async () => {
    await expect(benchmarkPage(page, runs)).toMatchFileSnapshot('../../../docs/benchmarks.md')
  })

  it('its pictures', async () => {
    const plots = runs.length === 0 ? [] : growthPlots(new Figures(runs))
    for (const { file, svg } of plots)
      await expect(svg).toMatchFileSnapshot(`../../../docs/benchmarks/${file}`)
  })
})
