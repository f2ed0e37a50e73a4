import { type BodyFormat, detectFormat } from '../client/body.ts'
import type { BodyToCheck } from '../client/check.ts'
import { parseGroupLabel } from '../client/group-path.ts'
import type { PushOrder } from '../client/request.ts'
import { type Credentials, parseTarget } from '../client/target.ts'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { Input } from './input.ts'

/** The flags of `pgr push` that decide what is sent. */
export interface PushFlags {
  readonly url: string
  readonly job?: string | undefined
  readonly group?: readonly string[] | undefined
  readonly replace: boolean
  readonly ttl?: string | undefined
  readonly protocol: 'pushgateway' | 'ingest'
  readonly format: BodyFormat | 'auto'
  readonly check: boolean
  readonly 'allow-empty': boolean
  readonly gzip: boolean
  readonly user?: string | undefined
  readonly 'password-file'?: string | undefined
}

/** The variables that hold a password; those behind flags are read with the flags. */
export interface PasswordEnv {
  readonly [name: string]: string | undefined
  readonly PGR_PASSWORD?: string | undefined
  readonly PGR_PASSWORD_FILE?: string | undefined
}

export interface OrderSources {
  readonly env: PasswordEnv
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string
  readInput(): Promise<Input>
}

/**
 * Turns flags and input into what is to be sent. Input is read only once the flags are in order. `series` is null when
 * the body was not read. Throws PGR_SETTING_INVALID for flags, and what is wrong with the body.
 */
export async function makeOrder(
  flags: PushFlags,
  sources: OrderSources,
): Promise<{ order: PushOrder; series: number | null }> {
  const to = destination(flags)
  const target = parseTarget(flags.url)
  const credentials = joinCredentials(flags, target.credentials, sources)
  if (flags.ttl !== undefined) assertDuration('--ttl', flags.ttl, LIFETIME)

  const { name, body } = await sources.readInput()
  if (body.length === 0 && !flags['allow-empty']) {
    const effect = flags.replace ? 'would empty the group' : 'would push nothing'
    refuse(`${name} is empty, which ${effect}: pass --allow-empty if that is meant`)
  }
  const format = flags.format === 'auto' ? detectFormat(body) : flags.format
  const series = flags.check ? await check({ name, body, format, timestamps: to === 'ingest' }) : null
  return {
    series,
    order: {
      target: { base: target.base, ...(credentials ? { credentials } : {}) },
      to,
      format,
      body,
      gzip: flags.gzip,
      ...(flags.ttl === undefined ? {} : { ttl: flags.ttl }),
    },
  }
}

/** The readers are loaded only when they are needed. */
async function check(body: BodyToCheck): Promise<number> {
  const { checkBody } = await import('../client/check.ts')
  return checkBody(body)
}

const LIFETIME = duration({ zero: 'never' })
const TIMEOUT = duration({ minMs: 1 })

/** Throws PGR_SETTING_INVALID. */
export function parseTimeoutMs(given: string): number {
  return assertDuration('--timeout', given, TIMEOUT)
}

function assertDuration(flag: string, given: string, kind: typeof LIFETIME): number {
  return kind.parse(given) ?? refuse(`${flag} must be ${kind.expects}, not ${JSON.stringify(given)}`)
}

function destination({ protocol, job, group = [], replace }: PushFlags): PushOrder['to'] {
  if (protocol === 'ingest') {
    if (job !== undefined || group.length > 0 || replace) {
      refuse(
        '--job, --group and --replace belong to a group, which --protocol=ingest has not: leave them out',
      )
    }
    return 'ingest'
  }
  if (job === undefined || job === '') return refuse('the group has no job name: give one with --job')
  if (job.startsWith('-')) refuse(`the job name ${JSON.stringify(job)} looks like a flag: give --job a name`)
  return { job, labels: group.map(parseGroupLabel), replace }
}

/** A user given by flag or environment wins over the one in the URL; so does a password. Empty variables are not set. */
function joinCredentials(
  flags: PushFlags,
  inUrl: Credentials | undefined,
  sources: OrderSources,
): Credentials | undefined {
  const user = flags.user || inUrl?.user
  if (user === undefined) return undefined
  return { user, password: readPassword(flags, sources) ?? inUrl?.password ?? '' }
}

function readPassword(flags: PushFlags, { env, readFile }: OrderSources): string | undefined {
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
