import type { PgrError } from '../../errors/pgr-error.ts'
import type { HistoryCause } from '../../telemetry/events.ts'
import { NO_DEADLINE } from './clock.ts'
import { runScript } from './connect.ts'
import { misconfigured } from './failures.ts'
import type { History, PartitionState } from './history.ts'
import { type Info, infoNumber } from './info.ts'
import type { Journal } from './journal.ts'
import { HASH, type Keyspace, PARTITIONS, PLACE_OF, SCHEMA } from './keys.ts'
import type { KnownSets } from './known-sets.ts'
import { mend } from './mend.ts'
import { RESUBMIT, type RedisStoreOptions } from './options.ts'
import type { Primary } from './primary.ts'
import { asList, textAt } from './reply.ts'
import { scripts } from './scripts.ts'
import type { Admitted, Topology } from './topology.ts'

const CONFIGURATION_WITHIN_MS = 1000

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

/**
 * What happens to a primary, or to partitions new on it, before anything else does: is the keyspace ours, does every
 * partition exist, is its history the one known here, and does it have the writes acknowledged lately. Lost ones are
 * told and, where that is safe, written again.
 */
export class Admission {
  private readonly parts: AdmissionParts
  /** Partitions whose writes are still to be compared, and what made that necessary. */
  private readonly unmended = new Map<number, HistoryCause>()
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
    const refused = await this.whyForeign(topology, primary, places)
    if (refused !== undefined) return { refused, later: NONE }
    const later = await this.adopt(
      topology,
      primary,
      info,
      places.filter((place) => place < PARTITIONS),
    )
    this.parts.onFine(primary, info)
    return { later }
  }

  /** Resolves with the partitions that have to be looked at once more. */
  private async adopt(
    topology: Topology,
    primary: Primary,
    info: Info,
    partitions: readonly number[],
  ): Promise<ReadonlySet<number>> {
    if (partitions.length === 0) return NONE
    const { history, options } = this.parts
    const { states, moved } = await this.statesOf(primary, partitions)
    await this.createMissing(topology, primary, states)
    const mark = primary.markOf(info)
    const upSeconds = infoNumber(info, 'uptime_in_seconds')
    const isAlive = (server: object) => topology.isAlive(server)
    const { doubtful, lost, cause } = history.meet(primary, { mark, upSeconds, isAlive }, states)
    for (const partition of doubtful) this.unmended.set(partition, cause)
    this.parts.known.forgetPartitions(new Set(doubtful))
    const waiting = [...states.keys()].filter((partition) => this.unmended.has(partition))
    const { missing, failure } = await this.mend(topology, primary, waiting)
    if (lost.length > 0 || missing > 0) {
      const { endpoint } = primary
      options.tell({ kind: 'store.history', cause, endpoint, partitions: Math.max(lost.length, 1) })
    }
    if (failure?.code === 'PGR_STORE_MISCONFIGURED') throw failure
    if (failure !== undefined) return new Set([...moved, ...waiting])
    for (const partition of waiting) this.unmended.delete(partition)
    return moved
  }

  private async mend(
    topology: Topology,
    primary: Primary,
    partitions: readonly number[],
  ): Promise<{ missing: number; failure?: PgrError | undefined }> {
    if (partitions.length === 0) return { missing: 0 }
    const { options, keys } = this.parts
    const { after } = options.resubmit ?? RESUBMIT
    const causes = new Set(partitions.map((partition) => this.unmended.get(partition)))
    const startMs = performance.now()
    const mended = await mend({
      ...this.parts,
      partitions,
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
    const { checked, missing, resubmitted, lost, failure } = mended
    if (checked > 0) {
      const seconds = (performance.now() - startMs) / 1000
      const { endpoint } = primary
      options.tell({ kind: 'store.mend', endpoint, checked, missing, resubmitted, lost, seconds })
    }
    return { missing, failure }
  }

  /** Where the partitions stand, without creating what is not there; and which are not here any more. */
  private async statesOf(
    primary: Primary,
    partitions: readonly number[],
  ): Promise<{ states: Map<number, PartitionState>; moved: Set<number> }> {
    const pipeline = primary.write.pipeline()
    for (const partition of partitions) pipeline.hmget(this.metaKey(partition), 'e', 'v')
    const found = (await pipeline.exec()) ?? []
    const states = new Map<number, PartitionState>()
    const moved = new Set<number>()
    for (const [place, partition] of partitions.entries()) {
      const [error, value] = found[place] ?? []
      if (error) {
        // Half way to another node, which will be asked; nothing here is to be judged.
        if (/^ASK\b/.test(error.message)) continue
        if (!/^MOVED\b/.test(error.message)) throw error
        moved.add(partition)
        continue
      }
      const [epoch, version] = asList(value)
      states.set(partition, {
        epoch: typeof epoch === 'string' ? epoch : undefined,
        version: Number(version ?? 0),
      })
    }
    return { states, moved }
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
