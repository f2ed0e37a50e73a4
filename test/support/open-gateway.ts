import { gunzipSync } from 'node:zlib'
import { readerFor, writers } from '../../src/formats/index.ts'
import { openGateway, type RunningGateway } from '../../src/gateway/open-gateway.ts'
import type { Family } from '../../src/model/family.ts'
import { type Labels, sortLabels } from '../../src/model/labels.ts'
import type { EscapingScheme } from '../../src/model/names.ts'
import { openEmbeddedStore } from '../../src/store/embedded/index.ts'
import type { Store, StoreLimits } from '../../src/store/store.ts'
import type { Event } from '../../src/telemetry/events.ts'

export const ROOMY: StoreLimits = { units: 1e6, series: 1e7, bytes: 2 ** 32, setMetrics: 1e5 }

const READ_OPTIONS = {
  utf8Names: true,
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1e6 },
}

export const TTL_MS = 300_000

/** A gateway as the tests of use-cases drive it: text in, text out, no socket, a clock that is set by hand. */
export interface TestGateway {
  readonly gateway: RunningGateway
  readonly events: Event[]
  push(
    mode: 'put' | 'post',
    group: Readonly<Record<string, string>>,
    text: string,
    ttlMs?: number,
  ): Promise<unknown>
  ingest(text: string, contentType?: string, ttlMs?: number): Promise<unknown>
  remove(group: Readonly<Record<string, string>>): Promise<void>
  /** The page as lines, without the push times unless they are asked for. */
  page(options?: PageOptions): Promise<string[]>
  text(options?: PageOptions): Promise<string>
}

export interface PageOptions {
  readonly format?: 'text' | 'openmetrics'
  readonly escaping?: EscapingScheme
  readonly gzip?: boolean
  readonly times?: boolean
}

export interface GatewayOptions {
  readonly consistencyCheck?: boolean
  readonly timestamps?: boolean
  readonly nativeAsClassic?: boolean
  readonly retentionMs?: number
  readonly limits?: StoreLimits
  readonly maxStaleMs?: number
  /** How long each call may take. */
  readonly patienceMs?: number
}

export function embeddedStore(now: () => number): Store {
  return openEmbeddedStore({ limits: ROOMY, now })
}

export function openTestGateway(store: Store, options: GatewayOptions = {}): TestGateway {
  const events: Event[] = []
  const {
    consistencyCheck = true,
    timestamps = false,
    nativeAsClassic = false,
    retentionMs = 0,
    limits = ROOMY,
    maxStaleMs = 0,
    patienceMs = 5000,
  } = options
  const gateway = openGateway(
    store,
    [...writers.values()],
    {
      ttlMs: TTL_MS,
      retentionMs,
      consistencyCheck,
      limits,
      timestamps,
      nativeAsClassic,
      maxStaleMs,
      pollIntervalMs: 0,
      pollTimeoutMs: 2 * patienceMs,
      sweepIntervalMs: 3_600_000,
    },
    (event) => events.push(event),
  )
  const soon = () => performance.now() + patienceMs

  async function text({
    format = 'text',
    escaping = 'allow-utf-8',
    gzip = false,
  }: PageOptions = {}): Promise<string> {
    const { chunks, bytes } = await gateway.scrape({ format, escaping, gzip, deadlineMs: soon() })
    const page = Buffer.concat(chunks)
    if (page.length !== bytes) throw new Error(`the page says ${bytes} bytes and has ${page.length}`)
    return (gzip ? gunzipSync(page) : page).toString()
  }

  return {
    gateway,
    events,
    push: (mode, group, body, ttlMs) =>
      gateway.push({
        mode,
        group: labelsOf(group),
        families: read(body),
        protocol: 'text',
        deadlineMs: soon(),
        bytes: body.length,
        ...(ttlMs === undefined ? {} : { ttlMs }),
      }),
    ingest: (body, contentType, ttlMs) =>
      gateway.ingest({
        families: read(body, contentType),
        protocol: 'text',
        deadlineMs: soon(),
        bytes: body.length,
        ...(ttlMs === undefined ? {} : { ttlMs }),
      }),
    remove: (group) => gateway.removeGroup({ group: labelsOf(group), deadlineMs: soon() }),
    text,
    page: async (options) => {
      const lines = (await text(options)).split('\n').filter((line) => line !== '')
      return options?.times
        ? lines
        : lines.filter((line) => !/^(# (HELP|TYPE) )?push_(failure_)?time_seconds/.test(line))
    },
  }
}

export function labelsOf(record: Readonly<Record<string, string>>): Labels {
  return sortLabels(Object.entries(record).map(([name, value]) => ({ name, value })))
}

function read(body: string, contentType?: string): Family[] {
  return readerFor(contentType).read(Buffer.from(body), READ_OPTIONS)
}
