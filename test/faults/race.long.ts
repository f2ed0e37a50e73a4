import { expect, it } from 'vitest'
import { runRace } from './race.ts'

const ROUNDS = 100_000

it('F31: two gateways race on one group 100,000 times, and the last acknowledged write wins on both', async () => {
  const { violations, verdict } = await runRace({ rounds: ROUNDS, mostMs: 240_000 })
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0 })
  expect(verdict.acked).toBeGreaterThan(ROUNDS / 5)
  expect(verdict.losses.confirmed).toBeGreaterThan(100)
})
