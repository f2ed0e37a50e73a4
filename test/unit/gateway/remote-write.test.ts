import { describe, expect, it } from 'vitest'
import type { RemoteMetadata, RemoteNumber, RemoteWrite } from '../../../src/formats/remote-write/index.ts'
import type { RemoteSeries, RemoteWritten } from '../../../src/gateway/gateway.ts'
import type { NativeHistogram } from '../../../src/model/family.ts'
import {
  embeddedStore,
  labelsOf,
  openTestGateway,
  type TestGateway,
  TTL_MS,
} from '../../support/open-gateway.ts'

const NOW_MS = 1_700_000_000_000

describe('remote write keeps the newest sample of each series', () => {
  it('shows it without its timestamp, with job and instance', async () => {
    const { page, write } = open()
    await write({ numbers: [['up', { job: 'a', instance: 'i' }, 1, 10]] })
    await write({ numbers: [['up', { job: 'a', instance: 'i' }, 3, 30]] })
    expect(await write({ numbers: [['up', { job: 'a', instance: 'i' }, 2, 20]] })).toMatchObject({
      samples: 1,
      refused: 0,
    })
    expect(await page()).toEqual(['# TYPE up untyped', 'up{instance="i",job="a"} 3'])
  })

  it('takes the newest of several in one body, in whatever order they stand', async () => {
    const { page, write } = open()
    const written = await write({
      numbers: [
        ['m', { job: 'a' }, 2, 20],
        ['m', { job: 'a' }, 3, 30],
        ['m', { job: 'a' }, 1, 10],
      ],
    })
    expect(written.samples).toBe(3)
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance="",job="a"} 3'])
  })

  it('ends a series by its stale marker, which an older sample does not undo', async () => {
    const { page, write } = open()
    await write({
      numbers: [
        ['m', { job: 'a' }, 1, 10],
        ['n', { job: 'a' }, 1, 10],
      ],
    })
    expect(await write({ numbers: [['m', { job: 'a' }, 'stale', 20]] })).toMatchObject({ samples: 1 })
    await write({ numbers: [['m', { job: 'a' }, 5, 15]] })
    expect(await page()).toEqual(['# TYPE n untyped', 'n{instance="",job="a"} 1'])
    await write({ numbers: [['m', { job: 'a' }, 6, 25]] })
    expect(await page()).toContain('m{instance="",job="a"} 6')
  })

  it('keeps every series for itself, also one with neither job nor instance', async () => {
    const { page, write, pass } = open()
    await write({
      numbers: [
        ['m', {}, 1, 0],
        ['m', { job: 'a' }, 2, 0],
      ],
    })
    pass(TTL_MS - 1)
    await write({ numbers: [['m', { job: 'a' }, 3, TTL_MS - 1]] })
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance=""} 1', 'm{instance="",job="a"} 3'])
    pass(1)
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance="",job="a"} 3'])
  })

  it('refuses what is more than ten minutes ahead, says which, and stores the rest', async () => {
    const { page, write } = open()
    const written = await write({
      numbers: [
        ['late', { job: 'a' }, 1, 700_000],
        ['m', { job: 'a' }, 1, 0],
      ],
    })
    expect(written).toMatchObject({ samples: 1, refused: 1 })
    expect(written.reasons).toEqual([expect.stringMatching(/"late" {job="a"}.*ahead/)])
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance="",job="a"} 1'])
  })

  it('adds what the reader refused', async () => {
    const { write } = open()
    expect(
      await write({
        refused: { samples: 2, histograms: 1, exemplars: 1, emptySeries: 1, reasons: ['because'] },
      }),
    ).toMatchObject({ samples: 0, refused: 5, reasons: ['because'] })
  })

  it('is not refused when it clashes: the page is settled, and the group stays', async () => {
    const { page, write, push } = open()
    await push('put', { job: 'b' }, '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_sum 1\nm_count 1\n')
    await write({
      numbers: [
        ['m_count', { job: 'a' }, 1, 0],
        ['m', { job: 'a' }, 1, 0],
      ],
    })
    expect(await page()).toEqual([
      '# TYPE m histogram',
      'm_bucket{instance="",job="b",le="+Inf"} 1',
      'm_sum{instance="",job="b"} 1',
      'm_count{instance="",job="b"} 1',
    ])
  })
})

