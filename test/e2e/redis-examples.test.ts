import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { startRedisExample } from '../support/redis-example.ts'

const PAGE = fileURLToPath(new URL('../../docs/redis.md', import.meta.url))
const terminals = readBlocks(readFileSync(PAGE, 'utf8')).filter(({ kinds }) => kinds.includes('terminal'))

/** Folders of examples that use one of these ports. */
function foldersOf(ports: readonly string[]): string[] {
  return readdirSync(tmpdir()).filter(
    (name) => name.startsWith('pgr-example-') && ports.some((port) => name.includes(`-${port}-`)),
  )
}

describeWith('redis-cli', 'the examples of several servers', () => {
  it.each(['sentinel', 'cluster'] as const)('%s: no push is lost when a primary is killed', async (name) => {
    const block = terminals.find(({ kinds }) => kinds.includes(name))
    expect(block?.shows.length).toBeGreaterThan(5)
    const example = await startRedisExample(name, {
      command: block?.command ?? '',
      shows: block?.shows ?? [],
    })
    try {
      expect(foldersOf(example.ports).length).toBe(6)
    } finally {
      await example.stop()
    }
    expect((await example.child.exited).code, example.child.output()).toBe(0)
    await expectNothingLeft(example)
  })
})

/** Neither data nor a process. */
async function expectNothingLeft({
  child,
  ports,
}: Awaited<ReturnType<typeof startRedisExample>>): Promise<void> {
  expect(foldersOf(ports)).toEqual([])
  const pids = [...child.stdout().matchAll(/\(process (\d+)\)/g)].map(([, pid]) => pid)
  expect(pids.length).toBe(6)
  for (const pid of pids) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
  for (const port of ports.slice(6)) await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
}
