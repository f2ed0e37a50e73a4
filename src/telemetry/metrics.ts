import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { catalogue } from '../errors/catalogue.ts'
import type { Event, HistoryCause, Levels, Protocol, TurnedAway } from './events.ts'
import { RecentSummary } from './recent-summary.ts'
import type { Labels, Rule, Snapshot } from './snapshot.ts'
import { type HistogramSeries, Tally, TallyHistogram } from './tally.ts'

const PROTOCOLS: ReadonlySet<string> = new Set<Protocol>([
  'text',
  'openmetrics',
  'protobuf',
  'remote-write-1',
  'remote-write-2',
  'otlp',
  'none',
])
const FORMATS: ReadonlySet<string> = new Set(['text', 'openmetrics', 'protobuf'])
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'])
const HISTORY_CAUSES: ReadonlySet<string> = new Set<HistoryCause>(['failover', 'restart', 'emptied'])
const TURNED_AWAY: ReadonlySet<string> = new Set<TurnedAway>(['certificate', 'credentials', 'rate', 'busy'])
const CODES: ReadonlySet<string> = new Set(Object.keys(catalogue))
const REST = 'other'

/** From half a millisecond, a push into the embedded store, to the longest a scrape may wait. */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Gauges of the Node defaults that `promtool check metrics` objects to; the same by type stand beside them. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

interface PushLabels {
  readonly handler: string
  readonly method: string
  readonly protocol: string
  readonly status: number
}

interface PushTallies extends PushLabels {
  readonly theirs: Tally
  readonly requests: Tally
  readonly seconds: HistogramSeries
  readonly bytes: Tally
  readonly series: Tally
}

interface Metrics {
  count(event: Event): void
  /** The page in text 0.0.4, with levels as of now. */
  page(): Promise<{ contentType: string; body: string }>
  /** The same for a page that several workers share. */
  snapshot(): Promise<Snapshot>
  close(): void
}

/** What Node says of its process, in a registry of its own or before all else; returns the names. */
export function collectProcessMetrics(registry: Registry): ReadonlySet<string> {
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  return new Set(registry.getMetricsAsArray().map(({ name }) => name))
}

/** How the last reading of settings went; the start is the first. Of several workers the supervisor's are shown. */
export function reloadGauges(registers: Registry[]) {
  const aggregator = 'first'
  const successful = new Gauge({
    name: 'pgr_config_last_reload_successful',
    help: '1 when the settings were in order when they were last read, 0 when the ones before stay.',
    registers,
    aggregator,
  })
  const at = new Gauge({
    name: 'pgr_config_last_reload_success_timestamp_seconds',
    help: 'Unix time when settings were last read and in order.',
    registers,
    aggregator,
  })
  function count({ reason }: Pick<Event & { kind: 'reload' }, 'reason'>): void {
    successful.set(reason === undefined ? 1 : 0)
    if (reason === undefined) at.setToCurrentTime()
  }
  count({})
  return count
}

/** Families of a registry; what is said of a process is said of each. */
export async function familiesOf(registry: Registry, ofProcess: ReadonlySet<string>): Promise<Snapshot> {
  const families = await registry.getMetricsAsJSON()
  return families.map(({ name, help, type, aggregator, values }) => ({
    name,
    help,
    // Called a number by the types, and a word by the program.
    type: String(type),
    rule: ofProcess.has(name) ? 'each' : (aggregator as Rule),
    // Copied: those of counters go on counting.
    values: values.map((sample) => ({ ...sample })) as Snapshot[number]['values'],
  }))
}

/**
 * The server's own metrics. Every label has a closed list of values or is capped: what a stranger sends as a method,
 * path or name adds no series.
 */
