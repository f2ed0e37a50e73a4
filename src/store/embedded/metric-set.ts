import { type Labels, labelKey } from '../../model/labels.ts'
import type { UnitId } from '../../model/unit.ts'
import {
  SET_PAGE_METRICS,
  type SetChange,
  type SetFamily,
  type SetFamilyState,
  type SetMetric,
  type SetPage,
  type SetSample,
  type SetWrite,
} from '../store.ts'
import { isLive } from './expiry.ts'
import type { Moment } from './group.ts'
import { type Size, textBytes } from './limits.ts'
import { decideSample, expiryOfSample, type Ignored, type Stored } from './sample.ts'

/** A metric in its place, or the memory of a removed one. A change puts a new slot there; readers keep the old one. */
export interface Slot extends SetMetric, Stored {
  /** Canonical text of the labels. */
  readonly key: string
  readonly series: number
}

interface HeldFamily {
  state: SetFamilyState
  /** Slot by canonical text of the labels. */
  readonly slots: Map<string, number>
}

/** A sample that will have an effect. */
interface Accepted {
  readonly family: SetFamily
  readonly sample: SetSample
  readonly key: string
  readonly timestampMs: number
}

/** What a write would do; made without changing anything, so that it can still be refused. */
export interface Plan {
  readonly accepted: readonly Accepted[]
  readonly ignored: Ignored
  /** A sample expected another metric than there is. */
  readonly conflict: boolean
  /** Metrics shown that were not, less those no longer shown. */
  readonly growth: number
  /** What the set counts for afterwards, at most. */
  readonly size: Size
}

/** A set as it is at one instant; what becomes of the set does not touch it. */
export interface FrozenSet {
  readonly kind: 'set'
  readonly labels: Labels
  readonly createdMs: number
  readonly pushedMs: number
  readonly protocol: string
  readonly families: readonly SetFamilyState[]
  readonly slots: readonly Omit<Slot, 'key'>[]
}

/** Slots a set may have before it is first looked through for dead ones. */
const FIRST_COMPACTION = 2 * SET_PAGE_METRICS

/** Bytes a slot counts for beside its labels and blob. */
const SLOT_BYTES = 24

/**
 * A set of series with merge semantics. Metrics stand in slots in the order they came, `SET_PAGE_METRICS` to a page.
 * Slots of expired metrics stay until there are too many: then the set is compacted, which every reader is told by a
 * change that is `whole`. That happens at most once per doubling, so a write's cost is its own samples.
 */
export class MetricSet implements Size {
  readonly kind = 'set'
  readonly labels: Labels
  readonly createdMs: number
  pushedMs = 0
  protocol = ''
  series = 0
  bytes: number
  private families: HeldFamily[] = []
  private readonly byName = new Map<string, number>()
  private slots: Slot[] = []
  private pageVersions: number[] = []
  /** Version since which no slot moved. */
  private wholeSince = 0
  private compactAt = FIRST_COMPACTION
  /** Slots that are no memory, expired or not; how many of them never expire. */
  private shown = 0
  private eternal = 0
  /** Nothing shown expires before the first; everything finite has by the second. */
  private earliestMs = Number.POSITIVE_INFINITY
  private latestMs = 0
  /** The same end for what is only remembered. */
  private memoryMs = 0

  constructor(labels: Labels, createdMs: number) {
    this.labels = labels
    this.createdMs = createdMs
    this.bytes = textBytes(labels)
  }

  /** When everything in it has expired, at the latest. */
  get expiresMs(): number {
    if (this.eternal > 0) return 0
    // A set that never held anything is not stored; 1 is long past.
    return Math.max(this.shown > 0 ? this.latestMs : 0, this.memoryMs, 1)
  }

