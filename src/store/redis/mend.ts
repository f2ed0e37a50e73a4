import { PgrError } from '../../errors/pgr-error.ts'
import type { StoreLimits } from '../store.ts'
import { classify, misconfigured, unavailable } from './failures.ts'
import { unitBytes } from './group-writes.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { KnownSets } from './known-sets.ts'
import { TOMBSTONE_GRACE_MS } from './options.ts'
import { asList, bytesAt, listAt, numberAt, type Reply, textAt } from './reply.ts'
import type { Argument } from './run-script.ts'
import { type Script, scripts } from './scripts.ts'
import type { Replay } from './set-plan.ts'
import { MOST_KNOWN_ENTRIES, makeSetWrites } from './set-writes.ts'

/** Operations asked for at a time: about half a millisecond of the server. */
const RECALLED = 1000
/** Partitions mended side by side. */
const ABREAST = 8
/** Older writes are not written again: what removed them may be forgotten after twice that. */
const MOST_AGE_MS = TOMBSTONE_GRACE_MS / 2
/** A write of one millisecond is told from the next by this; as fine as a double is at present times. */
const STEPS = 4096

export interface MendParts {
  readonly journal: Journal
  readonly partitions: Iterable<number>
  readonly options: { readonly limits: Pick<StoreLimits, 'setMetrics'> }
  /** As scripts take them, see `packLimits`. */
  readonly limits: Buffer
  /**
   * Runs a script on the primary of the partition and answers with its reply as it is, or rejects. What goes in front of
   * the values is the operation id, a deadline, and a name for a new epoch. Never again by itself.
   */
  readonly run: (
    partition: number,
    script: Script,
    operation: Buffer,
    values: readonly Argument[],
  ) => Promise<Reply>
  /** Whether a write of one epoch that is missing may be written to a partition that is in the other. */
  readonly mayResend: (entryEpoch: string, storeEpoch: string) => boolean
}

/**
 * What became of it. Every missing write was either sent again, or superseded by what came after it, or is lost; each is
 * told once, whatever interrupts the mending.
 */
export interface MendReport {
  /** Writes the store was asked for, and could still know. */
  readonly checked: number
  /** Those that it had lost and whose fate is known. */
  readonly missing: number
  readonly resubmitted: number
  /** Missing, and nothing of them would show by now. */
  readonly superseded: number
  /** Missing, and not sent again: not allowed, too old, or refused. */
  readonly lost: number
  /** Not settled because of `failure`: to be mended again. Not counted as missing. */
  readonly waiting: number
  /** Of those, the ones that the store has lost for certain and does not take at the moment. */
  readonly owed: number
  /** Writes found missing that were not owed before. */
  readonly found: number
  readonly failure?: PgrError
  /** The way to the server broke, and the rest was not asked for. Otherwise the server refuses what is not settled. */
  readonly interrupted: boolean
  /** Partitions with writes that wait, and the latest time of all writes remembered of them. */
  readonly unsettled: ReadonlyMap<number, number>
  /** Partitions in another epoch than some of their writes: they were emptied. */
  readonly emptied: readonly number[]
  /** Partitions that were without a write of this process: who showed it without having read it must read them anew. */
  readonly lacking: ReadonlySet<number>
}

/**
 * Compares the writes acknowledged lately with what the store knows, and writes those that are missing again, each as of
 * its own time; see `docs/adr/0009-resubmission.md`.
 *
 * Never rejects. May be interrupted anywhere and run again, beside ordinary writes and beside other gateways that do the
 * same: operation ids make repetitions harmless, and times decide between writes.
 */
export async function mend(parts: MendParts): Promise<MendReport> {
  const { journal } = parts
  const mending = new Mending(parts)
  const waiting = [...journal.entriesOf(parts.partitions)].filter(([, entries]) => entries.length > 0)
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await mending.mendPartition(next[0], next[1])
  }
  await Promise.all(Array.from({ length: ABREAST }, work))
  journal.drop(mending.gone)
  return mending.report()
}

type Fate = 'resubmitted' | 'superseded' | 'lost'

/** A server without memory takes what removes and nothing else. */
type Effort = 'adds' | 'removes'

