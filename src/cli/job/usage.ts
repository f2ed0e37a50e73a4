import { childCpuSeconds, descendants, isStill, type ProcessName, peakBytes } from './processes.ts'

/** What a command took of the machine; what cannot be known is left out. */
export interface Usage {
  /** User and system time of the command and of all it waited for. Exact, in hundredths of a second. */
  readonly cpuSeconds?: number
  /**
   * The most memory that one process of the command was seen to have had in use at once; NaN when all were gone before
   * they could be looked at. The kernel keeps the most of each process while it lives; what one takes after the last look
   * at it is missed.
   */
  readonly peakBytes?: number
}

export interface UsageWatch {
  /** Call when the command has been waited for. */
  end(): Usage
}

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 1000
/** Looking for processes takes longer the more there are on the machine; it may take this part of a processor. */
const SEARCH_SHARE = 1 / 20

/** Of what never ran. */
export const NO_USAGE: Usage = { cpuSeconds: 0, peakBytes: 0 }

/** Watches a command that was just started: often at first, because most are short, later every second. */
export function watchUsage(pid: number): UsageWatch {
  const cpuBefore = childCpuSeconds()
  let peak = peakBytes(pid)
  let others: readonly ProcessName[] = []
  let nextSearchMs = 0
  let pauseMs = FIRST_PAUSE_MS
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    if (performance.now() >= nextSearchMs) {
      const before = process.cpuUsage()
      others = descendants([pid])
      const { user, system } = process.cpuUsage(before)
      nextSearchMs = performance.now() + (user + system) / 1000 / SEARCH_SHARE
    }
    for (const each of [pid, ...others.filter(isStill).map((other) => other.pid)]) {
      const bytes = peakBytes(each)
      if (bytes !== undefined && bytes > (peak ?? 0)) peak = bytes
    }
  }
  function wait(): void {
    timer = setTimeout(() => {
      look()
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
      wait()
    }, pauseMs)
  }
  const canLook = peakBytes(process.pid) !== undefined
  if (canLook) wait()

  return {
    end() {
      clearTimeout(timer)
      const cpuAfter = childCpuSeconds()
      return {
        ...(cpuBefore !== undefined && cpuAfter !== undefined && { cpuSeconds: round(cpuAfter - cpuBefore) }),
        ...(canLook && { peakBytes: peak ?? Number.NaN }),
      }
    },
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
