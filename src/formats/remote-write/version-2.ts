import {
  closeMessage,
  openMessage,
  type ProtobufReader,
  readInt64,
  skipField,
  skipUnknown,
} from '../protobuf.ts'
import { REQUEST, SERIES, SERIES_2, WRITE_REQUEST } from './layout.ts'
import { type MetadataOfBody, MetadataOfSeries, type MetadataRefs, readMetadataRefs } from './metadata.ts'
import type { SeriesReader } from './series-reader.ts'
import type { Symbols } from './symbols.ts'

/** Reads an `io.prometheus.write.v2.Request`. */
export function readVersion2<S>(
  reader: ProtobufReader,
  series: SeriesReader<S>,
  metadata: MetadataOfBody,
  symbols: Symbols,
): void {
  readSymbols(reader, symbols)
  const metadataOfSeries = new MetadataOfSeries(symbols)
  reader.pos = 0
  while (reader.pos < reader.len) {
    const tag = reader.tag()
    if (tag === REQUEST.series) readSeries(reader, series, symbols, metadataOfSeries)
    else skipField(reader, tag)
  }
  metadataOfSeries.putInto(metadata)
}

/** Finds all symbols first: they may stand behind the series that refer to them. */
function readSymbols(reader: ProtobufReader, symbols: Symbols): void {
  let isOwn = false
  let isOther = false
  while (reader.pos < reader.len) {
    const tag = reader.tag()
    switch (tag) {
      case REQUEST.symbol: {
        isOwn = true
        const end = openMessage(reader)
        symbols.add(reader.pos, end)
        reader.pos = end
        break
      }
      case REQUEST.series:
        isOwn = true
        skipField(reader, tag)
        break
      case WRITE_REQUEST.series:
      case WRITE_REQUEST.metadata:
        isOther = true
        skipField(reader, tag)
        break
      default:
        skipUnknown(reader, tag, 5)
    }
  }
  if (isOwn) symbols.check()
  // To whoever knows one version, the other is empty: nothing would be stored, and nobody told.
  if (reader.len === 0 || isOwn) return
  throw new Error(
    isOther
      ? 'has the fields of version 1.0; send it as application/x-protobuf without the parameter proto'
      : 'has neither symbols nor series',
  )
}

function readSeries<S>(
  reader: ProtobufReader,
  series: SeriesReader<S>,
  symbols: Symbols,
  metadata: MetadataOfSeries,
): void {
  const { labels, samplesAt, histogramsAt, exemplarsAt } = series
  const end = openMessage(reader)
  let metadataAt = 0
  series.begin()
  while (reader.pos < end) {
    const tag = reader.tag()
    switch (tag) {
      case SERIES.sample:
        samplesAt.add(reader)
        break
      case SERIES_2.histogram:
        histogramsAt.add(reader)
        break
      case SERIES_2.exemplar:
        exemplarsAt.add(reader)
        break
      case SERIES_2.metadata:
        metadataAt = reader.pos
        skipField(reader, tag)
        break
      case SERIES_2.start:
        series.startMs = readInt64(reader)
        break
      default:
        if (!labels.take(reader, tag, end)) skipUnknown(reader, tag, 6)
    }
  }
  closeMessage(reader, end)
  const refs = metadataAt === 0 ? undefined : readMetadataAt(reader, metadataAt)
  const known = series.find(shapeProblem(series) ?? refsProblem(refs, symbols))
  if (known !== undefined) {
    series.read(known)
    if (refs !== undefined) metadata.take(known.name, refs)
  }
  series.leave(end)
}

function readMetadataAt(reader: ProtobufReader, at: number): MetadataRefs {
  reader.pos = at
  return readMetadataRefs(reader)
}

function shapeProblem<S>(series: SeriesReader<S>): string | undefined {
  if (series.isEmpty)
    return 'has neither samples nor histograms nor exemplars; send it with what it has to tell'
  if (series.samplesAt.count > 0 && series.histogramsAt.count > 0)
    return 'has both samples and native histograms; send two series'
  return undefined
}

function refsProblem(refs: MetadataRefs | undefined, symbols: Symbols): string | undefined {
  if (refs === undefined) return undefined
  const most = Math.max(refs.help, refs.unit)
  return most < symbols.count ? undefined : symbols.problemOf(most)
}
