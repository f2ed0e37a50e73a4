import type { Label, Labels } from '../../model/labels.ts'
import type { SetFamilyState, SetMetric, SetSample } from '../store.ts'
import { fieldNumber, type Header, letterOf, typeOf } from './codec.ts'
import { misconfigured } from './failures.ts'

/**
 * How a series set is written down. All numbers are little endian. Fields beside the header:
 *
 *   `<unit id> NUL f`       families, each: u32 length, f64 first seen, JSON [name, type letter, help, unit]
 *   `<unit id> NUL p`       page table, 32 bytes each: f64 version of the last change, f64 incarnation, f64 version of the
 *                           last change to the dictionary, u16 slots, u16 blobs, u32 series
 *   `<unit id> NUL d<page>` dictionary, append-only within an incarnation, each entry: u32 length, then varints and
 *                           text: family, number of labels, and length and bytes of every name and value
 *   `<unit id> NUL v<page>` slots, 25 bytes each: f64 timestamp, 8 bytes value, f64 expiry (0 = never), u8 flags
 *   `<unit id> NUL h<page>.<slot>` blob
 *
 * Flags: 0 no value (the series ended and is remembered, or never was), 1 number, 2 blob; plus 4 when the sender gave the
 * timestamp, else it may have a fraction as times in a header. The value of a number is its f64, of a blob u32 series and u32 length.
 */
export const SLOT_BYTES = 25
const PAGE_BYTES = 32
export const SAMPLE_BYTES = 20

const NUMBER = 1
const BLOB = 2
const EXPLICIT = 4
/** Of a sample, not of a slot: what it expects to find stands in front of its blob, as f64. */
const CONDITIONAL = 8

/** What a dictionary knows of a metric. */
export interface Entry {
  readonly family: number
  readonly labels: Labels
}

export interface PageRow {
  readonly changed: number
  readonly incarnation: number
  readonly slots: number
}

export interface SetHeader {
  readonly born: number
  readonly dictionary: number
  readonly families: number
}

export function setHeader({ rest }: Header): SetHeader {
  return { born: fieldNumber(rest, 0), dictionary: fieldNumber(rest, 1), families: fieldNumber(rest, 2) }
}

export function encodeEntry({ family, labels }: Entry): Buffer {
  const texts = labels.flatMap(({ name, value }) => [Buffer.from(name), Buffer.from(value)])
  const size = texts.reduce((sum, text) => sum + 5 + text.length, 14)
  const bytes = Buffer.allocUnsafe(size)
  let at = writeVarint(bytes, 4, family)
  at = writeVarint(bytes, at, labels.length)
  for (const text of texts) {
    at = writeVarint(bytes, at, text.length)
    at += text.copy(bytes, at)
  }
  bytes.writeUInt32LE(at - 4)
  return bytes.subarray(0, at)
}

/** Entries of a dictionary from the given one on. */
export function decodeEntries(dictionary: Buffer, skip: number): Entry[] {
  const entries: Entry[] = []
  let at = 0
  for (let place = 0; at < dictionary.length; place++) {
    const end = at + 4 + dictionary.readUInt32LE(at)
    if (place >= skip) entries.push(decodeEntry(dictionary, at + 4))
    at = end
  }
  return entries
}

function decodeEntry(bytes: Buffer, from: number): Entry {
  const cursor = { at: from }
  const family = readVarint(bytes, cursor)
  const count = readVarint(bytes, cursor)
  const labels: Label[] = []
  for (let i = 0; i < count; i++)
    labels.push({ name: readText(bytes, cursor), value: readText(bytes, cursor) })
  return { family, labels }
}

function readText(bytes: Buffer, cursor: { at: number }): string {
  const length = readVarint(bytes, cursor)
  const text = bytes.toString('utf8', cursor.at, cursor.at + length)
  cursor.at += length
  return text
}

function readVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[cursor.at++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
  throw misconfigured('a dictionary in redis cannot be read by this version of pgr')
}

function writeVarint(bytes: Buffer, from: number, value: number): number {
  let at = from
  let rest = value
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

export function encodeFamily({ name, type, help, unit }: Omit<SetFamilyState, 'firstSeenMs'>): string {
  return JSON.stringify([name, letterOf(type), help, unit])
}

export function decodeFamilies(table: Buffer): SetFamilyState[] {
  const families: SetFamilyState[] = []
  for (let at = 0; at < table.length; ) {
    const length = table.readUInt32LE(at)
    const entry: unknown = JSON.parse(table.toString('utf8', at + 12, at + 12 + length))
    if (!Array.isArray(entry))
      throw misconfigured('a family table in redis cannot be read by this version of pgr')
    const [name, letter, help, unit] = entry
    families.push({
      name: String(name),
      type: typeOf(letter),
      help: String(help),
      unit: String(unit),
      firstSeenMs: table.readDoubleLE(at + 4),
    })
    at += 12 + length
  }
  return families
}

export function decodePageTable(table: Buffer): PageRow[] {
  const rows: PageRow[] = []
  for (let at = 0; at + PAGE_BYTES <= table.length; at += PAGE_BYTES) {
    rows.push({
      changed: table.readDoubleLE(at),
      incarnation: table.readDoubleLE(at + 8),
      slots: table.readUInt16LE(at + 24),
    })
  }
  return rows
}

/** Writes a sample where `write-set` reads it; `change` is the family change it stands for, 0 = none. */
export function encodeSample(
  bytes: Buffer,
  at: number,
  slot: number,
  change: number,
  sample: SetSample,
): void {
  const { content, timestampMs, expectedMs } = sample
  const kind = content === 'stale' ? 0 : typeof content === 'number' ? NUMBER : BLOB
  bytes[at] = slot
  bytes[at + 1] =
    kind + (timestampMs === undefined ? 0 : EXPLICIT) + (expectedMs === undefined ? 0 : CONDITIONAL)
  bytes.writeUInt16LE(change, at + 2)
  bytes.writeDoubleLE(timestampMs ?? 0, at + 4)
  if (typeof content === 'number') {
    bytes.writeDoubleLE(content, at + 12)
  } else {
    bytes.writeUInt32LE(content === 'stale' ? 0 : sample.series, at + 12)
    bytes.writeUInt32LE(content === 'stale' ? 0 : content.byteLength, at + 16)
  }
}

/** The metrics of a page that have a value, expired or not. */
export function decodeSlots(
  slots: Buffer,
  entries: readonly Entry[],
  blobAt: (slot: number) => Uint8Array | undefined,
): SetMetric[] {
  const metrics: SetMetric[] = []
  for (let slot = 0, at = 0; at < slots.length; slot++, at += SLOT_BYTES) {
    const flags = slots[at + 24] ?? 0
    const kind = flags & 3
    if (kind === 0) continue
    const entry = entries[slot]
    const content = kind === BLOB ? blobAt(slot) : slots.readDoubleLE(at + 8)
    if (entry === undefined || content === undefined)
      throw misconfigured(
        'a page of a series set in redis is not whole; is a key being evicted or changed by hand?',
      )
    const explicit = (flags & EXPLICIT) !== 0
    const timestampMs = slots.readDoubleLE(at)
    metrics.push({
      family: entry.family,
      labels: entry.labels,
      timestampMs: explicit ? timestampMs : Math.floor(timestampMs),
      explicit,
      expiresMs: slots.readDoubleLE(at + 16),
      content,
    })
  }
  return metrics
}
