import { readdirSync, readFileSync } from 'node:fs'

/**
 * What Linux tells of processes. Elsewhere, and where it is hidden, everything here is undefined or empty.
 */
interface Stat {
  /** Ended, and not waited for yet. */
  readonly isZombie: boolean
  readonly parent: number
  readonly group: number
  readonly session: number
  /** Device of the controlling terminal; 0 without one. */
  readonly terminal: number
  /** The group that the terminal is in the hands of. */
  readonly foreground: number
  /** User and system time of children that were waited for, and of those they waited for. */
  readonly childTicks: number
  /** Since the machine started; with the number it names a process for good. */
  readonly startTicks: number
}

/** A process that is told from a later one with the same number. */
export interface ProcessName {
  readonly pid: number
  readonly startTicks: number
}

/** Of the clock in `/proc`, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

export function readStat(pid: number | 'self'): Stat | undefined {
  const text = readProc(`${pid}/stat`)
  if (text === undefined) return undefined
  // The name of the program comes before, in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const at = (number: number): number => Number(fields[number - 3] ?? 0)
  return {
    isZombie: fields[0] === 'Z',
    parent: at(4),
    group: at(5),
    session: at(6),
    terminal: at(7),
    foreground: at(8),
    childTicks: at(16) + at(17),
    startTicks: at(22),
  }
}

/** CPU time of all children of this process that have ended, and of what they waited for themselves. */
export function childCpuSeconds(): number | undefined {
  const stat = readStat('self')
  return stat && stat.childTicks / TICKS_PER_SECOND
}

/** The most memory that a process has had in use at once, in bytes; undefined once it has ended. */
export function peakBytes(pid: number): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`) ?? '')?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

export function isStill({ pid, startTicks }: ProcessName): boolean {
  const stat = readStat(pid)
  return stat?.startTicks === startTicks && !stat.isZombie
}

/** What these processes started, and what that started, as far as it has not been handed to the first process since. */
export function descendants(roots: Iterable<number>): ProcessName[] {
  const children = new Map<number, ProcessName[]>()
  for (const pid of allProcesses()) {
    const stat = readStat(pid)
    if (stat === undefined) continue
    const siblings = children.get(stat.parent)
    const name = { pid, startTicks: stat.startTicks }
    if (siblings) siblings.push(name)
    else children.set(stat.parent, [name])
  }
  const known = new Set(roots)
  const found: ProcessName[] = []
  // A set is walked with what is added on the way.
  for (const parent of known) {
    for (const child of children.get(parent) ?? []) {
      if (known.has(child.pid)) continue
      known.add(child.pid)
      found.push(child)
    }
  }
  return found
}

function allProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function readProc(name: string): string | undefined {
  try {
    return readFileSync(`/proc/${name}`, 'latin1')
  } catch {
    return undefined
  }
}
