import { existsSync } from 'node:fs'
import { get as getPlain } from 'node:http'
import { get as getTls } from 'node:https'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from './child.ts'
import { freePort } from './free-port.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RUN = `${ROOT}bin/run.js`

export interface PgrOptions {
  /** Besides the address to listen on. Draining is off unless asked for, so that stopping takes no time. */
  readonly flags?: readonly string[]
  /** Settings by environment; those of this process do not reach the child. */
  readonly env?: Readonly<Record<string, string>>
  /** Given when a replica has to stand where another one stood. */
  readonly port?: number
  readonly scheme?: 'http' | 'https'
  /** What has to answer 200 before this resolves; `healthy` when the store is away on purpose. */
  readonly waitFor?: 'ready' | 'healthy' | 'nothing'
  /** Path in front of all others, as `--web.route-prefix` sets it. */
  readonly routePrefix?: string
  readonly cwd?: string
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[]
}

/** A gateway in a process of its own, as operators run it. */
export interface Pgr extends Child {
  readonly port: number
  /** Without a slash at the end. */
  readonly url: string
}

/** Starts the built `pgr serve` on a free loopback port. */
export async function startPgr(options: PgrOptions = {}): Promise<Pgr> {
  const {
    flags = [],
    env = {},
    scheme = 'http',
    waitFor = 'ready',
    routePrefix = '',
    cwd,
    nodeFlags = [],
  } = options
  if (!existsSync(`${ROOT}dist/bundle/main.js`))
    throw new Error('there is no dist/bundle/main.js; run `npm run build`')
  const port = options.port ?? (await freePort())
  const url = `${scheme}://127.0.0.1:${port}`
  const child = startChild({
    name: 'pgr',
    command: process.execPath,
    args: [...nodeFlags, RUN, 'serve', `--web.listen-address=127.0.0.1:${port}`, ...flags],
    env: { ...withoutOurs(process.env), PGR_SHUTDOWN_DRAIN_DELAY: '0', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (waitFor !== 'nothing') {
    await child.until(
      `is ${waitFor}`,
      async () => (await statusOf(`${url}${routePrefix}/-/${waitFor}`)) === 200,
    )
  }
  return { ...child, port, url }
}

/** A setting of the person who runs the tests must not decide what they see. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PGR_')))
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (response: { statusCode?: number | undefined; resume(): unknown }): void => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }
    const request = url.startsWith('https:')
      ? getTls(url, { rejectUnauthorized: false, agent: false, timeout: 2000 }, settle)
      : getPlain(url, { agent: false, timeout: 2000 }, settle)
    request.once('timeout', () => request.destroy(new Error(`no answer from ${url} within 2000 ms`)))
    request.once('error', reject)
  })
}
