import { type Credentials, parseTarget, type Target } from '../client/target.ts'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { DEFAULT_URL, type GatewayFlags } from './gateway-flags.ts'
import { readTextFile } from './input.ts'

const TIMEOUT = duration({ minMs: 1 })

/** The variables that hold a password; those behind flags are read with the flags. */
export interface PasswordEnv {
  readonly [name: string]: string | undefined
  readonly PGR_PASSWORD?: string | undefined
  readonly PGR_PASSWORD_FILE?: string | undefined
}

export interface TargetSources {
  readonly env: PasswordEnv
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string
}

/**
 * The gateway that flags and environment name, with the credentials for it. A user given by flag or environment wins
 * over the one in the URL; so does a password. Empty variables are not set. Throws PGR_SETTING_INVALID.
 */
export function targetOf(
  flags: GatewayFlags,
  sources: TargetSources = { env: process.env, readFile: readTextFile },
): Target {
  const { base, credentials: inUrl } = parseTarget(flags.url || DEFAULT_URL)
  const credentials = joinCredentials(flags, inUrl, sources)
  return { base, ...(credentials ? { credentials } : {}) }
}

/** Value of `--timeout` in milliseconds. Throws PGR_SETTING_INVALID. */
export function parseTimeoutMs(given: string): number {
  return TIMEOUT.parse(given) ?? refuse(`--timeout must be ${TIMEOUT.expects}, not ${JSON.stringify(given)}`)
}

function joinCredentials(
  flags: GatewayFlags,
  inUrl: Credentials | undefined,
  sources: TargetSources,
): Credentials | undefined {
  const user = flags.user || inUrl?.user
  if (user === undefined) return undefined
  return { user, password: readPassword(flags, sources) ?? inUrl?.password ?? '' }
}

function readPassword(flags: GatewayFlags, { env, readFile }: TargetSources): string | undefined {
  const file = flags['password-file']
  const inEnv = env.PGR_PASSWORD
  if (!file) return inEnv || undefined
  if (inEnv && file === env.PGR_PASSWORD_FILE) {
    refuse('PGR_PASSWORD and PGR_PASSWORD_FILE mean the same setting: give only one of them')
  }
  try {
    return readFile(file).replace(/\r?\n$/, '')
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `the file with the password cannot be read: ${why}`, {
      cause: reason,
    })
  }
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
