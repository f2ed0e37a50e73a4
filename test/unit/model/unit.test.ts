import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  DIGEST_MODULUS,
  digestOf,
  kindOf,
  partitionOf,
  setLabels,
  UNIT_ID_BYTES,
  unitId,
} from '../../../src/model/unit.ts'

const hex = (id: string) => Buffer.from(id, 'latin1').toString('hex')

describe('a unit id', () => {
  // Stored data is found by these bytes: a change here loses what is stored.
  it.each([
    ['a group', 'group', [{ name: 'job', value: 'a' }], '47', '00000000 00000003 6a6f62 00000001 61'],
    [
      'a group with an empty label',
      'group',
      [
        { name: 'instance', value: '' },
        { name: 'job', value: 'Grüße' },
      ],
      '47',
      '00000000 00000008 696e7374616e6365 00000000 00000003 6a6f62 00000007 4772c3bcc39f65',
    ],
    ['a set', 'set', [{ name: 'job', value: 'a' }], '53', '00000000 00000003 6a6f62 00000001 61'],
    ['a set without labels', 'set', [], '53', '00000000'],
  ] as const)(
    'of %s is its kind and the hash of its length-prefixed labels',
    (_what, kind, labels, kindByte, framed) => {
      const expected = createHash('sha256')
        .update(Buffer.from(framed.replaceAll(' ', ''), 'hex'))
        .digest('hex')
        .slice(0, 32)
      const id = unitId(kind, labels)
      expect(hex(id)).toBe(kindByte + expected)
      expect(id.length).toBe(UNIT_ID_BYTES)
      expect(kindOf(id)).toBe(kind)
    },
  )

  it('is pinned', () => {
    expect(hex(unitId('group', [{ name: 'job', value: 'a' }]))).toMatchInlineSnapshot(
      `"477ac2a2e4e2bc2799f59ac90fe9253d93"`,
    )
    expect(partitionOf(unitId('group', [{ name: 'job', value: 'a' }]), 64)).toMatchInlineSnapshot(`36`)
  })

  it('tells labels apart whose joined texts are equal', () => {
    const one = unitId('group', [{ name: 'job', value: 'ab' }])
    const other = unitId('group', [{ name: 'joba', value: 'b' }])
    expect(one).not.toBe(other)
  })
})

describe('the digest of a unit', () => {
  it('stays exact for any version a partition can reach', () => {
    const id = `G${'\u00ff'.repeat(16)}`
    for (const version of [1, 2 ** 24 - 1, 2 ** 24, 2 ** 53 - 1]) {
      expect(Number.isSafeInteger(digestOf(id, version))).toBe(true)
      expect(digestOf(id, version)).toBeLessThanOrEqual(DIGEST_MODULUS)
    }
    expect(digestOf(id, 5)).not.toBe(digestOf(id, 6))
  })
})

describe('the identity of a set', () => {
  it('is job and instance without empty values', () => {
    const labels = [
      { name: 'a', value: '1' },
      { name: 'instance', value: '' },
      { name: 'job', value: 'j' },
    ]
    expect(setLabels(labels)).toEqual([{ name: 'job', value: 'j' }])
    expect(setLabels([])).toEqual([])
  })
})
