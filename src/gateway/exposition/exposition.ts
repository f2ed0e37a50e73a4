import type { FamilyHead, NumberColumns, NumberWriter, Writer } from '../../formats/format.ts'
import type { Sheet } from '../../formats/sheet.ts'
import { isDamage, NumbersReader } from '../../formats/stored/index.ts'
import type { Family, FamilyType, HistogramMetric, NativeHistogram } from '../../model/family.ts'
import { labelKey, labelValue } from '../../model/labels.ts'
import type { EscapingScheme } from '../../model/names.ts'
import { CUSTOM_SCHEMA, classicBuckets } from '../../model/native-histogram.ts'
import { fits } from '../view/families.ts'
import type { Hint } from '../view/hints.ts'
import { blobOf, type Content, type Entry, headOf, readContent, shownLabels } from '../view/unit.ts'
import type { View } from '../view/view.ts'
import { Backlog } from './backlog.ts'
import { Deflater } from './deflater.ts'
import { type Deflated, deflateShort, type PageBytes } from './gzip-member.ts'
import { type EntryShown, Moment } from './moment.ts'
import { HEAD, Page, type PageWork } from './page.ts'

/** Longest stretch of rendering before other work of the process gets its turn: a push takes several. */
const SLICE_MS = 1
/** Bytes that nobody asked for in this long are given up, when something else of the page is still asked for. */
const UNUSED_MS = 10 * 60 * 1000

/** Why a family or a part of it is left out of a page. */
export type QuarantineReason = 'type' | 'duplicate' | 'name' | 'unreadable'

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
  /** When the winner was first seen: who is older keeps the names that both would take. */
  firstSeenMs: number
  hint: Hint
  claims: readonly string[]
  visible: boolean
  blockBytes: number
  /** Until its blocks are rendered for the first time, they are expected to have bytes. */
  isNew: boolean
  /** What the head was written for: the bytes of its blocks where that matters, else 1; 0 when it was left out. */
  headFor: number
  /** Blocks whose type does not fit, and what they would have shown. */
  readonly misfits: Map<Entry, number>
  readonly duplicates: Map<Entry, number>
  /** Blocks whose stored bytes cannot be read. */
  readonly unreadable: Map<Entry, number>
}

export interface ExpositionOptions {
  readonly escaping: EscapingScheme
  readonly timestamps: boolean
  /** Show native histograms as classic ones where the format has no native ones; those with custom bounds always are. */
  readonly nativeAsClassic: boolean
}

interface Rendered extends PageBytes {
  readonly series: number
}

/** A page as handed out. */
export interface HeldPage extends Rendered {
  /** Names nothing on it takes, of those that were asked for. */
  readonly free: readonly string[]
  /** To be called when its bytes are read: then they may be written over. Never calling it costs memory, nothing else. */
  release(): void
}

/** A page on its way, and the same compressed; only those are there that somebody asked for in the last minutes. */
interface Renewal {
  readonly plain: Promise<Rendered | undefined>
  readonly zipped: Promise<Rendered | undefined>
}

/** A piece of the page: a block of a unit, or the head of a family. */
type Piece = Entry | Shown

/**
 * One page format, kept up to date with the view: every head and block is written once and again only when it changed.
 *
 * No family can spoil the page: of entries that differ in type the one first seen earliest is shown, of equal series
 * the earlier, of families that would take the same name on the page (`foo_count` beside a histogram `foo`, names equal
 * after escaping) the earlier, and nothing of what cannot be read, be it damaged or written by a newer version. What is left
 * out is listed.
 */
export class Exposition {
  readonly writer: Writer
  readonly #view: View
  readonly #options: ExpositionOptions
  readonly #page: Page<Piece>
  readonly #families = new Map<string, Shown>()
  readonly #claims = new Map<string, Set<Shown>>()
  /** Families with something left out. */
  readonly #troubled = new Set<Shown>()
  /** What changed before the moment that is being rendered. */
  #dirtyFamilies = new Set<string>()
  readonly #backlog: Backlog
  /** What is being rendered; undefined when nothing is. */
  #moment: Moment | undefined
  /** What changed since it, or since the page was rendered. */
  #laterFamilies = new Set<string>()
  #laterEntries = new Set<Entry>()
  /** Families whose head may not be as their blocks want it. */
  readonly #unheaded = new Set<Shown>()
  readonly #end: Deflated
  readonly #stop: () => void
  #renewing: Renewal | undefined
  #queued: Promise<Renewal> | undefined
  /** What lets go of the pages of the renewal, until it is settled. */
  readonly #held: (() => void)[] = []
  /** There while compressed pages are wanted. */
  #deflater: Deflater | undefined
  /** Instants (performance.now) at which a page was asked for last. */
  #plainAtMs = Number.NEGATIVE_INFINITY
  #gzipAtMs = Number.NEGATIVE_INFINITY

