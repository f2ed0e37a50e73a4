import type { PgrError } from '../../errors/pgr-error.ts'
import type { HistoryCause } from '../../telemetry/events.ts'
import { NO_DEADLINE } from './clock.ts'
import { COUNTERS, readCounters } from './counters.ts'
import { misconfigured } from './failures.ts'
import type { History, PartitionState } from './history.ts'
import { type Info, infoNumber } from './info.ts'
import type { Journal } from './journal.ts'
import { HASH, type Keyspace, PARTITIONS, PLACE_OF, SCHEMA } from './keys.ts'
import type { KnownSets } from './known-sets.ts'
import { type MendReport, mend } from './mend.ts'
import { RESUBMIT, type RedisStoreOptions } from './options.ts'
import type { Primary } from './primary.ts'
import { asList, textAt } from './reply.ts'
import { runScript } from './run-script.ts'
import { scripts } from './scripts.ts'
import type { Admitted, Topology } from './topology.ts'

const CONFIGURATION_WITHIN_MS = 1000
/** While the way to a server breaks again and again, its partitions are held back for lost writes no longer than this. */
const HELD_BACK_MS = 2000
const MEND_AGAIN_MS = 200
const MEND_AGAIN_LONGEST_MS = 5000

export interface AdmissionParts {
  readonly keys: Keyspace
  readonly options: RedisStoreOptions
  readonly history: History
  readonly journal: Journal
  readonly known: KnownSets
  readonly limits: Buffer
  /** Told of every server that is fine. */
  onFine(primary: Primary, info: Info): void
}

const NONE: ReadonlySet<number> = new Set()

/** One incident that may have cost acknowledged writes, until it is known of all of them. */
interface Doubt {
  readonly cause: HistoryCause
  readonly sinceMs: number
  /** Counts attempts to settle it. */
  tries: number
  isTold: boolean
  /** Why lost writes were not taken, as far as told. */
  readonly reasons: Set<string>
}

/**
 * What happens to a primary, or to partitions new on it, before anything else does: is the keyspace ours, does every
 * partition exist, is its history the one known here, and does it have the writes acknowledged lately. Lost ones are
 * told and, where that is safe, written again. What the server refuses to take again does not keep it from being used: it
 * is tried again beside everything else.
 */
export class Admission {
  private readonly parts: AdmissionParts
  /** Times that the next write to a partition has to be later than; for `makeSend`. */
  readonly floors = new Map<number, number>()
  /** Partitions whose writes are still to be compared, and what made that necessary. */
  private readonly unmended = new Map<number, Doubt>()
  /** One mending at a time for a primary, or what it finds would count twice. */
  private readonly turns = new WeakMap<Primary, Promise<unknown>>()
  private readonly timers = new WeakMap<Primary, NodeJS.Timeout>()
  private configured = false

  constructor(parts: AdmissionParts) {
    this.parts = parts
  }

  /** Rejects when nothing can be told now. */
  async admit(
    topology: Topology,
    primary: Primary,
    info: Info,
    places: readonly number[],
  ): Promise<Admitted> {
    let isOurs = true
    try {
      const refused = await this.whyForeign(topology, primary, places)
      if (refused !== undefined) return { refused, later: NONE }
    } catch (reason) {
      if (places.includes(PLACE_OF.configuration)) throw reason
      // The node that has it is away, which is no fault of the others.
      isOurs = false
    }
    const partitions = places.filter((place) => place < PARTITIONS)
    const later = await this.adopt(topology, primary, info, partitions, isOurs)
    this.parts.onFine(primary, info)
    return { later }
  }

  /**
   * Resolves with the partitions that have to be looked at once more. Where the keyspace is not known to be ours, they are
   * those that do not say so themselves.
   */
  private async adopt(
    topology: Topology,
    primary: Primary,
    info: Info,
    partitions: readonly number[],
    isOurs: boolean,
  ): Promise<ReadonlySet<number>> {
    if (partitions.length === 0) return NONE
    const { history } = this.parts
    const { states, moved, unproven } = await this.statesOf(primary, partitions)
    if (!isOurs) for (const partition of unproven) states.delete(partition)
    await this.createMissing(topology, primary, states)
    const mark = primary.markOf(info)
    const upSeconds = infoNumber(info, 'uptime_in_seconds')
    const isAlive = (server: object) => topology.isAlive(server)
    const { doubtful, lost, cause } = history.meet(primary, { mark, upSeconds, isAlive }, states)
    const sinceMs = performance.now()
    const doubt: Doubt = { cause, sinceMs, tries: 0, isTold: false, reasons: new Set() }
    for (const partition of doubtful) this.unmended.set(partition, doubt)
    this.parts.known.forgetPartitions(new Set(doubtful))
    const heldBack = await this.settle(topology, primary, [...states.keys()], lost.length)
    return new Set([...moved, ...heldBack, ...(isOurs ? [] : unproven)])
  }