  plan({ families, ttlMs }: SetWrite, nowMs: number): Plan {
    const accepted: Accepted[] = []
    const ignored = { older: 0, expired: 0 }
    let growth = 0
    let conflict = false
    let { series, bytes } = this
    for (const family of families) {
      const held = this.held(family.name)
      if (held === undefined) bytes += familyBytes(family)
      for (const sample of family.metrics) {
        const key = sample.key ?? labelKey(sample.labels)
        const slot = this.slots[held?.slots.get(key) ?? -1]
        const stored = slot !== undefined && isLive(slot.expiresMs, nowMs) ? slot : undefined
        conflict ||= sample.expectedMs !== undefined && sample.expectedMs !== shownMs(stored)
        const decision = decideSample(stored, sample, { ttlMs, nowMs })
        if (decision.outcome === 'ignore') ignored[decision.reason]++
        if (decision.outcome !== 'store') continue
        const isShown = stored !== undefined && !stored.removed
        growth += Number(sample.content !== 'stale') - Number(isShown)
        series += seriesOf(sample) - (slot?.series ?? 0)
        bytes += slotBytes(key, sample.content) - (slot === undefined ? 0 : slotBytes(key, slot.content))
        accepted.push({ family, sample, key, timestampMs: decision.timestampMs })
      }
    }
    return { accepted, ignored, conflict, growth, size: { series, bytes } }
  }

  /** Metrics the set would show after a write of this growth; exact when that is more than `enough`. */
  shownAfter(growth: number, enough: number, nowMs: number): number {
    if (this.shown + growth <= enough || nowMs < this.earliestMs) return this.shown + growth
    let live = 0
    let earliestMs = Number.POSITIVE_INFINITY
    for (const { removed, expiresMs } of this.slots) {
      if (removed) continue
      if (isLive(expiresMs, nowMs)) live++
      if (expiresMs !== 0) earliestMs = Math.min(earliestMs, expiresMs)
    }
    this.earliestMs = earliestMs
    return live + growth
  }

  /** Carries out a plan made of the set as it is. */
  apply(plan: Plan, write: SetWrite, at: Moment): void {
    if (this.slots.length === 0) this.wholeSince = at.version
    if (this.slots.length + plan.accepted.length > this.compactAt) this.compact(at)
    this.pushedMs = at.nowMs
    this.protocol = write.protocol
    for (const accepted of plan.accepted) this.store(accepted, write.ttlMs, at)
  }

  freeze(): FrozenSet {
    const { kind, labels, createdMs, pushedMs, protocol } = this
    const families = this.families.map(({ state }) => state)
    return { kind, labels, createdMs, pushedMs, protocol, families, slots: [...this.slots] }
  }

  /** A set as it was, less what has expired since; undefined when that is all. */
  static thaw(frozen: FrozenSet, at: Moment): MetricSet | undefined {
    const live = frozen.slots.filter(({ expiresMs }) => isLive(expiresMs, at.nowMs))
    if (live.length === 0) return undefined
    const set = new MetricSet(frozen.labels, frozen.createdMs)
    set.pushedMs = frozen.pushedMs
    set.protocol = frozen.protocol
    set.wholeSince = at.version
    set.compactAt = Math.max(FIRST_COMPACTION, 2 * live.length)
    for (const state of frozen.families) set.addFamily(state)
    for (const slot of live) {
      const key = labelKey(slot.labels)
      const place = set.slots.length
      set.families[slot.family]?.slots.set(key, place)
      set.fill(place, { ...slot, key }, at.version)
    }
    return set
  }

  /** The set as told to a reader that has everything up to version `base`. */
  tell(id: UnitId, version: number, base: number): SetChange {
    const pages: SetPage[] = []
    for (const [number, pageVersion] of this.pageVersions.entries()) {
      if (pageVersion <= base) continue
      const slots = this.slots.slice(number * SET_PAGE_METRICS, (number + 1) * SET_PAGE_METRICS)
      pages.push({ number, metrics: slots.filter(({ removed }) => !removed) })
    }
    return {
      kind: 'set',
      id,
      version,
      labels: this.labels,
      createdMs: this.createdMs,
      pushedMs: this.pushedMs,
      protocol: this.protocol,
      whole: this.wholeSince > base,
      families: this.families.map(({ state }) => state),
      pages,
    }
  }

  private held(name: string): HeldFamily | undefined {
    return this.families[this.byName.get(name) ?? -1]
  }