describe('what remote write says of families', () => {
  it('is shown with the series, whichever comes first, and follows the last word', async () => {
    const { page, write } = open()
    await write({ metadata: [hint('a_total', 'counter', 'As.'), hint('b', 'gauge', 'Bs.')] })
    await write({
      numbers: [
        ['a_total', { job: 'j' }, 1, 0],
        ['b', { job: 'j' }, 2, 0],
      ],
    })
    expect(await page()).toEqual([
      '# HELP a_total As.',
      '# TYPE a_total counter',
      'a_total{instance="",job="j"} 1',
      '# HELP b Bs.',
      '# TYPE b gauge',
      'b{instance="",job="j"} 2',
    ])
    await write({ metadata: [hint('b', 'counter', 'More.')] })
    expect(await page()).toContain('# TYPE b counter')
    expect(await page()).toContain('# HELP b More.')
  })

  it('reaches the series of a family that OpenMetrics names without their suffix', async () => {
    const { page, write } = open()
    await write({
      numbers: [
        ['a_total', { job: 'j' }, 1, 0],
        ['b_info', { job: 'j', v: '1' }, 1, 0],
      ],
    })
    await write({ metadata: [hint('a', 'counter', 'As.'), hint('b', 'info', 'Bs.')] })
    expect(await page({ format: 'openmetrics' })).toEqual([
      '# HELP a As.',
      '# TYPE a counter',
      'a_total{instance="",job="j"} 1.0',
      '# HELP b Bs.',
      '# TYPE b info',
      'b_info{instance="",job="j",v="1"} 1.0',
      '# EOF',
    ])
  })

  it('does not overrule what a set was written with', async () => {
    const { page, write, ingest } = open()
    await ingest('# HELP m Own.\n# TYPE m gauge\nm{job="j"} 1\n')
    await write({ metadata: [hint('m', 'histogram', 'Not.')] })
    expect(await page()).toEqual(['# HELP m Own.', '# TYPE m gauge', 'm{instance="",job="j"} 1'])
  })

  it('is forgotten an hour after it was last said', async () => {
    const { page, write, pass } = open()
    await write({ metadata: [hint('m', 'gauge', 'Ms.')] })
    pass(60 * 60_000 - 1)
    await page()
    await write({ numbers: [['m', { job: 'j' }, 1, 60 * 60_000]] })
    expect(await page()).toContain('# TYPE m gauge')
    pass(1)
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance="",job="j"} 1'])
  })

  it('goes with a wipe', async () => {
    const { page, write, gateway } = open()
    await write({ metadata: [hint('m', 'gauge', 'Ms.')] })
    await gateway.wipe({ deadlineMs: performance.now() + 5000 })
    await write({ numbers: [['m', { job: 'j' }, 1, 0]] })
    expect(await page()).toEqual(['# TYPE m untyped', 'm{instance="",job="j"} 1'])
  })

  it('is written once while it stays the same', async () => {
    const store = embeddedStore(() => NOW_MS)
    const { write } = open(store)
    let writes = 0
    const writeSet = store.writeSet.bind(store)
    store.writeSet = (what) => {
      writes++
      return writeSet(what)
    }
    await write({ metadata: [hint('m', 'gauge', 'Ms.')] })
    await write({ metadata: [hint('m', 'gauge', 'Ms.')] })
    expect(writes).toBe(1)
    await write({ metadata: [hint('m', 'gauge', 'Other.')] })
    expect(writes).toBe(2)
  })
})

