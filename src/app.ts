import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Notice } from './config/given.ts'
import { showAddress } from './config/kinds.ts'
import { disk, type Rereading, readAndReread } from './config/reread.ts'
import type { Origins, Settings } from './config/rules.ts'
import { showFlags, showSettings } from './config/show.ts'
import { assertTakenOver, loadWayIn, type WayIn } from './config/web/way-in.ts'
import { PgrError } from './errors/pgr-error.ts'
import { writers } from './formats/index.ts'
import { openGateway, type RunningGateway } from './gateway/open-gateway.ts'
import type { BoundAddress } from './http/listeners.ts'
import type { HttpOptions } from './http/options.ts'
import { type HttpServer, openHttp } from './http/server.ts'
import { openStore, type StoreChoice } from './store/index.ts'
import type { Store } from './store/store.ts'
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { VERSION } from './version.ts'

/** Longest catch-up of the view, a cold start with millions of series included. */
const POLL_TIMEOUT_MS = 60_000
const SWEEP_INTERVAL_MS = 10_000
/** How soon a new certificate or user is noticed. */
const REREAD_INTERVAL_MS = 1000

export interface StartOptions {
  /** Where each setting came from; for the log line at the start. */
  readonly origins?: Origins
  /** What the operator should hear about although the start goes on. */
  readonly notices?: readonly Notice[]
  /** Asked for by `/-/quit`. */
  readonly requestStop?: () => void
}

export interface StartedServer {
  /** Base addresses, as bound. */
  readonly urls: readonly string[]
  /** From now on readiness fails, while everything is still served. */
  drain(): void
  /** Takes no more requests, ends those under way, lets go of the store. */
  stop(): Promise<void>
}

/**
 * Builds the gateway from settings and starts it: telemetry, store, view, listeners; `stop` undoes this in reverse.
 * Everything concrete meets here, and nothing listens at import time. Rejects with PGR_SETTING_INVALID or
 * PGR_START_FAILED, having let go of what it had opened.
 */
export async function startServer(settings: Settings, options: StartOptions = {}): Promise<StartedServer> {
  const { notices = [], requestStop } = options
  let gateway: RunningGateway | undefined
  let http: HttpServer | undefined
  const telemetry = openTelemetry({
    version: VERSION,
    logLevel: settings.logLevel,
    logFormat: settings.logFormat,
    levels: () => ({ ...(gateway?.levels() ?? NOTHING), inflightBytes: http?.inflightBytes ?? 0 }),
  })
  const { tell } = telemetry
  for (const { level, message } of notices) tell({ kind: 'notice', level, message })

  let store: Store | undefined
  let watch: { stop(): void } | undefined
  try {
    const wayIn = readWayIn(settings, telemetry, () => http)
    store = await openStore(storeChoice(settings, telemetry))
    const started = openGateway(store, [...writers.values()], gatewaySettings(settings), tell)
    gateway = started
    const server = openHttp(httpOptions(settings, wayIn.value), {
      gateway: started,
      tell,
      telemetry,
      ...(requestStop === undefined ? {} : { lifecycle: lifecycle(requestStop) }),
    })
    http = server
    started.start()
    const addresses = await server.listen()
    watch = keepLooking(wayIn)
    const { stop: stopWatching } = watch
    announce(settings, telemetry, reachable(addresses[0]), options.origins)
    return {
      urls: addresses.map(({ url }) => url),
      drain() {
        server.beginDrain()
        tell({ kind: 'notice', level: 'info', message: 'stopping: not ready any more, still serving' })
      },
      async stop() {
        stopWatching()
        await stopAll(server, started, store, telemetry)
        tell({ kind: 'notice', level: 'info', message: 'stopped' })
      },
    }
  } catch (reason) {
    watch?.stop()
    await stopAll(http, gateway, store, telemetry)
    throw PgrError.from(reason, 'PGR_START_FAILED')
  }
}

