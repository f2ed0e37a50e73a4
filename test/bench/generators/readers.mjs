/**
 * Reads, or writes, the same bodies again and again with the built program, in a process of its own, and times its processor.
 *
 *   node readers.mjs '{"reader": "remote-write", "version": 1, "file": "bodies", "units": 2000, "rounds": 5}'
 *
 * The file has each body behind a line with its length; `units` is how many series, samples or points they hold together.
 * With `fresh` nothing is known from the time before. Prints units per processor second, one figure for each round, as JSON.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../../dist/formats/otlp/index.js'
import { reader as textReader, writer as textWriter } from '../../../dist/formats/prometheus-text/index.js'
import { RemoteWriteReader } from '../../../dist/formats/remote-write/index.js'

const { reader, version, encoding, file, units, rounds, seconds, fresh = false } = JSON.parse(process.argv[2])

const limits = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 10_000_000 }
const options = { limits, utf8Names: false }

/** Each makes what has to remember nothing yet, as a function of a body. */
const READERS = {
  'remote-write'() {
    const known = new RemoteWriteReader(() => ({}))
    return (body) => known.read(body, version, options)
  },
  otlp() {
    const known = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits })
    return (body) => {
      const { rejectedPoints } = known.read(body, encoding)
      if (rejectedPoints !== 0) throw new Error('not every point was read')
    }
  },
  text: () => (body) => textReader.read(body, options),
  'text-writer'() {
    const families = new Map(bodies.map((body) => [body, textReader.read(body, options)]))
    const common = [
      { name: 'instance', value: '' },
      { name: 'job', value: 'bench' },
    ]
    return (body) => {
      for (const family of families.get(body))
        textWriter.block(family, common, { escaping: 'underscores', timestamps: false })
    }
  },
  /** The least that another decoder would have to do: decode by reflection, and know which series it is about. */
  'protobufjs-remote-write'() {
    const type = protobufType(
      ...(version === 1
        ? ['prometheus/remote.proto', 'prometheus.WriteRequest']
        : ['io/prometheus/write/v2/types.proto', 'io.prometheus.write.v2.Request']),
    )
    const known = new Map()
    return (body) => lookUp(type.decode(body), known)
  },
  'protobufjs-otlp'() {
    const service = 'opentelemetry/proto/collector/metrics/v1/metrics_service.proto'
    const type = protobufType(service, 'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest')
    return (body) => type.decode(body)
  },
}

const bodies = bodiesIn(readFileSync(file))
let read = READERS[reader]()
const perSecond = []
// A round to compile the code, which does not count.
for (let round = -1; round < rounds; round++) {
  const before = process.cpuUsage()
  const endMs = performance.now() + (seconds * 1000) / rounds
  let times = 0
  do {
    if (fresh) read = READERS[reader]()
    for (const body of bodies) read(body)
    times++
  } while (performance.now() < endMs)
  const { user, system } = process.cpuUsage(before)
  if (round >= 0) perSecond.push((times * units * 1e6) / (user + system))
}
process.stdout.write(`${JSON.stringify(perSecond)}\n`)

/** Files name what they import from the folder of all, or from their own. */
function protobufType(path, name) {
  const folder = fileURLToPath(new URL('../../../proto/', import.meta.url))
  const root = new protobuf.Root()
  root.resolvePath = (origin, target) =>
    existsSync(folder + target) ? folder + target : join(dirname(origin), target)
  return root.loadSync(path).lookupType(name)
}

function lookUp({ symbols = [], timeseries }, known) {
  for (const { labels = [], labelsRefs = [] } of timeseries) {
    let key = ''
    for (const { name, value } of labels) key += `${name}\0${value}\0`
    for (const ref of labelsRefs) key += `${symbols[ref]}\0`
    if (!known.has(key)) known.set(key, {})
  }
}

function bodiesIn(bytes) {
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(0x0a, at)
    const end = lineEnd + 1 + Number(bytes.toString('latin1', at, lineEnd))
    found.push(bytes.subarray(lineEnd + 1, end))
    at = end
  }
  return found
}
