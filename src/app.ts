import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { announce, DRAINING, STOPPED } from './announce.ts'
import type { Notice } from './config/given.ts'
import { pathOfUrl, showAddress } from './config/kinds.ts'
import { readPem } from './config/pem.ts'
import { loadRedisTls, type RedisTlsFiles } from './config/redis-tls.ts'
import { originsAfter, reloadText, takeOver } from './config/reload.ts'
import { disk, type Rereading, readAndReread } from './config/reread.ts'
import type { Resolved } from './config/resolve.ts'
import type { Origins, Settings } from './config/rules.ts'
import { showFlags, showOrigins } from './config/show.ts'
import { assertTakenOver, loadWayIn, type WayIn } from './config/web/way-in.ts'
import { PgrError } from './errors/pgr-error.ts'
import { writers } from './formats/index.ts'
import { PROMETHEUS_TRANSLATION } from './formats/otlp/index.ts'
import { type AdjustableGateway, openGateway, type RunningGateway } from './gateway/open-gateway.ts'
import type { Access } from './http/gate/gate.ts'
import { inheritedSockets } from './http/inherited-sockets.ts'
import type { AdjustableHttp, HttpOptions, TlsMaterial } from './http/options.ts'
import type { HttpServer } from './http/server.ts'
import { openStore, type StoreChoice } from './store/index.ts'
import type { Store, StoreReport } from './store/store.ts'
import type { Activity, Rejection } from './telemetry/activity.ts'
import type { Snapshot } from './telemetry/snapshot.ts'
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { VERSION } from './version.ts'

/** Longest catch-up of the view, a cold start with millions of series included. */
const POLL_TIMEOUT_MS = 60_000
const SWEEP_INTERVAL_MS = 10_000
const READY_INTERVAL_MS = 50
const CHECKED_ROUND_TRIPS = 10
/** How soon a new certificate or user is noticed. */
const REREAD_INTERVAL_MS = 1000

export interface StartOptions {
  /** Where each setting came from; for the log line at the start. */
  readonly origins?: Origins
  /** What the operator should hear about although the start goes on. */
  readonly notices?: readonly Notice[]
  /** Asked for by `/-/quit`. */
  readonly requestStop?: () => void
  /** The settings as they are now, from where the first came; without it there is no reloading. */
  readonly reread?: () => Pick<Resolved, 'settings' | 'notices'> & { readonly origins?: Origins | undefined }
}

/** One of several processes that serve together, and what it asks the others for. */
export interface WorkerRole {
  /** From 1. */
  readonly number: number
  /** When the first of them started. */
  readonly startedAt: Date
  /** Others serve: listens when it has read the store, so that readiness does not fail meanwhile. */
  readonly holdsBack: boolean
  /** The page of own metrics of all. */
  metrics(): Promise<{ contentType: string; body: string }>
  /** What all did of late. */
  activity(): Promise<Activity>
  /** Rejects unless all that listen are ready. */
  ready(): Promise<void>
  /** Reloads all. */
  reload(): Promise<string>
}

export interface StartedServer {
  /** Base addresses, as bound. */
  readonly urls: readonly string[]
  /** From now on readiness fails, while everything is still served. */
  drain(): void
  /**
   * Reads settings, secrets and certificates anew and takes over what can be; returns in lines what changed. Throws, as
   * the start does, and changes nothing when any of it is wrong. Either is told. Several processes take a while.
   */
  reload(): string | Promise<string>
  /** Takes no more requests, ends those under way, lets go of the store. */
  stop(): Promise<void>
}

/** What a worker tells the others. */
interface StartedProcess extends StartedServer {
  ready(): Promise<void>
  snapshot(): Promise<Snapshot>
  rejections(): readonly Rejection[]
}

/**
 * Builds the gateway from settings and starts it: telemetry, store, view, listeners; `stop` undoes this in reverse.
 * Everything concrete meets here, and nothing listens at import time. Rejects with PGR_SETTING_INVALID or
 * PGR_START_FAILED, having let go of what it had opened.
 */
export async function startServer(settings: Settings, start: StartOptions = {}): Promise<StartedServer> {
  if (settings.workers > 1) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `--workers is ${settings.workers}, but a server inside another program is one process: leave it out`,
    )
  }
  return startProcess(settings, start)
}

