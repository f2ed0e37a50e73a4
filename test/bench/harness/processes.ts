import { readdirSync, readFileSync } from 'node:fs'

/** Of Linux on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100
const BYTES_PER_KB = 1024

export interface Memory {
  readonly residentBytes: number
  /** The most that was ever resident. */
  readonly peakBytes: number
}

/** Processor seconds that processes and those they have started have used so far, in all their threads. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return sum(familyOf(pids).map(ownCpuSeconds))
}

/** Of processes and those they have started; their peaks are added, though they need not have come together. */
export function memoryOf(pids: readonly number[]): Memory {
  const statuses = familyOf(pids).map((each) => readFileSync(`/proc/${each}/status`, 'utf8'))
  const field = (name: string) =>
    sum(statuses.map((status) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)))
  return { residentBytes: field('VmRSS') * BYTES_PER_KB, peakBytes: field('VmHWM') * BYTES_PER_KB }
}

/**
 * The scheduler knows to the nanosecond what each thread has run that still lives, and the process to some milliseconds what
 * all of them have, those that ended too.
 */
function ownCpuSeconds(pid: number): number {
  const living = readdirSync(`/proc/${pid}/task`).map((task) => nanosecondsOf(`/proc/${pid}/task/${task}`))
  return Math.max(statOf(pid).cpuTicks / TICKS_PER_SECOND, sum(living) / 1e9)
}

/** 0 where the kernel does not tell. */
function nanosecondsOf(task: string): number {
  try {
    return Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0])
  } catch {
    return 0
  }
}

/** Processes and all that descend from them. */
function familyOf(pids: readonly number[]): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [[Number(name), statOf(Number(name)).parent] as const]
      } catch {
        return [] // It has ended meanwhile.
      }
    })
  const family = [...pids]
  for (const member of family)
    for (const [child, parent] of parents) if (parent === member) family.push(child)
  return family
}

function statOf(pid: number): { parent: number; cpuTicks: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the name, which may hold anything: state is field 3, parent 4, user and system time 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), cpuTicks: Number(fields[11]) + Number(fields[12]) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
