import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readBody } from '../../../src/client/check.ts'
import { buildOtlp, explainOtlp, type OtlpOrder, readOtlpAnswer } from '../../../src/client/otlp.ts'
import {
  OtlpReader,
  PROMETHEUS_TRANSLATION,
  writeResponse,
  writeStatus,
} from '../../../src/formats/otlp/index.ts'
import type { Family, HistogramMetric, NativeHistogram } from '../../../src/model/family.ts'
import { LIMITS } from '../formats/otlp/limits.ts'

const NOW_MS = 1_700_000_000_123
const TARGET = { base: 'http://h' }

function order(families: readonly Family[], more: Partial<OtlpOrder> = {}): OtlpOrder {
  return { target: TARGET, families, labels: [], nowMs: NOW_MS, gzip: false, ...more }
}

/** What a receiver makes of it. */
function received(families: readonly Family[], more: Partial<OtlpOrder> = {}) {
  const { request } = buildOtlp(order(families, more))
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })
  const { families: read, rejectedPoints, message } = reader.read(request.body, 'protobuf')
  expect([rejectedPoints, message]).toEqual([0, ''])
  return read.map(({ family, streams }) => {
    expect(streams).toBeUndefined()
    return family
  })
}

function parse(text: string): readonly Family[] {
  return readBody({ name: 'test', body: Buffer.from(`${text}# EOF\n`), format: 'openmetrics' })
}

function withTime(families: readonly Family[]): unknown[] {
  return families.map((family) => ({
    ...family,
    metrics: family.metrics.map((metric) => ({ ...metric, timestampMs: metric.timestampMs ?? NOW_MS })),
  }))
}

describe('families sent by OTLP', () => {
  it.each([
    ['a counter', '# TYPE rows counter\n# HELP rows Rows.\nrows_total{a="1"} 3\nrows_total{a="2"} 4\n'],
    ['a counter with a start', '# TYPE rows counter\nrows_total 3\nrows_created 1699999999.25\n'],
    [
      'a gauge with a unit',
      '# TYPE size_bytes gauge\n# UNIT size_bytes bytes\nsize_bytes -1.5 1600000000.5\n',
    ],
    ['values that are no numbers', '# TYPE g gauge\ng{a="1"} NaN\ng{a="2"} +Inf\ng{a="3"} -Inf\n'],
    ['no help', '# TYPE g gauge\ng 1\n'],
    [
      'a classic histogram',
      '# TYPE d_seconds histogram\n# UNIT d_seconds seconds\nd_seconds_bucket{le="0.5"} 2\nd_seconds_bucket{le="1.0"} 2\nd_seconds_bucket{le="+Inf"} 5\nd_seconds_sum 7.5\nd_seconds_count 5\n',
    ],
  ])('arrive as they are: %s', (_what, text) => {
    const families = parse(text)
    const sent = withTime(families).map((family) => ({
      ...(family as Family),
      metrics: (family as Family).metrics.map((metric) =>
        'buckets' in metric
          ? {
              ...metric,
              buckets: metric.buckets.filter(({ upperBound }) => upperBound !== Number.POSITIVE_INFINITY),
            }
          : metric,
      ),
    }))
    expect(received(families)).toEqual(sent)
  })

  it('arrive with other types where OTLP has none, and without exemplars', () => {
    const text =
      '# TYPE u unknown\nu 1\n# TYPE i info\ni_info{v="2"} 1\n# TYPE s stateset\ns{s="on"} 1\ns{s="off"} 0\n' +
      '# TYPE gh gaugehistogram\ngh_bucket{le="+Inf"} 2\ngh_gcount 2\ngh_gsum 3\n' +
      '# TYPE c counter\nc_total 1 # {trace_id="x"} 1\n'
    expect(received(parse(text))).toMatchObject([
      { name: 'u', type: 'gauge' },
      { name: 'i_info', type: 'gauge', metrics: [{ labels: [{ name: 'v', value: '2' }], value: 1 }] },
      {
        name: 's',
        type: 'gauge',
        metrics: [
          { labels: [{ name: 's', value: 'on' }], value: 1 },
          { labels: [{ name: 's', value: 'off' }], value: 0 },
        ],
      },
      { name: 'gh', type: 'histogram', metrics: [{ count: 2, sum: 3 }] },
      { name: 'c_total', type: 'counter', metrics: [{ value: 1 }] },
    ])
  })

  it('are split where they are summaries', () => {
    const text =
      '# TYPE r_seconds summary\n# UNIT r_seconds seconds\nr_seconds{quantile="0.5"} 2\nr_seconds_sum 9\nr_seconds_count 4\n'
    expect(received(parse(text))).toMatchObject([
      {
        name: 'r_seconds',
        type: 'gauge',
        metrics: [{ labels: [{ name: 'quantile', value: '0.5' }], value: 2 }],
      },
      { name: 'r_seconds_sum', type: 'gauge', metrics: [{ labels: [], value: 9 }] },
      { name: 'r_seconds_count', type: 'gauge', metrics: [{ labels: [], value: 4 }] },
    ])
  })

  const native: NativeHistogram = {
    schema: 2,
    zeroThreshold: 1e-128,
    zeroCount: 3,
    positive: {
      spans: [
        { offset: -2, length: 2 },
        { offset: 3, length: 1 },
      ],
      counts: [1, 2, 4],
    },
    negative: { spans: [{ offset: 5, length: 1 }], counts: [7] },
  }
  const histogram = (metric: Partial<HistogramMetric>): Family => ({
    name: 'n',
    type: 'histogram',
    help: '',
    unit: '',
    metrics: [{ labels: [], timestampMs: NOW_MS, count: 17, sum: 1, buckets: [], ...metric }],
  })

  it('keep their native buckets', () => {
    const family = histogram({ native })
    expect(received([family])).toEqual([family])
    const empty = { spans: [], counts: [] }
    const zero = histogram({ count: 3, native: { ...native, positive: empty, negative: empty } })
    expect(received([zero])).toEqual([zero])
  })

  it('show buckets of custom bounds as classic ones', () => {
    const custom: NativeHistogram = {
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      customBounds: [1, 2],
      positive: { spans: [{ offset: 0, length: 3 }], counts: [4, 6, 7] },
      negative: { spans: [], counts: [] },
    }
    const buckets = [
      { upperBound: 1, cumulativeCount: 4 },
      { upperBound: 2, cumulativeCount: 10 },
    ]
    expect(received([histogram({ native: custom })])).toEqual([histogram({ buckets })])
  })

  it('have the count of their buckets where they have none themselves', () => {
    const buckets = [{ upperBound: 1, cumulativeCount: 4 }]
    expect(received([{ ...histogram({}), metrics: [{ labels: [], buckets }] } as Family])).toMatchObject([
      { metrics: [{ count: 4, buckets }] },
    ])
  })

  it.each<[string, Partial<HistogramMetric>, RegExp]>([
    [
      'counts that fall',
      { count: 3, buckets: [{ upperBound: 1, cumulativeCount: 4 }] },
      /n has -1 observations/,
    ],
    ['counts that are fractions', { count: 1.5 }, /n has 1.5 observations/],
    ['native counts that are fractions', { native: { ...native, zeroCount: 0.5 } }, /n has 0.5 observations/],
    ['times before 1970', { timestampMs: -1 }, /time -1 ms/],
    ['times no clock reaches', { startMs: 1e14 }, /time 100000000000000 ms/],
  ])('are refused for %s', (_why, metric, message) => {
    expect(() => buildOtlp(order([histogram(metric)]))).toThrow(message)
  })

  it('get labels: job and instance by the resource, others at every point, over its own', () => {
    const labels = [
      { name: 'dc', value: 'eu' },
      { name: 'instance', value: 'db1' },
      { name: 'job', value: 'backup' },
    ]
    const families = parse('# TYPE g gauge\ng{dc="us",instance="x",__proto__="p"} 1\n')
    expect(received(families, { labels })).toMatchObject([
      { metrics: [{ labels: [{ name: '__proto__', value: 'p' }, ...labels] }] },
    ])
    expect(received(families)).toMatchObject([
      {
        metrics: [
          { labels: [{ name: '__proto__' }, { name: 'dc', value: 'us' }, { name: 'instance', value: 'x' }] },
        ],
      },
    ])
  })
})

