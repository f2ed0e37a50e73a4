import { randomBytes } from 'node:crypto'
import { type Label, type Labels, sortLabels } from '../../src/model/labels.ts'
import { partitionOf, type UnitKind, unitId } from '../../src/model/unit.ts'
import type {
  FamilyBlob,
  GroupFailure,
  GroupWrite,
  Operation,
  SetFamily,
  SetSample,
  SetWrite,
  UnitWrite,
} from '../../src/store/store.ts'

/** Long enough to outlive any test. */
export const LONG_MS = 600_000

/** A new operation id, and a deadline no test reaches. */
export function operation(): Operation {
  return { operation: randomBytes(16).toString('latin1'), deadlineMs: performance.now() + 10_000 }
}

export function labelsOf(...pairs: readonly (readonly [string, string])[]): Labels {
  return sortLabels(pairs.map(([name, value]): Label => ({ name, value })))
}

export function jobOf(job: string): Labels {
  return labelsOf(['job', job])
}

/** A job whose unit lives in the given partition, and which no earlier call with another `salt` gave. */
export function jobIn(partition: number, partitions: number, kind: UnitKind, salt: string): Labels {
  for (let attempt = 0; ; attempt++) {
    const labels = jobOf(`${salt}-${attempt}`)
    if (partitionOf(unitId(kind, labels), partitions) === partition) return labels
  }
}

export function family(name: string, text: string, over: Partial<FamilyBlob> = {}): FamilyBlob {
  return { name, type: 'gauge', series: 1, blob: Buffer.from(text), ...over }
}

export function putOf(
  labels: Labels,
  families: readonly FamilyBlob[],
  over: Partial<GroupWrite> = {},
): GroupWrite {
  return {
    ...operation(),
    id: unitId('group', labels),
    mode: 'put',
    labels,
    ttlMs: LONG_MS,
    retentionMs: 0,
    protocol: 'text',
    families,
    ...over,
  }
}

export function postOf(
  labels: Labels,
  families: readonly FamilyBlob[],
  over: Partial<GroupWrite> = {},
): GroupWrite {
  return putOf(labels, families, { mode: 'post', ...over })
}

export function failureOf(labels: Labels, reason: string, over: Partial<GroupFailure> = {}): GroupFailure {
  return {
    ...operation(),
    id: unitId('group', labels),
    labels,
    reason,
    ttlMs: LONG_MS,
    retentionMs: 0,
    protocol: 'text',
    ...over,
  }
}

export function removalOf(labels: Labels, kind: UnitKind = 'group'): UnitWrite {
  return { ...operation(), id: unitId(kind, labels) }
}

export function mergeOf(
  labels: Labels,
  families: readonly SetFamily[],
  over: Partial<SetWrite> = {},
): SetWrite {
  return {
    ...operation(),
    id: unitId('set', labels),
    labels,
    ttlMs: LONG_MS,
    protocol: 'remote-write-1',
    families,
    ...over,
  }
}

export function setFamily(
  name: string,
  metrics: readonly SetSample[],
  over: Partial<SetFamily> = {},
): SetFamily {
  return { name, type: 'gauge', help: '', unit: '', metrics, ...over }
}

/** One sample of the metric `{n="<n>"}`. */
export function sample(n: string, content: SetSample['content'], timestampMs?: number): SetSample {
  const base = { labels: n === '' ? [] : labelsOf(['n', n]), content, series: 1 }
  return timestampMs === undefined ? base : { ...base, timestampMs }
}
