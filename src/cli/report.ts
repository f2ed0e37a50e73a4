import * as Errors from '@oclif/core/errors'
import { nearestName } from '../config/nearest.ts'
import { settingRows } from '../config/options.ts'
import { flagsOf } from '../config/setting.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { writeJson, writeLine } from './output.ts'

/** Says what went wrong and returns the exit code; prints nothing for a command that merely ended. */
export function reportFailure(reason: unknown, { asJson }: { readonly asJson: boolean }): number {
  if (reason instanceof Errors.ExitError) return reason.oclif.exit ?? 0
  const error = liftFailure(reason)
  if (asJson) writeJson({ error: { code: error.code, message: error.message } })
  else writeLine(process.stderr, `error: ${error.message}`)
  return error.failure.exit
}

/** Exit codes oclif gives to words that cannot be parsed and to commands it does not know. */
const USAGE_EXITS = [2, 127]

/** A word on the command line that cannot be understood is a usage error; what nobody foresaw is a defect. */
export function liftFailure(reason: unknown): PgrError {
  if (reason instanceof Errors.CLIError && USAGE_EXITS.includes(reason.oclif.exit ?? 0)) {
    return new PgrError('PGR_SETTING_INVALID', usageMessage(reason), { cause: reason })
  }
  if (reason instanceof PgrError) return reason
  const why = reason instanceof Error ? reason.message : String(reason)
  return new PgrError('PGR_INTERNAL', `${why} (nobody foresaw this: please report it)`, { cause: reason })
}

function usageMessage(error: Errors.CLIError): string {
  const message = lowerFirst(firstLine(error.message)).replace(/^command \S+/, (words) =>
    words.replaceAll(':', ' '),
  )
  // Without the value: it may be a password behind a misspelt flag.
  const unknown = /^nonexistent flags?: (--?)([^\s=,]+)/.exec(message)
  if (!unknown) return `${message} (--help shows how)`
  const [, dashes = '', flag = ''] = unknown
  const suggestion = dashes === '--' ? nearestName(flag, serverFlags()) : undefined
  return `there is no flag ${dashes}${flag}${suggestion ? `, did you mean --${suggestion}?` : ' (--help lists all)'}`
}

function serverFlags(): string[] {
  return settingRows.flatMap(([, row]) => flagsOf(row))
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}
