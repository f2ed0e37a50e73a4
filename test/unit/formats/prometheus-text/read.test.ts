import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import type { ReadOptions, SampleLimits } from '../../../../src/formats/format.ts'
import { reader } from '../../../../src/formats/prometheus-text/index.ts'
import type { Family } from '../../../../src/model/family.ts'
import { somePage } from './some-page.ts'

const limits: SampleLimits = {
  labelsPerSeries: 64,
  nameLength: 256,
  valueLength: 4096,
  seriesPerPush: 100_000,
}

function read(body: string | Uint8Array, options: Partial<ReadOptions> = {}): Family[] {
  return reader.read(typeof body === 'string' ? Buffer.from(body) : body, {
    limits,
    utf8Names: false,
    ...options,
  })
}

function readUtf8(body: string): Family[] {
  return read(body, { utf8Names: true })
}

function refusal(work: () => unknown): PgrError {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(PgrError)
    return error as PgrError
  }
  throw new Error('the body was read')
}

/** The one metric of the one family, with labels as an object for brevity. */
function readOne(body: string, options: Partial<ReadOptions> = {}) {
  const families = read(body, options)
  expect(families).toHaveLength(1)
  const [family] = families as [Family]
  expect(family.metrics).toHaveLength(1)
  const { labels, ...metric } = family.metrics[0] as Family['metrics'][number]
  return { name: family.name, labels: labels.map(({ name, value }) => `${name}=${value}`), ...metric }
}

describe('a page', () => {
  it('is read into families in order of appearance, help and type included', () => {
    expect(
      read(
        '# HELP b A \\\\ and a\\nline.\n# TYPE b counter\nb{z="1",a="2"} 1\na 2\nb{z="2"} 3 17\n# TYPE c gauge\n',
      ),
    ).toEqual([
      {
        name: 'b',
        help: 'A \\ and a\nline.',
        unit: '',
        type: 'counter',
        metrics: [
          {
            labels: [
              { name: 'a', value: '2' },
              { name: 'z', value: '1' },
            ],
            value: 1,
          },
          { labels: [{ name: 'z', value: '2' }], value: 3, timestampMs: 17 },
        ],
      },
      { name: 'a', help: '', unit: '', type: 'unknown', metrics: [{ labels: [], value: 2 }] },
    ])
  })

  it.each([
    ['nothing', ''],
    ['a line feed', '\n'],
    ['blank lines', '  \n\n \t\n'],
    ['blanks behind the last line feed', '\n  '],
    ['comments', '#\n## x\n# EOF\n# UNIT a s\n#TYPE a counter\n# TYPEX a counter\n'],
    ['comments without a name', '# TYPE\n# HELP \n'],
    ['heads without samples', '# HELP a\n# HELP b x\n# TYPE c counter\n'],
  ])('may hold %s and no family', (_why, body) => {
    expect(read(body)).toEqual([])
  })

  it('has equal series left in, for whoever checks the push', () => {
    expect(read('a 1\na 1\n')[0]?.metrics).toHaveLength(2)
  })

  it('is not read beyond the body, when that is part of a larger buffer', () => {
    const larger = Buffer.from('x a 1\nb 2\n')
    expect(read(larger.subarray(2, 6))).toEqual(read('a 1\n'))
  })
})

describe('a TYPE line', () => {
  it.each([
    ['counter', 'counter'],
    ['GAUGE', 'gauge'],
    ['untyped', 'unknown'],
    ['Summary', 'summary'],
    ['histogram', 'histogram'],
    ['gaugehistogram', 'gaugehistogram'],
    ['gauge_histogram', 'gaugehistogram'],
  ])('of %s gives %s', (text, type) => {
    expect(read(`# TYPE a ${text}\na 1\n`)[0]?.type).toBe(type)
  })

  it.each([
    ['with tabs', '#\tTYPE\ta\tcounter\na 1\n', 'counter'],
    ['without a type', '# TYPE a \n# TYPE a counter\na 1\n', 'counter'],
    ['of another family', '# TYPE a counter\n# TYPE b gauge\na 1\n', 'counter'],
  ])('is read %s', (_why, body, type) => {
    expect(read(body)[0]?.type).toBe(type)
  })
})

