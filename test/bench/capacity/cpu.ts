import { readFileSync } from 'node:fs'

/** Seconds of CPU that a process has used so far, to a hundredth. */
export interface Cpu {
  /** Of the thread that began it: what waits in a queue waits for this one. */
  readonly main: number
  readonly all: number
}

/** The kernel's clock tick, which is a constant of its interface. */
const TICKS_PER_SECOND = 100

/** Of any process; on Linux alone. */
export function cpuOf(pid: number): Cpu {
  return { main: secondsIn(`/proc/${pid}/task/${pid}/stat`), all: secondsIn(`/proc/${pid}/stat`) }
}

function secondsIn(file: string): number {
  const text = readFileSync(file, 'utf8')
  // The name, in parentheses, may have spaces in it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
