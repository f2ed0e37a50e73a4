import { UNLIMITED } from '../client/check.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { readerFor } from '../formats/index.ts'
import type { Family, Metric } from '../model/family.ts'
import { detailKey } from './pushgateway-group.ts'

/** The one form of a page that has native histograms, exemplars and start times. */
export const PROTOBUF_PAGE =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

/** What a page tells beside the API, and how many groups there are. */
export interface PageReading {
  readonly details: ReadonlyMap<string, Metric>
  readonly groups: number
}

/** Of one family, which is a message of its own. */
const LONGEST_FAMILY_BYTES = 512 * 1024 * 1024
/** Kept in memory. */
const MOST_DETAILS = 1_000_000

/** Reads a page family by family and keeps the metrics that have more than the API can say. */
export async function readDetails(pieces: AsyncIterable<Uint8Array>, name: string): Promise<PageReading> {
  const reader = readerFor(PROTOBUF_PAGE)
  const details = new Map<string, Metric>()
  let groups = 0
  for await (const message of messagesOf(pieces, name)) {
    for (const family of reader.read(message, UNLIMITED)) {
      if (family.name === 'push_time_seconds') groups = family.metrics.length
      for (const metric of detailedMetrics(family)) details.set(detailKey(family.name, metric.labels), metric)
    }
    if (details.size > MOST_DETAILS)
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `${name} has more than ${MOST_DETAILS} native histograms and metrics with exemplars or start times: import it in parts`,
      )
  }
  return { details, groups }
}

function detailedMetrics(family: Family): Metric[] {
  return (family.metrics as readonly Metric[]).filter(
    (metric) =>
      metric.startMs !== undefined ||
      ('exemplar' in metric && metric.exemplar !== undefined) ||
      ('buckets' in metric &&
        (metric.native !== undefined ||
          metric.float === true ||
          metric.buckets.some(({ exemplar }) => exemplar !== undefined))),
  )
}

/** Messages as they stand in a delimited stream, each with the length in front. */
async function* messagesOf(pieces: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let bytes = 0
  /** Of the message at the front with its length; 0 = not known yet. */
  let wanted = 0
  for await (const piece of pieces) {
    parts.push(piece)
    bytes += piece.length
    while (bytes > 0 && (wanted === 0 || bytes >= wanted)) {
      const [front, ...others] = parts
      if (wanted === 0) {
        if (others.length > 0 && (front as Uint8Array).length < LONGEST_VARINT) parts = [Buffer.concat(parts)]
        wanted = framedLength(parts[0] as Uint8Array, name)
        if (wanted === 0) break
        continue
      }
      const joined = others.length === 0 ? (front as Uint8Array) : Buffer.concat(parts)
      yield joined.subarray(0, wanted)
      const rest = joined.subarray(wanted)
      parts = rest.length === 0 ? [] : [rest]
      bytes = rest.length
      wanted = 0
    }
  }
  if (bytes > 0) throw new PgrError('PGR_BODY_MALFORMED', `the page of ${name} was cut off`)
}

const LONGEST_VARINT = 5

/** Length of the message at the front together with its length; 0 when that is not there as a whole. */
function framedLength(bytes: Uint8Array, name: string): number {
  let length = 0
  for (let at = 0; at < Math.min(bytes.length, LONGEST_VARINT); at++) {
    const byte = bytes[at] as number
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte >= 0x80) continue
    if (length > LONGEST_FAMILY_BYTES)
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `${name} has a family of ${length} bytes, more than the ${LONGEST_FAMILY_BYTES} that are read`,
      )
    return at + 1 + length
  }
  if (bytes.length < LONGEST_VARINT) return 0
  throw new PgrError('PGR_BODY_MALFORMED', `the page of ${name} is not delimited protobuf`)
}
