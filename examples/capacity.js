#!/usr/bin/env node
/**
 * How many gateways and Redis servers a fleet needs, from measured costs, and what happens when that is played for a while:
 *
 *   node examples/capacity.js --pushes 10000 --series 10000000 --scrapers 1000 --interval 15s
 *
 * docs/scaling.md explains the figures. Another machine's costs are measured by
 * `npm run bench:costs`.
 */
import { readFileSync } from 'node:fs'
import { report } from './capacity/report.js'

const costs = JSON.parse(readFileSync(new URL('../docs/benchmarks/costs.json', import.meta.url), 'utf8'))

try {
  process.stdout.write(`${report(process.argv.slice(2), costs)}\n`)
} catch (reason) {
  process.stderr.write(`${reason.message}\n`)
  process.exitCode = 2
}