describe('histograms and summaries that come in parts', () => {
  const PARTS: readonly Num[] = [
    ['h_bucket', { job: 'j', le: '1' }, 2, 0],
    ['h_bucket', { job: 'j', le: '+Inf' }, 3, 0],
    ['h_sum', { job: 'j' }, 4.5, 0],
    ['h_count', { job: 'j' }, 3, 0],
  ]
  const TOGETHER = [
    '# TYPE h histogram',
    'h_bucket{instance="",job="j",le="1"} 2',
    'h_bucket{instance="",job="j",le="+Inf"} 3',
    'h_sum{instance="",job="j"} 4.5',
    'h_count{instance="",job="j"} 3',
  ]

  it('are valid series without a type while nobody says what they are', async () => {
    const { page, write } = open()
    await write({ numbers: PARTS })
    expect(await page()).toEqual([
      '# TYPE h_bucket untyped',
      'h_bucket{instance="",job="j",le="+Inf"} 3',
      'h_bucket{instance="",job="j",le="1"} 2',
      '# TYPE h_count untyped',
      'h_count{instance="",job="j"} 3',
      '# TYPE h_sum untyped',
      'h_sum{instance="",job="j"} 4.5',
    ])
  })

  it.each(['before', 'after'])('are put together by metadata that comes %s them', async (when) => {
    const { page, write } = open()
    if (when === 'before') await write({ metadata: [hint('h', 'histogram', '')] })
    // Each in a request of its own.
    for (const part of PARTS) await write({ numbers: [part] })
    if (when === 'after') await write({ metadata: [hint('h', 'histogram', '')] })
    expect(await page()).toEqual(TOGETHER)
  })

  it('fall apart again when the metadata is gone, and nothing is lost', async () => {
    const { page, write, pass } = open()
    await write({ metadata: [hint('h', 'histogram', '')] })
    pass(60 * 60_000 - 1)
    await page()
    await write({ numbers: PARTS.map(([name, labels, value]) => [name, labels, value, 60 * 60_000]) })
    expect(await page()).toEqual(TOGETHER)
    pass(1)
    expect(await page()).toHaveLength(7)
  })

  it('are not shown as a histogram before their count is known', async () => {
    const { page, write } = open()
    await write({ metadata: [hint('h', 'histogram', '')], numbers: PARTS.slice(0, 1) })
    expect(await page()).toEqual([])
    await write({ numbers: PARTS.slice(1, 2) })
    expect(await page()).toContain('h_count{instance="",job="j"} 3')
  })

  it('are not made of a number that has their name and no part, which is shown all the same', async () => {
    const { page, write } = open()
    const metadata = [
      hint('s', 'summary', 'Ss.'),
      hint('h', 'histogram', ''),
      hint('g', 'gaugehistogram', ''),
    ]
    const numbers: Num[] = metadata.map(({ name }, n) => [name, { job: 'j' }, n, 0])
    await write({ metadata, numbers })
    expect(await page()).toEqual([
      '# TYPE g untyped',
      'g{instance="",job="j"} 2',
      '# TYPE h untyped',
      'h{instance="",job="j"} 1',
      '# HELP s Ss.',
      '# TYPE s untyped',
      's{instance="",job="j"} 0',
    ])
    await write({ numbers: [['s_count', { job: 'j' }, 4, 10]] })
    expect(await page()).toEqual(
      expect.arrayContaining(['# TYPE s summary', 's_count{instance="",job="j"} 4']),
    )
    await write({ numbers: [['s_count', { job: 'j' }, 'stale', 20]] })
    expect(await page()).toContain('s{instance="",job="j"} 0')
  })

  it('go together when the first of them expires, unless it alone is pushed no more', async () => {
    const { page, write, pass } = open()
    await write({ metadata: [hint('h', 'histogram', '')], numbers: PARTS.slice(0, 2) })
    pass(1000)
    await write({ numbers: PARTS.slice(2).map(([name, labels, value]) => [name, labels, value, 1000]) })
    pass(TTL_MS - 1001)
    expect(await page()).toEqual(TOGETHER)
    pass(1)
    expect(await page()).toEqual([])

    await write({ numbers: PARTS.map(([name, labels, value]) => [name, labels, value, TTL_MS]) })
    pass(TTL_MS - 1)
    await write({ numbers: PARTS.slice(1).map(([name, labels, value]) => [name, labels, value, 2 * TTL_MS]) })
    pass(1)
    expect(await page()).toEqual(TOGETHER.filter((line) => !line.includes('le="1"')))
  })

  it('lose a bucket that ends alone', async () => {
    const { page, write } = open()
    await write({ metadata: [hint('h', 'histogram', '')], numbers: PARTS })
    await write({ numbers: [['h_bucket', { job: 'j', le: '1' }, 'stale', 10]] })
    expect(await page()).toEqual(TOGETHER.filter((line) => !line.includes('le="1"')))
  })

  it('make summaries, too', async () => {
    const { page, write } = open()
    await write({
      metadata: [hint('s', 'summary', 'Ss.')],
      numbers: [
        ['s', { job: 'j', quantile: '0.9' }, 9, 0],
        ['s', { job: 'j', quantile: '0.5' }, 5, 0],
        ['s_sum', { job: 'j' }, 50, 0],
        ['s_count', { job: 'j' }, 10, 0],
      ],
    })
    expect(await page()).toEqual([
      '# HELP s Ss.',
      '# TYPE s summary',
      's{instance="",job="j",quantile="0.5"} 5',
      's{instance="",job="j",quantile="0.9"} 9',
      's_sum{instance="",job="j"} 50',
      's_count{instance="",job="j"} 10',
    ])
  })

  it('keep exemplars that come in series of their own', async () => {
    const { page, write } = open()
    await write({ metadata: [hint('h', 'histogram', ''), hint('c_total', 'counter', '')] })
    await write({
      exemplars: [
        ['h_bucket', { job: 'j', le: '1' }, { trace_id: 'abc' }, 0.5, 5],
        ['c_total', { job: 'j' }, { trace_id: 'def' }, 1, 6],
      ],
    })
    await write({ numbers: [...PARTS, ['c_total', { job: 'j' }, 7, 0]] })
    const lines = await page({ format: 'openmetrics' })
    expect(lines).toContain(
      `h_bucket{instance="",job="j",le="1.0"} 2 # {trace_id="abc"} 0.5 ${(NOW_MS + 5) / 1000}`,
    )
    expect(lines).toContain(`c_total{instance="",job="j"} 7.0 # {trace_id="def"} 1.0 ${(NOW_MS + 6) / 1000}`)
    // The next sample does not take it away.
    await write({ numbers: [['c_total', { job: 'j' }, 8, 10]] })
    expect((await page({ format: 'openmetrics' })).join('\n')).toContain('8.0 # {trace_id="def"}')
  })

  it('keep start times beside their samples', async () => {
    const { gateway, write } = open()
    await write({
      metadata: [hint('h', 'histogram', ''), hint('c_total', 'counter', '')],
      numbers: [...PARTS, ['c_total', { job: 'j' }, 7, 0]],
      startMs: NOW_MS - 60_000,
    })
    const [set] = await gateway.groups({ deadlineMs: performance.now() + 5000 })
    const starts = set?.families.map((family) => [family.name, family.read().metrics[0]?.startMs])
    expect(starts?.sort()).toEqual([
      ['c_total', NOW_MS - 60_000],
      ['h', NOW_MS - 60_000],
    ])
  })
})

