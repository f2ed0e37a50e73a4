import type { NumberColumns, NumberRun } from '../formats/format.ts'
import { NumbersReader } from '../formats/stored/index.ts'
import type { FamilyType } from '../model/family.ts'
import { keptText } from '../model/kept-text.ts'
import { type Labels, labelValue } from '../model/labels.ts'
import type { Cardinality, CardinalityRequest } from './gateway.ts'
import type { ListDeps } from './listing.ts'
import { type Turn, takeTurns } from './turns.ts'
import type { FamilyIndex } from './view/families.ts'
import { blobOf, type Entry, labelsOf, readable, type Unit } from './view/unit.ts'
import type { View } from './view/view.ts'
import { Window } from './window.ts'

/** Different values of labels that are kept apart; those of ten million series may be more than memory should hold. */
const MOST_VALUES = 2_000_000
/**
 * An answer is given again for so long, for each of the series gone through, about ten times as long as it takes to make:
 * asking all the time is not to take all the time. Where there are few, each answer is made anew.
 */
const REST_MS = 0.01
const FEW_SERIES = 10_000
/** Gone through between two looks at the clock. */
const SERIES_AT_ONCE = 256
const VALUES_AT_ONCE = 4096
/** Answers that are kept. */
const MOST_ANSWERS = 8

interface Answer {
  readonly cardinality: Cardinality
  /** `View.stamp` as of which it is. */
  readonly stamp: number
  /** Given again until then (performance.now), whatever changed. */
  readonly untilMs: number
}

/** Counts what is stored by metric, label and job. Labels of series are read one family at a time. */
export function makeCardinality({ view, sync, lane }: ListDeps, mostValues = MOST_VALUES) {
  const answers = new Map<string, Answer>()

  return async function cardinality(request: CardinalityRequest): Promise<Cardinality> {
    const { deadlineMs, match, limit, label } = request
    const key = JSON.stringify([match.map(({ text }) => text), limit, label])
    await sync.refresh(deadlineMs)
    return lane(deadlineMs, async () => {
      const known = answers.get(key)
      if (known !== undefined && (known.stamp === view.stamp || performance.now() < known.untilMs))
        return known.cardinality
      const { stamp } = view
      const counted = await count(view, request, mostValues)
      answers.delete(key)
      const [oldest] = answers.keys()
      if (answers.size >= MOST_ANSWERS && oldest !== undefined) answers.delete(oldest)
      const restMs = view.totals.series < FEW_SERIES ? 0 : REST_MS * view.totals.series
      answers.set(key, { cardinality: counted, stamp, untilMs: performance.now() + restMs })
      return counted
    })
  }
}

async function count(view: View, request: CardinalityRequest, mostValues: number): Promise<Cardinality> {
  const { match, limit, label } = request
  const nowMs = view.clockAt(performance.now())
  const turn = takeTurns(request.deadlineMs)
  const labels = new LabelCounts(mostValues)
  const own = new SeriesLabels(labels)
  const jobs = new Map<string, { job: string; series: number; groups: number; sets: number }>()
  const selected = match.length === 0 ? undefined : new Set<Unit>()
  const total = { series: 0, groups: 0, sets: 0 }
  for (const unit of view.units.values()) {
    if (unit.entries.size === 0) continue
    const pause = turn()
    if (pause !== undefined) await pause
    if (selected !== undefined) {
      if (!match.some(({ select }) => select(unit.labels))) continue
      selected.add(unit)
    }
    const { series } = unit
    const of = unit.kind === 'group' ? 'groups' : 'sets'
    total.series += series
    total[of]++
    const job = labelValue(unit.labels, 'job') ?? ''
    const ofJob = jobs.get(job) ?? { job, series: 0, groups: 0, sets: 0 }
    jobs.set(job, ofJob)
    ofJob.series += series
    ofJob[of]++
    labels.add(unit.labels, series)
  }
  const metrics = new Top<CountedMetric>(limit, (a, b) => a.name < b.name)
  let families = 0
  let left = SERIES_AT_ONCE
  for (const index of view.families.values()) {
    // Copied: what is pushed in between moves entries.
    const entries = index.entries.filter(({ unit }) => selected === undefined || selected.has(unit))
    const metric = { name: index.name, type: typeOf(index), series: 0, groups: 0 }
    for (const entry of entries) {
      left -= 1 + entry.series
      if (left < 0) {
        left = SERIES_AT_ONCE
        const pause = turn()
        if (pause !== undefined) await pause
      }
      if (entry.content.kind === 'time') continue
      metric.groups++
      metric.series += entry.series
      own.add(entry)
    }
    if (metric.groups === 0) continue
    families++
    metrics.add(metric.series, () => metric)
  }
  return {
    nowMs,
    ...total,
    families,
    complete: labels.complete,
    metrics: metrics.take(),
    jobs: topJobs(jobs.values(), limit),
    labels: labels.names(limit),
    pairs: await labels.pairs(limit, turn),
    ...(label === undefined ? {} : { values: await labels.values(label, limit, turn) }),
  }
}

type CountedJob = Cardinality['jobs'][number]

function topJobs(jobs: Iterable<CountedJob>, limit: number): CountedJob[] {
  const top = new Top<CountedJob>(limit, (a, b) => a.job < b.job)
  for (const job of jobs) top.add(job.series, () => job)
  return top.take()
}

type CountedMetric = Cardinality['metrics'][number]

function typeOf(index: FamilyIndex): FamilyType {
  return index.winner()?.type ?? 'unknown'
}

