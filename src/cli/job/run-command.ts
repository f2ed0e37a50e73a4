import { type StdioOptions, spawn } from 'node:child_process'
import { type Ending, notStarted } from './ending.ts'

/** A command that was started. */
export interface RunningCommand {
  readonly pid: number
  readonly ended: Promise<Ending>
  /** Nothing happens once it has ended, or when it belongs to somebody else by now. */
  signal(signal: NodeJS.Signals): void
}

export interface CommandOrder {
  readonly words: readonly [string, ...string[]]
  readonly env: NodeJS.ProcessEnv
  readonly stdio: StdioOptions
}

/**
 * Starts a command in the group, session and folder of this process. It has ended when its own process has, whatever
 * still holds its output. Never rejects; one that cannot be started is an ending.
 */
export async function startCommand({ words, env, stdio }: CommandOrder): Promise<RunningCommand | Ending> {
  const [file, ...args] = words
  try {
    const child = spawn(file, args, { env, stdio })
    const { pid } = child
    if (pid === undefined) {
      return await new Promise((resolve) => {
        child.once('error', (reason) => resolve(notStarted(file, reason)))
      })
    }
    let hasEnded = false
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', (code, signal) => {
        hasEnded = true
        resolve(signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal })
      })
    })
    return {
      pid,
      ended,
      signal(which) {
        if (hasEnded) return
        try {
          process.kill(pid, which)
        } catch {
          // It ended just now, or runs as another user: whoever sent this could not have reached it either.
        }
      },
    }
  } catch (reason) {
    return notStarted(file, reason)
  }
}
