import type { World } from '../client/send.ts'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { type Checkpoint, openCheckpoint, peekCheckpoint, withoutFile } from '../migrate/checkpoint.ts'
import type { Receiver } from '../migrate/plan.ts'
import { findReceiver } from '../migrate/receiver.ts'
import { emptyTally, runImport } from '../migrate/run-import.ts'
import type { Source } from '../migrate/source.ts'
import type { GatewayFlags } from './gateway-flags.ts'
import { parseTimeoutMs, targetOf } from './gateway-target.ts'
import type { ImportOutcome, Omissions } from './import-report.ts'
import { checkpointBeside, openSource, type SourceFlags, type SourceOptions } from './import-source.ts'

/** The flags of `pgr import`. */
export interface ImportFlags extends GatewayFlags, SourceFlags {
  readonly timeout: string
  readonly 'on-conflict': 'skip' | 'replace' | 'fail'
  readonly ttl: string
  readonly connections: number
  readonly retry: number
  readonly checkpoint?: string | undefined
  readonly 'dry-run': boolean
}

export interface ImportWorld extends Pick<SourceOptions, 'env' | 'stdin' | 'readFile'> {
  readonly sending: World
  onProgress(done: number, total: number | undefined): void
}

const MOST_OMISSIONS = 5
const LIFETIME = duration({ zero: 'never' })

/**
 * Imports a source. What went wrong on the way comes beside what was done by then; throws where nothing was begun.
 */
export async function importAll(
  given: string,
  flags: ImportFlags,
  world: ImportWorld,
): Promise<{ outcome: ImportOutcome; failure?: unknown }> {
  const startMs = performance.now()
  const ttl = lifetimeOf(flags.ttl)
  const timeoutMs = parseTimeoutMs(flags.timeout)
  const target = targetOf(flags, world)
  const found = await incomplete(findReceiver(target, timeoutMs))
  const receiver: Receiver = { target, kind: found.kind, ttl }
  const omissions: Omissions = { count: 0, first: [] }
  const leftOut: SourceOptions['leftOut'] = (what, why) => {
    omissions.count++
    if (omissions.first.length < MOST_OMISSIONS) omissions.first.push({ what, why })
  }
  const source = await incomplete(openSource(given, flags, { ...world, timeoutMs, leftOut }))
  const tally = emptyTally()
  // A flag that is not given is not there.
  const dryRun = flags['dry-run'] === true
  const outcome = (): ImportOutcome => ({
    tally,
    omissions,
    seconds: (performance.now() - startMs) / 1000,
    dryRun,
  })
  try {
    const checkpoint = await checkpointFor(given, flags, source, {
      target: target.base,
      listHeld: () => incomplete(found.listHeld()),
    })
    const order = {
      source,
      receiver,
      checkpoint,
      onConflict: flags['on-conflict'],
      connections: flags.connections,
      dryRun,
      sending: { retries: flags.retry, timeoutMs },
      onProgress: () => world.onProgress(tally.pieces, source.total),
    }
    const failure = await runImport(order, tally, world.sending).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    await checkpoint.finish(failure === undefined && tally.refused === 0)
    return failure === undefined
      ? { outcome: outcome() }
      : { outcome: outcome(), failure: asIncomplete(failure) }
  } finally {
    await source.close()
  }
}

interface CheckpointTarget {
  readonly target: string
  listHeld(): Promise<ReadonlySet<string>>
}

async function checkpointFor(
  given: string,
  flags: ImportFlags,
  source: Source,
  { target, listHeld }: CheckpointTarget,
): Promise<Checkpoint> {
  const path = flags.checkpoint || checkpointBeside(given)
  if (path === undefined) return withoutFile(await listHeld())
  const identity = { source: source.identity, target }
  if (!flags['dry-run']) return openCheckpoint(path, identity, listHeld)
  return (await peekCheckpoint(path, identity)) ?? withoutFile(await listHeld())
}

function lifetimeOf(given: string): Receiver['ttl'] {
  if (given === 'keep' || given === 'default') return given
  const ms = LIFETIME.parse(given)
  if (ms !== undefined) return ms
  throw new PgrError(
    'PGR_SETTING_INVALID',
    `--ttl must be keep, default, or ${LIFETIME.expects}, not ${JSON.stringify(given)}`,
  )
}

async function incomplete<T>(what: Promise<T>): Promise<T> {
  try {
    return await what
  } catch (reason) {
    throw asIncomplete(reason)
  }
}

/** Who is away now may be there later: the import is not over, whichever of the two it was. */
function asIncomplete(reason: unknown): unknown {
  if (!(reason instanceof PgrError) || !reason.failure.retry || reason.code === 'PGR_IMPORT_INCOMPLETE')
    return reason
  return new PgrError(
    'PGR_IMPORT_INCOMPLETE',
    `${reason.message}; run the same command again, and it goes on where it stopped`,
    { cause: reason },
  )
}
