import { labelKey } from '../../model/labels.ts'
import { SET_PAGE_METRICS, type SetFamily, type SetSample, type SetWrite, STALE_MEMORY_MS } from '../store.ts'
import { encodeLabels } from './codec.ts'
import { asBuffer, unitBytes } from './group-writes.ts'
import type { KnownPage, KnownSet } from './known-sets.ts'
import type { Argument } from './run-script.ts'
import { type Entry, encodeEntry, encodeFamily, encodeSample, SAMPLE_BYTES } from './set-codec.ts'

interface Planned {
  readonly slot: number
  readonly change: number
  readonly sample: SetSample
}

/** What a write does to one page. */
export interface PagePlan {
  readonly number: number
  /** Absent for a page that does not exist yet. */
  readonly known: KnownPage | undefined
  /** Slots the page has before. */
  readonly slots: number
  readonly samples: Planned[]
  readonly added: Entry[]
}

/** A set write in terms of pages and slots, as far as the dictionaries are known here. */
export interface SetPlan {
  readonly known: KnownSet | undefined
  readonly pages: readonly PagePlan[]
  readonly familyChanges: readonly Argument[]
  /** Only right when the dictionaries are known to their end. */
  readonly needsAll: boolean
  readonly opensPage: boolean
  /** Ends of series that are not there: they do nothing but may count as expired. */
  readonly skipped: readonly SetSample[]
}

/** A write that was lost and is written again, as scripts take it: see `replay.lua`. */
export interface Replay {
  /** When it was first applied, with a fraction that orders writes of one millisecond. */
  readonly at: number
  /** Epoch of the partition that was asked whether it knows the write. */
  readonly epoch: string
}

/**
 * With `remembersEnds` the end of a series takes a place of its own also where the series is not known, so that the
 * store can remember it.
 */
export function planSet(
  known: KnownSet | undefined,
  families: readonly SetFamily[],
  remembersEnds = false,
): SetPlan {
  const pages = new Map<number, PagePlan>()
  const skipped: SetSample[] = []
  const changes = new FamilyChanges(known, remembersEnds)
  const room = new Room(known, pages)
  for (const family of families) {
    const place = changes.placeOf(family)
    for (const sample of family.metrics) {
      const at = known?.placeOf(place, sample.key ?? labelKey(sample.labels))
      if (at !== undefined) {
        const page = room.page(Math.floor(at / SET_PAGE_METRICS))
        page.samples.push({ slot: at % SET_PAGE_METRICS, change: changes.numberOf(family), sample })
      } else if (sample.content === 'stale' && !remembersEnds) {
        skipped.push(sample)
      } else {
        const page = room.next()
        page.samples.push({ slot: page.slots + page.added.length, change: changes.numberOf(family), sample })
        page.added.push({ family: place, labels: sample.labels })
      }
    }
  }
  for (const { samples } of pages.values()) samples.sort((a, b) => a.slot - b.slot)
  const added = [...pages.values()].some((page) => page.added.length > 0)
  return {
    known,
    pages: [...pages.values()].sort((a, b) => a.number - b.number),
    familyChanges: changes.arguments,
    needsAll: added || skipped.length > 0 || changes.arguments.length > 0,
    opensPage: known !== undefined && [...pages.keys()].some((number) => number >= known.pages.length),
    skipped,
  }
}

/** Families that are new or told otherwise than before; numbered from 1 as they come into use. */
class FamilyChanges {
  readonly arguments: Argument[] = []
  private readonly known: KnownSet | undefined
  private readonly remembersEnds: boolean
  private readonly numbers = new Map<SetFamily, number>()
  private readonly newPlaces = new Map<string, number>()

  constructor(known: KnownSet | undefined, remembersEnds: boolean) {
    this.known = known
    this.remembersEnds = remembersEnds
  }

  placeOf(family: SetFamily): number {
    const place = this.known?.familyPlace(family.name) ?? this.newPlaces.get(family.name)
    if (place !== undefined) return place
    // Not entered yet: nothing may come of it if it holds only ends of series.
    const next = (this.known?.families.length ?? 0) + this.newPlaces.size
    if (this.remembersEnds || family.metrics.some(({ content }) => content !== 'stale'))
      this.newPlaces.set(family.name, next)
    return next
  }

  /** Number of the change that storing a sample of this family makes, 0 = none. */
  numberOf(family: SetFamily): number {
    const numbered = this.numbers.get(family)
    if (numbered !== undefined) return numbered
    const place = this.placeOf(family)
    const before = this.known?.families[place]
    const same =
      before !== undefined &&
      before.type === family.type &&
      before.help === family.help &&
      before.unit === family.unit
    if (!same) this.arguments.push(place, before?.type === family.type ? 0 : 1, encodeFamily(family))
    const number = same ? 0 : this.arguments.length / 3
    this.numbers.set(family, number)
    return number
  }
}

/** Finds the page for a new metric: the first with a free slot, else one more. */
class Room {
  private readonly known: KnownSet | undefined
  private readonly plans: Map<number, PagePlan>
  private at = 0

  constructor(known: KnownSet | undefined, plans: Map<number, PagePlan>) {
    this.known = known
    this.plans = plans
  }

  page(number: number): PagePlan {
    const planned = this.plans.get(number)
    if (planned !== undefined) return planned
    const known = this.known?.pages[number]
    const plan: PagePlan = { number, known, slots: known?.entries.length ?? 0, samples: [], added: [] }
    this.plans.set(number, plan)
    return plan
  }

  next(): PagePlan {
    for (; ; this.at++) {
      const plan = this.plans.get(this.at)
      const taken =
        plan === undefined
          ? (this.known?.pages[this.at]?.entries.length ?? 0)
          : plan.slots + plan.added.length
      if (taken < SET_PAGE_METRICS) return this.page(this.at)
    }
  }
}

/** The plan as `write-set` reads it, from its ARGV[4] on. */
export function planArguments(
  plan: SetPlan,
  write: SetWrite,
  limits: Buffer,
  mostMetrics: number,
  replay?: Replay,
): Argument[] {
  const { known } = plan
  const values: Argument[] = [
    limits,
    unitBytes(write.id),
    encodeLabels(write.labels),
    write.protocol,
    write.ttlMs,
    write.ttlMs === 0 ? STALE_MEMORY_MS : write.ttlMs,
    mostMetrics,
    known?.epoch ?? '',
    known?.dictionaryVersion ?? 0,
    known?.familiesVersion ?? 0,
    plan.needsAll ? 1 : 0,
    replay?.at ?? 0,
    replay?.epoch ?? '',
    plan.familyChanges.length / 3,
    ...plan.familyChanges,
  ]
  for (const page of plan.pages) {
    const samples = Buffer.allocUnsafe(SAMPLE_BYTES * page.samples.length)
    const blobs: Buffer[] = []
    for (const [place, { slot, change, sample }] of page.samples.entries()) {
      encodeSample(samples, SAMPLE_BYTES * place, slot, change, sample)
      if (sample.content instanceof Uint8Array) {
        if (sample.expectedMs !== undefined) blobs.push(doubleOf(sample.expectedMs))
        blobs.push(asBuffer(sample.content))
      }
    }
    const added = page.added.length === 0 ? '' : Buffer.concat(page.added.map(encodeEntry))
    values.push(
      page.number,
      page.known?.incarnation ?? 0,
      samples,
      added,
      blobs.length === 0 ? '' : Buffer.concat(blobs),
    )
  }
  return values
}

function doubleOf(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleLE(value)
  return bytes
}
