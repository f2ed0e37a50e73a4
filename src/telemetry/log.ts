import { type DestinationStream, destination, pino } from 'pino'
import { formatLogfmt } from './logfmt.ts'

/**
 * What a level is for. error: someone must act. warn: degraded, will recover. info: start, stop, store lost and back.
 * debug: a single push or scrape, accepted or refused.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFormat = 'logfmt' | 'json'

/** One line of the log: a sentence in the past tense and its facts. */
export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

interface Log {
  write(line: LogLine): void
  /** Passes on whole lines of another process, as they are. */
  relay(lines: string): void
  isEnabled(level: LogLevel): boolean
  readonly level: LogLevel
  setLevel(level: LogLevel): void
}

interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Which of several processes that share the log; in every line when given. */
  readonly worker?: string
  /** Takes whole lines with their end; standard error when absent. */
  readonly destination?: DestinationStream
}

/** Every line carries `ts`, `level` and `msg`, in both formats. */
export function openLog({ level, format, worker, destination: given }: LogOptions): Log {
  // Written before the call returns: a line about a crash is out before the process is.
  const out = given ?? destination({ fd: 2, sync: true })
  const logger = pino(
    {
      level,
      messageKey: 'msg',
      base: worker === undefined ? null : { worker },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? out : toLogfmt(out),
  )
  let current = level
  return {
    write: ({ level, message, facts }) => logger[level](facts, message),
    relay: (lines) => out.write(lines),
    isEnabled: (level) => logger.isLevelEnabled(level),
    get level() {
      return current
    },
    setLevel(level) {
      current = level
      logger.level = level
    },
  }
}

function toLogfmt(out: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { ts, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>
      out.write(`${formatLogfmt([['ts', ts], ['level', level], ['msg', msg], ...Object.entries(facts)])}\n`)
    },
  }
}
