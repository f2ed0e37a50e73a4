import { PgrError } from '../../errors/pgr-error.ts'

/** Partitions of a new keyspace; written to `<prefix>:cfg` and never changed after. */
export const PARTITIONS = 64

/**
 * Version of the layout, the number of partitions and their hash included. Scripts refuse a partition that names another
 * one.
 */
export const SCHEMA = '1'

/** How a unit finds its partition; part of the layout. */
export const HASH = 'sha256-32'

const SLOTS = 16384

/**
 * Every key pgr writes, and nothing else writes keys. Six for each partition, in one slot by their tag:
 *
 *   <prefix>:{<tag>}:m  hash  schema, epoch, counters (see `counters.ts`); when it was last wiped, and up to when
 *                             operations are forgotten, ms
 *   <prefix>:{<tag>}:d  hash  units: header and payload fields
 *   <prefix>:{<tag>}:l  zset  unit id -> version of its last change, tombstones included
 *   <prefix>:{<tag>}:x  zset  unit id -> when housekeeping has to look at it, ms
 *   <prefix>:{<tag>}:t  zset  id of a unit that is gone -> since when, ms; id and "-" -> when it was last removed, or found
 *                             removed, ms: nothing written to it before is written again
 *   <prefix>:{<tag>}:o  zset  operation id -> when it was first applied, ms and a fraction that orders
 *
 *   <prefix>:cfg        hash  schema, partitions, hash, created
 *   <prefix>:replicas   hash  replica id -> last seen, version, address
 */
export interface Keyspace {
  readonly partitions: readonly PartitionKeys[]
  readonly configuration: string
  readonly replicas: string
  /** Cluster slots of the places: the partitions in order, then the configuration, then the replicas. */
  readonly slots: readonly number[]
}

/** Places of the two keys that belong to no partition, after those of the partitions. */
export const PLACE_OF = { configuration: PARTITIONS, replicas: PARTITIONS + 1 } as const

/** In the order every script takes them: m, d, l, x, t, o. */
export type PartitionKeys = readonly [string, string, string, string, string, string]

/** Throws PGR_SETTING_INVALID for a prefix that could break the hash tag. */
export function keyspace(prefix: string, partitions = PARTITIONS): Keyspace {
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(prefix))
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `the redis key prefix ${JSON.stringify(prefix)} is not 1 to 64 characters of A-Z, a-z, 0-9, "_", ".", ":" and "-"`,
    )
  const tags = Array.from({ length: partitions }, (_, partition) => tagOf(partition, partitions))
  const configuration = `${prefix}:cfg`
  const replicas = `${prefix}:replicas`
  return {
    partitions: tags.map((tag) => {
      const at = `${prefix}:{${tag}}:`
      return [`${at}m`, `${at}d`, `${at}l`, `${at}x`, `${at}t`, `${at}o`] as const
    }),
    configuration,
    replicas,
    slots: [...tags, configuration, replicas].map(slotOf),
  }
}

/**
 * The hash tag of a partition: `pgr<p>.<i>` with the smallest i for which the slot falls in stripe p. Slots are spread
 * evenly that way, so every primary of a cluster with contiguous slot ranges gets its fair share.
 */
export function tagOf(partition: number, partitions: number): string {
  const from = Math.floor((partition * SLOTS) / partitions)
  const to = Math.floor(((partition + 1) * SLOTS) / partitions)
  const name = `pgr${partition}.`
  const begun = crcOf(name)
  for (let attempt = 0; ; attempt++) {
    const slot = crcOf(String(attempt), begun) % SLOTS
    if (slot >= from && slot < to) return name + attempt
  }
}

/** Cluster slot of a hash tag: CRC-16/XMODEM modulo 16384 (Redis cluster specification). */
export function slotOf(tag: string): number {
  return crcOf(tag) % SLOTS
}

/** Of a text that follows one with the CRC `before`. */
function crcOf(text: string, before = 0): number {
  let crc = before
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}
