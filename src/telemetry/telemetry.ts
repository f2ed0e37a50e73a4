import { type Activity, countersOf, makeRejections, type Rejection } from './activity.ts'
import type { Event, Levels, Tell } from './events.ts'
import { levelOf, lineOf } from './lines.ts'
import { type LogFormat, type LogLevel, openLog } from './log.ts'
import { openMetrics } from './metrics.ts'
import { makeNews, type Verdict } from './news.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * telemetry: what pgr says about itself. Rooms tell typed events; here they become log lines and move counters.
 */
export interface LogOptions {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** Takes whole lines; standard error when absent. */
  readonly logDestination?: { write(line: string): void }
  /** Which of several processes that share the log; in every line when given. */
  readonly worker?: string
  /** A clock in milliseconds that never goes back; `performance.now` when absent. */
  readonly nowMs?: () => number
}

export interface TelemetryOptions extends LogOptions {
  readonly version: string
  /** Asked each time the metrics page is. */
  readonly levels: () => Levels
}

/** What is told, and the log it goes to. */
export interface Telling {
  /** Never throws: what cannot be told is no reason to fail a push. */
  readonly tell: Tell
  readonly log: {
    readonly level: LogLevel
    setLevel(level: LogLevel): void
    /** Passes on whole lines of another process. */
    relay(lines: string): void
  }
}

export interface Telemetry extends Telling {
  /** The page of own metrics, text 0.0.4. */
  metrics(): Promise<{ contentType: string; body: string }>
  /** The same for a page that several workers share. */
  snapshot(): Promise<Snapshot>
  activity(): Promise<Activity>
  /** The last writes that were not taken, newest first. */
  rejections(): readonly Rejection[]
  close(): void
}

const REMEMBERED_WARNINGS = 1000
const WARNINGS_PER_MINUTE = 60
/** A resync touches many partitions at once: one line for all of them. */
const RESET_AGAIN_MS = 60_000
/** Where there is too little room, every push makes something forgotten. */
const FORGOTTEN_AGAIN_MS = 60_000
/** A defect that is still there after that is worth a further line. */
const DEFECT_AGAIN_MS = 10 * 60_000
/** A family that clashed, was gone and clashes again is news; one that flaps is not. */
const CLASH_AGAIN_MS = 10 * 60_000

export function openTelemetry(options: TelemetryOptions): Telemetry {
  const metrics = openMetrics(options.version, options.levels)
  const rejections = makeRejections()
  const counting = {
    count(event: Event): void {
      metrics.count(event)
      if (event.kind === 'push' && event.code !== undefined) rejections.note(event)
    },
  }
  return {
    ...openTelling(options, counting),
    metrics: () => metrics.page(),
    snapshot: () => metrics.snapshot(),
    activity: async () => ({
      counters: countersOf(await metrics.snapshot()),
      rejections: rejections.recent(),
    }),
    rejections: rejections.recent,
    close: () => metrics.close(),
  }
}

/** Events become log lines here, and are counted by `metrics`. */
export function openTelling(options: LogOptions, metrics: { count(event: Event): void }): Telling {
  const { logDestination, worker } = options
  const log = openLog({
    level: options.logLevel,
    format: options.logFormat,
    ...(worker === undefined ? {} : { worker }),
    ...(logDestination === undefined ? {} : { destination: logDestination }),
  })
  const judge = makeNews({
    capacity: REMEMBERED_WARNINGS,
    perMinute: WARNINGS_PER_MINUTE,
    nowMs: options.nowMs ?? (() => performance.now()),
  })

  /** Whether an event that may come again and again is worth a line this time. */
  function judgeEvent(event: Event): Verdict {
    switch (event.kind) {
      case 'view.quarantine':
        return judge(`family\0${event.family}`, event.reason, CLASH_AGAIN_MS)
      case 'view.reset':
        return judge(`reset\0${event.reason}`, '', RESET_AGAIN_MS)
      case 'store.finding':
        return judge(`finding\0${event.finding}`, `${event.ok}\0${event.message}`)
      case 'store.forgotten':
        return judge('forgotten', '', FORGOTTEN_AGAIN_MS)
      case 'defect':
        return judge(`defect\0${event.where}`, String(event.error), DEFECT_AGAIN_MS)
      default:
        return 'say'
    }
  }

  function tell(event: Event): void {
    try {
      metrics.count(event)
      logEvent(event)
    } catch (error) {
      if (event.kind !== 'defect') tell({ kind: 'defect', where: `telemetry of ${event.kind}`, error })
    }
  }

  function logEvent(event: Event): void {
    const level = levelOf(event)
    if (!log.isEnabled(level)) return
    const verdict = judgeEvent(event)
    if (verdict === 'hush') return
    const { message, facts } = lineOf(event)
    log.write({
      level,
      message,
      facts: verdict === 'last' ? { ...facts, more: 'held back for a minute' } : facts,
    })
  }

  return { tell, log }
}
