import { labelKey } from '../../model/labels.ts'
import { partitionOf, type UnitId } from '../../model/unit.ts'
import { SET_PAGE_METRICS, type SetFamilyState } from '../store.ts'
import { PARTITIONS } from './keys.ts'
import { decodeEntries, decodeFamilies, type Entry, type PageRow } from './set-codec.ts'

/** A page's dictionary as known here. Entries never change within an incarnation; they are only added to. */
export interface KnownPage {
  readonly incarnation: number
  readonly entries: Entry[]
}

/**
 * What this process knows of the dictionaries of one set: enough to turn samples into slots. It may be behind; then
 * the script says so and sends what is missing.
 */
export class KnownSet {
  readonly epoch: string
  /** Version up to which every dictionary is known; 0 = the set is not there. */
  dictionaryVersion = 0
  familiesVersion = 0
  families: readonly SetFamilyState[] = []
  readonly pages: KnownPage[] = []
  /** Entries from which on opening another page is worth a look for dead slots. */
  tidyAt = 0
  private familyPlaces = new Map<string, number>()
  /** By family, then by the text of the labels. */
  private places: Map<number, Map<string, number>> | undefined

  constructor(epoch: string) {
    this.epoch = epoch
  }

  get size(): number {
    return this.pages.reduce((sum, { entries }) => sum + entries.length, 0)
  }

  familyPlace(name: string): number | undefined {
    return this.familyPlaces.get(name)
  }

  /** Page and slot of a metric as one number: page × 128 + slot. */
  placeOf(family: number, key: string): number | undefined {
    this.places ??= this.index()
    return this.places.get(family)?.get(key)
  }

  setFamilies(version: number, table: Buffer): void {
    this.familiesVersion = version
    this.families = decodeFamilies(table)
    this.familyPlaces = new Map(this.families.map(({ name }, place) => [name, place]))
  }

  /** The page in this incarnation, emptied if it was an earlier one; what is older than known is not kept. */
  page(number: number, incarnation: number): KnownPage {
    const known = this.pages[number]
    if (known?.incarnation === incarnation) return known
    const fresh: KnownPage = { incarnation, entries: [] }
    if (known !== undefined && known.incarnation > incarnation) return fresh
    while (this.pages.length < number) this.pages.push({ incarnation: 0, entries: [] })
    if (known !== undefined && known.entries.length > 0) this.places = undefined
    this.pages[number] = fresh
    return fresh
  }

  /** Adds what a dictionary holds beyond what is known of the page. */
  learn(number: number, page: KnownPage, dictionary: Buffer): void {
    this.append(number, page, page.entries.length, decodeEntries(dictionary, page.entries.length))
  }

  /** Adds entries that stand from slot `from` on, unless someone else did before. */
  append(number: number, page: KnownPage, from: number, entries: readonly Entry[]): void {
    for (const [offset, entry] of entries.entries()) {
      if (from + offset !== page.entries.length) continue
      page.entries.push(entry)
      if (this.pages[number] === page && this.places !== undefined)
        enter(this.places, entry, number * SET_PAGE_METRICS + from + offset)
    }
  }

  /** Forgets pages that are no more, or are no longer what they were. */
  keepOnly(rows: readonly PageRow[]): void {
    for (const [number, { incarnation }] of rows.entries()) this.page(number, incarnation)
    if (this.pages.length <= rows.length) return
    this.pages.length = rows.length
    this.places = undefined
  }

  /** Whether the dictionaries are known to their end. */
  agreesWith(rows: readonly PageRow[]): boolean {
    return rows.every(({ incarnation, slots }, number) => {
      const page = this.pages[number]
      return page !== undefined && page.incarnation === incarnation && page.entries.length === slots
    })
  }

  private index(): Map<number, Map<string, number>> {
    const places = new Map<number, Map<string, number>>()
    for (const [number, { entries }] of this.pages.entries()) {
      for (const [slot, entry] of entries.entries()) enter(places, entry, number * SET_PAGE_METRICS + slot)
    }
    return places
  }
}

function enter(places: Map<number, Map<string, number>>, { family, labels }: Entry, place: number): void {
  let ofFamily = places.get(family)
  if (ofFamily === undefined) {
    ofFamily = new Map()
    places.set(family, ofFamily)
  }
  ofFamily.set(labelKey(labels), place)
}

/** The sets known here, the least recently used forgotten first. */
export class KnownSets {
  private readonly sets = new Map<UnitId, KnownSet>()
  private readonly most: number
  private entries = 0
  private readonly counted = new Map<UnitId, number>()

  constructor(mostEntries: number) {
    this.most = mostEntries
  }

  /** What is known of a set, nothing when it is of another epoch. */
  of(id: UnitId, epoch: string | undefined): KnownSet | undefined {
    const known = this.sets.get(id)
    return known !== undefined && (epoch === undefined || known.epoch === epoch) ? known : undefined
  }

  open(id: UnitId, epoch: string): KnownSet {
    return this.of(id, epoch) ?? this.renew(id, epoch)
  }

  /** Starts with nothing known. */
  renew(id: UnitId, epoch: string): KnownSet {
    this.forget(id)
    const known = new KnownSet(epoch)
    this.sets.set(id, known)
    return known
  }

  /** To be called after a set was used: it becomes the last to be forgotten, and others make room. */
  touch(id: UnitId): void {
    const known = this.sets.get(id)
    if (known === undefined) return
    this.forget(id)
    this.sets.set(id, known)
    this.counted.set(id, known.size)
    this.entries += known.size
    for (const oldest of this.sets.keys()) {
      if (this.entries <= this.most || oldest === id) break
      this.forget(oldest)
    }
  }

  /** What was learned from a history that may be lost must not be used in another: slots there may be of other metrics. */
  forgetPartitions(partitions: ReadonlySet<number>): void {
    for (const id of [...this.sets.keys()]) if (partitions.has(partitionOf(id, PARTITIONS))) this.forget(id)
  }

  forget(id: UnitId): void {
    this.sets.delete(id)
    this.entries -= this.counted.get(id) ?? 0
    this.counted.delete(id)
  }
}
