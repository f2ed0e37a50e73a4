import { expect, it } from 'vitest'
import { runReshardCase } from './cluster-case.ts'

it('F13: slots move to another node and back under load, and nobody notices', async () => {
  const { violations, verdict, applied, moved } = await runReshardCase('F13', 1)
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  expect(applied).toBe(verdict.acked)
  expect(moved).toBeGreaterThanOrEqual(12)
  expect(verdict.acked).toBeGreaterThan(1000)
})
