import { compress } from 'snappyjs'
import type { ReadOptions } from '../../src/formats/format.ts'
import { offers, readerFor } from '../../src/formats/index.ts'
import { negotiate } from '../../src/formats/negotiate.ts'
import { type OtlpEncoding, OtlpReader, PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import { RemoteWriteReader, type RemoteWriteVersion } from '../../src/formats/remote-write/index.ts'
import { parseGroupPath } from '../../src/http/group-path.ts'
import { readTtl } from '../../src/http/lifetime.ts'
import { parseSelector } from '../../src/model/selector.ts'
import { unsnapBlock, unsnapFramed } from '../../src/wire/snappy.ts'
import { encodeRequest } from '../support/otlp.ts'
import { encodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { encodeRemoteWrite } from '../support/remote-write.ts'
import { mutate, type Random } from './mutate.ts'

/** Something that reads what strangers send. */
export interface Target {
  readonly name: string
  /** An input, and whether it could be read; throws what the reader throws. */
  run(random: Random): void | Promise<void>
}

const OPTIONS: ReadOptions = {
  limits: { labelsPerSeries: 16, nameLength: 128, valueLength: 1024, seriesPerPush: 1000 },
  utf8Names: true,
}
const LIMIT = { limitBytes: 64 * 1024, setting: 'push.max-body' }

const labels = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `label_${i}`, value: `value "${i}" é` }))

const MESSAGES = [
  encodeDelimited({
    name: 'requests_total',
    help: 'Requests by code.',
    metric: [
      {
        label: labels(3),
        counter: { value: 3, exemplar: { label: labels(1), value: 1, timestamp: { seconds: 5, nanos: 6 } } },
      },
      { label: labels(2), counter: { value: 1e9, startTimestamp: { seconds: 5 } } },
    ],
  }),
  encodeDelimited(
    { name: 'up', type: 1, metric: [{ label: labels(1), gauge: { value: 1 }, timestampMs: 1700000000000 }] },
    {
      name: 'latency_seconds',
      type: 2,
      unit: 'seconds',
      metric: [{ summary: { sampleCount: 9, sampleSum: 3, quantile: [{ quantile: 0.5, value: 2 }] } }],
    },
  ),
  encodeDelimited({
    name: 'size',
    type: 4,
    metric: [
      {
        label: labels(2),
        histogram: {
          sampleCount: 12,
          sampleSum: 18.4,
          bucket: [
            { upperBound: 1, cumulativeCount: 2 },
            { upperBound: 2, cumulativeCount: 5 },
          ],
          schema: 1,
          zeroThreshold: 0.001,
          zeroCount: 2,
          positiveSpan: [
            { offset: 0, length: 2 },
            { offset: 1, length: 2 },
          ],
          positiveDelta: [1, 1, -1, 0],
          negativeSpan: [{ offset: -3, length: 2 }],
          negativeDelta: [2, 1],
        },
      },
    ],
  }),
]

const TEXT = Buffer.from(
  '# HELP a_total Help \\n with "quotes".\n# TYPE a_total counter\na_total{x="1",y="\\"é\\\\"} 1e3 1700000000000\n' +
    '# TYPE h histogram\nh_bucket{le="0.1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 0.5\nh_count 2\n{"quoted.name",b="c"} NaN\n',
)
const OPEN_METRICS = Buffer.from(
  '# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\na_seconds_total{x="1"} 5 1700000000.5 # {trace_id="abc"} 1 2\na_seconds_created{x="1"} 1 1700000000.5\n' +
    '# TYPE s stateset\ns{s="on"} 1\ns{s="off"} 0\n# TYPE i info\n# HELP i A text in which any letter may stand in the place of any other letter without harm.\ni_info{version="one",branch="release candidate",user="somebody"} 1\n# EOF\n',
)

const HISTOGRAM = {
  countInt: 8,
  sum: 18.4,
  schema: 1,
  zeroThreshold: 0.001,
  zeroCountInt: 2,
  positiveSpans: [{ offset: 0, length: 2 }],
  positiveDeltas: [1, 1],
  negativeSpans: [{ offset: -3, length: 2 }],
  negativeDeltas: [1, 1],
  resetHint: 2,
  timestamp: 1700000000000,
}

