import type { Exemplar } from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import type { Budget } from '../budget.ts'
import {
  closeMessage,
  openMessage,
  openReader,
  type ProtobufReader,
  readInt64,
  skipUnknown,
} from '../protobuf.ts'
import { readHistogram } from './histogram.ts'
import type { KnownSeries } from './known-series.ts'
import type { LabelBytes } from './label-bytes.ts'
import { type LabelRules, readLabels, readSeriesName, showLabelFields } from './label-set.ts'
import { EXEMPLAR, isStaleMarker, SAMPLE } from './layout.ts'
import { Refusals } from './refusals.ts'
import type { RemoteExemplar, RemoteHistogram, RemoteNumber } from './remote-write.ts'

/** A series that was met: what it is to the caller, and the name of its metric. */
export interface Known<S> {
  readonly series: S
  readonly name: string
}

/** What reads the series of one body needs. */
export interface SeriesSource<S> {
  readonly reader: ProtobufReader
  readonly rules: LabelRules
  readonly budget: Budget
  readonly known: KnownSeries<Known<S>>
  readonly seriesOf: (name: string, labels: Labels) => S
  /** For the series at hand, and for its exemplars. */
  readonly labels: LabelBytes
  readonly exemplarLabels: LabelBytes
}

/** Where parts of a series stand in the body. */
class Places {
  count = 0
  readonly at: number[] = []

  /** Keeps the place of the message that starts here, and steps over it. */
  add(reader: ProtobufReader): void {
    this.at[this.count++] = reader.pos
    reader.pos = openMessage(reader)
  }
}

/**
 * Reads the series of one body, whatever the version. Where the parts of a series stand is found first, since it must be
 * known what it is called before any of them is read.
 */
export class SeriesReader<S> {
  readonly numbers: RemoteNumber<S>[] = []
  readonly histograms: RemoteHistogram<S>[] = []
  readonly exemplars: RemoteExemplar<S>[] = []
  readonly refused = new Refusals()

  readonly labels: LabelBytes
  readonly samplesAt = new Places()
  readonly histogramsAt = new Places()
  readonly exemplarsAt = new Places()
  /** For samples that say nothing of their start themselves; 0 = none. */
  startMs = 0

  /** Time series met so far. */
  private count = 0
  private isInside = false
  private readonly source: SeriesSource<S>

  constructor(source: SeriesSource<S>) {
    this.source = source
    this.labels = source.labels
  }

  /** What is being read, as a message names it. */
  get place(): string {
    return this.isInside ? `time series ${this.count}` : 'it'
  }

  /** Starts a series, and pays for it: nothing of it was found yet. */
  begin(): void {
    this.source.budget.take(1)
    this.count++
    this.isInside = true
    this.labels.clear()
    this.samplesAt.count = 0
    this.histogramsAt.count = 0
    this.exemplarsAt.count = 0
    this.startMs = 0
  }

  /** Goes on behind the series. */
  leave(end: number): void {
    this.source.reader.pos = end
    this.isInside = false
  }

  /** How much was found. */
  private get parts(): number {
    return this.samplesAt.count + this.histogramsAt.count + this.exemplarsAt.count
  }

  get isEmpty(): boolean {
    return this.parts === 0
  }

  /**
   * What the series is, once all of it was found; undefined when it was refused, for what is wrong with its labels or for
   * the given problem. Pays for what will be made of it.
   */
  find(problem?: string): Known<S> | undefined {
    const { labels, parts, source } = this
    if (parts > 1) source.budget.take(parts - 1)
    const wrong = labels.finish() ?? problem
    if (wrong !== undefined) return this.refuse(wrong)
    return source.known.get(labels.bytes, labels.start, labels.end) ?? this.meet()
  }

  private meet(): Known<S> | undefined {
    const { labels, source } = this
    const found = readSeriesName(this.openLabels(labels), labels.end, source.rules)
    if (typeof found === 'string') return this.refuse(found)
    const met = { series: source.seriesOf(found.name, found.labels), name: found.name }
    source.known.keep(labels.bytes, labels.start, labels.end, met)
    return met
  }

  private openLabels({ bytes, start }: LabelBytes): ProtobufReader {
    const reader = openReader(bytes)
    reader.pos = start
    return reader
  }