describe('a sample line', () => {
  it.each([
    ['bare', 'a 1\n', [], 1],
    ['with empty braces', 'a{} 1\n', [], 1],
    ['with blanks in empty braces', 'a { } 1\n', [], 1],
    ['without a blank behind the braces', 'a{b="c"}1\n', ['b=c'], 1],
    ['with a comma at the end', 'a{b="c",} 1\n', ['b=c'], 1],
    ['with blanks everywhere', '  a { b = "c" , d = "e" , }\t1\n', ['b=c', 'd=e'], 1],
    ['with tabs', '\ta\t{\tb\t=\t"c"\t}\t1\n', ['b=c'], 1],
    ['with escapes', 'a{b="x\\\\\\"\\n"} 1\n', ['b=x\\"\n'], 1],
    ['with characters that end things outside quotes', 'a{b="},{= #"} 1\n', ['b=},{= #'], 1],
    ['with characters beyond ASCII', 'a{b="日本😀",c="d"} 1\n', ['b=日本😀', 'c=d'], 1],
    ['with a NUL', 'a{b="\u0000"} 1\n', ['b=\u0000'], 1],
    ['with an empty value', 'a{b=""} 1\n', ['b='], 1],
    ['with labels in another order', 'a{c="1",b="2"} 1\n', ['b=2', 'c=1'], 1],
    ['with labels that are keys elsewhere', 'a{__proto__="1"} 1\n', ['__proto__=1'], 1],
    ['with a label that is special for other types', 'a{le="x"} 1\n', ['le=x'], 1],
    ['with a short fraction', 'a .5\n', [], 0.5],
    ['with a point at the end', 'a 5.\n', [], 5],
    ['with a plus', 'a +1\n', [], 1],
    ['with a negative fraction', 'a -123.456\n', [], -123.456],
    ['with more digits than add up exactly', 'a 0.1234567890123456789\n', [], 0.12345678901234568],
    ['with a large integer', 'a 9007199254740993\n', [], 9007199254740992],
    ['with an exponent', 'a 1.5e+06\n', [], 1.5e6],
    ['with underflow', 'a 1e-400\n', [], 0],
    ['with NaN as clients print it', 'a Nan\n', [], Number.NaN],
    ['with infinity', 'a -infinitY\n', [], Number.NEGATIVE_INFINITY],
  ])('is read %s', (_why, body, labels, value) => {
    expect(readOne(body)).toEqual({ name: 'a', labels, value })
  })

  it.each([
    ['plain', 'a 1 1700000000123\n', 1700000000123],
    ['negative', 'a 1 -5\n', -5],
    ['behind a tab', 'a 1\t+5\n', 5],
    ['as large as can be', 'a 1 9223372036854775807\n', 2 ** 63],
  ])('may have a timestamp: %s', (_why, body, timestampMs) => {
    expect(readOne(body)).toMatchObject({ timestampMs })
  })

  it('shares labels with the lines around it only where they are the same', () => {
    const sets = [
      'a="1",b="2"',
      'a="1",b="2"',
      'a="1"',
      'a="1",b="2",c="3"',
      'b="2"',
      'b="2",a="1"',
      '',
      'a="1"',
      'a="12"',
    ]
    const expected = [
      ['a=1', 'b=2'],
      ['a=1', 'b=2'],
      ['a=1'],
      ['a=1', 'b=2', 'c=3'],
      ['b=2'],
      ['a=1', 'b=2'],
      [],
      ['a=1'],
      ['a=12'],
    ]
    const page = sets.map((set) => `x{${set}} 1\n`).join('')
    expect(
      read(page)[0]?.metrics.map(({ labels }) => labels.map(({ name, value }) => `${name}=${value}`)),
    ).toEqual(expected)
  })

  it('does not take the name before for one that goes on', () => {
    expect(
      read('a 1\nab 1\na:b 1\na{b="c"} 1\na\t1\n').map(({ name, metrics }) => [name, metrics.length]),
    ).toEqual([
      ['a', 3],
      ['ab', 1],
      ['a:b', 1],
    ])
  })
})

