import type { FamilyHead, NumberColumns, NumberWriter, Writer } from '../../formats/format.ts'
import { Sheet } from '../../formats/sheet.ts'
import { NumbersReader } from '../../formats/stored/index.ts'
import type { Family, FamilyType, HistogramMetric, NativeHistogram } from '../../model/family.ts'
import { labelKey, labelValue } from '../../model/labels.ts'
import type { EscapingScheme } from '../../model/names.ts'
import { CUSTOM_SCHEMA, classicBuckets } from '../../model/native-histogram.ts'
import { fits } from '../view/families.ts'
import type { Hint } from '../view/hints.ts'
import { type Content, type Entry, headOf, readEntry, shownLabels } from '../view/unit.ts'
import type { View } from '../view/view.ts'
import { Backlog } from './backlog.ts'
import { Deflater } from './gzip-member.ts'
import { HEAD, Page } from './page.ts'

/** Longest stretch of rendering before other work of the process gets its turn. */
const SLICE_MS = 5

/** Why a family or a part of it is left out of a page. */
export type QuarantineReason = 'type' | 'duplicate' | 'name'

export interface Quarantined {
  readonly family: string
  readonly reason: QuarantineReason
  readonly series: number
}

interface Shown {
  readonly name: string
  head: FamilyHead
  /** Reads and writes blocks of plain numbers under this head. */
  readonly numbers: NumbersReader
  writeNumbers: NumberWriter | undefined
  winner: Entry
  winnerVersion: number
  hint: Hint
  claims: readonly string[]
  visible: boolean
  blockBytes: number
  /** Blocks whose type does not fit, and what they would have shown. */
  readonly misfits: Map<Entry, number>
  readonly duplicates: Map<Entry, number>
}

export interface ExpositionOptions {
  readonly escaping: EscapingScheme
  readonly timestamps: boolean
  /** Show native histograms as classic ones where the format has no native ones; those with custom bounds always are. */
  readonly nativeAsClassic: boolean
}

/**
 * One page format, kept up to date with the view: every head and block is written once and again only when it changed.
 *
 * No family can spoil the page: of entries that differ in type the one first seen earliest is shown, of equal series
 * the earlier, of families that would take the same name on the page (`foo_count` beside a histogram `foo`, names equal
 * after escaping) the earlier. What is left out is listed.
 */
export class Exposition {
  readonly writer: Writer
  readonly #view: View
  readonly #options: ExpositionOptions
  readonly #page = new Page()
  readonly #families = new Map<string, Shown>()
  readonly #claims = new Map<string, Set<Shown>>()
  /** Families with something left out. */
  readonly #troubled = new Set<Shown>()
  readonly #dirtyFamilies = new Set<string>()
  readonly #backlog: Backlog
  /** What is written on it is joined before it is written over. */
  readonly #sheet = new Sheet(() => this.#page.join(Number.POSITIVE_INFINITY, this.#deflater))
  readonly #stop: () => void
  #renewing: Promise<void> | undefined
  /** There since the first compressed page was asked for. */
  #deflater: Deflater | undefined
  /** Instant (performance.now) of the last use. */
  usedAtMs = performance.now()

