import snappy from 'snappyjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeRemoteWrite, type Message, pairs } from '../support/remote-write.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask, samplesOf, scrape } from './ask.ts'

/**
 * What the receiver tests of Prometheus ask for, exactly: where they let pass any 400, or any count up to what was sent,
 * this says which of it is right. See docs/conformance.md.
 */
let pgr: Pgr

beforeAll(async () => {
  pgr = await startPgr()
})
afterAll(() => pgr.kill())

const HOUR_MS = 3_600_000

type Texts = Readonly<Record<string, string>>

/** A time series of version 2 in plain words. */
interface Series {
  readonly labels: Texts
  /** Of a sample, unless the series has something else instead. */
  readonly value?: number
  readonly histogram?: Message
  readonly exemplars?: readonly { readonly labels: Texts; readonly value?: number; readonly agoMs?: number }[]
  readonly metadata?: { readonly type: number; readonly help?: string; readonly unit?: string }
  readonly agoMs?: number
  /** When it started; most have no such time. */
  readonly startedAgoMs?: number
}

const TYPES = {
  unspecified: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  gaugehistogram: 4,
  summary: 5,
  info: 6,
  stateset: 7,
} as const

/** Any number that is none; what stands in its place is the marker. */
const STALE = Number.NaN
const [NAN_BYTES, STALE_BYTES] = ['000000000000f87f', '020000000000f07f'].map((hex) =>
  Buffer.from(hex, 'hex'),
)

function bodyOf(all: readonly Series[]): Buffer {
  const symbols = ['']
  const refOf = (text: string): number => {
    const known = symbols.indexOf(text)
    return known === -1 ? symbols.push(text) - 1 : known
  }
  const refsOf = (labels: Texts): number[] => Object.entries(labels).flat().map(refOf)
  const nowMs = Date.now()
  const timeseries = all.map(
    ({ labels, value, histogram, exemplars = [], metadata, agoMs = 0, startedAgoMs }) => {
      const times = {
        timestamp: nowMs - agoMs,
        ...(startedAgoMs === undefined ? {} : { startTimestamp: nowMs - startedAgoMs }),
      }
      return {
        labelsRefs: refsOf(labels),
        ...(value === undefined ? {} : { samples: [{ value, ...times }] }),
        ...(histogram === undefined ? {} : { histograms: [{ ...histogram, ...times }] }),
        exemplars: exemplars.map((exemplar) => ({
          labelsRefs: refsOf(exemplar.labels),
          value: exemplar.value ?? 1,
          timestamp: nowMs - (exemplar.agoMs ?? 0),
        })),
        ...(metadata === undefined
          ? {}
          : {
              metadata: {
                type: metadata.type,
                helpRef: refOf(metadata.help ?? ''),
                unitRef: refOf(metadata.unit ?? ''),
              },
            }),
      }
    },
  )
  return encodeRemoteWrite(2, { symbols, timeseries })
}

function withStaleMarkers(body: Buffer): Buffer {
  const marked = Buffer.from(body)
  for (
    let at = marked.indexOf(NAN_BYTES as Buffer);
    at >= 0;
    at = marked.indexOf(NAN_BYTES as Buffer, at + 8)
  )
    marked.set(STALE_BYTES as Buffer, at)
  return marked
}

const HEADERS = {
  'content-encoding': 'snappy',
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'x-prometheus-remote-write-version': '2.0.0',
}

/** The status, and how many samples, histograms and exemplars are said to be written: `204 3 0 1`, or `204` alone. */
async function send(body: Uint8Array, headers: Texts = HEADERS): Promise<string> {
  const answer = await ask(pgr.url, '/api/v1/write', { method: 'POST', headers, body })
  expect(answer.text === '').toBe(answer.status === 204)
  const said = ['samples', 'histograms', 'exemplars']
    .map((what) => answer.headers[`x-prometheus-remote-write-${what}-written`])
    .filter((count) => count !== undefined)
  return [answer.status, ...said].join(' ')
}