const WRITE_REQUESTS: Record<RemoteWriteVersion, readonly Uint8Array[]> = {
  1: [
    encodeRemoteWrite(1, {
      timeseries: [
        {
          labels: [{ name: '__name__', value: 'requests_total' }, ...labels(3)],
          samples: [{ value: 3, timestamp: 1700000000000 }],
          exemplars: [{ labels: labels(1), value: 1, timestamp: 1700000000000 }],
        },
        { labels: [{ name: '__name__', value: 'size' }], histograms: [HISTOGRAM] },
      ],
    }),
    encodeRemoteWrite(1, {
      metadata: [
        { type: 1, metricFamilyName: 'requests_total', help: 'Requests by code.', unit: 'requests' },
      ],
    }),
  ],
  2: [
    encodeRemoteWrite(2, {
      symbols: ['', '__name__', 'requests_total', 'path', 'somewhere "else" é', 'Requests by path.', 'size'],
      timeseries: [
        {
          labelsRefs: [1, 2, 3, 4],
          samples: [{ value: 3, timestamp: 1700000000000, startTimestamp: 1600000000000 }],
          exemplars: [{ labelsRefs: [3, 4], value: 1, timestamp: 1700000000000 }],
          metadata: { type: 1, helpRef: 5 },
        },
        { labelsRefs: [1, 6], histograms: [HISTOGRAM] },
      ],
    }),
  ],
}

/** One reader for all inputs, so that what it remembers is under test as well. */
const remoteWrite = new RemoteWriteReader((name, sorted) => ({ name, sorted }), 64 * 1024)

function remoteWriting(version: RemoteWriteVersion): Target {
  return {
    name: `remote write ${version}.0`,
    run: (random) =>
      void remoteWrite.read(mutate(pick(WRITE_REQUESTS[version], random), random), version, OPTIONS),
  }
}
const attributes = [
  { key: 'http.route', value: { stringValue: '/é' } },
  {
    key: 'list',
    value: { arrayValue: { values: [{ intValue: '5' }, { doubleValue: 0.5 }, { bytesValue: 'AQI=' }] } },
  },
  { key: 'map', value: { kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } } },
]
const times = { startTimeUnixNano: '1700000000000000000', timeUnixNano: '1700000015000000000' }
const exemplars = [
  {
    ...times,
    asDouble: 1.5,
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    filteredAttributes: attributes,
  },
]
const OTLP = [
  [
    {
      name: 'requests',
      unit: '1',
      description: 'Requests.',
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [{ ...times, asInt: '5', attributes, exemplars }],
      },
    },
    {
      name: 'queue',
      sum: {
        aggregationTemporality: 1,
        dataPoints: [
          { ...times, asDouble: -2 },
          { ...times, flags: 1 },
        ],
      },
    },
    { name: 'load', gauge: { dataPoints: [{ ...times, asDouble: 0.5, attributes }] } },
  ],
  [
    {
      name: 'latency',
      unit: 'ms',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...times,
            count: '6',
            sum: 3.5,
            bucketCounts: ['1', '2', '3'],
            explicitBounds: [1, 2],
            exemplars,
            attributes,
          },
        ],
      },
    },
    {
      name: 'size',
      unit: 'By',
      exponentialHistogram: {
        aggregationTemporality: 1,
        dataPoints: [
          {
            ...times,
            count: '9',
            scale: 20,
            zeroCount: '2',
            positive: { offset: -3, bucketCounts: ['1', '0', '4'] },
            negative: { offset: 5, bucketCounts: ['2'] },
          },
        ],
      },
    },
    {
      name: 'time',
      summary: {
        dataPoints: [
          { ...times, count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1 }], attributes },
        ],
      },
    },
  ],
].map((metrics) => ({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }, ...attributes] },
      scopeMetrics: [
        { scope: { name: 'lib', version: '1', attributes }, schemaUrl: 'https://example.com', metrics },
      ],
    },
  ],
}))

const STREAM_ID = Buffer.from('ff060000734e61507059', 'hex')

/** A framed stream whose one chunk has whatever in it, under a checksum that is right for it. */
function frame(data: Uint8Array, crcOf: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head[0] = 0x00
  head.writeUIntLE(data.length + 4, 1, 3)
  head.writeUInt32LE(maskedCrc(crcOf), 4)
  return Buffer.concat([STREAM_ID, head, data])
}

