import { closeMessage, openMessage, type ProtobufReader, skipField, skipUnknown } from '../protobuf.ts'
import { REQUEST, SERIES, SERIES_1, SOURCE_OF_CORTEX, WRITE_REQUEST } from './layout.ts'
import { type MetadataOfBody, readMetadata } from './metadata.ts'
import type { SeriesReader } from './series-reader.ts'

/** Reads a `prometheus.WriteRequest`. */
export function readVersion1<S>(
  reader: ProtobufReader,
  series: SeriesReader<S>,
  metadata: MetadataOfBody,
): void {
  let isOwn = false
  let isOther = false
  while (reader.pos < reader.len) {
    const tag = reader.tag()
    switch (tag) {
      case WRITE_REQUEST.series:
        isOwn = true
        readSeries(reader, series)
        break
      case WRITE_REQUEST.metadata:
        isOwn = true
        readMetadata(reader, metadata)
        break
      case REQUEST.symbol:
      case REQUEST.series:
        isOther = true
        skipField(reader, tag)
        break
      case SOURCE_OF_CORTEX:
        isOwn = true
        skipField(reader, tag)
        break
      default:
        skipUnknown(reader, tag, 3)
    }
  }
  // To whoever knows one version, the other is empty: nothing would be stored, and nobody told.
  if (reader.len === 0 || isOwn) return
  throw new Error(
    isOther
      ? 'has the fields of version 2.0; send it as application/x-protobuf;proto=io.prometheus.write.v2.Request'
      : 'has neither series nor metadata',
  )
}

function readSeries<S>(reader: ProtobufReader, series: SeriesReader<S>): void {
  const { labels, samplesAt, histogramsAt, exemplarsAt } = series
  const end = openMessage(reader)
  series.begin()
  while (reader.pos < end) {
    const tag = reader.tag()
    switch (tag) {
      case SERIES.sample:
        samplesAt.add(reader)
        break
      case SERIES_1.histogram:
        histogramsAt.add(reader)
        break
      case SERIES_1.exemplar:
        exemplarsAt.add(reader)
        break
      default:
        if (!labels.take(reader, tag, end)) skipUnknown(reader, tag, 4)
    }
  }
  closeMessage(reader, end)
  const known = series.isEmpty ? undefined : series.find()
  if (known !== undefined) series.read(known)
  series.leave(end)
}
