import type { FamilyType } from '../../model/family.ts'
import { UNIT_ID_BYTES, type UnitId } from '../../model/unit.ts'
import { type Group, makeGroup, type StoredFamily } from './group.ts'
import type { FrozenSet, Slot } from './metric-set.ts'
import type { FrozenSlice } from './operations.ts'
import { RecordReader, RecordWriter } from './record.ts'
import type { FrozenEntry, StoreState } from './snapshot.ts'

/**
 * The kinds of record, in the order they come in: the state, ids, then units, each header followed by what it has, then
 * the end. Files depend on every number.
 */
const RECORD = {
  state: 1,
  operations: 2,
  group: 3,
  family: 4,
  set: 5,
  setFamily: 6,
  metric: 7,
  end: 8,
} as const

const TYPES: readonly FamilyType[] = [
  'counter',
  'gauge',
  'unknown',
  'summary',
  'histogram',
  'gaugehistogram',
  'info',
  'stateset',
]

/** What a metric is, as bits. */
const EXPLICIT = 1
const REMOVED = 2
const BLOB = 4

/** Ids in one record. */
const IDS = 1000

const NOTHING = new Uint8Array()

/** The state as pieces of a stream of records; each piece is good until the next is asked for. */
export function* writeState(state: StoreState): Generator<Uint8Array> {
  const writer = new RecordWriter()
  yield writer.begin(RECORD.state).number(state.clockMs).count(state.version).count(state.wiped).end()
  for (const slice of state.operations) yield* writeIds(writer, slice)
  let units = 0
  for (const entry of state.units) {
    // A step that came to nothing counts as one, too.
    if (entry === undefined) {
      yield NOTHING
    } else {
      units++
      yield* entry.unit.kind === 'group'
        ? writeGroup(writer, entry, entry.unit)
        : writeSet(writer, entry, entry.unit)
    }
  }
  yield writer.begin(RECORD.end).count(units).end()
}

function* writeIds(writer: RecordWriter, { sinceMs, ids }: FrozenSlice): Generator<Uint8Array> {
  let waiting = 0
  for (const id of ids) {
    if (waiting === 0) writer.begin(RECORD.operations).number(sinceMs)
    writer.latin1(id)
    if (++waiting < IDS) continue
    yield writer.end()
    waiting = 0
  }
  if (waiting > 0) yield writer.end()
}

function* writeGroup(writer: RecordWriter, entry: FrozenEntry, group: Group): Generator<Uint8Array> {
  yield writer
    .begin(RECORD.group)
    .latin1(entry.id)
    .count(entry.version)
    .labels(group.labels)
    .number(group.createdMs)
    .number(group.pushedMs)
    .number(group.failedMs)
    .text(group.failure)
    .text(group.protocol)
    .number(group.expiresMs)
    .end()
  for (const family of group.families.values()) {
    yield writer
      .begin(RECORD.family)
      .text(family.name)
      .count(TYPES.indexOf(family.type))
      .count(family.series)
      .count(family.version)
      .number(family.expiresMs)
      .number(family.pushedMs)
      .number(family.firstSeenMs)
      .end(family.blob.byteLength)
    yield family.blob
  }
}

function* writeSet(writer: RecordWriter, entry: FrozenEntry, set: FrozenSet): Generator<Uint8Array> {
  yield writer
    .begin(RECORD.set)
    .latin1(entry.id)
    .count(entry.version)
    .labels(set.labels)
    .number(set.createdMs)
    .number(set.pushedMs)
    .text(set.protocol)
    .end()
  for (const { name, type, help, unit, firstSeenMs } of set.families) {
    yield writer
      .begin(RECORD.setFamily)
      .text(name)
      .count(TYPES.indexOf(type))
      .text(help)
      .text(unit)
      .number(firstSeenMs)
      .end()
  }
  for (const slot of set.slots) {
    const { content } = slot
    const isNumber = typeof content === 'number'
    writer
      .begin(RECORD.metric)
      .count(slot.family)
      .count((slot.explicit ? EXPLICIT : 0) | (slot.removed ? REMOVED : 0) | (isNumber ? 0 : BLOB))
      .labels(slot.labels)
      .number(slot.timestampMs)
      .number(slot.expiresMs)
      .count(slot.series)
    if (isNumber) {
      yield writer.number(content).end()
    } else {
      yield writer.end(content.byteLength)
      yield content
    }
  }
}

type GroupParts = Parameters<typeof makeGroup>[0] & { readonly families: Map<string, StoredFamily> }
type SetParts = FrozenSet & {
  readonly families: FrozenSet['families'][number][]
  readonly slots: Omit<Slot, 'key'>[]
}
interface Begun {
  readonly id: UnitId
  readonly version: number
  readonly unit: GroupParts | SetParts
}

/** A state that was read whole; its units in the order of their versions. */
export interface ReadState extends StoreState {
  readonly operations: readonly FrozenSlice[]
  readonly units: readonly FrozenEntry[]
}

