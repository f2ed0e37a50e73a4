import { describe, expect, it } from 'vitest'
import type { RemoteWriteVersion } from '../../../../src/formats/remote-write/index.ts'
import { RemoteWriteReader } from '../../../../src/formats/remote-write/index.ts'
import { encodeRemoteWrite, type Message, pairs, symbolized } from '../../../support/remote-write.ts'
import { NOW, OPTIONS, readBody, readMessage, refusal, show, single } from './reading.ts'

const SAMPLE = { value: 1, timestamp: NOW }
const VERSIONS: [RemoteWriteVersion][] = [[1], [2]]

/** One series in either version. */
function oneSeries(version: RemoteWriteVersion, labels: readonly string[], rest: Message): Message {
  return version === 1
    ? { timeseries: [{ labels: pairs(...labels), ...rest }] }
    : symbolized({ labels, ...rest })
}

describe.each(VERSIONS)('version %i', (version) => {
  const readOne = (labels: readonly string[], rest: Message = { samples: [SAMPLE] }, options = OPTIONS) =>
    readMessage(version, oneSeries(version, labels, rest), options)

  it('reads nothing from an empty body', () => {
    expect(readBody(Buffer.alloc(0), version)).toMatchObject({
      numbers: [],
      metadata: [],
      refused: { emptySeries: 0 },
    })
  })

  it('sorts labels, and leaves out empty ones', () => {
    const { numbers } = readOne(['b', '2', '__name__', 'up', 'empty', '', 'a', '1'])
    expect(numbers).toEqual([
      { series: 'up{a="1",b="2"}', timestampMs: NOW, value: 1, stale: false, startMs: 0 },
    ])
  })

  it.each<[string, string[], RegExp]>([
    ['no name', ['job', 'api'], /time series 1 \{job="api"\} has no name; give it a label "__name__"/],
    ['an empty name', ['__name__', ''], /has no name/],
    ['a label without a name', ['__name__', 'up', '', 'x'], /has a label without a name/],
    ['a label twice', ['__name__', 'up', 'a', '1', 'a', '2'], /has two labels called "a"/],
    ['two names', ['__name__', 'up', '__name__', 'down'], /has two labels called "__name__"/],
    ['an empty label twice', ['__name__', 'up', 'a', '', 'a', ''], /has two labels called "a"/],
    ['too long a metric name', ['__name__', 'a'.repeat(31)], /31 characters.*--push.max-name-length/],
    ['too long a label name', ['__name__', 'up', 'a'.repeat(31), '1'], /--push.max-name-length/],
    ['too long a value', ['__name__', 'up', 'a', 'x'.repeat(41)], /--push.max-value-length/],
    [
      'too many labels',
      ['__name__', 'up', 'a', '', 'b', '', 'c', '', 'd', '', 'e', '', 'f', ''],
      /more than the 5 labels allowed; raise --push.max-labels/,
    ],
  ])('refuses a series with %s', (_what, labels, reason) => {
    const { numbers, refused } = readOne(labels, { samples: [SAMPLE, SAMPLE], exemplars: [{ value: 1 }] })
    expect(numbers).toEqual([])
    expect(refused).toMatchObject({ samples: 2, exemplars: 1, histograms: 0, emptySeries: 0 })
    expect(refused.reasons).toEqual([expect.stringMatching(reason)])
  })

  it('reads any letters in names, whatever pushes may have', () => {
    const labels = ['__name__', 'ü', 'a.b', '1']
    expect(OPTIONS.utf8Names).toBe(false)
    expect(readOne(labels, { samples: [SAMPLE] }).numbers).toMatchObject([{ series: 'ü{a.b="1"}' }])
  })

  it('refuses a series with text that is not UTF-8, and reads U+FFFD itself', () => {
    const body = encodeRemoteWrite(
      version,
      oneSeries(version, ['__name__', 'up', 'a', '~~~'], { samples: [SAMPLE] }),
    )
    const at = body.indexOf('~~~')
    body.set([0xff, 0xfe, 0xfd], at)
    expect(readBody(body, version).refused).toMatchObject({
      samples: 1,
      reasons: [expect.stringContaining('has a value of label "a" that is not valid UTF-8')],
    })
    body.set([0xef, 0xbf, 0xbd], at)
    expect(readBody(body, version).numbers).toMatchObject([{ series: 'up{a="\ufffd"}' }])
  })

  it('reads exemplars of a series that has nothing else', () => {
    const exemplar =
      version === 1
        ? { labels: pairs('trace_id', 'x', 'a', 'y'), value: 2, timestamp: NOW }
        : { labelsRefs: [1, 2], value: 2, timestamp: NOW }
    const { numbers, exemplars, refused } = readOne(['__name__', 'up'], { exemplars: [exemplar] })
    expect(numbers).toEqual([])
    expect(refused).toMatchObject({ exemplars: 0, emptySeries: 0 })
    expect(exemplars).toMatchObject([{ series: 'up', exemplar: { value: 2, timestampMs: NOW } }])
    const names = exemplars[0]?.exemplar.labels.map(({ name }) => name)
    expect(names).toEqual(version === 1 ? ['a', 'trace_id'] : ['__name__'])
  })

  it('refuses an exemplar that is wrong, and reads the sample beside it', () => {
    const exemplar =
      version === 1 ? { labels: pairs('a', '1', 'a', '2'), value: 2 } : { labelsRefs: [1, 99], value: 2 }
    const { numbers, refused } = readOne(['__name__', 'up'], { samples: [SAMPLE], exemplars: [exemplar] })
    expect(numbers).toHaveLength(1)
    expect(refused).toMatchObject({
      emptySeries: 0,
      exemplars: 1,
      reasons: [expect.stringContaining('an exemplar that')],
    })
  })

  it('refuses a time beyond any date, and reads the samples beside it', () => {
    const far = Number.MAX_SAFE_INTEGER + 1
    const { numbers, refused } = readOne(['__name__', 'up'], {
      samples: [
        { value: 1, timestamp: far },
        { value: 2, timestamp: -far },
        { value: 3, timestamp: far - 1 },
      ],
    })
    expect(numbers).toMatchObject([{ value: 3, timestampMs: Number.MAX_SAFE_INTEGER }])
    expect(refused).toMatchObject({ samples: 2, emptySeries: 0 })
    expect(refused.reasons[0]).toContain('time series 1 {__name__="up"} has a sample with the time')
  })

  it('refuses a native histogram that contradicts itself, and makes one that is too fine coarser', () => {
    const histogram = {
      countInt: 1,
      sum: 1,
      schema: 10,
      positiveSpans: [{ offset: 4, length: 1 }],
      timestamp: NOW,
    }
    const { histograms, refused } = readOne(['__name__', 'size'], {
      histograms: [
        { ...histogram, positiveDeltas: [1] },
        { ...histogram, positiveDeltas: [2] },
        { ...histogram, positiveDeltas: [1], schema: -5 },
      ],
    })
    expect(histograms).toMatchObject([
      {
        series: 'size',
        metric: { native: { schema: 8, positive: { spans: [{ offset: 1, length: 1 }], counts: [1] } } },
      },
    ])
    expect(refused).toMatchObject({ histograms: 2, emptySeries: 0 })
    expect(refused.reasons[0]).toContain('holds 2 observations in its buckets, and its count is 1')
  })

  it('takes memory for no more buckets than there may be', () => {
    const { code, message } = refusal(() =>
      readOne(['__name__', 'size'], {
        histograms: [{ countInt: 1, positiveDeltas: new Array(65_537).fill(0) }],
      }),
    )
    expect(code).toBe('PGR_BODY_MALFORMED')
    expect(message).toContain('time series 1 has more than 65536 numbers in one list')
  })

  it('refuses more series than allowed', () => {
    const timeseries = Array.from({ length: 1001 }, () => ({
      ...(version === 1 ? { labels: pairs('__name__', 'up') } : { labelsRefs: [1, 2] }),
      samples: [SAMPLE],
    }))
    const symbols = version === 1 ? {} : { symbols: ['', '__name__', 'up'] }
    const { code, message } = refusal(() => readMessage(version, { ...symbols, timeseries }))
    expect(code).toBe('PGR_LIMIT_EXCEEDED')
    expect(message).toContain('--push.max-series')
    const few = readMessage(version, { ...symbols, timeseries: timeseries.slice(1) })
    expect(few.numbers).toHaveLength(1000)
  })

  it('keeps the first few reasons, and counts the rest', () => {
    const labels = version === 1 ? { labels: pairs('a', '1') } : { labelsRefs: [1, 2] }
    const timeseries = Array.from({ length: 100 }, () => ({ ...labels, samples: [SAMPLE] }))
    const { refused } = readMessage(version, {
      ...(version === 2 && { symbols: ['', 'a', '1'] }),
      timeseries,
    })
    expect(refused).toMatchObject({ samples: 100, emptySeries: 0 })
    expect(refused.reasons).toHaveLength(5)
  })
})

