import type { Exemplar, Family } from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import { isWhole, isWholeNative, writeNative } from '../native-fields.ts'
import { ProtobufWriter, packed } from '../protobuf.ts'
import { eachSeries, type FlatSeries } from './flatten.ts'
import {
  EXEMPLAR,
  HISTOGRAM,
  LABEL,
  METADATA_1,
  METADATA_2,
  REQUEST,
  RESET_HINTS,
  type RemoteWriteVersion,
  SAMPLE,
  SERIES,
  SERIES_1,
  SERIES_2,
  STALE_MARKER,
  TYPES,
  WRITE_REQUEST,
} from './layout.ts'
import type { NativeMetric } from './remote-write.ts'

/** A body and what it holds, to be held against what a receiver says it wrote. */
export interface RemoteWriteBody {
  /** Not compressed yet. */
  readonly bytes: Uint8Array
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
}

/**
 * Families as Prometheus would send them after it scraped them: series of samples, native histograms and what is known
 * of the families. What has no timestamp gets `nowMs`. Start times have no form in version 1.
 */
export function writeRemoteWrite(
  families: readonly Family[],
  version: RemoteWriteVersion,
  { nowMs }: { readonly nowMs: number },
): RemoteWriteBody {
  const body = version === 1 ? new Body1(nowMs) : new Body2(nowMs)
  for (const family of families) body.put(family)
  const { samples, histograms, exemplars } = body
  return { bytes: body.finish(), samples, histograms, exemplars }
}

/** What both versions have in common: samples, histograms and exemplars but for their labels. */
abstract class Body {
  samples = 0
  histograms = 0
  exemplars = 0
  protected readonly out = new ProtobufWriter()
  private readonly nowMs: number

  constructor(nowMs: number) {
    this.nowMs = nowMs
  }

  abstract put(family: Family): void
  abstract finish(): Uint8Array
  protected abstract putExemplarLabels(labels: Labels): void

  protected putValue({ value, stale, timestampMs, startMs }: FlatSeries, tags: ValueTags): void {
    const times = {
      timestampMs: Math.trunc(timestampMs ?? this.nowMs),
      startMs: tags.hasStart ? Math.trunc(startMs ?? 0) : 0,
    }
    if (typeof value === 'number') this.putSample(value, stale, times)
    else this.putHistogram(tags.histogram, value, stale, times)
  }

  private putSample(value: number, stale: boolean, { timestampMs, startMs }: Times): void {
    const { out } = this
    const start = out.open(SERIES.sample)
    this.samples++
    out.varint(SAMPLE.value)
    this.putNumber(value, stale)
    out.varint(SAMPLE.timestamp).int64(timestampMs)
    if (startMs !== 0) out.varint(SAMPLE.start).int64(startMs)
    out.close(start)
  }

  private putNumber(value: number, stale: boolean): void {
    if (stale) this.out.raw(STALE_MARKER)
    else this.out.double(value)
  }

  private putHistogram(
    tag: number,
    metric: NativeMetric,
    stale: boolean,
    { timestampMs, startMs }: Times,
  ): void {
    const { out } = this
    const { count, sum, native } = metric
    const start = out.open(tag)
    this.histograms++
    const isFloat = metric.float === true || !isWhole(count) || !isWholeNative(native)
    if (isFloat) out.varint(HISTOGRAM.floatCount).double(count)
    else out.varint(HISTOGRAM.count).varint(count)
    out.varint(HISTOGRAM.sum)
    this.putNumber(sum, stale)
    writeNative(out, native, isFloat, HISTOGRAM)
    const hint = RESET_HINTS.indexOf(native.resetHint)
    if (hint > 0) out.varint(HISTOGRAM.resetHint).varint(hint)
    out.varint(HISTOGRAM.timestamp).int64(timestampMs)
    if (native.customBounds !== undefined && native.customBounds.length > 0) {
      const bounds = out.open(packed(HISTOGRAM.customBound))
      for (const bound of native.customBounds) out.double(bound)
      out.close(bounds)
    }
    if (startMs !== 0) out.varint(HISTOGRAM.start).int64(startMs)
    out.close(start)
  }