describe('the request', () => {
  it('goes to the path of OTLP, compressed where that is worth it', () => {
    const text = Array.from({ length: 100 }, (_, n) => `g{n="${n}"} 1\n`).join('')
    const families = parse(`# TYPE g gauge\n${text}`)
    const target = { ...TARGET, credentials: { user: 'me', password: 'pw' } }
    const plain = buildOtlp(order(families)).request
    const { request, series } = buildOtlp(order(families, { gzip: true, ttl: '1m', target }))
    expect(series).toBe(100)
    expect(request).toMatchObject({ method: 'POST', url: 'http://h/v1/metrics' })
    expect(Object.fromEntries(request.headers)).toEqual({
      'Content-Type': 'application/x-protobuf',
      'Content-Encoding': 'gzip',
      'X-Pgr-TTL': '1m',
      Authorization: `Basic ${Buffer.from('me:pw').toString('base64')}`,
    })
    expect(gunzipSync(request.body).equals(plain.body)).toBe(true)
  })

  it('may be empty', () => {
    expect(received([])).toEqual([])
  })
})

describe('the answer', () => {
  const headers = new Headers({ 'content-type': 'application/x-protobuf' })
  const partial = (rejectedPoints: number, message: string) => ({
    headers,
    body: writeResponse({ rejectedPoints, message }, 'protobuf'),
  })

  it('says nothing when all is well, or warns', () => {
    expect(readOtlpAnswer(partial(0, ''))).toBeUndefined()
    expect(readOtlpAnswer({ headers: new Headers(), body: new Uint8Array(0) })).toBeUndefined()
    expect(readOtlpAnswer(partial(0, 'mind\nthe \u001b[1mgap'))).toBe('mind the [1mgap')
  })

  it('is an error when points were rejected, or when it is none of OTLP', () => {
    expect(() => readOtlpAnswer(partial(2, 'too late'))).toThrow(/rejected points \(2\).*: too late$/)
    expect(() => readOtlpAnswer(partial(1, ''))).toThrow(/its log may say why$/)
    const html = new Headers({ 'content-type': 'text/html' })
    expect(() => readOtlpAnswer({ headers: html, body: Buffer.from('<p>') })).toThrow(
      /"text\/html", is none of OTLP/,
    )
    expect(() => readOtlpAnswer({ headers, body: Buffer.from([0x0a, 0x7f]) })).toThrow(/is none of OTLP/)
  })

  it('gives its reason in protobuf or in text', () => {
    expect(explainOtlp({ headers, body: writeStatus(400, 'no such name', 'protobuf') })).toBe('no such name')
    expect(explainOtlp({ headers: new Headers(), body: Buffer.from('Bad Gateway') })).toBe('Bad Gateway')
    expect(explainOtlp({ headers, body: Buffer.from('Bad Gateway') })).toBe('Bad Gateway')
  })
})