  /** Counts all that was found of the series as refused. */
  private refuse(problem: string): undefined {
    const { refused } = this
    if (this.isEmpty) refused.emptySeries++
    refused.samples += this.samplesAt.count
    refused.histograms += this.histogramsAt.count
    refused.exemplars += this.exemplarsAt.count
    this.tell(problem)
  }

  private tell(problem: string): void {
    const { labels } = this
    this.refused.add(() => {
      const shown = labels.end === 0 ? '' : ` ${showLabelFields(this.openLabels(labels), labels.end)}`
      return `${this.place}${shown} ${problem}`
    })
  }

  /** Reads all that was found of the series. */
  read({ series }: Known<S>): void {
    const { reader } = this.source
    const { samplesAt, histogramsAt, exemplarsAt } = this
    for (let i = 0; i < samplesAt.count; i++) {
      reader.pos = samplesAt.at[i] as number
      this.readSample(series, reader)
    }
    for (let i = 0; i < histogramsAt.count; i++) {
      reader.pos = histogramsAt.at[i] as number
      this.readHistogram(series, reader)
    }
    for (let i = 0; i < exemplarsAt.count; i++) {
      reader.pos = exemplarsAt.at[i] as number
      this.readExemplar(series, reader)
    }
  }

  private readSample(series: S, reader: ProtobufReader): void {
    const end = openMessage(reader)
    let value = 0
    let timestampMs = 0
    let startMs = 0
    let stale = false
    while (reader.pos < end) {
      const tag = reader.tag()
      if (tag === SAMPLE.value) {
        value = reader.double()
        // Here and now: once it is passed on, it is like any other that is not a number.
        if (Number.isNaN(value)) stale = isStaleMarker(reader.buf, reader.pos - 8)
      } else if (tag === SAMPLE.timestamp) timestampMs = readInt64(reader)
      else if (tag === SAMPLE.start) startMs = readInt64(reader)
      else skipUnknown(reader, tag, 3)
    }
    closeMessage(reader, end)
    if (startMs === 0) startMs = this.startMs
    const problem = timeProblem(timestampMs, startMs)
    if (problem === undefined) {
      this.numbers.push({ series, timestampMs, value, stale, startMs })
      return
    }
    this.refused.samples++
    this.tell(`has a sample with ${problem}`)
  }

  private readHistogram(series: S, reader: ProtobufReader): void {
    const { metric, timestampMs, startMs: own, stale } = readHistogram(reader, this.source.budget)
    const startMs = own === 0 ? this.startMs : own
    const timing = timeProblem(timestampMs, startMs)
    if (timing === undefined && typeof metric !== 'string') {
      this.histograms.push({ series, timestampMs, metric, stale, startMs })
      return
    }
    this.refused.histograms++
    if (timing !== undefined) this.tell(`has a native histogram with ${timing}`)
    else this.tell(`${metric}; it must be mended where it is made`)
  }

  private readExemplar(series: S, reader: ProtobufReader): void {
    const exemplar = this.exemplarOf(reader)
    if (typeof exemplar !== 'string') {
      this.exemplars.push({ series, exemplar })
      return
    }
    this.refused.exemplars++
    this.tell(`has an exemplar that ${exemplar}`)
  }

  private exemplarOf(reader: ProtobufReader): Exemplar | string {
    const { exemplarLabels: labels, rules } = this.source
    const end = openMessage(reader)
    let value = 0
    let timestampMs = 0
    labels.clear()
    while (reader.pos < end) {
      const tag = reader.tag()
      if (tag === EXEMPLAR.value) value = reader.double()
      else if (tag === EXEMPLAR.timestamp) timestampMs = readInt64(reader)
      else if (!labels.take(reader, tag, end)) skipUnknown(reader, tag, 3)
    }
    closeMessage(reader, end)
    const problem = labels.finish()
    if (problem !== undefined) return problem
    const timing = timeProblem(timestampMs, 0)
    if (timing !== undefined) return `has ${timing}`
    const read = readLabels(this.openLabels(labels), labels.end, rules)
    return typeof read === 'string' ? read : { labels: read, value, timestampMs }
  }
}

/** To stand behind "with". */
function timeProblem(timestampMs: number, startMs: number): string | undefined {
  if (Number.isSafeInteger(timestampMs) && Number.isSafeInteger(startMs)) return undefined
  const wrong = Number.isSafeInteger(timestampMs) ? startMs : timestampMs
  return `the time ${wrong}, which is beyond any date; send milliseconds since 1970`
}
