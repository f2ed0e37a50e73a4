import { describe, expect, it } from 'vitest'
import { nearestName } from '../../../src/config/nearest.ts'

const NAMES = ['port', 'metrics_path', 'redis.endpoint', 'redis.expiration', 'redis.db']

describe('a misspelt name', () => {
  it.each([
    ['a letter missing', 'redis.endpint', 'redis.endpoint'],
    ['letters swapped', 'prot', 'port'],
    ['other separators', 'redis_endpoint', 'redis.endpoint'],
    ['capitals', 'Metrics-Path', 'metrics_path'],
    ['the nearest of two', 'redis.expirations', 'redis.expiration'],
  ])('leads to the one meant: %s', (_why, given, meant) => {
    expect(nearestName(given, NAMES)).toBe(meant)
  })

  it.each([
    ['nothing like it', 'colour'],
    ['too far for a short name', 'pxxx'],
    ['endless', 'port'.repeat(1000)],
    ['empty', ''],
  ])('leads nowhere when nothing is close: %s', (_why, given) => {
    expect(nearestName(given, NAMES)).toBeUndefined()
  })
})
