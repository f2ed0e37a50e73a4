import { symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder, startChild } from './child.ts'

const HERE = import.meta.dirname
const VITEST = dirname(createRequire(import.meta.url).resolve('vitest/package.json'))

const HEADER = `import { it, describe, expect } from 'vitest'\n`

const folders: string[] = []
afterEach(() => {
  folders.splice(0).map(removeFolder)
})

/** Runs test files in a vitest of their own, where `go` is not to be found. */
async function run(
  files: Record<string, string>,
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: Child; code: number | null }> {
  const folder = makeFolder('reporter')
  folders.push(folder)
  symlinkSync(dirname(VITEST), join(folder, 'node_modules'))
  // A path that is not relative would be loaded by Node itself, which may not know TypeScript.
  const config = `import { LastLineReporter } from '${relative(folder, HERE)}/last-line-reporter.ts'
export default { test: { reporters: ['default', new LastLineReporter()] } }`
  writeFileSync(join(folder, 'vitest.config.mts'), config)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), HEADER + text)
  const child = startChild({
    name: 'vitest',
    command: process.execPath,
    args: [join(VITEST, 'vitest.mjs'), 'run', '--root', folder],
    env: { PATH: '/nonexistent', HOME: folder, ...env },
  })
  const { code } = await child.exited
  return { child, code }
}

const NEEDS_GO = `import { describeWith } from '${HERE}/peers.ts'
describeWith('go', 'a client', () => { it('one', () => {}); it('two', () => {}) })
it('needs nothing', () => {})`

function lastLines(child: Child, count: number): string[] {
  expect(child.stdout(), child.output()).not.toBe('')
  return child.stdout().trimEnd().split('\n').slice(-count)
}

describe('the last line', () => {
  it('counts what passed, failed and was skipped', async () => {
    const { child, code } = await run({
      'a.test.ts': `it('x', () => {}); it('y', () => { expect(1).toBe(2) }); it.skip('z', () => {}); it.todo('later')`,
      'b.test.ts': `throw new Error('cannot be loaded')`,
    })
    expect(lastLines(child, 1)).toEqual(['1 passed, 2 failed, 2 skipped'])
    expect(code).toBe(1)
  })

  it('is preceded by the peers that were missing', async () => {
    const { child, code } = await run({ 'a.test.ts': NEEDS_GO })
    expect(lastLines(child, 2)).toEqual([
      'go was not found: 2 tests skipped',
      '1 passed, 0 failed, 2 skipped',
    ])
    expect(code).toBe(0)
  })

  it('counts a missing peer as a failure when it is required', async () => {
    const { child, code } = await run({ 'a.test.ts': NEEDS_GO }, { PGR_TEST_REQUIRE: 'go' })
    expect(lastLines(child, 1)).toEqual(['1 passed, 1 failed, 0 skipped'])
    expect(code).toBe(1)
  })
})
