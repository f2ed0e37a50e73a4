import type { Labels } from '../../model/labels.ts'
import type { UnitId } from '../../model/unit.ts'
import type { FamilyState, GroupChange, GroupFailure, GroupWrite } from '../store.ts'
import { expiryAfter, isLive, laterExpiry } from './expiry.ts'
import { type Size, textBytes } from './limits.ts'

/** A group is a value: a write makes a new one, so readers of the old keep what they were given. */
export interface Group extends Size {
  readonly kind: 'group'
  readonly labels: Labels
  readonly createdMs: number
  readonly pushedMs: number
  readonly failedMs: number
  readonly failure: string
  readonly protocol: string
  readonly expiresMs: number
  readonly families: ReadonlyMap<string, StoredFamily>
}

export interface StoredFamily extends FamilyState {
  readonly blob: Uint8Array
}

/** When a write happens: in the store's time, and in the order of versions. */
export interface Moment {
  readonly nowMs: number
  readonly version: number
}

/** The group after a put or post. `stored` may be expired. */
export function pushToGroup(stored: Group | undefined, write: GroupWrite, at: Moment): Group {
  const old = livePart(stored, at.nowMs)
  const families = new Map(write.mode === 'put' ? [] : old?.families)
  for (const { name, type, series, blob } of write.families) {
    const replaced = old?.families.get(name)
    families.set(name, {
      name,
      type,
      series,
      version: at.version,
      expiresMs: expiryAfter(at.nowMs, write.ttlMs),
      pushedMs: at.nowMs,
      firstSeenMs: replaced?.type === type ? replaced.firstSeenMs : at.nowMs,
      blob,
    })
  }
  const extending = write.families.length > 0 || families.size === 0
  const { kind, labels, createdMs, failedMs, failure } = old ?? newGroup(write, at.nowMs)
  const { protocol } = write
  const expiresMs = expiryOf(write.mode === 'put' ? undefined : old, write, { nowMs: at.nowMs, extending })
  // Named one by one: measured, spreading the old group costs more than all the rest of this.
  const { series, bytes } = measure(labels, families)
  return {
    kind,
    labels,
    createdMs,
    pushedMs: at.nowMs,
    failedMs,
    failure,
    protocol,
    expiresMs,
    families,
    series,
    bytes,
  }
}

/** The group after a refused push: the same data, and why the push was refused. */
export function noteFailure(stored: Group | undefined, write: GroupFailure, nowMs: number): Group {
  const old = livePart(stored, nowMs)
  const group = old ?? newGroup(write, nowMs)
  const expiresMs = expiryOf(old, write, { nowMs, extending: group.families.size === 0 })
  const { series, bytes } = measure(group.labels, group.families)
  return { ...group, failedMs: nowMs, failure: write.reason, expiresMs, series, bytes }
}

/** The group without its expired families; undefined when it is expired as a whole. */
export function livePart(group: Group | undefined, nowMs: number): Group | undefined {
  if (group === undefined || !isLive(group.expiresMs, nowMs)) return undefined
  if (!hasExpired(group, nowMs)) return group
  const families = new Map([...group.families].filter(([, family]) => isLive(family.expiresMs, nowMs)))
  return { ...group, families, ...measure(group.labels, families) }
}

function hasExpired({ families }: Group, nowMs: number): boolean {
  for (const family of families.values()) if (!isLive(family.expiresMs, nowMs)) return true
  return false
}

/** When sweeping the group frees bytes next: with its last family, then with its times. 0 = never. */
export function dueOf(group: Group): number {
  const [first, ...rest] = group.families.values()
  if (first === undefined) return group.expiresMs
  return rest.reduce((due, family) => laterExpiry(due, family.expiresMs), first.expiresMs)
}

/** A group from its parts, as they were stored. */
export function makeGroup(parts: Omit<Group, keyof Size>): Group {
  return { ...parts, ...measure(parts.labels, parts.families) }
}

/** The group as told to a reader that has everything up to version `base`. */
export function tellGroup(id: UnitId, group: Group, version: number, base: number): GroupChange {
  const { kind, labels, createdMs, pushedMs, failedMs, failure, protocol, expiresMs } = group
  const families: FamilyState[] = []
  for (const family of group.families.values())
    families.push(family.version > base ? family : withoutBlob(family))
  return { id, version, kind, labels, createdMs, pushedMs, failedMs, failure, protocol, expiresMs, families }
}

interface Lifetimes {
  readonly ttlMs: number
  readonly retentionMs: number
}

/** How long the times of the group are kept. Never earlier than a family's expiry, since every write sets both. */
function expiryOf(
  old: Group | undefined,
  { ttlMs, retentionMs }: Lifetimes,
  { nowMs, extending }: { nowMs: number; extending: boolean },
): number {
  const kept = ttlMs === 0 ? 0 : nowMs + ttlMs + retentionMs
  if (old === undefined) return kept
  return extending ? laterExpiry(old.expiresMs, kept) : old.expiresMs
}

function newGroup({ labels, protocol }: { labels: Labels; protocol: string }, nowMs: number): Group {
  const times = { createdMs: nowMs, pushedMs: 0, failedMs: 0, failure: '', expiresMs: 0 }
  return { kind: 'group', labels, protocol, ...times, families: new Map(), series: 0, bytes: 0 }
}

function measure(labels: Labels, families: ReadonlyMap<string, StoredFamily>): Size {
  let series = 0
  let bytes = textBytes(labels)
  for (const family of families.values()) {
    series += family.series
    bytes += family.name.length + family.blob.byteLength
  }
  return { series, bytes }
}

function withoutBlob({ blob: _blob, ...state }: StoredFamily): FamilyState {
  return state
}
