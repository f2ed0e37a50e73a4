import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { reader } from '../../../../src/formats/openmetrics-text/index.ts'
import type { Family } from '../../../../src/model/family.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import { pageOf } from './page-of.ts'
import { READ_OPTIONS } from './read-options.ts'
import { showablePage } from './showable-families.ts'

const INFINITY = Number.POSITIVE_INFINITY

/** Lines without the end, which is added. */
function read(...lines: string[]): Family[] {
  return readBody([...lines, '# EOF', ''].join('\n'))
}

function readBody(body: string | Uint8Array, options = READ_OPTIONS): Family[] {
  return reader.read(typeof body === 'string' ? Buffer.from(body) : body, options)
}

const label = (name: string, value: string): Labels => [{ name, value }]

describe('the OpenMetrics reader maps', () => {
  it.each<[string, string[], object[]]>([
    ['nothing to nothing', [], []],
    [
      'a counter with its start and an exemplar to a family named as its samples',
      [
        '# TYPE a_seconds counter',
        '# UNIT a_seconds seconds',
        '# HELP a_seconds some help',
        'a_seconds_total{x="1"} 2 # {t="y"} 0.5 1.5',
        'a_seconds_created{x="1"} 1520430000.123456',
      ],
      [
        {
          name: 'a_seconds_total',
          type: 'counter',
          help: 'some help',
          unit: 'seconds',
          metrics: [
            {
              labels: label('x', '1'),
              value: 2,
              exemplar: { labels: label('t', 'y'), value: 0.5, timestampMs: 1500 },
              startMs: 1520430000123.456,
            },
          ],
        },
      ],
    ],
    [
      'a start that comes before its total',
      ['# TYPE a counter', 'a_created 1', 'a_total 2'],
      [{ name: 'a_total', metrics: [{ labels: [], value: 2, startMs: 1000 }] }],
    ],
    [
      'a gauge, labels sorted, with its timestamp in whole milliseconds',
      ['# TYPE a gauge', 'a{y="2",x="1"} -1.5 1520879607.7894'],
      [
        {
          name: 'a',
          type: 'gauge',
          metrics: [
            { labels: [...label('x', '1'), ...label('y', '2')], value: -1.5, timestampMs: 1520879607789 },
          ],
        },
      ],
    ],
    [
      'a sample without metadata to unknown',
      ['a 1'],
      [{ name: 'a', type: 'unknown', metrics: [{ labels: [], value: 1 }] }],
    ],
    [
      'an info to a family named as its samples',
      ['# TYPE a info', 'a_info{v="1"} 1'],
      [{ name: 'a_info', type: 'info', metrics: [{ labels: label('v', '1'), value: 1 }] }],
    ],
    [
      'a state set, the state apart from the labels',
      ['# TYPE a stateset', 'a{a="on",x="1"} 1', 'a{a="off",x="1"} 0', 'a{a="on",x="2"} 0.0'],
      [
        {
          name: 'a',
          type: 'stateset',
          metrics: [
            {
              labels: label('x', '1'),
              states: [
                { name: 'on', enabled: true },
                { name: 'off', enabled: false },
              ],
            },
            { labels: label('x', '2'), states: [{ name: 'on', enabled: false }] },
          ],
        },
      ],
    ],
    [
      'a histogram with its start and exemplars',
      [
        '# TYPE a histogram',
        'a_bucket{le="1e-05"} 0',
        'a_bucket{le="1"} 2 # {} 0.7',
        'a_bucket{le="+Inf"} 3 # {t="x"} 9',
        'a_count 3',
        'a_sum 4.5',
        'a_created 12',
      ],
      [
        {
          name: 'a',
          type: 'histogram',
          metrics: [
            {
              labels: [],
              count: 3,
              sum: 4.5,
              startMs: 12000,
              buckets: [
                { upperBound: 1e-5, cumulativeCount: 0 },
                { upperBound: 1, cumulativeCount: 2, exemplar: { labels: [], value: 0.7 } },
                { upperBound: INFINITY, cumulativeCount: 3, exemplar: { labels: label('t', 'x'), value: 9 } },
              ],
            },
          ],
        },
      ],
    ],
    [
      'a histogram without a count, which its last bucket tells',
      ['# TYPE a histogram', 'a_bucket{le="+Inf"} 4294967297'],
      [
        {
          metrics: [
            {
              labels: [],
              count: 4294967297,
              buckets: [{ upperBound: INFINITY, cumulativeCount: 4294967297 }],
            },
          ],
        },
      ],
    ],
    [
      'a gauge histogram, whose sum may be negative beside negative bounds',
      ['# TYPE a gaugehistogram', 'a_bucket{le="-1"} 1', 'a_bucket{le="+Inf"} 3', 'a_gcount 3', 'a_gsum -5'],
      [
        {
          name: 'a',
          type: 'gaugehistogram',
          metrics: [
            {
              labels: [],
              count: 3,
              sum: -5,
              buckets: [
                { upperBound: -1, cumulativeCount: 1 },
                { upperBound: INFINITY, cumulativeCount: 3 },
              ],
            },
          ],
        },
      ],
    ],
    [
      'a summary, quantiles sorted and perhaps NaN',
      [
        '# TYPE a summary',
        'a{quantile="1"} NaN',
        'a{quantile="0.5"} 2',
        'a_count 17.0',
        'a_sum 3',
        'a_created 1',
      ],
      [
        {
          name: 'a',
          type: 'summary',
          metrics: [
            {
              labels: [],
              count: 17,
              sum: 3,
              startMs: 1000,
              quantiles: [
                { quantile: 0.5, value: 2 },
                { quantile: 1, value: Number.NaN },
              ],
            },
          ],
        },
      ],
    ],
    [
      'the last of several points of a metric',
      ['# TYPE a gauge', 'a 1 1', 'a 2 2', 'a 3 2', 'a{x="1"} 4 1'],
      [
        {
          metrics: [
            { labels: [], value: 3, timestampMs: 2000 },
            { labels: label('x', '1'), value: 4, timestampMs: 1000 },
          ],
        },
      ],
    ],
    [
      'the last of several points of a histogram',
      ['# TYPE a histogram', 'a_bucket{le="+Inf"} 1 1', 'a_bucket{le="+Inf"} 2 2'],
      [{ metrics: [{ count: 2, timestampMs: 2000 }] }],
    ],
    [
      'empty metadata to none',
      ['# HELP a ', '# UNIT a ', '# TYPE a gauge', 'a 1'],
      [{ name: 'a', help: '', unit: '' }],
    ],
    ['a family without samples to nothing', ['# TYPE a counter', '# HELP b x', 'c 1'], [{ name: 'c' }]],
    [
      'two families in order of appearance',
      ['# TYPE b gauge', 'b 1', '# TYPE a gauge', 'a 1'],
      [{ name: 'b' }, { name: 'a' }],
    ],
    ['an empty label list', ['a{} 1'], [{ name: 'a', metrics: [{ labels: [] }] }]],
    ['escapes in help', ['# HELP a \\\\ \\n \\" \\x "', 'a 1'], [{ help: '\\ \n " \\x "' }]],
    [
      'escapes in a label value',
      ['a{b="\\\\n\\n\\"\\x"} 1'],
      [{ metrics: [{ labels: label('b', '\\n\n"\\x') }] }],
    ],
    [
      'braces, hashes and blanks in a label value',
      ['a{b="} # {x=\\"1\\"} 2"} 1'],
      [{ metrics: [{ labels: label('b', '} # {x="1"} 2'), value: 1 }] }],
    ],
    ['any character in text', ['# HELP a \u0000\r', 'a{b="é\u0000😀\r"} 1'], [{ help: '\u0000\r' }]],
    [
      'a label of an awkward name',
      ['a{__proto__="1"} 1'],
      [{ metrics: [{ labels: label('__proto__', '1') }] }],
    ],
  ])('%s', (_why, lines, families) => {
    const got = read(...lines)
    expect(got).toHaveLength(families.length)
    expect(got).toMatchObject(families)
  })

  it.each([
    ['1', 1],
    ['0042', 42],
    ['+5', 5],
    ['-.5', -0.5],
    ['1.', 1],
    ['1.89e-7', 1.89e-7],
    ['1E+3', 1000],
    ['inf', INFINITY],
    ['+INFINITY', INFINITY],
    ['-Inf', -INFINITY],
    ['nan', Number.NaN],
    ['NAN', Number.NaN],
    ['9223372036854775808', 2 ** 63],
  ])('the number %s', (text, value) => {
    expect(read(`a ${text}`)).toMatchObject([{ metrics: [{ value }] }])
  })

  it('a body that ends without a line feed', () => {
    expect(readBody('a 1\n# EOF')).toHaveLength(1)
  })

  it('UTF-8 names in quotes, where they are allowed', () => {
    const body = [
      '# TYPE "a.b" counter',
      '# HELP "a.b" h',
      '{"a.b_total","l.x"="1",y="2"} 3 # {"t.x"="y"} 1',
      '{"a.b_created","l.x"="1",y="2"} 1',
      '# TYPE "é" gauge',
      '{"é"} 1',
      '{"plain"} 2',
      '# EOF',
    ].join('\n')
    expect(readBody(body, { ...READ_OPTIONS, utf8Names: true })).toMatchObject([
      {
        name: 'a.b_total',
        metrics: [
          { labels: [...label('l.x', '1'), ...label('y', '2')], exemplar: { labels: label('t.x', 'y') } },
        ],
      },
      { name: 'é' },
      { name: 'plain' },
    ])
  })
})