  private store({ family, sample, key, timestampMs }: Accepted, ttlMs: number, at: Moment): void {
    const index = this.enterFamily(family, at.nowMs)
    const slots = this.families[index]?.slots
    const place = slots?.get(key) ?? this.slots.length
    slots?.set(key, place)
    this.count(this.slots[place], -1)
    const slot: Slot = {
      family: index,
      labels: sample.labels,
      timestampMs,
      explicit: sample.timestampMs !== undefined,
      expiresMs: expiryOfSample(sample, ttlMs, at.nowMs),
      content: ownContent(sample.content),
      key,
      series: seriesOf(sample),
      removed: sample.content === 'stale',
    }
    this.fill(place, slot, at.version)
  }

  private fill(place: number, slot: Slot, version: number): void {
    this.slots[place] = slot
    this.pageVersions[Math.floor(place / SET_PAGE_METRICS)] = version
    this.count(slot, 1)
    if (slot.removed) this.memoryMs = Math.max(this.memoryMs, slot.expiresMs)
    else if (slot.expiresMs !== 0) {
      this.earliestMs = Math.min(this.earliestMs, slot.expiresMs)
      this.latestMs = Math.max(this.latestMs, slot.expiresMs)
    }
  }

  private enterFamily({ name, type, help, unit }: SetFamily, nowMs: number): number {
    const index = this.byName.get(name) ?? this.families.length
    const held = this.families[index]
    const state = {
      name,
      type,
      help,
      unit,
      firstSeenMs: held?.state.type === type ? held.state.firstSeenMs : nowMs,
    }
    if (held === undefined) {
      this.addFamily(state)
    } else {
      this.bytes += familyBytes(state) - familyBytes(held.state)
      held.state = state
    }
    return index
  }

  private addFamily(state: SetFamilyState): void {
    this.bytes += familyBytes(state)
    this.byName.set(state.name, this.families.length)
    this.families.push({ state, slots: new Map() })
  }

  private count(slot: Slot | undefined, sign: 1 | -1): void {
    if (slot === undefined) return
    this.series += sign * slot.series
    this.bytes += sign * slotBytes(slot.key, slot.content)
    if (slot.removed) return
    this.shown += sign
    if (slot.expiresMs === 0) this.eternal += sign
  }

  /** Closes the gaps when they are worth it: a quarter of the slots dead. */
  private compact({ nowMs, version }: Moment): void {
    const live = this.slots.filter(({ expiresMs }) => isLive(expiresMs, nowMs))
    const worthIt = live.length <= 0.75 * this.slots.length
    this.compactAt = Math.max(FIRST_COMPACTION, 2 * (worthIt ? live.length : this.slots.length))
    if (!worthIt) return
    for (const slot of this.slots) if (!isLive(slot.expiresMs, nowMs)) this.drop(slot)
    const indexes = this.packFamilies()
    this.slots = live.map((slot) => ({ ...slot, family: indexes[slot.family] ?? 0 }))
    for (const [place, { family, key }] of this.slots.entries()) this.families[family]?.slots.set(key, place)
    this.pageVersions = Array.from({ length: Math.ceil(live.length / SET_PAGE_METRICS) }, () => version)
    this.wholeSince = version
  }

  private drop(slot: Slot): void {
    this.count(slot, -1)
    this.families[slot.family]?.slots.delete(slot.key)
  }

  /** Drops families without a slot; returns the new index of each old one. */
  private packFamilies(): readonly number[] {
    const indexes: number[] = []
    const kept: HeldFamily[] = []
    this.byName.clear()
    for (const family of this.families) {
      indexes.push(kept.length)
      if (family.slots.size === 0) {
        this.bytes -= familyBytes(family.state)
      } else {
        this.byName.set(family.state.name, kept.length)
        kept.push(family)
      }
    }
    this.families = kept
    return indexes
  }
}

function seriesOf({ content, series }: SetSample): number {
  return content === 'stale' ? 0 : series
}

/** Timestamp of a metric that is there, else 0. */
function shownMs(stored: Stored | undefined): number {
  return stored === undefined || stored.removed ? 0 : stored.timestampMs
}

/** What is remembered of a removed metric has no value. */
function ownContent(content: SetSample['content']): number | Uint8Array {
  return content === 'stale' ? Number.NaN : content
}

function slotBytes(key: string, content: SetSample['content']): number {
  return key.length + SLOT_BYTES + (content instanceof Uint8Array ? content.byteLength : 0)
}

function familyBytes({ name, help, unit }: { name: string; help: string; unit: string }): number {
  return name.length + help.length + unit.length
}
