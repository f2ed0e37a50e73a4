import { expect, it } from 'vitest'
import { Operations } from '../../../../src/store/embedded/operations.ts'

const RETENTION_MS = 120_000

it('knows an id for as long as promised, whenever it came', () => {
  const operations = new Operations(RETENTION_MS)
  let forgotten = 0
  for (let nowMs = 0; nowMs < 5 * RETENTION_MS; nowMs += 500) {
    operations.remember(`${nowMs}`, nowMs)
    const since = Math.max(0, nowMs - RETENTION_MS + 500)
    for (let atMs = since; atMs <= nowMs; atMs += 500) if (!operations.has(`${atMs}`)) forgotten++
  }

  expect(forgotten).toBe(0)
})

it('forgets ids, so that memory does not grow with time', () => {
  const operations = new Operations(RETENTION_MS)
  let most = 0
  for (let nowMs = 0; nowMs < 10 * RETENTION_MS; nowMs += 100) {
    operations.remember(`${nowMs}`, nowMs)
    most = Math.max(most, operations.size)
  }

  expect(most).toBeLessThanOrEqual((1.25 * RETENTION_MS) / 100)
  expect(operations.has('0')).toBe(false)
})
