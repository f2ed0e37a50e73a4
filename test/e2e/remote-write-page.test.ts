import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('the page on remote write', () => {
  const page = readFileSync(`${ROOT}docs/remote-write.md`, 'utf8')
  const folder = makeFolder('remote-write-page')
  let pgr: Pgr
  beforeAll(async () => {
    pgr = await startPgr()
  })
  afterAll(async () => {
    await pgr?.stop()
    removeFolder(folder)
  })

  async function run(command: string, args: readonly string[]): Promise<string> {
    const child = startChild({ name: command, command, args: [...args], cwd: folder })
    const { code } = await child.exited
    expect(code, child.output()).toBe(0)
    return child.output()
  }

  describeWith('curl', 'has commands', () => {
    const blocks = readBlocks(page)

    it.each(blocks.map((block) => [block.line, block] as const))(
      'that do what line %i says',
      async (_line, block) => {
        const command = block.command
          .replace(/^pgr push/gm, `node ${ROOT}bin/run.js push --url=${pgr.url}`)
          .replaceAll('http://localhost:9753', pgr.url)
        const output = await run('sh', ['-c', `set -e\n${command}`])
        expect(isShown(output, block.shows), output).toBe(true)
      },
    )

    it('at all', () => {
      expect(blocks.length).toBeGreaterThan(0)
    })
  })

  describeWith('promtool', 'has settings for Prometheus', () => {
    const settings = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)

    it('that it takes', async () => {
      expect(settings.length).toBeGreaterThan(0)
      for (const [n, text] of settings.entries()) {
        const file = join(folder, `prometheus-${n}.yml`)
        writeFileSync(file, text)
        await run(peerOrThrow('promtool').path, ['check', 'config', file])
      }
    })
  })
})
