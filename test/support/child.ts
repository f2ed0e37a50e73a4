import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, type Patience } from './eventually.ts'

export interface ChildOptions {
  /** How messages call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Removed when this process ends without having done so. */
  readonly folder?: string
  /** Descriptors of this process that it inherits, from 3 on. */
  readonly fds?: readonly number[]
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program started by a test. It never outlives the test process, however that ends. */
export interface Child {
  readonly name: string
  readonly pid: number
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  output(): string
  isRunning(): boolean
  readonly exited: Promise<Exit>
  signal(signal: NodeJS.Signals): void
  /** SIGTERM; fails, after SIGKILL, when the program is not gone in time. */
  stop(deadlineMs?: number): Promise<Exit>
  /** SIGKILL: no goodbye. */
  kill(): Promise<Exit>
  /** Stops time for the program; its sockets stay open and nothing answers. */
  freeze(): void
  thaw(): void
  /** Resolves once `probe` says yes; a program that does not get there is killed and its folder removed. */
  until(what: string, probe: () => boolean | Promise<boolean>, patience?: Patience): Promise<void>
}

/** A temporary folder; whoever makes it removes it, or names it when starting a child. */
export function makeFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `pgr-test-${name}-`))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

const STOP_DEADLINE_MS = 15_000
const START_PATIENCE: Patience = { deadlineMs: 15_000, intervalMs: 20 }

export function startChild({ name, command, args, env, cwd, folder, fds = [] }: ChildOptions): Child {
  // What is added behind the three cannot be told from them by type.
  const started = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...fds] as ['ignore', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
  })
  const written = { stdout: '', stderr: '', both: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    started[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text
      written.both += text
    })
  }
  let exit: Exit | undefined
  const exited = new Promise<Exit>((resolve) => {
    const end = (seen: Exit): void => {
      exit ??= seen
      resolve(exit)
    }
    started.once('error', (reason) => {
      written.both += `${reason.message}\n`
      end({ code: 127, signal: null })
    })
    started.once('close', (code, signal) => end({ code, signal }))
  })
  if (started.pid !== undefined) putOnLeash(started, started.pid, folder ?? '')

  const signal = (which: NodeJS.Signals): void => {
    if (exit === undefined) started.kill(which)
  }
  const kill = async (): Promise<Exit> => {
    signal('SIGKILL')
    return exited
  }
  return {
    name,
    pid: started.pid ?? -1,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    output: () => written.both,
    isRunning: () => exit === undefined,
    exited,
    signal,
    kill,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop(deadlineMs = STOP_DEADLINE_MS) {
      signal('SIGTERM')
      signal('SIGCONT')
      const seen = await Promise.race([exited, after(deadlineMs)])
      if (seen !== undefined) return seen
      await kill()
      throw new Error(`${name} was still running ${deadlineMs} ms after SIGTERM; it wrote:\n${written.both}`)
    },
    async until(what, probe, patience = START_PATIENCE) {
      const failure = await Promise.race([
        eventually(`${name} ${what}`, probe, Boolean, patience).then(
          () => undefined,
          (reason: Error) => reason.message,
        ),
        exited.then(({ code, signal }) => `${name} ended (${signal ?? code}) before it ${what}`),
      ])
      if (failure === undefined) return
      await kill()
      if (folder !== undefined) removeFolder(folder)
      throw new Error(`${failure}; it wrote:\n${written.both}`)
    },
  }
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref()
  })
}

/**
 * A shell that waits at the other end of a pipe: the pipe closes when this process ends, even by SIGKILL, and then the
 * child is killed and its folder removed. In a group of its own, so that Ctrl-C at a terminal does not end it first.
 */
const LEASH =
  'trap "" INT TERM HUP; read -r _; kill -9 "$1" 2>/dev/null; [ -n "$2" ] && sleep 0.2 && rm -rf "$2"'

function putOnLeash(child: ChildProcess, pid: number, folder: string): void {
  const leash = spawn('sh', ['-c', LEASH, 'leash', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  leash.on('error', () => {})
  leash.unref()
  const pipe = leash.stdin as NodeJS.WritableStream & { unref?(): void }
  pipe.unref?.()
  child.once('exit', () => leash.kill('SIGKILL'))
}