  constructor(view: View, writer: Writer, options: ExpositionOptions) {
    this.writer = writer
    this.#view = view
    this.#options = options
    this.#backlog = new Backlog(view.units)
    for (const name of view.families.keys()) this.#dirtyFamilies.add(name)
    this.#stop = view.listen({
      entryChanged: (entry) => this.#backlog.add(entry),
      familyChanged: (name) => this.#dirtyFamilies.add(name),
    })
  }

  /** The page as the view stands when this resolves, and which of the names nothing on it takes. */
  async render(
    gzip: boolean,
    names: readonly string[] = [],
  ): Promise<{ chunks: readonly Uint8Array[]; bytes: number; series: number; free: readonly string[] }> {
    this.usedAtMs = performance.now()
    if (gzip) this.#deflater ??= new Deflater()
    await this.#renew()
    const { series } = this.#page
    const free = names.filter((name) => !this.#claims.has(name))
    if (gzip && this.#deflater !== undefined) {
      const page = this.#page.gzip(this.#deflater, this.writer.end)
      return { ...(await page), series, free }
    }
    const { chunks, bytes } = this.#page.plain()
    return { chunks: [...chunks, this.writer.end], bytes: bytes + this.writer.end.length, series, free }
  }

  quarantined(): Quarantined[] {
    const list: Quarantined[] = []
    for (const shown of this.#troubled) {
      if (!shown.visible) list.push({ family: shown.name, reason: 'name', series: this.#hiddenSeries(shown) })
      if (shown.misfits.size > 0)
        list.push({ family: shown.name, reason: 'type', series: sum(shown.misfits) })
      if (shown.duplicates.size > 0)
        list.push({ family: shown.name, reason: 'duplicate', series: sum(shown.duplicates) })
    }
    return list
  }

  get bytes(): number {
    return this.#page.bytes
  }

  close(): void {
    this.#stop()
    this.#deflater?.close()
  }

  #noteTrouble(shown: Shown): void {
    const is = !shown.visible || shown.misfits.size > 0 || shown.duplicates.size > 0
    if (is && this.#families.get(shown.name) === shown) this.#troubled.add(shown)
    else this.#troubled.delete(shown)
  }

  async #renew(): Promise<void> {
    // Two callers renewing in turns would only get in each other's way.
    while (this.#renewing !== undefined) await this.#renewing
    if (this.#renewSlice()) return
    this.#renewing = (async () => {
      do await nextTurn()
      while (!this.#renewSlice())
    })()
    try {
      await this.#renewing
    } finally {
      this.#renewing = undefined
    }
  }

  /**
   * Works for a slice of time; true when the page shows the view as it is now. A unit that changes between two slices
   * is rendered again before the last one ends, so no page mixes two states of a unit.
   */
  #renewSlice(): boolean {
    const until = performance.now() + SLICE_MS
    if (!this.#view.resolve(until)) return false
    for (const name of this.#dirtyFamilies) {
      this.#dirtyFamilies.delete(name)
      this.#renewFamily(name)
      if (performance.now() > until) return false
    }
    while (!this.#backlog.isEmpty) {
      const entry = this.#backlog.next(until)
      if (entry !== undefined) this.#renewEntry(entry)
      if (performance.now() > until) return false
    }
    return this.#page.join(until, this.#deflater) && this.#backlog.isEmpty && this.#dirtyFamilies.size === 0
  }

  #renewFamily(name: string): void {
    const index = this.#view.families.get(name)
    const winner = index?.winner()
    const known = this.#families.get(name)
    if (index === undefined || winner === undefined) {
      if (known !== undefined) this.#dropFamily(known)
      return
    }
    if (known === undefined) {
      this.#addFamily(name, winner)
      return
    }
    const hint = this.#view.hintFor(name)
    if (known.winner === winner && known.winnerVersion === winner.version && known.hint === hint) return
    const before = known.head
    const earlier = known.winner
    known.winner = winner
    known.winnerVersion = winner.version
    known.hint = hint
    known.head = headFor(name, winner, hint)
    if (before.type !== known.head.type) {
      known.writeNumbers = this.writer.numbers?.(known.head, this.#options)
      for (const entry of index.entries) this.#backlog.add(entry)
    }
    const reordered = earlier !== winner
    if (before.type !== known.head.type || before.unit !== known.head.unit || reordered) this.#claim(known)
    if (
      before.help !== known.head.help ||
      before.type !== known.head.type ||
      before.unit !== known.head.unit
    ) {
      this.#writeHead(known)
    }
  }

  #addFamily(name: string, winner: Entry): void {
    const hint = this.#view.hintFor(name)
    const head = headFor(name, winner, hint)
    const shown: Shown = {
      name,
      head,
      writeNumbers: this.writer.numbers?.(head, this.#options),
      numbers: new NumbersReader(),
      winner,
      winnerVersion: winner.version,
      hint,
      claims: [],
      visible: true,
      blockBytes: 0,
      misfits: new Map(),
      duplicates: new Map(),
    }
    this.#families.set(name, shown)
    this.#claim(shown)
    this.#writeHead(shown)
  }

  #dropFamily(shown: Shown): void {
    this.#families.delete(shown.name)
    const neighbours = this.#unclaim(shown)
    shown.visible = false
    this.#noteTrouble(shown)
    this.#page.removeFamily(shown.name)
    this.#decide(neighbours)
  }

  #writeHead(shown: Shown): void {
    const { escaping } = this.#options
    const shows = shown.visible && shown.blockBytes > 0
    this.#page.set(
      shown.name,
      HEAD,
      shows ? this.writer.head(shown.head, escaping, shown.blockBytes) : undefined,
      0,
    )
  }

  #renewEntry(entry: Entry): void {
    const shown = this.#families.get(entry.name)
    const index = this.#view.families.get(entry.name)
    if (shown === undefined || index === undefined) return
    let series = 0
    if (shown.misfits.size > 0) shown.misfits.delete(entry)
    if (shown.duplicates.size > 0) shown.duplicates.delete(entry)
    let block: Uint8Array | undefined
    if (index.has(entry)) {
      if (!fits(entry, shown.head.type)) {
        shown.misfits.set(entry, entry.series)
      } else {
        const left = entry.duplicates?.size ?? 0
        if (left > 0) shown.duplicates.set(entry, left)
        if (shown.visible) {
          series = Math.max(0, entry.series - left)
          block = this.#block(entry, shown)
        }
      }
    } else {
      // The unit may have a newer entry of this name: its block stands, or will stand, at the same place.
      const newer = this.#view.units.get(entry.unit.id)?.entries.get(entry.name)
      if (newer !== undefined) this.#backlog.add(newer)
    }
    this.#noteTrouble(shown)
    const hadBlocks = shown.blockBytes > 0
    const grown = this.#page.set(entry.name, entry.unit.order, block, series)
    shown.blockBytes += grown
    if (hadBlocks !== shown.blockBytes > 0 || (this.writer.framed && grown !== 0)) this.#writeHead(shown)
  }

  #block(entry: Entry, shown: Shown): Uint8Array {
    return this.#numbers(entry, shown) ?? this.#anyBlock(entry, shown.head.type)
  }

  /** The block of plain numbers; undefined for all others. */
  #numbers({ content, duplicates, unit }: Entry, shown: Shown): Uint8Array | undefined {
    if (shown.writeNumbers === undefined || duplicates !== undefined) return undefined
    const columns = numbersOf(content, shown.numbers)
    if (columns === undefined || columns.type !== shown.head.type) return undefined
    for (const { names } of columns.runs) if (names.includes('instance')) return undefined
    return shown.writeNumbers(columns, unit.commonWithInstance, this.#sheet)
  }

  #anyBlock(entry: Entry, type: FamilyType): Uint8Array {
    let family = readEntry(entry)
    // A loose series of unknown type takes the type its family is shown with.
    if (family.type !== type) family = { ...family, type } as Family
    if (!this.writer.hasNative) family = withClassicBuckets(family, this.#options.nativeAsClassic)
    const { duplicates, unit } = entry
    if (duplicates !== undefined) {
      const metrics = family.metrics.filter(
        (metric) => !duplicates.has(labelKey(shownLabels(unit, metric.labels))),
      )
      family = { ...family, metrics } as Family
    }
    if (labelValue(unit.common, 'instance') !== undefined)
      return this.writer.block(family, unit.common, this.#options)
    if (family.metrics.every((metric) => labelValue(metric.labels, 'instance') === undefined)) {
      return this.writer.block(family, unit.commonWithInstance, this.#options)
    }
    const metrics = family.metrics.map((metric) => ({ ...metric, labels: shownLabels(unit, metric.labels) }))
    return this.writer.block({ ...family, metrics } as Family, [], this.#options)
  }

  /** Takes the names the family's head asks for, and settles who may show. */
  #claim(shown: Shown): void {
    const neighbours = this.#unclaim(shown)
    shown.claims = this.writer.claims(shown.head, this.#options.escaping)
    for (const claim of shown.claims) {
      const holders = this.#claims.get(claim)
      if (holders === undefined) this.#claims.set(claim, new Set([shown]))
      else holders.add(shown)
    }
    neighbours.add(shown)
    this.#decide(neighbours)
  }

  #unclaim(shown: Shown): Set<Shown> {
    const neighbours = new Set<Shown>()
    for (const claim of shown.claims) {
      const holders = this.#claims.get(claim)
      holders?.delete(shown)
      if (holders?.size === 0) this.#claims.delete(claim)
      for (const other of holders ?? []) neighbours.add(other)
    }
    shown.claims = []
    return neighbours
  }

  /** Walks all families connected by shared names to `from` and shows, earliest first, each that clashes with none shown. */
  #decide(from: Set<Shown>): void {
    const group = new Set(from)
    for (const shown of group) {
      for (const claim of shown.claims) for (const other of this.#claims.get(claim) ?? []) group.add(other)
    }
    const taken = new Set<string>()
    for (const shown of [...group].sort(byAge)) {
      const free = shown.claims.length > 0 && shown.claims.every((claim) => !taken.has(claim))
      if (free) for (const claim of shown.claims) taken.add(claim)
      this.#setVisible(shown, free)
    }
  }

  #setVisible(shown: Shown, visible: boolean): void {
    if (shown.visible === visible) return
    shown.visible = visible
    this.#noteTrouble(shown)
    if (visible) {
      for (const entry of this.#view.families.get(shown.name)?.entries ?? []) this.#backlog.add(entry)
    } else {
      this.#page.removeFamily(shown.name)
      shown.blockBytes = 0
    }
  }

  #hiddenSeries({ name, head }: Shown): number {
    let series = 0
    for (const entry of this.#view.families.get(name)?.entries ?? [])
      if (fits(entry, head.type)) series += Math.max(0, entry.series - (entry.duplicates?.size ?? 0))
    return series
  }
}

function withClassicBuckets(family: Family, also: boolean): Family {
  if (family.type !== 'histogram' && family.type !== 'gaugehistogram') return family
  const isShown = ({ native, buckets }: HistogramMetric) =>
    native !== undefined && buckets.length === 0 && (also || native.schema === CUSTOM_SCHEMA)
  if (!family.metrics.some(isShown)) return family
  const metrics = family.metrics.map((metric) =>
    isShown(metric) ? { ...metric, buckets: classicBuckets(metric.native as NativeHistogram) } : metric,
  )
  return { ...family, metrics }
}

function numbersOf(content: Content, reader: NumbersReader): NumberColumns | undefined {
  switch (content.kind) {
    case 'blob':
      return reader.read(content.blob)
    case 'time':
      return { type: 'gauge', runs: LONE_NUMBER, text: NO_TEXT, lengths: [], values: [content.seconds] }
    case 'paged':
      return undefined
  }
}

const LONE_NUMBER = [{ names: [], series: 1 }]
const NO_TEXT = new Uint8Array(0)

/** A hint is for series without a type; all others know what they are. */
function headFor(name: string, winner: Entry, hint: Hint): FamilyHead {
  const { type } = winner
  const own = headOf(winner)
  if (type !== 'unknown' || winner.unit.kind !== 'set') return { name, type, ...own }
  return {
    name,
    type: HINTED.has(hint.type) ? hint.type : type,
    help: own.help || hint.help,
    unit: own.unit || hint.unit,
  }
}

/** Types whose series look like those of no type. */
const HINTED: ReadonlySet<FamilyType> = new Set(['counter', 'gauge', 'info'])

function byAge(a: Shown, b: Shown): number {
  if (a.winner.firstSeenMs !== b.winner.firstSeenMs) return a.winner.firstSeenMs - b.winner.firstSeenMs
  return a.name < b.name ? -1 : 1
}

function sum(counts: ReadonlyMap<Entry, number>): number {
  let total = 0
  for (const series of counts.values()) total += series
  return total
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
