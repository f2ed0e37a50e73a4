import { createReadStream } from 'node:fs'
import { PgrError } from '../errors/pgr-error.ts'
import type { LeftOut, Source } from '../migrate/source.ts'
import { targetOf } from './gateway-target.ts'
import type { Stdin } from './input.ts'

/** The flags of `pgr import` that say who reads the source. */
export interface SourceFlags {
  readonly 'source-user'?: string | undefined
  readonly 'source-password-file'?: string | undefined
  readonly 'source-token-file'?: string | undefined
}

export interface SourceOptions {
  readonly timeoutMs: number
  readonly leftOut: LeftOut
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Stdin
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string
}

const GATEWAY = /^https?:\/\//i
const REDIS = /^rediss?:\/\//i

/** Opens what a name stands for: a gateway, a Redis, a file, or `-` for standard input. */
export async function openSource(given: string, flags: SourceFlags, options: SourceOptions): Promise<Source> {
  const { env, timeoutMs, leftOut } = options
  const password = env['PGR_SOURCE_PASSWORD']
  if (GATEWAY.test(given)) {
    const { openSourceGateway } = await import('../migrate/open-gateway-source.ts')
    const target = targetOf(
      {
        url: given,
        user: flags['source-user'],
        'password-file': flags['source-password-file'],
        'token-file': flags['source-token-file'],
      },
      { env: { PGR_PASSWORD: password, PGR_TOKEN: env['PGR_SOURCE_TOKEN'] }, readFile: options.readFile },
    )
    return saidOfSource(openSourceGateway(target, { timeoutMs, leftOut }))
  }
  if (REDIS.test(given)) {
    const { openSeedRedis } = await import('../migrate/seed-redis.ts')
    const file = flags['source-password-file']
    const secret = file ? options.readFile(file).replace(/\r?\n$/, '') : password || undefined
    return openSeedRedis({ url: given, password: secret, timeoutMs, leftOut })
  }
  const { openFileSource } = await import('../migrate/export-source.ts')
  if (given === '-') return openFileSource(options.stdin, 'stdin')
  return openFileSource(readingOf(given), given)
}

/** Where an import notes what is done unless told otherwise; nowhere for what can be read only once. */
export function checkpointBeside(given: string): string | undefined {
  if (given === '-') return undefined
  if (!GATEWAY.test(given) && !REDIS.test(given)) return `${given}.checkpoint`
  const host = URL.canParse(given) ? new URL(given).host : ''
  return `pgr-import-${host.replaceAll(/[^\w.]+/g, '-')}.checkpoint`
}

async function* readingOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of createReadStream(path)) yield piece
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `${path} cannot be read: ${why}`, { cause: reason })
  }
}

/** There are two gateways, and each has credentials of its own. */
async function saidOfSource(opening: Promise<Source>): Promise<Source> {
  try {
    return await opening
  } catch (reason) {
    if (!(reason instanceof PgrError) || reason.code !== 'PGR_UNAUTHORIZED') throw reason
    throw new PgrError(
      reason.code,
      'the source wants credentials (401): give --source-user and PGR_SOURCE_PASSWORD, or --source-token-file',
      { cause: reason },
    )
  }
}