describe('native histograms by remote write', () => {
  const NATIVE: NativeHistogram = {
    schema: 3,
    zeroThreshold: 1e-128,
    zeroCount: 1,
    positive: { spans: [{ offset: 0, length: 2 }], counts: [1, 2] },
    negative: { spans: [], counts: [] },
  }

  it('stand beside classic parts of the same name, which nobody gave a type', async () => {
    const { page, write } = open()
    await write({
      histograms: [['h', { job: 'j' }, NATIVE, 4, 0]],
      numbers: [
        ['h_bucket', { job: 'j', le: '+Inf' }, 4, 0],
        ['h_sum', { job: 'j' }, 6, 0],
        ['h_count', { job: 'j' }, 4, 0],
      ],
    })
    expect(await page()).toEqual([
      '# TYPE h histogram',
      'h_bucket{instance="",job="j",le="+Inf"} 4',
      'h_sum{instance="",job="j"} 6',
      'h_count{instance="",job="j"} 4',
    ])
  })

  it('have buckets in every format when their bounds are custom', async () => {
    const { page, write } = open()
    const custom: NativeHistogram = {
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      customBounds: [0.1, 1, 10],
      positive: { spans: [{ offset: 1, length: 3 }], counts: [1, 2, 3] },
      negative: { spans: [], counts: [] },
    }
    await write({ histograms: [['h', { job: 'j' }, custom, 6, 0]] })
    const lines = [
      'h_bucket{instance="",job="j",le="0.1"} 0',
      'h_bucket{instance="",job="j",le="1"} 1',
      'h_bucket{instance="",job="j",le="10"} 3',
      'h_bucket{instance="",job="j",le="+Inf"} 6',
    ]
    expect((await page()).filter((line) => line.startsWith('h_bucket'))).toEqual(lines)
    const openMetrics = (await page({ format: 'openmetrics' })).filter((line) => line.startsWith('h_bucket'))
    expect(openMetrics).toHaveLength(lines.length)
  })

  it('end by a stale marker of either kind', async () => {
    const { page, write } = open()
    await write({ histograms: [['h', { job: 'j' }, NATIVE, 4, 0]] })
    expect(await page()).toHaveLength(4)
    await write({ numbers: [['h', { job: 'j' }, 'stale', 10]] })
    expect(await page()).toEqual([])
  })

  it('give way to numbers of the same name and come back', async () => {
    const { page, write } = open()
    await write({ histograms: [['h', { job: 'j' }, NATIVE, 4, 0]] })
    await write({ numbers: [['h', { job: 'j' }, 5, 10]] })
    await page()
    await write({ histograms: [['h', { job: 'j' }, NATIVE, 4, 20]] })
    expect(await page()).toHaveLength(4)
  })
})