describe('version 1', () => {
  it('takes labels that stand behind samples', () => {
    const [front, back] = [
      encodeRemoteWrite(1, single('__name__', 'up')),
      encodeRemoteWrite(1, single('a', '1', 'b', '2')),
    ]
    const joined = Buffer.concat([front.subarray(2), back.subarray(2)])
    const body = Buffer.concat([Buffer.from([0x0a, joined.length]), joined])
    expect(readBody(body, 1).numbers).toMatchObject([
      { series: 'up{a="1",b="2"}' },
      { series: 'up{a="1",b="2"}' },
    ])
  })

  it('passes over a series that has nothing but labels', () => {
    expect(readMessage(1, { timeseries: [{ labels: pairs('a', 'b') }] })).toMatchObject({
      numbers: [],
      refused: { emptySeries: 0 },
    })
  })

  it('keeps the last metadata of a name, and none that no family may have', () => {
    const metadata = [
      { type: 1, metricFamilyName: 'a_total', help: 'first' },
      { type: 1, metricFamilyName: '', help: 'no name' },
      { type: 99, metricFamilyName: 'b', help: 'of a later type' },
      { type: 2, metricFamilyName: 'c', unit: 'bytes' },
      { type: 1, metricFamilyName: 'a_total', help: 'last' },
    ]
    const body = encodeRemoteWrite(1, { metadata })
    expect(readBody(body, 1).metadata).toEqual([
      { name: 'a_total', type: 'counter', help: 'last', unit: '' },
      { name: 'b', type: 'unknown', help: 'of a later type', unit: '' },
      { name: 'c', type: 'gauge', help: '', unit: '' },
    ])
    body[body.indexOf('last')] = 0xff
    expect(readBody(body, 1).metadata).toMatchObject([
      { name: 'a_total', help: 'first' },
      { name: 'b' },
      { name: 'c' },
    ])
  })

  it('passes over what Cortex adds', () => {
    const body = Buffer.concat([Buffer.from([0x10, 0x01]), encodeRemoteWrite(1, single('__name__', 'up'))])
    expect(readBody(body, 1).numbers).toHaveLength(1)
  })
})

