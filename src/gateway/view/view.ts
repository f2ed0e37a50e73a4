import type { Labels } from '../../model/labels.ts'
import { DIGEST_MODULUS, digestOf, type UnitId } from '../../model/unit.ts'
import type {
  ChangePage,
  FamilyState,
  GroupChange,
  Position,
  ResetReason,
  UnitChange,
  Written,
} from '../../store/store.ts'
import { Duplicates } from './duplicates.ts'
import { FamilyIndex } from './families.ts'
import { Heap } from './heap.ts'
import type { Hint } from './hints.ts'
import { SetEntries } from './sets.ts'
import {
  blobOf,
  type Content,
  type Entry,
  type EntryState,
  makeUnit,
  PUSH_FAILURE_TIME,
  PUSH_TIME,
  storedBytes,
  type Unit,
} from './unit.ts'

/** Hears of everything that may change a page. */
export interface ViewListener {
  /** The entry is about to show something else, to come or to go; it and all others still are as they were. */
  entryChanging(entry: Entry): void
  /** What the entry shows changed, or the entry came or went. */
  entryChanged(entry: Entry): void
  /** Who decides over the family may have changed. */
  familyChanged(name: string): void
}

export interface ViewTold {
  expired(protocol: string, series: number): void
  reset(partition: number, reason: ResetReason): void
}

interface Partition {
  position: Position
  /** The store's clock as of the last page. */
  nowMs: number
  /** Instant (performance.now) at which the store's clock had not passed `nowMs` yet. */
  nowAtMs: number
  digest: number
  /** A change of the read under way left something out that was not here. */
  gap: boolean
  /** Highest version of a write of this replica that was shown before the store told of it. */
  ownVersion: number
  /** From this version up to `ownVersion` there is nothing but such writes. */
  ownSince: number
  readonly units: Map<UnitId, Unit>
  readonly queue: Heap<{ readonly unit: Unit; readonly atMs: number }>
}

const UNREAD: Position = { epoch: '', version: 0, wiped: 0 }

/**
 * The materialised view: everything stored, as of the last page of changes, plus this replica's own writes at once. It
 * knows no I/O; `Sync` feeds it. What is expired by the store's clock is gone from it.
 */
export class View {
  readonly units = new Map<UnitId, Unit>()
  readonly families = new Map<string, FamilyIndex>()
  readonly #identities = new Map<string, Unit[]>()
  readonly #partitions: Partition[]
  readonly #listeners = new Set<ViewListener>()
  readonly #duplicates: Duplicates
  readonly #sets: SetEntries
  readonly #told: ViewTold
  #series = 0
  #bytes = 0
  #live = 0
  #forgotten = 0
  #stamp = 0