describe('a histogram', () => {
  const inf = Number.POSITIVE_INFINITY

  it('gathers its lines by labels, whatever their order', () => {
    const body =
      '# TYPE h histogram\n' +
      'h_bucket{x="1",le="1"} 1\nh_bucket{le="1",x="2"} 3\nh_bucket{x="1",le="+Inf"} 2\n' +
      'h_sum{x="2"} 5\nh_count{x="1"} 2\nh_bucket{x="2",le="+Inf"} 4\n'
    expect(read(body)[0]?.metrics).toEqual([
      {
        labels: [{ name: 'x', value: '1' }],
        count: 2,
        buckets: [
          { upperBound: 1, cumulativeCount: 1 },
          { upperBound: inf, cumulativeCount: 2 },
        ],
      },
      {
        labels: [{ name: 'x', value: '2' }],
        sum: 5,
        count: 4,
        buckets: [
          { upperBound: 1, cumulativeCount: 3 },
          { upperBound: inf, cumulativeCount: 4 },
        ],
      },
    ])
  })

  it.each([
    ['without +Inf, which stays away', 'h_bucket{le="1"} 1\nh_count 2\n', { count: 2, buckets: [[1, 1]] }],
    ['without a count, which +Inf gives', 'h_bucket{le="+Inf"} 2\n', { count: 2, buckets: [[inf, 2]] }],
    ['without either', 'h_sum 4\n', { sum: 4, buckets: [] }],
    [
      'with +Inf and count at odds, both kept',
      'h_bucket{le="+Inf"} 2\nh_count 3\n',
      { count: 3, buckets: [[inf, 2]] },
    ],
    [
      'with buckets in any order',
      'h_bucket{le="2"} 2\nh_bucket{le="0.5"} 1\nh_count 3\n',
      {
        count: 3,
        buckets: [
          [0.5, 1],
          [2, 2],
        ],
      },
    ],
    [
      'with a bound given twice, in two spellings',
      'h_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\nh_bucket{le="1"} 3\nh_count 3\n',
      { count: 3, buckets: [[1, 3]] },
    ],
    ['with two counts', 'h_count 1\nh_count 2\nh_sum 1\nh_sum 3\n', { count: 2, sum: 3, buckets: [] }],
    ['with fractions', 'h_bucket{le="1"} 1.5\nh_count 2\n', { count: 2, buckets: [[1, 1.5]], float: true }],
    ['with a fraction for count', 'h_count 2.5\n', { count: 2.5, buckets: [], float: true }],
    ['with a bound that is no number', 'h_bucket{le="NaN"} 1\nh_count 2\n', { count: 2, buckets: [] }],
    ['with a bucket without bound', 'h_bucket 5\nh_count 1\n', { count: 1, buckets: [] }],
    ['with a bound on the bare name', 'h{le="1"} 5\nh_count 7\n', { count: 7, buckets: [[1, 5]] }],
    ['with a bound on the count', 'h_count{le="1"} 5\n', { count: 5, buckets: [] }],
    [
      'with two bounds in a line, of which the last counts',
      'h_bucket{le="1",le="2"} 1\nh_count 2\n',
      { count: 2, buckets: [[2, 1]] },
    ],
    ['with a timestamp', 'h_count 1 5\nh_sum 2 6\n', { timestampMs: 6, count: 1, sum: 2, buckets: [] }],
  ])('is read %s', (_why, lines, expected) => {
    expect(readOne(`# TYPE h histogram\n${lines}`)).toEqual({
      name: 'h',
      labels: [],
      ...expected,
      buckets: expected.buckets.map(([upperBound, cumulativeCount]) => ({ upperBound, cumulativeCount })),
    })
  })

  it('is none when its TYPE comes later', () => {
    expect(
      read('h_bucket{le="1"} 1\nh_count 1\n# TYPE h histogram\n').map(({ name, type }) => [name, type]),
    ).toEqual([
      ['h_bucket', 'unknown'],
      ['h_count', 'unknown'],
    ])
  })

  it('leaves a name alone that was a family before', () => {
    expect(
      read('h_count 1\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n').map(({ name, metrics }) => [
        name,
        metrics.length,
      ]),
    ).toEqual([
      ['h_count', 2],
      ['h', 1],
    ])
  })

  it('takes the help of its parts for its own', () => {
    expect(read('# TYPE h histogram\n# HELP h_count foo\nh_count 1\n')[0]).toMatchObject({
      name: 'h',
      help: 'foo',
    })
  })

  it('has quantile as an ordinary label, as a summary has le', () => {
    expect(readOne('# TYPE h histogram\nh_count{quantile="x"} 1\n').labels).toEqual(['quantile=x'])
    expect(readOne('# TYPE s summary\ns_count{le="x"} 1\n').labels).toEqual(['le=x'])
  })
})

