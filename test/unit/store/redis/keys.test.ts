import { describe, expect, it } from 'vitest'
import { HASH, keyspace, PARTITIONS, SCHEMA, slotOf, tagOf } from '../../../../src/store/redis/keys.ts'

describe('the keyspace', () => {
  it.each([
    ['the check value of the cluster specification', '123456789', 0x31c3],
    ['a tag from its documentation', 'foo', 12182],
  ])('finds the slot of %s', (_why, tag, slot) => {
    expect(slotOf(tag)).toBe(slot)
  })

  // Stored data depends on each of these: another tag is another place.
  it('has the tags it always had', () => {
    const tags = Array.from({ length: PARTITIONS }, (_, partition) => tagOf(partition, PARTITIONS))
    expect(tags.slice(0, 8)).toEqual(GOLDEN_TAGS)
    expect(tags.map((tag) => tag.slice(tag.indexOf('.') + 1)).join(' ')).toBe(GOLDEN_ATTEMPTS)
    expect([PARTITIONS, SCHEMA, HASH]).toEqual([64, '1', 'sha256-32'])
  })

  it('puts one partition into every sixty-fourth of the slots', () => {
    const stripes = keyspace('pgr').partitions.map((_, partition) =>
      Math.floor(slotOf(tagOf(partition, 64)) / 256),
    )
    expect(stripes).toEqual(Array.from({ length: 64 }, (_, stripe) => stripe))
  })

  it('names six keys of one tag for a partition, and two of its own', () => {
    const keys = keyspace('my-pgr')
    const tag = tagOf(5, 64)
    expect(keys.partitions[5]).toEqual(
      ['m', 'd', 'l', 'x', 't', 'o'].map((name) => `my-pgr:{${tag}}:${name}`),
    )
    expect([keys.configuration, keys.replicas]).toEqual(['my-pgr:cfg', 'my-pgr:replicas'])
  })

  it.each([
    ['braces would break the tag', 'a{b}'],
    ['nothing', ''],
    ['a blank', 'a b'],
    ['too much', 'x'.repeat(65)],
  ])('refuses a prefix: %s', (_why, prefix) => {
    expect(() => keyspace(prefix)).toThrow(expect.objectContaining({ code: 'PGR_SETTING_INVALID' }))
  })
})

const GOLDEN_TAGS = ['pgr0.79', 'pgr1.50', 'pgr2.28', 'pgr3.353', 'pgr4.22', 'pgr5.160', 'pgr6.73', 'pgr7.0']
const GOLDEN_ATTEMPTS =
  '79 50 28 353 22 160 73 0 31 18 61 48 150 20 103 13 160 108 28 140 62 122 33 100 40 69 11 38 128 140 60 49 72 110 41 68 29 158 178 110 69 40 38 11 32 161 63 1 20 313 113 43 108 2 31 1 20 3 22 119 68 41 39 10'
