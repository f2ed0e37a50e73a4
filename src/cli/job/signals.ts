import { isatty } from 'node:tty'
import { readStat } from './processes.ts'

/** Signals that are meant for the command when they come to this process. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export type PassedSignal = (typeof PASSED_ON)[number]

/** What a terminal sends to all processes in its foreground, the command among them. */
const FROM_TERMINAL: ReadonlySet<PassedSignal> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP'])

/**
 * Hands signals to the listener from now on, for as long as this process lives: those that the command has not had
 * itself. The command stays in the group of this process, so that Ctrl-Z, `fg` and reading from the terminal do what
 * they do without pgr; Ctrl-C therefore reaches it without help, and would count twice if it were passed on. Who sent a
 * signal cannot be told, so in the foreground of a terminal these are taken for the terminal's.
 */
export function passSignals(listener: (signal: PassedSignal, reachedCommand: boolean) => void): void {
  const hadTerminal = hasTerminal()
  for (const signal of PASSED_ON) {
    process.on(signal, () => {
      listener(signal, FROM_TERMINAL.has(signal) && isTerminals(signal, hadTerminal))
    })
  }
}

function isTerminals(signal: PassedSignal, hadTerminal: boolean): boolean {
  const self = readStat('self')
  if (self === undefined) return hadTerminal
  if (self.terminal !== 0) return self.group === self.foreground
  // A terminal that hangs up is gone by the time its signal is here.
  return signal === 'SIGHUP' && hadTerminal
}

function hasTerminal(): boolean {
  const self = readStat('self')
  return self === undefined ? [0, 1, 2].some((fd) => isatty(fd)) : self.terminal !== 0
}
