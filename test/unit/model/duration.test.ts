import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/model/duration.ts'

const HOUR_MS = 3_600_000

describe('parseDuration', () => {
  it.each([
    ['bare zero needs no unit', '0', 0],
    ['zero with a unit', '0s', 0],
    ['seconds', '90s', 90_000],
    ['several units, largest first', '1h30m', 1.5 * HOUR_MS],
    ['milliseconds are not minutes', '250ms', 250],
    ['minutes before milliseconds', '5m250ms', 300_250],
    ['a year has 365 days', '1y', 365 * 24 * HOUR_MS],
    ['every unit once', '1y1w1d1h1m1s1ms', (365 + 7 + 1) * 24 * HOUR_MS + HOUR_MS + 61_001],
    ['Go writes fractions', '1.5h', 1.5 * HOUR_MS],
    ['Go allows a fraction without leading digit', '.5s', 500],
    ['Go allows any order', '1s1h', HOUR_MS + 1000],
    ['Go allows a unit twice', '1h1h', 2 * HOUR_MS],
    ['Go allows a plus', '+5m', 300_000],
    ['Go knows smaller units', '1500us', 2],
    ['both spellings of micro', '2000µs', 2],
  ])('reads %s', (_why, text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    ['nothing', ''],
    ['a number without unit', '5'],
    ['a negative', '-5m'],
    ['blanks', '5 m'],
    ['blanks around', ' 5m'],
    ['an upper-case unit', '5M'],
    ['a month', '1mo'],
    ['a unit missing at the end', '1m30'],
    ['an exponent', '1e3s'],
    ['a fraction of a unit Go does not have', '1.5d'],
    ['days beside a fraction', '1d1.5h'],
    ['Prometheus units out of order', '1h1d'],
    ['a unit alone', 'm'],
    ['a point alone', '.h'],
    ['above zero but below a millisecond, which must not become zero', '1ns'],
    ['too large to be exact', '99999999999999y'],
    ['text far too long, before any pattern looks at it', `${'1h'.repeat(100)}`],
    ['not a number', 'NaN'],
    ['infinity', 'Infs'],
  ])('refuses %s', (_why, text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [90_000, '1m30s'],
    [5_400_000, '1h30m'],
    [365 * 24 * HOUR_MS, '365d'],
    [86_400_000 + 1, '1d1ms'],
  ])('writes %i as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('writes what parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })
})
