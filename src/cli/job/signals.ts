import { isatty } from 'node:tty'
import { readStat } from './processes.ts'

/** Signals that are meant for the command when they come to this process. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export type PassedSignal = (typeof PASSED_ON)[number]

/**
 * Hands signals to the listener from now on, for as long as this process lives, and says of each whether the command has
 * had it by itself. It stays in the group of this process, so that Ctrl-Z, `fg` and reading from the terminal do what they
 * do without pgr; Ctrl-C therefore reaches it without help, and would count twice if it were passed on.
 */
export function passSignals(listener: (signal: PassedSignal, reachedCommand: boolean) => void): void {
  const hadTerminal = hasTerminal()
  for (const signal of PASSED_ON) {
    process.on(signal, () => listener(signal, hadTerminal && isTerminals(signal)))
  }
}

/** Who sent a signal cannot be told: what the terminal may have sent in the state it is in is taken for the terminal's. */
function isTerminals(signal: PassedSignal): boolean {
  const self = readStat('self')
  switch (signal) {
    case 'SIGINT':
    case 'SIGQUIT':
      return self === undefined || (self.terminal !== 0 && self.group === self.foreground)
    case 'SIGHUP':
      // A terminal that hangs up is gone by then. It tells the leader of its session; whoever the leader leaves behind
      // hears of it together.
      return self === undefined || (self.terminal === 0 && self.session !== process.pid)
    default:
      return false
  }
}

function hasTerminal(): boolean {
  const self = readStat('self')
  return self === undefined ? [0, 1, 2].some((fd) => isatty(fd)) : self.terminal !== 0
}
