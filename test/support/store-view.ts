import { type Labels, labelKey } from '../../src/model/labels.ts'
import { DIGEST_MODULUS, digestOf, partitionOf, type UnitId, unitId } from '../../src/model/unit.ts'
import type {
  ChangePage,
  FamilyState,
  GroupChange,
  Position,
  ResetReason,
  SetChange,
  SetPage,
  Store,
  UnitChange,
} from '../../src/store/store.ts'

export interface SeenFamily extends Omit<FamilyState, 'blob' | 'version'> {
  readonly text: string
}

export interface SeenGroup extends Omit<GroupChange, 'families' | 'id' | 'version'> {
  /** By name. */
  readonly families: ReadonlyMap<string, SeenFamily>
}

export interface SeenMetric {
  readonly family: string
  readonly type: string
  readonly help: string
  readonly labels: Labels
  readonly timestampMs: number
  readonly explicit: boolean
  readonly expiresMs: number
  readonly content: number | string
}

export interface ReadReport {
  readonly pages: readonly ChangePage[]
  readonly resets: readonly ResetReason[]
  readonly changes: readonly UnitChange[]
}

interface HeldGroup extends GroupChange {
  readonly blobs: ReadonlyMap<string, { readonly version: number; readonly blob: Uint8Array }>
}

interface HeldSet extends SetChange {
  readonly byNumber: ReadonlyMap<number, SetPage>
}

type Held = HeldGroup | HeldSet

/**
 * The simplest reader that keeps the contract: applies pages as told, hides what has expired, and throws when a page
 * breaks a promise. What every conformance test looks through.
 */
export class StoreView {
  /** May be exchanged for another replica between two reads. */
  store: Store
  positions: Position[]
  nowMs = 0
  private readonly units: Map<UnitId, Held>[]
  /** Epochs of the partitions as the read under way last told them. */
  private epochs: string[] = []

  constructor(store: Store) {
    this.store = store
    this.positions = Array.from({ length: store.partitions }, () => ({ epoch: '', version: 0, wiped: 0 }))
    this.units = this.positions.map(() => new Map())
  }

  /** Catches up, and says what came. */
  async read(): Promise<ReadReport> {
    const pages: ChangePage[] = []
    const done = new Set<number>()
    const since = [...this.positions]
    this.epochs = since.map(({ epoch }) => epoch)
    for await (const page of this.store.changes(since, { deadlineMs: performance.now() + 10_000 })) {
      if (done.has(page.partition)) throw new Error(`a page of partition ${page.partition} after its last`)
      this.apply(page)
      if (page.done) done.add(page.partition)
      pages.push(page)
    }
    if (done.size !== this.store.partitions) throw new Error(`only ${done.size} partitions came to an end`)
    return {
      pages,
      resets: pages.flatMap((page) => page.reset ?? []),
      changes: pages.flatMap((page) => page.changes),
    }
  }

  group(labels: Labels): SeenGroup | undefined {
    const held = this.told(unitId('group', labels))
    if (held?.kind !== 'group' || this.hides(held.expiresMs)) return undefined
    const { families, blobs, id: _id, version: _version, ...header } = held
    const shown = families
      .filter((family) => !this.hides(family.expiresMs))
      .map(({ blob: _blob, version: _familyVersion, ...family }): [string, SeenFamily] => [
        family.name,
        { ...family, text: Buffer.from(blobs.get(family.name)?.blob ?? []).toString() },
      ])
    return { ...header, families: new Map(shown) }
  }

  /** Name and content of a group's families, sorted; undefined when there is no such group. */
  texts(labels: Labels): [string, string][] | undefined {
    const group = this.group(labels)
    return group && [...group.families].map(([name, { text }]): [string, string] => [name, text]).sort()
  }

  /** Metrics of a set by family and labels; empty when there are none. */
  metrics(labels: Labels): ReadonlyMap<string, SeenMetric> {
    const held = this.told(unitId('set', labels))
    const seen = new Map<string, SeenMetric>()
    if (held?.kind !== 'set') return seen
    for (const page of held.byNumber.values()) {
      for (const metric of page.metrics) {
        const { name, type, help } = must(held.families[metric.family], 'a metric without a family')
        if (this.hides(metric.expiresMs)) continue
        const key = `${name}{${labelKey(metric.labels)}}`
        if (seen.has(key)) throw new Error(`metric ${key} stands twice`)
        const content =
          typeof metric.content === 'number' ? metric.content : Buffer.from(metric.content).toString()
        seen.set(key, {
          family: name,
          type,
          help,
          labels: metric.labels,
          timestampMs: metric.timestampMs,
          explicit: metric.explicit,
          expiresMs: metric.expiresMs,
          content,
        })
      }
    }
    return seen
  }