it('is the same page at every replica, whoever was written to', async () => {
  const store = embeddedStore(() => NOW_MS)
  const replicas = [open(store), open(store), open(store)] as const
  const types = ['histogram', 'counter', 'summary', 'gauge', 'unknown'] as const
  for (let step = 0; step < 300; step++) {
    const replica = replicas[step % 3] as ReturnType<typeof open>
    const at = (step * 7919) % 1000
    const name = ['h', 'h_bucket', 'h_sum', 'h_count', 'h_total'][at % 5] as string
    const labels = {
      job: `j${at % 3}`,
      ...(at % 2 === 0 ? { le: '+Inf' } : {}),
      ...(at % 4 === 1 ? { quantile: '0.5' } : {}),
    }
    if (at % 11 === 0) await replica.write({ metadata: [hint('h', types[at % 5] ?? 'gauge', `Help ${at}`)] })
    else await replica.write({ numbers: [[name, labels, at % 13 === 0 ? 'stale' : at, step]] })
    if (step % 20 === 0) await replica.text()
  }
  for (const format of ['text', 'openmetrics'] as const) {
    const [first, ...others] = await Promise.all(replicas.map((replica) => replica.text({ format })))
    expect(first?.split('\n').length).toBeGreaterThan(5)
    for (const other of others) expect(other).toBe(first)
    // One that saw nothing of it knows the same.
    expect(await open(store).text({ format })).toBe(first)
  }
})

type Record_ = Readonly<Record<string, string>>
type Num = readonly [name: string, labels: Record_, value: number | 'stale', atMs: number]

interface Body {
  readonly numbers?: readonly Num[]
  readonly histograms?: readonly (readonly [string, Record_, NativeHistogram, number, number])[]
  readonly exemplars?: readonly (readonly [string, Record_, Record_, number, number])[]
  readonly metadata?: readonly RemoteMetadata[]
  readonly refused?: RemoteWrite<RemoteSeries>['refused']
  readonly startMs?: number
}

function hint(name: string, type: RemoteMetadata['type'], help: string): RemoteMetadata {
  return { name, type, help, unit: '' }
}

/** A gateway that is written to in times since its store's clock was set. */
function open(shared?: ReturnType<typeof embeddedStore>): TestGateway & {
  write(body: Body): Promise<RemoteWritten>
  pass(ms: number): void
} {
  let nowMs = NOW_MS
  const test = openTestGateway(shared ?? embeddedStore(() => nowMs))
  const { gateway } = test
  const seriesOf = (name: string, labels: Record_) => gateway.placeSeries(name, labelsOf(labels))
  return {
    ...test,
    pass(ms) {
      nowMs += ms
    },
    write: ({ numbers = [], histograms = [], exemplars = [], metadata = [], refused = NONE, startMs = 0 }) =>
      gateway.remoteWrite({
        protocol: 'remote-write-2',
        deadlineMs: performance.now() + 5000,
        body: {
          numbers: numbers.map(
            ([name, labels, value, atMs]): RemoteNumber<RemoteSeries> => ({
              series: seriesOf(name, labels),
              timestampMs: NOW_MS + atMs,
              value: value === 'stale' ? Number.NaN : value,
              stale: value === 'stale',
              startMs,
            }),
          ),
          histograms: histograms.map(([name, labels, native, count, atMs]) => ({
            series: seriesOf(name, labels),
            timestampMs: NOW_MS + atMs,
            metric: { count, sum: 6, native },
            stale: false,
            startMs,
          })),
          exemplars: exemplars.map(([name, labels, own, value, atMs]) => ({
            series: seriesOf(name, labels),
            exemplar: { labels: labelsOf(own), value, timestampMs: NOW_MS + atMs },
          })),
          metadata,
          refused,
        },
      }),
  }
}

const NONE = { samples: 0, histograms: 0, exemplars: 0, emptySeries: 0, reasons: [] }
