import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { readTtl } from '../../../src/http/lifetime.ts'

const HOUR_MS = 3_600_000
const NO_LIMIT = 0

function refusal(header: string | undefined, query: string, maxMs = NO_LIMIT): PgrError {
  try {
    readTtl(header, query, maxMs)
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error('the lifetime was accepted')
}

describe('readTtl', () => {
  it.each([
    ['none when none is asked', undefined, '', undefined],
    ['none when the query is about something else', undefined, 'ttls=1m&x=ttl', undefined],
    ['the header', '15m', '', HOUR_MS / 4],
    ['the query', undefined, 'ttl=15m', HOUR_MS / 4],
    ['both when they agree, however they spell it', '900s', 'ttl=15m', HOUR_MS / 4],
    ['an encoded query', undefined, 'a=b&ttl=1%2E5h', 1.5 * HOUR_MS],
    ['never', '0', '', 0],
    ['never in both', '0s', 'ttl=0', 0],
    ['a header sent twice alike', '5m, 5m', '', HOUR_MS / 12],
  ])('gives %s', (_why, header, query, ms) => {
    expect(readTtl(header, query, NO_LIMIT)).toBe(ms)
  })

  it.each([
    ['a number without unit', '15', ''],
    ['nothing in the header', '', ''],
    ['nothing in the query', undefined, 'ttl='],
    ['a negative', '-5m', ''],
    ['header and query that disagree', '15m', 'ttl=16m'],
    ['never and something', '0', 'ttl=5m'],
    ['a query that disagrees with itself', undefined, 'ttl=1m&ttl=2m'],
    ['a header sent twice that disagrees', '1m, 2m', ''],
    ['a valid one beside one that cannot be read', '1m', 'ttl=x'],
  ])('refuses %s', (_why, header, query) => {
    expect(refusal(header, query).code).toBe('PGR_TTL_INVALID')
  })

  it('accepts the limit itself and names the setting beyond it', () => {
    expect(readTtl('1h', '', HOUR_MS)).toBe(HOUR_MS)
    const { code, message } = refusal('1h1ms', '', HOUR_MS)
    expect(code).toBe('PGR_TTL_INVALID')
    expect(message).toMatch(/1h1ms.*1h.*push\.max-ttl/)
  })

  it('takes never for more than any limit', () => {
    const { code, message } = refusal('0', '', HOUR_MS)
    expect(code).toBe('PGR_TTL_INVALID')
    expect(message).toContain('never')
  })

  it('does not repeat a long text whole', () => {
    expect(refusal('x'.repeat(10_000), '').message.length).toBeLessThan(300)
  })
})