const press = (body: Uint8Array): Uint8Array => snappy.compress(body)
const written = (samples: number, histograms = 0, exemplars = 0): string =>
  `204 ${samples} ${histograms} ${exemplars}`
const refused = (samples = 0): string => `400 ${samples} 0 0`

const named = (name: string, labels: Texts = {}): Texts => ({ __name__: name, ...labels })
const targets = (count: number, first: Texts = {}): Texts[] =>
  Array.from({ length: count }, (_, n) => ({
    ...(n === 0 ? first : named('up')),
    job: 'testjob',
    instance: `localhost:909${n}`,
  }))

const positive = {
  positiveSpans: [
    { offset: 0, length: 3 },
    { offset: 2, length: 2 },
  ],
  positiveDeltas: [1, 2, 1, 3, 1],
}
const negative = { negativeSpans: [{ offset: 0, length: 2 }], negativeDeltas: [1, 1] }
/** 23 observations above zero, 3 below, 1 at zero. */
const whole = { countInt: 27, sum: 1, zeroCountInt: 1, ...positive, ...negative }
const above = { countInt: 24, sum: 2, zeroCountInt: 1, ...positive }
const below = { countInt: 4, sum: -2, zeroCountInt: 1, ...negative }
const custom = {
  countInt: 30,
  sum: 1,
  schema: -53,
  positiveSpans: [{ offset: 0, length: 6 }],
  positiveDeltas: [2, 1, 2, 3, -1, -2],
  customValues: [0.1, 0.5, 1, 2.5, 5, 10],
}

type Row = readonly [what: string, series: readonly Series[], outcome: string]

const shapes = (value: number): Row[] => [
  ['a name', [{ labels: named('up'), value }], written(1)],
  ['a name and labels', [{ labels: named('up', { job: 'j', instance: 'i' }), value }], written(1)],
  ['line ends in a label', [{ labels: named('up', { job: 'test\njob\n' }), value }], written(1)],
  ['dots in its names', [{ labels: named('resource.cpu.usage', { 'job.name': 'j' }), value }], written(1)],
  ['blanks in its names', [{ labels: named('resource cpu usage', { 'job name': 'j' }), value }], written(1)],
  ['no name', [{ labels: { job: 'testjob' }, value }], refused()],
  ['no labels', [{ labels: {}, value }], refused()],
  ['three like it', targets(4, named('up')).map((labels) => ({ labels, value })), written(4)],
  ['no name, like all of four', targets(4).map(({ job = '' }) => ({ labels: { job }, value })), refused()],
  ['no name, and three that have one', targets(4).map((labels) => ({ labels, value })), refused(3)],
]

