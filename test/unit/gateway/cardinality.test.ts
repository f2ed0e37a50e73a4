import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeCardinality } from '../../../src/gateway/cardinality.ts'
import type { CardinalityRequest } from '../../../src/gateway/gateway.ts'
import { makeLane } from '../../../src/gateway/turns.ts'
import { View } from '../../../src/gateway/view/view.ts'
import { parseSelector } from '../../../src/model/selector.ts'
import type { Store } from '../../../src/store/store.ts'
import { embeddedStore, openTestGateway, type TestGateway } from '../../support/open-gateway.ts'

let nowMs: number
let store: Store
let one: TestGateway
beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1)
  store = embeddedStore(() => nowMs)
  one = openTestGateway(store)
})
afterEach(async () => {
  await one.gateway.stop()
  await store.close()
})

const asked = (request: Partial<CardinalityRequest>): CardinalityRequest => ({
  match: [],
  limit: 10,
  deadlineMs: performance.now() + 5000,
  ...request,
})
const count = (request: Partial<CardinalityRequest> = {}) => one.gateway.cardinality(asked(request))
const selectors = (...texts: string[]) => texts.map((text) => ({ text, select: parseSelector(text) }))

const HISTOGRAM = [
  '# TYPE h histogram',
  ...['a', 'b'].flatMap((path) => [
    `h_bucket{path="${path}",le="1"} 1`,
    `h_bucket{path="${path}",le="+Inf"} 2`,
    `h_sum{path="${path}"} 3`,
    `h_count{path="${path}"} 2`,
  ]),
  '',
].join('\n')

describe('what the series are made up of', () => {
  it('is nothing at first', async () => {
    expect(await count({ label: 'job' })).toEqual({
      nowMs: expect.any(Number),
      ...{ series: 0, groups: 0, sets: 0, families: 0, complete: true },
      ...{ metrics: [], labels: [], jobs: [], pairs: [], values: [] },
    })
  })

  it('is counted by metric, job, label and value, groups and sets alike', async () => {
    await one.push('put', { job: 'a', instance: 'x' }, 'rows{s="1"} 1\nrows{s="2"} 2\nsize 3\n')
    await one.push('put', { job: 'a', instance: 'y' }, 'size{t=""} 3\n')
    await one.ingest('rows{job="b",s="1",z="q"} 1\n')
    expect(await count({ label: 's' })).toEqual({
      nowMs: expect.any(Number),
      ...{ series: 5, groups: 2, sets: 1, families: 2, complete: true },
      metrics: [
        { name: 'rows', type: 'unknown', series: 3, groups: 2 },
        { name: 'size', type: 'unknown', series: 2, groups: 2 },
      ],
      jobs: [
        { job: 'a', series: 4, groups: 2, sets: 0 },
        { job: 'b', series: 1, groups: 0, sets: 1 },
      ],
      labels: [
        { name: 'instance', values: 2, series: 4 },
        { name: 'job', values: 2, series: 5 },
        { name: 's', values: 2, series: 3 },
        { name: 'z', values: 1, series: 1 },
      ],
      pairs: [
        { name: 'job', value: 'a', series: 4 },
        { name: 'instance', value: 'x', series: 3 },
        { name: 's', value: '1', series: 2 },
        { name: 'instance', value: 'y', series: 1 },
        { name: 'job', value: 'b', series: 1 },
        { name: 's', value: '2', series: 1 },
        { name: 'z', value: 'q', series: 1 },
      ],
      values: [
        { value: '1', series: 2 },
        { value: '2', series: 1 },
      ],
    })
  })

  it('counts every series of a histogram', async () => {
    await one.push('put', { job: 'a' }, HISTOGRAM)
    expect(await count()).toMatchObject({
      series: 8,
      metrics: [{ name: 'h', type: 'histogram', series: 8, groups: 1 }],
      labels: [
        { name: 'path', values: 2, series: 8 },
        { name: 'job', values: 1, series: 8 },
      ],
      pairs: [
        { name: 'job', value: 'a', series: 8 },
        { name: 'path', value: 'a', series: 4 },
        { name: 'path', value: 'b', series: 4 },
      ],
    })
  })

  it('tells as much as is asked for, of what is selected', async () => {
    for (const job of ['a', 'b', 'c']) await one.push('put', { job }, `${job}{x="${job}"} 1\nall 1\n`)
    expect(await count({ match: selectors('{job="a"}', '{job="c"}'), limit: 1, label: 'x' })).toEqual({
      nowMs: expect.any(Number),
      ...{ series: 4, groups: 2, sets: 0, families: 3, complete: true },
      metrics: [{ name: 'all', type: 'unknown', series: 2, groups: 2 }],
      jobs: [{ job: 'a', series: 2, groups: 1, sets: 0 }],
      labels: [{ name: 'job', values: 2, series: 4 }],
      pairs: [{ name: 'job', value: 'a', series: 2 }],
      values: [{ value: 'a', series: 1 }],
    })
    expect(await count({ limit: 0, label: '__proto__' })).toMatchObject({ series: 6, pairs: [], values: [] })
  })

  it('is what is there now: what expired, was removed or came meanwhile is seen', async () => {
    await one.push('put', { job: 'a' }, 'rows 1\n')
    await one.push('put', { job: 'b' }, 'rows 1\nsize{x="1"} 2\n', 1000)
    expect(await count()).toMatchObject({ series: 3, families: 2 })
    nowMs += 1000
    expect(await count()).toMatchObject({ series: 1, families: 1, labels: [{ name: 'job' }] })
    await one.push('put', { job: 'a' }, 'rows{x="1"} 1\nrows{x="2"} 1\n')
    expect(await count()).toMatchObject({ series: 2, labels: [{ name: 'x', values: 2 }, { name: 'job' }] })
    await one.remove({ job: 'a' })
    expect(await count()).toMatchObject({ series: 0, labels: [] })
  })

  it('keeps no more values than it may, and says so', async () => {
    const view = new View(store.partitions, { expired() {}, reset() {} })
    const refresh = async () => {
      for await (const page of store.changes(view.positions(), { deadlineMs: performance.now() + 5000 }))
        view.applyPage(page, performance.now())
    }
    const counting = makeCardinality({ view, sync: { refresh }, lane: makeLane() }, 3)
    await one.push('put', { job: 'a' }, 'rows{x="1"} 1\nrows{x="2"} 1\n')
    expect(await counting(asked({}))).toMatchObject({
      complete: true,
      labels: [{ values: 2 }, { values: 1 }],
    })
    await one.push('put', { job: 'a' }, 'rows{x="1"} 1\nrows{x="2"} 1\nrows{x="3"} 1\n')
    expect(await counting(asked({}))).toMatchObject({
      complete: false,
      labels: [
        { name: 'x', values: 2, series: 3 },
        { name: 'job', values: 1, series: 3 },
      ],
    })
  })

  it('counts once for all that ask while nothing changes', async () => {
    await one.push('put', { job: 'a' }, 'rows 1\n')
    const first = await count()
    expect(await count()).toBe(first)
    expect(await count({ limit: 9 })).not.toBe(first)
    await one.push('put', { job: 'a' }, 'rows 2\n')
    expect(await count()).not.toBe(first)
  })
})
