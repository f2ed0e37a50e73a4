import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { unitId } from '../../src/model/unit.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import type { MendReport } from '../../src/store/redis/mend.ts'
import { scripts } from '../../src/store/redis/scripts.ts'
import type { GroupWrite, SetSample } from '../../src/store/store.ts'
import { readCounters, setTime } from '../support/partition-meta.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreModel } from '../support/store-model.ts'
import {
  family,
  LONG_MS,
  mergeOf,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { type FailoverRig, type Made, type MendingGateway, openRig, PARTITION } from './failover.ts'

let server: RedisServer
let rig: FailoverRig

beforeAll(async () => {
  server = await startRedis()
  rig = openRig(server)
})
afterAll(async () => {
  rig.close()
  await server.stop()
})
beforeEach(() => rig.reset())

/** The gateway that loses what it acknowledged, and another one. */
interface Scene {
  readonly a: MendingGateway
  readonly b: MendingGateway
  put(gateway: MendingGateway, families: Record<string, string>, over?: Partial<GroupWrite>): Promise<Made>
  post(gateway: MendingGateway, families: Record<string, string>, over?: Partial<GroupWrite>): Promise<Made>
  remove(gateway: MendingGateway, kind?: 'group' | 'set'): Promise<Made>
  wipe(gateway: MendingGateway): Promise<Made>
  merge(gateway: MendingGateway, metrics: readonly SetSample[], ttlMs?: number): Promise<Made>
  /** Of the group, or of another one in the same partition. */
  texts(name?: string): Promise<[string, string][] | undefined>
  values(): Promise<[string, number | string][]>
}

function setScene(): Scene {
  const [a, b] = [rig.gateway(), rig.gateway()]
  const blobs = (families: Record<string, string>) =>
    Object.entries(families).map(([name, text]) => family(name, text))
  const labels = rig.labels('unit')
  const after = async <T>(work: () => Promise<T>): Promise<T> => {
    await rig.tick()
    return work()
  }
  return {
    a,
    b,
    put: (gateway, families, over) => after(() => gateway.writeGroup(putOf(labels, blobs(families), over))),
    post: (gateway, families, over) => after(() => gateway.writeGroup(postOf(labels, blobs(families), over))),
    remove: (gateway, kind) => after(() => gateway.remove(removalOf(labels, kind))),
    wipe: (gateway) => after(() => gateway.wipe()),
    merge: (gateway, metrics, ttlMs = LONG_MS) =>
      after(() => gateway.writeSet(mergeOf(labels, [setFamily('up', metrics)], { ttlMs }))),
    texts: async (name = 'unit') => (await rig.view()).texts(rig.labels(name)),
    values: async () => (await rig.view()).values(labels, 'up'),
  }
}

interface Case {
  readonly before?: (scene: Scene) => Promise<unknown>
  readonly lost: (scene: Scene) => Promise<unknown>
  readonly after?: (scene: Scene) => Promise<unknown>
  /** By gateway `a`, then by `b`. */
  readonly reports: readonly [Partial<MendReport>, Partial<MendReport>?]
  readonly shows?: Record<string, string> | 'nothing'
  readonly values?: readonly [string, number | string][]
}

const sent = (count: number) => ({ missing: count, resubmitted: count, superseded: 0, lost: 0, waiting: 0 })
const superseded = (count: number) => ({ missing: count, resubmitted: 0, superseded: count, lost: 0 })
const nothing = { missing: 0, resubmitted: 0, superseded: 0, lost: 0, waiting: 0 }

const cases: Record<string, Case> = {
  'a put comes back, and takes away what it had replaced': {
    before: (s) => s.put(s.a, { x: '1', y: '1' }),
    lost: (s) => s.put(s.a, { x: '2', z: '2' }),
    reports: [{ checked: 2, ...sent(1) }],
    shows: { x: '2', z: '2' },
  },
  'a put gives way to a later put': {
    lost: (s) => s.put(s.a, { x: '1' }),
    after: (s) => s.put(s.b, { y: '2' }),
    reports: [superseded(1), nothing],
    shows: { y: '2' },
  },
  'a put joins a later post of something else': {
    lost: (s) => s.put(s.a, { x: '1', y: '1' }),
    after: (s) => s.post(s.b, { y: '2' }),
    reports: [sent(1)],
    shows: { x: '1', y: '2' },
  },
  'a put takes away what is older, and leaves what is later': {
    before: (s) => s.put(s.a, { old: '0', x: '0' }),
    lost: (s) => s.put(s.a, { x: '1' }),
    after: (s) => s.post(s.b, { later: '2' }),
    reports: [sent(1)],
    shows: { x: '1', later: '2' },
  },
  'a post gives way to a later put': {
    before: (s) => s.put(s.a, { x: '0' }),
    lost: (s) => s.post(s.a, { y: '1' }),
    after: (s) => s.put(s.b, { x: '2' }),
    reports: [superseded(1)],
    shows: { x: '2' },
  },
  'a post gives way to a later post of the same': {
    lost: (s) => s.post(s.a, { x: '1' }),
    after: (s) => s.post(s.b, { x: '2' }),
    reports: [superseded(1)],
    shows: { x: '2' },
  },
  'a post is taken away again by a later put that was lost as well': {
    lost: async (s) => {
      await s.post(s.a, { y: '1' })
      await s.put(s.b, { x: '2' })
    },
    after: (s) => s.post(s.b, { x: '3' }),
    reports: [sent(1), sent(1)],
    shows: { x: '3' },
  },
  'a put of which nothing is left to bring still keeps older lost writes away': {
    lost: async (s) => {
      await s.post(s.b, { y: '1' })
      await s.put(s.a, { x: '2' })
    },
    after: (s) => s.post(s.b, { x: '3' }),
    reports: [superseded(1), superseded(1)],
    shows: { x: '3' },
  },
  'so does a put that is over by now': {
    lost: async (s) => {
      await s.post(s.b, { y: '1' })
      await s.put(s.a, { x: '2' }, { ttlMs: 30 })
      await sleep(35)
    },
    reports: [superseded(1), superseded(1)],
    shows: 'nothing',
  },
  'a put comes back into a group that an empty post had to start': {
    lost: (s) => s.put(s.a, { x: '1' }),
    after: (s) => s.post(s.b, {}),
    reports: [sent(1)],
    shows: { x: '1' },
  },
  'a removal is made up for': {
    before: (s) => s.put(s.a, { x: '0' }),
    lost: (s) => s.remove(s.a),
    reports: [sent(1)],
    shows: 'nothing',
  },
  'a removal leaves what was pushed since': {
    before: (s) => s.put(s.a, { x: '0', y: '0' }),
    lost: (s) => s.remove(s.a),
    after: (s) => s.post(s.b, { y: '2' }),
    reports: [sent(1)],
    shows: { y: '2' },
  },
  'a put stays away when another gateway removed the group, which was not there': {
    lost: (s) => s.put(s.a, { x: '1' }),
    after: (s) => s.remove(s.b),
    reports: [superseded(1), nothing],
    shows: 'nothing',
  },
  'a put stays away when the group was removed, and made anew by a post': {
    lost: (s) => s.put(s.a, { x: '1' }),
    after: async (s) => {
      await s.remove(s.b)
      await s.post(s.b, { y: '3' })
    },
    reports: [superseded(1)],
    shows: { y: '3' },
  },
  'a put that another gateway had removed is removed when that one mends': {
    lost: async (s) => {
      await s.put(s.a, { x: '1' })
      await s.remove(s.b)
    },
    reports: [sent(1), sent(1)],
    shows: 'nothing',
  },
  'a push, its removal and a push again come back in order': {
    lost: async (s) => {
      await s.put(s.a, { x: '1', y: '1' })
      await s.remove(s.a)
      await s.post(s.a, { x: '2' })
    },
    reports: [{ checked: 3, ...sent(3) }],
    shows: { x: '2' },
  },
  'a wipe takes away what was there and leaves what was pushed since': {
    before: async (s) => {
      await s.put(s.b, { x: '0' })
      await s.b.writeGroup(putOf(rig.labels('other'), [family('o', '0')]))
    },
    lost: (s) => s.wipe(s.a),
    after: (s) => s.post(s.b, { y: '2' }),
    reports: [sent(1)],
    shows: { y: '2' },
  },
  'puts stay away after a wipe by an operator': {
    lost: async (s) => {
      await s.put(s.a, { x: '1' })
      await s.merge(s.a, [sample('1', 1)])
    },
    after: (s) => s.wipe(s.b),
    reports: [superseded(2), nothing],
    shows: 'nothing',
    values: [],
  },
  'what is over by now stays away, but what it replaced does too': {
    before: (s) => s.put(s.a, { x: '0' }),
    lost: async (s) => {
      await s.post(s.a, { x: '1' }, { ttlMs: 30 })
      await sleep(35)
    },
    after: (s) => s.post(s.b, { y: '2' }),
    reports: [superseded(1)],
    shows: { y: '2' },
  },
  'a put that is over stays away with all it replaced': {
    before: (s) => s.put(s.a, { x: '0', y: '0' }),
    lost: async (s) => {
      await s.put(s.a, { x: '1' }, { ttlMs: 30 })
      await sleep(35)
    },
    reports: [superseded(1)],
    shows: 'nothing',
  },
  'samples without a timestamp take the time they had': {
    before: (s) => s.merge(s.a, [sample('1', 0), sample('2', 0)]),
    lost: (s) => s.merge(s.a, [sample('1', 1), sample('2', 1), sample('3', 1)]),
    after: (s) => s.merge(s.b, [sample('2', 2)]),
    reports: [sent(1)],
    values: [
      ['1', 1],
      ['2', 2],
      ['3', 1],
    ],
  },
  'samples with a timestamp go by that': {
    before: (s) => s.merge(s.a, [sample('1', 0, 1000), sample('2', 0, 1000), sample('3', 0, 1000)], 0),
    lost: (s) => s.merge(s.a, [sample('1', 1, 2000), sample('2', 1, 2000), sample('3', 1, 2000)], 0),
    after: (s) => s.merge(s.b, [sample('2', 2, 3000), sample('3', 2, 1500)], 0),
    reports: [sent(1)],
    values: [
      ['1', 1],
      ['2', 2],
      ['3', 1],
    ],
  },
  'samples of which none is the newest any more are superseded': {
    lost: (s) => s.merge(s.a, [sample('1', 1)]),
    after: (s) => s.merge(s.b, [sample('1', 2)]),
    reports: [superseded(1)],
    values: [['1', 2]],
  },
  'histograms come back whole': {
    before: (s) => s.merge(s.a, [sample('1', Buffer.from('old'))]),
    lost: (s) => s.merge(s.a, [sample('1', Buffer.from('new')), sample('2', Buffer.from('also'))]),
    after: (s) => s.merge(s.b, [sample('3', Buffer.from('later'))]),
    reports: [sent(1)],
    values: [
      ['1', 'new'],
      ['2', 'also'],
      ['3', 'later'],
    ],
  },
  'the end of a series is made up for': {
    before: (s) => s.merge(s.a, [sample('1', 0), sample('2', 0)]),
    lost: (s) => s.merge(s.a, [sample('1', 'stale')]),
    reports: [sent(1)],
    values: [['2', 0]],
  },
  'the end of a series holds against a sample that its own gateway has yet to write again': {
    lost: async (s) => {
      await s.merge(s.b, [sample('1', 1), sample('2', 1)])
      await s.merge(s.a, [sample('1', 'stale')])
    },
    reports: [sent(1), sent(1)],
    values: [['2', 1]],
  },
  'samples that are over by now stay away': {
    before: (s) => s.merge(s.a, [sample('2', 0)]),
    lost: async (s) => {
      await s.merge(s.a, [sample('1', 1)], 30)
      await sleep(35)
    },
    reports: [superseded(1)],
    values: [['2', 0]],
  },
  'a set that was removed stays away, also when it is there again': {
    lost: (s) => s.merge(s.a, [sample('1', 1)]),
    after: async (s) => {
      await s.remove(s.b, 'set')
      await s.merge(s.b, [sample('2', 2)])
    },
    reports: [superseded(1)],
    values: [['2', 2]],
  },
  'the removal of a set leaves the samples that came since': {
    before: (s) => s.merge(s.a, [sample('1', 0), sample('2', 0), sample('3', Buffer.from('blob'))]),
    lost: (s) => s.remove(s.a, 'set'),
    after: (s) => s.merge(s.b, [sample('2', 2), sample('4', 2)]),
    reports: [sent(1)],
    values: [
      ['2', 2],
      ['4', 2],
    ],
  },
  'a wipe leaves the samples that came since': {
    before: (s) => s.merge(s.b, [sample('1', 0), sample('2', 0)]),
    lost: (s) => s.wipe(s.a),
    after: (s) => s.merge(s.b, [sample('2', 2)]),
    reports: [sent(1)],
    values: [['2', 2]],
  },
}

describe('acknowledged writes that a failover lost', () => {
  it.each(Object.entries(cases))('%s', async (_what, { before, lost, after, reports, shows, values }) => {
    const scene = setScene()
    await before?.(scene)
    const promote = await rig.snapshot()
    await lost(scene)
    await promote()
    await after?.(scene)

    const found = [await scene.a.mend(), await scene.b.mend()]
    for (const [place, report] of reports.entries()) expect(found[place]).toMatchObject(report ?? {})
    const expectShown = async () => {
      if (shows !== undefined)
        expect(await scene.texts()).toEqual(shows === 'nothing' ? undefined : Object.entries(shows).sort())
      if (values !== undefined) expect(await scene.values()).toEqual(values)
    }
    await expectShown()
    expect(await rig.audit()).toEqual([])
    // Wiped with the rest, where it was there.
    expect(await scene.texts('other')).toBeUndefined()

    // Once settled, settled: another look finds nothing to do and changes nothing.
    const version = await rig.version()
    for (const gateway of [scene.a, scene.b]) expect(await gateway.mend()).toMatchObject(nothing)
    expect(await rig.version()).toBe(version)
    await expectShown()
  })
})

const names = fc.subarray(['x', 'y', 'z'], { minLength: 0 })
/** An empty post that meets no group starts one, whose end is its own; see the case of it. */
const someNames = fc.subarray(['x', 'y', 'z'], { minLength: 1 })
const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('put' as const), unit: fc.constantFrom('one', 'two'), names }),
      fc.record({
        kind: fc.constant('post' as const),
        unit: fc.constantFrom('one', 'two'),
        names: someNames,
      }),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('merge' as const),
      names,
      content: fc.constantFrom('number', 'blob', 'stale'),
      timed: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      unit: fc.constantFrom('one', 'two'),
      of: fc.constantFrom('group' as const, 'group' as const, 'set' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wipe' as const) }) },
)
const written = fc.record({ by: fc.nat(1), act })
const mended = fc.record({
  mends: fc.nat(1),
  /** Calls to the store until the connection is lost, and whether the last of them still ran. */
  calls: fc.nat(12),
  ran: fc.boolean(),
})
const histories = fc.record({
  /** All that is lost, and what was before it, happens in one millisecond. */
  frozen: fc.boolean(),
  ttlMs: fc.constantFrom(0, LONG_MS),
  before: fc.array(written, { maxLength: 5 }),
  lost: fc.array(written, { minLength: 1, maxLength: 8 }),
  after: fc.array(fc.oneof(written, mended), { maxLength: 6 }),
  finish: fc.constantFrom('one then other', 'other then one', 'together'),
})

