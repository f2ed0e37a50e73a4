import { expect, it } from 'vitest'
import { runRace } from './race.ts'

const ROUNDS = 100_000
const MINUTE_MS = 60_000

it(
  'F31-race: two gateways race on one group 100,000 times, and the last acknowledged write wins on both',
  async () => {
    const { violations, verdict } = await runRace({
      id: 'F31-race',
      name: 'the same, 100,000 times',
      rounds: ROUNDS,
      mostMs: 9 * MINUTE_MS,
    })
    expect(violations).toEqual([])
    expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0 })
    expect(verdict.acked).toBeGreaterThanOrEqual(ROUNDS)
    expect(verdict.losses.confirmed).toBeGreaterThan(1000)
  },
  12 * MINUTE_MS,
)
