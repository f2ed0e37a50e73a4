import { it } from 'vitest'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const INPUTS = Number(process.env['PGR_FUZZ_INPUTS'] ?? 10_000_000)
const SEED = Number(process.env['PGR_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const each = Math.ceil(INPUTS / TARGETS.length)

it.each(TARGETS.map((target) => [target.name, target] as const))('%s', async (name, target) => {
  const { inputs, read, slowestMs, grownBytes } = await fuzz(target, { inputs: each, seed: SEED })
  const share = Math.round((100 * read) / inputs)
  const grown = Math.round(grownBytes / 2 ** 20)
  process.stdout.write(
    `${name}: ${inputs} inputs from seed ${SEED}, ${share} % valid, slowest ${slowestMs.toFixed(1)} ms, memory ${grown} MiB\n`,
  )
})
