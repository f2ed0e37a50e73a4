import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Listing, ListRequest, ShowRequest } from '../../../src/gateway/gateway.ts'
import { parseSelector } from '../../../src/model/selector.ts'
import { unitId } from '../../../src/model/unit.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  embeddedStore,
  labelsOf,
  openTestGateway,
  type TestGateway,
  TTL_MS,
} from '../../support/open-gateway.ts'

const START_MS = Date.UTC(2026, 0, 1)
const JOB_A = unitId('group', labelsOf({ job: 'a' }))

let nowMs: number
let store: Store
let one: TestGateway
beforeEach(() => {
  nowMs = START_MS
  store = embeddedStore(() => nowMs)
  one = openTestGateway(store)
})
afterEach(async () => {
  await one.gateway.stop()
  await store.close()
})

const list = (asked: Partial<ListRequest> = {}, gateway = one) =>
  gateway.gateway.list({
    selects: [],
    search: '',
    withinMs: 60_000,
    sort: 'labels',
    descending: false,
    offset: 0,
    limit: 100,
    deadlineMs: performance.now() + 5000,
    ...asked,
  })
const show = (asked: Partial<ShowRequest> = {}, gateway = one) =>
  gateway.gateway.show({
    id: JOB_A,
    search: '',
    offset: 0,
    limit: 50,
    deadlineMs: performance.now() + 5000,
    ...asked,
  })
const jobs = ({ units }: Listing) =>
  units.map(({ labels }) => labels.find(({ name }) => name === 'job')?.value)
const listJobs = async (asked: Partial<ListRequest>) => jobs(await list(asked))

describe('a list of what is stored', () => {
  it('is empty at first', async () => {
    expect(await list()).toEqual({
      nowMs: expect.any(Number),
      total: { groups: 0, sets: 0, series: 0 },
      matching: 0,
      units: [],
    })
  })

  it('tells groups and sets without the push times, which nobody pushed', async () => {
    await one.push('put', { job: 'a', instance: 'x' }, 'rows 1\nrows{shard="2"} 2\nsize 3\n')
    await one.ingest('queue{job="b"} 1\n')
    const { total, matching, units } = await list()
    expect({ total, matching }).toEqual({ total: { groups: 1, sets: 1, series: 4 }, matching: 2 })
    const [group, set] = units
    expect(group).toEqual({
      id: unitId('group', labelsOf({ job: 'a', instance: 'x' })),
      kind: 'group',
      labels: labelsOf({ instance: 'x', job: 'a' }),
      series: 3,
      families: 2,
      protocol: 'text',
      pushedMs: START_MS,
      failedMs: 0,
      failure: '',
      expiresMs: START_MS + TTL_MS,
    })
    expect(set).toMatchObject({ kind: 'set', series: 1, families: 1, expiresMs: START_MS + TTL_MS })
  })

  it('says when the last of a set goes, and that some never do', async () => {
    await one.ingest('queue{job="b",q="1"} 1\n', undefined, 1000)
    await one.ingest('queue{job="b",q="2"} 1\n', undefined, 9000)
    await one.ingest('queue{job="c"} 1\n', undefined, 1000)
    await one.ingest('queue{job="c",q="2"} 1\n', undefined, 0)
    const { units } = await list()
    expect(units.map(({ expiresMs }) => expiresMs)).toEqual([START_MS + 9000, 0])
  })

  it('says why the last push was refused, until one is taken, and when it was after that', async () => {
    await one.push('put', { job: 'a' }, 'rows 1\n')
    nowMs += 1000
    await expect(one.push('put', { job: 'a' }, 'rows 1 1700000000000\n')).rejects.toThrow()
    const [refused] = (await list({ state: 'failed' })).units
    expect(refused).toMatchObject({ pushedMs: START_MS, failedMs: nowMs })
    expect(refused?.failure).toContain('must not have timestamps')
    nowMs += 1000
    await one.push('put', { job: 'a' }, 'rows 2\n')
    expect((await list({ state: 'failed' })).units).toEqual([])
    expect((await list()).units[0]).toMatchObject({ pushedMs: nowMs, failedMs: nowMs - 1000 })
  })

  it('has what another replica pushed, and not what it removed', async () => {
    const other = openTestGateway(store)
    await other.push('put', { job: 'a' }, 'rows 1\n')
    await other.push('put', { job: 'b' }, 'rows 1\n')
    expect(await listJobs({})).toEqual(['a', 'b'])
    await other.remove({ job: 'a' })
    expect(await listJobs({})).toEqual(['b'])
    await other.gateway.stop()
  })

  it('counts what is left of a set as its series expire one by one', async () => {
    await one.ingest('queue{job="b",q="1"} 1\n', undefined, 1000)
    await one.ingest('queue{job="b",q="2"} 1\n', undefined, 9000)
    nowMs += 5000
    expect(await list()).toMatchObject({ total: { sets: 1, series: 1 }, units: [{ series: 1 }] })
    nowMs += 5000
    expect(await list()).toMatchObject({ total: { sets: 0, series: 0 }, units: [] })
  })

  it('keeps a group of which push times alone are left', async () => {
    const patient = openTestGateway(store, { retentionMs: 3_600_000 })
    await patient.push('put', { job: 'a' }, 'rows 1\n')
    nowMs += TTL_MS
    const { total, units } = await list({}, patient)
    expect(total).toEqual({ groups: 1, sets: 0, series: 0 })
    expect(units[0]).toMatchObject({ series: 0, families: 0, expiresMs: nowMs + 3_600_000 })
    await patient.gateway.stop()
  })

  it('rejects when it took too long', async () => {
    await one.push('put', { job: 'a' }, 'rows 1\n')
    await list()
    const busy = parseSelector('{job="a"}')
    const slow = (labels: Parameters<typeof busy>[0]) => {
      const endMs = performance.now() + 10
      while (performance.now() < endMs);
      return busy(labels)
    }
    for (let i = 0; i < 5; i++) await one.push('put', { job: `b${i}` }, 'rows 1\n')
    await expect(list({ selects: [slow], deadlineMs: performance.now() + 20 })).rejects.toMatchObject({
      code: 'PGR_OVERLOADED',
    })
  })
})

