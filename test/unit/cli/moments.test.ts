import { describe, expect, it } from 'vitest'
import { agoCell, shortDuration, untilCell } from '../../../src/cli/moments.ts'

const NOW = '2026-11-27T20:00:00.000Z'

describe('an instant', () => {
  it('is told people by how long ago it was, and programs as it is', () => {
    const at = '2026-11-27T19:58:55.500Z'
    expect(agoCell(at, NOW)).toEqual({ raw: at, shown: '1m4s ago' })
    expect(agoCell(null, NOW)).toEqual({ raw: '', shown: 'never' })
  })

  it('that is to come stands out when it is soon', () => {
    const at = '2026-11-27T20:00:30.000Z'
    expect(untilCell(at, NOW, { soonMs: 60_000 })).toEqual({ raw: at, shown: 'in 30s', paint: 'yellow' })
    expect(untilCell(at, NOW, { soonMs: 1000 })).toEqual({ raw: at, shown: 'in 30s' })
    expect(untilCell(NOW, NOW, { soonMs: 1000 }).shown).toBe('now')
    expect(untilCell(null, NOW, { soonMs: 1000 }).shown).toBe('never')
  })
})

it.each([
  [-5, '0s'],
  [999, '0s'],
  [61_999, '1m1s'],
  [3_600_000 + 59_000, '1h'],
  [86_400_000 + 3_600_000 + 60_000, '1d1h'],
  [12 * 86_400_000 + 3_600_000, '12d'],
])('%d ms are %s', (ms, text) => {
  expect(shortDuration(ms)).toBe(text)
})