/** The same for one process of `settings.workers`; of limits of the whole it has its share. */
export async function startProcess(
  settings: Settings,
  start: StartOptions & { readonly worker?: WorkerRole },
): Promise<StartedProcess> {
  const { notices = [], requestStop, worker } = start
  let gateway: RunningGateway | undefined
  let http: HttpServer | undefined
  const telemetry = openTelemetry({
    version: VERSION,
    logLevel: settings.logLevel,
    logFormat: settings.logFormat,
    ...(worker === undefined ? {} : { worker: String(worker.number) }),
    levels: () => ({ ...(gateway?.levels() ?? NOTHING), inflightBytes: http?.inflightBytes ?? 0 }),
  })
  const { tell } = telemetry
  for (const { level, message } of notices) tell({ kind: 'notice', level, message })

  let store: Store | undefined
  let watch: { stop(): void } | undefined
  try {
    const wayIn = readWayIn(settings, telemetry, () => http)
    // The first speaks for all.
    if (worker === undefined || (worker.number === 1 && !worker.holdsBack))
      for (const { level, message } of wayIn.value.notices) tell({ kind: 'notice', level, message })
    const redisTlsFiles = readRedisTls(settings, telemetry)
    const looking = keepLooking(wayIn, redisTlsFiles)
    watch = looking
    store = await openStore(storeChoice(settings, telemetry, worker, redisTlsFiles))
    const started = openGateway(store, [...writers.values()], gatewaySettings(settings), tell)
    gateway = started
    started.start()
    // What is stored is on its way meanwhile.
    const { openHttp } = await import('./http/server.ts')
    const server = openHttp(httpOptions(settings, start.origins, wayIn.value, worker), {
      gateway: worker === undefined ? started : { ...started, ready: worker.ready },
      tell,
      telemetry: worker ?? telemetry,
      ...(requestStop === undefined
        ? {}
        : { lifecycle: { quit: requestStop, reload: worker?.reload ?? (() => reload()) } }),
    })
    http = server
    const reload = makeReload({ settings, origins: start.origins }, start.reread, {
      isWorker: worker !== undefined,
      store,
      gateway: started,
      http: server,
      telemetry,
      wayIn,
      redisTlsFiles,
    })
    if (worker?.holdsBack) await becomesReady(started)
    const addresses = await server.listen()
    const urls = addresses.map(({ url }) => url)
    if (worker === undefined) announce(settings, tell, urls[0], start.origins)
    return {
      urls,
      ready: started.ready,
      snapshot: telemetry.snapshot,
      rejections: telemetry.rejections,
      drain() {
        server.beginDrain()
        if (worker === undefined) tell(DRAINING)
      },
      reload,
      async stop() {
        looking.stop()
        await stopAll(server, started, store, telemetry)
        if (worker === undefined) tell(STOPPED)
      },
    }
  } catch (reason) {
    watch?.stop()
    await stopAll(http, gateway, store, telemetry)
    throw PgrError.from(reason, 'PGR_START_FAILED')
  }
}

export interface StoreCheck {
  readonly report: StoreReport
  /** Why it cannot be used as it is. */
  readonly reason?: string
  /** Of questions that change nothing, one after the other. */
  readonly roundTripsMs: readonly number[]
}

/**
 * Connects to the store of these settings as a start would, looks at it, and lets go of it. It is left as a gateway that came
 * and went would leave it. Rejects with PGR_SETTING_INVALID or PGR_STORE_MISCONFIGURED, as the start does.
 */
export async function checkStore(settings: Settings): Promise<StoreCheck> {
  const silent = { tell: () => {} }
  const store = await openStore(storeChoice(settings, silent, undefined, readRedisTls(settings, silent)))
  try {
    const roundTripsMs: number[] = []
    let reason: string | undefined
    try {
      for (let turn = 0; turn < CHECKED_ROUND_TRIPS; turn++) {
        const startMs = performance.now()
        await store.ready()
        roundTripsMs.push(performance.now() - startMs)
      }
      // Runs a script in every partition, and removes nothing that anybody is still shown.
      await store.sweep()
    } catch (failure) {
      reason = PgrError.from(failure, 'PGR_STORE_UNAVAILABLE').message
    }
    const report = await store.describe()
    return { report, roundTripsMs, ...(reason === undefined ? {} : { reason }) }
  } finally {
    await store.close()
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

/** Waits for what readiness takes, but not for ever: a store that is away is told by serving. */
async function becomesReady(gateway: RunningGateway): Promise<void> {
  const endMs = performance.now() + POLL_TIMEOUT_MS
  for (;;) {
    try {
      return await gateway.ready()
    } catch {
      if (performance.now() >= endMs) return
    }
    await sleep(READY_INTERVAL_MS)
  }
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
        http()?.setAccess(accessShare(next.access, settings.workers))
        tell({ kind: 'web.reread', ok: true })
      },
      failed: (reason) =>
        tell({ kind: 'web.reread', ok: false, reason: PgrError.from(reason, 'PGR_START_FAILED').message }),
    },
    disk,
  )
  return wayIn
}

