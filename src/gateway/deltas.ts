import { readStoredMetric, writeStoredMetric } from '../formats/stored/index.ts'
import type { FamilyType, HistogramMetric, Metric, NumberMetric } from '../model/family.ts'
import { addHistograms } from '../model/histogram-sum.ts'
import { NO_LABELS } from '../model/labels.ts'

/**
 * Deltas added up (OpenTelemetry, metrics data model). A series shows one total; what it is made of are streams, of each of which
 * the times that were counted are kept with the total, so that a point counts once however often and wherever it is sent
 * again.
 */
export interface Delta {
  /** 16 bytes as a latin1 string. */
  readonly stream: string
  /** Has a timestamp. */
  readonly metric: Metric
}

/** A total as it is stored, and what is made of it. */
export interface Total {
  readonly blob: Uint8Array
  readonly timestampMs: number
}

export interface Accumulated {
  /** Points that were not in the total before. */
  readonly added: number
  /** Absent, both, when all points came too late. */
  readonly total?: Total
  readonly metric?: Metric
  /** Points that came too late to know whether they were counted. */
  readonly late: number
}

/** Streams of one series that are told apart. What the oldest added stays in the total. */
const MOST_STREAMS = 64
/** Runs of a stream that are told apart: exporters send several requests at a time, and again what failed. */
const MOST_RUNS = 16
const NO_STREAMS = new Uint8Array(0)
const STREAM_BYTES = 16
const RUN_BYTES = 24
/** Every total is later than the one before: by this much where no point is. */
const STEP_MS = 1 / 1024

/**
 * Points that were counted, each of which starts with the time of the one before, in milliseconds. Between the first and the
 * last no other point of the stream can be.
 */
interface Run {
  /** Of the first point; 0 when it has none. */
  readonly startMs: number
  readonly firstMs: number
  readonly lastMs: number
}

/** Adds the points of one series to the total there is, if any. Neither is written to. */
export function accumulate(
  type: FamilyType,
  before: Total | undefined,
  deltas: readonly Delta[],
): Accumulated {
  const stored = before === undefined ? undefined : readStoredMetric(before.blob)
  const streams = readStreams(stored?.carried)
  // A total whose type is another one now is no use any more.
  let total = stored?.type === type ? (stored.metric as Metric) : undefined
  let timestampMs = before?.timestampMs ?? 0
  let added = 0
  let counted = 0
  let late = 0
  for (const { stream, metric } of deltas) {
    const timeMs = metric.timestampMs ?? 0
    const runs = streams.get(stream) ?? []
    if (isCounted(runs, timeMs)) {
      counted++
      continue
    }
    if (isForgotten(runs, timeMs)) {
      late++
      continue
    }
    total = total === undefined ? begin(metric) : add(type, total, metric)
    timestampMs = Math.max(timestampMs, timeMs)
    note(streams, stream, join(runs, { startMs: metric.startMs ?? 0, firstMs: timeMs, lastMs: timeMs }))
    added++
  }
  if (total === undefined || added + counted === 0) return { added, late }
  if (before !== undefined && timestampMs <= before.timestampMs) timestampMs = before.timestampMs + STEP_MS
  const metric = total
  const blob = writeStoredMetric(type, total, writeStreams(streams))
  return { added, metric, total: { blob, timestampMs }, late }
}

/** Without a start of its own a total starts with the first point. */
function begin(metric: Metric): Metric {
  return { ...metric, labels: NO_LABELS, startMs: metric.startMs ?? metric.timestampMs ?? 0 }
}

function add(type: FamilyType, total: Metric, delta: Metric): Metric {
  const startMs = total.startMs ?? 0
  if (type === 'histogram') {
    const sum = addHistograms(total as HistogramMetric, delta as HistogramMetric)
    // Buckets that do not go with those before begin anew, as a counter does that was reset.
    return sum === undefined ? begin({ ...delta, startMs: delta.timestampMs ?? 0 }) : { ...sum, startMs }
  }
  const value = (total as NumberMetric).value + (delta as NumberMetric).value
  return { ...delta, labels: NO_LABELS, startMs, value } as NumberMetric
}

function isCounted(runs: readonly Run[], timeMs: number): boolean {
  return runs.some(({ firstMs, lastMs }) => firstMs <= timeMs && timeMs <= lastMs)
}

function isForgotten(runs: readonly Run[], timeMs: number): boolean {
  return runs.length === MOST_RUNS && timeMs < (runs[0] as Run).firstMs
}

/** With one more, joined to those it continues or leads to; the latest of all. */
function join(runs: readonly Run[], more: Run): readonly Run[] {
  let { startMs, firstMs, lastMs } = more
  const others: Run[] = []
  for (const run of runs) {
    if (run.lastMs === more.startMs) ({ startMs, firstMs } = run)
    else if (run.startMs === more.lastMs) ({ lastMs } = run)
    else others.push(run)
  }
  const joined = [...others, { startMs, firstMs, lastMs }]
  return joined.sort((a, b) => a.firstMs - b.firstMs).slice(-MOST_RUNS)
}

function note(streams: Map<string, readonly Run[]>, stream: string, runs: readonly Run[]): void {
  // Last in the map is who was heard of last.
  streams.delete(stream)
  streams.set(stream, runs)
  if (streams.size <= MOST_STREAMS) return
  const [oldest] = streams.keys()
  if (oldest !== undefined) streams.delete(oldest)
}

/** Of every stream 16 bytes of name, a count, and as many runs of three f64; the one heard of last stands last. */
function writeStreams(streams: ReadonlyMap<string, readonly Run[]>): Buffer {
  let bytes = 0
  for (const runs of streams.values()) bytes += STREAM_BYTES + 1 + RUN_BYTES * runs.length
  const written = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const [stream, runs] of streams) {
    at += written.write(stream, at, STREAM_BYTES, 'latin1')
    at = written.writeUInt8(runs.length, at)
    for (const { startMs, firstMs, lastMs } of runs)
      for (const time of [startMs, firstMs, lastMs]) at = written.writeDoubleLE(time, at)
  }
  return written
}

function readStreams(written: Uint8Array = NO_STREAMS): Map<string, readonly Run[]> {
  const carried = Buffer.from(written.buffer, written.byteOffset, written.byteLength)
  const streams = new Map<string, readonly Run[]>()
  for (let at = 0; at < carried.length; ) {
    const stream = carried.toString('latin1', at, at + STREAM_BYTES)
    const count = carried.readUInt8(at + STREAM_BYTES)
    at += STREAM_BYTES + 1
    const runs = Array.from({ length: count }, (_, i): Run => {
      const [startMs, firstMs, lastMs] = [0, 8, 16].map((offset) =>
        carried.readDoubleLE(at + RUN_BYTES * i + offset),
      ) as [number, number, number]
      return { startMs, firstMs, lastMs }
    })
    streams.set(stream, runs)
    at += RUN_BYTES * count
  }
  return streams
}
