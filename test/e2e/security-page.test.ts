import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { type Block, isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { startPrometheus } from '../support/start-prometheus.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${ROOT}docs/security.md`, 'utf8')
const blocks = readBlocks(page)
const folder = makeFolder('security')
const ON_THE_PAGE = 'localhost:9753'

let port = 0
let pgr: Pgr | undefined

/** `setup` makes files in a folder, `serve` replaces the gateway by another, `ask` speaks to it. */
async function run({ kinds, command, shows }: Block): Promise<void> {
  if (kinds.includes('serve')) {
    await pgr?.stop()
    const flags = command.replace(/^pgr serve /, '').split(' ')
    pgr = await startPgr({ port, flags, cwd: folder, scheme: 'https', waitFor: 'nothing' })
    await eventually('it listens', () => pgr?.output().includes('msg=listening') ?? false)
    return
  }
  const script = command.replaceAll(ON_THE_PAGE, `localhost:${port}`)
  const child = startChild({
    name: command,
    command: 'sh',
    args: ['-c', `set -e\n${script}`],
    cwd: folder,
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
  })
  const { code } = await child.exited
  expect(code, child.output()).toBe(0)
  expect(isShown(child.output(), shows), `shows\n${shows.join('\n')}\nin\n${child.output()}`).toBe(true)
}

afterAll(async () => {
  await pgr?.stop()
  removeFolder(folder)
})

describeWith('openssl', 'the page on security', () => {
  describeWith('curl', 'with curl', () => {
    it('begins in an empty folder, with pgr on the path', async () => {
      port = await freePort()
      writeFileSync(join(folder, 'pgr'), `#!/bin/sh\nexec "${process.execPath}" "${ROOT}bin/run.js" "$@"\n`)
      chmodSync(join(folder, 'pgr'), 0o755)
      expect(blocks.length).toBeGreaterThan(12)
    })

    const pushed = blocks.findIndex(({ command }) => command.includes('pgr push'))
    const cases = blocks.map(
      (block) => [`line ${block.line}: ${block.command.split('\n')[0]}`, block] as const,
    )
    it.each(cases.slice(0, pushed + 1))('%s', (_title, block) => run(block))
    describeWith('prometheus', 'and with Prometheus', () => {
      it('it scrapes what was pushed', scrapeAsOnThePage)
    })
    it.each(cases.slice(pushed + 1))('%s', (_title, block) => run(block))
  })
})

async function scrapeAsOnThePage(): Promise<void> {
  const [, config = ''] = /^```yaml prometheus\n([\s\S]*?)\n```$/m.exec(page) ?? []
  const prometheus = await startPrometheus({
    config: `global: {scrape_interval: 1s, scrape_timeout: 1s}\n${config}\n`
      .replaceAll(ON_THE_PAGE, `localhost:${port}`)
      .replaceAll(/(ca\.pem|password\.txt)/g, `${folder}/$1`),
  })
  try {
    const samples = await eventually(
      'Prometheus has what was pushed',
      () => prometheus.query('backup_size_bytes'),
      ({ length }) => length > 0,
    )
    expect(samples).toMatchObject([{ value: 8192, metric: { job: 'backup' } }])
  } finally {
    await prometheus.stop()
  }
}