  constructor(view: View, writer: Writer, options: ExpositionOptions) {
    this.writer = writer
    this.#view = view
    this.#options = options
    this.#end = deflateShort(writer.end)
    this.#page = new Page<Piece>({
      familyOf: ({ name }) => name,
      orderOf: (piece) => ('unit' in piece ? piece.unit.order : HEAD),
      write: (piece, sheet) =>
        'unit' in piece ? this.#writeBlock(piece, sheet) : sheet.add(this.#headOf(piece)),
      seriesOf: (piece) => ('unit' in piece ? shownSeries(this.#shownOf(piece)) : 0),
      resized: (piece, by) => {
        if ('unit' in piece) this.#blocksGrew(piece.name, by)
      },
    })
    this.#backlog = new Backlog(view.units)
    for (const name of view.families.keys()) this.#laterFamilies.add(name)
    this.#stop = view.listen({
      entryChanging: (entry) => this.#keep(entry),
      entryChanged: (entry) => this.#laterEntries.add(entry),
      familyChanged: (name) => this.#laterFamilies.add(name),
    })
  }

  /** The page as the view stands at some moment after this call, and which of the names nothing on it takes. */
  async render(gzip: boolean, names: readonly string[] = []): Promise<HeldPage> {
    const nowMs = performance.now()
    if (gzip) this.#gzipAtMs = nowMs
    else this.#plainAtMs = nowMs
    const { plain, zipped } = await this.#renewal()
    const page = (await (gzip ? zipped : plain)) as Rendered
    const letGo = gzip ? this.#page.holdGzip() : this.#page.holdText()
    return { ...page, free: names.filter((name) => !this.#claims.has(name)), release: once(letGo) }
  }

  quarantined(): Quarantined[] {
    const list: Quarantined[] = []
    for (const shown of this.#troubled) {
      if (!shown.visible) list.push({ family: shown.name, reason: 'name', series: this.#hiddenSeries(shown) })
      if (shown.misfits.size > 0)
        list.push({ family: shown.name, reason: 'type', series: sum(shown.misfits) })
      if (shown.duplicates.size > 0)
        list.push({ family: shown.name, reason: 'duplicate', series: sum(shown.duplicates) })
      if (shown.unreadable.size > 0)
        list.push({ family: shown.name, reason: 'unreadable', series: sum(shown.unreadable) })
    }
    return list
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#page.keptBytes
  }

  /** Instant (performance.now) of the last use. */
  get usedAtMs(): number {
    return Math.max(this.#plainAtMs, this.#gzipAtMs)
  }

  /** What it did since it was made. */
  get work(): PageWork {
    return this.#page.work
  }

  close(): void {
    this.#stop()
    this.#deflater?.close()
  }

  #noteTrouble(shown: Shown): void {
    const { visible, misfits, duplicates, unreadable } = shown
    const is = !visible || misfits.size > 0 || duplicates.size > 0 || unreadable.size > 0
    if (is && this.#families.get(shown.name) === shown) this.#troubled.add(shown)
    else this.#troubled.delete(shown)
  }

  /** Calls that come together share one renewal, but never one that has begun: it may not show what they have to. */
  async #renewal(): Promise<Renewal> {
    if (this.#queued !== undefined) return this.#queued
    if (this.#renewing === undefined) return this.#begin()
    this.#queued = this.#renewing.zipped
      .catch(() => undefined)
      // Who waited for the one before has a look at how things stand first.
      .then(nextTurn)
      .then(() => {
        this.#queued = undefined
        return this.#begin()
      })
    return this.#queued
  }

  #begin(): Renewal {
    const leastMs = performance.now() - UNUSED_MS
    const keepsText = this.#plainAtMs > leastMs
    const keepsGzip = this.#gzipAtMs > leastMs
    this.#page.keepText(keepsText)
    if (keepsGzip !== (this.#deflater !== undefined)) {
      this.#deflater?.close()
      this.#deflater = keepsGzip ? new Deflater() : undefined
      this.#page.keepGzip(this.#deflater)
    }
    const rendered = this.#render()
    const plain = rendered.then(() => (keepsText ? this.#plain() : undefined))
    const zipped = plain.then(() => (keepsGzip ? this.#zip() : undefined))
    const renewal = { plain, zipped }
    this.#renewing = renewal
    const settled = () => {
      this.#renewing = undefined
      // All who waited for it hold it themselves by then.
      const held = this.#held.splice(0)
      setImmediate(() => {
        for (const release of held) release()
      })
    }
    zipped.then(settled, settled)
    return renewal
  }

  async #render(): Promise<void> {
    try {
      while (!this.#renewSlice()) await (this.#page.isBehind ? this.#page.landing() : nextTurn())
    } finally {
      this.#moment = undefined
    }
  }

  // From here on only what was rendered is put together; what changes now is for the next renewal.

  #plain(): Rendered {
    this.#held.push(this.#page.holdText())
    const { end } = this.writer
    const { chunks, bytes } = this.#page.plain()
    return { chunks: [...chunks, end], bytes: bytes + end.length, series: this.#page.series }
  }

  async #zip(): Promise<Rendered> {
    while (!this.#page.isCompressed) await this.#page.landing()
    while (!this.#page.join(performance.now() + SLICE_MS)) await nextTurn()
    this.#held.push(this.#page.holdGzip())
    return { ...this.#page.gzip(this.#end), series: this.#page.series }
  }

  /**
   * Works for a slice of time; true when everything is rendered as the view stood when the first slice had settled it. What
   * changes since is kept as it was, so no page mixes two states of a unit.
   */
  #renewSlice(): boolean {
    const until = performance.now() + SLICE_MS
    if (this.#moment === undefined) {
      if (!this.#view.resolve(until)) return false
      this.#takeMoment()
    }
    do {
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
      if (!this.#page.render(until)) return false
      this.#renewHeads()
    } while (!this.#page.isRendered || !this.#backlog.isEmpty || this.#dirtyFamilies.size > 0)
    return true
  }

  /** From here on everything is rendered as it stands now. */
  #takeMoment(): void {
    this.#moment = new Moment()
    this.#backlog.addAll(this.#laterEntries)
    this.#laterEntries = new Set()
    // Some are left when rendering failed before.
    for (const name of this.#dirtyFamilies) this.#laterFamilies.add(name)
    this.#dirtyFamilies = this.#laterFamilies
    this.#laterFamilies = new Set()
  }

  /** Keeps an entry that is about to change as it stands, and with it its family. */
  #keep(entry: Entry): void {
    const moment = this.#moment
    if (moment === undefined || moment.has(entry)) return
    if (this.#dirtyFamilies.has(entry.name)) this.#settleFamily(entry.name)
    moment.keep(entry)
    if (this.#backlog.hasUnseen) this.#backlog.add(entry)
  }

  /** Ahead of its turn. Whoever changes something does not fail over a page: what is wrong, the page meets at its turn. */
  #settleFamily(name: string): void {
    try {
      this.#renewFamily(name)
      this.#dirtyFamilies.delete(name)
    } catch {
      // Stays where its turn comes.
    }
  }

  /** What the entry showed at the moment that is being rendered. */
  #shownOf(entry: Entry): EntryShown | undefined {
    return this.#moment === undefined ? entry : this.#moment.of(entry)
  }

  /** Heads depend on what the blocks behind them became. */
  #renewHeads(): void {
    for (const shown of this.#unheaded) {
      shown.isNew = false
      if (this.#families.get(shown.name) === shown && shown.headFor !== this.#headIsFor(shown))
        this.#page.put(shown)
    }
    this.#unheaded.clear()
  }

  #headIsFor({ visible, isNew, blockBytes }: Shown): number {
    if (!visible || (blockBytes === 0 && !isNew)) return 0
    return this.writer.framed ? blockBytes : 1
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
    const isReordered = known.winner !== winner || known.firstSeenMs !== winner.firstSeenMs
    known.winner = winner
    known.winnerVersion = winner.version
    known.firstSeenMs = winner.firstSeenMs
    known.hint = hint
    known.head = headFor(name, winner, hint)
    if (before.type !== known.head.type) {
      known.writeNumbers = this.writer.numbers?.(known.head, this.#options)
      this.#addBlocks(name)
    }
    if (before.type !== known.head.type || before.unit !== known.head.unit || isReordered) this.#claim(known)
    if (
      before.help !== known.head.help ||
      before.type !== known.head.type ||
      before.unit !== known.head.unit
    ) {
      this.#page.put(known)
    }
  }

  /** All blocks of the family are to be rendered. */
  #addBlocks(name: string): void {
    for (const entry of this.#view.families.get(name)?.entries ?? []) this.#backlog.add(entry)
    for (const entry of this.#moment?.gone(name) ?? []) this.#backlog.add(entry)
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
      firstSeenMs: winner.firstSeenMs,
      hint,
      claims: [],
      visible: true,
      blockBytes: 0,
      isNew: true,
      headFor: 0,
      misfits: new Map(),
      duplicates: new Map(),
      unreadable: new Map(),
    }
    this.#families.set(name, shown)
    this.#unheaded.add(shown)
    this.#claim(shown)
    this.#page.put(shown)
  }

  #dropFamily(shown: Shown): void {
    this.#families.delete(shown.name)
    const neighbours = this.#unclaim(shown)
    shown.visible = false
    this.#noteTrouble(shown)
    this.#page.removeFamily(shown.name)
    this.#decide(neighbours)
  }

  #headOf(shown: Shown): Uint8Array {
    shown.headFor = this.#headIsFor(shown)
    if (shown.headFor === 0) return NOTHING
    return this.writer.head(shown.head, this.#options.escaping, shown.blockBytes)
  }

  #blocksGrew(family: string, by: number): void {
    const shown = this.#families.get(family)
    if (shown === undefined) return
    shown.blockBytes += by
    this.#unheaded.add(shown)
  }

  #renewEntry(entry: Entry): void {
    const family = this.#families.get(entry.name)
    if (family === undefined) return
    if (family.misfits.size > 0) family.misfits.delete(entry)
    if (family.duplicates.size > 0) family.duplicates.delete(entry)
    if (family.unreadable.size > 0) family.unreadable.delete(entry)
    const shown = this.#shownOf(entry)
    const hasBlock = shown !== undefined && this.#notes(entry, shown, family)
    this.#noteTrouble(family)
    if (hasBlock) this.#page.put(entry)
    else this.#page.remove(entry)
  }

  /** Whether the entry has a block; notes what is left out of it. */
  #notes(entry: Entry, shown: EntryShown, family: Shown): boolean {
    if (!fits(shown, family.head.type)) {
      family.misfits.set(entry, shown.series)
      return false
    }
    const left = shown.duplicates?.size ?? 0
    if (left > 0) family.duplicates.set(entry, left)
    return family.visible
  }

  #writeBlock(entry: Entry, sheet: Sheet): number {
    const family = this.#families.get(entry.name)
    const shown = this.#shownOf(entry)
    // It will be taken off: its turn has not come yet.
    if (family === undefined || shown === undefined || !fits(shown, family.head.type)) return 0
    const at = sheet.used
    try {
      return this.#writeNumbers(shown, family, sheet) ?? sheet.add(this.#anyBlock(shown, family.head.type))
    } catch (reason) {
      if (!isDamage(reason)) throw reason
      sheet.keep(at)
      family.unreadable.set(entry, shown.series)
      this.#noteTrouble(family)
      return 0
    }
  }

  /** The block of plain numbers; undefined for all others. */
  #writeNumbers({ content, duplicates, unit }: EntryShown, family: Shown, sheet: Sheet): number | undefined {
    if (family.writeNumbers === undefined || duplicates !== undefined) return undefined
    const columns = numbersOf(content, family.numbers)
    if (columns === undefined || columns.type !== family.head.type) return undefined
    for (const { names } of columns.runs) if (names.includes('instance')) return undefined
    return family.writeNumbers(columns, unit.commonWithInstance, sheet)
  }

  #anyBlock(entry: EntryShown, type: FamilyType): Uint8Array {
    let family = readContent(entry)
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
      this.#page.put(shown)
      this.#addBlocks(shown.name)
    } else {
      this.#page.removeFamily(shown.name)
    }
  }

  #hiddenSeries({ name, head }: Shown): number {
    let series = 0
    for (const entry of this.#view.families.get(name)?.entries ?? [])
      if (fits(entry, head.type)) series += shownSeries(entry)
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
      return reader.read(blobOf(content))
    case 'time':
      loneValue[0] = content.seconds
      return { type: 'gauge', runs: LONE_NUMBER, text: NO_TEXT, lengths: NO_LENGTHS, values: loneValue }
    case 'paged':
      return undefined
  }
}

function shownSeries(shown: EntryShown | undefined): number {
  return shown === undefined ? 0 : Math.max(0, shown.series - (shown.duplicates?.size ?? 0))
}

const NOTHING = new Uint8Array(0)
const LONE_NUMBER = [{ names: [], series: 1 }]
// As readers of blobs give them: writers then work on one kind of array, which they are compiled for.
const NO_TEXT = Buffer.alloc(0)
const NO_LENGTHS = new Uint32Array(0)
const loneValue = new Float64Array(1)

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
  if (a.firstSeenMs !== b.firstSeenMs) return a.firstSeenMs - b.firstSeenMs
  return a.name < b.name ? -1 : 1
}

function sum(counts: ReadonlyMap<Entry, number>): number {
  let total = 0
  for (const series of counts.values()) total += series
  return total
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
