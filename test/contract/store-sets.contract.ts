import { afterEach, beforeEach, expect, it } from 'vitest'
import { unitId } from '../../src/model/unit.ts'
import type { SetSample, SetWrite, Store, Written } from '../../src/store/store.ts'
import { SET_PAGE_METRICS } from '../../src/store/store.ts'
import type { OpenHarness, StoreHarness, StoreHarnessOptions } from '../support/store-harness.ts'
import { type SeenMetric, StoreView } from '../support/store-view.ts'
import { jobOf, LONG_MS, labelsOf, mergeOf, removalOf, sample, setFamily } from '../support/store-writes.ts'

const SHORT_MS = 40
const node = labelsOf(['instance', 'a:9100'], ['job', 'node'])

/** Merge semantics: newest wins, stale removes, every metric expires for itself. */
export function setContract(open: OpenHarness): void {
  let harness: StoreHarness
  let store: Store
  let view: StoreView
  /** The store's clock when the test began; what tests count timestamps from. */
  let startMs: number

  beforeEach(async () => {
    harness = await open()
  })
  afterEach(() => harness.close())

  async function start(options: StoreHarnessOptions = {}): Promise<void> {
    store = await harness.open(options)
    view = new StoreView(store)
    await view.read()
    startMs = view.nowMs
  }

  async function merge(metrics: readonly SetSample[], over: Partial<SetWrite> = {}): Promise<Written> {
    return store.writeSet(mergeOf(node, [setFamily('up', metrics)], over))
  }

  async function values() {
    await view.read()
    return view.values(node, 'up')
  }

  async function only(): Promise<SeenMetric> {
    await view.read()
    const [metric, ...more] = view.metrics(node).values()
    if (metric === undefined || more.length > 0) throw new Error('not exactly one metric')
    return metric
  }

  const expire = () => harness.advance(SHORT_MS + 20)
  const none = { older: 0, expired: 0 }

  it('keeps what a first write says', async () => {
    await start()
    const blob = Buffer.from('histogram')
    const sizes = setFamily('size', [{ ...sample('x', blob, startMs - 5), series: 9 }], {
      type: 'histogram',
      help: 'How big.',
      unit: 'bytes',
    })
    const written = await store.writeSet(
      mergeOf(node, [sizes, setFamily('up', [sample('', 1)])], { ttlMs: 7000 }),
    )

    const { changes } = await view.read()
    expect(written).toMatchObject({ duplicate: false, ignored: none })
    expect(changes).toHaveLength(1)
    expect(changes[0]).toMatchObject({
      kind: 'set',
      whole: true,
      labels: node,
      createdMs: written.nowMs,
      pushedMs: written.nowMs,
      protocol: 'remote-write-1',
    })
    const [size, up] = [...view.metrics(node).values()].sort((a, b) => (a.family < b.family ? -1 : 1))
    expect(size).toEqual({
      family: 'size',
      type: 'histogram',
      help: 'How big.',
      labels: labelsOf(['n', 'x']),
      timestampMs: startMs - 5,
      explicit: true,
      expiresMs: written.nowMs + 7000,
      content: 'histogram',
    })
    expect(up).toMatchObject({
      family: 'up',
      labels: [],
      timestampMs: written.nowMs,
      explicit: false,
      content: 1,
    })
  })

  it('tells the writer the set as a reader sees it', async () => {
    await start()
    const first = await merge([sample('x', 1)])
    const second = await merge([sample('y', 2)])

    expect(first.change).toMatchObject({ kind: 'set', whole: true, pages: [{ number: 0 }] })
    expect(second.change).toMatchObject({
      kind: 'set',
      createdMs: first.nowMs,
      pushedMs: second.nowMs,
      whole: false,
      follows: first.change?.version,
    })
    const { changes } = await view.read()
    expect(changes.map(({ version }) => version)).toEqual([second.change?.version])
  })

  it.each<[string, number | undefined, number | undefined, 'old' | 'new']>([
    ['a newer timestamp wins', -50, -40, 'new'],
    ['an older one is ignored', -40, -50, 'old'],
    ['an equal one is ignored', -50, -50, 'old'],
    ['none wins over an explicit one', -50, undefined, 'new'],
    ['none wins over one in the future', 60_000, undefined, 'new'],
    ['an explicit one before the store received the other is ignored', undefined, -1, 'old'],
    ['an explicit one after it wins', undefined, 60_000, 'new'],
    ['none wins over none', undefined, undefined, 'new'],
  ])('decides by time: %s', async (_why, firstAt, secondAt, winner) => {
    await start()
    const at = (offset: number | undefined) => (offset === undefined ? undefined : startMs + offset)
    const [firstMs, secondMs] = [at(firstAt), at(secondAt)]
    const first = await merge([sample('x', 1, firstMs)], { ttlMs: LONG_MS })
    await harness.advance(3)
    const second = await merge([sample('x', 2, secondMs)], { ttlMs: 2 * LONG_MS })

    const metric = await only()
    if (winner === 'old') {
      expect(second).toMatchObject({ ignored: { older: 1, expired: 0 } })
      expect(metric).toMatchObject({ content: 1, expiresMs: first.nowMs + LONG_MS })
    } else {
      expect(second).toMatchObject({ ignored: none })
      expect(metric).toMatchObject({ content: 2, expiresMs: second.nowMs + 2 * LONG_MS })
      expect(metric.timestampMs).toBe(secondMs ?? Math.max(second.nowMs, firstMs ?? 0))
      expect(metric.explicit).toBe(secondMs !== undefined)
    }
  })

  it('counts what it ignores sample by sample and stores the rest', async () => {
    await start()
    await merge([sample('a', 1, startMs), sample('b', 1, startMs), sample('c', 1, startMs)])
    const { ignored } = await merge(
      [
        sample('a', 2, startMs - 5),
        sample('b', 2, startMs),
        sample('c', 2, startMs + 1),
        sample('d', 2, startMs - 6000),
        sample('e', 2),
      ],
      { ttlMs: 5000 },
    )

    expect(ignored).toEqual({ older: 2, expired: 1 })
    expect(await values()).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 2],
      ['e', 2],
    ])
  })

  it('takes any age when nothing expires', async () => {
    await start()
    const { ignored } = await merge([sample('x', 1, 1)], { ttlMs: 0 })

    expect(ignored).toEqual(none)
    expect(await only()).toMatchObject({ timestampMs: 1, expiresMs: 0 })
  })

  it('leaves no trace of a write that had no effect', async () => {
    await start()
    expect((await merge([sample('x', 1, startMs - LONG_MS)])).change).toBeUndefined()
    expect((await merge([sample('x', 'stale')])).change).toBeUndefined()
    expect((await merge([])).change).toBeUndefined()

    const { changes } = await view.read()
    expect(changes).toEqual([])
    expect(view.size).toBe(0)
  })

  it('ends a series by a stale sample, and only a newer sample brings it back', async () => {
    await start()
    await merge([sample('x', 1, startMs - 100), sample('y', 1, startMs - 100)])
    expect(await merge([sample('x', 'stale', startMs - 50)])).toMatchObject({ ignored: none })
    expect(await values()).toEqual([['y', 1]])

    expect(await merge([sample('x', 2, startMs - 60)])).toMatchObject({ ignored: { older: 1 } })
    expect(await merge([sample('x', 2, startMs - 50)])).toMatchObject({ ignored: { older: 1 } })
    expect(await values()).toEqual([['y', 1]])

    expect(await merge([sample('x', 3, startMs - 49)])).toMatchObject({ ignored: none })
    expect(await values()).toEqual([
      ['x', 3],
      ['y', 1],
    ])
  })

  it('ignores a stale sample that is older than what is stored', async () => {
    await start()
    await merge([sample('x', 1, startMs)])
    expect(await merge([sample('x', 'stale', startMs - 1000)])).toMatchObject({ ignored: { older: 1 } })

    expect(await values()).toEqual([['x', 1]])
  })

  it('ends a series by a stale sample without timestamp, also one from the future', async () => {
    await start()
    const ahead = startMs + 60_000
    await merge([sample('x', 1, ahead)])
    await merge([sample('x', 'stale')])
    expect(await values()).toEqual([])

    expect(await merge([sample('x', 2, ahead)])).toMatchObject({ ignored: { older: 1 } })
    await merge([sample('x', 3)])
    expect(await only()).toMatchObject({ content: 3, timestampMs: ahead })
  })

  it('does nothing when a series that ended is ended again', async () => {
    await start()
    await merge([sample('x', 1, startMs - 100), sample('y', 1)])
    await merge([sample('x', 'stale', startMs - 50)])
    const again = await merge([sample('x', 'stale', startMs - 20)])

    expect(again).toMatchObject({ ignored: none })
    expect(again.change).toBeUndefined()
    expect(await values()).toEqual([['y', 1]])
  })

  it('forgets a removed series with its time to live', async () => {
    await start()
    await merge([sample('x', 1, startMs), sample('y', 1)])
    await merge([sample('x', 'stale', startMs + 30_000)], { ttlMs: SHORT_MS })
    await expire()
    expect(await merge([sample('x', 2, startMs)])).toMatchObject({ ignored: none })

    expect(await values()).toEqual([
      ['x', 2],
      ['y', 1],
    ])
  })

  it('lets every metric expire for itself, and takes an expired one for absent', async () => {
    await start()
    await merge([sample('x', 1, startMs + 1000), sample('y', 1, startMs + 500)], { ttlMs: SHORT_MS })
    const { nowMs: refreshedMs } = await merge([sample('y', 2, startMs + 501)], { ttlMs: LONG_MS })
    await expire()
    expect(await values()).toEqual([['y', 2]])
    expect(await only()).toMatchObject({ expiresMs: refreshedMs + LONG_MS })

    expect(await merge([sample('x', 3, startMs)])).toMatchObject({ ignored: none })
    expect(await values()).toEqual([
      ['x', 3],
      ['y', 2],
    ])
  })

  it('takes a set for absent once all of it expired', async () => {
    await start()
    await merge([sample('x', 1)], { ttlMs: SHORT_MS })
    await expire()
    const { nowMs: againMs } = await merge([sample('y', 2)])

    await view.read()
    expect(view.told(unitId('set', node))).toMatchObject({
      kind: 'set',
      createdMs: againMs,
      families: [{ firstSeenMs: againMs }],
    })
    expect(view.values(node, 'up')).toEqual([['y', 2]])
  })

  it('gives a family the type, help and unit of the last write, and a new first sight with a new type', async () => {
    await start()
    const first = await store.writeSet(
      mergeOf(node, [setFamily('up', [sample('x', 1)], { type: 'unknown' })]),
    )
    await harness.advance(3)
    const helped = setFamily('up', [sample('y', 1)], { type: 'unknown', help: 'Is it up?' })
    await store.writeSet(mergeOf(node, [helped]))
    await view.read()
    const id = unitId('set', node)
    expect(view.told(id)).toMatchObject({ families: [{ help: 'Is it up?', firstSeenMs: first.nowMs }] })

    const typed = await store.writeSet(mergeOf(node, [setFamily('up', [sample('y', 2)], { unit: 'bool' })]))
    await view.read()
    expect(view.told(id)).toMatchObject({
      families: [{ type: 'gauge', help: '', unit: 'bool', firstSeenMs: typed.nowMs }],
    })
    expect(typed.nowMs).toBeGreaterThan(first.nowMs)
    expect([...view.metrics(node).values()].map(({ type }) => type)).toEqual(['gauge', 'gauge'])
  })

  it('lets an ignored sample say nothing about its family', async () => {
    await start()
    await merge([sample('x', 1, startMs)])
    await store.writeSet(
      mergeOf(node, [
        setFamily('up', [sample('x', 2, startMs - 1)], { help: 'old' }),
        setFamily('down', [sample('x', 1)]),
      ]),
    )

    await view.read()
    const up = [...view.metrics(node).values()].find(({ family }) => family === 'up')
    expect(up).toMatchObject({ help: '', content: 1 })
  })

  it('changes a number into bytes and back', async () => {
    await start()
    for (const content of [1, Buffer.from('blob'), Buffer.from('other blob'), 2]) {
      await merge([sample('x', content), sample('y', 7)])
      const expected = typeof content === 'number' ? content : content.toString()
      expect(await values()).toEqual([
        ['x', expected],
        ['y', 7],
      ])
    }
  })

  const made = (text: string, timestampMs: number, expectedMs: number): SetSample => ({
    ...sample('x', Buffer.from(text), timestampMs),
    expectedMs,
  })

  async function texts(): Promise<string[]> {
    await view.read()
    return [...view.metrics(node).values()].map(({ content }) => String(content)).sort()
  }

  it('stores a sample that expects what is there, again and again', async () => {
    await start()
    for (const [n, expectedMs] of [0, startMs, startMs + 1].entries()) {
      const written = await merge([made(`state ${n}`, startMs + n, expectedMs)])
      expect(written.conflict).toBeUndefined()
      expect(written.change).toBeDefined()
    }
    expect(await texts()).toEqual(['state 2'])
  })

  it.each([
    ['another one', 1],
    ['none', undefined],
  ])(
    'changes nothing at all when a sample expects %s, and does not remember the write',
    async (_what, offMs) => {
      await start()
      await merge([sample('x', Buffer.from('first'), startMs)])
      const write = mergeOf(node, [
        setFamily('beside', [sample('y', Buffer.from('beside'))]),
        setFamily('up', [made('second', startMs + 5, offMs === undefined ? 0 : startMs + offMs)]),
      ])
      const refused = await store.writeSet(write)
      expect(refused).toMatchObject({ conflict: true, duplicate: false, ignored: none })
      expect(refused.change).toBeUndefined()
      expect(await texts()).toEqual(['first'])

      const [beside, up] = write.families
      const right = { ...up, metrics: [made('second', startMs + 5, startMs)] }
      const again = await store.writeSet({ ...write, families: [beside, right] as SetWrite['families'] })
      expect(again.duplicate).toBe(false)
      expect(await texts()).toEqual(['beside', 'second'])
    },
  )

  it('finds a metric that nobody wrote, that expired or that ended not to be there', async () => {
    await start()
    expect(await merge([made('too soon', startMs, startMs - 1)])).toMatchObject({ conflict: true })
    await merge([made('first', startMs, 0)], { ttlMs: SHORT_MS })
    await expire()
    expect(await merge([made('late', startMs + 1000, startMs)])).toMatchObject({ conflict: true })
    await merge([made('anew', startMs + 1001, 0)])
    await merge([sample('x', 'stale', startMs + 1002)])
    await merge([made('after its end', startMs + 1003, 0)])
    expect(await texts()).toEqual(['after its end'])
  })

  it('spreads many metrics over pages and tells only those that changed', async () => {
    await start()
    const count = 5 * SET_PAGE_METRICS
    await merge(Array.from({ length: count }, (_, n) => sample(`${n}`, n)))
    const first = await view.read()
    expect(view.metrics(node).size).toBe(count)
    expect(sizes(first.changes)).toEqual(Array.from({ length: 5 }, () => SET_PAGE_METRICS))

    await merge([sample('0', -1), sample('1', -2)])
    await merge([sample('new', -3)])
    const { changes } = await view.read()

    expect(sizes(changes).reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(2 * SET_PAGE_METRICS)
    expect(view.metrics(node).size).toBe(count + 1)
    expect(view.values(node, 'up')).toEqual(
      expect.arrayContaining([
        ['0', -1],
        ['1', -2],
        ['new', -3],
        ['2', 2],
      ]),
    )
  })

  it('keeps equal labels of different families apart', async () => {
    await start()
    const families = ['a', 'b', 'c'].map((name, index) =>
      setFamily(name, [sample('x', index), sample('', index)]),
    )
    await store.writeSet(mergeOf(node, families))
    await store.writeSet(mergeOf(node, [setFamily('b', [sample('x', 'stale')])]))

    await view.read()
    expect(
      [...view.metrics(node).values()].map(({ family, labels }) => `${family}${labels.length}`).sort(),
    ).toEqual(['a0', 'a1', 'b0', 'c0', 'c1'])
  })

  it('caps the metrics of a set exactly, and a removed series makes room', async () => {
    await start({ limits: { setMetrics: 3 } })
    await merge([sample('a', 1), sample('b', 1)])
    await expect(merge([sample('c', 1), sample('d', 1)])).rejects.toMatchObject({
      code: 'PGR_QUOTA_EXCEEDED',
    })
    expect(await values()).toEqual([
      ['a', 1],
      ['b', 1],
    ])

    await merge([sample('c', 1), sample('a', 2)])
    await expect(merge([sample('d', 1), sample('a', 3)])).rejects.toMatchObject({
      code: 'PGR_QUOTA_EXCEEDED',
    })
    expect(await values()).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ])

    await merge([sample('b', 'stale')])
    await merge([sample('d', 1)])
    expect(await values()).toEqual([
      ['a', 2],
      ['c', 1],
      ['d', 1],
    ])
    await merge([sample('d', 'stale'), sample('e', 1)])
    expect(await values()).toEqual([
      ['a', 2],
      ['c', 1],
      ['e', 1],
    ])
  })

  it('lets expired metrics make room', async () => {
    await start({ limits: { setMetrics: 2 } })
    await merge([sample('a', 1), sample('b', 1)], { ttlMs: SHORT_MS })
    await merge([sample('b', 2)])
    await expire()
    await merge([sample('c', 1)])

    expect(await values()).toEqual([
      ['b', 2],
      ['c', 1],
    ])
  })

  it.each([
    ['expire', SHORT_MS, false],
    ['are removed', LONG_MS, true],
  ])('stays small when its metrics come and %s', async (_why, ttlMs, removes) => {
    await start()
    const rounds = 12
    const kept = new Map<string, [string, number][]>()
    for (let round = 0; round < rounds; round++) {
      const count = (round % 4 ? 1 : 3) * SET_PAGE_METRICS
      const names = Array.from({ length: count }, (_, n) => `${round}-${n}`)
      const churn = (content: SetSample['content']) => [
        setFamily(
          `churn_${round}`,
          names.map((n) => sample(n, content)),
        ),
      ]
      await store.writeSet(mergeOf(node, churn(round), { ttlMs }))
      await store.writeSet(mergeOf(node, [setFamily(`kept_${round}`, [sample('k', round)])], { ttlMs: 0 }))
      if (removes) await store.writeSet(mergeOf(node, churn('stale'), { ttlMs: SHORT_MS }))
      await expire()
      kept.set(`kept_${round}`, [['k', round]])
      await view.read()
      for (const [name, values] of kept) expect(view.values(node, name)).toEqual(values)
      expect(view.metrics(node).size).toBe(kept.size)
    }

    const fresh = new StoreView(store)
    const { changes } = await fresh.read()
    const stored = sizes(changes)
    expect(stored.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(10 * SET_PAGE_METRICS)
    expect(stored.length).toBeLessThanOrEqual(10)
    expect(fresh.show()).toEqual(view.show(fresh.nowMs))
    expect(fresh.metrics(node).size).toBe(rounds)
  })

  it('removes a set, and starts anew after it', async () => {
    await start()
    await merge([sample('x', 1, startMs + 5000), sample('y', 1)])
    await view.read()
    const { change } = await store.remove(removalOf(node, 'set'))
    expect(change?.kind).toBe('gone')
    expect(await values()).toEqual([])

    const { nowMs: againMs } = await merge([sample('x', 2, startMs)])
    expect(await values()).toEqual([['x', 2]])
    expect(view.told(unitId('set', node))).toMatchObject({ createdMs: againMs })
  })

  it('never mistakes a set for the group of the same labels', async () => {
    await start()
    const job = jobOf('both')
    await store.writeSet(mergeOf(job, [setFamily('up', [sample('x', 1)])]))
    await store.remove(removalOf(job, 'group'))

    await view.read()
    expect(view.values(job, 'up')).toEqual([['x', 1]])
  })

  /** Metrics on each page of the changed sets. */
  function sizes(changes: Awaited<ReturnType<StoreView['read']>>['changes']): number[] {
    return changes.flatMap((change) =>
      change.kind === 'set' ? change.pages.map(({ metrics }) => metrics.length) : [],
    )
  }
}
