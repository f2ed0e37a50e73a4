import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type RemoteExemplar,
  type RemoteHistogram,
  type RemoteMetadata,
  type RemoteNumber,
  type RemoteRefusals,
  type RemoteWriteVersion,
  writeRemoteWrite,
} from '../../../../src/formats/remote-write/index.ts'
import { NOW, readBody } from './reading.ts'

/** Encoded by the code of Prometheus; `test/clients/go-remote-write` makes them again. */
const bodies: Record<string, string> = JSON.parse(
  readFileSync(new URL('bodies-of-prometheus.json', import.meta.url), 'utf8'),
)

function body(name: string): Buffer {
  const text = bodies[name]
  if (text === undefined) throw new Error(`there is no body ${name}`)
  return Buffer.from(text, 'base64')
}

const NONE_REFUSED: RemoteRefusals = { samples: 0, histograms: 0, exemplars: 0, emptySeries: 0, reasons: [] }
const REQUESTS = 'requests_total{job="api",path="/ü"}'
const EXEMPLAR: RemoteExemplar<string> = {
  series: REQUESTS,
  exemplar: { labels: [{ name: 'trace_id', value: 'abc' }], value: 0.25, timestampMs: NOW - 5 },
}

describe('what Prometheus encodes is read', () => {
  it('samples of version 1', () => {
    const number = (
      series: string,
      value: number,
      timestampMs = NOW,
      stale = false,
    ): RemoteNumber<string> => ({
      series,
      timestampMs,
      value,
      stale,
      startMs: 0,
    })
    expect(readBody(body('samples1'), 1)).toEqual({
      numbers: [
        number(REQUESTS, 41.5),
        number(REQUESTS, 42, NOW + 1000),
        number('zero', 0, 0),
        number('before', Number.NEGATIVE_INFINITY, -1),
        number('up{job="api"}', Number.NaN, NOW, true),
        number('nan', Number.NaN),
      ],
      histograms: [],
      exemplars: [EXEMPLAR],
      metadata: [],
      refused: NONE_REFUSED,
    })
  })

  it('samples of version 2', () => {
    const found = readBody(body('samples2'), 2)
    expect(found).toEqual({
      numbers: [
        { series: REQUESTS, timestampMs: NOW, value: 41.5, stale: false, startMs: NOW - 60_000 },
        { series: REQUESTS, timestampMs: NOW + 1000, value: 42, stale: false, startMs: 0 },
        {
          series: 'latency_seconds_bucket{le="+Inf"}',
          timestampMs: NOW,
          value: 3,
          stale: false,
          startMs: 0,
        },
        { series: 'up{job="api"}', timestampMs: NOW, value: Number.NaN, stale: true, startMs: 0 },
      ],
      histograms: [],
      exemplars: [EXEMPLAR],
      metadata: [
        { name: 'requests_total', type: 'counter', help: 'Requests.', unit: '' },
        { name: 'latency_seconds', type: 'histogram', help: 'Latency.', unit: 'seconds' },
      ],
      refused: NONE_REFUSED,
    })
  })

  it('metadata of version 1, unless it says nothing', () => {
    expect(readBody(body('metadata1'), 1).metadata).toEqual<RemoteMetadata[]>([
      { name: 'requests_total', type: 'counter', help: 'Requests.', unit: '' },
      { name: 'latency_seconds', type: 'histogram', help: 'Latency.', unit: 'seconds' },
      { name: 'state', type: 'stateset', help: '', unit: '' },
    ])
  })

  it.each<[RemoteWriteVersion, string, number]>([
    [1, 'histograms1', 0],
    [2, 'histograms2', NOW - 60_000],
  ])('native histograms of version %i', (version, name, startMs) => {
    const found = readBody(body(name), version)
    expect(found.refused).toEqual(NONE_REFUSED)
    expect(found.histograms).toEqual<RemoteHistogram<string>[]>([
      {
        series: 'integers',
        timestampMs: NOW,
        stale: false,
        startMs,
        metric: {
          count: 12,
          sum: 18.4,
          native: {
            schema: 1,
            zeroThreshold: 0.001,
            zeroCount: 2,
            positive: {
              spans: [
                { offset: 0, length: 2 },
                { offset: 1, length: 2 },
              ],
              counts: [1, 2, 1, 1],
            },
            negative: { spans: [{ offset: -3, length: 2 }], counts: [2, 3] },
            resetHint: 'no',
          },
        },
      },
      {
        series: 'fractions',
        timestampMs: NOW,
        stale: false,
        startMs: 0,
        metric: {
          count: 3.25,
          sum: -1,
          float: true,
          native: {
            schema: 0,
            zeroThreshold: 0.5,
            zeroCount: 0.5,
            positive: { spans: [{ offset: -1, length: 2 }], counts: [1.25, 1.5] },
            negative: { spans: [], counts: [] },
            resetHint: 'gauge',
          },
        },
      },
      {
        series: 'bounds',
        timestampMs: NOW,
        stale: false,
        startMs: 0,
        metric: {
          count: 6,
          sum: 5,
          native: {
            schema: -53,
            zeroThreshold: 0,
            zeroCount: 0,
            positive: {
              spans: [
                { offset: 0, length: 1 },
                { offset: 1, length: 1 },
              ],
              counts: [2, 4],
            },
            negative: { spans: [], counts: [] },
            customBounds: [-0.5, 1],
          },
        },
      },
      {
        series: 'ended',
        timestampMs: NOW,
        stale: true,
        startMs: 0,
        metric: {
          count: 0,
          sum: Number.NaN,
          native: {
            schema: 0,
            zeroThreshold: 0,
            zeroCount: 0,
            positive: { spans: [], counts: [] },
            negative: { spans: [], counts: [] },
          },
        },
      },
    ])
  })
})

it('what is written has the bits of the marker that Prometheus writes', () => {
  const written = writeRemoteWrite(
    [
      {
        name: 'up',
        type: 'unknown',
        help: '',
        unit: '',
        metrics: [{ labels: [{ name: 'job', value: 'api' }], value: 1, stale: true }],
      },
    ],
    1,
    { nowMs: NOW },
  )
  expect(body('samples1').includes(Buffer.from(written.bytes))).toBe(true)
})