  /** Resolves with the partitions that cannot be used yet. */
  private async settle(
    topology: Topology,
    primary: Primary,
    partitions: readonly number[],
    lost = 0,
  ): Promise<Iterable<number>> {
    const waiting = new Map<number, Doubt>()
    for (const partition of partitions) {
      const doubt = this.unmended.get(partition)
      if (doubt !== undefined) waiting.set(partition, doubt)
    }
    if (waiting.size === 0) return NONE
    const before = this.turns.get(primary)
    const turn = (before ?? Promise.resolve()).then(() => this.mend(topology, primary, waiting))
    this.turns.set(primary, turn)
    const { found, interrupted, unsettled, lacking } = await turn
    const { history, journal } = this.parts
    // Own writes are shown before they are read. What is not remembered cannot be asked for, and may be among them.
    history.lose(journal.isComplete ? lacking : waiting.keys(), 'history')
    const doubts = new Set(waiting.values())
    if (lost > 0 || found > 0) this.tellHistory(primary, doubts, lost)
    let youngest = Number.NEGATIVE_INFINITY
    for (const doubt of doubts) {
      doubt.tries++
      youngest = Math.max(youngest, doubt.sinceMs)
    }
    for (const [partition, doubt] of waiting) {
      // Otherwise a later incident, which somebody else looks into.
      if (this.unmended.get(partition) !== doubt) continue
      const latestMs = unsettled.get(partition)
      if (latestMs === undefined) {
        this.unmended.delete(partition)
        this.floors.delete(partition)
      } else {
        this.floors.set(partition, Math.floor(latestMs) + 1)
      }
    }
    if (unsettled.size === 0) return NONE
    this.settleLater(topology, primary, doubts)
    return interrupted && performance.now() < youngest + HELD_BACK_MS ? unsettled.keys() : NONE
  }

  /** A primary that is lost meanwhile is looked at when it is back. */
  private settleLater(topology: Topology, primary: Primary, doubts: ReadonlySet<Doubt>): void {
    clearTimeout(this.timers.get(primary))
    const tries = Math.min(...[...doubts].map((doubt) => doubt.tries))
    const timer = setTimeout(
      () => {
        if (!primary.isConnected()) return
        if (primary.whyNot() === undefined) void this.settle(topology, primary, topology.placesOf(primary))
        else this.settleLater(topology, primary, doubts)
      },
      Math.min(MEND_AGAIN_MS * 2 ** tries, MEND_AGAIN_LONGEST_MS),
    )
    this.timers.set(primary, timer.unref())
  }

  /** Once for an incident, however often its writes are looked for. */
  private tellHistory({ endpoint }: Primary, doubts: ReadonlySet<Doubt>, lost: number): void {
    let cause: HistoryCause | undefined
    for (const doubt of doubts) {
      if (!doubt.isTold) cause ??= doubt.cause
      doubt.isTold = true
    }
    if (cause === undefined) return
    this.parts.options.tell({ kind: 'store.history', cause, endpoint, partitions: Math.max(lost, 1) })
  }