/** Reads records back into a state. Throws a RangeError for records no state is written as. */
export class StateReader {
  private clockMs = 0
  private version = -1
  private wiped = 0
  private readonly operations: FrozenSlice[] = []
  private readonly units: FrozenEntry[] = []
  private begun: Begun | undefined
  private ended = false

  take(type: number, content: Buffer): void {
    const record = new RecordReader(content)
    if (this.ended || (this.version === -1) !== (type === RECORD.state)) refuse('a record out of order')
    switch (type) {
      case RECORD.state:
        this.clockMs = record.number()
        this.version = record.count()
        this.wiped = record.count()
        break
      case RECORD.operations:
        this.operations.push(readIds(record))
        break
      case RECORD.group:
        this.begin(readGroup(record))
        break
      case RECORD.family:
        readFamily(record, this.begun?.unit)
        break
      case RECORD.set:
        this.begin(readSet(record))
        break
      case RECORD.setFamily:
        readSetFamily(record, this.begun?.unit)
        break
      case RECORD.metric:
        readMetric(record, this.begun?.unit)
        break
      case RECORD.end:
        this.finish()
        this.ended = true
        if (record.count() !== this.units.length) refuse('another number of groups and sets than it says')
        break
      default:
        refuse(`a record of the unknown kind ${type}`)
    }
    if (!record.isAtEnd) refuse('a record that is longer than what it holds')
  }

  /** What was read; the end must have come. */
  end(): ReadState {
    if (!this.ended) refuse('no end')
    this.units.sort((a, b) => a.version - b.version)
    const { clockMs, version, wiped, operations, units } = this
    if ((units.at(-1)?.version ?? 0) > version) refuse('a version from after the snapshot')
    return { clockMs, version, wiped, operations, units }
  }

  private begin(begun: Begun): void {
    this.finish()
    this.begun = begun
  }

  private finish(): void {
    if (this.begun === undefined) return
    const { id, version, unit } = this.begun
    this.units.push({ id, version, unit: unit.kind === 'group' ? makeGroup(unit) : unit })
    this.begun = undefined
  }
}

function readIds(record: RecordReader): FrozenSlice {
  const sinceMs = record.number()
  const ids: string[] = []
  while (!record.isAtEnd) ids.push(record.latin1())
  return { sinceMs, ids }
}

function readGroup(record: RecordReader): Begun {
  return {
    id: readId(record),
    version: record.count(),
    unit: {
      kind: 'group',
      labels: record.labels(),
      createdMs: record.number(),
      pushedMs: record.number(),
      failedMs: record.number(),
      failure: record.text(),
      protocol: record.text(),
      expiresMs: record.number(),
      families: new Map(),
    },
  }
}

function readFamily(record: RecordReader, unit: Begun['unit'] | undefined): void {
  const name = record.text()
  groupOf(unit).families.set(name, {
    name,
    type: readType(record),
    series: record.count(),
    version: record.count(),
    expiresMs: record.number(),
    pushedMs: record.number(),
    firstSeenMs: record.number(),
    blob: record.rest(),
  })
}

function readSet(record: RecordReader): Begun {
  return {
    id: readId(record),
    version: record.count(),
    unit: {
      kind: 'set',
      labels: record.labels(),
      createdMs: record.number(),
      pushedMs: record.number(),
      protocol: record.text(),
      families: [],
      slots: [],
    },
  }
}

function readSetFamily(record: RecordReader, unit: Begun['unit'] | undefined): void {
  setOf(unit).families.push({
    name: record.text(),
    type: readType(record),
    help: record.text(),
    unit: record.text(),
    firstSeenMs: record.number(),
  })
}

function readMetric(record: RecordReader, unit: Begun['unit'] | undefined): void {
  const set = setOf(unit)
  const family = record.count()
  if (family >= set.families.length) refuse('a metric without a family')
  const bits = record.count()
  set.slots.push({
    family,
    explicit: (bits & EXPLICIT) !== 0,
    removed: (bits & REMOVED) !== 0,
    labels: record.labels(),
    timestampMs: record.number(),
    expiresMs: record.number(),
    series: record.count(),
    content: (bits & BLOB) === 0 ? record.number() : record.rest(),
  })
}

function groupOf(unit: Begun['unit'] | undefined): GroupParts {
  return unit?.kind === 'group' ? unit : refuse('a family without a group')
}

function setOf(unit: Begun['unit'] | undefined): SetParts {
  return unit?.kind === 'set' ? unit : refuse('a metric without a set')
}

function readId(record: RecordReader): UnitId {
  const id = record.latin1()
  if (id.length !== UNIT_ID_BYTES) refuse('an id that is none')
  return id
}

function readType(record: RecordReader): FamilyType {
  return TYPES[record.count()] ?? refuse('a type of metric that is none')
}

function refuse(what: string): never {
  throw new RangeError(`it has ${what}`)
}