describe('a summary', () => {
  it.each([
    ['whole', 's{quantile="0.5"} 1\ns_sum 3\ns_count 2\n', { count: 2, sum: 3, quantiles: [[0.5, 1]] }],
    ['without quantiles', 's_count 2\n', { count: 2, quantiles: [] }],
    [
      'with quantiles alone',
      's{quantile="0.9"} 2\ns{quantile="0.5"} -1\n',
      {
        quantiles: [
          [0.5, -1],
          [0.9, 2],
        ],
      },
    ],
    ['with a quantile twice', 's{quantile="0.5"} 1\ns{quantile="0.5"} 2\n', { quantiles: [[0.5, 2]] }],
    ['with a fraction for count, which goes', 's_count 1.5\n', { count: 1, quantiles: [] }],
    ['without quantile on the bare name', 's 1\n', { quantiles: [] }],
  ])('is read %s', (_why, lines, expected) => {
    expect(readOne(`# TYPE s summary\n${lines}`)).toEqual({
      name: 's',
      labels: [],
      ...expected,
      quantiles: expected.quantiles.map(([quantile, value]) => ({ quantile, value })),
    })
  })

  it('has no buckets', () => {
    expect(read('# TYPE s summary\ns_bucket{le="1"} 1\n')).toMatchObject([
      { name: 's_bucket', type: 'unknown' },
    ])
  })
})

