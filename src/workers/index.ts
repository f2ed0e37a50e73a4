/**
 * workers: several processes that serve together. The supervisor holds no data and answers no request; it starts the
 * workers, replaces those that end, and speaks for all of them.
 */
import { announce, DRAINING, STOPPED } from '../announce.ts'
import type { StartedServer, StartOptions } from '../app.ts'
import { originsAfter, reloadText, takeOver } from '../config/reload.ts'
import type { Settings } from '../config/rules.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { newestOf } from '../telemetry/activity.ts'
import { openHostTelemetry } from '../telemetry/host.ts'
import { makeClusterWorld } from './cluster-world.ts'
import { makePool } from './pool.ts'
import type { InEffect } from './services.ts'

/** What workers may take to say how they are; those that ask have a little longer. */
const TELEMETRY_TIMEOUT_MS = 1000
const READY_TIMEOUT_MS = 1500
/** Reloading reads files and waits for nothing else. */
const RELOAD_TIMEOUT_MS = 10_000
const DRAIN_TIMEOUT_MS = 1000

/** As `startServer`, with `settings.workers` processes behind the same addresses. */
export async function startWorkers(
  settings: Settings,
  { origins, notices = [], requestStop = () => {}, reread }: StartOptions,
): Promise<StartedServer> {
  let current: InEffect = { settings, origins }
  const startedAt = new Date()
  const host = openHostTelemetry({
    workers: settings.workers,
    serving: () => pool.serving,
    logLevel: settings.logLevel,
    logFormat: settings.logFormat,
  })
  const { tell, log } = host
  for (const { level, message } of notices) tell({ kind: 'notice', level, message })

  const pool = makePool({
    count: settings.workers,
    world: makeClusterWorld(log.relay),
    tell,
    service: { metrics, activity, ready, reload, quit: requestStop },
    boot: () => ({ ...current, startedAt }),
    onEnd: host.retire,
  })

  async function metrics() {
    return host.page(answersOf(await pool.ask('snapshot', undefined, TELEMETRY_TIMEOUT_MS)))
  }

  /** What is counted is that of the host, workers that ended included; what these refused of late went with them. */
  async function activity() {
    const [snapshots, rejections] = await Promise.all([
      pool.ask('snapshot', undefined, TELEMETRY_TIMEOUT_MS),
      pool.ask('rejections', undefined, TELEMETRY_TIMEOUT_MS),
    ])
    return {
      counters: host.counters(answersOf(snapshots)),
      rejections: newestOf([...answersOf(rejections).values()]),
    }
  }

  /** A connection may come to any of them. */
  async function ready(): Promise<void> {
    if (!pool.isStarted) throw new PgrError('PGR_STOPPING', 'some workers are still being started')
    const outcomes = await pool.ask('ready', undefined, READY_TIMEOUT_MS)
    if (outcomes.size === 0) throw new PgrError('PGR_STOPPING', 'all workers are being started anew')
    throwFailure(outcomes)
  }

  async function readAnew() {
    if (reread === undefined)
      throw new PgrError('PGR_FORBIDDEN', 'settings are read at the start only; restart to change them')
    const resolved = reread()
    const reloaded = takeOver(current.settings, resolved.settings)
    const inEffect = {
      settings: reloaded.settings,
      origins: originsAfter(current.origins, resolved.origins, reloaded),
    }
    throwFailure(await pool.ask('reload', inEffect, RELOAD_TIMEOUT_MS))
    return { ...reloaded, inEffect, notices: resolved.notices }
  }

  async function reloadNow(): Promise<string> {
    try {
      const { changed, waiting, notices, inEffect } = await readAnew()
      current = inEffect
      log.setLevel(inEffect.settings.logLevel)
      for (const { level, message } of notices) tell({ kind: 'notice', level, message })
      tell({ kind: 'reload', changed, waiting })
      return reloadText({ changed, waiting })
    } catch (reason) {
      const error = PgrError.from(reason, 'PGR_INTERNAL')
      tell({ kind: 'reload', changed: [], waiting: [], reason: error.message })
      throw error
    }
  }

  let reloading: Promise<unknown> = Promise.resolve()
  /** One at a time: workers that hear of two must not end up with one each. */
  function reload(): Promise<string> {
    const next = reloading.then(reloadNow)
    reloading = next.catch(() => undefined)
    return next
  }

  const urls = await pool.start()
  announce(settings, tell, urls[0], origins)
  return {
    urls,
    drain() {
      void pool.ask('drain', undefined, DRAIN_TIMEOUT_MS)
      tell(DRAINING)
    },
    reload,
    async stop() {
      await pool.stop()
      tell(STOPPED)
    },
  }
}

/** What those said that answered in time. */
function answersOf<Value>(outcomes: ReadonlyMap<number, PromiseSettledResult<Value>>): Map<number, Value> {
  return new Map(
    [...outcomes].flatMap(([worker, outcome]) =>
      outcome.status === 'fulfilled' ? [[worker, outcome.value] as const] : [],
    ),
  )
}

/** Throws what the first of those that failed said. */
function throwFailure(outcomes: ReadonlyMap<number, PromiseSettledResult<unknown>>): void {
  for (const [worker, outcome] of outcomes) {
    if (outcome.status === 'fulfilled') continue
    const { code, message } = PgrError.from(outcome.reason, 'PGR_INTERNAL')
    throw new PgrError(code, `${message} (worker ${worker})`)
  }
}
