import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { startChild } from '../support/child.ts'
import { readBlocks } from '../support/page-commands.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const blocks = readBlocks(readFileSync(`${ROOT}docs/scaling.md`, 'utf8'))

async function run(command: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startChild({ name: command, command: 'sh', args: ['-c', command], cwd: ROOT })
  const { code } = await child.exited
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

it('the page on scaling has commands', () => {
  expect(blocks.length).toBeGreaterThan(2)
})

it.each(blocks.map(({ command, shows }) => [command, shows] as const))('%s', async (command, shows) => {
  expect(await run(command)).toEqual({ code: 0, stdout: `${shows.join('\n')}\n`, stderr: '' })
})

it.each([
  ['a number that is none', '--pushes many', '--pushes has to be a number above 0, and is "many"'],
  ['a duration without a unit', '--interval 15', '--interval has to be a duration such as 15s, and is "15"'],
  ['half a gateway', '--replicas 1.5', '--replicas has to be a whole number, and is "1.5"'],
  [
    'more than one store can serve',
    '--shards 1',
    'no number of gateways is enough for this; take more shards',
  ],
])('the model refuses %s', async (_what, args, reason) => {
  expect(await run(`node examples/capacity.js ${args}`)).toEqual({
    code: 2,
    stdout: '',
    stderr: `${reason}\n`,
  })
})