export function openMetrics(version: string, levels: () => Levels): Metrics {
  const registry = new Registry()
  const registers = [registry]

  function counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers })
  }
  function seconds(name: string, help: string, ...labelNames: string[]): Histogram {
    return new Histogram({ name, help, labelNames, registers, buckets: SECONDS_BUCKETS })
  }
  /** Of what happens with every push. Returns the series of these labels. */
  function eachSeconds(name: string, help: string): (labels: Labels) => HistogramSeries {
    const histogram = new TallyHistogram({ name, help, buckets: SECONDS_BUCKETS, registry })
    const known = new Map<string, HistogramSeries>()
    return (labels) => {
      const key = Object.values(labels).join('\0')
      const series = known.get(key) ?? histogram.with(labels)
      known.set(key, series)
      return series
    }
  }
  /** `aggregator`: what one page says for several workers. What is counted is always added up. */
  function gauge(
    name: string,
    aggregator: 'sum' | 'min' | 'max' | 'first',
    help: string,
    ...labelNames: string[]
  ): Gauge {
    return new Gauge({ name, help, labelNames, registers, aggregator })
  }

  const ofProcess = collectProcessMetrics(registry)

  const build = gauge(
    'pgr_build_info',
    'first',
    'Always 1; the version of pgr and of Node it runs on.',
    'version',
    'node',
  )
  build.set({ version, node: process.version }, 1)

  const requests = counter(
    'pgr_requests_total',
    'Pushes, ingests, remote writes, OTLP exports and deletions answered, by HTTP status.',
    'handler',
    'protocol',
    'method',
    'code',
  )
  const requestSeconds = eachSeconds(
    'pgr_request_duration_seconds',
    'Time from the head of a push, ingest or deletion to its answer.',
  )
  const receivedBytes = counter('pgr_received_bytes_total', 'Bytes of pushed bodies as sent.', 'protocol')
  const storedSeries = counter(
    'pgr_stored_series_total',
    'Series in pushes that were stored, counted anew with each push.',
    'protocol',
  )
  const rejected = counter(
    'pgr_rejected_total',
    'Pushes, ingests, remote writes, OTLP exports and deletions refused, by error code.',
    'protocol',
    'reason',
  )
  const expiredSeries = counter(
    'pgr_expired_series_total',
    'Series hidden because their time was over.',
    'protocol',
  )

  const turnedAway = counter(
    'pgr_turned_away_total',
    'Connections and requests refused before they were looked at, by reason.',
    'reason',
  )
  for (const reason of TURNED_AWAY) turnedAway.inc({ reason }, 0)
  // As Pushgateway has them, so that its dashboards and alerts keep working.
  const theirBuild = gauge(
    'pushgateway_build_info',
    'first',
    'Always 1; the version of pgr under the name that Pushgateway has for its own.',
    'version',
    'revision',
    'branch',
    'goversion',
    'goos',
    'goarch',
  )
  const { platform: goos, arch: goarch } = process
  theirBuild.set({ version, revision: '', branch: '', goversion: '', goos, goarch }, 1)
  const theirRequests = counter(
    'pushgateway_http_requests_total',
    'Requests answered, scrapes left out, by HTTP status.',
    'handler',
    'method',
    'code',
  )
  const label = 'method'
  const theirSeconds = new RecentSummary({
    name: 'pushgateway_http_push_duration_seconds',
    help: 'Time from the head of a push to its answer.',
    label,
    registry,
  })
  const theirBytes = new RecentSummary({
    name: 'pushgateway_http_push_size_bytes',
    help: 'Size of pushes as sent, heads included.',
    label,
    registry,
  })

  const scrapes = counter('pgr_scrapes_total', 'Scrapes answered, by HTTP status.', 'format', 'code')
  const scrapeSeconds = seconds(
    'pgr_scrape_duration_seconds',
    'Time from the head of a scrape to its last byte.',
    'format',
  )
  const scrapedBytes = counter('pgr_scraped_bytes_total', 'Bytes of pages as sent.', 'format')
  const staleScrapes = counter(
    'pgr_stale_scrapes_total',
    'Scrapes answered with the last page because the store was away.',
  )

  const callSeconds = eachSeconds(
    'pgr_store_call_duration_seconds',
    'Time a call to the store took, retries included.',
  )
  const callErrors = counter(
    'pgr_store_errors_total',
    'Calls to the store that failed, by error code.',
    'operation',
    'reason',
  )
  const duplicates = counter(
    'pgr_store_duplicates_total',
    'Writes that reached the store twice and were applied once.',
  )
  const losses = counter('pgr_store_losses_total', 'Times the store was lost.')
  const storeUp = gauge('pgr_store_up', 'min', '0 from when the store was lost to when it is back.')
  storeUp.set(1)
  const historyLosses = counter(
    'pgr_store_history_losses_total',
    'Times the store lost writes it had acknowledged, by how that came about.',
    'cause',
  )
  // An increase from nothing at all is no increase to an alert.
  for (const cause of HISTORY_CAUSES) historyLosses.inc({ cause }, 0)
  const lostWrites = counter(
    'pgr_store_lost_writes_total',
    'Acknowledged writes of this replica that the store lost for good.',
  )
  const resubmittedWrites = counter(
    'pgr_store_resubmitted_writes_total',
    'Acknowledged writes of this replica that the store lost and was sent again.',
  )
  const forgottenWrites = counter(
    'pgr_store_forgotten_writes_total',
    'Acknowledged writes of this replica that were forgotten for want of room while they might have had to be sent again.',
  )
  const snapshots = counter(
    'pgr_store_snapshots_total',
    'Snapshots of the embedded store, by whether they were written or failed.',
    'outcome',
  )
  for (const outcome of ['written', 'failed']) snapshots.inc({ outcome }, 0)
  const snapshotSeconds = seconds(
    'pgr_store_snapshot_duration_seconds',
    'Time to write a snapshot of the embedded store.',
  )
  const snapshotAt = gauge(
    'pgr_store_snapshot_timestamp_seconds',
    'max',
    'Unix time of the last snapshot that was written, 0 before the first.',
  )
  const snapshotBytes = gauge(
    'pgr_store_snapshot_bytes',
    'max',
    'Size of the last snapshot that was written.',
  )
  const findings = gauge(
    'pgr_store_finding',
    'min',
    '1 while what was found out about the store is in order.',
    'finding',
  )

  const rereadOk = gauge(
    'pgr_web_config_last_reload_successful',
    'min',
    '0 while the files for TLS and credentials cannot be used as they are and those read before stay in effect.',
  )
  rereadOk.set(1)
  const rereadAt = gauge(
    'pgr_web_config_last_reload_success_timestamp_seconds',
    'min',
    'When those files were last read without a fault.',
  )
  rereadAt.setToCurrentTime()

  const pollSeconds = seconds('pgr_view_poll_duration_seconds', 'Time to catch up with the store.')
  const polledUnits = counter('pgr_view_changed_units_total', 'Groups and sets read because they changed.')
  const resets = counter('pgr_view_resets_total', 'Partitions read anew, by reason.', 'reason')
  const contested = counter(
    'pgr_otlp_contested_series_total',
    'Times that a series came with an older start time than before: two processes write it in turns.',
  )
  const quarantines = counter(
    'pgr_quarantines_total',
    'Families found to clash or to be unreadable, by reason.',
    'reason',
  )
  const countReload = reloadGauges(registers)
  const defects = counter('pgr_defects_total', 'Failures that are defects in pgr, by place.', 'where')

  const level = {
    units: gauge('pgr_units', 'max', 'Groups and sets stored.'),
    series: gauge('pgr_series', 'max', 'Series stored.'),
    families: gauge('pgr_families', 'max', 'Metric families stored.'),
    quarantinedFamilies: gauge(
      'pgr_quarantined_families',
      'max',
      'Families with series left out of the page.',
    ),
    quarantinedSeries: gauge('pgr_quarantined_series', 'max', 'Series left out of the page.'),
    viewAgeSeconds: gauge(
      'pgr_view_age_seconds',
      'max',
      'Time since this replica last caught up with the store.',
    ),
    viewBytes: gauge('pgr_view_bytes', 'sum', 'Bytes held for the page.'),
    inflightBytes: gauge('pgr_inflight_bytes', 'sum', 'Bytes of pushes being worked on.'),
    ready: gauge('pgr_ready', 'min', '1 when pushes and scrapes can be served.'),
  } satisfies Record<keyof Levels, Gauge>

  const operation = capped()
  const finding = capped()
  const resetReason = capped()
  const place = capped()

  function setLevels(): void {
    const now = levels()
    for (const name of Object.keys(level) as (keyof Levels)[]) level[name].set(Number(now[name]))
  }

  function countRequest(handler: string, method: string, status: number): void {
    theirRequests.inc({ handler, method, code: statusLabel(status) })
  }

  const pushes: PushTallies[] = []

  /** Those of pushes with the same labels; most have those of the one before. */
  function talliesOf({ handler, method, protocol, status }: PushLabels): PushTallies {
    const known = pushes.find(
      (each) =>
        each.handler === handler &&
        each.method === method &&
        each.protocol === protocol &&
        each.status === status,
    )
    if (known !== undefined) return known
    const code = statusLabel(status)
    const fresh: PushTallies = {
      handler,
      method,
      protocol,
      status,
      theirs: new Tally(theirRequests, { handler, method: lowerMethod(method), code }),
      requests: new Tally(requests, { handler, protocol, method, code }),
      seconds: requestSeconds({ handler, protocol }),
      bytes: new Tally(receivedBytes, { protocol }),
      series: new Tally(storedSeries, { protocol }),
    }
    pushes.push(fresh)
    return fresh
  }

  function countPush(event: Event & { kind: 'push' }): void {
    const { handler, status } = event
    const protocol = oneOf(PROTOCOLS, event.protocol)
    const method = oneOf(METHODS, event.method)
    const tallies = talliesOf({ handler, method, protocol, status })
    if (handler === 'push') {
      const lower = lowerMethod(method)
      theirSeconds.observe(lower, event.seconds)
      theirBytes.observe(lower, event.requestBytes ?? event.bytes)
    }
    tallies.theirs.add(1)
    tallies.requests.add(1)
    tallies.seconds.observe(event.seconds)
    tallies.bytes.add(event.bytes)
    tallies.series.add(event.series)
    if (event.code !== undefined) rejected.inc({ protocol, reason: oneOf(CODES, event.code) })
  }

  function settle(): void {
    for (const { theirs, requests, bytes, series } of pushes)
      for (const tally of [theirs, requests, bytes, series]) tally.settle()
  }

  function countScrape(event: Event & { kind: 'scrape' }): void {
    const format = oneOf(FORMATS, event.format)
    scrapes.inc({ format, code: statusLabel(event.status) })
    scrapeSeconds.observe({ format }, event.seconds)
    scrapedBytes.inc({ format }, event.bytes)
    if (event.stale) staleScrapes.inc()
  }

  function countCall(event: Event & { kind: 'store.call' }): void {
    const label = operation(event.operation)
    callSeconds({ operation: label }).observe(event.seconds)
    if (event.code !== undefined) callErrors.inc({ operation: label, reason: oneOf(CODES, event.code) })
  }

  function countSnapshot({ ok, bytes, seconds }: Event & { kind: 'store.snapshot' }): void {
    snapshots.inc({ outcome: ok ? 'written' : 'failed' })
    snapshotSeconds.observe(seconds)
    if (!ok) return
    snapshotBytes.set(bytes)
    snapshotAt.set(Date.now() / 1000)
  }

  return {
    count(event) {
      switch (event.kind) {
        case 'push':
          return countPush(event)
        case 'request':
          return countRequest(event.handler, lowerMethod(event.method), event.status)
        case 'scrape':
          return countScrape(event)
        case 'turned-away':
          return turnedAway.inc({ reason: oneOf(TURNED_AWAY, event.reason) })
        case 'store.call':
          return countCall(event)
        case 'store.duplicate':
          return duplicates.inc()
        case 'store.lost':
          losses.inc()
          return storeUp.set(0)
        case 'store.back':
          return storeUp.set(1)
        case 'store.finding':
          return findings.set({ finding: finding(event.finding) }, event.ok ? 1 : 0)
        case 'store.snapshot':
          return countSnapshot(event)
        case 'store.history':
          return historyLosses.inc({ cause: oneOf(HISTORY_CAUSES, event.cause) })
        case 'store.mend':
          lostWrites.inc(event.lost)
          return resubmittedWrites.inc(event.resubmitted)
        case 'web.reread':
          if (event.ok) rereadAt.setToCurrentTime()
          return rereadOk.set(event.ok ? 1 : 0)
        case 'store.forgotten':
          return forgottenWrites.inc(event.writes)
        case 'view.poll':
          pollSeconds.observe(event.seconds)
          return polledUnits.inc(event.units)
        case 'view.reset':
          return resets.inc({ reason: resetReason(event.reason) })
        case 'view.expired':
          return expiredSeries.inc({ protocol: oneOf(PROTOCOLS, event.protocol) }, event.series)
        case 'otlp.contested':
          return contested.inc()
        case 'view.quarantine':
          return quarantines.inc({ reason: event.reason })
        case 'reload':
          return countReload(event)
        case 'defect':
          return defects.inc({ where: place(event.where) })
        case 'store.topology':
        case 'listening':
        case 'worker.started':
        case 'worker.ended':
        case 'notice':
          return undefined
      }
    },
    async page() {
      setLevels()
      settle()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    async snapshot() {
      setLevels()
      settle()
      const summaries = new Map([theirSeconds, theirBytes].map((one) => [one.name, one]))
      const families = await familiesOf(registry, ofProcess)
      return families.map((family) => summaries.get(family.name)?.family() ?? family)
    },
    close: () => registry.clear(),
  }
}

function oneOf(values: ReadonlySet<string>, value: string): string {
  return values.has(value) ? value : REST
}

/** As Pushgateway spells methods. */
function lowerMethod(method: string): string {
  return METHODS.has(method) ? method.toLowerCase() : 'unknown'
}

function statusLabel(status: number): string {
  return Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : REST
}

const MAX_VALUES = 32

/** For labels whose values are constants of the program, which no type can promise: the first so many, then the rest. */
function capped(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= MAX_VALUES) return REST
    seen.add(value)
    return value
  }
}
