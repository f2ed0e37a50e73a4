import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { UnitCosts } from '../../../examples/capacity/model.js'
import { report } from '../../../examples/capacity/report.js'
import { settingRows } from '../../../src/config/options.ts'
import { readBlocks } from '../../support/page-commands.ts'
import { type Comparison, comparisonTable, costsTable, memoryTable, sizesTable } from './scaling-tables.ts'

const ROOT = new URL('../../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')
const page = read('docs/scaling.md')
const costs = JSON.parse(read('docs/benchmarks/costs.json')) as UnitCosts
const comparison = JSON.parse(read('docs/benchmarks/capacity.json')) as Comparison

const COMMAND = /```sh\nnode examples\/capacity\.js(.*)\n```\n\n```text\n[\s\S]*?\n```/g

// Written anew by running this file with -u.
it('the tables and the output on the page follow from what was measured', async () => {
  const { measuredOn } = costs
  const { fleet, replicas, primaries, cores, senderCores } = comparison
  const generated = {
    machine: `Measured on ${measuredOn.cores} cores of ${measuredOn.processor}, Node ${measuredOn.node}, Redis ${measuredOn.redis}.`,
    costs: costsTable(costs),
    memory: memoryTable(costs),
    sizes: sizesTable(costs),
    compared: `${replicas} gateways and ${primaries} Redis on ${cores} cores, ${fleet.pushes} pushes/s, ${fleet.series} series, ${fleet.scrapers} scrapers every ${fleet.interval} s; who sends takes ${senderCores} of the same cores.`,
    comparison: comparisonTable(comparison),
  }
  let expected = page
  for (const [name, text] of Object.entries(generated)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- end -->)`)
    expect(expected, name).toMatch(place)
    expected = expected.replace(place, (_all, start: string, end: string) => `${start}${text}${end}`)
  }
  expect(expected.match(COMMAND)?.length).toBe(readBlocks(page).length)
  expected = expected.replace(COMMAND, (_all, args: string) => {
    const words = args.split(' ').filter((word) => word !== '')
    return `\`\`\`sh\nnode examples/capacity.js${args}\n\`\`\`\n\n\`\`\`text\n${report(words, costs)}\n\`\`\``
  })
  await expect(expected).toMatchFileSnapshot('../../../docs/scaling.md')
})

it('every flag on the page that is not of a command on it exists', () => {
  const known = new Set(settingRows.map(([, { flag }]) => flag as string))
  const prose = page.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/^.*<!-- of the model -->.*$/gm, '')
  const named = [...prose.matchAll(/`--([a-z][\w.-]*\w)/g)].map(([, flag = '']) => flag)
  expect(named.length).toBeGreaterThan(3)
  expect(named.filter((flag) => !known.has(flag))).toEqual([])
})
