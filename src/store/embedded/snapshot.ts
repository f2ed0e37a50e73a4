import type { UnitId } from '../../model/unit.ts'
import type { ChangeLog, Entry, Watcher } from './change-log.ts'
import type { Group } from './group.ts'
import type { FrozenSet, MetricSet } from './metric-set.ts'
import type { FrozenSlice } from './operations.ts'

export type FrozenUnit = Group | FrozenSet

/** A unit as it was at the instant of a snapshot. */
export interface FrozenEntry {
  readonly id: UnitId
  readonly version: number
  readonly unit: FrozenUnit
}

/** All a store holds at one instant. */
export interface StoreState {
  readonly clockMs: number
  readonly version: number
  readonly wiped: number
  readonly operations: Iterable<FrozenSlice>
  /** Each unit once, in no promised order; `undefined` for a step that came to none. */
  readonly units: Iterable<FrozenEntry | undefined>
}

type Unit = Group | MetricSet

/**
 * The units of a log as they are when this is made, to be read little by little while the log goes on: a unit that is
 * about to change is put by as it was, unless it was read already. Making it costs the same however much is stored.
 */
export class Snapshot implements Watcher<Unit> {
  private readonly log: ChangeLog<Unit>
  private readonly version: number
  private next: Entry<Unit> | undefined
  private readonly kept = new Map<UnitId, FrozenEntry>()

  constructor(log: ChangeLog<Unit>) {
    this.log = log
    this.version = log.version
    this.next = log.oldest
    log.watcher = this
  }

  /** To be run through once. */
  *units(): Generator<FrozenEntry | undefined> {
    for (;;) {
      for (const [id, entry] of this.kept) {
        this.kept.delete(id)
        yield entry
      }
      const entry = this.next
      if (entry === undefined || entry.version > this.version) return
      this.next = entry.after
      yield freeze(entry)
    }
  }

  /** Puts nothing by any more. */
  close(): void {
    if (this.log.watcher === this) this.log.watcher = undefined
    this.next = undefined
    this.kept.clear()
  }

  leaving(entry: Entry<Unit>): void {
    if (this.next === undefined || entry.version < this.next.version || entry.version > this.version) return
    if (entry === this.next) this.next = entry.after
    else if (this.kept.has(entry.id)) return
    const frozen = freeze(entry)
    if (frozen !== undefined) this.kept.set(entry.id, frozen)
  }
}

function freeze({ id, version, unit }: Entry<Unit>): FrozenEntry | undefined {
  if (unit === undefined) return undefined
  return { id, version, unit: unit.kind === 'set' ? unit.freeze() : unit }
}