  constructor(partitions: number, told: ViewTold) {
    this.#told = told
    this.#duplicates = new Duplicates(this.families, this.unitsOf, {
      changing: this.#changing,
      changed: (entry) => {
        for (const listener of this.#listeners) listener.entryChanged(entry)
      },
    })
    this.#sets = new SetEntries({
      entriesOf: (family) => this.families.get(family)?.entries ?? [],
      changing: this.#changing,
      setEntry: (unit, state, content) => this.#setEntry(unit, state, content),
      dropEntry: (entry) => this.#dropEntry(entry),
      headChanged: (family) => {
        for (const listener of this.#listeners) listener.familyChanged(family)
      },
    })
    this.#partitions = Array.from({ length: partitions }, () => ({
      position: UNREAD,
      nowMs: 0,
      nowAtMs: 0,
      digest: 0,
      gap: false,
      ownVersion: 0,
      ownSince: 1,
      units: new Map(),
      queue: new Heap((a, b) => a.atMs < b.atMs),
    }))
  }

  /** What is stored and live; the push times, which nobody pushed, do not count as series. */
  get totals(): { units: number; series: number; bytes: number; families: number } {
    return { units: this.#live, series: this.#series, bytes: this.#bytes, families: this.families.size }
  }

  /** What the store's clock shows at most at `atMs` (performance.now), going by the last pages; 0 before the first. */
  clockAt(atMs: number): number {
    return this.#partitions.reduce((latest, partition) => Math.max(latest, clockAt(partition, atMs)), 0)
  }

  positions(): Position[] {
    return this.#partitions.map((partition) => partition.position)
  }

  /**
   * False while a partition was never read to its end, is being read anew, or disagrees with the store: then what is
   * here may be less than what is stored, or other than it ever was.
   */
  get whole(): boolean {
    return this.#partitions.every(({ position }) => position.epoch !== '')
  }

  /** Another number whenever something that is stored came, went or changed. */
  get stamp(): number {
    return this.#stamp
  }

  /** How often a partition was emptied to be read anew. */
  get forgotten(): number {
    return this.#forgotten
  }

  /**
   * Hides what has expired by `atMs` (performance.now), from what the store's clock was at the last page of each
   * partition; for when no further page comes. It hides a moment too early, by the time the page took to come, rather
   * than too late. The clock itself stays as it was told, so that what the store tells next is judged by its own time.
   */
  advance(atMs: number): void {
    for (const partition of this.#partitions) this.#expire(partition, clockAt(partition, atMs))
  }

  listen(listener: ViewListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What is known of a family whose series came without a type. The same object while nothing changes. */
  hintFor(family: string): Hint {
    return this.#sets.hints.ofNumbers(family)
  }

  /** What metadata says of a family of this name; undefined when it says nothing. */
  metadataOf(family: string): Hint | undefined {
    return this.#sets.hints.get(family)
  }

  unitsOf = (identity: string): readonly Unit[] => this.#identities.get(identity) ?? []

  /**
   * Applies a page that was asked for at `askedAtMs` (performance.now); false when view and store disagree, and the
   * partition will be read from the start.
   */
  applyPage(page: ChangePage, askedAtMs: number): boolean {
    const partition = this.#partitions[page.partition] as Partition
    if (page.reset !== undefined) this.#forget(partition, page)
    if (page.wiped > partition.position.wiped) this.#wipe(partition, page.wiped)
    if (page.nowMs >= partition.nowMs) {
      partition.nowMs = page.nowMs
      partition.nowAtMs = askedAtMs
    }
    for (const change of page.changes) if (!this.#apply(partition, change, false)) partition.gap = true
    this.#expire(partition, partition.nowMs)
    if (!page.done) {
      // Half a partition is no position to continue from, should the next page never come.
      partition.position = {
        epoch: page.reset === undefined ? partition.position.epoch : '',
        version: partition.position.version,
        wiped: page.wiped,
      }
      return true
    }
    partition.position = { epoch: page.epoch, version: page.version, wiped: page.wiped }
    passOwn(partition)
    const comparable = partition.ownVersion <= page.version
    const { gap } = partition
    partition.gap = false
    if (!gap && (!comparable || page.digest === undefined || page.digest === partition.digest)) return true
    partition.position = UNREAD
    this.#told.reset(page.partition, 'digest')
    return false
  }

  /**
   * Shows a write of this replica at once, without waiting for the store to tell of it; unless others wrote to the unit
   * meanwhile: what they wrote is not in it, and would be taken for old when the next page tells of it.
   */
  applyOwn(written: Written): void {
    const { change, epoch } = written
    const partition = this.#partitions[written.partition] as Partition
    if (change === undefined || epoch !== partition.position.epoch) return
    if (!this.#follows(change, partition.nowMs)) return
    noteOwn(partition, change.version, this.#apply(partition, change, true))
    passOwn(partition)
  }

  /**
   * Settles which of equal series in different units is shown; cost follows what changed since the last call. False when
   * `until` (performance.now) came first.
   */
  resolve(until: number): boolean {
    return this.#duplicates.resolve(until)
  }

  /** Whether the unit is known as it was before an own change of it. */
  #follows(change: UnitChange, nowMs: number): boolean {
    const known = this.units.get(change.id)
    switch (change.kind) {
      case 'gone':
        return true
      case 'group':
        if (change.follows !== undefined) return known?.version === change.follows
        return change.families.every(
          ({ name, version, blob, expiresMs }) =>
            blob !== undefined || known?.entries.get(name)?.version === version || isPast(expiresMs, nowMs),
        )
      case 'set':
        return change.whole || known?.version === change.follows
    }
  }

  #forget(partition: Partition, page: ChangePage): void {
    this.#forgotten++
    for (const unit of partition.units.values()) this.#dropUnit(partition, unit)
    partition.queue.clear()
    partition.digest = 0
    partition.gap = false
    partition.ownVersion = 0
    partition.ownSince = 1
    partition.position = { ...UNREAD, wiped: page.wiped }
    if (page.reset !== undefined) this.#told.reset(page.partition, page.reset)
  }

  #wipe(partition: Partition, wiped: number): void {
    for (const unit of partition.units.values()) if (unit.version <= wiped) this.#dropUnit(partition, unit)
  }

  /** False when a blob is missing, as it is to a reader with a gap, or to one that hid a family too early. */
  #apply(partition: Partition, change: UnitChange, own: boolean): boolean {
    const known = this.units.get(change.id)
    if (known !== undefined && (own ? known.version >= change.version : known.version > change.version))
      return true
    if (change.kind === 'gone') {
      if (known !== undefined) this.#dropUnit(partition, known)
      return true
    }
    if (change.version <= partition.position.wiped) return true
    const unit = known ?? this.#addUnit(partition, change.id, change.labels)
    this.#digest(partition, unit, change.version)
    unit.createdMs = change.createdMs
    unit.pushedMs = change.pushedMs
    unit.protocol = change.protocol
    const whole =
      change.kind === 'group'
        ? this.#applyGroup(partition, unit, change)
        : this.#sets.apply(unit, change, partition.nowMs)
    this.#queue(partition, unit)
    return whole
  }

  #applyGroup(partition: Partition, unit: Unit, change: GroupChange): boolean {
    unit.failedMs = change.failedMs
    unit.failure = change.failure
    unit.expiresMs = change.expiresMs
    let whole = true
    let live = 0
    for (const family of change.families) {
      if (isPast(family.expiresMs, partition.nowMs)) continue
      live++
      whole = this.#applyFamily(unit, family) && whole
    }
    // A push mostly replaces what is there: then nothing is looked for that went.
    const mayDrop = change.follows === undefined && unit.entries.size > live + timesOf(unit)
    if (!whole || mayDrop) this.#dropOthers(partition, unit, change)
    if (isPast(unit.expiresMs, partition.nowMs)) {
      for (const entry of unit.entries.values()) this.#dropEntry(entry)
      return whole
    }
    this.#applyTime(unit, PUSH_TIME, change.pushedMs)
    this.#applyTime(unit, PUSH_FAILURE_TIME, change.failedMs)
    return whole
  }

  #dropOthers(partition: Partition, unit: Unit, { families }: GroupChange): void {
    const live = new Set([PUSH_TIME, PUSH_FAILURE_TIME])
    for (const { name, expiresMs } of families) if (!isPast(expiresMs, partition.nowMs)) live.add(name)
    for (const entry of unit.entries.values()) if (!live.has(entry.name)) this.#dropEntry(entry)
  }

  #applyFamily(unit: Unit, family: FamilyState): boolean {
    const known = unit.entries.get(family.name)
    if (known !== undefined && known.version === family.version) return true
    if (family.blob === undefined) return false
    this.#setEntry(unit, family, storedBytes(family.blob))
    return true
  }

  #applyTime(unit: Unit, name: string, timeMs: number): void {
    const known = unit.entries.get(name)
    const seconds = timeMs / 1000
    if (known !== undefined && known.content.kind === 'time' && known.content.seconds === seconds) {
      known.expiresMs = unit.expiresMs
      return
    }
    const { version, expiresMs, pushedMs, createdMs: firstSeenMs } = unit
    const state = { name, type: 'gauge', series: 1, version, expiresMs, pushedMs, firstSeenMs } as const
    this.#setEntry(unit, state, { kind: 'time', seconds })
  }

  // Fields are named one by one here: measured, spreading an object costs more than everything else a push does to
  // the view.
  #setEntry(unit: Unit, state: EntryState, content: Content): void {
    const { type, version, series, expiresMs, pushedMs, firstSeenMs } = state
    let entry = unit.entries.get(state.name)
    let isOther = true
    if (entry === undefined) {
      const index = this.#indexOf(state.name)
      // One text for all units: stores hand out a new one with each.
      const { name } = index
      entry = {
        unit,
        name,
        type,
        version,
        series,
        expiresMs,
        pushedMs,
        firstSeenMs,
        content,
        place: -1,
        duplicates: undefined,
        rivals: undefined,
        keys: undefined,
      }
      this.#changing(entry)
      if (unit.entries.size === 0) this.#live++
      unit.entries.set(name, entry)
      index.add(entry)
    } else {
      const { type: typeBefore, firstSeenMs: firstSeenBefore } = entry
      isOther =
        typeBefore !== type || firstSeenBefore !== firstSeenMs || !haveEqualBytes(entry.content, content)
      if (isOther) this.#changing(entry)
      this.#count(entry, -1)
      this.#bytes -= bytesOf(entry.content)
      entry.type = type
      entry.version = version
      entry.series = series
      entry.expiresMs = expiresMs
      entry.pushedMs = pushedMs
      entry.firstSeenMs = firstSeenMs
      // Also when the bytes are equal: those that were there stand beside others of an earlier push.
      entry.content = content
      if (isOther) entry.keys = undefined
      if (typeBefore !== type) this.#indexOf(entry.name).retype(entry, typeBefore)
      else if (firstSeenBefore !== firstSeenMs) this.#indexOf(entry.name).aged(entry)
    }
    this.#count(entry, 1)
    this.#bytes += bytesOf(content)
    if (isOther) this.#changed(entry)
  }

  #dropEntry(entry: Entry): void {
    this.#changing(entry)
    const { unit, name } = entry
    unit.entries.delete(name)
    if (unit.entries.size === 0) this.#live--
    this.#count(entry, -1)
    this.#bytes -= bytesOf(entry.content)
    const index = this.families.get(name)
    index?.remove(entry)
    if (index?.entries.length === 0) this.families.delete(name)
    this.#changed(entry)
  }

  /** Adds the series of an entry, or takes them off. The push times do not count: nobody pushed them. */
  #count(entry: Entry, sign: 1 | -1): void {
    if (entry.content.kind === 'time') return
    const series = sign * entry.series
    this.#series += series
    entry.unit.series += series
  }

  readonly #changing = (entry: Entry): void => {
    for (const listener of this.#listeners) listener.entryChanging(entry)
  }

  #changed(entry: Entry): void {
    this.#stamp++
    this.#duplicates.note(entry)
    for (const listener of this.#listeners) {
      listener.entryChanged(entry)
      listener.familyChanged(entry.name)
    }
  }

  #addUnit(partition: Partition, id: UnitId, labels: Labels): Unit {
    const unit = makeUnit(id, labels)
    this.units.set(id, unit)
    partition.units.set(id, unit)
    const same = this.#identities.get(unit.identity)
    if (same === undefined) this.#identities.set(unit.identity, [unit])
    else same.push(unit)
    return unit
  }

  #dropUnit(partition: Partition, unit: Unit): void {
    for (const entry of unit.entries.values()) this.#dropEntry(entry)
    if (unit.kind !== 'group') this.#sets.drop(unit)
    this.#digest(partition, unit, 0)
    this.units.delete(unit.id)
    partition.units.delete(unit.id)
    unit.queuedMs = Number.POSITIVE_INFINITY
    const same = this.#identities.get(unit.identity)?.filter((other) => other !== unit) ?? []
    if (same.length === 0) this.#identities.delete(unit.identity)
    else this.#identities.set(unit.identity, same)
  }

  /** Moves a unit to a version (0 = gone) and the partition's digest with it. */
  #digest(partition: Partition, unit: Unit, version: number): void {
    const before = unit.version === 0 ? 0 : digestOf(unit.id, unit.version)
    const after = version === 0 ? 0 : digestOf(unit.id, version)
    partition.digest =
      (((partition.digest - before + after) % DIGEST_MODULUS) + DIGEST_MODULUS) % DIGEST_MODULUS
    unit.version = version
  }

  #queue(partition: Partition, unit: Unit): void {
    const nextMs = nextExpiry(unit)
    if (nextMs >= unit.queuedMs) return
    unit.queuedMs = nextMs
    partition.queue.push({ unit, atMs: nextMs })
  }

  #expire(partition: Partition, nowMs: number): void {
    for (
      let top = partition.queue.peek();
      top !== undefined && top.atMs <= nowMs;
      top = partition.queue.peek()
    ) {
      partition.queue.pop()
      const { unit } = top
      if (unit.queuedMs !== top.atMs || this.units.get(unit.id) !== unit) continue
      unit.queuedMs = Number.POSITIVE_INFINITY
      this.#expireUnit(unit, nowMs)
      this.#queue(partition, unit)
    }
  }

  #expireUnit(unit: Unit, nowMs: number): void {
    let series = 0
    for (const entry of unit.entries.values()) {
      if (entry.content.kind === 'paged') continue
      if (!isPast(entry.expiresMs, nowMs)) continue
      if (entry.content.kind === 'blob') series += entry.series
      this.#dropEntry(entry)
    }
    if (unit.pages.size > 0) series += this.#sets.expire(unit, nowMs)
    if (series > 0) this.#told.expired(unit.protocol, series)
  }

  #indexOf(name: string): FamilyIndex {
    const known = this.families.get(name)
    if (known !== undefined) return known
    const fresh = new FamilyIndex(name)
    this.families.set(name, fresh)
    return fresh
  }
}