  /** An exemplar without a time gets that of its sample. */
  protected putExemplars(tag: number, { exemplars, timestampMs }: FlatSeries): void {
    for (const exemplar of exemplars) this.putExemplar(tag, exemplar, timestampMs ?? this.nowMs)
  }

  private putExemplar(tag: number, { labels, value, timestampMs }: Exemplar, sampleMs: number): void {
    const { out } = this
    const start = out.open(tag)
    this.exemplars++
    this.putExemplarLabels(labels)
    out.varint(EXEMPLAR.value).double(value)
    out.varint(EXEMPLAR.timestamp).int64(Math.trunc(timestampMs ?? sampleMs))
    out.close(start)
  }
}

interface Times {
  readonly timestampMs: number
  readonly startMs: number
}

/** How the versions differ in what holds a value. */
interface ValueTags {
  readonly histogram: number
  /** Samples and histograms have start times. */
  readonly hasStart: boolean
}

function saysSomething({ type, help, unit }: Family): boolean {
  return type !== 'unknown' || help !== '' || unit !== ''
}

/** A `prometheus.WriteRequest`. */
class Body1 extends Body {
  put(family: Family): void {
    const { out } = this
    eachSeries(family, (series) => {
      const start = out.open(WRITE_REQUEST.series)
      this.putLabels(SERIES.label, series.labels)
      this.putValue(series, { histogram: SERIES_1.histogram, hasStart: false })
      this.putExemplars(SERIES_1.exemplar, series)
      out.close(start)
    })
    if (!saysSomething(family)) return
    const start = out.open(WRITE_REQUEST.metadata)
    out.varint(METADATA_1.type).varint(TYPES.indexOf(family.type))
    out.varint(METADATA_1.name).string(family.name)
    if (family.help !== '') out.varint(METADATA_1.help).string(family.help)
    if (family.unit !== '') out.varint(METADATA_1.unit).string(family.unit)
    out.close(start)
  }

  protected putExemplarLabels(labels: Labels): void {
    this.putLabels(EXEMPLAR.label, labels)
  }

  private putLabels(tag: number, labels: Labels): void {
    for (const { name, value } of labels) {
      const start = this.out.open(tag)
      this.out.varint(LABEL.name).string(name).varint(LABEL.value).string(value)
      this.out.close(start)
    }
  }

  finish(): Uint8Array {
    return this.out.take()
  }
}

/** An `io.prometheus.write.v2.Request`. */
class Body2 extends Body {
  /** The first is empty, by the specification. */
  private readonly refOf = new Map<string, number>([['', 0]])

  put(family: Family): void {
    const { out } = this
    eachSeries(family, (series) => {
      const start = out.open(REQUEST.series)
      this.putLabels(SERIES.label, series.labels)
      this.putValue(series, { histogram: SERIES_2.histogram, hasStart: true })
      this.putExemplars(SERIES_2.exemplar, series)
      if (saysSomething(family)) this.putMetadata(family)
      out.close(start)
    })
  }

  private putMetadata({ type, help, unit }: Family): void {
    const { out } = this
    const start = out.open(SERIES_2.metadata)
    out.varint(METADATA_2.type).varint(TYPES.indexOf(type))
    if (help !== '') out.varint(METADATA_2.helpRef).varint(this.ref(help))
    if (unit !== '') out.varint(METADATA_2.unitRef).varint(this.ref(unit))
    out.close(start)
  }

  protected putExemplarLabels(labels: Labels): void {
    if (labels.length > 0) this.putLabels(EXEMPLAR.label, labels)
  }

  private putLabels(tag: number, labels: Labels): void {
    const start = this.out.open(tag)
    for (const { name, value } of labels) this.out.varint(this.ref(name)).varint(this.ref(value))
    this.out.close(start)
  }

  private ref(text: string): number {
    const known = this.refOf.get(text)
    if (known !== undefined) return known
    const ref = this.refOf.size
    this.refOf.set(text, ref)
    return ref
  }

  finish(): Uint8Array {
    const series = this.out.take()
    if (series.length === 0) return series
    for (const symbol of this.refOf.keys()) this.out.varint(REQUEST.symbol).string(symbol)
    return this.out.raw(series).take()
  }
}
