import { type SendOptions, sendPush, type World } from '../client/send.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { ExportedUnit } from '../formats/ndjson/index.ts'
import { seriesOf } from '../model/family.ts'
import { showLabels } from '../model/labels.ts'
import type { Checkpoint } from './checkpoint.ts'
import { planUnit, type Receiver } from './plan.ts'
import { keyOf, type Piece, type Source } from './source.ts'

export interface ImportOrder {
  readonly source: Source
  readonly receiver: Receiver
  readonly checkpoint: Checkpoint
  /** What happens to a group that the receiver held before the import. */
  readonly onConflict: 'skip' | 'replace' | 'fail'
  /** Pushes under way at a time. */
  readonly connections: number
  /** Sends nothing. */
  readonly dryRun: boolean
  readonly sending: SendOptions
  /** Hears of every piece that is done. */
  onProgress(tally: Readonly<ImportTally>): void
}

/** What an import has come to. */
export interface ImportTally {
  /** Weight of what is dealt with, that of earlier runs included. */
  pieces: number
  /** Weight of what earlier runs of the same import had done. */
  resumed: number
  groups: number
  sets: number
  series: number
  requests: number
  /** Groups that hold nothing but the times of their pushes, which cannot be pushed. */
  empty: number
  /** Groups left as they are because the receiver held them. */
  skipped: number
  /** Groups pushed over what the receiver held. */
  replaced: number
  /** Groups and sets that the receiver refused. */
  refused: number
  /** Why, the first few. */
  readonly refusals: { readonly labels: string; readonly reason: string }[]
}

const MOST_REFUSALS = 20

/**
 * Pushes everything a source gives. What the receiver refuses for good is noted, and the rest is pushed. Throws
 * PGR_IMPORT_INCOMPLETE when the receiver is away or busy to the end of retries, PGR_UNAUTHORIZED, PGR_FORBIDDEN,
 * PGR_PUSH_INCONSISTENT for a conflict that is to fail, and what the source throws; what was pushed by then is in the
 * checkpoint.
 */
export async function runImport(order: ImportOrder, tally: ImportTally, world: World): Promise<void> {
  const { source, checkpoint, connections } = order
  const pieces = source.pieces(checkpoint.doneBefore)[Symbol.asyncIterator]()
  let failure: unknown
  async function work(): Promise<void> {
    while (failure === undefined) {
      const { done, value: piece } = await pieces.next()
      if (done) return
      await movePiece(piece, order, tally, world)
    }
  }
  const workers = Array.from({ length: connections }, () =>
    work().catch((reason) => {
      failure ??= reason
    }),
  )
  await Promise.all(workers)
  if (failure !== undefined) throw failure
}

async function movePiece(piece: Piece, order: ImportOrder, tally: ImportTally, world: World): Promise<void> {
  const { checkpoint, dryRun, onProgress } = order
  const { key, weight = 1 } = piece
  const wasDone = key !== undefined && checkpoint.doneBefore.has(key)
  let isWhole = true
  for (const unit of piece.units) isWhole = (await moveUnit(unit, order, tally, world)) && isWhole
  if (isWhole && !dryRun && !wasDone && key !== undefined) checkpoint.done(key)
  tally.pieces += weight
  if (wasDone) tally.resumed += weight
  onProgress(tally)
}

/** False when the receiver refused it. */
async function moveUnit(
  unit: ExportedUnit,
  order: ImportOrder,
  tally: ImportTally,
  world: World,
): Promise<boolean> {
  const { checkpoint, onConflict } = order
  const series = unit.lots.reduce((sum, { family }) => sum + seriesOf(family), 0)
  if (series === 0) {
    tally.empty++
    return true
  }
  const isHeld = unit.kind === 'group' && checkpoint.held.has(keyOf('group', unit.labels))
  if (isHeld) {
    if (onConflict === 'fail') throw conflict(unit, order)
    if (onConflict === 'skip') {
      tally.skipped++
      return true
    }
  }
  try {
    await pushUnit(unit, order, tally, world)
  } catch (reason) {
    const error = PgrError.from(reason, 'PGR_INTERNAL')
    if (!REFUSED.has(error.code)) throw stopped(error)
    tally.refused++
    if (tally.refusals.length < MOST_REFUSALS)
      tally.refusals.push({ labels: showLabels(unit.labels), reason: error.message })
    return false
  }
  if (isHeld) tally.replaced++
  if (unit.kind === 'group') tally.groups++
  else if (unit.labels.length > 0) tally.sets++
  tally.series += series
  return true
}

async function pushUnit(
  unit: ExportedUnit,
  order: ImportOrder,
  tally: ImportTally,
  world: World,
): Promise<void> {
  const { receiver, dryRun, sending } = order
  for (const { request, check } of planUnit(unit, receiver, world.now())) {
    tally.requests++
    if (!dryRun) check(await sendPush(request, sending, world))
  }
}

/** Of one unit alone; the next one may be taken. */
const REFUSED: ReadonlySet<string> = new Set(['PGR_PUSH_REFUSED', 'PGR_PUSH_INVALID', 'PGR_SETTING_INVALID'])

function stopped(error: PgrError): PgrError {
  if (!error.failure.retry) return error
  return new PgrError(
    'PGR_IMPORT_INCOMPLETE',
    `${error.message}; run the same command again, and it goes on where it stopped`,
    { cause: error },
  )
}

function conflict({ labels }: ExportedUnit, { receiver }: ImportOrder): PgrError {
  return new PgrError(
    'PGR_PUSH_INCONSISTENT',
    `${receiver.target.base} holds the group ${showLabels(labels)} already: choose --on-conflict=skip or replace`,
  )
}

export function emptyTally(): ImportTally {
  return {
    pieces: 0,
    resumed: 0,
    groups: 0,
    sets: 0,
    series: 0,
    requests: 0,
    empty: 0,
    skipped: 0,
    replaced: 0,
    refused: 0,
    refusals: [],
  }
}
