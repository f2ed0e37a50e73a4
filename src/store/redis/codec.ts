import type { FamilyType } from '../../model/family.ts'
import type { Label, Labels } from '../../model/labels.ts'
import type { UnitId } from '../../model/unit.ts'
import type { FamilyState, GroupChange } from '../store.ts'
import { misconfigured } from './failures.ts'
import { unpack } from './packing.ts'

/**
 * How units are written down. A header is a MessagePack array that scripts read and write by place:
 *
 *   0 format (1)  1 labels  2 created  3 pushed  4 failed  5 failure  6 protocol  7 expires  8 version  9 series
 *   10 bytes
 *
 * Of a group follows when it was last replaced as a whole, at 11, and then eight for each family:
 *
 *   0 name  1 type (one letter)  2 series  3 bytes  4 version  5 expires  6 pushed  7 first seen
 *
 * Of a set follow, see `set-codec.ts`:
 *
 *   11 born  12 dictionaries' version  13 families' version  14 metrics  15 tidied up to  16 earliest  17 latest expiry
 *
 * Times are milliseconds; 0 = never. Created, pushed, replaced and first seen may have a fraction, which only orders writes
 * that were written again after they had been lost; it is never shown. Labels are a JSON array of names and values in turn. The blob of a family is the
 * field `<unit id> NUL <name>`.
 */
export interface Header {
  readonly labels: Labels
  readonly createdMs: number
  readonly pushedMs: number
  readonly failedMs: number
  readonly failure: string
  readonly protocol: string
  readonly expiresMs: number
  readonly version: number
  /** Everything from place 11 on. */
  readonly rest: readonly unknown[]
}

const FORMAT = 1
const COMMON = 11
const PER_FAMILY = 8
/** In what follows the common fields. */
const FIRST_FAMILY = 1

export const TYPE_LETTERS: ReadonlyMap<FamilyType, string> = new Map<FamilyType, string>([
  ['counter', 'c'],
  ['gauge', 'g'],
  ['unknown', 'u'],
  ['summary', 's'],
  ['histogram', 'h'],
  ['gaugehistogram', 'H'],
  ['info', 'i'],
  ['stateset', 'S'],
])

const TYPES = new Map([...TYPE_LETTERS].map(([type, letter]) => [letter, type]))

export function letterOf(type: FamilyType): string {
  return TYPE_LETTERS.get(type) ?? 'u'
}

export function typeOf(letter: unknown): FamilyType {
  const type = TYPES.get(String(letter))
  if (type === undefined) throw foreign(`the family type ${JSON.stringify(letter)}`)
  return type
}

const encoded = new WeakMap<Labels, string>()

/** Remembered for as long as these labels are: pushes to one group share them. */
export function encodeLabels(labels: Labels): string {
  let text = encoded.get(labels)
  if (text === undefined) {
    const flat: string[] = []
    for (const { name, value } of labels) flat.push(name, value)
    text = JSON.stringify(flat)
    encoded.set(labels, text)
  }
  return text
}

export function decodeLabels(text: string): Labels {
  const flat: unknown = JSON.parse(text)
  if (!Array.isArray(flat)) throw foreign('labels')
  const labels: Label[] = []
  for (let i = 0; i + 1 < flat.length; i += 2)
    labels.push({ name: String(flat[i]), value: String(flat[i + 1]) })
  return labels
}

/** `labels` are those of the unit where they are known. */
export function decodeHeader(packed: Uint8Array, labels?: Labels): Header {
  const fields = fieldsOf(packed)
  return {
    labels: labels ?? decodeLabels(fieldText(fields, 1)),
    createdMs: fieldTime(fields, 2),
    pushedMs: fieldTime(fields, 3),
    failedMs: fieldNumber(fields, 4),
    failure: fieldText(fields, 5),
    protocol: fieldText(fields, 6),
    expiresMs: fieldNumber(fields, 7),
    version: fieldNumber(fields, 8),
    rest: fields.slice(COMMON),
  }
}

function fieldsOf(packed: Uint8Array): readonly unknown[] {
  let fields: unknown
  try {
    fields = unpack(packed)
  } catch {
    throw foreign('a unit header')
  }
  if (!Array.isArray(fields) || fields[0] !== FORMAT) throw foreign('a unit header')
  return fields
}

/** A family as its header has it, for whoever looks for its blob. */
export interface KeptFamily {
  readonly name: string
  readonly version: number
  /** Of name and blob. */
  readonly bytes: number
}

/** `blobOf` says which families carry their blob; it is asked in the order in which they stand. */
export function decodeGroup(
  id: UnitId,
  packed: Uint8Array,
  blobOf: (family: KeptFamily) => Uint8Array | undefined,
  known?: Labels,
): GroupChange {
  const { labels, createdMs, protocol, version, pushedMs, failedMs, failure, expiresMs, rest } = decodeHeader(
    packed,
    known,
  )
  const families: FamilyState[] = []
  for (let i = FIRST_FAMILY; i < rest.length; i += PER_FAMILY) {
    const name = fieldText(rest, i)
    const type = typeOf(rest[i + 1])
    const series = fieldNumber(rest, i + 2)
    const bytes = fieldNumber(rest, i + 3)
    const version = fieldNumber(rest, i + 4)
    const expiresMs = fieldNumber(rest, i + 5)
    const pushedMs = fieldTime(rest, i + 6)
    const firstSeenMs = fieldTime(rest, i + 7)
    const blob = blobOf({ name, version, bytes })
    // Two literals rather than a spread, which costs more than all the rest of decoding.
    families.push(
      blob === undefined
        ? { name, type, series, version, expiresMs, pushedMs, firstSeenMs }
        : { name, type, series, version, expiresMs, pushedMs, firstSeenMs, blob },
    )
  }
  return {
    kind: 'group',
    id,
    version,
    labels,
    createdMs,
    protocol,
    pushedMs,
    failedMs,
    failure,
    expiresMs,
    families,
  }
}

export function fieldNumber(fields: readonly unknown[], place: number): number {
  const value = fields[place]
  if (typeof value === 'number') return value
  throw foreign(`field ${place} of a unit header`)
}

/** Whole milliseconds. */
function fieldTime(fields: readonly unknown[], place: number): number {
  return Math.floor(fieldNumber(fields, place))
}

function fieldText(fields: readonly unknown[], place: number): string {
  const value = fields[place]
  if (typeof value === 'string') return value
  throw foreign(`field ${place} of a unit header`)
}

function foreign(what: string): Error {
  return misconfigured(
    `${what} in redis cannot be read by this version of pgr; is another program or a newer pgr writing under the same prefix?`,
  )
}