describe('a body is refused with the reason that Go gives', () => {
  it.each([
    ['a 1', 'unexpected end of input stream; the last line has no newline, with curl use --data-binary'],
    ['a 1\r\n', 'expected float as value, got "1\\r"; lines must end in LF alone, not CRLF'],
    ['# TYPE a counter\r\n', 'unknown metric type "counter\\r"; lines must end in LF alone, not CRLF'],
    ['\r\n', 'invalid metric name; lines must end in LF alone, not CRLF'],
    ['a x\n', 'expected float as value, got "x"'],
    ['a \n', 'expected float as value, got ""'],
    ['a{}\n', 'expected float as value, got ""'],
    ['a 0x10\n', 'expected float as value, got "0x10"'],
    ['a 1_000\n', 'expected float as value, got "1_000"'],
    ['a 1e400\n', 'expected float as value, got "1e400"'],
    ['a.b 1\n', 'expected float as value, got ".b"'],
    ['a \u00a01\n', 'expected float as value, got "\\u00a01"'],
    ['a \u0000"é\\\n', 'expected float as value, got "\\x00\\"é\\\\"'],
    [`a ${'9'.repeat(500)}x\n`, `expected float as value, got "${'9'.repeat(100)}"...`],
    ['1a 1\n', 'invalid metric name'],
    ['é 1\n', 'invalid metric name'],
    ['\ufeffa 1\n', 'invalid metric name'],
    ['{"a.b",c="d"} 1\n', 'invalid metric name; quoted names are read with --push.enable-utf8-names'],
    [
      'a{"b.c"="d"} 1\n',
      'invalid label name for metric "a"; quoted names are read with --push.enable-utf8-names',
    ],
    [
      '# TYPE "a.b" counter\n',
      'invalid metric name in comment; quoted names are read with --push.enable-utf8-names',
    ],
    ['a{b="1",b="2"} 1\n', 'duplicate label names for metric "a"'],
    ['a{b="1",c="2",b="1"} 1\n', 'duplicate label names for metric "a"'],
    [
      'a{__name__="x"} 1\n',
      'label name "__name__" is reserved; the name of a metric stands before its braces',
    ],
    ['a{1b="c"} 1\n', 'invalid label name for metric "a"'],
    ['a{b="c",,} 1\n', 'invalid label name for metric "a"'],
    ['a{,} 1\n', 'invalid label name for metric "a"'],
    ['a{\nb="c"} 1\n', 'invalid label name for metric "a"'],
    ['a{b:c="d"} 1\n', "expected '=' after label name, found ':'"],
    ['a{b} 1\n', "expected '=' after label name, found '}'"],
    ["a{b='c'} 1\n", `expected '"' at start of label value, found '\\''`],
    ['a{b=é} 1\n', `expected '"' at start of label value, found 'é'`],
    ['a{b=\n', `expected '"' at start of label value, found '\\n'`],
    ['a{b="c" d="e"} 1\n', 'unexpected end of label value "c"'],
    ['a{b="c"\n', 'unexpected end of label value "c"'],
    ['a{b="c\nd"} 1\n', 'label value "c" contains unescaped new-line'],
    ['a{b="\\x"} 1\n', "invalid escape sequence '\\x'; a backslash itself is written as two"],
    ['a{b="c\\\n', "invalid escape sequence '\\\\n'; a backslash itself is written as two"],
    ['# HELP a \\x\n', "invalid escape sequence '\\x'; a backslash itself is written as two"],
    ['# HELP a x\n# HELP a x\n', 'second HELP line for metric name "a"'],
    ['# HELP a-b x\n', 'invalid metric name in comment'],
    [
      '# TYPE a counter\n# TYPE a counter\n',
      'second TYPE line for metric name "a", or TYPE reported after samples',
    ],
    ['a 1\n# TYPE a counter\n', 'second TYPE line for metric name "a", or TYPE reported after samples'],
    [
      '# TYPE h histogram\n# TYPE h_count counter\n',
      'second TYPE line for metric name "h", or TYPE reported after samples',
    ],
    [
      '# TYPE a unknown\n',
      'unknown metric type "unknown"; known are counter, gauge, histogram, summary and untyped',
    ],
    [
      '# TYPE a counter \n',
      'unknown metric type "counter "; known are counter, gauge, histogram, summary and untyped',
    ],
    [
      'a 1 # {x="y"} 1\n',
      'expected integer as timestamp, got "#"; exemplars belong to OpenMetrics, sent as application/openmetrics-text',
    ],
    ['a 1 \n', 'expected integer as timestamp, got ""; the line ends in a blank'],
    ['a 1 5.5\n', 'expected integer as timestamp, got "5.5"; a timestamp is in whole milliseconds'],
    ['a 1 5\r\n', 'expected integer as timestamp, got "5\\r"; lines must end in LF alone, not CRLF'],
    [
      'a 1 9223372036854775808\n',
      'expected integer as timestamp, got "9223372036854775808"; a timestamp is in whole milliseconds',
    ],
    ['a 1 5 6\n', 'spurious string after timestamp: " 6"'],
    ['# TYPE h histogram\nh_bucket{le="x"} 1\n', `expected float as value for 'le' label, got "x"`],
    ['# TYPE s summary\ns{quantile=""} 1\n', `expected float as value for 'quantile' label, got ""`],
    ['# TYPE h histogram\nh_bucket{le="1"} -1\n', 'negative count for histogram "h"'],
    ['# TYPE h histogram\nh_count NaN\n', 'not a finite count for histogram "h"'],
    ['# TYPE s summary\ns_count -1\n', 'negative count for summary "s"'],
  ])('%j: %s', (body, reason) => {
    // Two lines in front show that lines are counted. The last line of the body is the bad one, unless it is the rest
    // of one that a stray line feed broke.
    const lines = body.replace(/\n$/, '').split('\n')
    const line = 3 + (body.startsWith('#') || body.startsWith('a 1\n#') ? lines.length - 1 : 0)
    const error = refusal(() => read(`ok 1\n\n${body}`))
    expect(error.code).toBe('PGR_BODY_MALFORMED')
    expect(error.message).toBe(`text format parsing error in line ${line}: ${reason}`)
  })

  it.each([
    ['in a label value', [0x61, 0x7b, 0x62, 0x3d, 0x22, 0xff, 0x22, 0x7d, 0x20, 0x31, 0x0a]],
    ['in a comment', [0x23, 0x20, 0xc3, 0x0a]],
    ['half a surrogate pair', [0x23, 0xed, 0xa0, 0x80, 0x0a]],
    ['an overlong form', [0x23, 0xc0, 0x80, 0x0a]],
    ['in a last line without line feed', [0x23, 0xff]],
  ])('bytes that are not UTF-8 %s', (_why, bytes) => {
    const error = refusal(() => read(Buffer.concat([Buffer.from('é 1\n'), Buffer.from(bytes)])))
    expect(error.code).toBe('PGR_BODY_MALFORMED')
    expect(error.message).toContain('in line 2: the line is not valid UTF-8')
  })
})

