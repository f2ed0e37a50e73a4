import { expect, it } from 'vitest'
import { AttributeCache } from '../../../../src/formats/otlp/attribute-cache.ts'

const set = (value: string) => [{ name: 'a', value }]

it('keeps what is asked for and forgets the rest, by number', () => {
  const cache = new AttributeCache(10)
  const used = set('used')
  cache.set('used', used)
  for (let i = 0; i < 100; i++) {
    cache.set(`other ${i}`, set(String(i)))
    expect(cache.get('used')).toBe(used)
  }
  expect(
    Array.from({ length: 100 }, (_, i) => cache.get(`other ${i}`)).filter((known) => known !== undefined)
      .length,
  ).toBeLessThanOrEqual(10)
  expect(cache.get('other 99')).toBeDefined()
})

it('by size', () => {
  const cache = new AttributeCache(1_000_000)
  const megabyte = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 40; i++) cache.set(megabyte + i, set(String(i)))
  const known = Array.from({ length: 40 }, (_, i) => cache.get(megabyte + i)).filter(
    (found) => found !== undefined,
  )
  expect(known.length).toBeLessThanOrEqual(17)
  expect(known.length).toBeGreaterThan(7)
})