describe.each([
  ['1', 1],
  ['not a number', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['minus infinity', Number.NEGATIVE_INFINITY],
])('a sample of %s', (_what, value) => {
  it.each(shapes(value))('with %s', async (_shape, series, outcome) => {
    expect(await send(press(bodyOf(series)))).toBe(outcome)
  })
})

describe('a stale marker', () => {
  it.each(shapes(STALE))('with %s counts as written', async (_shape, series, outcome) => {
    const body = withStaleMarkers(bodyOf(series))
    expect(body.includes(STALE_BYTES as Buffer)).toBe(true)
    expect(await send(press(body))).toBe(outcome)
  })
})

const REQUESTS = named('http_requests_total', { job: 'api' })
const LATENCY = named('request_duration_seconds', { service: 'auth' })

const histograms: readonly Row[] = [
  ['buckets on both sides and at zero', [{ labels: LATENCY, histogram: whole }], written(0, 1)],
  ['custom buckets', [{ labels: named('custom'), histogram: custom }], written(0, 1)],
  ['buckets above zero', [{ labels: named('above'), histogram: above }], written(0, 1)],
  ['buckets below zero', [{ labels: named('below'), histogram: below }], written(0, 1)],
  [
    'the zero bucket alone',
    [{ labels: named('zero'), histogram: { countInt: 1, sum: 0, zeroCountInt: 1 } }],
    written(0, 1),
  ],
  ['nothing observed', [{ labels: named('empty'), histogram: { countInt: 0, sum: 0 } }], written(0, 1)],
  [
    'a count other than its buckets',
    [{ labels: named('wrong'), histogram: { ...above, countInt: 99 } }],
    refused(),
  ],
  ['a start', [{ labels: LATENCY, histogram: whole, startedAgoMs: HOUR_MS / 2 }], written(0, 1)],
  [
    'another one',
    [
      { labels: named('h1'), histogram: above },
      { labels: named('h2'), histogram: below },
    ],
    written(0, 2),
  ],
  [
    'help, unit and an exemplar',
    [
      {
        labels: LATENCY,
        histogram: whole,
        metadata: { type: TYPES.histogram, help: 'How long it took.', unit: 'seconds' },
        exemplars: [{ labels: { trace_id: 'slow', endpoint: '/login' }, value: 0.456 }],
      },
    ],
    written(0, 1, 1),
  ],
  [
    'custom buckets and an exemplar',
    [{ labels: named('custom'), histogram: custom, exemplars: [{ labels: { trace_id: 'c' } }] }],
    written(0, 1, 1),
  ],
  [
    'fifty of its kind',
    Array.from({ length: 50 }, (_, n) => ({
      labels: named(`histogram_${n}`, { bucket: `${n}` }),
      histogram: n % 2 === 0 ? whole : above,
      metadata: { type: TYPES.histogram, help: `Number ${n}.`, unit: 'seconds' },
      exemplars: [{ labels: { trace_id: `trace_${n}` } }],
    })),
    written(0, 50, 50),
  ],
  ['samples beside it', [{ labels: named('both'), value: 1, histogram: above }], refused()],
]

/** What Prometheus 3.16 itself takes and refuses; the suite has none of these. */
const strangeHistograms: readonly [what: string, histogram: Message, outcome: string][] = [
  [
    'more observations than its buckets when its sum is not a number',
    { ...above, countInt: 99, sum: Number.NaN },
    written(0, 1),
  ],
  [
    'fractions that do not add up',
    { countFloat: 30, sum: 1, positiveSpans: [{ offset: 0, length: 1 }], positiveCounts: [2.5] },
    written(0, 1),
  ],
  ['a resolution finer than any that is kept', { ...above, schema: 52 }, written(0, 1)],
  ['the coarsest resolution', { ...above, schema: -4 }, written(0, 1)],
  ['a coarser one', { ...above, schema: -5 }, refused()],
  ['a zero bucket without end', { ...above, zeroThreshold: Number.POSITIVE_INFINITY }, written(0, 1)],
  ['spans for more buckets than it has', { ...above, positiveSpans: [{ offset: 0, length: 9 }] }, refused()],
  [
    'a span that goes back',
    { ...above, positiveSpans: [...positive.positiveSpans, { offset: -1, length: 0 }] },
    refused(),
  ],
  ['a bucket below nothing', { ...above, positiveDeltas: [-1, 2, 1, 3, 1] }, refused()],
  [
    'a fraction below nothing',
    { countFloat: -3, sum: 1, positiveSpans: [{ offset: 0, length: 1 }], positiveCounts: [-3] },
    refused(),
  ],
  [
    'fractions in its buckets and none in its count',
    { ...above, positiveDeltas: [], positiveCounts: [1, 3, 4, 7, 8] },
    refused(),
  ],
  ['custom bounds out of order', { ...custom, customValues: [0.5, 0.1, 1, 2.5, 5, 10] }, refused()],
  [
    'infinity as a custom bound',
    { ...custom, customValues: [0.1, 0.5, 1, 2.5, 5, Number.POSITIVE_INFINITY] },
    refused(),
  ],
  ['more custom buckets than bounds allow', { ...custom, customValues: [1, 2] }, refused()],
  ['custom buckets and a zero bucket', { ...custom, countInt: 31, zeroCountInt: 1 }, refused()],
  ['custom buckets below zero', { ...custom, countInt: 33, ...negative }, refused()],
  ['custom bounds it has no use for', { ...above, customValues: [1] }, refused()],
]

describe('a native histogram that is unusual', () => {
  it.each(strangeHistograms)('for %s', async (what, histogram, outcome) => {
    expect(await send(press(bodyOf([{ labels: named('strange', { what }), histogram }])))).toBe(outcome)
  })
})

describe('a native histogram', () => {
  it.each(histograms)('with %s', async (_what, series, outcome) => {
    expect(await send(press(bodyOf(series)))).toBe(outcome)
  })
})

const exemplarOf = (labels: Texts, value = 1): Series => ({
  labels: REQUESTS,
  value,
  exemplars: [{ labels, value }],
})

const exemplars: readonly Row[] = [
  ['a trace', [exemplarOf({ trace_id: 'abc123def456' })], written(1, 0, 1)],
  ['a trace and a span', [exemplarOf({ trace_id: 'x', span_id: 'y' })], written(1, 0, 1)],
  ['no trace', [exemplarOf({ user_id: 'user123' })], written(1, 0, 1)],
  ['three labels', [exemplarOf({ trace_id: 't', user: 'admin', endpoint: '/login' })], written(1, 0, 1)],
  ['no labels', [exemplarOf({})], written(1, 0, 1)],
  ['other letters', [exemplarOf({ trace_id: 'unicode_trace_测试', dashes: '-_.' })], written(1, 0, 1)],
  [
    'a series that started',
    [{ ...exemplarOf({ trace_id: 't' }), startedAgoMs: 2 * HOUR_MS }],
    written(1, 0, 1),
  ],
  [
    'others of other series',
    [named('a'), named('b'), named('c')].map((labels) => ({ ...exemplarOf({ trace_id: 't' }), labels })),
    written(3, 0, 3),
  ],
  [
    'older ones of its series',
    [HOUR_MS, 60_000, 0].map((agoMs) => ({
      labels: named('latency_hist'),
      value: 0.05,
      agoMs,
      exemplars: [{ labels: { trace_id: `${agoMs}` }, agoMs }],
    })),
    written(3, 0, 3),
  ],
  ...[0, -123.456, 1e10, 1e-10, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
    (value): Row => [`the value ${value}`, [exemplarOf({ trace_id: 't' }, value)], written(1, 0, 1)],
  ),
  ['a series without a name', [{ ...exemplarOf({ trace_id: 't' }), labels: { job: 'test' } }], refused()],
  ['a series with an empty name', [{ ...exemplarOf({ trace_id: 't' }), labels: named('') }], refused()],
  // Prometheus sends them like this.
  [
    'a series that has nothing else',
    [{ labels: named('orphan'), exemplars: [{ labels: { trace_id: 't' } }] }],
    written(0, 0, 1),
  ],
]

describe('an exemplar with', () => {
  it.each(exemplars)('%s', async (_what, series, outcome) => {
    expect(await send(press(bodyOf(series)))).toBe(outcome)
  })
})

const described = (type: keyof typeof TYPES, help = 'What it is.', unit = ''): Series => ({
  labels: named(`${type}_described`),
  ...(type === 'histogram' ? { histogram: whole } : { value: 1 }),
  metadata: { type: TYPES[type], help, unit },
})

const metadata: readonly Row[] = [
  ...(Object.keys(TYPES) as (keyof typeof TYPES)[]).map(
    (type): Row => [
      `of type ${type}`,
      [described(type, `A ${type}.`, 'seconds')],
      type === 'histogram' ? written(0, 1) : written(1),
    ],
  ),
  ['without help and unit', [described('counter', '', '')], written(1)],
  [
    'with line ends and quotes',
    [described('gauge', 'Test with\nlines and "quotes"', 'bytes/sec')],
    written(1),
  ],
  ['beside a start', [{ ...described('counter'), startedAgoMs: HOUR_MS }], written(1)],
  [
    'of three families, one with labels',
    [
      described('gauge'),
      described('counter'),
      { ...described('gauge'), labels: named('disk_usage', { device: 'sda1' }) },
    ],
    written(3),
  ],
  ['of a series without a name', [{ ...described('counter'), labels: { job: 'test' } }], refused()],
  ['of a series with an empty name', [{ ...described('gauge'), labels: named('') }], refused()],
  // At least one sample or histogram must be provided, says the specification.
  [
    'of a series that has nothing else',
    [{ labels: named('orphan'), metadata: { type: TYPES.counter } }],
    refused(),
  ],
  [
    'of fifty families, with samples and exemplars',
    Array.from({ length: 50 }, (_, n) => ({
      labels: named(`counter_metric_${n}`, { series: `series_${n}` }),
      value: n * 100,
      metadata: { type: TYPES.counter, help: `Counter metric number ${n}`, unit: 'count' },
      exemplars: [{ labels: { trace_id: `trace_${n}` }, value: n * 100 }],
    })),
    written(50, 0, 50),
  ],
  [
    'with all kinds of letters',
    [
      {
        labels: named('letters', { job: 'test-job_with.special@chars', environment: 'test🚀' }),
        value: 42,
        metadata: { type: TYPES.gauge, help: 'äöü\nand "quotes"', unit: 'special/units' },
        exemplars: [{ labels: { trace_id: 'special_trace_äöü-123' } }],
      },
    ],
    written(1, 0, 1),
  ],
  [
    'of an old sample beside a new one',
    [
      { ...described('gauge'), agoMs: HOUR_MS },
      { labels: named('new'), value: 2 },
    ],
    written(2),
  ],
]

describe('metadata', () => {
  it.each(metadata)('%s', async (_what, series, outcome) => {
    expect(await send(press(bodyOf(series)))).toBe(outcome)
  })
})

it('a counter with a start is written', async () => {
  const body = bodyOf([{ labels: REQUESTS, value: 100, startedAgoMs: HOUR_MS }])
  expect(await send(press(body))).toBe(written(1))
})

describe('a request', () => {
  const UP = bodyOf([{ labels: named('up'), value: 1 }])
  const CORRUPT = Uint8Array.from(press(UP), (byte, at) => (at === 0 ? 0x30 : byte))

  it.each(['application/json', 'image/png'])('of type %s is refused, whatever it holds', async (type) => {
    expect(await send(CORRUPT, { ...HEADERS, 'content-type': type })).toBe('415')
  })

  it.each(['gzip', 'deflate'])('encoded in %s is refused, whatever it holds', async (encoding) => {
    expect(await send(CORRUPT, { ...HEADERS, 'content-encoding': encoding })).toBe('415 0 0 0')
  })

  it('that is corrupt is refused', async () => {
    expect(await send(CORRUPT)).toBe(refused())
  })

  it('of version 1 is written, and nothing is said of how much', async () => {
    const series = [pairs('__name__', 'up', 'job', 'a'), pairs('__name__', 'http_requests_total')]
    const body = encodeRemoteWrite(1, {
      timeseries: series.map((labels) => ({ labels, samples: [{ value: 1, timestamp: Date.now() }] })),
    })
    const headers = { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' }
    expect(await send(press(body), headers)).toBe('204')
    const corrupt = Uint8Array.from(press(body), (byte, at) => (at === 0 ? 0xff : byte))
    expect(await send(corrupt, headers)).toBe('400')
  })
})

it('what was written is shown', async () => {
  const body = bodyOf([
    { ...described('counter', 'The last.'), labels: named('last_total', { job: 'j', 'a.b': 'c' }), value: 7 },
    { labels: named('gone', { job: 'j' }), value: 1 },
  ])
  await send(press(body))
  await send(press(withStaleMarkers(bodyOf([{ labels: named('gone', { job: 'j' }), value: STALE }]))))
  const text = await scrape(pgr.url)
  expect(text).toContain(
    '# HELP last_total The last.\n# TYPE last_total counter\nlast_total{a_b="c",instance="",job="j"} 7\n',
  )
  expect(samplesOf(text).filter((line) => line.startsWith('gone'))).toEqual([])
  expect(samplesOf(text).length).toBeGreaterThan(200)
})
