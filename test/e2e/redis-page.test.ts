import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { type Block, isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisExample, startRedisExample } from '../support/redis-example.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RUN = `${ROOT}bin/run.js`

/**
 * Kinds: `settings` are checked without being used, `alone` runs against one Redis, `sentinel` and `cluster` against that of
 * the example of that name, `sentinels` for each Sentinel; `repeat` takes time to come true. What is a `terminal` runs in
 * redis-examples.test.ts.
 */
const blocks = readBlocks(readFileSync(`${ROOT}docs/redis.md`, 'utf8'))
const KINDS = ['settings', 'alone', 'sentinel', 'sentinels', 'cluster']

function blocksOf(...kinds: string[]): Block[] {
  return blocks.filter((block) => block.kinds.some((kind) => kinds.includes(kind)))
}

function titleOf({ line, command }: Block): string {
  return `line ${line}: ${command.split('\n')[0]}`
}

/** Runs a block until it ends well and shows what the page says: at once, but for what the page says takes time. */
async function run(block: Block, replace: (text: string) => string, cwd = ROOT): Promise<void> {
  const finish = async (): Promise<{ code: number | null; output: string }> => {
    const args = ['-c', `set -e\n${replace(block.command)}`]
    const child = startChild({ name: block.command, command: 'sh', args, cwd })
    const { code } = await child.exited
    return { code, output: child.output() }
  }
  const deadlineMs = block.kinds.includes('repeat') ? 20_000 : 0
  await eventually(
    titleOf(block),
    finish,
    ({ code, output }) => code === 0 && isShown(output, block.shows.map(replace)),
    { deadlineMs, intervalMs: 250 },
  )
}

it('the page on Redis has commands, and a test for each', () => {
  expect(blocks.length).toBeGreaterThan(12)
  expect(
    blocks.filter(({ kinds }) => !KINDS.includes(kinds.find((kind) => kind !== 'terminal') ?? '')),
  ).toEqual([])
})

describe('settings on the page on Redis', () => {
  const folder = makeFolder('page')
  beforeAll(() => {
    for (const file of ['redis-password', 'sentinel-password', 'ca.pem', 'pgr.pem', 'pgr.key'])
      writeFileSync(join(folder, file), 'content')
  })
  afterAll(() => removeFolder(folder))

  it.each(blocksOf('settings').map((block) => [titleOf(block), block] as const))('%s', (_title, block) =>
    run(block, (text) => text.replaceAll('pgr serve', `"${process.execPath}" "${RUN}" check config`), folder),
  )
})

describeWith('redis-cli', 'with redis-cli', () => {
  describe('one Redis', () => {
    let redis: RedisServer
    let pgr: Pgr
    beforeAll(async () => {
      redis = await startRedis()
      await redis.command('ACL', 'LOG', 'RESET')
    })
    afterAll(async () => {
      await pgr.stop()
      await redis.stop()
    })

    const [first, ...rest] = blocksOf('alone')
    const replace = (text: string): string => text.replaceAll('redis-cli', `redis-cli -p ${redis.port}`)

    it(`${first === undefined ? '' : titleOf(first)}, and the user is enough`, async () => {
      expect(first?.command).toContain('ACL SETUSER')
      await run(first as Block, replace)
      pgr = await startPgr({
        flags: [`--redis.endpoint=127.0.0.1:${redis.port}`, '--redis.username=pgr'],
        env: { PGR_REDIS_PASSWORD: 'secret' },
      })
      await pushAndSee(pgr)
      expect(await redis.command('ACL', 'LOG')).toBe('*0')
    })

    it.each(rest.map((block) => [titleOf(block), block] as const))('%s', (_title, block) =>
      run(block, replace),
    )
  })

  describe.each(['sentinel', 'cluster'] as const)('the Redis of the example of a %s', (name) => {
    let example: RedisExample
    let pgr: Pgr
    const replace = (text: string): string => example.replace(text)

    beforeAll(async () => {
      const command = `npm run example:${name} -- --only-redis`
      example = await startRedisExample(name, { command, shows: ['pgr serve '] })
    })
    afterAll(async () => {
      await pgr.stop()
      await example.stop()
    })

    /** Of Sentinels, in the example of that name. */
    const sentinelPorts = (): readonly string[] => example.ports.slice(3, 6)

    const perSentinel = name === 'sentinel' ? blocksOf('sentinels') : []
    it.each(perSentinel.map((block) => [titleOf(block), block] as const))('%s', async (_title, block) => {
      for (const port of sentinelPorts()) await run(block, (text) => text.replace('26379', port))
    })

    it('serves a gateway that is started as it says', async () => {
      const [, flags = ''] = /^ {2}pgr serve (.*)$/m.exec(example.child.stdout()) ?? []
      pgr = await startPgr({
        flags: [
          ...flags.split(' '),
          ...(name === 'sentinel' ? ['--redis.sentinel-username=pgr', '--redis.sentinel-strict'] : []),
        ],
        env: name === 'sentinel' ? { PGR_REDIS_SENTINEL_PASSWORD: 'other-secret' } : {},
      })
      await pushAndSee(pgr)
    })

    const rest = blocksOf(name).filter(({ kinds }) => !kinds.includes('terminal'))
    it.each(rest.map((block) => [titleOf(block), block] as const))('%s', (_title, block) =>
      run(block, replace),
    )

    it('still serves the gateway', async () => {
      await eventually('a push after the failover', () => pushAndSee(pgr).then(() => true), Boolean, {
        deadlineMs: 20_000,
      })
    })

    if (name === 'sentinel') {
      it('was asked for nothing that the user of the Sentinels may not do', async () => {
        const check = sentinelPorts().map((port) => `redis-cli -p ${port} ACL LOG`)
        const child = startChild({ name: 'ACL LOG', command: 'sh', args: ['-c', check.join('\n')] })
        expect((await child.exited).code).toBe(0)
        expect(child.output().trim()).toBe('')
      })
    }

    it('ends with Ctrl-C, whatever its servers are busy with', async () => {
      const [, server = ''] = /\(process (\d+)\)/.exec(example.child.stdout()) ?? []
      process.kill(Number(server), 'SIGSTOP')
      await example.stop()
      expect(await example.child.exited).toEqual({ code: 0, signal: null })
    })
  })
})

/** A push and the scrape that shows it. */
async function pushAndSee({ url }: Pgr): Promise<void> {
  const answer = await fetch(`${url}/metrics/job/page`, { method: 'PUT', body: 'page_push 1\n' })
  expect(answer.status, await answer.text()).toBe(200)
  const page = await (await fetch(`${url}/metrics`)).text()
  expect(page).toContain('page_push{instance="",job="page"} 1\n')
}
