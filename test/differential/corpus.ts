import { gzipSync } from 'node:zlib'
import { encodeDelimited, type Message, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'

/** A request as both gateways get it. Paths are raw: nothing is encoded or cleaned on the way. */
export interface Request {
  readonly method: string
  readonly path: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** Requests in order against an empty gateway; afterwards both pages are compared. */
export interface Case {
  readonly name: string
  readonly requests: readonly Request[]
  /** Key of the row in `docs/compatibility.md` that explains a difference. */
  readonly differs?: string
}

const push = (
  method: string,
  path: string,
  body: Request['body'] = '',
  headers?: Request['headers'],
): Request => ({
  method,
  path: `/metrics${path}`,
  body,
  ...(headers === undefined ? {} : { headers }),
})
const post = (path: string, body?: Request['body'], headers?: Request['headers']) =>
  push('POST', path, body, headers)
const put = (path: string, body?: Request['body'], headers?: Request['headers']) =>
  push('PUT', path, body, headers)
const del = (path: string, headers?: Request['headers']): Request => ({
  method: 'DELETE',
  path: `/metrics${path}`,
  ...(headers === undefined ? {} : { headers }),
})

const one = (name: string, request: Request, differs?: string): Case => ({
  name,
  requests: [request],
  ...(differs === undefined ? {} : { differs }),
})

const base64 = (text: string) => Buffer.from(text).toString('base64url')
const gzipped = { 'content-encoding': 'gzip' }

const semantics: Case[] = [
  { name: 'a push, another family by POST', requests: [post('/job/a', 'x 1\n'), post('/job/a', 'y 2\n')] },
  {
    name: 'POST replaces the families it names',
    requests: [post('/job/a', 'x{l="1"} 1\nx{l="2"} 2\ny 3\n'), post('/job/a', 'x{l="3"} 4\n')],
  },
  { name: 'PUT replaces the whole group', requests: [post('/job/a', 'x 1\ny 2\n'), put('/job/a', 'z 3\n')] },
  { name: 'an empty PUT empties the group', requests: [post('/job/a', 'x 1\n'), put('/job/a')] },
  { name: 'an empty POST changes nothing', requests: [post('/job/a', 'x 1\n'), post('/job/a')] },
  { name: 'an empty POST makes a group', requests: [post('/job/a')] },
  { name: 'an empty PUT makes a group', requests: [put('/job/a')] },
  { name: 'DELETE removes the group', requests: [post('/job/a', 'x 1\n'), del('/job/a')] },
  { name: 'DELETE of an unknown group', requests: [del('/job/never')] },
  {
    name: 'DELETE touches that grouping only',
    requests: [post('/job/a', 'x 1\n'), post('/job/a/instance/i', 'x 2\n'), del('/job/a')],
  },
  {
    name: 'a group again after DELETE',
    requests: [post('/job/a', 'x 1\n'), del('/job/a'), post('/job/a', '# TYPE x counter\nx 1\n')],
  },
  {
    name: 'order of grouping labels does not matter',
    requests: [post('/job/a/b/1/c/2', 'x 1\n'), put('/job/a/c/2/b/1', 'y 1\n')],
  },
  {
    name: 'grouping labels win over the body',
    requests: [post('/job/a/instance/i', 'x{job="b",instance="j"} 1\n')],
  },
  {
    name: 'an instance in the body stays without one in the path',
    requests: [post('/job/a', 'x{instance="j"} 1\n')],
  },
  { name: 'an empty instance in the path', requests: [post('/job/a/instance@base64/=', 'x 1\n')] },
  {
    name: 'pushed push times are overwritten',
    requests: [post('/job/a', 'push_time_seconds 1\npush_failure_time_seconds 2\nx 3\n')],
  },
  { name: 'a body is all or nothing', requests: [post('/job/a', 'x 1\n'), put('/job/a', 'y 1\nz oops\n')] },
  { name: 'HELP differs between groups', requests: [post('/job/a', '# HELP x one\nx 1\n')] },
  {
    name: 'a type clash with another group',
    requests: [post('/job/a', '# TYPE x counter\nx 1\n'), post('/job/b', '# TYPE x gauge\nx 1\n')],
  },
  {
    name: 'untyped against counter',
    requests: [post('/job/a', '# TYPE x counter\nx 1\n'), post('/job/b', 'x 1\n')],
  },
  {
    name: 'a new type in the only group by POST',
    requests: [post('/job/a', '# TYPE x counter\nx 1\n'), post('/job/a', '# TYPE x gauge\nx 1\n')],
  },
  {
    name: 'a new type in the only group by PUT',
    requests: [put('/job/a', '# TYPE x counter\nx 1\n'), put('/job/a', '# TYPE x gauge\nx 1\n')],
  },
  {
    name: 'a type clash marks a new group as failed',
    requests: [post('/job/a', '# TYPE x counter\nx 1\n'), put('/job/b', '# TYPE x gauge\nx 1\n')],
  },
  {
    name: 'a type clash keeps the data of the group',
    requests: [
      post('/job/a', '# TYPE x counter\nx 1\n'),
      post('/job/b', 'y 1\n'),
      put('/job/b', '# TYPE x gauge\nx 1\n'),
    ],
  },
  { name: 'a parse error makes no group', requests: [post('/job/a', 'oops\n')] },
  {
    name: 'the same series from two groupings',
    requests: [post('/job/a', 'x{instance="i"} 1\n'), post('/job/a/instance/i', 'x 2\n')],
  },
  {
    name: 'the same series from two groupings, the other way round',
    requests: [post('/job/a/instance/i', 'x 2\n'), post('/job/a', 'x{instance="i"} 1\n')],
  },
  {
    name: 'the same series through a third label',
    requests: [post('/job/a/k/v', 'x 1\n'), post('/job/a', 'x{k="v"} 1\n')],
  },
  {
    name: 'a series of a wider grouping that is not there',
    requests: [post('/job/a/k/v', 'x 1\n'), post('/job/a', 'x{k="w"} 1\n')],
  },
  { name: 'the same series twice in a body', requests: [post('/job/a', 'x{l="1"} 1\nx{l="1"} 2\n')] },
  {
    name: 'the same series twice once grouping labels are set',
    requests: [post('/job/a/l/v', 'x{l="1"} 1\nx{l="2"} 2\n')],
  },
  {
    name: 'a histogram beside its own bucket family',
    requests: [
      post('/job/a', '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'),
      post('/job/b', 'h_bucket 1\n'),
    ],
  },
  {
    name: 'a count family before its histogram',
    requests: [
      post('/job/a', 'h_count 1\n'),
      post('/job/b', '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'),
    ],
  },
  {
    name: 'a sum family beside a summary',
    requests: [post('/job/a', '# TYPE s summary\ns_sum 1\ns_count 1\n'), post('/job/b', 's_sum 1\n')],
  },
  {
    name: 'a bucket family beside a summary',
    requests: [post('/job/a', '# TYPE s summary\ns_sum 1\ns_count 1\n'), post('/job/b', 's_bucket 1\n')],
  },
]

const accepted: readonly (readonly [string, string])[] = [
  ['all types', '# HELP c help\n# TYPE c counter\nc 1\n# TYPE g gauge\ng -1.5\n# TYPE u untyped\nu 3\nn 4\n'],
  [
    'a histogram',
    '# TYPE h histogram\nh_bucket{le="0.1"} 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4.5\nh_count 3\n',
  ],
  ['a histogram without +Inf', '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 4.5\nh_count 3\n'],
  [
    'a histogram with labels',
    '# TYPE h histogram\nh_bucket{a="1",le="1"} 2\nh_bucket{a="1",le="+Inf"} 3\nh_sum{a="1"} 4.5\nh_count{a="1"} 3\nh_bucket{a="2",le="+Inf"} 3\nh_sum{a="2"} 4.5\nh_count{a="2"} 3\n',
  ],
  ['a summary', '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.99"} 2\ns_sum 3\ns_count 4\n'],
  ['a summary with NaN', '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 0\ns_count 0\n'],
  ['interleaved families', 'a 1\nb 2\na{l="2"} 3\n'],
  ['a trailing comma', 'x{a="1",} 1\n'],
  ['blanks and tabs', '  x \t {  a = "1" ,\tb="2" }   1  \n'],
  ['empty lines', '\n\nx 1\n\n'],
  ['comments', '# a comment\n#another\nx 1\n# EOF\n'],
  ['a UNIT line', '# UNIT x seconds\nx 1\n'],
  ['HELP with escapes', '# HELP x a\\\\b\\nc\nx 1\n'],
  ['HELP after the sample', 'x 1\n# HELP x late\n'],
  ['HELP without text', '# HELP x\nx 1\n'],
  ['TYPE without samples', '# TYPE x counter\ny 1\n'],
  ['TYPE without a type', '# TYPE x\nx 1\n'],
  ['TYPE in capitals', '# TYPE x COUNTER\nx 1\n'],
  ['label values with escapes', 'x{a="q\\"b\\\\s\\nn"} 1\n'],
  ['label values in UTF-8', 'x{a="Grüße 🎉"} 1\n'],
  ['an empty label value', 'x{a=""} 1\n'],
  ['an empty label set', 'x{} 1\n'],
  ['names with colons', 'a:b:c 1\n'],
  ['odd numbers', 'a 1e3\nb +1\nc .5\nd 5.\ne 1E-7\nf -0\ng 00012\n'],
  ['infinite numbers', 'a +Inf\nb -Inf\nc inf\nd Infinity\ne nan\nf NaN\n'],
  [
    'large and small numbers',
    'a 123456\nb 1234567\nc 1e21\nd 0.0001\ne 0.00001\nf 1e-300\ng 12345678901234567890\n',
  ],
  ['an underflow', 'a 1e-400\n'],
  ['an empty line only', '\n'],
  ['a comment only', '# nothing\n'],
  ['le as a plain label', 'x{le="1"} 1\n'],
  ['quantile as a plain label', '# TYPE x gauge\nx{quantile="0.5"} 1\n'],
  ['two metrics with different label names', 'x{a="1"} 1\nx{b="1"} 1\n'],
  ['a family name like a type', 'counter 1\n'],
]

const refused: readonly (readonly [string, string | Uint8Array])[] = [
  ['no newline at the end', 'x 1'],
  ['no newline after several lines', 'x 1\ny 2'],
  ['CRLF', 'x 1\r\n'],
  ['CRLF in a TYPE line', '# TYPE x counter\r\nx 1\r\n'],
  ['no value', 'x\n'],
  ['no value after labels', 'x{a="1"}\n'],
  ['a value that is no number', 'x one\n'],
  ['a hexadecimal number', 'x 0x1p-2\n'],
  ['a number with underscores', 'x 1_000\n'],
  ['an overflow', 'x 1e400\n'],
  ['half an exponent', 'x 1e\n'],
  ['a name that starts with a digit', '1x 1\n'],
  ['a name with a dash', 'a-b 1\n'],
  ['a name with a dot', 'a.b 1\n'],
  ['a label name with a dash', 'x{a-b="1"} 1\n'],
  ['a label name with a colon', 'x{a:b="1"} 1\n'],
  ['a label name that starts with a digit', 'x{1a="1"} 1\n'],
  ['a label without value', 'x{a} 1\n'],
  ['a label value without quotes', 'x{a=1} 1\n'],
  ['a label value that never ends', 'x{a="1} 1\n'],
  ['a raw newline in a label value', 'x{a="1\n2"} 1\n'],
  ['an unknown escape', 'x{a="\\t"} 1\n'],
  ['labels that never end', 'x{a="1"\n'],
  ['no comma between labels', 'x{a="1" b="2"} 1\n'],
  ['a comma first', 'x{,} 1\n'],
  ['a label twice', 'x{a="1",a="2"} 1\n'],
  ['__name__ as a label', 'x{__name__="y"} 1\n'],
  ['TYPE twice', '# TYPE x counter\n# TYPE x counter\nx 1\n'],
  ['TYPE after a sample', 'x 1\n# TYPE x counter\n'],
  ['HELP twice', '# HELP x a\n# HELP x b\nx 1\n'],
  ['an unknown type', '# TYPE x whatever\nx 1\n'],
  ['the type unknown', '# TYPE x unknown\nx 1\n'],
  ['a timestamp', 'x 1 1700000000000\n'],
  ['a timestamp that is no number', 'x 1 now\n'],
  ['something after the timestamp', 'x 1 2 3\n'],
  ['an exemplar', '# TYPE x counter\nx_total 1 # {a="1"} 1\n'],
  [
    'invalid UTF-8 in a label value',
    Buffer.from([0x78, 0x7b, 0x61, 0x3d, 0x22, 0xff, 0x22, 0x7d, 0x20, 0x31, 0x0a]),
  ],
  ['an le that is no number', '# TYPE h histogram\nh_bucket{le="one"} 1\n'],
  ['a quantile that is no number', '# TYPE s summary\ns{quantile="half"} 1\n'],
  ['JSON', '{"x": 1}\n'],
  ['a quoted UTF-8 name', '{"a.b"} 1\n'],
  ['HELP with an unknown escape', '# HELP x a\\tb\nx 1\n'],
  ['a name only in a TYPE line', '# TYPE 1x counter\nx 1\n'],
]

const stricter: readonly Case[] = [
  one(
    'invalid UTF-8 in HELP',
    post('/job/a', Buffer.concat([Buffer.from('# HELP x '), Buffer.from([0xff]), Buffer.from('\nx 1\n')])),
    'invalid-utf8',
  ),
  one(
    'a histogram without count',
    post('/job/a', '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum 1\n'),
    'missing-count',
  ),
  one(
    'a bucket twice',
    post(
      '/job/a',
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\n',
    ),
    'same-bucket-twice',
  ),
]

const elsewhere: readonly Case[] = [
  one(
    'OpenMetrics by its type',
    post('/job/a', '# TYPE x counter\nx_total 1\n# EOF\n', {
      'content-type': 'application/openmetrics-text; version=1.0.0',
    }),
    'openmetrics-body',
  ),
  one(
    'remote write',
    post('/job/a', 'x', { 'content-type': 'application/x-protobuf', 'content-encoding': 'identity' }),
    'other-protocol',
  ),
  one(
    'protobuf that is not delimited',
    post('/job/a', 'x', { 'content-type': 'application/vnd.google.protobuf' }),
    'other-protocol',
  ),
]

const PROTOBUF = { 'content-type': PROTOBUF_TYPE }
const labels = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }))
const gauge = (name: string, value: number, label = {}): Message => ({
  name,
  type: 1,
  metric: [{ label: labels(label), gauge: { value } }],
})
const classic = {
  sampleCount: 5,
  sampleSum: 7.5,
  bucket: [
    { cumulativeCount: 1, upperBound: 0.1 },
    { cumulativeCount: 3, upperBound: 1 },
  ],
}
const native = {
  sampleCount: 3,
  sampleSum: 4,
  schema: 2,
  zeroThreshold: 0.001,
  positiveSpan: [{ offset: 1, length: 2 }],
  positiveDelta: [1, 1],
}
const histogram = (value: Message, name = 'h'): Message => ({ name, type: 4, metric: [{ histogram: value }] })

