import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('the page on OpenTelemetry', () => {
  const page = readFileSync(`${ROOT}docs/opentelemetry.md`, 'utf8')
  const folder = makeFolder('opentelemetry-page')
  let pgr: Pgr
  beforeAll(async () => {
    pgr = await startPgr()
  })
  afterAll(async () => {
    await pgr?.stop()
    removeFolder(folder)
  })

  describeWith('curl', 'has commands', () => {
    const blocks = readBlocks(page)

    it.each(blocks.map((block) => [block.line, block] as const))(
      'that do what line %i says',
      async (_line, block) => {
        const command = block.command
          .replace(/^pgr push/gm, `node ${ROOT}bin/run.js push --url=${pgr.url}`)
          .replaceAll('http://localhost:9753', pgr.url)
        const child = startChild({
          name: 'sh',
          command: 'sh',
          args: ['-c', `set -e\n${command}`],
          cwd: folder,
        })
        const { code } = await child.exited
        expect(code, child.output()).toBe(0)
        expect(isShown(child.output(), block.shows), child.output()).toBe(true)
      },
    )

    it('at all', () => {
      expect(blocks.length).toBeGreaterThan(0)
    })
  })

  it('has settings for the Collector whose pipelines use what they set up, and send to paths that are served', async () => {
    const settings = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => parse(text))
    expect(settings.length).toBeGreaterThan(0)
    for (const { exporters, service } of settings) {
      expect(service.pipelines.metrics.exporters).toEqual(Object.keys(exporters))
      for (const { endpoint, metrics_endpoint: ofMetrics } of Object.values<Record<string, string>>(
        exporters,
      )) {
        const { pathname } = new URL(ofMetrics ?? endpoint ?? '')
        const { status } = await fetch(`${pgr.url}${pathname}`, { method: 'POST' })
        expect([400, 415], pathname).toContain(status)
      }
    }
  })
})
