import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reader, writer } from '../../../../src/formats/prometheus-text/index.ts'
import type { Family, FamilyType } from '../../../../src/model/family.ts'
import { type Label, type Labels, sortLabels } from '../../../../src/model/labels.ts'
import type { EscapingScheme } from '../../../../src/model/names.ts'
import { ALL_TYPES, anyFamily } from '../arbitrary-family.ts'
import { textFamilies } from './some-page.ts'

const inf = Number.POSITIVE_INFINITY
const blank = { help: '', unit: '' }

function labelsOf(labels: Record<string, string>): Labels {
  return sortLabels(Object.entries(labels).map(([name, value]): Label => ({ name, value })))
}

function gauge(name: string, ...series: (readonly [Labels, number])[]): Family {
  return { ...blank, name, type: 'gauge', metrics: series.map(([labels, value]) => ({ labels, value })) }
}

interface Choices {
  readonly common?: Labels
  readonly escaping?: EscapingScheme
  readonly timestamps?: boolean
}

function write(family: Family, choices: Choices = {}): string {
  const { common = [], escaping = 'underscores', timestamps = false } = choices
  return Buffer.from(writer.block(family, common, { escaping, timestamps })).toString()
}

function writeHead(
  name: string,
  type: FamilyType,
  help = '',
  escaping: EscapingScheme = 'underscores',
): string {
  return Buffer.from(writer.head({ name, type, help, unit: 'seconds' }, escaping, 0)).toString()
}

describe('the head of a family', () => {
  it.each([
    ['counter', 'counter'],
    ['gauge', 'gauge'],
    ['unknown', 'untyped'],
    ['summary', 'summary'],
    ['histogram', 'histogram'],
    ['gaugehistogram', 'histogram'],
    ['info', 'gauge'],
    ['stateset', 'gauge'],
  ] as const)('calls %s %s', (type, shown) => {
    expect(writeHead('a', type)).toBe(`# TYPE a ${shown}\n`)
  })

  it('has the help in front, escaped, quotes left alone', () => {
    expect(writeHead('a', 'gauge', 'A "b" \\ and\nc.')).toBe('# HELP a A "b" \\\\ and\\nc.\n# TYPE a gauge\n')
  })

  it.each([
    ['underscores', '# HELP a_b h\n# TYPE a_b gauge\n'],
    ['dots', '# HELP a_dot_b h\n# TYPE a_dot_b gauge\n'],
    ['values', '# HELP U__a_2e_b h\n# TYPE U__a_2e_b gauge\n'],
    ['allow-utf-8', '# HELP "a.b" h\n# TYPE "a.b" gauge\n'],
  ] as const)('spells the name by %s', (escaping, text) => {
    expect(writeHead('a.b', 'gauge', 'h', escaping)).toBe(text)
  })
})

