import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChild } from '../support/child.ts'
import { type Block, isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ON_THE_PAGE = 'localhost:9753'

const blocks = readBlocks(readFileSync(`${ROOT}docs/http-api.md`, 'utf8'))
const isLifecycle = ({ kinds }: Block): boolean => kinds.includes('lifecycle')
const isAdmin = ({ kinds }: Block): boolean => kinds.includes('admin')

describe('the page on the HTTP API', () => {
  it('has commands, all of them for the gateway that the tests put in its place', () => {
    expect(blocks.length).toBeGreaterThan(10)
    for (const { command } of blocks) {
      const hosts = [...command.matchAll(/https?:\/\/([^/'\s]+)/g)].map(([, host]) => host)
      expect(new Set(hosts)).toEqual(new Set([ON_THE_PAGE]))
    }
  })

  describeWith('curl', 'with curl', () => {
    describe('from top to bottom, against one gateway', () => {
      let pgr: Pgr
      beforeAll(async () => {
        pgr = await startPgr()
      })
      afterAll(() => pgr.stop())

      const usual = blocks.filter((block) => !isLifecycle(block) && !isAdmin(block))
      it.each(usual.map((block) => [titleOf(block), block] as const))('%s', (_title, block) =>
        runAgainst(pgr, block),
      )
    })

    describe('with the admin interface on', () => {
      let pgr: Pgr
      beforeAll(async () => {
        pgr = await startPgr({ flags: ['--web.enable-admin-api'] })
      })
      afterAll(() => pgr.stop())

      it.each(blocks.filter(isAdmin).map((block) => [titleOf(block), block] as const))(
        '%s',
        (_title, block) => runAgainst(pgr, block),
      )
    })

    it.each(blocks.filter(isLifecycle).map((block) => [titleOf(block), block] as const))(
      '%s, with the lifecycle interface on, ends the process',
      async (_title, block) => {
        const pgr = await startPgr({ flags: ['--web.enable-lifecycle'] })
        try {
          await runAgainst(pgr, block)
          expect(await pgr.exited).toEqual({ code: 0, signal: null })
        } finally {
          await pgr.stop()
        }
      },
    )
  })
})

function titleOf({ line, command }: Block): string {
  return `line ${line}: ${command.split('\n')[0]}`
}

/** Fails unless every command of the block ends well and the output shows what the page says, at once. */
async function runAgainst(pgr: Pgr, { command, shows }: Block): Promise<void> {
  const script = command.replaceAll(ON_THE_PAGE, `127.0.0.1:${pgr.port}`)
  const child = startChild({ name: command, command: 'sh', args: ['-c', `set -e\n${script}`], cwd: ROOT })
  const { code } = await child.exited
  const output = child.output()
  expect(code, output).toBe(0)
  expect(isShown(output, shows), `shows\n${shows.join('\n')}\nin\n${output}`).toBe(true)
  // What shows nothing on the page says nothing: a push that is taken has no answer to print.
  if (shows.length === 0) expect(output).toBe('')
}