describe('what a list is asked for', () => {
  beforeEach(async () => {
    await one.push('put', { job: 'backup', instance: 'db1' }, 'Rows_Total 1\n')
    nowMs += 10_000
    await one.push('put', { job: 'import' }, 'size 1\nbytes 2\n', 20_000)
    await one.push('put', { job: 'zoo', städte: 'Zürich' }, 'size{x="1"} 1\nsize{x="2"} 2\nsize 3\n', 0)
    await one.ingest('queue{job="mail"} 1\n')
  })

  it.each<[string, Partial<ListRequest>, string[]]>([
    ['a part of a value', { search: 'ACKU' }, ['backup']],
    ['a part of the name of a label', { search: 'inst' }, ['backup']],
    ['a part of the name of a metric', { search: 'rows_t' }, ['backup']],
    ['a metric of several', { search: 'SIZE' }, ['import', 'zoo']],
    ['text of any language', { search: 'zÜRI' }, ['zoo']],
    ['nothing that is there', { search: 'nobody' }, []],
    ['the push times, which are in every group', { search: 'push_time_seconds' }, []],
    ['characters that mean something elsewhere', { search: '.*' }, []],
    ['groups alone', { kind: 'group' }, ['backup', 'import', 'zoo']],
    ['sets alone', { kind: 'set' }, ['mail']],
    ['a selector', { selects: [parseSelector('{job=~"b.*"}')] }, ['backup']],
    [
      'one of two selectors',
      { selects: [parseSelector('{job="zoo"}'), parseSelector('{job="mail"}')] },
      ['mail', 'zoo'],
    ],
    ['what expires soon', { state: 'expiring' }, ['import']],
    ['what expires sooner still', { state: 'expiring', withinMs: 5000 }, []],
    ['what was not pushed lately', { state: 'stale', withinMs: 10_000 }, ['backup']],
    ['what was not pushed for longer', { state: 'stale', withinMs: 600_000 }, []],
    ['the labels, backwards', { descending: true }, ['zoo', 'mail', 'import', 'backup']],
    ['the last push', { sort: 'last_push' }, ['backup', 'import', 'mail', 'zoo']],
    ['the last push first', { sort: 'last_push', descending: true }, ['import', 'mail', 'zoo', 'backup']],
    ['the expiry', { sort: 'expires' }, ['import', 'backup', 'mail', 'zoo']],
    ['the number of series', { sort: 'series', descending: true }, ['zoo', 'import', 'backup', 'mail']],
  ])('is %s', async (_what, asked, expected) => {
    expect(new Set(await listJobs(asked))).toEqual(new Set(expected))
    if (asked.sort !== undefined || asked.descending) expect(await listJobs(asked)).toEqual(expected)
  })

  it('counts all that match, whatever part of them is told', async () => {
    expect(await list({ search: 'size', limit: 1 })).toMatchObject({
      matching: 2,
      units: [{ labels: labelsOf({ job: 'import' }) }],
    })
    expect(await list({ limit: 0 })).toMatchObject({ matching: 4, units: [], total: { groups: 3, sets: 1 } })
    expect(await list({ offset: 4 })).toMatchObject({ matching: 4, units: [] })
  })
})

