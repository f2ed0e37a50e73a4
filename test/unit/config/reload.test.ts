import { describe, expect, it } from 'vitest'
import { originsAfter, takeOver } from '../../../src/config/reload.ts'
import { type FlagValue, resolveSettings } from '../../../src/config/resolve.ts'
import type { Settings } from '../../../src/config/rules.ts'

function settings(flags: Record<string, FlagValue> = {}): Settings {
  return resolveSettings({ flags: new Map(Object.entries(flags)), env: {}, readFile: () => '' }).settings
}

const tls = { 'tls.enabled': true, 'tls.key': 'k', 'tls.cert': 'c' }

describe('settings that were read anew', () => {
  it('are the same when nothing changed', () => {
    const current = settings({ 'redis.endpoint': ['a:1'], 'web.listen-address': [':1', ':2'] })
    const same = settings({ 'redis.endpoint': ['a:1'], 'web.listen-address': [':1', ':2'] })
    expect(takeOver(current, same)).toEqual({ settings: current, changed: [], waiting: [] })
  })

  it('are taken over where they can be, and named where not', () => {
    const current = settings({ 'redis.endpoint': ['a:1'], 'log.level': 'warn' })
    const next = settings({
      port: '1',
      'redis.endpoint': ['a:2'],
      'push.max-ttl': '1h',
      'limits.series': '5',
    })
    const { settings: taken, changed, waiting } = takeOver(current, next)
    expect(changed).toEqual(['push.max-ttl', 'limits.series', 'log.level'])
    expect(waiting).toEqual(['port', 'web.listen-address', 'redis.endpoint'])
    expect(taken).toEqual({
      ...current,
      pushMaxTtl: 3_600_000,
      limitsSeries: 5,
      logLevel: 'info',
    })
  })

  it('are compared with those in effect, so that what waits is named each time', () => {
    const { settings: taken } = takeOver(settings(), settings({ port: '1' }))
    expect(takeOver(taken, settings({ port: '1' })).waiting).toEqual(['port', 'web.listen-address'])
    expect(takeOver(taken, settings()).waiting).toEqual([])
  })

  it('came from where they were read now, but for what waits', () => {
    const resolve = (flags: Record<string, FlagValue>) =>
      resolveSettings({ flags: new Map(Object.entries(flags)), env: {}, readFile: () => '' })
    const { origins: before } = resolve({ 'redis.endpoint': ['a:1'] })
    const { origins: now } = resolve({ port: '1', 'push.max-ttl': '1h' })
    const after = originsAfter(before, now, { waiting: ['port', 'redis.endpoint'] })
    expect(after?.port).toEqual(before.port)
    expect(after?.redisEndpoint.from).toBe('flag')
    expect(after?.pushMaxTtl.from).toBe('flag')
    expect(originsAfter(undefined, now, { waiting: [] })).toBeUndefined()
    expect(originsAfter(before, undefined, { waiting: [] })).toBe(before)
  })

  it.each([
    [
      'another key and certificate',
      tls,
      { ...tls, 'tls.key': 'l', 'tls.cert': 'd' },
      ['tls.key', 'tls.cert'],
      [],
    ],
    ['HTTPS switched off', tls, {}, [], ['tls.enabled', 'tls.key', 'tls.cert']],
    ['HTTPS switched on', {}, tls, [], ['tls.enabled', 'tls.key', 'tls.cert']],
  ])('have files of HTTPS that go with it: %s', (_what, before, after, changed, waiting) => {
    expect(takeOver(settings(before), settings(after))).toMatchObject({ changed, waiting })
  })
})