const NOTHING = {
  units: 0,
  series: 0,
  families: 0,
  quarantinedFamilies: 0,
  quarantinedSeries: 0,
  viewAgeSeconds: 0,
  viewBytes: 0,
  ready: false,
}

/** What the files for the way in say; each later reading goes to the server. */
function readWayIn(
  settings: Settings,
  { tell }: Telemetry,
  http: () => HttpServer | undefined,
): Rereading<WayIn> {
  const load = (read: (path: string) => string) => loadWayIn(settings, read)
  const wayIn = readAndReread<WayIn>(
    {
      load,
      changed(next) {
        assertTakenOver(wayIn.value, next, settings.webConfigFile)
        if (next.tls !== undefined) http()?.setTls(next.tls)
        http()?.setAccess(next.access)
        tell({ kind: 'web.reread', ok: true })
      },
      failed: (reason) =>
        tell({ kind: 'web.reread', ok: false, reason: PgrError.from(reason, 'PGR_START_FAILED').message }),
    },
    disk,
  )
  for (const { level, message } of wayIn.value.notices) tell({ kind: 'notice', level, message })
  return wayIn
}

/** Looks for changes until it is stopped, never twice at once. */
function keepLooking({ look }: Rereading<unknown>): { stop(): void } {
  let isLooking = false
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void look().finally(() => {
      isLooking = false
    })
  }, REREAD_INTERVAL_MS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

/** First no more requests, then no more work on the store, then the store itself. */
async function stopAll(
  http: HttpServer | undefined,
  gateway: RunningGateway | undefined,
  store: Store | undefined,
  telemetry: Telemetry,
): Promise<void> {
  await http?.close()
  await gateway?.stop()
  await store?.close()
  telemetry.close()
}

/** A URL to try at a terminal: an address that stands for all of them is reached as this machine. */
function reachable(address: BoundAddress | undefined): string {
  if (address === undefined) return ''
  const { host, port, url } = address
  return host === '::' || host === '0.0.0.0' ? `${new URL(url).protocol}//localhost:${port}` : url
}

function announce(settings: Settings, { tell }: Telemetry, url: string, origins: Origins | undefined): void {
  if (origins !== undefined) {
    const given = showSettings(settings, origins).filter(({ from }) => from !== 'default')
    const facts = Object.fromEntries(given.map(({ flag, value }) => [flag, value]))
    if (given.length > 0)
      tell({ kind: 'notice', level: 'info', message: 'settings that are not the default', facts })
  }
  if (settings.store === 'embedded') {
    tell({
      kind: 'notice',
      level: 'warn',
      message:
        'the store is embedded: pushed metrics live in this process alone and go with it; give --redis.endpoint to share them between replicas and keep them over a restart',
    })
  }
  const { metricsPath } = settings
  tell({
    kind: 'listening',
    url,
    pushUrl: `${url}/metrics/job/<job>`,
    scrapeUrl: `${url}${metricsPath}`,
    store: settings.store,
  })
}

function storeChoice(settings: Settings, { tell }: Telemetry): StoreChoice {
  const limits = storeLimits(settings)
  if (settings.store === 'embedded') return { kind: 'embedded', limits }
  const { redisMasterName: masterName, redisUsername: username, redisPassword: password } = settings
  return {
    kind: 'redis',
    options: {
      endpoints: settings.redisEndpoint,
      natMap: settings.redisNatMap,
      prefix: settings.redisPrefix,
      timeoutMs: settings.redisTimeout,
      waitReplicas: settings.redisWaitReplicas,
      waitTimeoutMs: settings.redisWaitTimeout,
      resubmit: {
        windowMs: settings.redisResubmitWindow,
        maxBytes: settings.redisResubmitMaxBytes,
        after: settings.redisResubmitAfter,
      },
      forceEvictionPolicy: settings.redisForceEvictionPolicy,
      limits,
      version: VERSION,
      address: settings.webListenAddress
        .map((each) => showAddress({ ...each, host: each.host || hostname() }))
        .join(','),
      tell,
      ...(masterName === '' ? {} : { masterName, sentinel: sentinelOptions(settings) }),
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      ...(settings.redisDb === 0 ? {} : { db: settings.redisDb }),
      ...(settings.redisTlsEnabled || needsTls(settings) ? { tls: redisTls(settings) } : {}),
    },
  }
}

