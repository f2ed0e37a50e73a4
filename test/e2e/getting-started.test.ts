import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Child, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-port.ts'
import { type Block, isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith } from '../support/peers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const page = readFileSync(`${ROOT}docs/getting-started.md`, 'utf8')
const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}
/** Kinds: `terminal` stays running, `repeat` takes time to come true, `install` is what ran this test, `prometheus` needs it. */
const blocks = readBlocks(page)

const PORTS = ['6379', '9753', '9761', '9762', '9090'] as const

describe('the page on getting started', () => {
  it('has commands, and every script it names exists', () => {
    expect(blocks.length).toBeGreaterThan(12)
    const named = [...page.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name)
    expect(named.filter((name) => scripts[name ?? ''] === undefined)).toEqual([])
  })

  describeWith('curl', 'step by step', () => {
    const started: Child[] = []
    let replace = (text: string): string => text
    let env: NodeJS.ProcessEnv = {}

    beforeAll(async () => {
      const free = await freePorts(PORTS.length)
      const byUsual = new Map<string, string>(PORTS.map((port, index) => [port, String(free[index])]))
      replace = (text) => text.replace(new RegExp(PORTS.join('|'), 'g'), (port) => byUsual.get(port) ?? port)
      env = {
        ...process.env,
        EXAMPLE_REDIS_PORT: replace('6379'),
        EXAMPLE_BALANCER_PORT: replace('9753'),
        EXAMPLE_REPLICA_PORTS: replace('9761,9762'),
        EXAMPLE_PROMETHEUS_PORT: replace('9090'),
        EXAMPLE_RESTART_AFTER_SECONDS: '1',
      }
    })

    afterAll(async () => {
      // Those started last use those started first.
      for (const child of started.reverse()) await child.stop()
    })

    /** Without npm in between, which would not pass signals on; what the script does is what the page says it does. */
    function start({ command, kinds }: Block): Child {
      const script = replace(command).replace(
        /npm run ([\w:]+)/g,
        (_all, name: string) => scripts[name] ?? name,
      )
      const text = kinds.includes('terminal') ? `exec ${script}` : `set -e\n${script}`
      return startChild({ name: command, command: 'sh', args: ['-c', text], env, cwd: ROOT })
    }

    for (const block of blocks.filter(({ kinds }) => !kinds.includes('install'))) {
      const title = `line ${block.line}: ${block.command.split('\n')[0]}`
      const test = (): void => {
        it(title, () => (block.kinds.includes('terminal') ? runLasting(block) : run(block, title)))
      }
      if (block.kinds.includes('prometheus')) describeWith('prometheus', 'Prometheus', test)
      else test()
    }

    async function runLasting(block: Block): Promise<void> {
      const child = start(block)
      started.push(child)
      await child.until(`shows ${block.shows.join(', ')}`, () =>
        block.shows.map(replace).every((piece) => child.stdout().includes(piece)),
      )
    }

    async function run(block: Block, title: string): Promise<void> {
      const finish = async (): Promise<{ code: number | null; output: string }> => {
        const child = start(block)
        const { code } = await child.exited
        return { code, output: child.output() }
      }
      const isAsShown = ({ code, output }: { code: number | null; output: string }): boolean =>
        code === 0 && isShown(output, block.shows.map(replace))
      // Only what the page says takes time is asked for again; everything else has to be true at once.
      const deadlineMs = block.kinds.includes('repeat') ? 30_000 : 0
      await eventually(`${title}\nshows ${block.shows.join('\n')}`, finish, isAsShown, {
        deadlineMs,
        intervalMs: 250,
      })
    }
  })
})