describe('quoted names', () => {
  it.each([
    ['before labels', '{"a.b",c="d"} 1\n', 'a.b', ['c=d']],
    ['alone', '{"a.b"} 1\n', 'a.b', []],
    ['with a comma at the end', '{ "a.b" , } 1\n', 'a.b', []],
    ['behind labels', '{c="d","a.b"} 1\n', 'a.b', ['c=d']],
    ['that need no quotes', '{"a",c="d"} 1\n', 'a', ['c=d']],
    ['left out in braces', '{a,c="d"} 1\n', 'a', ['c=d']],
    ['before the braces', '"a.b"{c="d"} 1\n', 'a.b', ['c=d']],
    ['of labels', 'a{"b.c"="d","e"="f"} 1\n', 'a', ['b.c=d', 'e=f']],
    ['with escapes', '{"a\\"\\\\\\n","b\\""="c"} 1\n', 'a"\\\n', ['b"=c']],
    ['beyond ASCII', '{"größe","ä"="ö"} 1\n', 'größe', ['ä=ö']],
  ])('are read %s', (_why, body, name, labels) => {
    expect(readOne(body, { utf8Names: true })).toEqual({ name, labels, value: 1 })
  })

  it('are read on lines that repeat them', () => {
    expect(readUtf8('{"a.b","c.d"="1"} 1\n{"a.b","c.d"="1"} 2\n{"x","c.d"="1"} 3\n')).toMatchObject([
      {
        name: 'a.b',
        metrics: [{ labels: [{ name: 'c.d', value: '1' }] }, { labels: [{ name: 'c.d', value: '1' }] }],
      },
      { name: 'x', metrics: [{ labels: [{ name: 'c.d', value: '1' }] }] },
    ])
  })

  it('are read in comments and joined with the parts of a histogram', () => {
    expect(
      readUtf8(
        '# HELP "h.x" help\n# TYPE "h.x" histogram\n{"h.x_bucket",le="1"} 1\n{"h.x_count"} 2\n{le="2","h.x_bucket"} 2\n',
      ),
    ).toMatchObject([
      {
        name: 'h.x',
        help: 'help',
        type: 'histogram',
        metrics: [{ count: 2, buckets: [{ upperBound: 1 }, { upperBound: 2 }] }],
      },
    ])
  })

  it.each([
    ['no name at all', '{a="b"} 1\n', 'invalid metric name'],
    ['empty braces', '{} 1\n', 'invalid metric name'],
    ['an empty name', '{""} 1\n', 'invalid metric name'],
    ['an empty label name', 'a{""="b"} 1\n', 'invalid label name'],
    ['two names', '{"a","b"} 1\n', 'two metric names in one line, "a" and "b"'],
    ['a name never closed', '{"a} 1\n', 'metric name "a} 1" contains unescaped new-line'],
    ['a label that is the name', '{"a","__name__"="b"} 1\n', 'label name "__name__" is reserved'],
    ['no comma', '{"a" "b"} 1\n', `unexpected end of metric value '"'`],
    ['no value', '{"a",b=c} 1\n', `expected '"' at start of label value, found 'c'`],
  ])('are refused with %s', (_why, body, reason) => {
    const error = refusal(() => readUtf8(body))
    expect(error.code).toBe('PGR_BODY_MALFORMED')
    expect(error.message).toContain(`in line 1: ${reason}`)
  })
})