  private async mend(
    topology: Topology,
    primary: Primary,
    waiting: ReadonlyMap<number, Doubt>,
  ): Promise<MendReport> {
    const { options, keys } = this.parts
    const { after } = options.resubmit ?? RESUBMIT
    const doubts = new Set(waiting.values())
    const causes = new Set([...doubts].map(({ cause }) => cause))
    const startMs = performance.now()
    const mended = await mend({
      ...this.parts,
      partitions: waiting.keys(),
      run: (partition, script, operation, values) => {
        const head = [operation, NO_DEADLINE, topology.seed()]
        return runScript(primary.write, script, keys.partitions[partition] ?? [], [...head, ...values]).then(
          asList,
        )
      },
      mayResend: (entryEpoch, storeEpoch) => {
        if (after === 'empty') return true
        if (entryEpoch !== storeEpoch || causes.has('emptied') || after === 'never') return false
        return after === 'restart' || !causes.has('restart')
      },
    })
    const { checked, missing, resubmitted, lost, owed, waiting: left, failure, interrupted } = mended
    const reason = interrupted ? undefined : failure?.message
    const isFirst = [...doubts].some(({ tries }) => tries === 0)
    const isNewReason = reason !== undefined && [...doubts].some(({ reasons }) => !reasons.has(reason))
    if ((checked > 0 && (isFirst || left === 0)) || missing > 0 || isNewReason) {
      const seconds = (performance.now() - startMs) / 1000
      const { endpoint } = primary
      const counts = { checked, missing, resubmitted, lost, owed }
      options.tell({
        kind: 'store.mend',
        endpoint,
        ...counts,
        seconds,
        ...(reason === undefined ? {} : { reason }),
      })
    }
    for (const { reasons } of doubts) if (reason !== undefined) reasons.add(reason)
    return mended
  }

  /**
   * Where the partitions stand, without creating what is not there; which are not here any more, and which do not
   * say that they are of our layout.
   */
  private async statesOf(
    primary: Primary,
    partitions: readonly number[],
  ): Promise<{ states: Map<number, PartitionState>; moved: Set<number>; unproven: Set<number> }> {
    const pipeline = primary.write.pipeline()
    for (const partition of partitions) pipeline.hmgetBuffer(this.metaKey(partition), 'e', COUNTERS, 'sv')
    const found = (await pipeline.exec()) ?? []
    const states = new Map<number, PartitionState>()
    const moved = new Set<number>()
    const unproven = new Set<number>()
    for (const [place, partition] of partitions.entries()) {
      const [error, value] = found[place] ?? []
      if (error) {
        // Half way to another node, which will be asked; nothing here is to be judged.
        if (/^ASK\b/.test(error.message)) {
          unproven.add(partition)
          continue
        }
        if (!/^MOVED\b/.test(error.message)) throw error
        moved.add(partition)
        continue
      }
      const [epoch, counters, schema] = asList(value)
      if (String(schema) !== SCHEMA) unproven.add(partition)
      states.set(partition, {
        epoch: Buffer.isBuffer(epoch) ? epoch.toString('latin1') : undefined,
        version: readCounters(counters).version,
      })
    }
    return { states, moved, unproven }
  }

  private async createMissing(
    topology: Topology,
    primary: Primary,
    states: ReadonlyMap<number, PartitionState>,
  ): Promise<void> {
    const missing = [...states].filter(([, { epoch }]) => epoch === undefined)
    await Promise.all(
      missing.map(([partition]) =>
        runScript(primary.write, scripts.init, this.parts.keys.partitions[partition] ?? [], [
          '',
          NO_DEADLINE,
          topology.seed(),
          0,
        ]),
      ),
    )
  }

  private metaKey(partition: number): string {
    return this.parts.keys.partitions[partition]?.[0] ?? ''
  }

  /** Nothing may be written before the configuration was seen, which in a cluster may be on another node. */
  private async whyForeign(
    topology: Topology,
    primary: Primary,
    places: readonly number[],
  ): Promise<PgrError | undefined> {
    if (this.configured && !places.includes(PLACE_OF.configuration)) return undefined
    if (places.length === 0) return undefined
    const { configuration } = this.parts.keys
    const home = topology.at(PLACE_OF.configuration) ?? primary
    const untilMs = performance.now() + CONFIGURATION_WITHIN_MS
    while (home.write.status !== 'ready' && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 5).unref())
    const ours = [SCHEMA, String(PARTITIONS), HASH]
    // A script that may write is refused by a server that takes no writes at the moment, which may be read all the same.
    let theirs: readonly (string | null)[] = await home.write.hmget(
      configuration,
      'schema',
      'partitions',
      'hash',
    )
    if (theirs[0] === null) {
      const found = asList(await runScript(home.write, scripts.configure, [configuration], ours))
      theirs = ours.map((_, place) => textAt(found, place))
    }
    if (theirs.every((value, place) => value === ours[place])) {
      this.configured = true
      return undefined
    }
    return misconfigured(
      `the data under ${configuration} has schema ${theirs[0]}, ${theirs[1]} partitions and hash ${theirs[2]}; this version of pgr writes schema ${ours[0]}, ${ours[1]} partitions and hash ${ours[2]}; use another key prefix`,
    )
  }
}