/** Bit by bit, so that it is not the table of the decoder that is tested against itself. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  crc ^= 0xffffffff
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

function framed(plain: Buffer): Buffer {
  return frame(new Uint8Array(compress(plain)), plain)
}

/** Changed before or after it is compressed. */
function changed(random: Random, pack: (plain: Buffer) => Uint8Array): Uint8Array {
  const plain = pick([TEXT, ...MESSAGES], random)
  return random() < 0.4 ? pack(mutate(plain, random)) : mutate(pack(plain), random)
}

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T

function reading(name: string, contentType: string | undefined, bodies: readonly Uint8Array[]): Target {
  const reader = readerFor(contentType)
  return { name, run: (random) => void reader.read(mutate(pick(bodies, random), random), OPTIONS) }
}

/** The reader remembers what it read, and is the same for all inputs. */
function readingOtlp(name: string, encoding: OtlpEncoding, bodies: readonly Uint8Array[]): Target {
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, promotesScope: true, limits: OPTIONS.limits })
  return { name, run: (random) => void reader.read(mutate(pick(bodies, random), random), encoding) }
}

const PATHS = [
  'job/backup/instance/db1',
  'job@base64/YQ/path@base64/L3Zhcg==/empty@base64/=',
  'job/a%20b/label/%C3%A9',
  'job/a/U__da_2e_ta/b/',
].map((path) => Buffer.from(path))
const ACCEPTS = [
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.5,text/plain',
].map((header) => Buffer.from(header))
const TYPES = [PROTOBUF_TYPE, 'text/plain; version=0.0.4; charset=utf-8', 'application/x-protobuf'].map(
  (type) => Buffer.from(type),
)
const TTLS = ['90s', '1h30m', '0', '1.5h', '250ms'].map((ttl) => Buffer.from(ttl))
const SELECTORS = [
  '{job="nightly backup of everything",instance=~"database.*"}',
  "{a!='somebody else',b!~`yesterday|today`,}",
].map((text) => Buffer.from(text))

export const TARGETS: readonly Target[] = [
  reading('protobuf', PROTOBUF_TYPE, MESSAGES),
  reading('text', undefined, [TEXT]),
  reading('openmetrics', 'application/openmetrics-text', [OPEN_METRICS]),
  readingOtlp('OTLP protobuf', 'protobuf', OTLP.map(encodeRequest)),
  readingOtlp(
    'OTLP JSON',
    'json',
    OTLP.map((request) => Buffer.from(JSON.stringify(request))),
  ),
  {
    name: 'snappy block',
    run: (random) =>
      void unsnapBlock(
        changed(random, (plain) => new Uint8Array(compress(plain))),
        LIMIT,
      ),
  },
  {
    name: 'snappy stream',
    run: async (random) => void (await unsnapFramed(changed(random, framed), LIMIT)),
  },
  {
    name: 'protobuf in a snappy stream',
    async run(random) {
      const plain = mutate(pick(MESSAGES, random), random)
      const stream = framed(plain)
      readerFor(PROTOBUF_TYPE).read(await unsnapFramed(stream, LIMIT), OPTIONS)
    },
  },
  remoteWriting(1),
  remoteWriting(2),
  {
    name: 'remote write in a snappy block',
    run(random) {
      const version = random() < 0.5 ? 1 : 2
      const plain = pick(WRITE_REQUESTS[version], random)
      const block = (bytes: Uint8Array) => Buffer.from(compress(Uint8Array.from(bytes)))
      const sent = random() < 0.7 ? block(mutate(plain, random)) : mutate(block(plain), random)
      remoteWrite.read(unsnapBlock(sent, LIMIT), version, OPTIONS)
    },
  },
  {
    name: 'paths',
    run: (random) =>
      void parseGroupPath(mutate(pick(PATHS, random), random).toString('latin1'), {
        ...OPTIONS,
        utf8Names: true,
      }),
  },
  {
    name: 'accept',
    run: (random) => void negotiate(mutate(pick(ACCEPTS, random), random).toString('latin1'), offers),
  },
  {
    name: 'content type',
    run: (random) => void readerFor(mutate(pick(TYPES, random), random).toString('latin1')),
  },
  {
    name: 'lifetimes',
    run: (random) => void readTtl(mutate(pick(TTLS, random), random).toString('latin1'), '', 0),
  },
  {
    name: 'selectors',
    run: (random) => void parseSelector(mutate(pick(SELECTORS, random), random).toString()),
  },
]