const messages: readonly (readonly [string, readonly Message[]])[] = [
  ['a gauge', [gauge('a', 1.5)]],
  ['a gauge with help', [{ ...gauge('a', 1), help: 'All of "it"\nin \\ lines' }]],
  ['labels out of order', [gauge('a', 1, { z: '1', b: '"\n\\', job: 'own' })]],
  ['an empty label value', [gauge('a', 1, { b: '' })]],
  ['a counter', [{ name: 'a_total', type: 0, metric: [{ counter: { value: 3 } }] }]],
  ['a counter without its suffix', [{ name: 'a', type: 0, metric: [{ counter: { value: 3 } }] }]],
  [
    'a counter with an exemplar and a start',
    [
      {
        name: 'a_total',
        type: 0,
        metric: [
          {
            counter: {
              value: 3,
              exemplar: { label: labels({ trace_id: 'x' }), value: 1, timestamp: { seconds: 5 } },
              startTimestamp: { seconds: 4 },
            },
          },
        ],
      },
    ],
  ],
  ['an untyped', [{ name: 'a', type: 3, metric: [{ untyped: { value: -1 } }] }]],
  ['numbers that are none', [gauge('a', Number.NaN), gauge('b', Number.NEGATIVE_INFINITY)]],
  [
    'a summary',
    [
      {
        name: 's',
        type: 2,
        metric: [
          {
            summary: {
              sampleCount: 4,
              sampleSum: 2.5,
              quantile: [
                { quantile: 0.5, value: 1 },
                { quantile: 0.99, value: Number.NaN },
              ],
            },
          },
        ],
      },
    ],
  ],
  ['a bare summary', [{ name: 's', type: 2, metric: [{ summary: { sampleCount: 1 } }] }]],
  ['a histogram', [histogram(classic)]],
  [
    'a histogram with an infinite bucket',
    [
      histogram({
        ...classic,
        bucket: [...classic.bucket, { cumulativeCount: 5, upperBound: Number.POSITIVE_INFINITY }],
      }),
    ],
  ],
  ['a histogram without buckets', [histogram({ sampleCount: 2, sampleSum: 1 })]],
  ['a native histogram', [histogram(native)]],
  ['a histogram in both forms', [histogram({ ...native, ...classic, positiveDelta: [2, 1] })]],
  ['a native histogram without observations', [histogram({ positiveSpan: [{}] })]],
  ['several families', [gauge('b', 1), histogram(classic), gauge('a', 2, { x: 'y' })]],
  [
    'several metrics of one family',
    [
      {
        name: 'a',
        type: 1,
        metric: ['x', 'y', 'é'].map((value, i) => ({ label: labels({ b: value }), gauge: { value: i } })),
      },
    ],
  ],
  ['one family twice', [gauge('a', 1), gauge('a', 2)]],
  ['a family without metrics', [{ name: 'empty', type: 1 }, gauge('a', 1)]],
  ['a name that the gateway fills itself', [gauge('push_time_seconds', 7), gauge('a', 1)]],
  ['nothing at all', []],
  ['a timestamp', [{ name: 'a', type: 1, metric: [{ gauge: { value: 1 }, timestampMs: 1000 }] }]],
  ['one series twice', [{ name: 'a', type: 1, metric: [{ gauge: { value: 1 } }, { gauge: { value: 2 } }] }]],
]