/** What the files for connections to Redis say; each later reading goes to connections that come from then on. */
function readRedisTls(
  settings: Settings,
  { tell }: Pick<Telemetry, 'tell'>,
): Rereading<RedisTlsFiles> | undefined {
  if (!needsTls(settings)) return undefined
  return readAndReread<RedisTlsFiles>(
    {
      load: (read) => loadRedisTls(settings, read),
      changed: () => tell({ kind: 'store.reread', ok: true }),
      failed: (reason) =>
        tell({ kind: 'store.reread', ok: false, reason: PgrError.from(reason, 'PGR_START_FAILED').message }),
    },
    disk,
  )
}

/** Looks for changes until it is stopped, never twice at once. */
function keepLooking(...read: readonly (Rereading<unknown> | undefined)[]): { stop(): void } {
  let isLooking = false
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void Promise.all(read.map((each) => each?.look())).finally(() => {
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

function storeChoice(
  settings: Settings,
  { tell }: Pick<Telemetry, 'tell'>,
  worker: WorkerRole | undefined,
  tlsFiles: Rereading<RedisTlsFiles> | undefined,
): StoreChoice {
  const limits = storeLimits(settings)
  if (settings.store === 'embedded') {
    const { persistenceFile: file, persistenceInterval: intervalMs } = settings
    return { kind: 'embedded', limits, ...(file === '' ? {} : { persistence: { file, intervalMs, tell } }) }
  }
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
        maxBytes: settings.redisResubmitMaxBytes / settings.workers,
        after: settings.redisResubmitAfter,
      },
      forceEvictionPolicy: settings.redisForceEvictionPolicy,
      limits,
      version: VERSION,
      address: announcedAddress(settings, worker),
      tell,
      ...(masterName === '' ? {} : { masterName, sentinel: sentinelOptions(settings) }),
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      ...(settings.redisDb === 0 ? {} : { db: settings.redisDb }),
      ...(tlsFiles === undefined ? {} : { tls: redisTls(settings, tlsFiles) }),
    },
  }
}

/** Sockets that are handed over are known by the machine they are on; a worker is told apart by its number. */
function announcedAddress({ webListenAddress }: Settings, worker: WorkerRole | undefined): string {
  const shown = webListenAddress.map((each) => showAddress({ ...each, host: each.host || hostname() }))
  return `${shown.join(',') || hostname()}${worker === undefined ? '' : `#${worker.number}`}`
}

function sentinelOptions(settings: Settings) {
  const { redisSentinelUsername: username, redisSentinelPassword: password } = settings
  return {
    strict: settings.redisSentinelStrict,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  }
}

function needsTls({ store, redisTlsEnabled, redisEndpoint }: Settings): boolean {
  return store === 'redis' && (redisTlsEnabled || redisEndpoint.some((each) => each.startsWith('rediss://')))
}

function redisTls({ redisTlsSkipVerify: skipVerify }: Settings, files: Rereading<RedisTlsFiles>) {
  return {
    skipVerify,
    get ca() {
      return files.value.ca
    },
    get cert() {
      return files.value.cert
    },
    get key() {
      return files.value.key
    },
  }
}

interface Adjusted {
  /** Then the supervisor says what became of it, but for failures. */
  readonly isWorker: boolean
  readonly store: Store
  readonly gateway: RunningGateway
  readonly http: HttpServer
  readonly telemetry: Telemetry
  readonly wayIn: Rereading<WayIn>
  readonly redisTlsFiles: Rereading<RedisTlsFiles> | undefined
}

