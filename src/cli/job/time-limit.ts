import { setTimeout as sleep } from 'node:timers/promises'
import { descendants, isStill, type ProcessName } from './processes.ts'
import type { RunningCommand } from './run-command.ts'

export interface TimeLimit {
  /** From the start of the command to SIGTERM. */
  readonly limitMs: number
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number
}

export interface TimeLimitWatch {
  /**
   * Call when the command has ended. Resolves to whether it had been told to; then once all that it had started is gone,
   * too, or was killed after the grace.
   */
  end(): Promise<boolean>
}

const LOOK_EVERY_MS = 25

/**
 * Ends a command that takes too long, and what it has started by then: SIGTERM, and after the grace SIGKILL. Elsewhere
 * than on Linux what it started is left alone.
 */
export function limitTime(command: RunningCommand, { limitMs, graceMs }: TimeLimit): TimeLimitWatch {
  let told: readonly ProcessName[] | undefined
  let killAtMs = 0
  let timer = setTimeout(() => {
    told = descendants([command.pid])
    killAtMs = performance.now() + graceMs
    // The command first: it must not start anew what it sees end.
    command.signal('SIGTERM')
    for (const each of told) send(each, 'SIGTERM')
    timer = setTimeout(() => {
      told = [...(told ?? []), ...descendants([command.pid])]
      command.signal('SIGKILL')
    }, graceMs)
  }, limitMs)

  return {
    async end() {
      clearTimeout(timer)
      if (told === undefined) return false
      while (told.some(isStill) && performance.now() < killAtMs) await sleep(LOOK_EVERY_MS)
      for (const each of told) send(each, 'SIGKILL')
      return true
    },
  }
}

function send(name: ProcessName, signal: NodeJS.Signals): void {
  if (!isStill(name)) return
  try {
    process.kill(name.pid, signal)
  } catch {
    // Gone, or somebody else's.
  }
}
