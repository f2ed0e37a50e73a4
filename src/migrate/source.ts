import type { ExportedUnit, ExportHeader } from '../formats/ndjson/index.ts'
import type { Labels } from '../model/labels.ts'
import { unitId } from '../model/unit.ts'

/**
 * migrate: moving what is stored from one gateway to another, or into a file and back. Sources are read a piece at a time;
 * what is read is pushed, and noted as done, before much more is read.
 */
export interface Source {
  /** For messages. */
  readonly name: string
  /** The same for each run over the same source, and for no other. */
  readonly identity: string
  /** What the pieces weigh together, where that is known. */
  readonly total: number | undefined
  /** In any order. Those that are done come without units. */
  pieces(done: ReadonlySet<string>): AsyncIterable<Piece>
  close(): Promise<void>
}

/** A gateway as a source. */
export interface GatewaySource extends Source {
  readonly header: ExportHeader
}

/** What is done or not done as a whole. */
export interface Piece {
  /** Names the piece in every run over the same source; absent when nothing does: it is pushed again then. */
  readonly key?: string
  /** Its part of the whole, for progress; 1 unless told otherwise. */
  readonly weight?: number
  readonly units: readonly ExportedUnit[]
}

/** Hears of what a source holds and cannot give. */
export type LeftOut = (what: string, why: string) => void

/** A group or set as a piece. Sets without labels cannot be told apart. */
export function pieceOf(unit: ExportedUnit, done: ReadonlySet<string>): Piece {
  if (unit.labels.length === 0) return { units: [unit] }
  const key = keyOf(unit.kind, unit.labels)
  return { key, units: done.has(key) ? [] : [unit] }
}

/** Text that names a group or set. */
export function keyOf(kind: ExportedUnit['kind'], labels: Labels): string {
  return Buffer.from(unitId(kind, labels), 'latin1').toString('base64url')
}
