import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { writeStored } from '../../../src/formats/stored/index.ts'
import type { Family, FamilyType } from '../../../src/model/family.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  embeddedStore,
  openTestGateway,
  ROOMY,
  type TestGateway,
  TTL_MS,
} from '../../support/open-gateway.ts'
import { family, jobOf, labelsOf, putOf } from '../../support/store-writes.ts'

let nowMs: number
let store: Store
let one: TestGateway

beforeEach(() => {
  nowMs = 1_700_000_000_000
  store = embeddedStore(() => nowMs)
  one = openTestGateway(store)
})

const code = (expected: string) => expect.objectContaining({ code: expected })

describe('a group push', () => {
  it('shows on the next scrape of every replica, with both push times', async () => {
    const other = openTestGateway(store)
    await one.push('put', { job: 'a' }, '# HELP x what\n# TYPE x counter\nx{l="1"} 2\n')
    expect(await other.page({ times: true })).toEqual([
      '# HELP push_failure_time_seconds Last Unix time when changing this group in the Pushgateway failed.',
      '# TYPE push_failure_time_seconds gauge',
      'push_failure_time_seconds{instance="",job="a"} 0',
      '# HELP push_time_seconds Last Unix time when changing this group in the Pushgateway succeeded.',
      '# TYPE push_time_seconds gauge',
      'push_time_seconds{instance="",job="a"} 1.7e+09',
      '# HELP x what',
      '# TYPE x counter',
      'x{instance="",job="a",l="1"} 2',
    ])
    expect(await one.text()).toBe(await other.text())
  })

  it('replaces families by POST and the group by PUT', async () => {
    await one.push('post', { job: 'a' }, 'x 1\ny 1\n')
    await one.push('post', { job: 'a' }, 'x 2\n')
    expect(await one.page()).toEqual([
      '# TYPE x untyped',
      'x{instance="",job="a"} 2',
      '# TYPE y untyped',
      'y{instance="",job="a"} 1',
    ])
    await one.push('put', { job: 'a' }, 'z 3\n')
    expect(await one.page()).toEqual(['# TYPE z untyped', 'z{instance="",job="a"} 3'])
    await one.remove({ job: 'a' })
    expect(await one.text()).toBe('')
  })

  it('lets the path win over labels of the body', async () => {
    await one.push('put', { job: 'a', instance: 'i' }, 'x{job="b",instance="j",l="1"} 1\n')
    expect(await one.page()).toEqual(['# TYPE x untyped', 'x{instance="i",job="a",l="1"} 1'])
  })

  it('keeps an instance of the body when the path has none', async () => {
    await one.push('put', { job: 'a' }, 'x{instance="j"} 1\nx 2\n')
    expect((await one.page()).slice(1).sort()).toEqual([
      'x{instance="",job="a"} 2',
      'x{instance="j",job="a"} 1',
    ])
  })

  it('is gone when its time is over, by the clock of the store', async () => {
    await one.push('put', { job: 'short' }, 'x 1\n', 1000)
    await one.push('put', { job: 'long' }, 'x 1\n')
    await one.push('put', { job: 'ever' }, 'x 1\n', 0)
    nowMs += 999
    expect((await one.page()).length).toBe(4)
    nowMs += 1
    expect(await one.page()).toEqual([
      '# TYPE x untyped',
      'x{instance="",job="ever"} 1',
      'x{instance="",job="long"} 1',
    ])
    expect(one.events).toContainEqual({ kind: 'view.expired', protocol: 'text', series: 1 })
    nowMs += 10 * TTL_MS
    expect(await one.page({ times: true })).toContain('x{instance="",job="ever"} 1')
    expect((await one.page()).length).toBe(2)
  })

  it('gives every family of a POST its own time', async () => {
    await one.push('post', { job: 'a' }, 'x 1\n', 1000)
    await one.push('post', { job: 'a' }, 'y 1\n', 5000)
    nowMs += 1000
    expect(await one.page()).toEqual(['# TYPE y untyped', 'y{instance="",job="a"} 1'])
  })

  it('keeps the push time for the retention', async () => {
    const keeping = openTestGateway(store, { retentionMs: 60_000 })
    await keeping.push('put', { job: 'a' }, 'x 1\n', 1000)
    nowMs += 1000
    expect(await keeping.page()).toEqual([])
    expect(await keeping.page({ times: true })).toContain('push_time_seconds{instance="",job="a"} 1.7e+09')
    nowMs += 60_000
    expect(await keeping.page({ times: true })).toEqual([])
  })

  it.each([
    ['timestamps', 'x 1 1700000000000\n', 'PGR_PUSH_INVALID', 'must not have timestamps'],
    ['a series twice', 'x{l="1"} 1\nx{l="1"} 2\n', 'PGR_PUSH_INCONSISTENT', 'holds this series twice'],
    [
      'a series twice once the path has won',
      'x{job="1"} 1\nx{job="2"} 2\n',
      'PGR_PUSH_INCONSISTENT',
      'holds this series twice',
    ],
    [
      'instance absent and empty',
      'x 1\nx{instance=""} 2\n',
      'PGR_PUSH_INCONSISTENT',
      'holds this series twice',
    ],
    ['another type', '# TYPE held gauge\nheld 1\n', 'PGR_PUSH_INCONSISTENT', 'is not a COUNTER'],
    [
      'a name that a histogram takes',
      'h_count 1\n',
      'PGR_PUSH_INCONSISTENT',
      'collides with previously collected histogram named "h"',
    ],
    [
      'a summary whose name is taken',
      '# TYPE s summary\ns_sum 1\ns_count 1\n',
      'PGR_PUSH_INCONSISTENT',
      'named "s_sum"',
    ],
  ])('with %s is refused, noted as failed, and changes no data', async (_why, body, expected, message) => {
    await one.push(
      'put',
      { job: 'holder' },
      '# TYPE held counter\nheld 1\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\ns_sum 1\n',
    )
    await one.push('put', { job: 'a' }, 'kept 1\n')
    nowMs += 5000
    const push = one.push('put', { job: 'a' }, body)
    await expect(push).rejects.toThrow(code(expected))
    await expect(push).rejects.toThrow(message)
    const page = await one.page({ times: true })
    expect(page).toContain('kept{instance="",job="a"} 1')
    expect(page).toContain('push_time_seconds{instance="",job="a"} 1.7e+09')
    expect(page).toContain('push_failure_time_seconds{instance="",job="a"} 1.700000005e+09')
  })

  it('may change the type of a family that only its own group holds', async () => {
    await one.push('put', { job: 'a' }, '# TYPE x counter\nx 1\n')
    await one.push('post', { job: 'a' }, '# TYPE x gauge\nx 2\n')
    expect(await one.page()).toEqual(['# TYPE x gauge', 'x{instance="",job="a"} 2'])
  })

  it('is refused when another grouping holds a series, whichever is the wider one', async () => {
    await one.push('put', { job: 'a' }, 'x{k="v"} 1\n')
    await expect(one.push('put', { job: 'a', k: 'v' }, 'x 2\n')).rejects.toThrow('holds this series')
    await one.push('put', { job: 'a', k: 'w' }, 'x 2\n')
    await expect(one.push('post', { job: 'a' }, 'x{k="w"} 1\n')).rejects.toThrow('holds this series')
  })

  it('passes once another replica removed what it clashed with', async () => {
    const other = openTestGateway(store)
    await one.push('put', { job: 'a' }, '# TYPE x counter\nx 1\n')
    await other.push('put', { job: 'b' }, 'y 1\n')
    await other.remove({ job: 'a' })
    await one.push('put', { job: 'b' }, '# TYPE x gauge\nx 1\n')
    expect(await other.page()).toEqual(['# TYPE x gauge', 'x{instance="",job="b"} 1'])
  })

  it('is refused over a limit on the total, but may replace what it holds', async () => {
    const small = openTestGateway(store, { limits: { ...ROOMY, series: 3, units: 2 } })
    await small.push('put', { job: 'a' }, 'x 1\ny 1\n')
    await small.push('put', { job: 'a' }, 'x 2\nz 1\n')
    await expect(small.push('put', { job: 'b' }, 'x 1\ny 1\n')).rejects.toThrow(code('PGR_QUOTA_EXCEEDED'))
    await small.push('put', { job: 'b' }, 'x 1\n')
    await expect(small.push('put', { job: 'c' }, '')).rejects.toThrow(code('PGR_QUOTA_EXCEEDED'))
    await small.push('put', { job: 'a' }, '')
    await small.push('put', { job: 'b' }, 'x 1\ny 1\n')
  })
})

