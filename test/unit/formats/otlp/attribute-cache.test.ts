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
  const long = 'x'.repeat(16_000)
  for (let i = 0; i < 3000; i++) cache.set(long + i, set(String(i)))
  const known = Array.from({ length: 3000 }, (_, i) => cache.get(long + i)).filter(
    (found) => found !== undefined,
  )
  expect(known.length * long.length).toBeLessThanOrEqual(16 * 1024 * 1024)
  expect(known.length * long.length).toBeGreaterThan(8 * 1024 * 1024)
})

it('never keeps what is very long', () => {
  const cache = new AttributeCache(10)
  const long = 'x'.repeat(100_000)
  cache.set(long, set('1'))
  expect(cache.get(long)).toBeUndefined()
})
