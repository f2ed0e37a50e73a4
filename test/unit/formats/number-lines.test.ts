import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NumberColumns, NumberWriter, Writer } from '../../../src/formats/format.ts'
import { writers } from '../../../src/formats/index.ts'
import { Sheet } from '../../../src/formats/sheet.ts'
import { NumbersReader, readStored, writeStored } from '../../../src/formats/stored/index.ts'
import type { Family, NumberFamily } from '../../../src/model/family.ts'
import { type Label, type Labels, sortLabels } from '../../../src/model/labels.ts'
import type { EscapingScheme } from '../../../src/model/names.ts'
import { anyFamily, labelsOf, labelText, legacyLabelName, legacyMetricName } from './arbitrary-family.ts'

const NUMBERS = ['counter', 'gauge', 'unknown', 'info'] as const
const SCHEMES: readonly EscapingScheme[] = ['allow-utf-8', 'underscores', 'dots', 'values']

function labels(of: Record<string, string>): Labels {
  return sortLabels(Object.entries(of).map(([name, value]): Label => ({ name, value })))
}

function gauge(name: string, ...metrics: NumberFamily['metrics']): Family {
  return { name, type: 'gauge', help: 'h', unit: '', metrics }
}

/** On a sheet with something else before it. */
function shortWay(write: NumberWriter, columns: NumberColumns, common: Labels): string | undefined {
  const sheet = new Sheet()
  const at = sheet.add(Buffer.from('before'))
  const length = write(columns, common, sheet)
  expect(sheet.used).toBe(at + (length ?? 0))
  expect(Buffer.from(sheet.bytes.subarray(0, at)).toString()).toBe('before')
  return length === undefined ? undefined : Buffer.from(sheet.bytes.subarray(at, sheet.used)).toString()
}

/** By the short way, and by the long one; the short one may have none. */
function bothWays(writer: Writer, family: Family, common: Labels, escaping: EscapingScheme) {
  const options = { escaping, timestamps: false }
  const columns = new NumbersReader().read(writeStored(family))
  const write = writer.numbers?.(family, options)
  return {
    short: columns && write && shortWay(write, columns, common),
    long: Buffer.from(writer.block(family, common, options)).toString(),
  }
}