describe('what cannot be read where it is stored', () => {
  const damages: readonly (readonly [string, (blob: Uint8Array) => Uint8Array])[] = [
    ['of another layout', () => Buffer.from([0x7f, 1, 2, 3])],
    ['cut off', (blob) => blob.slice(0, blob.length - 3)],
    ['of a type to come', (blob) => Buffer.concat([blob, Buffer.from([0x08, 99])])],
    ['empty', () => new Uint8Array(0)],
  ]

  /** As a push of `x{k="1"} 1` and `x{k="2"} 2` leaves it. */
  function blobOfX(): Uint8Array {
    const metrics = ['1', '2'].map((k) => ({ labels: labelsOf(['k', k]), value: Number(k) }))
    return writeStored({ name: 'x', type: 'gauge', help: 'what', unit: '', metrics })
  }

  async function storeX(blob: Uint8Array, type: FamilyType = 'gauge'): Promise<void> {
    await store.writeGroup(putOf(jobOf('a'), [family('x', '', { type, series: 2, blob })], { ttlMs: 0 }))
  }

  it.each(damages)('is left out of every page while all else is shown: %s', async (_how, damage) => {
    await storeX(damage(blobOfX()))
    nowMs += 1000
    await one.push('put', { job: 'b' }, '# TYPE x gauge\nx{k="1"} 3\n# TYPE y gauge\ny 1\n')
    const others = [
      '# TYPE x gauge',
      'x{instance="",job="b",k="1"} 3',
      '# TYPE y gauge',
      'y{instance="",job="b"} 1',
    ]
    expect(await one.page()).toEqual(others)
    expect(one.events).toContainEqual({
      kind: 'view.quarantine',
      family: 'x',
      reason: 'unreadable',
      series: 2,
    })
    expect(one.gateway.levels()).toMatchObject({ quarantinedFamilies: 1, quarantinedSeries: 2 })
    const [listed] = await one.gateway.groups({ deadlineMs: performance.now() + 5000 })
    expect(listed?.families[0]).toMatchObject({ name: 'x', series: 2 })
    expect(listed?.families[0]?.read()).toEqual({ name: 'x', type: 'gauge', help: '', unit: '', metrics: [] })

    await storeX(blobOfX())
    expect(await one.page()).toEqual([
      '# HELP x what',
      '# TYPE x gauge',
      'x{instance="",job="a",k="1"} 1',
      'x{instance="",job="a",k="2"} 2',
      ...others.slice(1),
    ])
    expect(one.gateway.levels()).toMatchObject({ quarantinedFamilies: 0 })
  })

  it('takes no page down, whichever byte is another, whatever was stored', async () => {
    const quantiles = [{ quantile: 0.5, value: 1 }]
    const buckets = [{ upperBound: 1, cumulativeCount: 1 }]
    const families: Family[] = [
      {
        name: 'x',
        type: 'gauge',
        help: 'h',
        unit: '',
        metrics: [{ labels: labelsOf(['k', 'v']), value: 1 }],
      },
      {
        name: 'x',
        type: 'summary',
        help: '',
        unit: '',
        metrics: [{ labels: [], quantiles, sum: 1, count: 2 }],
      },
      {
        name: 'x',
        type: 'histogram',
        help: '',
        unit: '',
        metrics: [{ labels: [], buckets, sum: 1, count: 2 }],
      },
    ]
    let left = 0
    for (const each of families) {
      const blob = writeStored(each)
      for (let at = 0; at < blob.length; at++) {
        for (const bits of [0x01, 0x02, 0x08, 0x80]) {
          const broken = Uint8Array.from(blob, (byte, place) => (place === at ? byte ^ bits : byte))
          await storeX(broken, each.type)
          await one.push('put', { job: 'b' }, `y ${at}\n`)
          expect(await one.page()).toContain(`y{instance="",job="b"} ${at}`)
          left += one.gateway.levels().quarantinedSeries
        }
      }
    }
    expect(left).toBeGreaterThan(100)
  })

  it('is in the way of no push, and a push puts it right', async () => {
    await storeX(Buffer.from([0x7f]))
    await one.push('put', { job: 'b' }, '# TYPE x gauge\nx{k="1"} 3\n')
    await one.push('post', { job: 'a', k: '1' }, '# TYPE x gauge\nx 4\n')
    await one.push('post', { job: 'a' }, '# TYPE x gauge\nx{k="2"} 2\n')
    expect(await one.page()).toEqual([
      '# TYPE x gauge',
      'x{instance="",job="a",k="2"} 2',
      'x{instance="",job="a",k="1"} 4',
      'x{instance="",job="b",k="1"} 3',
    ])
    expect(one.gateway.levels()).toMatchObject({ quarantinedFamilies: 0 })
  })
})

