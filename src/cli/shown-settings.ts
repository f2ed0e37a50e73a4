import { resolveSettings } from '../config/resolve.ts'
import { type ShownSetting, showSettings } from '../config/show.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { readTextFile } from './input.ts'
import { writeJson, writeLine } from './output.ts'
import { givenFlags } from './server-flags.ts'
import { settingsTable } from './settings-table.ts'

export interface SettingsInEffect {
  readonly shown: readonly ShownSetting[]
  /** What is accepted and changes nothing. */
  readonly notices: readonly string[]
}

/**
 * Settings as `serve` would read them, with `file` for --config.file. Throws PGR_SETTING_INVALID as `serve` does, and for a
 * file that is named twice.
 */
export function settingsInEffect(
  parsed: Readonly<Record<string, unknown>>,
  file: string | undefined,
): SettingsInEffect {
  const { settings, origins, notices } = resolveSettings({
    flags: withFile(givenFlags(parsed), file),
    env: process.env,
    readFile: readTextFile,
  })
  return { shown: showSettings(settings, origins), notices: notices.map(({ message }) => message) }
}

/** Settings by flag: value and whence it comes. */
function settingsJson({ shown }: SettingsInEffect): Record<string, object> {
  return Object.fromEntries(shown.map(({ flag, value, from, origin }) => [flag, { value, from, origin }]))
}

/** Prints what is in effect: a table, or JSON with `more` in front. */
export function printSettings(found: SettingsInEffect, asJson: boolean, more: object = {}): void {
  const { notices } = found
  if (asJson) {
    writeJson({ ...more, settings: settingsJson(found), notices })
    return
  }
  for (const message of notices) writeLine(process.stderr, `warning: ${message}`)
  process.stdout.write(settingsTable(found.shown))
}

function withFile<Value>(
  flags: ReadonlyMap<string, Value>,
  file: string | undefined,
): ReadonlyMap<string, Value | string> {
  if (file === undefined) return flags
  if (flags.has('config.file')) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `${file} and --config.file both name a configuration file: give only one`,
    )
  }
  return new Map<string, Value | string>(flags).set('config.file', file)
}