/** Such as only a broken client would send: Pushgateway takes some of them, and shows what no scraper reads. */
const broken: readonly (readonly [string, readonly Message[]])[] = [
  ['a value of another type', [{ name: 'a', type: 1, metric: [{ counter: { value: 1 } }] }]],
  [
    'a label twice',
    [
      {
        name: 'a',
        type: 1,
        metric: [{ label: [...labels({ b: '1' }), ...labels({ b: '2' })], gauge: { value: 1 } }],
      },
    ],
  ],
  ['no name', [{ type: 1, metric: [{ gauge: { value: 1 } }] }]],
  ['a name with a blank', [gauge('a b', 1)]],
  ['a label name with a dash', [gauge('a', 1, { 'b-c': '1' })]],
  [
    'a summary with a label of its own samples',
    [{ name: 's', type: 2, metric: [{ label: labels({ quantile: '1' }), summary: {} }] }],
  ],
]

const inProtobuf: readonly Case[] = [
  ...messages.flatMap(([name, families]) =>
    (['PUT', 'POST'] as const).map((method) =>
      one(`protobuf by ${method}: ${name}`, push(method, '/job/a', encodeDelimited(...families), PROTOBUF)),
    ),
  ),
  ...broken.map(([name, families]) =>
    one(`protobuf with ${name}`, post('/job/a', encodeDelimited(...families), PROTOBUF), 'protobuf-checks'),
  ),
  {
    name: 'protobuf replaces what was pushed as text',
    requests: [
      post('/job/a', '# TYPE a gauge\na 1\nb 2\n'),
      post('/job/a', encodeDelimited(gauge('a', 5)), PROTOBUF),
    ],
  },
  {
    name: 'protobuf of another type than what was pushed',
    requests: [
      post('/job/a', '# TYPE a counter\na 1\n'),
      post('/job/b', encodeDelimited(gauge('a', 5)), PROTOBUF),
    ],
  },
  one(
    'protobuf in gzip',
    post('/job/a', gzipSync(encodeDelimited(gauge('a', 5))), { ...PROTOBUF, 'content-encoding': 'gzip' }),
  ),
  one('protobuf that is cut off', post('/job/a', encodeDelimited(gauge('a', 5)).subarray(0, -3), PROTOBUF)),
  one('protobuf that is text', post('/job/a', 'a 1\n', PROTOBUF)),
  one(
    'protobuf with its parameters in another order',
    post('/job/a', encodeDelimited(gauge('a', 5)), {
      'content-type':
        'application/vnd.google.protobuf;encoding=delimited;proto="io.prometheus.client.MetricFamily"',
    }),
  ),
]