describe('version 2', () => {
  it('takes the start of the series for samples that have none', () => {
    const body = encodeRemoteWrite(
      2,
      symbolized({ labels: ['__name__', 'up'], samples: [SAMPLE, { ...SAMPLE, startTimestamp: 7 }] }),
    )
    // Field 6 of the series, which drafts of the specification had; the length of the series stands before it.
    const at = body.indexOf(0x2a)
    const series = body.subarray(at + 2)
    const old = Buffer.concat([
      body.subarray(0, at),
      Buffer.from([0x2a, series.length + 2]),
      series,
      Buffer.from([0x30, 5]),
    ])
    expect(readBody(old, 2).numbers).toMatchObject([{ startMs: 5 }, { startMs: 7 }])
  })

  it.each<[string, Message, string]>([
    ['a number of no symbol', { labelsRefs: [1, 9] }, 'refers to symbol 9, and the body has 3'],
    ['half a pair', { labelsRefs: [1, 2, 1] }, 'has 3 references for its labels'],
    ['a help that is no symbol', { labelsRefs: [1, 2], metadata: { helpRef: 9 } }, 'refers to symbol 9'],
    ['a unit that is no symbol', { labelsRefs: [1, 2], metadata: { unitRef: 3 } }, 'refers to symbol 3'],
    [
      'both kinds',
      { labelsRefs: [1, 2], histograms: [{ countInt: 0 }] },
      'has both samples and native histograms',
    ],
    ['nothing at all', { labelsRefs: [1, 2], samples: [] }, 'has neither samples'],
  ])('refuses a series with %s, and reads the next one', (_what, series, reason) => {
    const { numbers, metadata, refused } = readMessage(2, {
      symbols: ['', '__name__', 'up'],
      timeseries: [
        { samples: [SAMPLE], ...series },
        { labelsRefs: [1, 2], samples: [SAMPLE] },
      ],
    })
    expect(numbers).toMatchObject([{ series: 'up' }])
    expect(metadata).toEqual([])
    const { samples, histograms, exemplars, emptySeries, reasons } = refused
    expect(samples + histograms + exemplars + emptySeries).toBeGreaterThan(0)
    expect(reasons).toEqual([expect.stringContaining(reason)])
  })

  it('finds symbols behind the series that refer to them', () => {
    const { symbols, timeseries } = symbolized({ labels: ['__name__', 'up'], samples: [SAMPLE] })
    const body = Buffer.concat([encodeRemoteWrite(2, { timeseries }), encodeRemoteWrite(2, { symbols })])
    expect(readBody(body, 2).numbers).toMatchObject([{ series: 'up' }])
  })

  it('takes references that are not packed', () => {
    const series = Buffer.from([0x08, 1, 0x08, 2, 0x12, 0])
    const symbols = encodeRemoteWrite(2, { symbols: ['', '__name__', 'up'] })
    const body = Buffer.concat([symbols, Buffer.from([0x2a, series.length]), series])
    expect(readBody(body, 2).numbers).toMatchObject([{ series: 'up' }])
  })

  it.each([
    ['histogram', 3, 'size_bucket', 'size'],
    ['gaugehistogram', 4, 'size_count', 'size'],
    ['gaugehistogram', 4, 'size_gsum', 'size'],
    ['histogram', 3, 'size_gcount', 'size_gcount'],
    ['summary', 5, 'size_sum', 'size'],
    ['summary', 5, 'size_bucket', 'size_bucket'],
    ['counter', 1, 'size_sum', 'size_sum'],
    ['histogram', 3, 'size', 'size'],
  ])('finds the family of a %s', (type, number, series, name) => {
    const message = symbolized({
      labels: ['__name__', series],
      samples: [SAMPLE],
      metadata: { type: number, helpRef: 2 },
    })
    expect(readMessage(2, message).metadata).toEqual([{ name, type, help: series, unit: '' }])
  })

  it('does not spell out a long symbol for ever', () => {
    const long = 'x'.repeat(1_000_000)
    const timeseries = Array.from({ length: 100 }, () => ({ labelsRefs: [1, 2, 3, 2], samples: [SAMPLE] }))
    const { code, message } = refusal(() =>
      readMessage(2, { symbols: ['', '__name__', long, 'a'], timeseries }),
    )
    expect(code).toBe('PGR_LIMIT_EXCEEDED')
    expect(message).toContain('send fewer series')
  })
})

