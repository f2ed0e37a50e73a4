import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reader, writer } from '../../../../src/formats/openmetrics-text/index.ts'
import type { Family, FamilyType, Metric } from '../../../../src/model/family.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import type { EscapingScheme } from '../../../../src/model/names.ts'
import { anyFamily, legacyLabelName } from '../arbitrary-family.ts'
import { pageOf } from './page-of.ts'
import { READ_OPTIONS } from './read-options.ts'
import { showablePage } from './showable-families.ts'

const utf8 = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
const INFINITY = Number.POSITIVE_INFINITY

function family(
  name: string,
  type: FamilyType,
  metrics: readonly object[],
  head: Partial<Family> = {},
): Family {
  return { name, type, help: '', unit: '', ...head, metrics: metrics as readonly Metric[] } as Family
}

const label = (name: string, value: string): Labels => [{ name, value }]

const histogram = {
  labels: [],
  count: 3,
  sum: 2.5,
  buckets: [
    { upperBound: 1, cumulativeCount: 1 },
    { upperBound: 1e6, cumulativeCount: 2 },
  ],
}

describe('an OpenMetrics page', () => {
  it.each<[string, Family, string[]]>([
    [
      'has help, type and unit in this order',
      family('a_seconds_total', 'counter', [{ labels: [], value: 1 }], { help: 'h', unit: 'seconds' }),
      ['# HELP a_seconds h', '# TYPE a_seconds counter', '# UNIT a_seconds seconds', 'a_seconds_total 1.0'],
    ],
    [
      'escapes help and label values',
      family('a', 'gauge', [{ labels: label('l', 'x"\\\ny'), value: 1 }], { help: 'x"\\\ny' }),
      ['# HELP a x\\"\\\\\\ny', '# TYPE a gauge', 'a{l="x\\"\\\\\\ny"} 1.0'],
    ],
    [
      'calls a counter without its suffix unknown',
      family('a', 'counter', [{ labels: [], value: 1, exemplar: { labels: [], value: 1 } }]),
      ['# TYPE a unknown', 'a 1.0'],
    ],
    [
      'calls a counter named by its suffix alone unknown',
      family('_total', 'counter', []),
      ['# TYPE _total unknown'],
    ],
    [
      'takes the suffix off an info',
      family('a_info', 'info', [{ labels: label('v', '1'), value: 1 }]),
      ['# TYPE a info', 'a_info{v="1"} 1.0'],
    ],
    ['calls an info without its suffix a gauge', family('a', 'info', []), ['# TYPE a gauge']],
    [
      'leaves out a unit that is not a suffix of the name',
      family('a_total', 'counter', [], { unit: 'seconds' }),
      ['# TYPE a counter'],
    ],
    ['leaves out the unit of an info', family('a_x_info', 'info', [], { unit: 'x' }), ['# TYPE a_x info']],
    [
      'finds the unit before the suffix only',
      family('a_seconds_total', 'gauge', [], { unit: 'seconds' }),
      ['# TYPE a_seconds_total gauge'],
    ],
    [
      'adds the missing last bucket from the count, and spells bounds as floats and counts as integers',
      family('h', 'histogram', [histogram]),
      [
        '# TYPE h histogram',
        'h_bucket{le="1.0"} 1',
        'h_bucket{le="1e+06"} 2',
        'h_bucket{le="+Inf"} 3',
        'h_sum 2.5',
        'h_count 3',
      ],
    ],
    [
      'gives a gauge histogram its own suffixes',
      family('h', 'gaugehistogram', [histogram]),
      [
        '# TYPE h gaugehistogram',
        'h_bucket{le="1.0"} 1',
        'h_bucket{le="1e+06"} 2',
        'h_bucket{le="+Inf"} 3',
        'h_gsum 2.5',
        'h_gcount 3',
      ],
    ],
    [
      'leaves out a count that has no sum beside it',
      family('h', 'histogram', [{ labels: [], count: 3, buckets: [] }]),
      ['# TYPE h histogram', 'h_bucket{le="+Inf"} 3'],
    ],
    [
      'shows a histogram of which nothing but buckets is known',
      family('h', 'histogram', [{ labels: [], buckets: [{ upperBound: 1, cumulativeCount: 7 }] }]),
      ['# TYPE h histogram', 'h_bucket{le="1.0"} 7', 'h_bucket{le="+Inf"} 7'],
    ],
    [
      'leaves out a histogram with fractional counts, and it alone',
      family('h', 'histogram', [
        { labels: [], count: 0.5, sum: 1, buckets: [], float: true },
        { labels: label('a', 'b'), count: 2, sum: 1, buckets: [], float: true },
      ]),
      ['# TYPE h histogram', 'h_bucket{a="b",le="+Inf"} 2', 'h_sum{a="b"} 1.0', 'h_count{a="b"} 2'],
    ],
    [
      'writes counts beyond 2^53 without an exponent',
      family('h', 'histogram', [{ labels: [], count: 2 ** 63, sum: 1, buckets: [] }]),
      [
        '# TYPE h histogram',
        'h_bucket{le="+Inf"} 9223372036854776000',
        'h_sum 1.0',
        'h_count 9223372036854776000',
      ],
    ],
    [
      'shows what there is of a summary',
      family('s', 'summary', [
        { labels: [], quantiles: [{ quantile: 0.5, value: Number.NaN }] },
        { labels: label('a', 'b'), quantiles: [], sum: 1, count: 2 },
      ]),
      ['# TYPE s summary', 's{quantile="0.5"} NaN', 's_sum{a="b"} 1.0', 's_count{a="b"} 2'],
    ],
    [
      'names states by the label of the family',
      family('st', 'stateset', [
        {
          labels: label('a', 'b'),
          states: [
            { name: 'on', enabled: true },
            { name: 'off', enabled: false },
          ],
        },
      ]),
      ['# TYPE st stateset', 'st{a="b",st="on"} 1', 'st{a="b",st="off"} 0'],
    ],
    [
      'cannot show a state set whose name is no label name',
      family('s:t', 'stateset', [{ labels: [], states: [] }]),
      [],
    ],
    [
      'shows the exemplar of a counter',
      family('a_total', 'counter', [
        {
          labels: [],
          value: 1,
          exemplar: { labels: label('t', 'x'), value: 0.5, timestampMs: 1_700_000_000_123 },
        },
      ]),
      ['# TYPE a counter', 'a_total 1.0 # {t="x"} 0.5 1700000000.123'],
    ],
    [
      'shows the exemplar of a bucket',
      family('h', 'histogram', [
        {
          labels: [],
          count: 1,
          buckets: [{ upperBound: INFINITY, cumulativeCount: 1, exemplar: { labels: [], value: 2 } }],
        },
      ]),
      ['# TYPE h histogram', 'h_bucket{le="+Inf"} 1 # {} 2.0'],
    ],
    [
      'leaves out an exemplar that is too long, counted in code points',
      family('a_total', 'counter', [
        { labels: label('a', '1'), value: 1, exemplar: { labels: label('t', '😀'.repeat(127)), value: 2 } },
        { labels: label('a', '2'), value: 1, exemplar: { labels: label('t', 'x'.repeat(128)), value: 2 } },
      ]),
      ['# TYPE a counter', `a_total{a="1"} 1.0 # {t="${'😀'.repeat(127)}"} 2.0`, 'a_total{a="2"} 1.0'],
    ],
    [
      'leaves out a series that ended',
      family('g', 'gauge', [{ labels: [], value: 1, stale: true }]),
      ['# TYPE g gauge'],
    ],
    [
      'leaves out start times',
      family('a_total', 'counter', [{ labels: [], value: 1, startMs: 1000 }]),
      ['# TYPE a counter', 'a_total 1.0'],
    ],
  ])('%s', (_why, family, lines) => {
    expect(pageOf([family])).toBe([...lines, '# EOF', ''].join('\n'))
  })

  it('shows timestamps only when asked, in seconds and without an exponent', () => {
    const gauge = family('g', 'gauge', [
      { labels: label('a', '1'), value: 1, timestampMs: 1_700_000_000_123 },
      { labels: label('a', '2'), value: 1, timestampMs: -5 },
      { labels: label('a', '3'), value: 1, timestampMs: 0 },
    ])
    const lines = pageOf([gauge], { timestamps: true }).split('\n')
    expect(lines).toEqual([
      '# TYPE g gauge',
      'g{a="1"} 1.0 1700000000.123',
      'g{a="2"} 1.0 -0.005',
      'g{a="3"} 1.0 0',
      '# EOF',
      '',
    ])
    expect(pageOf([gauge])).toContain('g{a="1"} 1.0\n')
  })

  it('joins common labels, which win, in order', () => {
    const gauge = family('g', 'gauge', [{ labels: [...label('a', '1'), ...label('job', 'own')], value: 1 }])
    const common = [...label('instance', ''), ...label('job', 'j')]
    expect(pageOf([gauge], { common })).toContain('g{a="1",instance="",job="j"} 1.0\n')
  })

  it('shows the first of two series that common labels make equal', () => {
    const gauge = family('g', 'gauge', [
      { labels: label('job', 'a'), value: 1 },
      { labels: label('job', 'b'), value: 2 },
    ])
    expect(pageOf([gauge], { common: label('job', 'j') })).toBe('# TYPE g gauge\ng{job="j"} 1.0\n# EOF\n')
  })

  it.each<[string, Family, string]>([
    ['a histogram', family('h', 'histogram', [histogram]), 'h_count{job="j"} 3'],
    [
      'a state set',
      family('le', 'stateset', [{ labels: [], states: [{ name: 'a', enabled: true }] }]),
      'le{job="j",le="a"} 1',
    ],
  ])('never has a label twice: a common one named as a label %s adds is left out', (_what, family, line) => {
    const page = pageOf([family], { common: [...label('job', 'j'), ...label('le', 'x')] })
    expect(page).toContain(`\n${line}\n`)
    expect(page).not.toContain('le="x"')
  })

  it('leaves out an exemplar by its own characters, not by those that quoting adds', () => {
    const exemplar = { labels: label('t', '"'.repeat(127)), value: 2 }
    expect(pageOf([family('a_total', 'counter', [{ labels: [], value: 1, exemplar }])])).toContain(' # {t="')
  })

  it.each<[EscapingScheme, string[]]>([
    ['allow-utf-8', ['# TYPE "a.b" counter', '{"a.b_total","l.x"="1",l_x="2"} 1.0', '{"a.b_total"} 2.0']],
    ['underscores', ['# TYPE a_b counter', 'a_b_total{l_x="1"} 1.0', 'a_b_total 2.0']],
    ['dots', ['# TYPE a_dot_b_ counter', 'a_dot_b__total{l_dot_x="1",l_x="2"} 1.0', 'a_dot_b__total 2.0']],
    [
      'values',
      ['# TYPE U__a_2e_b_ counter', 'U__a_2e_b__total{U__l_2e_x="1",l_x="2"} 1.0', 'U__a_2e_b__total 2.0'],
    ],
  ])('spells names for %s', (escaping, lines) => {
    const counter = family('a.b_total', 'counter', [
      { labels: [...label('l.x', '1'), ...label('l_x', '2')], value: 1 },
      { labels: [], value: 2 },
    ])
    expect(pageOf([counter], { escaping })).toBe([...lines, '# EOF', ''].join('\n'))
  })

  it('quotes labels and extra labels of names outside the legacy set', () => {
    const states = family('s.t', 'stateset', [
      { labels: label('a"b', '1'), states: [{ name: 'x', enabled: true }] },
    ])
    expect(pageOf([states], { escaping: 'allow-utf-8' })).toContain('{"s.t","a\\"b"="1","s.t"="x"} 1\n')
  })

  it('leaves out a unit that escaping parts from the name', () => {
    const head = { name: 'a.b_seconds', type: 'gauge', help: '', unit: 'b.seconds' } as const
    expect(writer.head(head, 'underscores', 0).toString()).not.toContain('UNIT')
    expect(writer.head({ ...head, unit: 'seconds' }, 'underscores', 0).toString()).toContain(
      '# UNIT a_b_seconds seconds',
    )
    expect(writer.head({ ...head, unit: 'seconds' }, 'values', 0).toString()).toContain('UNIT')
  })

  it.each<[string, FamilyType, readonly string[]]>([
    ['a_total', 'counter', ['a', 'a_total', 'a_created']],
    ['a', 'counter', ['a']],
    ['a', 'gauge', ['a']],
    ['a_info', 'info', ['a', 'a_info']],
    ['a', 'info', ['a']],
    ['a', 'stateset', ['a']],
    ['a:b', 'stateset', []],
    ['a', 'summary', ['a', 'a_count', 'a_sum', 'a_created']],
    ['a', 'histogram', ['a', 'a_bucket', 'a_count', 'a_sum', 'a_created']],
    ['a', 'gaugehistogram', ['a', 'a_bucket', 'a_gcount', 'a_gsum']],
    ['a.b_total', 'counter', ['a_b', 'a_b_total', 'a_b_created']],
  ])('takes up the names of %s as a %s', (name, type, names) => {
    expect(writer.claims({ name, type, help: '', unit: '' }, 'underscores')).toEqual(names)
  })
})