describe.each(
  [...writers.values()]
    .filter(({ numbers }) => numbers !== undefined)
    .map((writer) => [writer.name, writer] as const),
)('numbers in %s', (_name, writer) => {
  it('are written as by the long way, whatever they and their labels are', () => {
    let shorts = 0
    const asciiText = fc.stringMatching(/^[ -~]{0,8}$/)
    const names = fc.oneof({ arbitrary: legacyLabelName, weight: 9 }, fc.constantFrom('le', 'ä', 'a.b'))
    const families = anyFamily({
      types: NUMBERS,
      metricNames: fc.oneof(legacyMetricName, fc.constantFrom('a_total', 'a_info', 'a.b', 'ä')),
      labelNames: names,
      bare: true,
      labelValues: fc.oneof({ arbitrary: asciiText, weight: 5 }, labelText),
    })
    fc.assert(
      fc.property(
        families,
        labelsOf(names, fc.oneof(asciiText, labelText)),
        fc.constantFrom(...SCHEMES),
        (family, common, escaping) => {
          const { short, long } = bothWays(writer, family, common, escaping)
          if (short === undefined) return
          shorts++
          expect(short).toBe(long)
        },
      ),
      { numRuns: 1000 },
    )
    expect(shorts).toBeGreaterThan(200)
  })

  it('are written as from nothing after blocks with other labels, of the same family and of another', () => {
    const options = { escaping: 'allow-utf-8', timestamps: false } as const
    const name = fc.constantFrom('a', 'b', 'c.d', 'job')
    const value = fc.constantFrom('', '1', 'two', 'a"b')
    const block = fc.record({
      family: fc.constantFrom('x', 'y'),
      own: fc.array(labelsOf(name, fc.constantFrom('', '1', 'two')), { minLength: 1, maxLength: 3 }),
      common: labelsOf(name, value),
    })
    let shorts = 0
    fc.assert(
      fc.property(fc.array(block, { minLength: 2, maxLength: 6 }), (blocks) => {
        const lineOf = new Map(
          ['x', 'y'].map((name) => [name, writer.numbers?.({ name, type: 'gauge' }, options)]),
        )
        for (const { family: name, own, common } of blocks) {
          const family = gauge(name, ...own.map((labels, value) => ({ labels, value })))
          const write = lineOf.get(name)
          const columns = new NumbersReader().read(writeStored(family))
          const short = columns && write && shortWay(write, columns, common)
          if (short === undefined) continue
          shorts++
          expect(short).toBe(Buffer.from(writer.block(family, common, options)).toString())
        }
      }),
      { numRuns: 500 },
    )
    expect(shorts).toBeGreaterThan(500)
  })

  it('are read as from nothing after others that look alike', () => {
    const reader = new NumbersReader()
    const options = { escaping: 'underscores', timestamps: false } as const
    let shorts = 0
    fc.assert(
      fc.property(
        anyFamily({ types: NUMBERS, labelNames: legacyLabelName, bare: true }),
        fc.array(fc.stringMatching(/^[a-z]{0,200}$/), { minLength: 1, maxLength: 4 }),
        fc.double(),
        (family, texts, value) => {
          const alike = {
            ...family,
            metrics: family.metrics.map(({ labels }, i) => ({
              value: i % 2 === 0 ? value : i,
              labels: labels.map(({ name }, j) => ({
                name,
                value: `${texts[(i + j) % texts.length]}${i}`,
              })),
            })),
          } as NumberFamily
          const write = writer.numbers?.(family, options)
          for (const each of [family as NumberFamily, alike, family as NumberFamily]) {
            const columns = reader.read(writeStored(each))
            const short = columns && write && shortWay(write, columns, [])
            if (short === undefined) continue
            shorts++
            expect(short).toBe(Buffer.from(writer.block(each, [], options)).toString())
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(shorts).toBeGreaterThan(300)
  })

  it.each([
    [0, -0, 1, -1, 9, 10, 999_999, -999_999],
    [1e6, -1e6, 1_000_001, 1_234_567, 1_230_000, 12_345_678, 2 ** 31 - 1, -(2 ** 31)],
    [2 ** 31, 2 ** 32, 2 ** 53, 1e21, 0.1, -0.5, 1e-7, 123456.789, 5e-324, Number.MAX_VALUE],
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -Number.MAX_VALUE],
  ])('spells %s, %s and more as the long way does', (...values) => {
    const family = gauge('a', ...values.map((value, i) => ({ labels: labels({ i: `${i}` }), value })))
    const { short, long } = bothWays(writer, family, labels({ job: 'j' }), 'underscores')
    expect(short).toBe(long)
    expect(long.split('\n').length).toBe(values.length + 1)
  })

  it.each<[string, Family, Labels, boolean]>([
    ['without any label', gauge('a', { labels: [], value: 1 }), [], true],
    ['with common labels alone', gauge('a', { labels: [], value: 1 }), labels({ job: 'j' }), true],
    [
      'with different label names in one family',
      gauge(
        'a',
        { labels: labels({ x: '1' }), value: 1 },
        { labels: labels({ x: '2', y: '' }), value: 2 },
        { labels: [], value: 3 },
        { labels: labels({ x: '4' }), value: 4 },
      ),
      labels({ instance: '', job: 'j' }),
      true,
    ],
    ['with a quoted name', gauge('a.b', { labels: labels({ x: '1' }), value: 1 }), [], true],
    ['with a common value to escape', gauge('a', { labels: [], value: 1 }), labels({ job: 'a"b' }), true],
    ['not when a value has to be escaped', gauge('a', { labels: labels({ x: '"' }), value: 1 }), [], false],
    ['not when a value is not ASCII', gauge('a', { labels: labels({ x: 'é' }), value: 1 }), [], false],
    [
      'not when a common value is not ASCII',
      gauge('a', { labels: [], value: 1 }),
      labels({ job: 'é' }),
      false,
    ],
    [
      'not when a label stands twice',
      gauge('a', { labels: labels({ job: 'x' }), value: 1 }),
      labels({ job: 'j' }),
      false,
    ],
    ['not when a metric carries more', gauge('a', { labels: [], value: 1, timestampMs: 5 }), [], false],
  ])('go the short way %s', (_why, family, common, goes) => {
    const { short, long } = bothWays(writer, family, common, 'allow-utf-8')
    expect(short).toBe(goes ? long : undefined)
  })
})

describe('columns of numbers', () => {
  it.each(['summary', 'histogram', 'stateset'] as const)('are not there for a %s', (type) => {
    const family = { name: 'a', type, help: '', unit: '', metrics: [] } as Family
    expect(new NumbersReader().read(writeStored(family))).toBeUndefined()
  })

  it.each([
    ['less text than the values are long', 100],
    ['more text than the values are long', 4],
  ])('are left to the long way, which refuses them, with %s', (_why, length) => {
    const family = gauge('a', { labels: labels({ x: 'value' }), value: 1 })
    const blob = Buffer.from(writeStored(family))
    const writer = writers.get('text')?.numbers?.(family, { escaping: 'underscores', timestamps: false })
    const at = blob.indexOf('value') - 3
    expect(blob[at]).toBe('value'.length)
    blob[at] = length
    const columns = new NumbersReader().read(blob)
    expect(columns).toBeDefined()
    expect(columns && writer && shortWay(writer, columns, [])).toBeUndefined()
    expect(() => readStored(blob)).toThrow(expect.objectContaining({ code: 'PGR_INTERNAL' }))
  })
})

describe('a sheet', () => {
  it('keeps what stands on it when it grows', () => {
    const sheet = new Sheet()
    const blocks = [1, 2, 3, 4].map((byte) => Buffer.alloc(100_000, byte))
    for (const block of blocks) expect(sheet.add(block)).toBe(100_000)
    expect(Buffer.from(sheet.bytes.subarray(0, sheet.used)).equals(Buffer.concat(blocks))).toBe(true)
  })

  it('has room for what is larger than itself, and does not stay that large', () => {
    const sheet = new Sheet()
    const at = sheet.room(10_000_000)
    expect(sheet.bytes.length).toBe(10_000_000)
    sheet.keep(at + 10_000_000)
    sheet.clear()
    sheet.room(10)
    expect(sheet.bytes.length).toBeLessThan(1_000_000)
  })

  it('takes back room that was not used', () => {
    const sheet = new Sheet()
    const at = sheet.room(50)
    expect(sheet.room(60)).toBe(at)
  })

  it('goes on elsewhere when its bytes are given away', () => {
    const sheet = new Sheet()
    sheet.add(Buffer.from('given'))
    const next = new Uint8Array(1000)
    const given = sheet.take(next)
    sheet.add(Buffer.from('kept'))
    expect(Buffer.from(given.subarray(0, 5)).toString()).toBe('given')
    expect(Buffer.from(next.subarray(0, 4)).toString()).toBe('kept')
    expect(sheet.used).toBe(4)
  })
})