describe('what slips past the check', () => {
  let careless: TestGateway
  beforeEach(() => {
    careless = openTestGateway(store, { consistencyCheck: false })
  })

  it('of another type is left out until the earlier one is gone', async () => {
    await careless.push('put', { job: 'first' }, '# HELP x one\n# TYPE x counter\nx 1\n')
    nowMs += 1000
    await careless.push('put', { job: 'also' }, '# HELP x two\n# TYPE x gauge\nx 2\n')
    await careless.push('put', { job: 'same' }, '# HELP x three\n# TYPE x counter\nx 3\n')
    expect(await one.page()).toEqual([
      '# HELP x one',
      '# TYPE x counter',
      'x{instance="",job="first"} 1',
      'x{instance="",job="same"} 3',
    ])
    expect(one.events).toContainEqual({ kind: 'view.quarantine', family: 'x', reason: 'type', series: 1 })
    expect(one.gateway.levels()).toMatchObject({ quarantinedFamilies: 1, quarantinedSeries: 1 })
    await careless.remove({ job: 'first' })
    await careless.remove({ job: 'same' })
    expect(await one.page()).toEqual(['# HELP x two', '# TYPE x gauge', 'x{instance="",job="also"} 2'])
    expect(one.gateway.levels()).toMatchObject({ quarantinedFamilies: 0 })
  })

  it('with the same series is left out until the earlier one is gone', async () => {
    await careless.push('put', { job: 'a' }, 'x{k="v"} 1\nx{k="w"} 1\n')
    nowMs += 1000
    await careless.push('put', { job: 'a', k: 'v' }, 'x 2\nx{l="1"} 2\n')
    const both = ['# TYPE x untyped', 'x{instance="",job="a",k="v"} 1', 'x{instance="",job="a",k="w"} 1']
    expect(await one.page()).toEqual([...both, 'x{instance="",job="a",k="v",l="1"} 2'])
    expect(one.events).toContainEqual({
      kind: 'view.quarantine',
      family: 'x',
      reason: 'duplicate',
      series: 1,
    })
    await careless.push('put', { job: 'a' }, 'x{k="w"} 1\n')
    expect(await one.page()).toEqual([
      '# TYPE x untyped',
      'x{instance="",job="a",k="w"} 1',
      'x{instance="",job="a",k="v"} 2',
      'x{instance="",job="a",k="v",l="1"} 2',
    ])
  })

  it('with an empty instance beside none is left out', async () => {
    await careless.push('put', { job: 'a' }, 'x 1\n')
    nowMs += 1000
    await careless.push('put', { job: 'a', instance: '' }, 'x 2\n')
    expect(await one.page()).toEqual(['# TYPE x untyped', 'x{instance="",job="a"} 1'])
    const times = await one.page({ times: true })
    expect(times.filter((line) => line.startsWith('push_time_seconds{'))).toEqual([
      'push_time_seconds{instance="",job="a"} 1.7e+09',
    ])
  })

  it('under a name that a histogram takes is left out', async () => {
    await careless.push(
      'put',
      { job: 'a' },
      '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    )
    nowMs += 1000
    await careless.push('put', { job: 'b' }, 'h_count 5\nh_other 1\n')
    expect(await one.page()).toEqual([
      '# TYPE h histogram',
      'h_bucket{instance="",job="a",le="+Inf"} 1',
      'h_sum{instance="",job="a"} 1',
      'h_count{instance="",job="a"} 1',
      '# TYPE h_other untyped',
      'h_other{instance="",job="b"} 1',
    ])
    expect(one.events).toContainEqual({
      kind: 'view.quarantine',
      family: 'h_count',
      reason: 'name',
      series: 1,
    })
    await careless.remove({ job: 'a' })
    expect(await one.page()).toEqual([
      '# TYPE h_count untyped',
      'h_count{instance="",job="b"} 5',
      '# TYPE h_other untyped',
      'h_other{instance="",job="b"} 1',
    ])
  })

  it('as `a` beside a counter `a_total` is left out of OpenMetrics only', async () => {
    await careless.push('put', { job: 'a' }, '# TYPE a_total counter\na_total 1\n')
    nowMs += 1000
    await careless.push('put', { job: 'a', k: 'v' }, '# TYPE a gauge\na 2\n')
    expect(await one.page()).toEqual([
      '# TYPE a gauge',
      'a{instance="",job="a",k="v"} 2',
      '# TYPE a_total counter',
      'a_total{instance="",job="a"} 1',
    ])
    expect(await one.page({ format: 'openmetrics' })).toEqual([
      '# TYPE a counter',
      'a_total{instance="",job="a"} 1.0',
      '# EOF',
    ])
  })

  it('under a name equal after escaping is left out of that escaping only', async () => {
    await careless.push('put', { job: 'a' }, '{"a.b"} 1\n')
    nowMs += 1000
    await careless.push('put', { job: 'b' }, 'a_b 2\n')
    expect((await one.page({ escaping: 'underscores' })).slice(1)).toEqual(['a_b{instance="",job="a"} 1'])
    expect(
      (await one.page({ escaping: 'allow-utf-8' })).filter((line) => !line.startsWith('#')),
    ).toHaveLength(2)
  })
})

describe('an ingest push', () => {
  it('merges by series, whatever the order of labels, and keeps TYPE and HELP', async () => {
    await one.ingest('# HELP x what\n# TYPE x counter\nx{a="1",b="2",job="j"} 1\nx{a="9",job="j"} 1\n')
    await one.ingest('# HELP x what\n# TYPE x counter\nx{job="j",b="2",a="1"} 5\n')
    expect(await one.page({ times: true })).toEqual([
      '# HELP x what',
      '# TYPE x counter',
      'x{a="1",b="2",instance="",job="j"} 5',
      'x{a="9",instance="",job="j"} 1',
    ])
  })

  it('takes series without job, and does not invent one', async () => {
    await one.ingest('x{a="1"} 1\ny 2\n')
    expect(await one.page()).toEqual([
      '# TYPE x untyped',
      'x{a="1",instance=""} 1',
      '# TYPE y untyped',
      'y{instance=""} 2',
    ])
  })

  it('lets the newest timestamp win', async () => {
    await one.ingest(`x{job="j"} 1 ${nowMs - 1000}\n`)
    await one.ingest(`x{job="j"} 2 ${nowMs - 2000}\n`)
    expect(await one.page()).toContain('x{instance="",job="j"} 1')
    await one.ingest(`x{job="j"} 3 ${nowMs - 500}\n`)
    expect(await one.page()).toContain('x{instance="",job="j"} 3')
    await one.ingest('x{job="j"} 4\n')
    expect(await one.page()).toContain('x{instance="",job="j"} 4')
    const stamped = openTestGateway(store, { timestamps: true })
    expect(await stamped.page()).toContain(`x{instance="",job="j"} 4 ${nowMs}`)
  })

  it('replaces a histogram whole', async () => {
    await one.ingest(
      '# TYPE h histogram\nh_bucket{job="j",le="1"} 1\nh_bucket{job="j",le="+Inf"} 2\nh_sum{job="j"} 3\nh_count{job="j"} 2\n',
    )
    await one.ingest(
      '# TYPE h histogram\nh_bucket{job="j",le="5"} 4\nh_bucket{job="j",le="+Inf"} 4\nh_sum{job="j"} 8\nh_count{job="j"} 4\n',
    )
    expect(await one.page()).toEqual([
      '# TYPE h histogram',
      'h_bucket{instance="",job="j",le="5"} 4',
      'h_bucket{instance="",job="j",le="+Inf"} 4',
      'h_sum{instance="",job="j"} 8',
      'h_count{instance="",job="j"} 4',
    ])
  })

  it('forgets each series on its own time', async () => {
    await one.ingest('x{job="j",l="1"} 1\n', undefined, 1000)
    await one.ingest('x{job="j",l="2"} 1\n', undefined, 5000)
    nowMs += 1000
    expect(await one.page()).toEqual(['# TYPE x untyped', 'x{instance="",job="j",l="2"} 1'])
    nowMs += 4000
    expect(await one.page()).toEqual([])
  })

  it.each([
    ['far in the future', () => `x 1 ${nowMs + 601_000}\n`, 'PGR_PUSH_INVALID'],
    ['with a series twice and no timestamps', () => 'x{l="1"} 1\nx{l="1"} 2\n', 'PGR_PUSH_INCONSISTENT'],
    [
      'of another type than a group holds',
      () => '# TYPE held gauge\nheld{job="j"} 1\n',
      'PGR_PUSH_INCONSISTENT',
    ],
    [
      'with a series that a group holds',
      () => '# TYPE held counter\nheld{job="holder"} 1\n',
      'PGR_PUSH_INCONSISTENT',
    ],
  ])('%s is refused and stores nothing', async (_why, body, expected) => {
    await one.push('put', { job: 'holder' }, '# TYPE held counter\nheld 1\n')
    await expect(one.ingest(`other 1\n${body()}`)).rejects.toThrow(code(expected))
    expect(await one.page()).toEqual(['# TYPE held counter', 'held{instance="",job="holder"} 1'])
  })

  it('lets series without a type join a family that has one', async () => {
    await one.push('put', { job: 'a' }, '# TYPE x counter\nx 1\n')
    await one.ingest('x{job="b"} 2\n')
    expect(await one.page()).toEqual([
      '# TYPE x counter',
      'x{instance="",job="a"} 1',
      'x{instance="",job="b"} 2',
    ])
  })
})

describe('pages', () => {
  it('say which names nothing on them takes', async () => {
    await one.push(
      'put',
      { job: 'a' },
      '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\ntaken 1\n',
    )
    const { free } = await one.gateway.scrape({
      format: 'text',
      escaping: 'underscores',
      gzip: false,
      beside: ['taken', 'free', 'h_count', 'push_time_seconds', 'takenn'],
      deadlineMs: performance.now() + 5000,
    })
    expect(free).toEqual(['free', 'takenn'])
  })

  it('are the same bytes from every replica, plain and gzipped, after any history', async () => {
    const job = fc.constantFrom('a', 'b', 'c')
    const extra = fc.constantFrom({}, { instance: 'i' }, { k: 'v' }, { instance: '' })
    const body = fc.constantFrom(
      'x 1\n',
      'x{k="v"} 2\ny 1\n',
      '# TYPE x counter\nx 3\n',
      '# TYPE y histogram\ny_bucket{le="+Inf"} 1\ny_sum 1\ny_count 1\n',
      'y_count 1\n',
      '',
    )
    const step = fc.record({
      kind: fc.constantFrom('put', 'post', 'remove', 'ingest', 'wait', 'scrape', 'wipe'),
      job,
      extra,
      body,
      replica: fc.nat(1),
      check: fc.boolean(),
      ms: fc.nat(2 * TTL_MS),
    })
    let seen = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        nowMs = 1_700_000_000_000
        const shared = embeddedStore(() => nowMs)
        const checked = [openTestGateway(shared), openTestGateway(shared)]
        const unchecked = [
          openTestGateway(shared, { consistencyCheck: false }),
          openTestGateway(shared, { consistencyCheck: false }),
        ]
        for (const { kind, replica, check, ...each } of steps) {
          const gateway = (check ? checked : unchecked)[replica] as TestGateway
          const group = { job: each.job, ...each.extra }
          if (kind === 'put' || kind === 'post')
            await gateway.push(kind, group, each.body).catch(() => undefined)
          if (kind === 'ingest') await gateway.ingest(each.body).catch(() => undefined)
          if (kind === 'remove') await gateway.remove(group)
          if (kind === 'wipe' && each.ms % 4 === 0)
            await gateway.gateway.wipe({ deadlineMs: performance.now() + 1000 })
          if (kind === 'wait') nowMs += each.ms
          if (kind === 'scrape') await gateway.text()
        }
        const fresh = openTestGateway(shared)
        for (const format of ['text', 'openmetrics'] as const) {
          const expected = await fresh.text({ format })
          seen = Math.max(seen, expected.length)
          for (const gateway of [...checked, ...unchecked]) {
            expect(await gateway.text({ format })).toBe(expected)
            expect(await gateway.text({ format, gzip: true })).toBe(expected)
          }
          assertNoDuplicates(expected)
        }
      }),
      { numRuns: 150 },
    )
    expect(seen).toBeGreaterThan(800)
  })
})

/** No series and no TYPE line stands twice on a page, and no family is torn apart. */
function assertNoDuplicates(page: string): void {
  const lines = page.split('\n').filter((line) => line !== '')
  const series = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
  expect(new Set(series).size).toBe(series.length)
  const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2])
  expect(new Set(types).size).toBe(types.length)
}
