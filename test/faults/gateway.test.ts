import { expect, it } from 'vitest'
import { runKills } from './gateway-kills.ts'
import { runRace } from './race.ts'

it('F27: gateways are killed in the middle of pushes, and groups stay old or new', async () => {
  const LEAST_KILLS = 10
  const { violations, verdict, kills, interrupted, hindered } = await runKills({
    id: 'F27',
    name: (times) => `gateways are killed in the middle of pushes, ${times} times`,
    kills: 100,
    mostMs: 18_000,
    leastKills: LEAST_KILLS,
  })
  expect(violations).toEqual([])
  expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS)
  expect(interrupted).toBeGreaterThan(kills)
  expect(hindered).toBe(0)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
}, 120_000)

it('F31: two gateways race on one group, and the last acknowledged write wins on both', async () => {
  const ROUNDS = 5000
  const { violations, verdict } = await runRace({
    id: 'F31',
    name: 'two gateways race PUT, POST and DELETE on one group',
    rounds: ROUNDS,
    mostMs: 8000,
  })
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0 })
  expect(verdict.acked).toBeGreaterThan(ROUNDS / 5)
  expect(verdict.losses.confirmed).toBeGreaterThan(10)
})