function sentinelOptions(settings: Settings) {
  const { redisSentinelUsername: username, redisSentinelPassword: password } = settings
  return {
    strict: settings.redisSentinelStrict,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  }
}

function needsTls({ redisEndpoint }: Settings): boolean {
  return redisEndpoint.some((endpoint) => endpoint.startsWith('rediss://'))
}

function redisTls(settings: Settings) {
  const { redisTlsCa: ca, redisTlsCert: cert, redisTlsKey: key, redisTlsSkipVerify: skipVerify } = settings
  return {
    skipVerify,
    ...(ca === '' ? {} : { ca: readPem(ca, '--redis.tls.ca').toString() }),
    ...(cert === '' ? {} : { cert: readPem(cert, '--redis.tls.cert').toString() }),
    ...(key === '' ? {} : { key: readPem(key, '--redis.tls.key').toString() }),
  }
}

function storeLimits(settings: Settings) {
  const {
    limitsUnits: units,
    limitsSeries: series,
    limitsBytes: bytes,
    limitsSetMetrics: setMetrics,
  } = settings
  return { units, series, bytes, setMetrics }
}

function gatewaySettings(settings: Settings) {
  return {
    ttlMs: settings.redisExpiration,
    retentionMs: settings.pushTimeRetention,
    consistencyCheck: !settings.pushDisableConsistencyCheck,
    limits: storeLimits(settings),
    timestamps: settings.expositionTimestamps,
    maxStaleMs: settings.expositionMaxStale,
    pollIntervalMs: settings.pollInterval,
    pollTimeoutMs: POLL_TIMEOUT_MS,
    sweepIntervalMs: SWEEP_INTERVAL_MS,
  }
}

function httpOptions(settings: Settings, wayIn: WayIn): HttpOptions {
  const { metricsPath: metrics, telemetryPath: telemetry, ingestPath: ingest } = settings
  return {
    version: VERSION,
    listen: settings.webListenAddress.map(showAddress),
    tls: settings.tlsEnabled
      ? { key: readPem(settings.tlsKey, '--tls.key'), cert: readPem(settings.tlsCert, '--tls.cert') }
      : wayIn.tls,
    http2: wayIn.http2,
    access: wayIn.access,
    publicHealth: settings.webAuthPublicHealth,
    paths: { metrics, telemetry, ingest },
    routePrefix: '',
    limits: {
      bodyBytes: settings.pushMaxBody,
      inflightBytes: settings.pushMaxInflightBytes,
      samples: {
        labelsPerSeries: settings.pushMaxLabels,
        nameLength: settings.pushMaxNameLength,
        valueLength: settings.pushMaxValueLength,
        seriesPerPush: settings.pushMaxSeries,
      },
    },
    ttl: { maxMs: settings.pushMaxTtl },
    requestTimeoutMs: settings.pushTimeout,
    utf8Names: settings.pushEnableUtf8Names,
    consistencyCheck: !settings.pushDisableConsistencyCheck,
    enableLifecycle: settings.webEnableLifecycle,
    drainMs: settings.shutdownTimeout,
    compat: settings.compat,
    flags: showFlags(settings),
    startedAt: new Date(),
  }
}

function lifecycle(requestStop: () => void) {
  return {
    quit: requestStop,
    reload: () =>
      Promise.reject(
        new PgrError(
          'PGR_FORBIDDEN',
          'settings are read at the start only; restart the process to change them',
        ),
      ),
  }
}

function readPem(path: string, flag: string): Buffer {
  try {
    return readFileSync(path)
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `the file of ${flag} cannot be read: ${why}`, { cause: reason })
  }
}
