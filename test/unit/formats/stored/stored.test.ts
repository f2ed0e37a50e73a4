import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import {
  NumbersReader,
  readStored,
  readStoredLabels,
  readStoredMetric,
  writeStored,
  writeStoredMetric,
} from '../../../../src/formats/stored/index.ts'
import type { Family, FamilyType, HistogramFamily, Metric } from '../../../../src/model/family.ts'
import { anyFamily } from '../arbitrary-family.ts'

const exemplar = { labels: [{ name: 'trace', value: 'x' }], value: 0.5, timestampMs: 1_700_000_000_000 }
const labels = [{ name: 'job', value: 'b' }]

/** One family of each type, with every part the type can have. */
const golden: readonly (readonly [FamilyType, Family, string])[] = [
  [
    'counter',
    {
      name: 'a_total',
      type: 'counter',
      help: 'h',
      unit: '',
      metrics: [
        { labels, value: 1 },
        { labels: [...labels, { name: 'x', value: 'é' }], value: 2, startMs: 1.5, exemplar },
      ],
    },
    '0108011207615f746f74616c1a01682a036a6f622a0178320501000200013a040001010142030101014a046262c3a95210000000000000f03f00000000000000405a29080119000000000000f83f2a1c0a0574726163650a017811000000000000e03f1900008056febc7842',
  ],
  [
    'gauge',
    { name: 'g', type: 'gauge', help: '', unit: 's', metrics: [{ labels, value: -0, timestampMs: 7 }] },
    '0108021201672201732a036a6f62320201003a0200014201014a0162520800000000000000805a09110000000000001c40',
  ],
  [
    'unknown',
    {
      name: 'u',
      type: 'unknown',
      help: '',
      unit: '',
      metrics: [{ labels: [], value: Number.NaN, stale: true }],
    },
    '0108031201753201003a0200015208000000000000f87f5a022001',
  ],
  [
    'summary',
    {
      name: 's',
      type: 'summary',
      help: '',
      unit: '',
      metrics: [{ labels, count: 3, sum: 4.5, quantiles: [{ quantile: 0.5, value: 1 }] }],
    },
    '0108041201732a036a6f62320201003a0200014201014a01625a1f38034900000000000012405208000000000000e03f5a08000000000000f03f',
  ],
  [
    'histogram',
    {
      name: 'h',
      type: 'histogram',
      help: '',
      unit: '',
      metrics: [
        {
          labels,
          count: 2 ** 33,
          sum: 1,
          buckets: [
            { upperBound: 1, cumulativeCount: 1, exemplar },
            { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 2 ** 33 },
          ],
        },
        {
          labels: [],
          count: 2.5,
          buckets: [
            { upperBound: 1, cumulativeCount: 0.5 },
            { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 2.5, exemplar },
          ],
          float: true,
          native: {
            schema: -53,
            zeroThreshold: 0,
            zeroCount: 1,
            positive: { spans: [{ offset: -1, length: 2 }], counts: [1, 2] },
            negative: { spans: [{ offset: 3, length: 1 }], counts: [0.5] },
            customBounds: [1, 2],
            exemplars: [exemplar],
            resetHint: 'gauge',
          },
        },
      ],
    },
    '0108051201682a036a6f6232030100003a04000101014201014a01625a4738808080802049000000000000f03f6a10000000000000f03f000000000000f07f7a0601ffffffff1f2a1c0a0574726163650a017811000000000000e03f1900008056febc78425aa0014100000000000004407001820110000000000000e03f00000000000004402a1e0a0574726163650a017811000000000000e03f1900008056febc7842200188010192015c086911000000000000000019000000000000f03f220201042a0201023a0206024a08000000000000e03f5210000000000000f03f00000000000000405a1c0a0574726163650a017811000000000000e03f1900008056febc78426003',
  ],
  [
    'gaugehistogram',
    {
      name: 'gh',
      type: 'gaugehistogram',
      help: '',
      unit: '',
      metrics: [{ labels, count: 1, buckets: [{ upperBound: 1, cumulativeCount: 1 }] }],
    },
    '010806120267682a036a6f62320201003a0200014201014a01625a0f38016a08000000000000f03f7a0101',
  ],
  [
    'info',
    { name: 'i_info', type: 'info', help: '', unit: '', metrics: [{ labels, value: 1 }] },
    '0108071206695f696e666f2a036a6f62320201003a0200014201014a01625208000000000000f03f',
  ],
  [
    'stateset',
    {
      name: 'st',
      type: 'stateset',
      help: '',
      unit: '',
      metrics: [
        {
          labels,
          states: [
            { name: 'on', enabled: true },
            { name: 'off', enabled: false },
          ],
        },
      ],
    },
    '010808120273742a036a6f62320201003a0200014201014a01625a0f62060a026f6e100162050a036f6666',
  ],
]

describe('the bytes of a stored family', () => {
  it.each(golden)('are frozen for a %s', (_type, family, hex) => {
    expect(Buffer.from(writeStored(family)).toString('hex')).toBe(hex)
    expect(readStored(Buffer.from(hex, 'hex'))).toEqual(family)
  })
})

