import { nested, text } from './protobuf-bytes.ts'

/** Series as an instrumented web service has them: sums with six attributes, of as many processes as there are bodies. */
export interface Services {
  readonly processes: number
  /** Of each process, and so of each request. */
  readonly points: number
  readonly temporality: 'delta' | 'cumulative'
}

interface Body {
  readonly bytes: Buffer
  /** Where start, time and value of each point stand. */
  readonly points: readonly number[]
}

const METRICS = 10
/** Three fields of a tag and eight bytes each. */
const POINT_BYTES = 27

/** OTLP requests in protobuf, again and again with other times and values. */
export class OtlpLoad {
  readonly #bodies: readonly Body[]

  constructor({ processes, points, temporality }: Services) {
    this.#bodies = Array.from({ length: processes }, (_, process) => bodyOf(process, points, temporality))
  }

  /** The body of a process, until the next call for it. */
  body(process: number, round: number, timeMs: number): Buffer {
    const { bytes, points } = this.#bodies[process] as Body
    const nanos = BigInt(timeMs) * 1_000_000n
    for (const [n, at] of points.entries()) {
      bytes.writeBigUInt64LE(nanos, at + 10)
      bytes.writeDoubleLE(round + n / 7, at + 19)
    }
    return bytes
  }
}

function bodyOf(process: number, points: number, temporality: Services['temporality']): Body {
  const metrics = Array.from({ length: METRICS }, (_, metric) =>
    metricOf(metric, points / METRICS, temporality),
  )
  const scope = Buffer.concat([nested(1, text(1, 'http')), ...metrics.map((metric) => nested(2, metric))])
  const resource = [
    attribute(1, 'service.namespace', 'shop'),
    attribute(1, 'service.name', 'api'),
    attribute(1, 'service.instance.id', `api-7d9c4b5f6d-${process}`),
    attribute(1, 'host.name', `node-${process % 7}`),
  ]
  const bytes = nested(1, Buffer.concat([nested(1, Buffer.concat(resource)), nested(2, scope)]))
  return { bytes, points: placesOf(bytes) }
}

function metricOf(metric: number, points: number, temporality: Services['temporality']): Buffer {
  const sum = Buffer.concat([
    ...Array.from({ length: points }, (_, point) => nested(1, pointOf(point))),
    Buffer.from([0x10, temporality === 'delta' ? 1 : 2, 0x18, 1]),
  ])
  return Buffer.concat([
    text(1, `http.server.requests.${metric}`),
    text(2, 'Requests that were answered.'),
    text(3, '{request}'),
    nested(7, sum),
  ])
}

/** What the start of every point is before it is found and written over. */
const MARK = Buffer.from([0x11, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10])

function pointOf(point: number): Buffer {
  const fixed = Buffer.alloc(POINT_BYTES)
  MARK.copy(fixed)
  fixed[9] = 0x19
  fixed[18] = 0x21
  return Buffer.concat([
    attribute(7, 'http.request.method', point % 2 === 0 ? 'POST' : 'GET'),
    attribute(7, 'http.route', `/api/v1/thing/${point}`),
    attribute(7, 'http.response.status_code', String(200 + (point % 5))),
    attribute(7, 'url.scheme', 'https'),
    attribute(7, 'server.address', 'shop.example.com'),
    attribute(7, 'network.protocol.version', '1.1'),
    fixed,
  ])
}

function attribute(field: number, key: string, value: string): Buffer {
  return nested(field, Buffer.concat([text(1, key), nested(2, text(1, value))]))
}

function placesOf(bytes: Buffer): number[] {
  const places: number[] = []
  const startNanos = BigInt(Date.now()) * 1_000_000n
  for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at)) {
    places.push(at)
    bytes.writeBigUInt64LE(startNanos, at + 1)
  }
  return places
}
