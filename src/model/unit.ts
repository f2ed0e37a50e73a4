import { hash } from 'node:crypto'
import type { Label, Labels } from './labels.ts'

/**
 * What the store holds: a `group` (Pushgateway semantics, identity = job + grouping labels) or a `set` of series
 * (merge semantics, identity = job and instance).
 */
export type UnitKind = 'group' | 'set'

/** 17 bytes as a latin1 string: kind byte, then the first 16 bytes of a SHA-256 over tenant and labels. */
export type UnitId = string

const KIND_BYTE: Record<UnitKind, string> = { group: 'G', set: 'S' }

/** Bytes of a unit id, everywhere. */
export const UNIT_ID_BYTES = 17

/**
 * The identity of a unit. Labels must be sorted; the tenant is reserved and empty. Stored data depends on every byte
 * of this: a golden test pins it.
 */
export function unitId(kind: UnitKind, labels: Labels): UnitId {
  const texts = ['']
  for (const { name, value } of labels) texts.push(name, value)
  return KIND_BYTE[kind] + hashTexts(texts)
}

const groupIds = new WeakMap<Labels, UnitId>()

/** `unitId` of a group, remembered for as long as these labels are: pushes to one group share them. */
export function groupId(labels: Labels): UnitId {
  let id = groupIds.get(labels)
  if (id === undefined) {
    id = unitId('group', labels)
    groupIds.set(labels, id)
  }
  return id
}

/** 16 bytes as a latin1 string that stand for a list of texts: the first of a SHA-256. */
export function hashTexts(texts: readonly string[]): string {
  return hash('sha256', lengthPrefixed(texts), 'buffer').toString('latin1', 0, 16)
}

/** Each text in UTF-8 after its length in bytes, 32 bits, most significant first. */
function lengthPrefixed(texts: readonly string[]): Buffer {
  let most = 0
  for (const text of texts) most += 4 + text.length * 3
  const framed = Buffer.allocUnsafe(most)
  let at = 0
  for (const text of texts) {
    const bytes = framed.write(text, at + 4)
    framed.writeUInt32BE(bytes, at)
    at += 4 + bytes
  }
  return framed.subarray(0, at)
}

export function kindOf(id: UnitId): UnitKind {
  return id.charCodeAt(0) === 0x47 ? 'group' : 'set'
}

/** The partition a unit lives in: first 32 bits of its hash modulo the number of partitions. */
export function partitionOf(id: UnitId, partitions: number): number {
  const first = id.charCodeAt(1) * 0x1000000
  return (first + ((id.charCodeAt(2) << 16) | (id.charCodeAt(3) << 8) | id.charCodeAt(4))) % partitions
}

/** Sets that have neither job nor instance are spread over this many units. */
export const LOOSE_SHARDS = 64

/** Stands for the shard number in the identity of a set without job and instance; never shown. */
export const SHARD_LABEL = '__shard__'

/** What remote write says of a family by its name alone, whatever job it is of, is kept in this many sets. */
export const METADATA_SHARDS = 64

/** Stands for the shard number in the identity of a set of metadata; never shown. */
const METADATA_LABEL = '__metadata__'

/** Identity of a set of metadata. Its families have the type, help and unit they are said to have, and nothing to show. */
export function metadataLabels(shard: number): Labels {
  return [{ name: METADATA_LABEL, value: String(shard) }]
}

export function isMetadata(labels: Labels): boolean {
  return labels[0]?.name === METADATA_LABEL
}

/** Identity of the set a metric with these labels belongs to: job and instance, empty values dropped. */
export function setLabels(labels: Labels): Labels {
  const identity: Label[] = []
  for (const label of labels) {
    if ((label.name === 'job' || label.name === 'instance') && label.value !== '') identity.push(label)
  }
  return identity
}

/**
 * A partition's digest is the sum of this over its live units, modulo 2^48. The store's scripts and every view compute
 * it alike; a disagreement means that a view missed something. Exact in doubles: a factor below 2^24 times one of at
 * most 2^24.
 */
export function digestOf(id: UnitId, version: number): number {
  const factor = (id.charCodeAt(8) << 16) | (id.charCodeAt(9) << 8) | id.charCodeAt(10)
  return factor * ((version % 0x1000000) + 1)
}

export const DIGEST_MODULUS = 2 ** 48