describe('a block', () => {
  it.each([
    ['without labels', gauge('a', [[], 1]), {}, 'a 1\n'],
    ['with labels', gauge('a', [labelsOf({ b: '1', c: '' }), 1.5]), {}, 'a{b="1",c=""} 1.5\n'],
    [
      'with common labels alone',
      gauge('a', [[], 1], [[], 2]),
      { common: labelsOf({ job: 'j' }) },
      'a{job="j"} 1\na{job="j"} 2\n',
    ],
    [
      'with both, sorted, common ones winning',
      gauge('a', [labelsOf({ a: '1', job: 'own', z: '2' }), 1]),
      { common: labelsOf({ instance: '', job: 'j' }) },
      'a{a="1",instance="",job="j",z="2"} 1\n',
    ],
    ['with escapes', gauge('a', [labelsOf({ b: 'x\\"\n' }), 1]), {}, 'a{b="x\\\\\\"\\n"} 1\n'],
    ['with text beyond ASCII', gauge('a', [labelsOf({ b: '日本' }), 1]), {}, 'a{b="日本"} 1\n'],
    [
      'with the numbers of Go',
      gauge('a', [[], 1e6], [[], Number.NaN], [[], -inf], [[], -0]),
      {},
      'a 1e+06\na NaN\na -Inf\na 0\n',
    ],
    ['without metrics', gauge('a'), {}, ''],
  ])('is written %s', (_why, family, choices: Choices, text) => {
    expect(write(family, choices)).toBe(text)
  })

  it('has timestamps in whole milliseconds when asked, and none below zero', () => {
    const family: Family = {
      ...blank,
      name: 'a',
      type: 'counter',
      metrics: [
        { labels: [], value: 1, timestampMs: 1700000000123.5 },
        { labels: [], value: 2, timestampMs: -5 },
        { labels: [], value: 3 },
      ],
    }
    expect(write(family, { timestamps: true })).toBe('a 1 1700000000123\na 2\na 3\n')
    expect(write(family)).toBe('a 1\na 2\na 3\n')
  })

  it('leaves out what ended, and what it has no form for', () => {
    const family: Family = {
      ...blank,
      name: 'a_info',
      type: 'info',
      metrics: [
        { labels: [], value: 1, startMs: 5, exemplar: { labels: [], value: 3 } },
        { labels: labelsOf({ b: 'c' }), value: 1, stale: true },
      ],
    }
    expect(write(family, { timestamps: true })).toBe('a_info 1\n')
  })

  it('of a summary has quantiles, sum and count', () => {
    const family: Family = {
      ...blank,
      name: 's',
      type: 'summary',
      metrics: [
        { labels: labelsOf({ z: '1' }), count: 2, sum: 3, quantiles: [{ quantile: 0.5, value: 1 }] },
        { labels: [], quantiles: [], timestampMs: 7 },
      ],
    }
    expect(write(family, { timestamps: true })).toBe(
      's{z="1",quantile="0.5"} 1\ns_sum{z="1"} 3\ns_count{z="1"} 2\ns_sum 0 7\ns_count 0 7\n',
    )
  })

  it('of a histogram has +Inf, sum and count, given or not', () => {
    const family: Family = {
      ...blank,
      name: 'h',
      type: 'gaugehistogram',
      metrics: [
        {
          labels: labelsOf({ z: '1' }),
          count: 1e6,
          sum: 3,
          buckets: [{ upperBound: 0.5, cumulativeCount: 1, exemplar: { labels: [], value: 1 } }],
        },
        { labels: [], count: 3, buckets: [{ upperBound: inf, cumulativeCount: 2 }] },
        {
          labels: labelsOf({ z: '2' }),
          count: 4,
          sum: 5,
          buckets: [],
          native: {
            schema: 0,
            zeroThreshold: 0,
            zeroCount: 4,
            positive: { spans: [], counts: [] },
            negative: { spans: [], counts: [] },
          },
        },
      ],
    }
    expect(write(family).split('\n')).toEqual([
      'h_bucket{z="1",le="0.5"} 1',
      'h_bucket{z="1",le="+Inf"} 1e+06',
      'h_sum{z="1"} 3',
      'h_count{z="1"} 1e+06',
      'h_bucket{le="+Inf"} 2',
      'h_sum 0',
      'h_count 3',
      'h_bucket{z="2",le="+Inf"} 4',
      'h_sum{z="2"} 5',
      'h_count{z="2"} 4',
      '',
    ])
  })

  it('of a state set has a line for every state', () => {
    const family: Family = {
      ...blank,
      name: 'a:b',
      type: 'stateset',
      metrics: [
        {
          labels: labelsOf({ z: '1' }),
          states: [
            { name: 'up "1"', enabled: true },
            { name: 'down', enabled: false },
          ],
        },
      ],
    }
    expect(write(family)).toBe('a:b{z="1",a_b="up \\"1\\""} 1\na:b{z="1",a_b="down"} 0\n')
    expect(write(family, { escaping: 'allow-utf-8' })).toContain('a:b{z="1","a:b"="down"} 0\n')
  })

  it.each([
    ['le', 'histogram', 'h_count{job="j"} 1\n'],
    ['quantile', 'summary', 'h_count{job="j"} 1\n'],
    ['h', 'stateset', 'h{job="j",h="s"} 1\n'],
    ['le', 'gauge', 'h{job="j",le="1"} 1\n'],
  ] as const)('has the label %s of a %s only once', (name, type, line) => {
    const metric = {
      labels: [],
      value: 1,
      count: 1,
      buckets: [],
      quantiles: [],
      states: [{ name: 's', enabled: true }],
    }
    const family = { ...blank, name: 'h', type, metrics: [metric] } as Family
    expect(write(family, { common: labelsOf({ job: 'j', [name]: '1' }) })).toContain(line)
  })
})

describe('names outside the legacy set', () => {
  const family = gauge('a.b', [labelsOf({ 'c.d': '1' }), 1], [[], 2])

  it.each([
    ['underscores', 'a_b{c_d="1"} 1\na_b 2\n'],
    ['dots', 'a_dot_b{c_dot_d="1"} 1\na_dot_b 2\n'],
    ['values', 'U__a_2e_b{U__c_2e_d="1"} 1\nU__a_2e_b 2\n'],
    ['allow-utf-8', '{"a.b","c.d"="1"} 1\n{"a.b"} 2\n'],
  ] as const)('are spelled by %s', (escaping, text) => {
    expect(write(family, { escaping })).toBe(text)
  })

  it('are quoted with escapes', () => {
    expect(write(gauge('a"\\\n', [labelsOf({ 'b"': '1' }), 1]), { escaping: 'allow-utf-8' })).toBe(
      '{"a\\"\\\\\\n","b\\""="1"} 1\n',
    )
  })

  it('that become equal in one metric leave the common label, else the first', () => {
    const labels = labelsOf({ 'a b': '1', 'a.b': '2', 'c.d': '3', e: '4' })
    expect(write(gauge('x', [labels, 1]))).toBe('x{a_b="1",c_d="3",e="4"} 1\n')
    expect(write(gauge('x', [labels, 1]), { common: labelsOf({ c_d: 'job' }) })).toBe(
      'x{a_b="1",c_d="job",e="4"} 1\n',
    )
    expect(write(gauge('x', [[], 1]), { common: labelsOf({ 'c.d': '1', c_d: '2' }) })).toBe('x{c_d="1"} 1\n')
  })

  it('that make two metrics equal leave the first', () => {
    const twice = gauge(
      'x',
      [labelsOf({ a_b: '1' }), 1],
      [labelsOf({ 'a.b': '1' }), 2],
      [labelsOf({ 'a.b': '2' }), 3],
    )
    expect(write(twice)).toBe('x{a_b="1"} 1\nx{a_b="2"} 3\n')
    expect(write(twice, { escaping: 'values' })).toContain('x{U__a_2e_b="1"} 2\n')
  })
})