describe('the OpenMetrics reader refuses', () => {
  const histogram = '# TYPE a histogram'
  const counter = '# TYPE a counter'
  const summary = '# TYPE a summary'

  it.each<[string, string[], number, string]>([
    // The shape of lines.
    ['a blank line', ['a 1', ''], 2, 'blank lines'],
    ['a comment', ['# just a comment'], 1, 'only TYPE, HELP, UNIT and EOF'],
    ['a hash without a blank', ['#a 1'], 1, 'only TYPE'],
    ['a keyword in other letters', ['# type a gauge'], 1, 'only TYPE'],
    ['metadata without content', ['# HELP a'], 1, 'expected a blank'],
    ['metadata without a name', ['# TYPE '], 1, 'invalid metric name ""'],
    ['a tab', ['a\t1'], 1, 'invalid metric name'],
    ['two blanks', ['a  1'], 1, 'expected a decimal number as value, got ""'],
    ['a blank at the end', ['a 1 '], 1, 'as timestamp'],
    ['a blank in front', [' a 1'], 1, 'invalid metric name'],
    ['a carriage return after a sample', ['a 1\r'], 1, 'carriage return'],
    ['a carriage return after a type', ['# TYPE a gauge\r'], 1, 'carriage return'],
    ['a sample without a value', ['a'], 1, 'before the value'],
    ['a sample with too much', ['a 1 2 3'], 1, 'before an exemplar'],
    ['a byte order mark', ['\ufeffa 1'], 1, 'invalid metric name'],

    // Names and labels.
    ['a name that starts with a digit', ['0a 1'], 1, 'invalid metric name "0a"'],
    ['a name outside the legacy set', ['a.b 1'], 1, 'invalid metric name "a.b"'],
    ['a quoted name', ['{"a.b"} 1'], 1, '--push.enable-utf8-names'],
    ['a quoted name in metadata', ['# TYPE "a" gauge'], 1, '--push.enable-utf8-names'],
    ['a quoted label name', ['a{"b.c"="1"} 1'], 1, '--push.enable-utf8-names'],
    ['a label list without a name', ['{a="1"} 1'], 1, 'no metric name'],
    ['a label name with a colon', ['a{b:c="1"} 1'], 1, 'invalid label name "b:c"'],
    ['an empty label name', ['a{="1"} 1'], 1, 'invalid label name ""'],
    ['a comma at the end', ['a{b="1",} 1'], 1, 'invalid label name ""'],
    ['two commas', ['a{b="1",,c="2"} 1'], 1, 'invalid label name ""'],
    ['no comma', ['a{b="1"c="2"} 1'], 1, 'between the entries'],
    ['a blank between labels', ['a{b="1", c="2"} 1'], 1, 'invalid label name " c"'],
    ['a value without quotes', ['a{b=1} 1'], 1, 'not in double quotes'],
    ['a value that is never closed', ['a{b="1} 1'], 1, 'never closed'],
    ['a value whose closing quote is escaped', ['a{b="1\\"} 1'], 1, 'never closed'],
    ['a label list that is never closed', ['a{b="1" 1'], 1, 'between the entries'],
    ['a label twice', ['a{b="1",c="2",b="1"} 1'], 1, '"b" stands twice'],
    ['the label of the name', ['a{__name__="b"} 1'], 1, '__name__ is reserved'],
    ['no blank after the labels', ['a{b="1"}1'], 1, 'before the value'],

    // Numbers and timestamps.
    ['a value in hexadecimal', ['a 0x1'], 1, 'got "0x1"'],
    ['a value with an underscore', ['a 1_2'], 1, 'got "1_2"'],
    ['a value that is no number', ['a e5'], 1, 'got "e5"'],
    ['a value that does not fit', ['a 1e999'], 1, 'got "1e999"'],
    ['a timestamp that is NaN', ['a 1 NaN'], 1, 'seconds since the epoch'],
    ['a timestamp that is infinite', ['a 1 +Inf'], 1, 'seconds since the epoch'],
    ['a timestamp that is no number', ['a 1 now'], 1, 'got "now"'],
    ['a timestamp nobody can count in milliseconds', ['a 1 1e307'], 1, 'got "1e307"'],

    // Metadata.
    ['a type unknown to all', ['# TYPE a meh'], 1, 'unknown metric type "meh"'],
    ['a type in capitals', ['# TYPE a Gauge'], 1, 'unknown metric type "Gauge"'],
    ['a type of Object.prototype', ['# TYPE a constructor'], 1, 'unknown metric type'],
    ['the classic word for unknown', ['# TYPE a untyped'], 1, 'OpenMetrics calls it "unknown"'],
    ['two types', [counter, counter], 2, 'second TYPE line'],
    ['two helps', ['# HELP a ', '# HELP a '], 2, 'second HELP line'],
    ['two units', ['# UNIT a_s s', '# UNIT a_s s'], 2, 'second UNIT line'],
    ['metadata after samples', ['a 1', '# TYPE a gauge'], 2, 'TYPE of "a" comes after its samples'],
    ['a unit that is no suffix', ['# UNIT a seconds', '# TYPE a gauge'], 2, 'not a suffix'],
    ['a unit that is a suffix without its underscore', ['# UNIT aseconds seconds', 'b 1'], 1, 'not a suffix'],
    ['a unit of an info', ['# TYPE a_x info', '# UNIT a_x x'], 2, 'info "a_x" must not have a unit'],
    ['a unit of a state set', ['# TYPE a_x stateset', '# UNIT a_x x'], 2, 'must not have a unit'],
    ['a unit with a blank', ['# UNIT a_x x '], 1, 'invalid unit'],

    // Order and clashes.
    ['a family that comes twice', ['a 1', 'b 1', 'a{x="1"} 1'], 3, '"a" comes twice'],
    [
      'metadata of a family that comes twice',
      ['# HELP a x', '# HELP b x', '# TYPE a gauge'],
      3,
      '"a" comes twice',
    ],
    ['a gauge that is a start', ['# TYPE a_created gauge', counter], 2, '"a_created" and "a" cannot both'],
    [
      'a start that is a gauge',
      [counter, 'a_total 1', 'a_created_x 1', '# TYPE a_created gauge'],
      4,
      'cannot both',
    ],
    [
      'a bucket beside a histogram',
      [histogram, 'a_bucket{le="+Inf"} 1', '# TYPE a_bucket gauge'],
      3,
      'cannot both',
    ],
    ['a counter sample without its suffix', [counter, 'a 1'], 2, 'must be named "a_total" or "a_created"'],
    ['an info sample without its suffix', ['# TYPE a info', 'a 1'], 2, 'must be named "a_info"'],
    ['metrics that are not together', ['a{x="1"} 1', 'a{x="2"} 1', 'a{x="1"} 2'], 3, 'not together'],
    ['timestamps that go backwards', ['a 1 2', 'a 1 1.5'], 2, 'go backwards'],
    ['a timestamp after none', ['a 1', 'a 1 1'], 2, 'some have none'],
    ['none after a timestamp', ['a 1 1', 'a 1'], 2, 'some have none'],
    ['a series twice', ['a 1', 'a 1'], 2, 'stands twice'],

    // Counters.
    ['a counter that is NaN', [counter, 'a_total NaN'], 2, 'must not be NaN'],
    ['a counter below zero', [counter, 'a_total -1'], 2, 'must not be negative'],
    ['a start alone', [counter, 'a_created 1'], 2, 'no "a_total"'],
    ['a start that is NaN', [counter, 'a_total 1', 'a_created NaN'], 3, 'seconds since the epoch'],

    // Histograms.
    ['a histogram without its last bucket', [histogram, 'a_bucket{le="1"} 1'], 2, 'no +Inf bucket'],
    ['a histogram of a sum alone', [histogram, 'a_sum 1'], 2, 'no +Inf bucket'],
    ['a bucket without a bound', [histogram, 'a_bucket 1'], 2, 'no label "le"'],
    ['a bound that is no number', [histogram, 'a_bucket{le="x"} 1'], 2, 'must be a number'],
    ['a bound that is NaN', [histogram, 'a_bucket{le="NaN"} 1'], 2, 'must be a number'],
    ['a last bound in other letters', [histogram, 'a_bucket{le="inf"} 1'], 2, 'must be "+Inf"'],
    ['bounds that fall', [histogram, 'a_bucket{le="2"} 1', 'a_bucket{le="1"} 1'], 3, 'rising order'],
    ['a bound twice', [histogram, 'a_bucket{le="1"} 1', 'a_bucket{le="1.0"} 1'], 3, 'rising order'],
    ['counts that fall', [histogram, 'a_bucket{le="1"} 2', 'a_bucket{le="+Inf"} 1'], 3, 'cumulative'],
    ['a fraction of a count', [histogram, 'a_bucket{le="+Inf"} 1.5'], 2, 'whole number'],
    ['an infinite count', [histogram, 'a_bucket{le="+Inf"} +Inf'], 2, 'whole number'],
    ['a count below zero', [histogram, 'a_bucket{le="+Inf"} -1'], 2, 'negative'],
    ['a count that is NaN', [histogram, 'a_count NaN'], 2, 'NaN'],
    [
      'a count without a sum',
      [histogram, 'a_bucket{le="+Inf"} 1', 'a_count 1'],
      3,
      'only one of count and sum',
    ],
    [
      'a sum without a count',
      [histogram, 'a_bucket{le="+Inf"} 1', 'a_sum 1'],
      3,
      'only one of count and sum',
    ],
    [
      'a count that contradicts',
      [histogram, 'a_bucket{le="+Inf"} 1', 'a_count 2', 'a_sum 1'],
      4,
      'is 2, its +Inf bucket 1',
    ],
    [
      'a sum beside negative bounds',
      [histogram, 'a_bucket{le="-1"} 0', 'a_bucket{le="+Inf"} 0', 'a_sum 0', 'a_count 0'],
      5,
      'negative bounds',
    ],
    ['a count twice', [histogram, 'a_count 1', 'a_count 1'], 3, 'stands twice'],
    ['a bound on a count', [histogram, 'a_count{le="1"} 1'], 2, 'must not have the label "le"'],
    [
      'an error in a point that is not the last',
      [histogram, 'a_sum 1 1', 'a_bucket{le="+Inf"} 1 2'],
      3,
      'no +Inf bucket',
    ],
    [
      'points of a histogram that interleave',
      [histogram, 'a_bucket{le="+Inf"} 1 1', 'a_bucket{le="+Inf"} 1 2', 'a_count 1 1'],
      4,
      'backwards',
    ],
    [
      'a gauge histogram with a negative sum',
      ['# TYPE a gaugehistogram', 'a_bucket{le="+Inf"} 1', 'a_gcount 1', 'a_gsum -1'],
      4,
      'negative sum',
    ],
    ['a gauge histogram with a sum that is NaN', ['# TYPE a gaugehistogram', 'a_gsum NaN'], 2, 'NaN'],

    // Summaries, infos, state sets.
    ['a quantile without its label', [summary, 'a 1'], 2, 'no label "quantile"'],
    ['a quantile below 0', [summary, 'a{quantile="-0.1"} 1'], 2, 'from 0 to 1'],
    ['a quantile above 1', [summary, 'a{quantile="1.01"} 1'], 2, 'from 0 to 1'],
    ['a quantile that is NaN', [summary, 'a{quantile="NaN"} 1'], 2, 'from 0 to 1'],
    ['a quantile twice', [summary, 'a{quantile="1"} 1', 'a{quantile="1.0"} 1'], 3, 'stands twice'],
    ['a value below zero at a quantile', [summary, 'a{quantile="1"} -1'], 2, 'must not be negative'],
    ['a sum below zero', [summary, 'a_sum -1'], 2, 'must not be negative'],
    ['a sum that is NaN', [summary, 'a_sum NaN'], 2, 'NaN'],
    ['a count of a summary in fractions', [summary, 'a_count 0.5'], 2, 'whole number'],
    ['a quantile on a sum', [summary, 'a_sum{quantile="1"} 1'], 2, 'must not have the label "quantile"'],
    ['an info of another value', ['# TYPE a info', 'a_info 2'], 2, 'must be 1'],
    ['a state without its label', ['# TYPE a stateset', 'a 1'], 2, 'no label "a"'],
    ['a state of another value', ['# TYPE a stateset', 'a{a="x"} 2'], 2, 'must be 0 or 1'],
    ['a state twice', ['# TYPE a stateset', 'a{a="x"} 1', 'a{a="x"} 1'], 3, 'stands twice'],

    // Exemplars.
    ['an exemplar of a gauge', ['# TYPE a gauge', 'a 1 # {} 1'], 2, 'must not have an exemplar'],
    ['an exemplar of a sum', [histogram, 'a_sum 1 # {} 1'], 2, 'must not have an exemplar'],
    ['an exemplar of a start', [counter, 'a_created 1 # {} 1'], 2, 'must not have an exemplar'],
    ['an exemplar without labels', [counter, 'a_total 1 # 1'], 2, 'no label list'],
    ['an exemplar without a value', [counter, 'a_total 1 # {}'], 2, 'before the value'],
    ['an exemplar without blanks', [counter, 'a_total 1 #{} 1'], 2, 'before an exemplar'],
    ['an exemplar with an infinite time', [counter, 'a_total 1 # {} 1 Inf'], 2, 'seconds since the epoch'],
    ['two exemplars', [counter, 'a_total 1 # {} 1 1 # {} 1'], 2, 'at the end of the sample'],
    [
      'an exemplar that is too long',
      [counter, `a_total 1 # {a="${'x'.repeat(128)}"} 1`],
      2,
      '129 characters',
    ],
    ['a label of an exemplar twice', [counter, 'a_total 1 # {a="1",a="1"} 1'], 2, 'stands twice'],
  ])('%s', (_why, lines, line, reason) => {
    const failure = failureOf(() => read(...lines))
    expect(failure.code).toBe('PGR_BODY_MALFORMED')
    expect(failure.message).toMatch(new RegExp(`^openmetrics parsing error in line ${line}: `))
    expect(failure.message).toContain(reason)
  })

  it.each<[string, string | Uint8Array, number]>([
    ['an empty body', '', 1],
    ['a body without an end', 'a 1\n', 1],
    ['a body cut off in a line', 'a 1\nb', 2],
    ['text after the end', 'a 1\n# EOF\nb 1\n', 2],
    ['a second line feed after the end', '# EOF\n\n', 1],
    ['an end with more on its line', '# EOF x', 1],
    ['an end with a carriage return', '# EOF\r\n', 1],
    ['bytes that are not UTF-8', Buffer.from('a 1\na{b="\xff"} 1\n# EOF\n', 'latin1'), 2],
    ['an encoded surrogate', Buffer.from('a{b="\xed\xa0\x80"} 1\n# EOF\n', 'latin1'), 1],
  ])('%s', (_why, body, line) => {
    const failure = failureOf(() => readBody(body))
    expect(failure.code).toBe('PGR_BODY_MALFORMED')
    expect(failure.message).toMatch(new RegExp(`^openmetrics parsing error in line ${line}: `))
  })

  it.each<[string, string[], string]>([
    ['labels', ['a{a="1",b="2",c="3"} 1'], '--push.max-labels'],
    ['characters in a metric name', ['abcdef 1'], '--push.max-name-length'],
    ['characters in the name of a family', ['# TYPE abcdef gauge'], '--push.max-name-length'],
    ['characters in a label name', ['a{abcdef="1"} 1'], '--push.max-name-length'],
    ['characters in a label value', ['a{a="1234567"} 1'], '--push.max-value-length'],
    ['series', ['a 1', 'b 1', 'c 1', 'd 1'], '--push.max-series'],
  ])('more %s than the limit, and names it', (_why, lines, setting) => {
    const limits = { labelsPerSeries: 2, nameLength: 5, valueLength: 6, seriesPerPush: 3 }
    const body = [...lines, '# EOF'].join('\n')
    const failure = failureOf(() => readBody(body, { limits, utf8Names: false }))
    expect(failure.code).toBe('PGR_LIMIT_EXCEEDED')
    expect(failure.message).toContain(setting)
  })

  it('nothing that is just within the limits', () => {
    const limits = { labelsPerSeries: 2, nameLength: 9, valueLength: 6, seriesPerPush: 2 }
    const body = '# TYPE a counter\na_total{a="123456",b="2"} 1\na_created{a="123456",b="2"} 1\nb 1\n# EOF\n'
    expect(readBody(body, { limits, utf8Names: false })).toHaveLength(2)
  })
})

