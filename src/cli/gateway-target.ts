import { type BasicCredentials, type Credentials, parseTarget, type Target } from '../client/target.ts'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { DEFAULT_URL, type GatewayFlags } from './gateway-flags.ts'
import { readTextFile } from './input.ts'

const TIMEOUT = duration({ minMs: 1 })

/** The variables that hold secrets, and those that name a file with one, which are read with the flags. */
export interface SecretEnv {
  readonly [name: string]: string | undefined
  readonly PGR_PASSWORD?: string | undefined
  readonly PGR_PASSWORD_FILE?: string | undefined
  readonly PGR_TOKEN?: string | undefined
  readonly PGR_TOKEN_FILE?: string | undefined
}

export interface TargetSources {
  readonly env: SecretEnv
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string
}

/**
 * The gateway that flags and environment name, with the credentials for it. A user given by flag or environment wins
 * over the one in the URL; so does a password. A bearer token stands alone. Empty variables are not set. Throws
 * PGR_SETTING_INVALID.
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
  inUrl: BasicCredentials | undefined,
  sources: TargetSources,
): Credentials | undefined {
  const user = flags.user || inUrl?.user
  const token = readSecret('TOKEN', flags['token-file'], sources)
  if (user === undefined) return token === undefined ? undefined : { token }
  if (token !== undefined) refuse('a user and a bearer token are both given: give only one of them')
  const password = readSecret('PASSWORD', flags['password-file'], sources)
  return { user, password: password ?? inUrl?.password ?? '' }
}

const SECRETS = { PASSWORD: 'password', TOKEN: 'bearer token' } as const

/** From the file that the flag or its variable names, or else from the variable that holds it. */
function readSecret(
  kind: keyof typeof SECRETS,
  file: string | undefined,
  { env, readFile }: TargetSources,
): string | undefined {
  const inEnv = env[`PGR_${kind}`]
  if (!file) return inEnv || undefined
  if (inEnv && file === env[`PGR_${kind}_FILE`]) {
    refuse(`PGR_${kind} and PGR_${kind}_FILE mean the same setting: give only one of them`)
  }
  try {
    return readFile(file).replace(/\r?\n$/, '')
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `the file with the ${SECRETS[kind]} cannot be read: ${why}`, {
      cause: reason,
    })
  }
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
