import { isDamage, readStored, readStoredLabels } from '../../formats/stored/index.ts'
import type { Family, FamilyType } from '../../model/family.ts'
import {
  type Labels,
  labelKey,
  mergeLabels,
  NO_LABELS,
  withInstance,
  withoutEmptyValues,
} from '../../model/labels.ts'
import { isMetadata, kindOf, type UnitId, type UnitKind } from '../../model/unit.ts'
import type { FamilyState, SetFamilyState } from '../../store/store.ts'
import { assembleFamily, labelsOfPlaced, type Place, type PlacedMetric } from './loose-series.ts'

/** A stored unit as this replica knows it. */
export interface Unit {
  readonly id: UnitId
  /** `metadata` is a set that only tells of families. */
  readonly kind: UnitKind | 'metadata'
  readonly labels: Labels
  /** Labels every series of the unit shows: its own, and `instance=""` for a set without instance. */
  readonly common: Labels
  /** What a series without an instance of its own shows beside its labels. */
  readonly commonWithInstance: Labels
  /** Order of units on a page: canonical text of the labels as shown, then the id for units with equal labels. */
  readonly order: string
  /** Text of the labels without empty values: equal for two units whose series could be equal. */
  readonly identity: string
  readonly nameSet: NameSet
  version: number
  createdMs: number
  pushedMs: number
  failedMs: number
  failure: string
  protocol: string
  /** 0 = never. */
  expiresMs: number
  /** When the expiry queue looks at the unit next; infinite when it is not queued. */
  queuedMs: number
  /** Live ones, without the push times, which nobody pushed. */
  series: number
  readonly entries: Map<string, Entry>
  /** Only for sets. */
  readonly pages: Map<number, UnitPage>
  /** Only for sets: the families as they are kept, by the names under which they are. */
  readonly families: Map<string, StoredFamily>
  /** Only for metadata: the names it gives hints for. */
  hinted: ReadonlySet<string>
}

export interface UnitPage {
  readonly metrics: readonly PlacedMetric[]
  /** When the first of them expires; infinite when none does. */
  readonly expiresMs: number
}

export interface StoredFamily {
  readonly state: SetFamilyState
  readonly place: Place
}

/** Names of the labels that identify a unit, empty values left out. */
export interface NameSet {
  readonly key: string
  readonly names: readonly string[]
}

/** One family in one unit. */
export interface Entry {
  readonly unit: Unit
  readonly name: string
  type: FamilyType
  version: number
  series: number
  /** 0 = never. */
  expiresMs: number
  pushedMs: number
  firstSeenMs: number
  content: Content
  /** In the index of its family; -1 when it is not there any more. */
  place: number
  /** Keys of series left out because an earlier unit shows the same ones. */
  duplicates: Set<string> | undefined
  /** Entries this one shares a series with. */
  rivals: Set<Entry> | undefined
  /** Series keys of the content, kept while the entry has rivals or is looked at as one. */
  keys: Set<string> | undefined
}

/** What an entry shows: a stored family, the times of a group, or the live metrics of a set by page. */
export type Content =
  | StoredBytes
  | { readonly kind: 'time'; readonly seconds: number }
  | {
      readonly kind: 'paged'
      readonly help: string
      readonly unit: string
      readonly pages: Map<number, readonly PlacedMetric[]>
    }

/**
 * Where the blob of a family stands. There are so many that each is spared an object of its own kind for bytes, which
 * takes more room than most blobs; `blobOf` makes one.
 */
export interface StoredBytes {
  readonly kind: 'blob'
  readonly buffer: ArrayBufferLike
  readonly at: number
  readonly bytes: number
}

export function storedBytes({ buffer, byteOffset, byteLength }: Uint8Array): StoredBytes {
  return { kind: 'blob', buffer, at: byteOffset, bytes: byteLength }
}

export function blobOf({ buffer, at, bytes }: StoredBytes): Buffer {
  return Buffer.from(buffer, at, bytes)
}

/** What is told of a family beside what it holds. */
export type EntryState = Omit<FamilyState, 'blob'>

const NONE: ReadonlySet<string> = new Set()
/** Of groups, which have none; nothing is ever put there. */
const NO_PAGES = new Map<number, UnitPage>()
const NO_FAMILIES = new Map<string, StoredFamily>()
const NAME_SETS = new Map<string, NameSet>()