describe('a body somebody changed', () => {
  it('is read or refused, and nothing else', () => {
    let read = 0
    const structural = fc.constantFrom('', ' ', '\n', '"', '{', '}', '#', '\\', ',', '1', 'a')
    const change = fc.record({ at: fc.nat(), text: fc.option(structural, { freq: 2 }) })
    fc.assert(
      fc.property(showablePage(), change, (page, { at, text }) => {
        const whole = pageOf(page, { timestamps: true })
        const cut = at % whole.length
        // Nothing structural: a character becomes the next, digit or letter, which many bodies survive.
        const end = text === '' || text === null ? cut + 1 : cut
        const next = whole
          .slice(cut, end)
          .replace(/[a-y0-8]/, (char) => String.fromCharCode(char.charCodeAt(0) + 1))
        const body = whole.slice(0, cut) + (text ?? next) + whole.slice(end)
        try {
          readBody(body)
          read++
        } catch (reason) {
          expect(reason).toBeInstanceOf(PgrError)
        }
      }),
      { numRuns: 500 },
    )
    expect(read).toBeGreaterThan(150)
  })

  it('is read or refused when its bytes are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const failure = failureOf(() => readBody(bytes))
        expect(failure.code).toBe('PGR_BODY_MALFORMED')
      }),
      { numRuns: 500 },
    )
  })
})

function failureOf(run: () => unknown): PgrError {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error('expected a refusal')
}