describe('series that were met', () => {
  const counting = (generationBytes?: number) => {
    const calls: string[] = []
    const reader = new RemoteWriteReader((name, labels) => {
      calls.push(show(name, labels))
      return { name }
    }, generationBytes)
    return { calls, reader }
  }

  it('are made once, whichever version names them', () => {
    const { calls, reader } = counting()
    const labels = ['__name__', 'up', 'job', 'api']
    const first = reader.read(encodeRemoteWrite(1, single(...labels)), 1, OPTIONS)
    const again = reader.read(encodeRemoteWrite(1, single(...labels)), 1, OPTIONS)
    const other = reader.read(encodeRemoteWrite(2, symbolized({ labels, samples: [SAMPLE] })), 2, OPTIONS)
    expect(calls).toEqual(['up{job="api"}'])
    expect(again.numbers[0]?.series).toBe(first.numbers[0]?.series)
    expect(other.numbers[0]?.series).toBe(first.numbers[0]?.series)
  })

  it('are not remembered when they were refused', () => {
    const { calls, reader } = counting()
    for (let i = 0; i < 2; i++)
      expect(reader.read(encodeRemoteWrite(1, single('job', 'api')), 1, OPTIONS).refused.samples).toBe(1)
    expect(calls).toEqual([])
  })

  it('are looked at again under other rules', () => {
    const { calls, reader } = counting()
    const body = encodeRemoteWrite(1, single('__name__', 'long'))
    const strict = { ...OPTIONS, limits: { ...OPTIONS.limits, nameLength: 3 } }
    expect(reader.read(body, 1, OPTIONS).numbers).toHaveLength(1)
    expect(reader.read(body, 1, strict).refused.samples).toBe(1)
    expect(calls).toEqual(['long'])
  })

  it('are forgotten once many others came, and not before', () => {
    const { calls, reader } = counting(4000)
    const read = (name: string) => reader.read(encodeRemoteWrite(1, single('__name__', name)), 1, OPTIONS)
    read('often')
    for (let i = 0; i < 200; i++) {
      read(`other_${i}`)
      read('often')
    }
    expect(calls.filter((name) => name === 'often')).toHaveLength(1)
    read('other_0')
    expect(calls.filter((name) => name === 'other_0')).toHaveLength(2)
  })

  it('do not become slow when they are long and alike', () => {
    const { reader } = counting()
    const options = { ...OPTIONS, limits: { ...OPTIONS.limits, valueLength: 30_000 } }
    const timeseries = Array.from({ length: 1000 }, (_, at) => ({
      labels: pairs('__name__', 'up', 'a', 'x'.repeat(20_000) + String(at).padStart(5, '0')),
      samples: [SAMPLE],
    }))
    const body = encodeRemoteWrite(1, { timeseries })
    const started = process.cpuUsage()
    for (let i = 0; i < 3; i++) expect(reader.read(body, 1, options).numbers).toHaveLength(1000)
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1e6).toBeLessThan(3)
  })
})
