import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** What somebody who started a command sees of it. */
export interface Seen {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** Lines on stderr that pgr wrote. */
  readonly said: readonly string[]
}

export interface Surroundings {
  readonly input?: Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Takes part while it runs. */
  during?(child: ChildProcess, output: () => string): Promise<void> | void
}

/** The words that run these under pgr. */
export function wrapped(flags: readonly string[], words: readonly string[]): string[] {
  return [process.execPath, RUN, 'push', ...flags, '--', ...words]
}

/** Runs a command to its end; its output is over when its own process is and nobody holds it any more. */
export function runWords(
  [file = '', ...args]: readonly string[],
  { input, env = {}, cwd, during }: Surroundings = {},
): Promise<Seen> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('PGR_'))
  const child = spawn(file, args, {
    env: { ...Object.fromEntries(clean), ...env },
    stdio: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  })
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => chunks[stream].push(chunk))
  }
  // A command that does not read closes the pipe.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  void during?.(child, () => Buffer.concat(chunks.stdout).toString())
  return new Promise((resolve) => {
    child.once('error', (reason) => {
      const code = 'code' in reason && reason.code === 'ENOENT' ? 127 : 126
      resolve({ code, signal: null, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), said: [] })
    })
    child.once('close', (code, signal) => {
      const lines = Buffer.concat(chunks.stderr)
        .toString('latin1')
        .split(/(?<=\n)/)
      resolve({
        code,
        signal,
        stdout: Buffer.concat(chunks.stdout),
        stderr: Buffer.from(lines.filter((line) => !line.startsWith('pgr: ')).join(''), 'latin1'),
        said: lines.filter((line) => line.startsWith('pgr: ')).map((line) => line.trimEnd()),
      })
    })
  })
}

/** What has to be the same with and without pgr. */
export function visible({ code, signal, stdout, stderr }: Seen): unknown {
  return { code, signal, stdout: digest(stdout), stderr: digest(stderr) }
}

/** Short output as it is, so that a difference can be read. */
function digest(bytes: Buffer): string {
  if (bytes.length < 4096) return bytes.toString('latin1')
  return `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex')}`
}

/** A gateway that keeps what was pushed. */
export interface Recorder {
  readonly url: string
  readonly pushes: readonly { readonly path: string; readonly method: string; readonly body: string }[]
  close(): void
}

/** Answers with this status, or never for 0. */
export async function startRecorder(statusOf: (body: string) => number = () => 200): Promise<Recorder> {
  const pushes: { path: string; method: string; body: string }[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const sent = Buffer.concat(chunks)
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString()
      pushes.push({ path: request.url ?? '', method: request.method ?? '', body })
      const status = statusOf(body)
      if (status > 0) response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Value of a sample without labels in a body that was pushed. */
export function valueIn(body: string, name: string): number | undefined {
  const text = new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]
  return text === undefined ? undefined : Number(text)
}

/** Whether a process has ended, waited for or not. */
export function hasEnded(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''))
  } catch {
    return true
  }
}
