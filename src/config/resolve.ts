import { PgrError } from '../errors/pgr-error.ts'
import { readSettingsFile } from './file.ts'
import { addGiven, type Given, type GivenValues, type Notice, type Origin, refuse } from './given.ts'
import { maskCredentials } from './kinds.ts'
import { nearestName } from './nearest.ts'
import { ignoredSettings, type SettingKey, type SettingValues, settingRows } from './options.ts'
import { applyRules, type Origins, type Settings } from './rules.ts'
import { envName, flagsOf, type Setting } from './setting.ts'

/** A switch, a value, or the values of a repeated flag. */
export type FlagValue = boolean | string | readonly string[]

export interface Sources {
  /** Flags that were typed, by name without dashes. */
  readonly flags: ReadonlyMap<string, FlagValue>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string
}

export interface Resolved {
  readonly settings: Settings
  readonly origins: Origins
  /** For the log, once there is one. */
  readonly notices: readonly Notice[]
}

/** Variables of the command line's other commands; not settings, and not misspelt ones either. */
const CLIENT_ENV = new Set([
  'PGR_URL',
  'PGR_USER',
  'PGR_PASSWORD',
  'PGR_PASSWORD_FILE',
  'PGR_TOKEN',
  'PGR_TOKEN_FILE',
])

/**
 * Joins all sources; a flag wins over the environment, the environment over the file, the file over the default. What
 * a stronger source hides is checked all the same. Throws PGR_SETTING_INVALID; no secret is ever part of the message.
 */
export function resolveSettings(sources: Sources): Resolved {
  const notices: Notice[] = []
  const flags = readFlags(sources.flags, notices)
  const env = readEnv(sources.env, notices)
  const file = (flags.get('configFile') ?? env.get('configFile'))?.text
  const fromFile: GivenValues = file ? readFile(sources, file, notices) : new Map()

  const values: Partial<Record<SettingKey, unknown>> = {}
  const origins: Partial<Record<SettingKey, Origin>> = {}
  for (const [key, row] of settingRows) {
    values[key] = row.fallback
    origins[key] = { from: 'default', name: '' }
    for (const source of [fromFile, env, flags]) {
      const given = source.get(key)
      if (given === undefined) continue
      values[key] = readValue(row, given, sources)
      origins[key] = given.origin
    }
  }
  const checked = applyRules(values as SettingValues, origins as Origins)
  return {
    settings: checked.settings,
    origins: origins as Origins,
    notices: [...notices, ...checked.notices],
  }
}

function readFlags(flags: Sources['flags'], notices: Notice[]): GivenValues {
  const values: GivenValues = new Map()
  const take = (key: SettingKey, flag: string, inFile: boolean) => {
    const given = flags.get(flag)
    if (given === undefined) return
    const text = typeof given === 'object' ? given.join(',') : String(given)
    addGiven(values, key, { text, inFile, origin: { from: 'flag', name: `--${flag}` } })
  }
  for (const [key, row] of settingRows) {
    for (const flag of flagsOf(row)) {
      take(key, flag, false)
      if (row.secret) take(key, `${flag}-file`, true)
    }
  }
  for (const { flag, because } of ignoredSettings) {
    if (flags.has(flag)) notices.push({ level: 'warn', message: `--${flag} has no effect: ${because}` })
  }
  return values
}

/** An empty variable counts as not set: that is how compose files spell "nothing". */
function readEnv(env: Sources['env'], notices: Notice[]): GivenValues {
  const values: GivenValues = new Map()
  const known = new Set(CLIENT_ENV)
  const take = (key: SettingKey, name: string, inFile: boolean) => {
    known.add(name)
    const text = env[name]
    if (text === undefined || text === '') return
    if (isServiceLink(name, text)) {
      notices.push({
        level: 'info',
        message: `${name}=${text} is ignored: Kubernetes sets it for a Service of that name; enableServiceLinks: false stops it`,
      })
      return
    }
    addGiven(values, key, { text, inFile, origin: { from: 'env', name } })
  }
  for (const [key, row] of settingRows) {
    for (const flag of flagsOf(row)) {
      take(key, envName(flag), false)
      if (row.secret) take(key, `${envName(flag)}_FILE`, true)
    }
  }
  for (const { flag, because } of ignoredSettings) {
    const name = envName(flag)
    known.add(name)
    if (env[name]) notices.push({ level: 'warn', message: `${name} has no effect: ${because}` })
  }
  warnOfMisspelt(env, known, notices)
  return values
}

/** Kubernetes describes a Service called `pgr` to every pod beside it as `PGR_PORT=tcp://10.0.0.1:9753`. */
function isServiceLink(name: string, text: string): boolean {
  return name === envName('port') && /^(?:tcp|udp|sctp):\/\//.test(text)
}

function warnOfMisspelt(env: Sources['env'], known: ReadonlySet<string>, notices: Notice[]): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith('PGR_') || known.has(name) || /^PGR_(?:PORT|SERVICE)_/.test(name)) continue
    const suggestion = nearestName(
      name.slice(4),
      [...known].map((one) => one.slice(4)),
    )
    if (suggestion === undefined) continue
    notices.push({
      level: 'warn',
      message: `${name} is not a setting and is ignored, did you mean PGR_${suggestion}?`,
    })
  }
}

function readFile(sources: Sources, file: string, notices: Notice[]): GivenValues {
  const read = readSettingsFile(readText(sources, file, 'the configuration file'), file)
  notices.push(...read.notices)
  return read.values
}

function readValue(row: Setting<unknown>, given: Given, sources: Sources): unknown {
  const text = given.inFile ? readSecret(given, sources) : given.text
  const value = row.kind.parse(text)
  if (value !== undefined) return value
  const offending = row.secret ? '' : `, not ${JSON.stringify(maskCredentials(text))}`
  return refuse(`${given.origin.name} must be ${row.kind.expects}${offending}`)
}

/** Without the line end that editors and `echo` add. */
function readSecret(given: Given, sources: Sources): string {
  const secret = readText(sources, given.text, `the file of ${given.origin.name}`).replace(/\r?\n$/, '')
  if (secret === '') refuse(`${given.origin.name} names ${given.text}, which is empty`)
  return secret
}

function readText(sources: Sources, path: string, what: string): string {
  try {
    return sources.readFile(path)
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `${what} cannot be read: ${why}`, { cause: reason })
  }
}