describe('what is written', () => {
  it('is read back as it was', () => {
    let families = 0
    fc.assert(
      fc.property(showablePage(), (page) => {
        families += page.length
        expect(readBack(pageOf(page, { timestamps: true }))).toEqual(page)
      }),
      { numRuns: 200 },
    )
    expect(families).toBeGreaterThan(200)
  })

  it('is read back as it was with UTF-8 names', () => {
    fc.assert(
      fc.property(showablePage({ nameTails: utf8, labelNames: fc.oneof(utf8, legacyLabelName) }), (page) => {
        const text = pageOf(page, { timestamps: true, escaping: 'allow-utf-8' })
        expect(readBack(text, true)).toEqual(page)
      }),
      { numRuns: 200 },
    )
  })

  it('never is more than its lines say, whatever the model holds and however names are escaped', () => {
    const escapings: EscapingScheme[] = ['allow-utf-8', 'underscores', 'dots', 'values']
    fc.assert(
      fc.property(
        anyFamily(),
        fc.constantFrom(...escapings),
        fc.boolean(),
        (family, escaping, timestamps) => {
          const lines = pageOf([family], { escaping, timestamps }).split('\n')
          expect(lines.slice(-2)).toEqual(['# EOF', ''])
          for (const line of lines.slice(0, -2))
            expect(line).toMatch(/^(# (HELP|TYPE|UNIT) |[a-zA-Z_:{]).*\S.*$/s)
        },
      ),
      { numRuns: 200 },
    )
  })
})

function readBack(text: string, utf8Names = false): Family[] {
  return reader.read(Buffer.from(text), { ...READ_OPTIONS, utf8Names })
}
