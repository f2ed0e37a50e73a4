import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, makeFolder, removeFolder, startChild } from './child.ts'
import { findRedis, OLDEST_MAJOR, REDIS_NAMES } from './find-redis.mjs'
import { freePort } from './free-port.ts'
import { dial, encodeCommand, openResp, type Reply, type RespConnection } from './resp.ts'

export interface RedisOptions {
  /** Given when a server has to stand where another one stood. */
  readonly port?: number
  readonly password?: string
  /** PEM files; TLS then replaces the plain port. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
  /** Every write reaches the disk before it is answered, so that `kill` then `restart` loses nothing. */
  readonly durable?: boolean
  /** Further directives of the configuration file, such as `maxmemory-policy allkeys-lru`. */
  readonly directives?: readonly string[]
  /** Runs as a Sentinel; `directives` say what it watches. */
  readonly sentinel?: boolean
  /** Another program than the one on PATH. */
  readonly binary?: string
}

/** A Redis server of this test's own, on loopback, in a temporary folder. */
export interface RedisServer {
  readonly host: '127.0.0.1'
  readonly port: number
  /** As `--redis.endpoint` takes it, without credentials. */
  readonly url: string
  readonly folder: string
  child(): Child
  /** Whether it runs and is not frozen; it may still be loading. */
  isLive(): boolean
  /** Ends it and removes its data. */
  stop(): Promise<void>
  /** SIGKILL; the data folder stays, for `restart`. */
  kill(): Promise<void>
  /** The process stops answering, its sockets stay open. */
  freeze(): void
  thaw(): void
  /**
   * Starts it again on the same port. After `kill` it has what reached the disk (nothing, unless `durable`); one that is
   * still running is shut down in order and keeps its data.
   */
  restart(): Promise<void>
  /** Sends one command and returns the first line of the reply; enough to look at a server without a client. */
  command(...words: string[]): Promise<string>
  /** Sends one command on a connection of its own and returns the whole reply; rejects with the text of an error reply. */
  ask(...words: string[]): Promise<Reply>
  /** A connection that stays, signed in, past any proxy; whoever opens it closes it. */
  open(timeoutMs?: number): RespConnection
}

/** Starts a server and resolves when it answers PING with everything loaded. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = options.binary ?? findRedis()?.path
  if (binary === undefined) {
    throw new Error(
      `no ${REDIS_NAMES.join(' or ')} of version ${OLDEST_MAJOR} or newer on PATH; install one (Debian: apt-get install redis-server)`,
    )
  }
  const port = options.port ?? (await freePort())
  const folder = makeFolder('redis')
  const file = join(folder, 'redis.conf')
  writeFileSync(file, `${directivesOf(options, port, folder).join('\n')}\n`)

  const command = (...words: string[]): Promise<string> => askFirstLine(options, port, words)
  const open = (timeoutMs?: number): RespConnection =>
    openResp({
      port,
      tls: options.tls,
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  const start = async (): Promise<Child> => {
    const child = startChild({
      name: options.sentinel ? 'redis-sentinel' : 'redis-server',
      command: binary,
      args: [file, ...(options.sentinel ? ['--sentinel'] : [])],
      folder,
    })
    await child.until('answers PING', async () => (await command('PING')) === '+PONG')
    return child
  }
  let child = await start()
  let frozen = false

  return {
    host: '127.0.0.1',
    port,
    url: `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    folder,
    child: () => child,
    command,
    open,
    async ask(...words) {
      const connection = open()
      try {
        return await connection.ask(...words)
      } finally {
        connection.close()
      }
    },
    isLive: () => child.isRunning() && !frozen,
    freeze() {
      frozen = true
      child.freeze()
    },
    thaw() {
      frozen = false
      child.thaw()
    },
    async kill() {
      await child.kill()
    },
    async restart() {
      frozen = false
      if (child.isRunning()) {
        child.thaw()
        // The connection closes without a reply when the server obeys.
        await command('SHUTDOWN', ...(options.sentinel ? [] : ['SAVE'])).catch(() => '')
        await child.exited
      }
      child = await start()
    },
    async stop() {
      // Nothing it holds is worth saving, and a frozen one could not obey.
      await child.kill()
      removeFolder(folder)
    },
  }
}

function directivesOf(options: RedisOptions, port: number, folder: string): string[] {
  const { password, tls, durable, directives = [], sentinel } = options
  return [
    'bind 127.0.0.1',
    `dir ${folder}`,
    ...(tls === undefined
      ? [`port ${port}`]
      : [
          'port 0',
          `tls-port ${port}`,
          `tls-cert-file ${tls.cert}`,
          `tls-key-file ${tls.key}`,
          `tls-ca-cert-file ${tls.ca}`,
          'tls-auth-clients optional',
        ]),
    ...(password === undefined ? [] : [`requirepass "${password}"`]),
    // Without append-only file and timed snapshots a test is not slowed down by the disk.
    ...(sentinel ? [] : durable ? ['appendonly yes', 'appendfsync always'] : ['save ""', 'appendonly no']),
    ...directives,
  ]
}

/** One command on a connection of its own. */
function askFirstLine(
  { password, tls }: RedisOptions,
  port: number,
  words: readonly string[],
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = dial({ port, tls })
    const lines: string[] = []
    let rest = ''
    const wanted = password === undefined ? 1 : 2
    socket.setTimeout(2000, () => socket.destroy(new Error(`no reply to ${words[0]} within 2000 ms`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`connection closed without a reply to ${words[0]}`)))
    socket.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\r\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
      const reply = lines[wanted - 1]
      if (reply === undefined) return
      resolve(reply)
      socket.destroy()
    })
    if (password !== undefined) socket.write(encodeCommand(['AUTH', password]))
    socket.write(encodeCommand(words))
  })
}