describe('limits', () => {
  it.each([
    ['labels', { labelsPerSeries: 2 }, 'a{b="1",c="2"} 1\n', 'a{b="1",c="2",d="3"} 1\n', '--push.max-labels'],
    [
      'bounds are no labels',
      { labelsPerSeries: 1 },
      '# TYPE h histogram\nh{b="1",le="1"} 1\n',
      'a{b="1",le="1"} 1\n',
      '--push.max-labels',
    ],
    ['metric names', { nameLength: 3 }, 'abc 1\n', 'abcd 1\n', '--push.max-name-length'],
    [
      'metric names in comments',
      { nameLength: 3 },
      '# HELP abc d\n',
      '# HELP abcd d\n',
      '--push.max-name-length',
    ],
    ['label names', { nameLength: 3 }, 'a{bcd="e"} 1\n', 'a{bcde="f"} 1\n', '--push.max-name-length'],
    ['label values', { valueLength: 2 }, 'a{b="éé"} 1\n', 'a{b="ééé"} 1\n', '--push.max-value-length'],
    ['series', { seriesPerPush: 2 }, 'a 1\nb 1\n', 'a 1\nb 1\nc 1\n', '--push.max-series'],
    [
      'series a line stands for',
      { seriesPerPush: 2 },
      '# TYPE s summary\ns_sum 1\n',
      '# TYPE h histogram\nh_sum 1\n',
      '--push.max-series',
    ],
  ])('hold for %s', (_why, limit, within, beyond, setting) => {
    const options = { limits: { ...limits, ...limit } }
    expect(() => read(within, options)).not.toThrow()
    const error = refusal(() => read(beyond, options))
    expect(error.code).toBe('PGR_LIMIT_EXCEEDED')
    expect(error.message).toContain(setting)
  })
})

describe('damaged pages', () => {
  /** Overwrites, inserts, deletes or repeats some bytes, or changes a letter or digit into another. */
  const damage = fc.array(
    fc.record({
      kind: fc.constantFrom('nudge', 'overwrite', 'insert', 'delete', 'repeat'),
      at: fc.nat(),
      length: fc.integer({ min: 1, max: 40 }),
      byte: fc.oneof(fc.constantFrom(...Buffer.from('0123456789abce_{}",= \t\\\n#.+-"')), fc.nat(255)),
    }),
    { minLength: 1, maxLength: 2 },
  )
  type Change = typeof damage extends fc.Arbitrary<(infer T)[]> ? T : never

  function damaged(body: Buffer, { kind, at, length, byte }: Change): Buffer {
    const from = at % (body.length + 1)
    const splice = (put: Uint8Array, cut: number) =>
      Buffer.concat([body.subarray(0, from), put, body.subarray(from + cut)])
    switch (kind) {
      case 'nudge': {
        const next = body.subarray(from).findIndex((code) => /\w/.test(String.fromCharCode(code)))
        const changed = Buffer.from(body)
        if (next !== -1) changed[from + next] = Number(changed[from + next]) ^ (length & 1)
        return changed
      }
      case 'overwrite':
        return splice(Buffer.from([byte]), 1)
      case 'insert':
        return splice(Buffer.from([byte]), 0)
      case 'delete':
        return splice(Buffer.alloc(0), length % 3)
      case 'repeat':
        return splice(body.subarray(from, from + length), 0)
    }
  }

  it('are read or refused, and at least three in ten are read', () => {
    let read = 0
    const runs = 1000
    fc.assert(
      fc.property(somePage, damage, fc.boolean(), (page, changes, utf8Names) => {
        try {
          reader.read(changes.reduce(damaged, page), { limits, utf8Names })
          read++
        } catch (error) {
          expect(error).toBeInstanceOf(PgrError)
          expect(['PGR_BODY_MALFORMED', 'PGR_LIMIT_EXCEEDED']).toContain((error as PgrError).code)
        }
      }),
      { numRuns: runs },
    )
    expect(read / runs).toBeGreaterThan(0.3)
  })
})