function nameSetOf(identity: Labels): NameSet {
  const names = identity.map((label) => label.name)
  const key = names.join('\u0000')
  const known = NAME_SETS.get(key)
  if (known !== undefined) return known
  const fresh = { key, names }
  // Strangers choose these names: share what is common, never grow without bound.
  if (NAME_SETS.size < 4096) NAME_SETS.set(key, fresh)
  return fresh
}

export function makeUnit(id: UnitId, labels: Labels): Unit {
  const kind = kindOf(id) === 'group' ? 'group' : isMetadata(labels) ? 'metadata' : 'set'
  const identity = withoutEmptyValues(labels)
  const commonWithInstance = withInstance(labels)
  return {
    id,
    kind,
    labels,
    common: kind === 'set' ? commonWithInstance : labels,
    commonWithInstance,
    order: labelKey(commonWithInstance) + id,
    identity: labelKey(identity),
    nameSet: nameSetOf(identity),
    version: 0,
    createdMs: 0,
    pushedMs: 0,
    failedMs: 0,
    failure: '',
    protocol: '',
    expiresMs: 0,
    queuedMs: Number.POSITIVE_INFINITY,
    series: 0,
    entries: new Map(),
    pages: kind === 'group' ? NO_PAGES : new Map(),
    families: kind === 'group' ? NO_FAMILIES : new Map(),
    hinted: NONE,
  }
}

/** Labels a series shows: the unit's win, and a series without instance shows an empty one (`honor_labels`). */
export function shownLabels(unit: Unit, own: Labels): Labels {
  return withInstance(mergeLabels(own, unit.common))
}

const PUSH_TIME_HELP = 'Last Unix time when changing this group in the Pushgateway succeeded.'
const PUSH_FAILURE_TIME_HELP = 'Last Unix time when changing this group in the Pushgateway failed.'

export const PUSH_TIME = 'push_time_seconds'
export const PUSH_FAILURE_TIME = 'push_failure_time_seconds'

/**
 * Decodes what an entry holds, metrics without the unit's labels, in page order; duplicates still included. What cannot be
 * read has no metrics.
 */
export function readEntry(entry: Entry): Family {
  const { name, type } = entry
  return readable(() => readContent(entry)) ?? { name, type, help: '', unit: '', metrics: [] }
}

/** As `readEntry`, of what an entry held once. Throws what `isDamage` knows when that cannot be read. */
export function readContent(entry: Readonly<Pick<Entry, 'content' | 'name' | 'type'>>): Family {
  const { content, name } = entry
  switch (content.kind) {
    case 'blob':
      return readStored(blobOf(content), entry)
    case 'time':
      return {
        name,
        type: 'gauge',
        help: name === PUSH_TIME ? PUSH_TIME_HELP : PUSH_FAILURE_TIME_HELP,
        unit: '',
        metrics: [{ labels: [], value: content.seconds }],
      }
    case 'paged': {
      const { help, unit, pages } = content
      return assembleFamily({ name, type: entry.type, help, unit }, metricsOf(pages))
    }
  }
}

function metricsOf(pages: ReadonlyMap<number, readonly PlacedMetric[]>): readonly PlacedMetric[] {
  return [...pages.values()].flat()
}

/** Help and unit of an entry, without its metrics. */
export function headOf(entry: Entry): { help: string; unit: string } {
  const { content } = entry
  if (content.kind === 'paged') return { help: content.help, unit: content.unit }
  const { help, unit } = readEntry(entry)
  return { help, unit }
}

/** What is read; undefined where it is damaged. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (reason) {
    if (isDamage(reason)) return undefined
    throw reason
  }
}

/**
 * Labels of every series without the unit's; spares decoding values. In no promised order. What cannot be read shows no
 * series: it must stand in nobody's way.
 */
export function labelsOf({ content, type }: Entry): readonly Labels[] {
  switch (content.kind) {
    case 'blob':
      return readable(() => readStoredLabels(blobOf(content))) ?? []
    case 'time':
      return [NO_LABELS]
    case 'paged':
      return labelsOfPlaced(type, metricsOf(content.pages))
  }
}

/** Text of every series' labels as shown; equal text means equal series. */
export function seriesKeys(entry: Entry): Set<string> {
  entry.keys ??= new Set(labelsOf(entry).map((labels) => labelKey(shownLabels(entry.unit, labels))))
  return entry.keys
}
