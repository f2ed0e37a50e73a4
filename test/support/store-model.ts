import { type Labels, labelKey } from '../../src/model/labels.ts'
import type {
  GroupFailure,
  GroupWrite,
  SetFamily,
  SetSample,
  SetWrite,
  Written,
} from '../../src/store/store.ts'
import { STALE_MEMORY_MS } from '../../src/store/store.ts'
import { type SeenFamily, type SeenGroup, type SeenMetric, showGroup, showMetric } from './store-view.ts'

type ModelFamily = { -readonly [K in keyof SeenFamily]: SeenFamily[K] }
type ModelGroup = { -readonly [K in keyof Omit<SeenGroup, 'families'>]: SeenGroup[K] } & {
  families: Map<string, ModelFamily>
}

interface ModelMetric extends Omit<SeenMetric, 'type' | 'help' | 'content'> {
  readonly content: SetSample['content']
}

interface ModelSet {
  readonly labels: Labels
  readonly families: Map<string, SetFamily>
  readonly metrics: Map<string, ModelMetric>
}

/**
 * The semantics of the contract, written for reading: no versions, no pages, no limits, nothing is ever swept. Each
 * write is told when the store applied it.
 */
export class StoreModel {
  private readonly groups = new Map<string, ModelGroup>()
  private readonly sets = new Map<string, ModelSet>()

  writeGroup(write: GroupWrite, nowMs: number): void {
    const group = this.liveGroup(write, nowMs)
    const kept = later(nowMs, write.ttlMs + (write.ttlMs === 0 ? 0 : write.retentionMs), write.ttlMs)
    const families = new Map(write.mode === 'put' ? [] : group.families)
    for (const { name, type, series, blob } of write.families) {
      const old = group.families.get(name)
      families.set(name, {
        name,
        type,
        series,
        text: Buffer.from(blob).toString(),
        expiresMs: later(nowMs, write.ttlMs, write.ttlMs),
        pushedMs: nowMs,
        firstSeenMs: old?.type === type ? old.firstSeenMs : nowMs,
      })
    }
    const extends_ = write.families.length > 0 || families.size === 0
    if (write.mode === 'put' || group.expiresMs === -1) group.expiresMs = kept
    else if (extends_) group.expiresMs = latest(group.expiresMs, kept)
    this.groups.set(write.id, { ...group, families, pushedMs: nowMs, protocol: write.protocol })
  }

  failGroup(write: GroupFailure, nowMs: number): void {
    const group = this.liveGroup(write, nowMs)
    const kept = later(nowMs, write.ttlMs + write.retentionMs, write.ttlMs)
    if (group.expiresMs === -1) group.expiresMs = kept
    else if (group.families.size === 0) group.expiresMs = latest(group.expiresMs, kept)
    this.groups.set(write.id, { ...group, failedMs: nowMs, failure: write.reason })
  }

  /** Returns what the write should have been answered. */
  writeSet(write: SetWrite, nowMs: number): { ignored: Written['ignored']; effect: boolean } {
    const set = this.sets.get(write.id) ?? { labels: write.labels, families: new Map(), metrics: new Map() }
    this.sets.set(write.id, set)
    const ignored = { older: 0, expired: 0 }
    let effect = false
    for (const family of write.families) {
      for (const sample of family.metrics) {
        const outcome = mergeSample(set, family, sample, { ttlMs: write.ttlMs, nowMs })
        if (outcome === 'older' || outcome === 'expired') ignored[outcome]++
        if (outcome !== 'stored') continue
        effect = true
        set.families.set(family.name, family)
      }
    }
    return { ignored, effect }
  }

  remove(id: string): void {
    this.groups.delete(id)
    this.sets.delete(id)
  }

  wipe(): void {
    this.groups.clear()
    this.sets.clear()
  }

  show(nowMs: number): string[] {
    const lines: string[] = []
    for (const group of this.groups.values()) {
      if (!isLive(group.expiresMs, nowMs)) continue
      const families = new Map([...group.families].filter(([, { expiresMs }]) => isLive(expiresMs, nowMs)))
      lines.push(...showGroup({ ...group, families }))
    }
    for (const { labels, families, metrics } of this.sets.values()) {
      for (const { content, ...metric } of metrics.values()) {
        if (content === 'stale' || !isLive(metric.expiresMs, nowMs)) continue
        const { type = '', help = '' } = families.get(metric.family) ?? {}
        const shown = typeof content === 'number' ? content : Buffer.from(content).toString()
        lines.push(showMetric(labels, { ...metric, type, help, content: shown }))
      }
    }
    return lines.sort()
  }

  private liveGroup(write: GroupWrite | GroupFailure, nowMs: number): ModelGroup {
    const group = this.groups.get(write.id)
    if (group !== undefined && isLive(group.expiresMs, nowMs)) {
      const families = [...group.families].filter(([, { expiresMs }]) => isLive(expiresMs, nowMs))
      return { ...group, families: new Map(families) }
    }
    const { labels, protocol } = write
    const never = { pushedMs: 0, failedMs: 0, failure: '', expiresMs: -1 }
    return { kind: 'group', labels, protocol, createdMs: nowMs, ...never, families: new Map() }
  }
}

function mergeSample(
  set: ModelSet,
  family: SetFamily,
  sample: SetSample,
  { ttlMs, nowMs }: { ttlMs: number; nowMs: number },
): 'stored' | 'older' | 'expired' | 'nothing' {
  const key = `${family.name}{${labelKey(sample.labels)}}`
  const any = set.metrics.get(key)
  const stored = any !== undefined && isLive(any.expiresMs, nowMs) ? any : undefined
  const explicit = sample.timestampMs !== undefined
  const timestampMs = sample.timestampMs ?? Math.max(nowMs, stored?.timestampMs ?? 0)
  if (explicit && ttlMs > 0 && timestampMs + ttlMs <= nowMs) return 'expired'
  if (explicit && stored !== undefined && timestampMs <= stored.timestampMs) return 'older'
  if (sample.content === 'stale' && (stored === undefined || stored.content === 'stale')) return 'nothing'
  const memory = sample.content === 'stale' && ttlMs === 0 ? STALE_MEMORY_MS : ttlMs
  const { labels, content } = sample
  set.metrics.set(key, {
    family: family.name,
    labels,
    timestampMs,
    explicit,
    expiresMs: later(nowMs, memory, memory),
    content,
  })
  return 'stored'
}

function later(nowMs: number, byMs: number, ttlMs: number): number {
  return ttlMs === 0 ? 0 : nowMs + byMs
}

function latest(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : Math.max(a, b)
}

function isLive(expiresMs: number, nowMs: number): boolean {
  return expiresMs === 0 || expiresMs > nowMs
}
