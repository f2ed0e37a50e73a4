import { it } from 'vitest'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import { ExportRequest, encodeRequest } from '../support/otlp.ts'

// Prints how fast OTLP metrics are read and translated, beside what protobufjs takes to decode them and no more.

const limits = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 500_000 }
const POINTS = 1000
const REQUESTS = 100

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

/** Sums with six attributes, the series of each request its own. */
function manySums(request: number, temporality: number): object {
  const metrics = Array.from({ length: 10 }, (_, metric) => ({
    name: `http.server.requests.${metric}`,
    description: 'Requests.',
    unit: '{request}',
    sum: {
      aggregationTemporality: temporality,
      isMonotonic: true,
      dataPoints: Array.from({ length: POINTS / 10 }, (_, point) => ({
        startTimeUnixNano: '1700000000000000000',
        timeUnixNano: '1700000015000000000',
        asInt: String(point * 7919),
        attributes: [
          text('http.request.method', 'GET'),
          text('http.route', `/api/v1/thing/${point}/${request}`),
          text('http.response.status_code', String(200 + (point % 5))),
          text('url.scheme', 'https'),
          text('server.address', 'shop.example.com'),
          text('network.protocol.version', '1.1'),
        ],
      })),
    },
  }))
  const resource = {
    attributes: [
      text('service.name', 'shop'),
      text('service.namespace', 'web'),
      text('service.instance.id', 'a1'),
      text('host.name', 'node-7'),
    ],
  }
  return { resourceMetrics: [{ resource, scopeMetrics: [{ scope: { name: 'http' }, metrics }] }] }
}

function manyHistograms(): object {
  const points = Array.from({ length: POINTS }, (_, point) => ({
    startTimeUnixNano: '1700000000000000000',
    timeUnixNano: '1700000015000000000',
    count: '160',
    sum: 12.5,
    scale: 20,
    positive: { offset: point * 3, bucketCounts: Array.from({ length: 160 }, () => '1') },
    attributes: [text('http.route', `/api/v1/thing/${point}`)],
  }))
  const metrics = [
    {
      name: 'http.server.duration',
      unit: 's',
      exponentialHistogram: { aggregationTemporality: 2, dataPoints: points },
    },
  ]
  return {
    resourceMetrics: [
      { resource: { attributes: [text('service.name', 'shop')] }, scopeMetrics: [{ metrics }] },
    ],
  }
}

/** Best time of the processor for one round of several. */
function bestSeconds(rounds: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / 1e6)
  }
  return best
}

function print(what: string, points: number, seconds: number): void {
  process.stdout.write(`${what.padEnd(60)} ${(points / seconds / 1000).toFixed(0)}k points a CPU second\n`)
}

function bench(
  what: string,
  bodies: readonly Uint8Array[],
  encoding: 'protobuf' | 'json',
  makeReader: () => OtlpReader,
): void {
  let reader = makeReader()
  for (const body of bodies) {
    const { points, rejectedPoints } = reader.read(body, encoding)
    if (points !== POINTS || rejectedPoints !== 0) throw new Error(`${what}: not every point was read`)
  }
  const seconds = bestSeconds(10, () => {
    reader = what.includes('never seen') ? makeReader() : reader
    for (const body of bodies) reader.read(body, encoding)
  })
  print(what, bodies.length * POINTS, seconds)
}

it('reads and translates OTLP metrics', () => {
  const make = () => new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits })
  const one = [encodeRequest(manySums(0, 2))]
  const many = Array.from({ length: 50 }, (_, request) => encodeRequest(manySums(request, 2)))
  const repeated = (bodies: readonly Uint8Array[]) =>
    Array.from({ length: REQUESTS }, (_, i) => bodies[i % bodies.length] as Uint8Array)

  bench('read and translate sums, 1,000 series again and again', repeated(one), 'protobuf', make)
  bench('read and translate sums, 50,000 series again and again', repeated(many), 'protobuf', make)
  bench('read and translate sums never seen', many, 'protobuf', make)
  bench('read and translate sums of deltas', repeated([encodeRequest(manySums(0, 1))]), 'protobuf', make)
  bench(
    'read and translate sums in JSON, again and again',
    [Buffer.from(JSON.stringify(manySums(0, 2)))],
    'json',
    make,
  )
  bench(
    'read and translate exponential histograms of 160 buckets',
    [encodeRequest(manyHistograms())],
    'protobuf',
    make,
  )
  const decoded = repeated(many)
  print(
    'decode the same sums with protobufjs, reflection',
    decoded.length * POINTS,
    bestSeconds(5, () => {
      for (const body of decoded) ExportRequest.decode(body)
    }),
  )
})
