import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import {
  decodeGroup,
  decodeLabels,
  encodeLabels,
  letterOf,
  TYPE_LETTERS,
  typeOf,
} from '../../../../src/store/redis/codec.ts'
import {
  decodeEntries,
  decodeFamilies,
  decodePageTable,
  decodeSlots,
  encodeEntry,
  encodeFamily,
  encodeSample,
  SAMPLE_BYTES,
} from '../../../../src/store/redis/set-codec.ts'

const labels = [
  { name: '__proto__', value: '' },
  { name: 'job', value: 'bäckup\u0000"' },
]

describe('what is written to redis', () => {
  it('spells labels and types as it always did', () => {
    expect(encodeLabels(labels)).toBe('["__proto__","","job","bäckup\\u0000\\""]')
    expect(decodeLabels(encodeLabels(labels))).toEqual(labels)
    expect([...TYPE_LETTERS.values()].join('')).toBe('cgushHiS')
    for (const type of TYPE_LETTERS.keys()) expect(typeOf(letterOf(type))).toBe(type)
  })

  it('reads a group header: times are whole, and blobs taken only where there are some', () => {
    const packed = encode([
      1,
      '["job","a"]',
      100,
      200.75,
      0,
      '',
      'text',
      900,
      7,
      3,
      50,
      190,
      'up',
      'g',
      3,
      10,
      7,
      900,
      200.75,
      150,
      'old',
      'c',
      1,
      5,
      2,
      0,
      100,
      100,
    ])
    expect(
      decodeGroup('Gx', packed, ({ name }) => (name === 'up' ? Buffer.from('blob') : undefined)),
    ).toEqual({
      kind: 'group',
      id: 'Gx',
      version: 7,
      labels: [{ name: 'job', value: 'a' }],
      createdMs: 100,
      protocol: 'text',
      pushedMs: 200,
      failedMs: 0,
      failure: '',
      expiresMs: 900,
      families: [
        {
          name: 'up',
          type: 'gauge',
          series: 3,
          version: 7,
          expiresMs: 900,
          pushedMs: 200,
          firstSeenMs: 150,
          blob: Buffer.from('blob'),
        },
        {
          name: 'old',
          type: 'counter',
          series: 1,
          version: 2,
          expiresMs: 0,
          pushedMs: 100,
          firstSeenMs: 100,
        },
      ],
    })
  })

  it.each([
    ['a later format', encode([2, '[]'])],
    ['something else', encode({ a: 1 })],
    ['a field of another type', encode([1, '[]', 'x', 0, 0, '', '', 0, 0])],
  ])('refuses a header it does not know: %s', (_why, packed) => {
    expect(() => decodeGroup('Gx', packed, () => undefined)).toThrow(
      expect.objectContaining({ code: 'PGR_STORE_MISCONFIGURED' }),
    )
  })

  it('writes a dictionary entry byte for byte as it always did', () => {
    const entry = { family: 300, labels: [{ name: 'a', value: 'ö' }] }
    expect(encodeEntry(entry).toString('hex')).toBe('08000000' + 'ac02' + '01' + '0161' + '02c3b6')
  })

  it('reads entries from any place on', () => {
    const entries = Array.from({ length: 5 }, (_, n) => ({
      family: n,
      labels: [{ name: 'n', value: 'x'.repeat(n * 100) }],
    }))
    const dictionary = Buffer.concat(entries.map(encodeEntry))
    expect(decodeEntries(dictionary, 0)).toEqual(entries)
    expect(decodeEntries(dictionary, 3)).toEqual(entries.slice(3))
    expect(decodeEntries(dictionary, 5)).toEqual([])
  })

  it.each([
    [
      'a number',
      { labels: [], content: 1.5, series: 1 },
      '05' + '01' + '0700' + '0000000000000000' + '000000000000f83f',
    ],
    [
      'a number with its time',
      { labels: [], content: 1.5, series: 1, timestampMs: 1 },
      '05' + '05' + '0700' + '000000000000f03f' + '000000000000f83f',
    ],
    [
      'a blob',
      { labels: [], content: Buffer.from('abc'), series: 9 },
      '05' + '02' + '0700' + '0000000000000000' + '09000000' + '03000000',
    ],
    [
      'an end',
      { labels: [], content: 'stale', series: 1 } as const,
      '05' + '00' + '0700' + '0000000000000000' + '0000000000000000',
    ],
  ])('writes a sample: %s', (_why, sample, hex) => {
    const bytes = Buffer.alloc(SAMPLE_BYTES)
    encodeSample(bytes, 0, 5, 7, sample)
    expect(bytes.toString('hex')).toBe(hex)
  })

  it('reads slots: what has no value is left out, a blob is fetched, a time of our own is whole', () => {
    const slots = Buffer.alloc(75)
    for (const [place, flags] of [5, 0, 2].entries()) {
      slots.writeDoubleLE(1000.5 + place, place * 25)
      slots.writeDoubleLE(-0, place * 25 + 8)
      slots.writeDoubleLE(2000, place * 25 + 16)
      slots[place * 25 + 24] = flags
    }
    const entries = [0, 1, 2].map((family) => ({ family, labels: [] }))
    const common = { labels: [], expiresMs: 2000 }
    expect(decodeSlots(slots, entries, (slot) => Buffer.from(`blob ${slot}`))).toEqual([
      { ...common, family: 0, timestampMs: 1000.5, explicit: true, content: -0 },
      { ...common, family: 2, timestampMs: 1002, explicit: false, content: Buffer.from('blob 2') },
    ])
    expect(() => decodeSlots(slots, entries.slice(0, 2), () => undefined)).toThrow(
      expect.objectContaining({ code: 'PGR_STORE_MISCONFIGURED' }),
    )
  })

  it('reads a family table and a page table', () => {
    const entry = Buffer.from(encodeFamily({ name: 'up', type: 'gauge', help: 'h', unit: '' }))
    expect(entry.toString()).toBe('["up","g","h",""]')
    const head = Buffer.alloc(12)
    head.writeUInt32LE(entry.length)
    head.writeDoubleLE(77, 4)
    expect(decodeFamilies(Buffer.concat([head, entry]))).toEqual([
      { name: 'up', type: 'gauge', help: 'h', unit: '', firstSeenMs: 77 },
    ])
    const row = Buffer.alloc(32)
    row.writeDoubleLE(9, 0)
    row.writeDoubleLE(4, 8)
    row.writeUInt16LE(128, 24)
    expect(decodePageTable(row)).toEqual([{ changed: 9, incarnation: 4, slots: 128 }])
  })
})