describe('a stored family', () => {
  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(anyFamily(), (family) => {
        const blob = writeStored(family)
        expect(readStored(blob, family)).toEqual(family)
        expect(readStoredLabels(blob)).toEqual(family.metrics.map((metric) => metric.labels))
      }),
      { numRuns: 500 },
    )
  })

  it('comes back from a compressed blob as it was', () => {
    const family = plainFamily(1000)
    const blob = writeStored(family)
    expect(blob[0]).toBe(2)
    expect(readStored(blob)).toEqual(family)
    expect(readStoredLabels(blob)).toHaveLength(1000)
  })

  it('is compressed only when long enough and only when that saves a fifth', () => {
    expect(writeStored(plainFamily(3))[0]).toBe(1)
    const noise = Array.from({ length: 200 }, (_, i) => ({ labels: [], value: Math.sin(i) }))
    const family: Family = { name: 'a', type: 'gauge', help: '', unit: '', metrics: noise }
    expect(writeStored(family)[0]).toBe(1)
  })

  it('costs nine bytes for each series beside its label values when it is not compressed', () => {
    const one = writeStored(plainFamily(1)).length
    const two = writeStored(plainFamily(2)).length
    expect(two - one).toBe(8 + 1 + 'value 1'.length)
  })

  it('keeps values joined at a surrogate apart', () => {
    const family: Family = {
      name: 'a',
      type: 'gauge',
      help: '',
      unit: '',
      metrics: [
        { labels: [{ name: 'a', value: '\ud83d' }], value: 1 },
        { labels: [{ name: 'a', value: '\ude00b' }], value: 2 },
      ],
    }
    expect(readStored(writeStored(family))).toEqual(family)
  })

  it('does not hold a native histogram that could not be read back', () => {
    const family: HistogramFamily = {
      name: 'h',
      type: 'histogram',
      help: '',
      unit: '',
      metrics: [
        {
          labels: [],
          buckets: [],
          native: {
            schema: 0,
            zeroThreshold: 0,
            zeroCount: 0,
            positive: { spans: [{ offset: 0, length: 2 }], counts: [1] },
            negative: { spans: [], counts: [] },
          },
        },
      ],
    }
    expect(codeOf(() => writeStored(family))).toBe('PGR_INTERNAL')
  })
})

describe('a stored metric', () => {
  it('comes back as it was but for labels and timestamp', () => {
    fc.assert(
      fc.property(anyFamily(), (family) => {
        for (const metric of family.metrics) {
          const bare: Metric = { ...metric, labels: [] }
          const { timestampMs: _, ...expected } = bare
          expect(readStoredMetric(writeStoredMetric(family.type, metric))).toEqual({
            type: family.type,
            metric: expected,
          })
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a damaged blob', () => {
  const histogram = golden[4]?.[1] as Family

  it.each([
    ['nothing at all', ''],
    ['a version not known', '7f0a'],
    ['no message', '01'],
    ['a type not known', '01087f'],
    ['a broken deflate stream', '02ffffff'],
    ['more metrics than values', '010802320161' + '32020000' + '3a0400ffffff0f'],
    ['a run of four billion empty label sets', '010802' + '320100' + '3a0600ffffffff0f'],
  ])('is refused: %s', (_why, hex) => {
    const blob = Buffer.from(hex, 'hex')
    expect(codeOf(() => readStored(blob))).toBe('PGR_INTERNAL')
    expect(codeOf(() => readStoredLabels(blob))).toBe('PGR_INTERNAL')
    expect(codeOf(() => new NumbersReader().read(blob))).toBe('PGR_INTERNAL')
    expect(codeOf(() => readStoredMetric(blob))).toBe('PGR_INTERNAL')
  })

  it('is refused when it holds a family of another name or type', () => {
    const { name, type } = histogram
    expect(readStored(writeStored(histogram), { name, type })).toEqual(histogram)
    for (const said of [
      { name: 'other', type },
      { name, type: 'gauge' as const },
    ])
      expect(codeOf(() => readStored(writeStored(histogram), said))).toBe('PGR_INTERNAL')
  })

  it('is never read as half a family, wherever it is cut off', () => {
    const blob = writeStored(histogram)
    let refused = 0
    for (let end = 0; end < blob.length; end++) {
      const code = codeOf(() => readStored(blob.subarray(0, end)))
      if (code === 'PGR_INTERNAL') refused++
      else expect(readStored(blob.subarray(0, end)).metrics).toEqual([])
    }
    // The few that are left end between two fields of the head.
    expect(refused).toBeGreaterThan(blob.length - 6)
  })

  it('never does worse than be refused, whatever bytes change', () => {
    let read = 0
    fc.assert(
      fc.property(anyFamily(), fc.nat(), fc.integer({ min: 0, max: 255 }), (family, at, byte) => {
        const blob = Uint8Array.from(writeStored(family))
        blob[1 + (at % (blob.length - 1))] = byte
        const code = codeOf(() => readStored(blob))
        if (code === 'none') read++
        else expect(code).toBe('PGR_INTERNAL')
        expect(['none', 'PGR_INTERNAL']).toContain(codeOf(() => readStoredLabels(blob)))
        expect(['none', 'PGR_INTERNAL']).toContain(codeOf(() => new NumbersReader().read(blob)))
      }),
      { numRuns: 1000 },
    )
    // Fewer would mean that the changes only ever break the frame.
    expect(read).toBeGreaterThan(300)
  })
})

function plainFamily(metrics: number): Family {
  return {
    name: 'a',
    type: 'counter',
    help: '',
    unit: '',
    metrics: Array.from({ length: metrics }, (_, i) => ({
      labels: [{ name: 'a', value: `value ${i}` }],
      value: i,
    })),
  }
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (reason) {
    if (reason instanceof PgrError) return reason.code
    throw reason
  }
}
