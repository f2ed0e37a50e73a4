import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { BUDGETS } from '../bench/budgets.ts'
import type { Run } from '../bench/harness/run.ts'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { readBlocks } from '../support/page-commands.ts'
import { peer } from '../support/peers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 300_000

describe('the page on benchmarks', () => {
  const folder = makeFolder('benchmarks-page')
  const blocks = readBlocks(readFileSync(`${ROOT}docs/benchmarks.md`, 'utf8'))
  afterAll(() => removeFolder(folder))

  /** With little of everything, and what was seen in a file. */
  async function run(command: string, file: string): Promise<{ output: string; seen: Run }> {
    const json = join(folder, file)
    const child = startChild({
      name: 'bench',
      command: 'sh',
      args: ['-c', command.replace(/PGR_BENCH_JSON=\S+/, '')],
      cwd: ROOT,
      env: { ...withoutVitest(process.env), PGR_BENCH_SIZE: 'smoke', PGR_BENCH_JSON: json },
    })
    const { code } = await child.exited
    expect(code, child.output()).toBe(0)
    return { output: child.output(), seen: JSON.parse(readFileSync(json, 'utf8')) as Run }
  }

  it(
    'has a command that judges every budget',
    async () => {
      const [whole] = blocks
      const { output, seen } = await run(whole?.command ?? '', 'whole.json')
      expect(seen.budgets.map(({ budget }) => budget)).toEqual(
        BUDGETS.flatMap(({ id, wanted }) => wanted.map(() => id)),
      )
      for (const { budget, text, value } of seen.budgets) {
        expect(output).toContain(text)
        if (peer('pushgateway') !== undefined) expect(value, `${budget} ${text}`).toBeGreaterThan(0)
      }
      for (const { id, samples, summaries } of seen.measures) {
        expect(samples.length, id).toBeGreaterThan(0)
        expect(summaries.filter(({ median }) => !Number.isFinite(median))).toEqual([])
      }
    },
    TIMEOUT_MS,
  )

  it.each(blocks.slice(1).map(({ line, command }) => [line, command] as const))(
    'has on line %i a command for some of them',
    async (line, command) => {
      const { seen } = await run(command, `${line}.json`)
      const wanted = /-t '?([\w|]+)/.exec(command)?.[1]?.split('|') ?? []
      expect(wanted.length).toBeGreaterThan(0)
      expect(seen.measures.map(({ id }) => id).sort()).toEqual(wanted.sort())
    },
    TIMEOUT_MS,
  )

  it('has all of them', () => {
    expect(blocks.length).toBe(3)
  })
})

/** Of the run that this test belongs to. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(VITEST|NODE_ENV$|PGR_BENCH)/.test(name)),
  )
}
