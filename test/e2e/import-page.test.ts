import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'
import { push, scrape } from './ask.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(`${ROOT}docs/import-export.md`, 'utf8')
const blocks = readBlocks(PAGE)

describeWith('pushgateway', 'the page on import and export', () => {
  let folder: string
  let pushgateway: Pushgateway
  let redis: RedisServer
  let pgr: Pgr
  let other: Pgr
  beforeAll(async () => {
    folder = makeFolder('import-page')
    ;[pushgateway, redis, pgr, other] = await Promise.all([
      startPushgateway(),
      startRedis(),
      startPgr(),
      startPgr(),
    ])
    await push(pushgateway.url, '/metrics/job/old', 'm_old 1\n')
    await redis.ask('SET', 'm_seed{job="x"}', ' 2', 'EX', '250')
    mkdirSync(join(folder, 'bin'))
    writeFileSync(join(folder, 'bin/pgr'), `#!/bin/sh\nexec ${process.execPath} ${ROOT}bin/run.js "$@"\n`)
    chmodSync(join(folder, 'bin/pgr'), 0o755)
  })
  afterAll(async () => {
    await Promise.all([pushgateway, redis, pgr, other].map((each) => each?.stop()))
    removeFolder(folder)
  })

  /** Puts what the test has where the page names what its reader has. */
  function here(command: string): string {
    return command
      .replaceAll('http://pushgateway.example:9091', pushgateway.url)
      .replaceAll('redis://redis.example:6379', redis.url)
      .replaceAll('http://pgr.example:9753', pgr.url)
      .replaceAll('http://other.example:9753', other.url)
  }

  it('has commands that do what it says, one after the other', async () => {
    expect(blocks.length).toBeGreaterThan(5)
    for (const { line, command, shows } of blocks) {
      const child = startChild({
        name: command,
        command: 'sh',
        args: ['-c', `set -e\n${here(command)}`],
        cwd: folder,
        env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` },
      })
      const { code } = await child.exited
      expect({ line, code, output: child.output() }).toEqual({ line, code: 0, output: expect.any(String) })
      for (const piece of shows) expect(child.output()).toContain(piece)
    }
    for (const { url } of [pgr, other]) {
      const page = await scrape(url)
      expect(page).toContain('m_old{instance="",job="old"} 1')
      expect(page).toContain('m_seed{instance="",job="x"} 2')
    }
  })

  it('shows lines that are imported as they stand there', async () => {
    const [, lines = ''] = /```json\n([\s\S]*?\n)```/.exec(PAGE) ?? []
    const file = join(folder, 'shown.ndjson')
    writeFileSync(file, lines)
    const args = [`${ROOT}bin/run.js`, 'import', file, `--url=${other.url}`]
    const child = startChild({ name: 'import', command: process.execPath, args, cwd: folder })
    const { code } = await child.exited
    expect(child.output()).toMatch(/^imported 5 series: 1 groups, 1 sets/)
    expect(code).toBe(0)
    expect(await scrape(other.url)).toContain('rows{instance="db1",job="backup"} 6')
  })
})
