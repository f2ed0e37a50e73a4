import type { HistoryCause } from '../../telemetry/events.ts'
import { continues, type HistoryMark } from './chain.ts'

/** What a server says of a partition before anything is done to it; no epoch = it is not there. */
export interface PartitionState {
  readonly epoch: string | undefined
  readonly version: number
}

/** A server as it is met: where its history stands, and since when its process runs. */
export interface Meeting {
  readonly mark: HistoryMark
  readonly upSeconds: number
  /** Whether the server the partition was on before is alive; then the partition was moved, not failed over. */
  isAlive(server: object): boolean
}

export interface Judgement {
  /** Partitions on another history than when last seen: acknowledged writes to them may be gone. */
  readonly doubtful: readonly number[]
  /** Doubtful ones of which something known is gone for certain. */
  readonly lost: readonly number[]
  readonly cause: HistoryCause
}

interface Seen {
  server: object
  mark: HistoryMark
  /** Instant (performance.now) of the last reply. */
  heardAtMs: number
  epoch: string
  version: number
}

/**
 * What this process knows of the past of every partition, and whether the server it meets now still has it. Servers are
 * compared by their replication marks; a break in the chain means that what was read must be read again.
 */
export class History {
  private readonly onFlushed: (partition: number) => void
  private readonly seen = new Map<number, Seen>()
  private readonly broken = new Map<number, 'history' | 'moved'>()
  private readonly breaks = new Map<number, number>()
  private readonly written = new Map<number, number>()

  /** Told of partitions that somebody emptied on a server whose history is unbroken. */
  constructor(onFlushed: (partition: number) => void) {
    this.onFlushed = onFlushed
  }

  /** Compares a server, just met, with what is known, and takes it as the new truth. */
  meet(server: object, meeting: Meeting, states: ReadonlyMap<number, PartitionState>): Judgement {
    const doubtful: number[] = []
    const lost: number[] = []
    let cause: HistoryCause = 'failover'
    for (const [partition, state] of states) {
      const seen = this.seen.get(partition)
      if (seen !== undefined) {
        const gone = seen.epoch !== '' && (state.epoch !== seen.epoch || state.version < seen.version)
        const sameMark = seen.mark.id !== '' && seen.mark.id === meeting.mark.id
        if (!continues(seen.mark, meeting.mark)) {
          this.lose([partition], this.whyBroken(seen, server, meeting))
          doubtful.push(partition)
          if (gone) lost.push(partition)
        } else if (!sameMark) {
          doubtful.push(partition)
          if (gone) lost.push(partition)
          // What was read is all there, but not what was written since.
          if ((this.written.get(partition) ?? 0) > seen.version) this.lose([partition], 'history')
        }
        if (gone && state.epoch !== seen.epoch) cause = 'emptied'
        else if (cause === 'failover' && hasRestarted(seen, meeting)) cause = 'restart'
      }
      this.note(partition, server, meeting.mark, state.epoch ?? '', state.version)
    }
    return { doubtful, lost, cause }
  }

  /** A partition was read up to a version, and after that the server's mark was this. */
  note(partition: number, server: object, mark: HistoryMark, epoch: string, version: number): void {
    const heardAtMs = performance.now()
    const seen = this.seen.get(partition)
    if (seen === undefined) {
      this.seen.set(partition, { server, mark, heardAtMs, epoch, version })
      return
    }
    if (seen.epoch !== '' && seen.epoch !== epoch && seen.mark.id === mark.id) this.onFlushed(partition)
    seen.server = server
    seen.mark = mark
    seen.heardAtMs = heardAtMs
    seen.version = seen.epoch === epoch ? Math.max(seen.version, version) : version
    seen.epoch = epoch
  }

  /** This process wrote what it builds upon before it reads again; the partition had this version then. */
  wrote(partition: number, version: number): void {
    this.written.set(partition, version)
  }

  /** The server a partition was last read from answers for a history that this mark does not continue. */
  disagrees(partition: number, mark: HistoryMark): boolean {
    const seen = this.seen.get(partition)
    return seen !== undefined && !continues(seen.mark, mark)
  }

  /** What was read may be gone, for a reason that marks do not show. */
  lose(partitions: Iterable<number>, why: 'history' | 'moved'): void {
    for (const partition of partitions) {
      this.broken.set(partition, why)
      this.breaks.set(partition, (this.breaks.get(partition) ?? 0) + 1)
    }
  }

  /** Why a reader of the partition has to start over; it stays so until `told`. */
  whyStartOver(partition: number): 'history' | 'moved' | undefined {
    return this.broken.get(partition)
  }

  /** Changes with every break in the partition's history; undefined while a reader has yet to start over. */
  certainty(partition: number): number | undefined {
    return this.broken.has(partition) ? undefined : (this.breaks.get(partition) ?? 0)
  }

  told(partition: number): void {
    this.broken.delete(partition)
  }

  private whyBroken(seen: Seen, server: object, { mark, isAlive }: Meeting): 'history' | 'moved' {
    const related = mark.id === seen.mark.id || (mark.previousId === seen.mark.id && seen.mark.id !== '')
    return !related && seen.server !== server && isAlive(seen.server) ? 'moved' : 'history'
  }
}

/**
 * The server subtracts one whole second of its clock from another, so it may be up for a second less than it says: one
 * that may have started after it was last heard of counts as restarted.
 */
function hasRestarted(seen: Seen, { upSeconds }: Meeting): boolean {
  return (upSeconds - 1) * 1000 < performance.now() - seen.heardAtMs
}
