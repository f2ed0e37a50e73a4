import { basename } from 'node:path'
import { buildRequest } from '../../client/request.ts'
import { parseTarget, type Target } from '../../client/target.ts'
import { duration } from '../../config/kinds.ts'
import { PgrError } from '../../errors/pgr-error.ts'
import { formatDuration } from '../../model/duration.ts'
import { isLegacyMetricName } from '../../model/names.ts'
import { DEFAULT_URL } from '../gateway-flags.ts'
import { parseTimeoutMs, targetOf } from '../gateway-target.ts'
import { groupOf, lifetimeOf, type PushFlags } from '../push-order.ts'
import type { JobFlags } from './flags.ts'
import { DEFAULT_PREFIX } from './metrics.ts'
import type { PushPlan } from './pushes.ts'
import type { TimeLimit } from './time-limit.ts'

/** A command to run, and what is to be known of it. */
export interface JobOrder {
  readonly words: readonly [string, ...string[]]
  readonly prefix: string
  readonly isQuietOnSuccess: boolean
  readonly timeLimit?: TimeLimit
  readonly push: Omit<PushPlan, 'onProgress'>
  /** Why nothing can be pushed, which is no reason not to run. */
  readonly unpushable?: PgrError
}

export interface JobCommandLine {
  readonly command: readonly string[]
  readonly flags: PushFlags & JobFlags & SendFlags
  readonly file?: string | undefined
}

/** Those of `pgr push` that say how it is sent and told. */
interface SendFlags {
  readonly retry: number
  readonly timeout: string
  readonly json?: boolean
  readonly 'dry-run': boolean
  readonly verbose: boolean
}

const DURATION = duration({ minMs: 1 })
/** What a timer of Node can wait. */
const LONGEST_MS = 24 * 24 * 60 * 60 * 1000

/**
 * Reads the command line of a job. Throws PGR_SETTING_INVALID for what is wrong with it; what is wrong with the credentials
 * is found out only by pushing, and keeps no job from running.
 */
export function readJobOrder({ command, flags, file }: JobCommandLine): JobOrder {
  const words = wordsOf(command)
  refuseOthers(flags, file)
  const job = flags.job ?? basename(words[0])
  const to = groupOf({ ...flags, job })
  const ttl = lifetimeOf(flags)
  const limitMs = durationOf(flags, 'time-limit')
  const graceMs = durationOf(flags, 'kill-after')
  if (graceMs !== undefined && limitMs === undefined)
    refuse('--kill-after belongs to --time-limit: give both')
  const heartbeatMs = durationOf(flags, 'heartbeat')
  const prefix = flags.prefix ?? DEFAULT_PREFIX
  if (!isLegacyMetricName(prefix))
    refuse(`--prefix must be letters, digits and _, not starting with a digit, not ${JSON.stringify(prefix)}`)
  const { target, unpushable } = reachable(flags)
  const order: JobOrder = {
    words,
    prefix,
    isQuietOnSuccess: flags['quiet-on-success'],
    ...(limitMs !== undefined && { timeLimit: { limitMs, graceMs: graceMs ?? 10_000 } }),
    push: {
      request: (body, format) => buildRequest({ target, to, format, body, gzip: flags.gzip, ...ttl }),
      retries: flags.retry,
      timeoutMs: parseTimeoutMs(flags.timeout),
      budgetMs: durationOf(flags, 'push-budget') ?? 10_000,
      heartbeatMs,
    },
    ...(unpushable && { unpushable }),
  }
  // A group or user that no gateway takes is told of before anything runs.
  order.push.request(new Uint8Array(0), 'text')
  return order
}

function wordsOf(command: readonly string[]): JobOrder['words'] {
  const [file, ...args] = command
  if (file === undefined || file === '') return refuse('there is no command behind --: name one to run')
  // Node replaces what is not UTF-8, and the command would work on something else than was named.
  if (command.some((word) => word.includes('\uFFFD'))) {
    refuse('the command holds bytes that are not UTF-8, which cannot be passed on: put it into a script')
  }
  return [file, ...args]
}

function refuseOthers(flags: JobCommandLine['flags'], file: string | undefined): void {
  if (file !== undefined) {
    refuse(`${JSON.stringify(file)} stands before --: name either a file to push or a command to run`)
  }
  const others = [
    flags.replace && '--replace',
    flags.protocol !== 'pushgateway' && '--protocol',
    flags.format !== 'auto' && '--format',
    !flags.check && '--no-check',
    flags['allow-empty'] && '--allow-empty',
    flags.json && !flags['dry-run'] && '--json',
  ].filter(Boolean)
  if (others.length > 0) {
    refuse(`${others.join(' and ')} cannot be had with a command to run: leave out either`)
  }
}

function reachable(flags: PushFlags): { target: Target; unpushable?: PgrError } {
  const { base } = parseTarget(flags.url || DEFAULT_URL)
  try {
    return { target: targetOf(flags) }
  } catch (reason) {
    return { target: { base }, unpushable: PgrError.from(reason, 'PGR_SETTING_INVALID') }
  }
}

type DurationFlag = 'time-limit' | 'kill-after' | 'heartbeat' | 'push-budget'

function durationOf(flags: JobFlags, name: DurationFlag): number | undefined {
  const given = flags[name]
  if (given === undefined) return undefined
  const ms = DURATION.parse(given)
  if (ms === undefined) return refuse(`--${name} must be ${DURATION.expects}, not ${JSON.stringify(given)}`)
  if (ms > LONGEST_MS) refuse(`--${name} is longer than ${formatDuration(LONGEST_MS)}: leave it out`)
  return ms
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