describe('pages of a list', () => {
  it.each(['labels', 'last_push', 'expires', 'series'] as const)(
    'by %s join without gap or overlap, whatever is equal',
    async (sort) => {
      for (let i = 0; i < 57; i++) {
        nowMs += i % 7 === 0 ? 1 : 0
        await one.push('put', { job: `job-${(i * 31) % 57}` }, i % 3 === 0 ? 'a 1\n' : 'a 1\nb 2\n')
      }
      for (const descending of [false, true]) {
        const all = await listJobs({ sort, descending })
        expect(new Set(all).size).toBe(57)
        const paged: unknown[] = []
        for (let offset = 0; offset < 57; offset += 10)
          paged.push(...(await listJobs({ sort, descending, offset, limit: 10 })))
        expect(paged).toEqual(all)
      }
    },
  )
})

describe('one group', () => {
  it('is shown with its families by name', async () => {
    await one.push('put', { job: 'a' }, '# HELP b Bees.\n# TYPE b counter\nb{x="2"} 2\nb{x="1"} 1\na 1\n')
    nowMs += 1000
    await one.push('post', { job: 'a' }, 'c 3\n', 0)
    const shown = await show()
    expect(shown).toMatchObject({ unit: { id: JOB_A, series: 4, families: 3 }, matching: 3 })
    expect(shown?.families).toMatchObject([
      { name: 'a', type: 'unknown', series: 1, pushedMs: START_MS, expiresMs: START_MS + TTL_MS },
      { name: 'b', type: 'counter', series: 2 },
      { name: 'c', pushedMs: nowMs, expiresMs: 0 },
    ])
    expect(shown?.families[1]?.read()).toMatchObject({
      help: 'Bees.',
      metrics: [
        { labels: labelsOf({ x: '1' }), value: 1 },
        { labels: labelsOf({ x: '2' }), value: 2 },
      ],
    })
  })

  it('is shown in part', async () => {
    await one.push('put', { job: 'a' }, 'aa 1\nab 1\nB_A 1\nc 1\n')
    const names = async (asked: Partial<ShowRequest>) => (await show(asked))?.families.map(({ name }) => name)
    expect(await names({ search: 'A' })).toEqual(['B_A', 'aa', 'ab'])
    expect(await names({ search: 'A', offset: 1, limit: 1 })).toEqual(['aa'])
    expect(await show({ search: 'A', limit: 0 })).toMatchObject({ matching: 3, families: [] })
  })

  it('may be a set, whose loose series are put together as far as is known', async () => {
    const metadata =
      '# TYPE h histogram\nh_bucket{job="a",le="1"} 1\nh_bucket{job="a",le="+Inf"} 2\nh_sum{job="a"} 3\nh_count{job="a"} 2\n'
    await one.ingest(metadata)
    const shown = await show({ id: unitId('set', labelsOf({ job: 'a' })) })
    expect(shown?.unit).toMatchObject({ kind: 'set', families: 1, series: 1 })
    expect(shown?.families).toMatchObject([{ name: 'h', type: 'histogram', expiresMs: START_MS + TTL_MS }])
  })

  it('is not there when it never was, was removed or is over', async () => {
    expect(await show()).toBeUndefined()
    await one.push('put', { job: 'a' }, 'a 1\n')
    await one.remove({ job: 'a' })
    expect(await show()).toBeUndefined()
    await one.push('put', { job: 'a' }, 'a 1\n')
    nowMs += TTL_MS
    expect(await show()).toBeUndefined()
  })
})