/** Nothing is waited for, so that no request and no other reload comes between what belongs together. */
function makeReload(
  first: { readonly settings: Settings; readonly origins: Origins | undefined },
  reread: StartOptions['reread'],
  { isWorker, store, gateway, http, telemetry, wayIn, redisTlsFiles }: Adjusted,
): () => string {
  const { tell, log } = telemetry
  let current = first

  function readAnew() {
    if (reread === undefined)
      throw new PgrError(
        'PGR_FORBIDDEN',
        'settings are read at the start only; restart the process to change them',
      )
    const { settings, notices, origins } = reread()
    const reloaded = takeOver(current.settings, settings)
    // What may yet turn out to be wrong; a certificate comes from one of the two alone.
    const { webConfigFile, webAuthBearerTokenFile } = reloaded.settings
    if (webConfigFile !== '' || webAuthBearerTokenFile !== '') wayIn.readNow()
    const tls = tlsMaterial(reloaded.settings)
    redisTlsFiles?.readNow()
    if (tls !== undefined) http.setTls(tls)
    return { ...reloaded, notices, origins: originsAfter(current.origins, origins, reloaded) }
  }

  return function reload() {
    try {
      const { settings, origins, changed, waiting, notices } = readAnew()
      current = { settings, origins }
      log.setLevel(settings.logLevel)
      store.setLimits(storeLimits(settings))
      gateway.adjust(adjustableGateway(settings))
      http.adjust(adjustableHttp(settings, origins))
      if (!isWorker) {
        for (const { level, message } of notices) tell({ kind: 'notice', level, message })
        tell({ kind: 'reload', changed, waiting })
      }
      return reloadText({ changed, waiting })
    } catch (reason) {
      const error = PgrError.from(reason, 'PGR_INTERNAL')
      tell({ kind: 'reload', changed: [], waiting: [], reason: error.message })
      throw error
    }
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

function adjustableGateway(settings: Settings): AdjustableGateway {
  return {
    ttlMs: settings.redisExpiration,
    retentionMs: settings.pushTimeRetention,
    consistencyCheck: !settings.pushDisableConsistencyCheck,
    limits: storeLimits(settings),
    maxStaleMs: settings.expositionMaxStale,
    pollIntervalMs: settings.pollInterval,
  }
}

function gatewaySettings(settings: Settings) {
  return {
    ...adjustableGateway(settings),
    timestamps: settings.expositionTimestamps,
    nativeAsClassic: settings.expositionNativeAsClassic,
    pollTimeoutMs: POLL_TIMEOUT_MS,
    // All workers together sweep as often as one process does.
    sweepIntervalMs: SWEEP_INTERVAL_MS * settings.workers,
  }
}

function adjustableHttp(settings: Settings, origins: Origins | undefined): AdjustableHttp {
  return {
    limits: {
      bodyBytes: settings.pushMaxBody,
      // One body has room in any case.
      inflightBytes: Math.max(settings.pushMaxInflightBytes / settings.workers, settings.pushMaxBody),
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
    flags: showFlags(settings),
    settings: showOrigins(settings, origins),
  }
}

/** In front of paths as people see them: a proxy may take it off. */
function externalPath({ webExternalUrl, webRoutePrefix }: Settings): string {
  if (webExternalUrl === '') return webRoutePrefix
  const path = pathOfUrl(webExternalUrl)
  return path === '/' ? '' : path
}

function otlpTranslation(settings: Settings): HttpOptions['otlp'] {
  const isAllBut = settings.otlpPromoteAllResourceAttributes
  return {
    ...PROMETHEUS_TRANSLATION,
    strategy: settings.otlpTranslationStrategy,
    promotion: {
      isAllBut,
      attributes: isAllBut ? settings.otlpIgnoreResourceAttributes : settings.otlpPromoteResourceAttributes,
    },
    keepsIdentifying: settings.otlpKeepIdentifyingResourceAttributes,
    promotesScope: settings.otlpPromoteScopeMetadata,
  }
}

function tlsMaterial({ tlsEnabled, tlsKey, tlsCert }: Settings): TlsMaterial | undefined {
  if (!tlsEnabled) return undefined
  const read = (path: string) => readFileSync(path)
  return { key: readPem(tlsKey, '--tls.key', read), cert: readPem(tlsCert, '--tls.cert', read) }
}

/** What one of several workers lets in, so that all together let in what was asked for. */
function accessShare(access: Access, workers: number): Access {
  const { rateLimit } = access
  if (rateLimit === undefined) return access
  const { intervalMs, burst } = rateLimit
  return {
    ...access,
    rateLimit: { intervalMs: intervalMs * workers, burst: Math.max(1, Math.floor(burst / workers)) },
  }
}

function httpOptions(
  settings: Settings,
  origins: Origins | undefined,
  wayIn: WayIn,
  worker: WorkerRole | undefined,
): HttpOptions {
  const { metricsPath: metrics, telemetryPath: telemetry, ingestPath: ingest } = settings
  return {
    version: VERSION,
    listen: settings.webSystemdSocket
      ? // They belong to the supervisor, whose descriptors workers name.
        inheritedSockets(process.env, worker === undefined ? process.pid : process.ppid, process.platform)
      : [...settings.webListenAddress, ...settings.otlpListenAddress].map(showAddress),
    tls: tlsMaterial(settings) ?? wayIn.tls,
    http2: wayIn.http2,
    access: accessShare(wayIn.access, settings.workers),
    publicHealth: settings.webAuthPublicHealth,
    paths: { metrics, telemetry, ingest },
    routePrefix: settings.webRoutePrefix,
    externalPath: externalPath(settings),
    ...adjustableHttp(settings, origins),
    otlp: otlpTranslation(settings),
    enableLifecycle: settings.webEnableLifecycle,
    enableAdminApi: settings.webEnableAdminApi,
    drainMs: settings.shutdownTimeout,
    compat: settings.compat,
    startedAt: worker?.startedAt ?? new Date(),
  }
}
