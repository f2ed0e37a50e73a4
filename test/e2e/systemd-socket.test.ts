import { spawnSync } from 'node:child_process'
import { openSync, renameSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder, startChild } from '../support/child.ts'
import { freePort } from '../support/free-port.ts'
import { startRedis } from '../support/redis-server.ts'
import { ask, push, scrape } from './ask.ts'

const RUN = new URL('../../bin/run.js', import.meta.url).pathname

let folder: string
const running: Child[] = []
const stopping: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = makeFolder('systemd')
})
afterEach(async () => {
  for (const child of running.splice(0)) await child.kill()
  for (const stop of stopping.splice(0)) await stop()
  removeFolder(folder)
})

/** A socket that listens, as one that systemd opened: its descriptor, and how to let go of it. */
async function openSocket(
  where: { port: number } | { path: string },
): Promise<{ fd: number; server: Server }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', ...where }, resolve))
  // Of all that Node knows of a server, the descriptor is what only its handle has.
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  return { fd, server }
}

/** Starts pgr with descriptors from 3 on. In the shell, because the variables name the process that pgr becomes. */
function activate(fds: readonly number[], { flags = [] as string[], pid = '$$' } = {}): Child {
  const env = { ...process.env, PGR_SHUTDOWN_DRAIN_DELAY: '0' }
  const child = startChild({
    name: 'pgr',
    command: 'sh',
    args: [
      '-c',
      `LISTEN_PID=${pid} LISTEN_FDS=${fds.length} exec "$@"`,
      'sh',
      process.execPath,
      RUN,
      'serve',
      '--web.systemd-socket',
      ...flags,
    ],
    env,
    fds,
  })
  running.push(child)
  return child
}

function statusAt(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode ?? 0)
    })
    outgoing.on('error', reject).end()
  })
}

describe('--web.systemd-socket', () => {
  it.each([1, 2])(
    'listens on every socket that is handed over and on nothing else: %i processes',
    async (workers) => {
      const redis = await startRedis()
      stopping.push(() => redis.stop())
      const ports = [await freePort(), await freePort()]
      const path = join(folder, 'pgr.sock')
      const born = join(folder, 'born.sock')
      const sockets = [
        await openSocket({ port: ports[0] ?? 0 }),
        await openSocket({ path: born }),
        await openSocket({ port: ports[1] ?? 0 }),
      ]
      const pgr = activate(
        sockets.map(({ fd }) => fd),
        {
          flags: [`--workers=${workers}`, `--redis.endpoint=${redis.url}`],
        },
      )
      // Node removes a socket it closes, by the name it had.
      renameSync(born, path)
      for (const { server } of sockets) server.close()
      const urls = ports.map((port) => `http://127.0.0.1:${port}`)
      await pgr.until('is ready', async () => (await ask(urls[0] ?? '', '/-/ready')).status === 200)
      await push(urls[0] ?? '', '/metrics/job/a', 'a 1\n')
      expect(await scrape(urls[1] ?? '')).toContain('a{instance="",job="a"} 1')
      expect(await statusAt(path, '/-/healthy')).toBe(200)
      expect(pgr.stderr()).toMatch(new RegExp(`msg=listening (worker=supervisor )?url=${urls[0]} `))
      expect(pgr.stderr()).not.toContain('9753')
      expect((await pgr.stop()).code).toBe(0)
    },
  )

  it('is refused when nothing is handed over', () => {
    const { status, stderr } = spawnSync(process.execPath, [RUN, 'serve', '--web.systemd-socket'], {
      encoding: 'utf8',
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^error: cannot listen on sockets of systemd: none was handed over.*start the socket unit/m,
    )
  })

  it('is refused when the sockets are for another process', async () => {
    const pgr = activate([], { pid: '1' })
    expect((await pgr.exited).code).toBe(1)
    expect(pgr.stderr()).toMatch(/^error: cannot listen on sockets of systemd: they are for process "1"/m)
  })

  it('is refused when a descriptor is no socket', async () => {
    const pgr = activate([openSync('/dev/null', 'r')])
    expect((await pgr.exited).code).toBe(1)
    expect(pgr.stderr()).toMatch(
      /^error: cannot listen on descriptor 3: it is no listening socket; a socket unit has Accept=no/m,
    )
  })

  it.each([
    ['--port=1', '--port'],
    ['--web.listen-address=:1', '--web.listen-address'],
  ])('cannot stand beside %s', (flag, name) => {
    const { status, stderr } = spawnSync(process.execPath, [RUN, 'serve', '--web.systemd-socket', flag], {
      encoding: 'utf8',
    })
    expect(status).toBe(2)
    expect(stderr).toBe(`error: ${name} cannot stand beside --web.systemd-socket: give only one of them\n`)
  })
})