const types: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['no type at all', {}],
  ['the type curl sends', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['text with parameters', { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }],
  ['a type nobody knows', { 'content-type': 'application/octet-stream' }],
  ['JSON as a type', { 'content-type': 'application/json' }],
  ['a broken type', { 'content-type': ';;' }],
]

const paths: readonly Case[] = [
  one('a trailing slash', post('/job/a/', 'x 1\n')),
  one('job in base64', post(`/job@base64/${base64('a/b')}`, 'x 1\n')),
  one('job in base64 with padding', post('/job@base64/YQ==', 'x 1\n')),
  one('a label in base64', post(`/job/a/path@base64/${base64('/var/tmp')}`, 'x 1\n')),
  one('a label in base64 that is empty', post('/job/a/l@base64/=', 'x 1\n')),
  one('an empty job in base64', post('/job@base64/=', 'x 1\n')),
  one('broken base64 in a label', post('/job/a/l@base64/a*b', 'x 1\n')),
  one('UTF-8 in base64', post(`/job@base64/${base64('Grüße')}`, 'x 1\n')),
  one('an odd number of components', post('/job/a/l', 'x 1\n')),
  one('an odd number of components after a pair', post('/job/a/l/v/m', 'x 1\n')),
  one('a label name with a dash', post('/job/a/l-m/v', 'x 1\n')),
  one('a label name that starts with a digit', post('/job/a/1l/v', 'x 1\n')),
  one('a reserved label name', post('/job/a/__l/v', 'x 1\n')),
  one('__name__ as a label', post('/job/a/__name__/v', 'x 1\n')),
  one('a label twice', post('/job/a/l/1/l/2', 'x 1\n')),
  one('job twice', post('/job/a/job/b', 'x 1\n')),
  one('a plus stays a plus', post('/job/a+b', 'x 1\n')),
  one('an encoded blank', post('/job/a%20b', 'x 1\n')),
  one('an encoded percent sign', post('/job/a%25b', 'x 1\n')),
  one('encoded UTF-8', post('/job/Gr%C3%BC%C3%9Fe', 'x 1\n')),
  one('an encoded slash', post('/job/a%2Fb', 'x 1\n'), 'encoded-slash'),
  one('an encoded slash in a label', post('/job/a/path/%2Fvar', 'x 1\n'), 'encoded-slash'),
  one('two slashes', post('/job/a//b', 'x 1\n'), 'empty-component'),
  one('no job', post('/job/', 'x 1\n'), 'empty-component'),
  one('no job and no slash', post('/job', 'x 1\n')),
  one('a path without job', post('/foo/bar', 'x 1\n')),
  one('a path with instance first', post('/instance/i/job/a', 'x 1\n')),
  one('a query', post('/job/a?x=y', 'x 1\n')),
  one('a long job', post(`/job/${'j'.repeat(500)}`, 'x 1\n')),
  one('many labels', post(`/job/a${Array.from({ length: 20 }, (_, i) => `/l${i}/v${i}`).join('')}`, 'x 1\n')),
  one('an at sign in a value', post('/job/a@b', 'x 1\n')),
  one('another suffix after the at sign', post('/job/a/l@hex/v', 'x 1\n')),
  one('DELETE with base64', del(`/job@base64/${base64('a/b')}`)),
  one('DELETE with an odd number of components', del('/job/a/l')),
  one('DELETE with a reserved label name', del('/job/a/__l/v')),
]