/** What a mending cannot know for every history: since when something is there. */
const withoutBeginnings = (lines: readonly string[]) =>
  lines.map((line) => line.replaceAll(/\["(?:firstSeenMs|createdMs)",\d+\],?/g, '')).sort()

describe('lost writes of two gateways, mended in any order, interrupted, and beside new ones', () => {
  it('leave the same as if nothing had been lost', async () => {
    const totals = { missing: 0, resubmitted: 0, superseded: 0, shown: 0 }
    let value = 0

    const property = fc.asyncProperty(histories, async ({ frozen, ttlMs, before, lost, after, finish }) => {
      await rig.reset()
      const gateways = [rig.gateway(), rig.gateway()] as const
      const history: Made[] = []

      async function write(
        { by, act }: typeof written extends fc.Arbitrary<infer T> ? T : never,
        isNew: boolean,
      ) {
        const gateway = gateways[by] ?? gateways[0]
        const nowMs = frozen ? undefined : await rig.tick()
        if (act.kind === 'wipe') return gateway.wipe()
        if (act.kind === 'remove') return gateway.remove(removalOf(rig.labels(act.unit), act.of))
        if (act.kind === 'merge') {
          // An end that comes while the sample it ends is away has nothing to end; that is said in the decision.
          const kind = isNew && act.content === 'stale' ? 'number' : act.content
          const content = kind === 'stale' ? 'stale' : kind === 'blob' ? Buffer.from(`${value++}`) : value++
          const metrics = act.names.map((name) => sample(name, content, act.timed ? nowMs : undefined))
          return gateway.writeSet(mergeOf(rig.labels('one'), [setFamily('up', metrics)], { ttlMs }))
        }
        const families = act.names.map((name) => family(name, `${value++}`))
        return gateway.writeGroup(
          putOf(rig.labels(act.unit), families, { mode: act.kind, ttlMs, protocol: `p${value}` }),
        )
      }
      const count = (report: MendReport) => {
        expect([report.lost, report.emptied]).toEqual([0, []])
        for (const name of ['missing', 'resubmitted', 'superseded'] as const) totals[name] += report[name]
      }

      if (frozen) await rig.freeze()
      for (const each of before) history.push(await write(each, false))
      const promote = await rig.snapshot()
      for (const each of lost) history.push(await write(each, false))
      await promote()
      if (frozen) await rig.freeze()
      for (const each of after) {
        if ('act' in each) {
          history.push(await write(each, true))
          continue
        }
        let left = each.calls
        const report = await (gateways[each.mends] ?? gateways[0]).mend({
          run: async (...call) => {
            if (left-- > 0) return rig.run(...call)
            if (left === -1 && each.ran) await rig.run(...call)
            throw new Error('Connection is closed.')
          },
        })
        expect(report.failure?.code ?? 'PGR_STORE_UNAVAILABLE').toBe('PGR_STORE_UNAVAILABLE')
        expect(report.waiting > 0).toBe(report.failure !== undefined)
        count(report)
      }
      const [one, other] = finish === 'other then one' ? [gateways[1], gateways[0]] : gateways
      const reports =
        finish === 'together'
          ? await Promise.all([one.mend(), other.mend()])
          : [await one.mend(), await other.mend()]
      for (const report of reports) {
        expect(report.waiting).toBe(0)
        count(report)
      }

      const model = new StoreModel()
      for (const made of history) {
        if (made.kind === 'group') model.writeGroup(made.write, made.atMs)
        else if (made.kind === 'set') model.writeSet(made.write, made.atMs)
        else if (made.kind === 'remove') model.remove(made.write.id)
        else model.wipe()
      }
      expect(await rig.audit()).toEqual([])
      const view = await rig.view()
      const shown = withoutBeginnings(view.show())
      totals.shown += shown.length
      expect(shown).toEqual(withoutBeginnings(model.show(view.nowMs)))
    })
    await fc.assert(property, { numRuns: 400 })

    // Everything was tried that there is.
    expect(totals.resubmitted).toBeGreaterThan(600)
    expect(totals.superseded).toBeGreaterThan(100)
    expect(totals.missing).toBe(totals.resubmitted + totals.superseded)
    expect(totals.shown).toBeGreaterThan(800)
  }, 120_000)
})

