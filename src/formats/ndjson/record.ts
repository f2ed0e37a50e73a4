import type { Family } from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import type { UnitKind } from '../../model/unit.ts'

/** What the first line says this is. */
export const FORMAT = 'pgr-export'
/** Of what readers have to understand. What they may pass over comes without a new one. */
export const VERSION = 1

export const MEDIA_TYPE = 'application/x-ndjson; charset=utf-8'

/** The first line. */
export interface ExportHeader {
  /** Instant as of which everything is. */
  readonly exportedMs: number
  /** The program it was read from. */
  readonly from: 'pgr' | 'pushgateway'
  /** How many lines follow, where that is known beforehand. */
  readonly units?: number
}

/** One line: a group or a series set. */
export interface ExportedUnit {
  readonly kind: UnitKind
  /** Sorted; grouping labels with `job`, or `job` and `instance` of a set, which may be none. */
  readonly labels: Labels
  /** Last push in Unix time in milliseconds; 0 = never. */
  readonly pushedMs: number
  readonly lots: readonly Lot[]
}

/** Metrics of one family that live for one time. A family whose metrics differ in that is in several lots. */
export interface Lot {
  /** Milliseconds left at the instant of the export; 0 = never expires. */
  readonly ttlMs: number
  /** Metrics without the labels of the unit; timestamps only where the sender gave them. */
  readonly family: Family
}

/** The last line; a file without it was cut off. */
export interface ExportEnd {
  readonly units: number
}
