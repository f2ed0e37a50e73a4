import type { Family, FamilyType } from '../model/family.ts'
import type { Labels } from '../model/labels.ts'
import type { EscapingScheme } from '../model/names.ts'
import type { Sheet } from './sheet.ts'

/**
 * formats: one folder per wire format, reading and writing side by side. What the server reads, the command line
 * writes; what a scrape writes, the tests read back.
 */
export interface ReadOptions {
  readonly limits: SampleLimits
  /** Allow any UTF-8 in metric and label names; otherwise only the legacy character set. */
  readonly utf8Names: boolean
}

/** Caps on what one body may carry; checked while reading, before memory is taken for what lies beyond. */
export interface SampleLimits {
  readonly labelsPerSeries: number
  /** UTF-16 code units of a metric or label name. */
  readonly nameLength: number
  readonly valueLength: number
  readonly seriesPerPush: number
}

/** Reads a whole body into families, or throws and returns nothing. */
export interface Reader {
  /** Bounded name for telemetry: `text`, `openmetrics`, `protobuf`. */
  readonly name: string
  /**
   * Families in order of appearance, no name twice, metrics in order of appearance. Throws PGR_BODY_MALFORMED with the
   * position, or PGR_LIMIT_EXCEEDED with the limit to raise.
   */
  read(body: Uint8Array, options: ReadOptions): Family[]
}

/**
 * A family of plain numbers as columns: nothing is made for a single series, of which a page can have millions. None
 * of them carries more than labels and a value. Good until the reader that gave it reads the next one.
 */
export interface NumberColumns {
  readonly type: FamilyType
  /** Series one after the other that have the same label names, sorted. */
  readonly runs: readonly NumberRun[]
  /** Label values of all series in order, joined, in UTF-8. */
  readonly text: Uint8Array
  /** UTF-16 code units of each label value; more may follow that mean nothing. */
  readonly lengths: ArrayLike<number>
  /** As many as there are series; more may follow that mean nothing. */
  readonly values: ArrayLike<number>
}

export interface NumberRun {
  readonly names: readonly string[]
  readonly series: number
}

/** What a family shows of itself apart from its metrics. */
export interface FamilyHead {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
}

/**
 * Writes a page in pieces, so that a piece whose data did not change is never written again: head of a family, one
 * block per unit that has it, next family, and the end. A page is the plain concatenation of the pieces.
 */
export interface Writer {
  readonly name: string
  /** Value of the Content-Type header for a page written with this escaping. */
  contentType(escaping: EscapingScheme): string
  /**
   * Names this family takes up on a page of this format, after escaping; families that share one cannot both be shown.
   * Empty when the format cannot show the type at all.
   */
  claims(head: FamilyHead, escaping: EscapingScheme): readonly string[]
  /** `blockBytes` is the length of all blocks of the family, for formats that frame a family. */
  head(head: FamilyHead, escaping: EscapingScheme, blockBytes: number): Uint8Array
  /**
   * The metrics of one family from one unit, in the order given. `common` labels are joined to every metric's own
   * (`common` wins). A metric this format cannot show is left out.
   */
  block(family: Family, common: Labels, options: BlockOptions): Uint8Array
  /**
   * Makes what writes the blocks of a family of plain numbers many times faster than `block`. Absent where a format has
   * no such way.
   */
  numbers?(head: Pick<FamilyHead, 'name' | 'type'>, options: BlockOptions): NumberWriter
  readonly end: Uint8Array
  /** Native histograms have a form here; elsewhere count and sum are what is left of them. */
  readonly hasNative: boolean
  /** True when `head` depends on `blockBytes`. */
  readonly framed: boolean
}

/**
 * Puts on the sheet what `block` gives for a family with these columns, and returns how many bytes that is; undefined, and
 * nothing is on the sheet, when something about them takes the long way.
 */
export type NumberWriter = (columns: NumberColumns, common: Labels, sheet: Sheet) => number | undefined

export interface BlockOptions {
  readonly escaping: EscapingScheme
  /** Write the metrics' timestamps. */
  readonly timestamps: boolean
}