class Mending {
  /** Lost and told so. */
  readonly gone = new Set<JournalEntry>()
  private readonly parts: MendParts
  private readonly counts: Record<Fate, number> = { resubmitted: 0, superseded: 0, lost: 0 }
  private readonly emptied: number[] = []
  private readonly lacking = new Set<number>()
  private readonly replaySet: ReturnType<typeof makeSetWrites>['replaySet']
  private readonly unsettled = new Map<number, number>()
  private checked = 0
  private waiting = 0
  private owed = 0
  private found = 0
  private interrupted = false
  private failure: PgrError | undefined

  constructor(parts: MendParts) {
    this.parts = parts
    const { replaySet } = makeSetWrites({
      send: ({ operation }, partition, script, values) =>
        this.run(partition, script, Buffer.from(operation, 'latin1'), values),
      // What is known elsewhere may be of the history that was lost.
      known: new KnownSets(MOST_KNOWN_ENTRIES),
      limits: parts.limits,
      get mostMetrics() {
        return parts.options.limits.setMetrics
      },
      history: { certainty: () => 0, wrote: () => undefined },
    })
    this.replaySet = replaySet
  }

  report(): MendReport {
    const { checked, waiting, owed, found, interrupted, unsettled, failure, emptied, lacking } = this
    const { resubmitted, superseded, lost } = this.counts
    const missing = resubmitted + superseded + lost
    const counts = { checked, missing, resubmitted, superseded, lost, waiting, owed, found }
    const report = { ...counts, interrupted, unsettled, emptied, lacking }
    return failure === undefined ? report : { ...report, failure }
  }

  async mendPartition(partition: number, entries: readonly JournalEntry[]): Promise<void> {
    let settled = 0
    const timeOf = makeTimes(entries)
    const refused = new Set<Effort>()
    try {
      if (this.interrupted) return
      for (let from = 0; from < entries.length; from += RECALLED) {
        const some = entries.slice(from, from + RECALLED)
        const { epoch, nowMs, forgottenMs, unknown } = await this.recall(partition, some)
        if (some.some((entry) => entry.epoch !== epoch) && !this.emptied.includes(partition))
          this.emptied.push(partition)
        for (const [place, entry] of some.entries()) {
          if (this.interrupted) return
          const canBeKnown = entry.atMs > forgottenMs || entry.isOwed === true
          if (canBeKnown && unknown.has(place)) {
            this.lacking.add(partition)
            const fate = await this.fateOf(entry, { at: timeOf(from + place), epoch }, nowMs, refused)
            if (entry.isOwed !== true) this.found++
            entry.isOwed = fate === 'owed'
            if (fate === 'owed') {
              this.owed++
              continue
            }
            this.counts[fate]++
            if (fate === 'lost') this.gone.add(entry)
            else entry.epoch = epoch
          }
          entry.isOwed = false
          if (canBeKnown) this.checked++
          settled++
        }
      }
    } catch (reason) {
      const { error, again } = classify(reason)
      this.failure ??= error
      if (again) this.interrupted = true
    } finally {
      this.waiting += entries.length - settled
      if (settled < entries.length) this.unsettled.set(partition, latestOf(entries))
    }
  }

  /** Rejects when the way to the server broke. What it refuses is owed, and more of that kind is not tried. */
  private async fateOf(
    entry: JournalEntry,
    replay: Replay,
    nowMs: number,
    refused: Set<Effort>,
  ): Promise<Fate | 'owed'> {
    const isOld = nowMs - entry.atMs > MOST_AGE_MS
    if (isOld || !this.parts.mayResend(entry.epoch, replay.epoch)) return 'lost'
    const effort = entry.kind === 'remove' || entry.kind === 'wipe' ? 'removes' : 'adds'
    if (refused.has(effort)) return 'owed'
    try {
      return (await this.replay(entry, replay)) ? 'resubmitted' : 'superseded'
    } catch (reason) {
      const { error, again } = classify(reason)
      if (error.code === 'PGR_QUOTA_EXCEEDED' || error.code === 'PGR_LIMIT_EXCEEDED') return 'lost'
      if (again) throw reason
      this.failure ??= error
      refused.add(effort)
      return 'owed'
    }
  }

