import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Window } from '../../../src/gateway/window.ts'

it('holds what sorting everything would have there', () => {
  const items = fc.uniqueArray(fc.integer({ min: 0, max: 200 }))
  fc.assert(
    fc.property(items, fc.nat(60), fc.nat(60), (numbers, offset, limit) => {
      const window = new Window<number>((a, b) => a < b, { offset, limit })
      for (const number of numbers) window.add(number)
      const expected = [...numbers].sort((a, b) => a - b)
      expect(window.take()).toEqual(expected.slice(offset, offset + limit))
    }),
  )
})

it('tells what has to be beaten as soon as it is full', () => {
  const window = new Window<number>((a, b) => a < b, { offset: 0, limit: 2 })
  window.add(5)
  expect(window.last).toBeUndefined()
  window.add(3)
  expect(window.last).toBe(5)
  window.add(4)
  expect(window.last).toBe(4)
})
