import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from './child.ts'
import { eventually } from './eventually.ts'
import { freePorts } from './free-port.ts'
import { isShown } from './page-commands.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

/** As the examples have them, those of Redis first. */
const USUAL_PORTS = {
  sentinel: ['6381', '6382', '6383', '26381', '26382', '26383', '9761', '9762'],
  cluster: ['7001', '7002', '7003', '7004', '7005', '7006', '9761', '9762'],
} as const

export type ExampleName = keyof typeof USUAL_PORTS

/** `npm run example:…` with ports of its own. */
export interface RedisExample {
  readonly child: Child
  readonly ports: readonly string[]
  /** Puts those ports where a text has the usual ones. */
  replace(text: string): string
  /** As in a terminal, with Ctrl-C; resolves when everything it started is gone. */
  stop(): Promise<void>
}

/** Starts an example and resolves when it has shown these pieces, in order, usual ports replaced. */
export async function startRedisExample(
  name: ExampleName,
  { command, shows }: { readonly command: string; readonly shows: readonly string[] },
): Promise<RedisExample> {
  const usual: readonly string[] = USUAL_PORTS[name]
  const ports = (await freePorts(usual.length)).map(String)
  // A port that ends like another one is looked for first.
  const known = new RegExp([...usual].sort((a, b) => b.length - a.length).join('|'), 'g')
  const replace = (text: string): string => text.replace(known, (port) => ports[usual.indexOf(port)] ?? port)
  const env = {
    ...process.env,
    EXAMPLE_REDIS_PORTS: replace('6381,6382,6383'),
    EXAMPLE_SENTINEL_PORTS: replace('26381,26382,26383'),
    EXAMPLE_CLUSTER_PORTS: replace('7001,7002,7003,7004,7005,7006'),
    EXAMPLE_REPLICA_PORTS: replace('9761,9762'),
    EXAMPLE_RESTART_AFTER_SECONDS: '4',
    PGR_SHUTDOWN_DRAIN_DELAY: '0',
  }
  // Without npm in between, which would not pass signals on.
  const script = command.replace(
    /^npm run ([\w:]+)(?: --)?/,
    (_all, script: string) => scripts[script] ?? script,
  )
  const child = startChild({ name: command, command: 'sh', args: ['-c', `exec ${script}`], env, cwd: ROOT })
  const stop = async (): Promise<void> => {
    child.signal('SIGINT')
    await child.exited
  }
  const wanted = shows.map(replace)
  try {
    await eventually(
      `${command} shows\n${wanted.join('\n')}`,
      () => ({ output: child.output(), isRunning: child.isRunning() }),
      ({ isRunning }) => !isRunning || isShown(child.stdout(), wanted),
      { deadlineMs: 45_000 },
    )
    if (!child.isRunning()) throw new Error(`${command} ended; it wrote:\n${child.output()}`)
  } catch (reason) {
    // It has to end what it started, so it is not killed.
    await stop()
    throw reason
  }
  return { child, ports, replace, stop }
}