const methods: readonly Case[] = [
  one('GET on a push path', { method: 'GET', path: '/metrics/job/a' }),
  one('HEAD on a push path', { method: 'HEAD', path: '/metrics/job/a' }),
  one('PATCH on a push path', { method: 'PATCH', path: '/metrics/job/a', body: 'x 1\n' }),
  one('OPTIONS on a push path', { method: 'OPTIONS', path: '/metrics/job/a' }),
  one('POST on the page', { method: 'POST', path: '/metrics', body: 'x 1\n' }),
  one('PUT on the page', { method: 'PUT', path: '/metrics', body: 'x 1\n' }),
  one('DELETE on the page', { method: 'DELETE', path: '/metrics' }),
  one('HEAD on the page', { method: 'HEAD', path: '/metrics' }, 'head'),
  one('GET of health', { method: 'GET', path: '/-/healthy' }),
  one('GET of readiness', { method: 'GET', path: '/-/ready' }),
  one('a path nobody serves', { method: 'GET', path: '/nowhere' }),
]

const encodings: readonly Case[] = [
  one('gzip', post('/job/a', gzipSync('x 1\n'), gzipped)),
  one('gzip by PUT', put('/job/a', gzipSync('x 1\n'), gzipped)),
  one('an empty gzip body', post('/job/a', gzipSync(''), gzipped)),
  one('gzip that is not', post('/job/a', 'x 1\n', gzipped)),
  one(
    'gzip cut short',
    post('/job/a', gzipSync('x 1\n'.repeat(100)).subarray(0, 20), gzipped),
    'truncated-gzip',
  ),
  one('gzip in two members', post('/job/a', Buffer.concat([gzipSync('x 1\n'), gzipSync('y 2\n')]), gzipped)),
  one('gzip with an empty body', post('/job/a', '', gzipped)),
  one('identity', post('/job/a', 'x 1\n', { 'content-encoding': 'identity' })),
  one('an encoding nobody knows', post('/job/a', 'x 1\n', { 'content-encoding': 'br' }), 'unknown-encoding'),
  one('DELETE with a type', del('/job/a', { 'content-type': 'text/plain' })),
]

export const corpus: readonly Case[] = [
  ...semantics,
  ...accepted.map(([name, body]) => one(`accepts ${name}`, post('/job/a', body))),
  ...refused.map(([name, body]) => one(`refuses ${name}`, post('/job/a', body))),
  ...stricter,
  ...elsewhere,
  ...inProtobuf,
  ...types.map(([name, headers]) => one(name, post('/job/a', 'x 1\n', headers))),
  ...paths,
  ...methods,
  ...encodings,
  // Last of all: Pushgateway 1.5.1 answers no further push to `job@base64` after this one.
  one('broken base64 in job', post('/job@base64/a*b', 'x 1\n')),
]
