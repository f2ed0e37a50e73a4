import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { FamilyType } from '../../src/model/family.ts'
import type { GroupWrite, SetSample, Store } from '../../src/store/store.ts'
import type { OpenHarness, StoreHarness } from '../support/store-harness.ts'
import { StoreModel } from '../support/store-model.ts'
import { StoreView } from '../support/store-view.ts'
import {
  failureOf,
  family,
  jobOf,
  mergeOf,
  operation,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'

const PASSING_MS = 30
const TTLS_MS = [0, PASSING_MS, 60_000]
const TYPES: readonly FamilyType[] = ['gauge', 'counter']

const ttlMs = fc.constantFrom(...TTLS_MS)
const unit = fc.nat(2)
const families = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', '__proto__'),
    type: fc.constantFrom(...TYPES),
    text: fc.string({ maxLength: 4 }),
  }),
  { selector: ({ name }) => name },
)
const samples = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b'),
    n: fc.constantFrom('', 'x', 'y', '__proto__'),
    content: fc.oneof(fc.nat(9), fc.constantFrom('blob', 'other')),
    stale: fc.nat(3).map((dice) => dice === 0),
    /** Milliseconds from the store's last known time; absent = no timestamp. */
    at: fc.option(fc.constantFrom(-100_000, -PASSING_MS, -1, 0, 1, 20_000), { nil: undefined }),
  }),
  { selector: ({ name, n }) => `${name} ${n}`, maxLength: 6 },
)

const step = fc.record({
  replica: fc.nat(1),
  action: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('push' as const),
        unit,
        mode: fc.constantFrom('put', 'post'),
        families,
        ttlMs,
        retentionMs: ttlMs,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('fail' as const), unit, ttlMs, retentionMs: ttlMs }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('merge' as const),
        unit,
        samples,
        ttlMs,
        help: fc.constantFrom('', 'h'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('remove' as const),
        unit,
        of: fc.constantFrom('group', 'set'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wipe' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
  ),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Random histories over two replicas, compared with the semantics written for reading. */
export function modelContract(open: OpenHarness): void {
  let harness: StoreHarness

  beforeEach(async () => {
    harness = await open()
  })
  afterEach(() => harness.close())

  it('two replicas and the plain model agree after any history', async () => {
    const replicas = [await harness.open(), await harness.open()] as const
    let lines = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await replicas[0].wipe(operation())
        const history = new History(harness, replicas)
        for (const { replica, action } of steps) await history.take(replicas[replica] ?? replicas[0], action)
        lines += await history.look()
      }),
      { numRuns: harness.runs ?? 100 },
    )
    expect(lines).toBeGreaterThan(harness.runs ?? 100)
  }, 120_000)
}

class History {
  private readonly harness: StoreHarness
  private readonly model = new StoreModel()
  private readonly views: readonly StoreView[]
  private nowMs = 0
  private failures = 0
  private repeat: ((store: Store) => Promise<unknown>) | undefined

  constructor(harness: StoreHarness, replicas: readonly Store[]) {
    this.harness = harness
    this.views = replicas.map((replica) => new StoreView(replica))
  }

  async take(store: Store, action: Step['action']): Promise<void> {
    switch (action.kind) {
      case 'push':
        return this.push(store, action)
      case 'fail':
        return this.fail(store, action)
      case 'merge':
        return this.merge(store, action)
      case 'remove':
        return this.remove(store, action)
      case 'wipe':
        return this.wipe(store)
      case 'repeat':
        await this.repeat?.(store)
        return
      case 'wait':
        return this.harness.advance(PASSING_MS)
      case 'sweep':
        return store.sweep()
      case 'look':
        await this.look()
        return
    }
  }

  /** Compares both views with the model; returns how much there was to see. */
  async look(): Promise<number> {
    for (const view of this.views) await view.read()
    this.nowMs = Math.max(...this.views.map((view) => view.nowMs))
    const expected = this.model.show(this.nowMs)
    for (const view of this.views) expect(view.show(this.nowMs)).toEqual(expected)
    return expected.length
  }

  private async push(store: Store, action: Extract<Step['action'], { kind: 'push' }>): Promise<void> {
    const blobs = action.families.map(({ name, type, text }) =>
      family(name, text, { type, series: text.length }),
    )
    const { mode, ttlMs: ttl, retentionMs } = action
    const write = putOf(jobOf(`${action.unit}`), blobs, {
      mode: mode as GroupWrite['mode'],
      ttlMs: ttl,
      retentionMs,
    })
    const { nowMs } = await store.writeGroup(write)
    this.model.writeGroup(write, nowMs)
    this.repeatable((other) => other.writeGroup(write))
  }

  private async fail(store: Store, action: Extract<Step['action'], { kind: 'fail' }>): Promise<void> {
    const { ttlMs: ttl, retentionMs } = action
    const write = failureOf(jobOf(`${action.unit}`), `refusal ${++this.failures}`, {
      ttlMs: ttl,
      retentionMs,
    })
    const { nowMs } = await store.failGroup(write)
    this.model.failGroup(write, nowMs)
    this.repeatable((other) => other.failGroup(write))
  }

  private async merge(store: Store, action: Extract<Step['action'], { kind: 'merge' }>): Promise<void> {
    if (this.nowMs === 0) await this.look()
    const toSample = ({ n, content, stale, at }: (typeof action.samples)[number]): SetSample => {
      const bytes = typeof content === 'number' ? content : Buffer.from(content)
      return sample(n, stale ? 'stale' : bytes, at === undefined ? undefined : this.nowMs + at)
    }
    const named = ['a', 'b'].map((name, index) =>
      setFamily(name, action.samples.filter((item) => item.name === name).map(toSample), {
        help: action.help,
        type: TYPES[(action.unit + index) % 2] ?? 'gauge',
      }),
    )
    const write = mergeOf(jobOf(`${action.unit}`), named, { ttlMs: action.ttlMs })
    const written = await store.writeSet(write)
    const { ignored, effect } = this.model.writeSet(write, written.nowMs)
    expect(written.ignored).toEqual(ignored)
    expect(written.change !== undefined).toBe(effect)
    this.nowMs = written.nowMs
    this.repeatable((other) => other.writeSet(write))
  }

  private async remove(store: Store, action: Extract<Step['action'], { kind: 'remove' }>): Promise<void> {
    const write = removalOf(jobOf(`${action.unit}`), action.of === 'set' ? 'set' : 'group')
    await store.remove(write)
    this.model.remove(write.id)
    this.repeatable((other) => other.remove(write))
  }

  private async wipe(store: Store): Promise<void> {
    const write = operation()
    await store.wipe(write)
    this.model.wipe()
    this.repeat = (other) => other.wipe(write)
  }

  /** What `repeat` sends again; nothing of it may have any effect. */
  private repeatable(send: (store: Store) => Promise<{ duplicate: boolean }>): void {
    this.repeat = async (store) => expect((await send(store)).duplicate).toBe(true)
  }
}
