import { PgrError } from '../../errors/pgr-error.ts'
import { partitionOf } from '../../model/unit.ts'
import { Slabs } from '../../wire/kept-bytes.ts'
import type { GroupChange, GroupFailure, GroupWrite, Written } from '../store.ts'
import { decodeGroup, encodeLabels, letterOf } from './codec.ts'
import type { Send } from './courier.ts'
import { misconfigured } from './failures.ts'
import { PARTITIONS } from './keys.ts'
import { type Packed, packValues } from './packing.ts'
import { bytesAt, isOk, numberAt, type Reply, textAt } from './reply.ts'
import { scripts } from './scripts.ts'

/** Families one group may hold; the header lists them all and is read with every push. */
const MOST_FAMILIES = 2000

/** A write as the journal remembers it. */
export interface Applied extends Written {
  /**
   * The store's time when it was first applied, for a duplicate with a fraction that orders writes of one millisecond.
   * That is the time by which a lost write is compared with others, whoever sends it again.
   */
  readonly firstMs: number
}

/** Writes to groups, each one script and one round trip. */
export function makeGroupWrites(send: Send, limits: Buffer) {
  return {
    writeGroup(write: GroupWrite, packed = packGroup(write)): Promise<Applied> {
      const partition = partitionOf(write.id, PARTITIONS)
      return send(write, partition, scripts.writeGroups, [limits, packed]).then((reply) =>
        groupPushed(write, partition, reply),
      )
    },

    async failGroup(write: GroupFailure): Promise<Applied> {
      const partition = partitionOf(write.id, PARTITIONS)
      const reply = await send(write, partition, scripts.failGroup, [
        limits,
        unitBytes(write.id),
        encodeLabels(write.labels),
        write.protocol,
        write.ttlMs === 0 ? 0 : write.ttlMs + write.retentionMs,
        write.reason,
      ])
      return groupFailed(write, partition, reply)
    },
  }
}

/** Writes are kept for as long as the journal remembers them. */
const slabs = new Slabs()

/** The write as `write-groups` and `replay-group` read it, from the unit's id on. */
export function packGroup(write: GroupWrite): Packed {
  const values: (string | number | Uint8Array)[] = [
    unitBytes(write.id),
    encodeLabels(write.labels),
    write.protocol,
    write.mode,
    write.ttlMs,
    write.retentionMs,
    MOST_FAMILIES,
  ]
  for (const { name, type, series, blob } of write.families) values.push(name, letterOf(type), series, blob)
  return packValues(values, slabs)
}

function groupPushed(write: GroupWrite, partition: number, reply: Reply): Applied {
  if (!isOk(reply)) return notPushed(partition, reply)
  const told = bytesAt(reply, 1)
  const epochAt = 8 * (GROUP_NUMBERS + write.families.length)
  const epochEnd = told.indexOf(0, epochAt)
  if (epochEnd <= epochAt) throw misconfigured(`redis answered a push with ${told.length} bytes`)
  const number = (place: number) => told.readDoubleLE(8 * place)
  const nowMs = number(0)
  const version = number(1)
  const follows = number(5)
  const expiresMs = number(6)
  const change: GroupChange = {
    kind: 'group',
    id: write.id,
    version,
    labels: write.labels,
    createdMs: Math.floor(number(2)),
    protocol: write.protocol,
    pushedMs: nowMs,
    failedMs: number(3),
    failure: told.toString('utf8', epochEnd + 1),
    expiresMs: number(4),
    families: write.families.map(({ name, type, series, blob }, place) => ({
      name,
      type,
      series,
      version,
      expiresMs,
      pushedMs: nowMs,
      firstSeenMs: Math.floor(number(GROUP_NUMBERS + place)),
      blob,
    })),
    follows: follows === 0 ? undefined : follows,
  }
  const epoch = told.toString('latin1', epochAt, epochEnd)
  return { duplicate: false, partition, epoch, nowMs, firstMs: nowMs, change }
}

/** Of the group itself, before those of its families. */
const GROUP_NUMBERS = 7

function notPushed(partition: number, reply: Reply): Applied {
  const status = textAt(reply, 0)
  switch (status) {
    case 'duplicate':
      return writtenOf(partition, reply)
    case 'families':
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `the group would hold ${numberAt(reply, 1)} families; the most is ${MOST_FAMILIES}, so spread them over several groups`,
      )
    default:
      throw misconfigured(`redis answered a push with ${JSON.stringify(status)}`)
  }
}

function groupFailed({ id, labels }: GroupFailure, partition: number, reply: Reply): Applied {
  const written = writtenOf(partition, reply)
  if (written.duplicate) return written
  const { epoch, nowMs, firstMs } = written
  const change = decodeGroup(id, bytesAt(reply, 3), () => undefined, labels)
  return { duplicate: false, partition, epoch, nowMs, firstMs, change }
}

/** What every write's reply begins with: status, epoch, now; and first for a duplicate. */
export function writtenOf(partition: number, reply: Reply): Applied {
  const duplicate = textAt(reply, 0) === 'duplicate'
  const nowMs = numberAt(reply, 2)
  const firstMs = duplicate ? numberAt(reply, 3) : nowMs
  return { duplicate, partition, epoch: textAt(reply, 1), nowMs, firstMs }
}

export function unitBytes(id: string): Buffer {
  return Buffer.from(id, 'latin1')
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
