import { constants } from 'node:os'

/** How a command ended, or that it never began. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** As `timeout` of coreutils reports a command that took too long, however it ended then. */
  | { readonly kind: 'too-long' }
  | { readonly kind: 'not-started'; readonly code: 126 | 127; readonly reason: string }

const TOO_LONG = 124

/** The exit code that a shell shows for it: 128 and the number of a signal that ended it. */
export function codeOf(ending: Ending): number {
  switch (ending.kind) {
    case 'exit':
    case 'not-started':
      return ending.code
    case 'signal':
      return 128 + constants.signals[ending.signal]
    case 'too-long':
      return TOO_LONG
  }
}

/** Whether a signal ended it, or was said to have done so. */
export function isEndBy(signal: NodeJS.Signals, ending: Ending): boolean {
  return codeOf(ending) === 128 + constants.signals[signal]
}

/** What a shell makes of a command it cannot run: 127 when there is none of that name, 126 for everything else. */
export function notStarted(command: string, reason: unknown): Ending {
  const code = reason instanceof Error && 'code' in reason ? String(reason.code) : ''
  if (code === 'ENOENT') {
    return { kind: 'not-started', code: 127, reason: `${command} cannot be run: there is no such command` }
  }
  const why = WHY.get(code) ?? (reason instanceof Error ? reason.message : String(reason))
  return { kind: 'not-started', code: 126, reason: `${command} cannot be run: ${why}` }
}

const WHY: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'it is no program, or may not be executed'],
  ['ENOTDIR', 'part of its path is no directory'],
  ['E2BIG', 'its arguments and environment are too long'],
  ['ENOEXEC', 'this machine does not know its format'],
])

/** Those that leave a memory image behind: one of this process would take the place of the command's. */
const WITH_CORE: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
])

/** Enough for a signal to arrive; it does not at the first process of a container. */
const SIGNAL_PATIENCE_MS = 200

/**
 * Ends this process as the command ended: with its code, or by the signal that ended it, so that whoever waits sees the
 * same. After a signal that leaves a memory image, and where a signal does not end this process, the code says it.
 */
export async function endAs(ending: Ending): Promise<never> {
  if (ending.kind === 'signal' && !WITH_CORE.has(ending.signal)) {
    const { signal } = ending
    process.removeAllListeners(signal)
    if (signal === 'SIGPIPE') restoreDefault(signal)
    process.kill(process.pid, signal)
    await new Promise((resolve) => setTimeout(resolve, SIGNAL_PATIENCE_MS))
  }
  return process.exit(codeOf(ending))
}

/** Node ignores it until a listener came and went. */
function restoreDefault(signal: NodeJS.Signals): void {
  const listener = (): void => {}
  process.on(signal, listener)
  process.off(signal, listener)
}
