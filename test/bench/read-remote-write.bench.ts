import { it } from 'vitest'
import { RemoteWriteReader, type RemoteWriteVersion } from '../../src/formats/remote-write/index.ts'
import { decodeByReflection, encodeRemoteWrite } from '../support/remote-write.ts'

// Prints how fast remote write is read, beside protobufjs that decodes the same bodies by reflection and then looks the
// series up by their labels.

const options = {
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 500_000 },
  utf8Names: false,
}

const SERIES = 2000

/** Ten labels of about 150 bytes, as a Kubernetes scrape has them. */
function labelsOf(at: number): [string, string][] {
  return [
    ['__name__', 'http_requests_total'],
    ['code', String(200 + (at % 5))],
    ['container', 'api'],
    ['endpoint', 'http'],
    ['handler', `/v1/thing/${at}`],
    ['instance', `10.0.${at % 7}.${at % 250}:8080`],
    ['job', 'api'],
    ['method', 'post'],
    ['namespace', 'shop'],
    ['pod', `api-7d9c-${at % 100}`],
  ]
}

const TIME = 1_764_000_000_000

function body1(): Buffer {
  return encodeRemoteWrite(1, {
    timeseries: Array.from({ length: SERIES }, (_, at) => ({
      labels: labelsOf(at).map(([name, value]) => ({ name, value })),
      samples: [{ value: at * 1.25, timestamp: TIME }],
    })),
  })
}

function body2(): Buffer {
  const symbols = ['']
  const refOf = new Map([['', 0]])
  const ref = (text: string) => {
    const known = refOf.get(text)
    if (known !== undefined) return known
    refOf.set(text, symbols.length)
    return symbols.push(text) - 1
  }
  const timeseries = Array.from({ length: SERIES }, (_, at) => ({
    labelsRefs: labelsOf(at).flatMap(([name, value]) => [ref(name), ref(value)]),
    samples: [{ value: at * 1.25, timestamp: TIME }],
    metadata: { type: 1, helpRef: ref('Requests by code.'), unitRef: 0 },
  }))
  return encodeRemoteWrite(2, { symbols, timeseries })
}

interface Decoded {
  readonly symbols?: readonly string[]
  readonly timeseries: readonly {
    readonly labels?: readonly { readonly name: string; readonly value: string }[]
    readonly labelsRefs?: readonly number[]
  }[]
}

/** The least that must be done with a decoded body: to know which series it is about. */
function lookUp({ symbols = [], timeseries }: Decoded, known: Map<string, object>): void {
  for (const { labels = [], labelsRefs = [] } of timeseries) {
    let key = ''
    for (const { name, value } of labels) key += `${name}\0${value}\0`
    for (const ref of labelsRefs) key += `${symbols[ref]}\0`
    if (!known.has(key)) known.set(key, {})
  }
}

/** Samples per second of processor time, the best of several rounds. */
function samplesPerSecond(work: () => void): number {
  let best = 0
  for (let round = 0; round < 12; round++) {
    const start = process.cpuUsage()
    const times = 50
    for (let time = 0; time < times; time++) work()
    const { user, system } = process.cpuUsage(start)
    best = Math.max(best, (times * SERIES * 1e6) / (user + system))
  }
  return best
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(52)} ${figure}\n`)
}

function bench(version: RemoteWriteVersion, body: Buffer): void {
  const bytes = Math.round(body.length / SERIES)
  const million = (figure: number) => `${(figure / 1e6).toFixed(2)} M samples per CPU second`
  const known = new RemoteWriteReader(() => ({}))
  const again = samplesPerSecond(() => void known.read(body, version, options))
  const fresh = samplesPerSecond(() => void new RemoteWriteReader(() => ({})).read(body, version, options))
  const byLabels = new Map<string, object>()
  const reflected = samplesPerSecond(() => lookUp(decodeByReflection(version, body) as Decoded, byLabels))
  print(`${version}.0, labels known (${bytes} B each)`, million(again))
  print(`${version}.0, labels never met`, million(fresh))
  print(`${version}.0, protobufjs and a look-up`, million(reflected))
  print(`${version}.0, labels known ÷ protobufjs`, (again / reflected).toFixed(1))
}

it('reads remote write', () => {
  bench(1, body1())
  bench(2, body2())
})