describe('the writer', () => {
  it('names its format and is made of nothing but heads and blocks', () => {
    expect(writer.name).toBe('text')
    expect(writer.framed).toBe(false)
    expect(writer.end).toHaveLength(0)
    expect(writer.contentType('underscores')).toBe(
      'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    )
  })

  it.each([
    ['counter', ['a_b']],
    ['stateset', ['a_b']],
    ['summary', ['a_b', 'a_b_sum', 'a_b_count']],
    ['gaugehistogram', ['a_b', 'a_b_bucket', 'a_b_sum', 'a_b_count']],
  ] as const)('claims the series names of a %s as they are spelled', (type, names) => {
    expect(writer.claims({ ...blank, name: 'a.b', type }, 'underscores')).toEqual(names)
    expect(writer.claims({ ...blank, name: 'a.b', type }, 'allow-utf-8')[0]).toBe('a.b')
  })

  it.each([
    ['legacy', 'underscores', false],
    ['utf-8', 'allow-utf-8', true],
  ] as const)('gives pages of %s names that read back as what was written', (names, escaping, utf8Names) => {
    fc.assert(
      fc.property(textFamilies(names), (families) => {
        expect(readBack(families, [], escaping, utf8Names)).toEqual(families)
      }),
    )
  })

  it('gives pages without a series twice, whatever is written and however it is spelled', () => {
    const escapings = fc.constantFrom<EscapingScheme>('underscores', 'dots', 'values', 'allow-utf-8')
    const common = labelsOf({ 'a.b': '1', job: 'j', le: '2', quantile: '3' })
    let series = 0
    fc.assert(
      fc.property(anyFamily({ types: ALL_TYPES }), escapings, (given, escaping) => {
        // What a unit cannot hold is not given: bounds that are equal, out of order or no number, and series that are equal once the common labels have won.
        fc.pre(
          given.metrics.every(
            ({ labels }) => !labels.some(({ name }) => common.some((c) => c.name === name)),
          ),
        )
        const lines = write(withDistinctParts(given), { common, escaping }).split('\n')
        const names = lines.filter((line) => line !== '').map((line) => line.slice(0, line.lastIndexOf(' ')))
        expect(new Set(names).size).toBe(names.length)
        expect(() => readBack([withDistinctParts(given)], common, escaping, true)).not.toThrow()
        series += names.length
      }),
      { numRuns: 400 },
    )
    expect(series).toBeGreaterThan(150)
  })
})

function withDistinctParts(family: Family): Family {
  const distinct = <T>(items: readonly T[], keyOf: (item: T) => unknown): T[] => [
    ...new Map(items.map((item) => [keyOf(item), item])).values(),
  ]
  switch (family.type) {
    case 'summary':
      return {
        ...family,
        metrics: family.metrics.map((metric) => ({
          ...metric,
          quantiles: distinct(metric.quantiles, ({ quantile }) => quantile),
        })),
      }
    case 'histogram':
    case 'gaugehistogram':
      return {
        ...family,
        metrics: family.metrics.map((metric) => ({
          ...metric,
          buckets: distinct(metric.buckets, ({ upperBound }) => upperBound)
            .filter(({ upperBound }) => !Number.isNaN(upperBound))
            .sort((a, b) => (a.upperBound < b.upperBound ? -1 : 1)),
        })),
      }
    case 'stateset':
      return {
        ...family,
        metrics: family.metrics.map((metric) => ({
          ...metric,
          states: distinct(metric.states, ({ name }) => name),
        })),
      }
    default:
      return family
  }
}

function readBack(
  families: readonly Family[],
  common: Labels,
  escaping: EscapingScheme,
  utf8Names: boolean,
): Family[] {
  const page = Buffer.concat([
    ...families.flatMap((family) => [
      writer.head(family, escaping, 0),
      writer.block(family, common, { escaping, timestamps: true }),
    ]),
    writer.end,
  ])
  const limit = Number.MAX_SAFE_INTEGER
  const limits = { labelsPerSeries: limit, nameLength: limit, valueLength: limit, seriesPerPush: limit }
  return reader.read(page, { limits, utf8Names })
}
