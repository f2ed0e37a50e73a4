import { describe, expect, it } from 'vitest'
import { isWorthRetrying, parseRetryAfterMs, retryDelayMs } from '../../../src/client/retry.ts'

describe('trying again', () => {
  it.each([
    [429, true],
    [500, true],
    [503, true],
    [400, false],
    [401, false],
    [404, false],
    [413, false],
    [301, false],
  ])('after %d: %s', (status, worth) => {
    expect(isWorthRetrying(status)).toBe(worth)
  })

  it.each([
    ['the first pause', 1, undefined, 0, 500],
    ['jitter goes down to a half', 1, undefined, 1, 250],
    ['pauses double', 3, undefined, 0, 2000],
    ['up to half a minute', 99, undefined, 0, 30_000],
    ['a longer one that was asked for is kept', 1, 7000, 0.5, 7000],
    ['a shorter one is not', 4, 100, 0, 4000],
    ['an endless one is cut', 1, 86_400_000, 0, 60_000],
  ])('waits: %s', (_why, attempt, askedMs, random, delayMs) => {
    expect(retryDelayMs(attempt, askedMs, random)).toBe(delayMs)
  })
})

describe('Retry-After', () => {
  const nowMs = Date.UTC(2026, 0, 1, 12, 0, 0)

  it.each([
    ['seconds', '120', 120_000],
    ['blanks around', ' 5 ', 5000],
    ['a date', 'Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
    ['a date gone by', 'Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['negative', '-1', undefined],
    ['a fraction', '1.5', undefined],
    ['words', 'soon', undefined],
    ['no header', null, undefined],
    ['more digits than any pause', '9'.repeat(400), undefined],
  ])('is read: %s', (_why, header, ms) => {
    expect(parseRetryAfterMs(header, nowMs)).toBe(ms)
  })
})