  /** Resolves with whether anything of it was written. */
  private async replay(entry: JournalEntry, { at, epoch }: Replay): Promise<boolean> {
    const { partition, kind } = entry
    const operation = Buffer.from(entry.operation, 'latin1')
    if (kind === 'set') return this.replaySet(entry.write.restore(Number.POSITIVE_INFINITY), { at, epoch })
    if (kind === 'wipe') {
      await this.wipeBefore(partition, operation, { at, epoch })
      return true
    }
    if (kind === 'remove') {
      await this.removeBefore(partition, operation, { at, epoch }, unitBytes(entry.write.id))
      return true
    }
    const values = [at, epoch, this.parts.limits, entry.write]
    const reply = await this.run(partition, scripts.replayGroup, operation, values)
    return textAt(reply, 0) !== 'older'
  }

  private async removeBefore(
    partition: number,
    operation: Buffer,
    { at, epoch }: Replay,
    id: Buffer,
  ): Promise<void> {
    for (let page = 0; page !== -1; ) {
      const reply = await this.run(partition, scripts.removeBefore, operation, [at, epoch, id, page])
      page = textAt(reply, 0) === 'duplicate' ? -1 : numberAt(reply, 3)
    }
  }

  private async wipeBefore(partition: number, operation: Buffer, { at, epoch }: Replay): Promise<void> {
    let cursor = 0
    let stop = 0
    while (cursor !== -1) {
      const reply = await this.run(partition, scripts.wipeBefore, operation, [at, epoch, cursor, stop])
      if (textAt(reply, 0) === 'duplicate') return
      cursor = numberAt(reply, 3)
      stop = numberAt(reply, 4)
      const sets = listAt(reply, 5)
      for (const place of sets.keys())
        await this.removeBefore(partition, NO_OPERATION, { at, epoch }, bytesAt(sets, place))
      // The wipe counts as done only when asked to go on and nothing is left.
      if (sets.length > 0 && cursor === -1) cursor = stop
    }
  }

  private async recall(partition: number, entries: readonly JournalEntry[]) {
    const ids = entries.map(({ operation }) => Buffer.from(operation, 'latin1'))
    const reply = await this.run(partition, scripts.recall, NO_OPERATION, ids)
    const unknown = listAt(reply, 4)
    return {
      epoch: textAt(reply, 1),
      nowMs: numberAt(reply, 2),
      forgottenMs: numberAt(reply, 3),
      unknown: new Set(unknown.map((_, place) => numberAt(unknown, place))),
    }
  }

  /** Throws where the script refused. */
  private async run(
    partition: number,
    script: Script,
    operation: Buffer,
    values: readonly Argument[],
  ): Promise<Reply> {
    const reply = asList(await this.parts.run(partition, script, operation, values))
    const status = textAt(reply, 0)
    if (status === 'late') throw unavailable('redis did not take the write before its deadline')
    if (status === 'epoch')
      throw unavailable('the data in redis was replaced while lost writes were looked for')
    if (status === 'schema')
      throw misconfigured(
        `the data in redis has schema ${textAt(reply, 1)}, which this version of pgr must not write`,
      )
    if (status === 'quota' || status === 'families')
      throw new PgrError('PGR_QUOTA_EXCEEDED', 'the store has no room for a write that was lost')
    return reply
  }
}

const NO_OPERATION = Buffer.alloc(0)

function latestOf(entries: readonly JournalEntry[]): number {
  let latest = 0
  for (const { atMs } of entries) latest = Math.max(latest, atMs)
  return latest
}

/** The deadline was that of a caller who has his answer. */
/**
 * The times of entries as scripts compare them: the store's milliseconds and, as their fraction, the version. All
 * gateways come to the same times, and so to the same order. What made no version goes with what was before it.
 */
function makeTimes(entries: readonly JournalEntry[]): (place: number) => number {
  const times: number[] = []
  for (const { atMs, version } of entries) {
    const at = version === undefined ? atMs : atMs + (version % STEPS) / STEPS
    const before = times.at(-1)
    times.push(version === undefined && before !== undefined && Math.floor(before) === atMs ? before : at)
  }
  return (place) => times[place] ?? 0
}
