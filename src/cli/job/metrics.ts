import { codeOf, type Ending } from './ending.ts'
import type { Usage } from './usage.ts'

/** A run of a command, as its metrics show it. */
export interface FinishedRun {
  /** Unix time in milliseconds. */
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** By a clock that is not set; the two above may be. */
  readonly durationMs: number
  readonly ending: Ending
  readonly usage: Usage
}

export const DEFAULT_PREFIX = 'pgr_job'

/** The part of a name behind the prefix, and its help. */
const GAUGES = {
  last_run_timestamp_seconds: 'When the last run ended.',
  last_success_timestamp_seconds: 'When the last run that succeeded ended.',
  last_duration_seconds: 'How long the last run took.',
  last_exit_code: 'Exit code of the last run; 128 and its number after a signal.',
  last_status: 'Whether the last run succeeded.',
  last_cpu_seconds: 'User and system time of the last run and of all it waited for.',
  last_max_rss_bytes: 'The most memory that one process of the last run was seen to use at once.',
  start_timestamp_seconds: 'When the newest run started.',
  running: 'Whether a run is under way.',
} as const

type Gauge = keyof typeof GAUGES

/** Every name that may be pushed. */
export function metricNames(prefix: string): ReadonlySet<string> {
  return new Set(Object.keys(GAUGES).map((gauge) => nameOf(prefix, gauge as Gauge)))
}

/** Metrics of a run under way, in the text format, whose lines OpenMetrics reads, too. */
export function writeStarted(prefix: string, startedAtMs: number): string {
  return write(prefix, { start_timestamp_seconds: startedAtMs / 1000, running: 1 })
}

/**
 * Metrics of a run that has ended. The time of the last success is among them only when it was one: pushed into the
 * group beside the others, an earlier one stays.
 */
export function writeFinished(prefix: string, run: FinishedRun): string {
  const { startedAtMs, endedAtMs, durationMs, ending, usage } = run
  const code = codeOf(ending)
  return write(prefix, {
    last_run_timestamp_seconds: endedAtMs / 1000,
    last_success_timestamp_seconds: code === 0 ? endedAtMs / 1000 : undefined,
    last_duration_seconds: Math.round(durationMs) / 1000,
    last_exit_code: code,
    last_status: code === 0 ? 1 : 0,
    last_cpu_seconds: usage.cpuSeconds,
    last_max_rss_bytes: usage.peakBytes,
    start_timestamp_seconds: startedAtMs / 1000,
    running: 0,
  })
}

function write(prefix: string, values: Partial<Record<Gauge, number | undefined>>): string {
  let text = ''
  for (const [gauge, value] of Object.entries(values) as [Gauge, number | undefined][]) {
    if (value === undefined) continue
    const name = nameOf(prefix, gauge)
    text += `# HELP ${name} ${GAUGES[gauge]}\n# TYPE ${name} gauge\n${name} ${value}\n`
  }
  return text
}

function nameOf(prefix: string, gauge: Gauge): string {
  return `${prefix.replace(/_$/, '')}_${gauge}`
}
