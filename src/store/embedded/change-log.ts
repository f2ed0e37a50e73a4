import { DIGEST_MODULUS, digestOf, type UnitId } from '../../model/unit.ts'
import type { Position, ResetReason } from '../store.ts'
import type { Due } from './due-queue.ts'

/** A unit's place in the order of changes. Without a unit it is a tombstone. */
export interface Entry<U> extends Due {
  readonly id: UnitId
  version: number
  unit: U | undefined
  /** When the unit was removed; for tombstones. */
  goneMs: number
  before: Entry<U> | undefined
  after: Entry<U> | undefined
}

/** Is told of an entry before it leaves its place in the order, and before its unit changes in its place. */
export interface Watcher<U> {
  leaving(entry: Entry<U>): void
}

/** How far a reader has come: everything up to `version`; `entry` is where that was, unless it moved on since. */
export interface Cursor<U> {
  readonly version: number
  readonly entry: Entry<U> | undefined
}

/**
 * All units of one partition in the order of their last change, as a linked list with an entry per unit: a change moves
 * its unit to the end, so the log compacts itself, and what changed since a version is found from the end at a cost
 * that depends on nothing else.
 */
export class ChangeLog<U> {
  readonly epoch: string
  version = 0
  /** Every unit at or below this version is gone. */
  wiped = 0
  /** The highest version ever forgotten; readers below it may have missed a removal. */
  floor = 0
  digest = 0
  watcher: Watcher<U> | undefined
  private entries = new Map<UnitId, Entry<U>>()
  /** Oldest first: a set keeps the order of insertion. */
  private readonly tombstones = new Set<Entry<U>>()
  private first: Entry<U> | undefined
  private last: Entry<U> | undefined

  constructor(epoch: string) {
    this.epoch = epoch
  }

  /** The unit's entry, if there is a unit. */
  get(id: UnitId): Entry<U> | undefined {
    const entry = this.entries.get(id)
    return entry?.unit === undefined ? undefined : entry
  }

  /** The entry that changed longest ago. */
  get oldest(): Entry<U> | undefined {
    return this.first
  }

  get tombstoneCount(): number {
    return this.tombstones.size
  }

  /** Stores a unit as the next version. */
  put(id: UnitId, unit: U): Entry<U> {
    const entry = this.entries.get(id) ?? this.enter(id)
    this.tombstones.delete(entry)
    this.moveToEnd(entry, unit)
    this.digest = (this.digest + digestOf(id, entry.version)) % DIGEST_MODULUS
    return entry
  }

  /** Turns a unit into a tombstone as the next version. */
  bury(entry: Entry<U>, nowMs: number): void {
    this.moveToEnd(entry, undefined)
    entry.goneMs = nowMs
    this.tombstones.add(entry)
  }

  /** Forgets up to `most` tombstones that died before an instant. */
  trim(beforeMs: number, most: number): void {
    let left = most
    for (const entry of this.tombstones) {
      if (entry.goneMs > beforeMs || left-- === 0) return
      this.tombstones.delete(entry)
      this.entries.delete(entry.id)
      this.unlink(entry)
      this.floor = entry.version
      entry.version = -1
    }
  }

  /** Removes every unit and tombstone; what is left to do is the garbage collector's. */
  wipe(): void {
    this.wiped = this.version
    this.version++
    this.digest = 0
    this.entries = new Map()
    this.tombstones.clear()
    this.first = undefined
    this.last = undefined
  }

  /**
   * Takes up units as they were, in the order of their versions; the log must be empty. No removal up to `version` is
   * remembered.
   */
  restore(
    { version, wiped }: { readonly version: number; readonly wiped: number },
    units: Iterable<{ readonly id: UnitId; readonly version: number; readonly unit: U }>,
  ): void {
    for (const { id, version, unit } of units) {
      this.version = version - 1
      this.put(id, unit)
    }
    this.version = version
    this.wiped = wiped
    this.floor = version
  }

  /** Why a reader standing there must start over, if it must. */
  resetReason({ epoch, version }: Position): ResetReason | undefined {
    if (epoch === '') return 'first'
    if (epoch !== this.epoch) return 'epoch'
    if (version > this.version) return 'regress'
    return version < this.floor ? 'floor' : undefined
  }

  /** The first entry after a cursor. */
  next(cursor: Cursor<U>): Entry<U> | undefined {
    if (cursor.version <= this.wiped) return this.first
    if (cursor.entry !== undefined && cursor.entry.version === cursor.version) return cursor.entry.after
    let next: Entry<U> | undefined
    for (let entry = this.last; entry !== undefined && entry.version > cursor.version; entry = entry.before)
      next = entry
    return next
  }

  private enter(id: UnitId): Entry<U> {
    const entry: Entry<U> = {
      id,
      version: -1,
      unit: undefined,
      goneMs: 0,
      place: -1,
      before: undefined,
      after: undefined,
    }
    this.entries.set(id, entry)
    return entry
  }

  private moveToEnd(entry: Entry<U>, unit: U | undefined): void {
    if (entry.unit !== undefined) {
      this.digest = (this.digest - digestOf(entry.id, entry.version) + DIGEST_MODULUS) % DIGEST_MODULUS
    }
    if (entry.version !== -1) this.unlink(entry)
    entry.unit = unit
    entry.version = ++this.version
    entry.before = this.last
    entry.after = undefined
    if (this.last === undefined) this.first = entry
    else this.last.after = entry
    this.last = entry
  }

  private unlink(entry: Entry<U>): void {
    this.watcher?.leaving(entry)
    if (entry.before === undefined) this.first = entry.after
    else entry.before.after = entry.after
    if (entry.after === undefined) this.last = entry.before
    else entry.after.before = entry.before
  }
}