  /** Content by the value of the label `n`, sorted; of one family. */
  values(labels: Labels, family: string): [string, number | string][] {
    return [...this.metrics(labels).values()]
      .filter((metric) => metric.family === family)
      .map((metric): [string, number | string] => [
        metric.labels.find(({ name }) => name === 'n')?.value ?? '',
        metric.content,
      ])
      .sort()
  }

  /** The unit as told, expired or not. */
  told(id: UnitId): Held | undefined {
    return this.units[partitionOf(id, this.store.partitions)]?.get(id)
  }

  /** How many units the store told of and did not take back. */
  get size(): number {
    return this.units.reduce((sum, units) => sum + units.size, 0)
  }

  /** Everything visible at an instant, as plain text that is equal for equal views. */
  show(nowMs = this.nowMs): string[] {
    const before = this.nowMs
    this.nowMs = nowMs
    const lines: string[] = []
    for (const { kind, labels } of this.units.flatMap((units) => [...units.values()])) {
      if (kind === 'group') lines.push(...showGroup(this.group(labels)))
      else lines.push(...[...this.metrics(labels).values()].map((metric) => showMetric(labels, metric)))
    }
    this.nowMs = before
    return lines.sort()
  }

  private hides(expiresMs: number): boolean {
    return expiresMs !== 0 && expiresMs <= this.nowMs
  }

  private apply(page: ChangePage): void {
    const units = must(this.units[page.partition], `unknown partition ${page.partition}`)
    if (page.reset !== undefined) units.clear()
    else if (page.epoch !== this.epochs[page.partition]) throw new Error('the epoch changed without a reset')
    this.epochs[page.partition] = page.epoch
    for (const [id, unit] of units) if (unit.version <= page.wiped) units.delete(id)
    for (const change of page.changes) applyChange(units, change)
    this.nowMs = Math.max(this.nowMs, page.nowMs)
    if (!page.done) return
    const newest = Math.max(0, ...[...units.values()].map(({ version }) => version))
    if (newest > page.version) throw new Error(`a unit has version ${newest}, its partition ${page.version}`)
    const digest = [...units].reduce(
      (sum, [id, { version }]) => (sum + digestOf(id, version)) % DIGEST_MODULUS,
      0,
    )
    if (digest !== page.digest)
      throw new Error(`digest of partition ${page.partition}: ${page.digest}, mine ${digest}`)
    this.positions[page.partition] = { epoch: page.epoch, version: page.version, wiped: page.wiped }
  }
}

function applyChange(units: Map<UnitId, Held>, change: UnitChange): void {
  const held = units.get(change.id)
  if (held !== undefined && change.version < held.version)
    throw new Error('a change older than what was told before')
  if (change.kind === 'gone') units.delete(change.id)
  else if (change.kind === 'group')
    units.set(change.id, joinGroup(held?.kind === 'group' ? held : undefined, change))
  else units.set(change.id, joinSet(held?.kind === 'set' ? held : undefined, change))
}

function joinGroup(held: HeldGroup | undefined, change: GroupChange): HeldGroup {
  const names = new Set(change.families.map(({ name }) => name))
  if (names.size !== change.families.length) throw new Error('a family stands twice in its group')
  const blobs = change.families.map(({ name, version, blob }) => {
    const known = held?.blobs.get(name)
    const content = blob ?? (known?.version === version ? known.blob : undefined)
    return [name, { version, blob: must(content, `family ${name} came without its blob`) }] as const
  })
  return { ...change, blobs: new Map(blobs) }
}

function joinSet(held: HeldSet | undefined, change: SetChange): HeldSet {
  if (held === undefined && !change.whole) throw new Error('a set nobody knows did not come whole')
  const pages = new Map(change.whole ? [] : held?.byNumber)
  for (const page of change.pages) pages.set(page.number, page)
  return { ...change, byNumber: pages }
}

export function showGroup(group: SeenGroup | undefined): string[] {
  if (group === undefined) return []
  const { families, labels, kind: _kind, ...header } = group
  const at = `group ${JSON.stringify(labels)}`
  return [
    `${at} ${JSON.stringify(Object.entries(header).sort())}`,
    ...[...families.values()].map((family) => `${at} ${JSON.stringify(Object.entries(family).sort())}`),
  ]
}

export function showMetric(labels: Labels, metric: SeenMetric): string {
  return `set ${JSON.stringify(labels)} ${JSON.stringify(Object.entries(metric).sort())}`
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(what)
  return value
}