/** Counts the labels of the series of families, one family after the other. */
class SeriesLabels {
  readonly #counts: LabelCounts
  readonly #reader = new NumbersReader()
  /** The reader's, and what counts the values of their labels: the same for families that look alike. */
  #runs: readonly NumberRun[] = []
  #runCounts: readonly (readonly ValueCounts[])[] = []

  constructor(counts: LabelCounts) {
    this.#counts = counts
  }

  add(entry: Entry): void {
    const { content } = entry
    const columns = content.kind === 'blob' ? readable(() => this.#reader.read(blobOf(content))) : undefined
    if (columns === undefined) this.#addMetrics(entry)
    else this.#addNumbers(columns)
  }

  /** Nearly all there is: no more is made of it than has to be. */
  #addNumbers({ runs, text, lengths }: NumberColumns): void {
    if (runs !== this.#runs) {
      this.#runs = runs
      this.#runCounts = runs.map(({ names }) => names.map((name) => this.#counts.of(name)))
    }
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength)
    const values = bytes.toString()
    let at = 0
    let start = 0
    for (let run = 0; run < runs.length; run++) {
      const { series } = runs[run] as NumberRun
      const counts = this.#runCounts[run] as readonly ValueCounts[]
      for (let i = 0; i < series; i++) {
        for (const of of counts) {
          const end = start + (lengths[at++] as number)
          of.add(values.slice(start, end), 1)
          start = end
        }
      }
    }
  }

  /** A histogram or summary is several series with the same labels; of one family all count alike. */
  #addMetrics(entry: Entry): void {
    const metrics = labelsOf(entry)
    const each = Math.floor(entry.series / metrics.length)
    let more = entry.series - each * metrics.length
    for (const labels of metrics) this.#counts.add(labels, more-- > 0 ? each + 1 : each)
  }
}

/** Series by the names and values of their labels. */
class LabelCounts {
  readonly #names = new Map<string, ValueCounts>()
  readonly #room: { left: number }

  constructor(mostValues: number) {
    this.#room = { left: mostValues }
  }

  /** False when there were more values than may be kept: then some are in none of the counts. */
  get complete(): boolean {
    return this.#room.left >= 0
  }

  of(name: string): ValueCounts {
    let of = this.#names.get(name)
    if (of === undefined) {
      of = new ValueCounts(this.#room)
      this.#names.set(name, of)
    }
    return of
  }

  add(labels: Labels, series: number): void {
    for (const { name, value } of labels) this.of(name).add(value, series)
  }

  names(limit: number): Cardinality['labels'] {
    const window = new Window<Cardinality['labels'][number]>(
      (a, b) => (a.values === b.values ? a.name < b.name : a.values > b.values),
      { offset: 0, limit },
    )
    for (const [name, { series, size }] of this.#names)
      if (size > 0) window.add({ name, values: size, series })
    return window.take()
  }

  async pairs(limit: number, turn: Turn): Promise<Cardinality['pairs']> {
    const top = new Top<Cardinality['pairs'][number]>(
      limit,
      (a, b) => a.name < b.name || (a.name === b.name && a.value < b.value),
    )
    for (const [name, of] of this.#names)
      await of.each(turn, (value, series) => top.add(series, () => ({ name, value, series })))
    return top.take()
  }

  async values(name: string, limit: number, turn: Turn): Promise<NonNullable<Cardinality['values']>> {
    const top = new Top<{ value: string; series: number }>(limit, (a, b) => a.value < b.value)
    await this.#names.get(name)?.each(turn, (value, series) => top.add(series, () => ({ value, series })))
    return top.take()
  }
}

/** Series by the values of one label. Empty values do not count: they mean that the label is not there. */
class ValueCounts {
  series = 0
  /** Where the count of a value stands; spares looking it up twice. */
  readonly #places = new Map<string, number>()
  readonly #counts: number[] = []
  readonly #room: { left: number }

  /** `room` is how many further values may be kept, of all labels; below zero once one was not. */
  constructor(room: { left: number }) {
    this.#room = room
  }

  get size(): number {
    return this.#places.size
  }

  add(value: string, series: number): void {
    if (value === '') return
    this.series += series
    const place = this.#places.get(value)
    if (place !== undefined) {
      this.#counts[place] = (this.#counts[place] as number) + series
      return
    }
    const room = this.#room
    if (room.left <= 0) {
      room.left = -1
      return
    }
    room.left--
    // A part of a text would keep all of it.
    this.#places.set(keptText(value), this.#counts.length)
    this.#counts.push(series)
  }

  async each(turn: Turn, take: (value: string, series: number) => void): Promise<void> {
    let left = VALUES_AT_ONCE
    for (const [value, place] of this.#places) {
      take(value, this.#counts[place] as number)
      if (--left > 0) continue
      left = VALUES_AT_ONCE
      const pause = turn()
      if (pause !== undefined) await pause
    }
  }
}

/** Those with the most series, and of as many in the order of their names. */
class Top<T extends { readonly series: number }> {
  readonly #window: Window<T>

  constructor(limit: number, before: (a: T, b: T) => boolean) {
    this.#window = new Window((a, b) => (a.series === b.series ? before(a, b) : a.series > b.series), {
      offset: 0,
      limit,
    })
  }

  /** `make` is called for what may be among them alone: most are not. */
  add(series: number, make: () => T): void {
    const { last } = this.#window
    if (last === undefined || series >= last.series) this.#window.add(make())
  }

  take(): T[] {
    return this.#window.take()
  }
}