function clockAt({ nowMs, nowAtMs }: Partition, atMs: number): number {
  return nowMs === 0 ? 0 : nowMs + Math.max(0, atMs - nowAtMs)
}

/** Notes a write of this replica as one that a read need not bring any more, if it was taken in whole. */
function noteOwn(partition: Partition, version: number, whole: boolean): void {
  const { ownVersion, ownSince } = partition
  if (version > ownVersion) {
    if (!whole) partition.ownSince = version + 1
    else if (version > ownVersion + 1) partition.ownSince = version
    partition.ownVersion = version
  } else if (whole && version === ownSince - 1) {
    partition.ownSince = version
  }
}

/**
 * Moves the position behind the own writes that it has come to. What the store tells is older than they are, because it was
 * asked before; without this, every read would bring back all own writes since the one before it.
 */
function passOwn(partition: Partition): void {
  const { position, ownVersion, ownSince } = partition
  const { epoch, version, wiped } = position
  if (ownVersion > version && ownSince <= version + 1)
    partition.position = { epoch, version: ownVersion, wiped }
}

/** How many of its entries are times of the group. */
function timesOf({ entries }: Unit): number {
  return Number(entries.has(PUSH_TIME)) + Number(entries.has(PUSH_FAILURE_TIME))
}

function isPast(expiresMs: number, nowMs: number): boolean {
  return expiresMs !== 0 && expiresMs <= nowMs
}

function nextExpiry(unit: Unit): number {
  let next = Number.POSITIVE_INFINITY
  for (const { expiresMs } of unit.entries.values()) if (expiresMs !== 0 && expiresMs < next) next = expiresMs
  for (const page of unit.pages.values()) if (page.expiresMs < next) next = page.expiresMs
  return next
}

/** Jobs push all they have, of which most did not change: that is no change to any page. */
function haveEqualBytes(a: Content, b: Content): boolean {
  return a.kind === 'blob' && b.kind === 'blob' && a.bytes === b.bytes && blobOf(a).equals(blobOf(b))
}

function bytesOf(content: Content): number {
  return content.kind === 'blob' ? content.bytes : 0
}
