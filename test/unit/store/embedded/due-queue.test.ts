import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DueQueue } from '../../../../src/store/embedded/due-queue.ts'

const items = fc.nat(9)
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), item: items, dueMs: fc.nat(20) }),
  fc.record({ kind: fc.constant('delete' as const), item: items }),
  fc.record({ kind: fc.constant('take' as const), nowMs: fc.nat(20) }),
)

it('hands out what is due, the earliest first, whatever was moved or taken out before', () => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new DueQueue<{ place: number }>()
      const all = Array.from({ length: 10 }, () => ({ place: -1 }))
      const model = new Map<(typeof all)[number], number>()
      for (const action of steps) {
        if (action.kind === 'take') {
          const earliest = Math.min(...model.values())
          const item = queue.peek(action.nowMs)
          expect(item === undefined).toBe(earliest > action.nowMs)
          if (item === undefined) continue
          taken++
          expect(model.get(item)).toBe(earliest)
          queue.delete(item)
          model.delete(item)
          continue
        }
        const item = all[action.item] ?? { place: -1 }
        const dueMs = action.kind === 'set' ? action.dueMs : 0
        if (action.kind === 'set') queue.set(item, dueMs)
        else queue.delete(item)
        if (dueMs === 0) model.delete(item)
        else model.set(item, dueMs)
        expect(queue.size).toBe(model.size)
      }
    }),
    { numRuns: 1000 },
  )
  expect(taken).toBeGreaterThan(50)
})
