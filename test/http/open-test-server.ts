import { PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import type {
  GroupPush,
  IngestPush,
  OtlpPush,
  RemoteWritePush,
  Scrape,
  ScrapeRequest,
} from '../../src/gateway/gateway.ts'
import { OPEN_ACCESS } from '../../src/http/gate/gate.ts'
import type { HttpDeps, HttpOptions } from '../../src/http/options.ts'
import { type HttpServer, openHttp } from '../../src/http/server.ts'
import { type Labels, labelKey } from '../../src/model/labels.ts'
import type { Event } from '../../src/telemetry/events.ts'

/** What a test may turn: anything of the options, and what the use-cases do. */
export interface Turned {
  readonly options?: Partial<HttpOptions>
  readonly gateway?: Partial<HttpDeps['gateway']>
  readonly deps?: Partial<HttpDeps>
}

export interface TestServer extends HttpServer {
  readonly pushes: GroupPush[]
  readonly ingests: IngestPush[]
  readonly writes: RemoteWritePush[]
  readonly exports: OtlpPush[]
  readonly removed: Labels[]
  readonly scrapes: ScrapeRequest[]
  readonly events: Event[]
}

export const OPTIONS: HttpOptions = {
  version: '1.2.3',
  listen: ['127.0.0.1:0'],
  tls: undefined,
  http2: false,
  access: OPEN_ACCESS,
  publicHealth: false,
  paths: { metrics: '/metrics', telemetry: '/telemetry', ingest: '/ingest' },
  routePrefix: '',
  externalPath: '',
  limits: {
    bodyBytes: 64 * 1024,
    inflightBytes: 256 * 1024,
    samples: { labelsPerSeries: 16, nameLength: 128, valueLength: 1024, seriesPerPush: 1000 },
  },
  ttl: { maxMs: 0 },
  requestTimeoutMs: 3000,
  utf8Names: false,
  otlp: PROMETHEUS_TRANSLATION,
  consistencyCheck: true,
  enableLifecycle: false,
  enableAdminApi: false,
  drainMs: 5000,
  compat: 'none',
  flags: { port: '9753', 'redis.password': '***' },
  settings: [{ flag: 'port', value: '9753', from: 'default', origin: '' }],
  startedAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)),
}

export const NO_HOLDINGS = { series: 0, groups: 0, sets: 0, expiringSoon: 0 }

export const NO_ACTIVITY = { counters: { pushes: [], samples: [], rejections: [] }, rejections: [] }

export const PAGE = 'a 1\nb 2\n'

/** The HTTP side over use-cases that only write down what they were asked. */
export function openTestServer({ options, gateway, deps }: Turned = {}): TestServer {
  const pushes: GroupPush[] = []
  const ingests: IngestPush[] = []
  const writes: RemoteWritePush[] = []
  const exports: OtlpPush[] = []
  const removed: Labels[] = []
  const scrapes: ScrapeRequest[] = []
  const events: Event[] = []
  const server = openHttp(
    { ...OPTIONS, ...options },
    {
      gateway: {
        async push(push) {
          pushes.push(push)
          return { series: push.families.length }
        },
        async ingest(push) {
          ingests.push(push)
          return { series: push.families.length }
        },
        placeSeries: (name, labels) => ({
          home: { id: 'S', labels: [] },
          name,
          labels,
          key: labelKey(labels),
        }),
        async remoteWrite(write) {
          writes.push(write)
          const { numbers, histograms, exemplars } = write.body
          return {
            samples: numbers.length,
            histograms: histograms.length,
            exemplars: exemplars.length,
            refused: 0,
            reasons: [],
          }
        },
        async otlp(push) {
          exports.push(push)
          const points = push.families.reduce((sum, { family }) => sum + family.metrics.length, 0)
          return { points, rejectedPoints: 0, reasons: [] }
        },
        async removeGroup({ group }) {
          removed.push(group)
        },
        async scrape(request) {
          scrapes.push(request)
          return { ...pageOf(PAGE), free: request.beside ?? [] }
        },
        removeMatching: async () => ({ groups: 0, sets: 0, series: 0 }),
        wipe: async () => {},
        groups: async () => [],
        snapshot: async () => ({ nowMs: 0, units: [] }),
        list: async () => ({ nowMs: 1, total: { groups: 0, sets: 0, series: 0 }, matching: 0, units: [] }),
        show: async () => undefined,
        cardinality: async () => ({
          nowMs: 1,
          ...{ series: 0, groups: 0, sets: 0, families: 0, complete: true },
          ...{ metrics: [], labels: [], jobs: [], pairs: [] },
        }),
        ready: async () => {},
        status: async () => ({
          store: 'embedded',
          ready: true,
          holds: NO_HOLDINGS,
        }),
        ...gateway,
      },
      tell: (event) => events.push(event),
      telemetry: {
        metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'pgr_units 1\n' }),
        activity: async () => NO_ACTIVITY,
      },
      ...deps,
    },
  )
  // A getter would be read once by a spread.
  return Object.assign(server, { pushes, ingests, writes, exports, removed, scrapes, events })
}

export function pageOf(...texts: string[]): Scrape {
  const chunks = texts.map((text) => Buffer.from(text))
  return {
    chunks,
    bytes: chunks.reduce((sum, { length }) => sum + length, 0),
    series: texts.length,
    free: [],
    ageSeconds: 0,
    release() {},
  }
}