describe('what is written again', () => {
  const [meta = '', data = '', log = '', , dead = ''] = keyspace('pgr').partitions[PARTITION] ?? []
  const labels = () => rig.labels('unit')

  /** Writes that are lost; what was before stays. */
  async function lose(writes: () => Promise<unknown>): Promise<void> {
    const promote = await rig.snapshot()
    await writes()
    await promote()
  }

  it('has the times it had, and only those', async () => {
    const { a, b, post } = setScene()
    const first = await post(b, { x: '0', y: '0' }, { ttlMs: LONG_MS - 5000 })
    let lost: Made | undefined
    await lose(async () => {
      lost = await post(a, { x: '1', z: '1' }, { retentionMs: 1000, protocol: 'otlp' })
    })
    const before = (await rig.view()).nowMs
    await a.mend()
    const group = (await rig.view()).group(labels())
    const { atMs = 0 } = lost ?? {}
    expect(group).toMatchObject({
      createdMs: first.atMs,
      pushedMs: atMs,
      expiresMs: atMs + LONG_MS + 1000,
      protocol: 'otlp',
    })
    const times = [...(group?.families ?? [])].map(([name, { pushedMs, expiresMs, firstSeenMs }]) => [
      name,
      pushedMs,
      expiresMs,
      firstSeenMs,
    ])
    expect(times.sort()).toEqual([
      ['x', atMs, atMs + LONG_MS, first.atMs],
      ['y', first.atMs, first.atMs + LONG_MS - 5000, first.atMs],
      ['z', atMs, atMs + LONG_MS, atMs],
    ])
    expect(before).toBeGreaterThanOrEqual(atMs)
  })

  it('is followed by later times only, also when the clock of the new primary is behind', async () => {
    const { a, b } = setScene()
    const times: number[] = []
    await lose(async () => {
      await rig.freeze()
      for (const text of ['1', '2'])
        times.push((await a.writeGroup(putOf(labels(), [family('x', text)]))).atMs)
    })
    expect(await a.mend()).toMatchObject(sent(2))
    expect((await rig.view()).texts(labels())).toEqual([['x', '2']])
    const { atMs } = await b.writeGroup(putOf(labels(), [family('x', '3')]))
    expect(times[0]).toBe(times[1])
    expect(atMs).toBeGreaterThan(times[1] ?? Number.NaN)
  })

  it('is a sample without timestamp as it was: not given by its sender, and over when it would have been', async () => {
    const { a, merge } = setScene()
    let lost: Made | undefined
    await lose(async () => {
      lost = await merge(a, [sample('1', 1)])
    })
    await a.mend()
    const [metric] = [...(await rig.view()).metrics(labels()).values()]
    const { atMs = 0 } = lost ?? {}
    expect(metric).toMatchObject({ timestampMs: atMs, explicit: false, expiresMs: atMs + LONG_MS })
  })

  it('comes after what its gateway did before it, also without a version and in the same millisecond', async () => {
    const { a } = setScene()
    await lose(async () => {
      await rig.freeze()
      await a.writeGroup(putOf(labels(), [family('x', '1')]))
      await a.wipe()
    })
    const [push, wipe] = a.journal.entriesOf([PARTITION]).get(PARTITION) ?? []
    expect(wipe?.atMs).toBe(push?.atMs)
    Object.assign(wipe ?? {}, { version: undefined })
    expect(await a.mend()).toMatchObject(sent(2))
    expect((await rig.view()).size).toBe(0)
  })

  it('can be lost again, and is written again with the same times', async () => {
    const { a, b, put, post } = setScene()
    await lose(() => put(a, { x: '1' }))
    const promote = await rig.snapshot()
    expect(await a.mend()).toMatchObject(sent(1))
    const first = (await rig.view()).show()
    await promote()
    await post(b, { y: '2' })
    expect(await a.mend()).toMatchObject(sent(1))
    expect((await rig.view()).texts(labels())).toEqual([
      ['x', '1'],
      ['y', '2'],
    ])
    const time = /"pushedMs",(\d+)/.exec(first.find((line) => line.includes('"text","1"')) ?? '')?.[1]
    expect((await rig.view()).group(labels())?.families.get('x')?.pushedMs).toBe(Number(time))
  })

  it('has the time at which it was first applied, also where its answer was lost and it was sent again', async () => {
    const { a, b, put, texts } = setScene()
    const silent = rig.gateway()
    const first = putOf(labels(), [family('x', '1')])
    await lose(async () => {
      await silent.writeGroup(first)
      await put(b, { x: '2' })
      await rig.tick()
      await a.writeGroup(first)
    })
    for (const gateway of [a, b]) await gateway.mend()
    expect(await texts()).toEqual([['x', '2']])
  })

  it('has that time also where it is sent again after it was written again', async () => {
    const { a, b, put, texts } = setScene()
    const first = putOf(labels(), [family('x', '1')])
    const promote = await rig.snapshot()
    await lose(() => a.writeGroup(first))
    await put(b, { x: '2' })
    await rig.tick()
    expect(await a.mend()).toMatchObject(superseded(1))
    const other = rig.gateway()
    await other.writeGroup(first)
    await promote()
    for (const gateway of [other, b]) await gateway.mend()
    expect(await texts()).toEqual([['x', '2']])
  })

  it('keeps its place in its millisecond where its answer was lost and it was sent again', async () => {
    const { a, b, texts } = setScene()
    const silent = rig.gateway()
    const first = putOf(labels(), [family('x', '1')])
    const second = putOf(labels(), [family('x', '2')])
    await lose(async () => {
      await rig.freeze()
      await b.writeGroup(first)
      await silent.writeGroup(second)
      await a.writeGroup(second)
    })
    for (const gateway of [a, b]) await gateway.mend()
    expect(await texts()).toEqual([['x', '2']])
  })

  it('is nothing of what must not be, and what is lost is told once', async () => {
    const { a, put, texts } = setScene()
    await lose(async () => {
      await put(a, { x: '1' })
      await put(a, { x: '2' })
    })
    const report = await a.mend({ mayResend: () => false })
    expect(report).toMatchObject({ checked: 2, missing: 2, lost: 2, resubmitted: 0, emptied: [] })
    expect(await texts()).toBeUndefined()
    expect(await a.mend()).toMatchObject({ checked: 0, ...nothing })
  })

  it('is refused where there is no room for it, and the others are not', async () => {
    const { b } = setScene()
    const narrow = rig.gateway({ units: 64, setMetrics: 2 })
    await lose(async () => {
      await rig.tick()
      await narrow.writeSet(mergeOf(labels(), [setFamily('up', [sample('1', 1), sample('2', 1)])]))
      await narrow.remove(removalOf(labels(), 'set'))
      await narrow.writeGroup(putOf(labels(), [family('x', '1')]))
    })
    // The one unit the limits leave room for, and then another.
    await b.writeGroup(putOf(rig.labels('other'), [family('o', '1')]))
    await b.writeGroup(putOf(rig.labels('third'), [family('o', '1')]))
    const report = await narrow.mend()
    expect(report).toMatchObject({ missing: 3, lost: 2, resubmitted: 1, waiting: 0 })
    expect(report.failure).toBeUndefined()
    expect((await rig.view()).size).toBe(2)
  })

  it('waits while the store takes no writes, and is written when it does', async () => {
    const { a, put, texts } = setScene()
    await put(a, { x: '0' })
    await lose(async () => {
      await put(a, { x: '1' })
      await put(a, { y: '2' })
    })
    for (const [name, value, back] of [
      ['min-replicas-to-write', '1', '0'],
      ['maxmemory', '1', '0'],
    ] as const) {
      await rig.redis.config('SET', name, value)
      const report = await a.mend()
      await rig.redis.config('SET', name, back)
      expect(report).toMatchObject({ checked: 1, ...nothing, waiting: 2 })
      expect(report.failure?.code).toBe('PGR_STORE_UNAVAILABLE')
      expect(await texts()).toEqual([['x', '0']])
    }
    expect(await a.mend()).toMatchObject(sent(2))
    expect(await texts()).toEqual([['y', '2']])
  })

  it('does not go into a partition that an operator flushed meanwhile', async () => {
    const { a, put } = setScene()
    await lose(() => put(a, { x: '1' }))
    const flushed = await a.mend({
      run: async (partition, script, id, values) => {
        const reply = await rig.run(partition, script, id, values)
        if (script.name === 'recall') await rig.reset()
        return reply
      },
    })
    expect(flushed).toMatchObject({ ...nothing, waiting: 1 })
    expect(flushed.failure?.code).toBe('PGR_STORE_UNAVAILABLE')
    expect(await rig.redis.hlen(data)).toBe(1)

    // Asked again, it is another epoch, which only the caller can judge.
    const asked: string[][] = []
    const again = await a.mend({
      mayResend: (...epochs) => {
        asked.push(epochs)
        return false
      },
    })
    expect(again).toMatchObject({ missing: 1, lost: 1, emptied: [PARTITION] })
    expect(new Set(asked[0])).toHaveProperty('size', 2)
  })

  it('goes into an emptied partition where that is allowed', async () => {
    const { a, put, texts } = setScene()
    await put(a, { x: '1' })
    await put(a, { y: '2' })
    await rig.reset()
    const report = await a.mend({ mayResend: () => true })
    expect(report).toMatchObject({ ...sent(2), emptied: [PARTITION] })
    expect(await texts()).toEqual([['y', '2']])
    expect(await a.mend()).toMatchObject({ ...nothing, emptied: [] })
  })

  it('is nothing that the store may only have forgotten', async () => {
    const { a, put } = setScene()
    await put(a, { x: '1' })
    await sleep(5)
    const sweep = [LONG_MS, 1]
    await rig.run(PARTITION, scripts.sweep, Buffer.alloc(0), sweep)
    expect(await a.mend()).toMatchObject({ checked: 0, ...nothing })
  })

  it('is nothing so old that what removed it may be forgotten', async () => {
    const { a, put, texts } = setScene()
    await lose(() => put(a, { x: '1' }, { ttlMs: 0 }))
    await setTime((word, ...words) => rig.redis.call(word, words), meta, Date.now() + 300_001)
    expect(await a.mend()).toMatchObject({ missing: 1, lost: 1 })
    expect(await texts()).toBeUndefined()
  })

  it('is not kept away by an old version of the group that ended and was swept meanwhile', async () => {
    const { a, b, put, texts } = setScene()
    await put(b, { x: '0' }, { ttlMs: 60 })
    await lose(() => put(a, { x: '1' }))
    await sleep(70)
    await rig.run(PARTITION, scripts.sweep, Buffer.alloc(0), [LONG_MS, LONG_MS])
    // Its tombstone is younger than the lost write.
    expect(await rig.redis.zscore(dead, Buffer.from(unitId('group', labels()), 'latin1'))).not.toBeNull()
    expect(await a.mend()).toMatchObject(sent(1))
    expect(await texts()).toEqual([['x', '1']])
  })

  it('is found among more writes than are asked for at once, each once', async () => {
    const { a } = setScene()
    const ids: string[] = []
    const push = async (n: number) => {
      const write = putOf(labels(), [family(`f${n % 7}`, `${n}`)], { mode: 'post' })
      ids.push(write.operation)
      await a.writeGroup(write)
    }
    for (let n = 0; n < 1200; n++) await push(n)
    await lose(async () => {
      for (let n = 1200; n < 2300; n++) await push(n)
    })
    const sizes: number[] = []
    const report = await a.mend({
      run: (partition, script, id, values) => {
        if (script.name === 'recall') sizes.push(values.length)
        return rig.run(partition, script, id, values)
      },
    })
    expect(report).toMatchObject({ checked: 2300, ...sent(1100) })
    expect(sizes).toEqual([1000, 1000, 300])
    expect(new Set(ids).size).toBe(2300)
    const shown = (await rig.view()).texts(labels())?.map(([, text]) => Number(text))
    expect(shown?.sort()).toEqual([2293, 2294, 2295, 2296, 2297, 2298, 2299])
  })

  it('is a wipe of much, in pieces, and nothing from before gets in behind it', async () => {
    const { a, b } = setScene()
    const many = Array.from({ length: 350 }, (_, n) => rig.labels(`many-${n}`))
    for (const each of many) await b.writeGroup(putOf(each, [family('x', '0')]))
    // More pages than one call looks at.
    const wide = Array.from({ length: 70 * 128 }, (_, n) =>
      sample(`${n}`, n % 3 === 0 ? Buffer.from('blob') : n),
    )
    await b.writeSet(mergeOf(labels(), [setFamily('up', wide)]))
    await lose(async () => {
      await rig.tick()
      await b.writeGroup(putOf(rig.labels('behind'), [family('x', '0')]))
      await rig.tick()
      await a.wipe()
    })
    await rig.tick()
    await b.writeSet(mergeOf(labels(), [setFamily('up', [sample('5', -5), sample('9999', -9)])]))
    await b.writeGroup(putOf(many[3] ?? [], [family('x', '3')]))

    const called = { wipe: 0, remove: 0 }
    let behind: MendReport | undefined
    const report = await a.mend({
      run: async (partition, script, id, values) => {
        if (script.name === 'wipe-before') called.wipe++
        if (script.name === 'remove-before') called.remove++
        const reply = await rig.run(partition, script, id, values)
        if (called.wipe === 1) behind ??= await b.mend()
        return reply
      },
    })
    expect(report).toMatchObject(sent(1))
    expect(behind).toMatchObject(superseded(1))
    expect(called.wipe).toBeGreaterThan(3)
    expect(called.remove).toBe(2)
    const view = await rig.view()
    expect(view.values(labels(), 'up')).toEqual([
      ['5', -5],
      ['9999', -9],
    ])
    expect(view.texts(many[3] ?? [])).toEqual([['x', '3']])
    expect(view.size).toBe(2)
    // The bytes are gone, not only hidden; pages that hold nothing stay in the table.
    const sizes = (await rig.redis.hvalsBuffer(data)).map(({ length }) => length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(72 * 32 + 1000)
    expect(await readCounters((word, ...words) => rig.redis.call(word, words), meta)).toMatchObject({
      s: '3',
    })
    expect(await a.mend()).toMatchObject(nothing)
  }, 60_000)

  it('leaves nothing in the log for a unit that was removed where it was not', async () => {
    const { a, remove } = setScene()
    const version = await rig.version()
    await remove(a)
    const unit = unitId('group', labels())
    expect(await rig.redis.zscore(log, Buffer.from(unit, 'latin1'))).toBeNull()
    expect(await rig.redis.zscore(dead, Buffer.from(`${unit}-`, 'latin1'))).not.toBeNull()
    expect(await rig.version()).toBe(version)
    // Sweeping forgets it like a tombstone, and no reader has to start over for it.
    await sleep(5)
    await rig.run(PARTITION, scripts.sweep, Buffer.alloc(0), [1, LONG_MS])
    expect(await rig.redis.zcard(dead)).toBe(1)
    expect(await readCounters((word, ...words) => rig.redis.call(word, words), meta)).toMatchObject({
      f: '0',
    })
  })
})
