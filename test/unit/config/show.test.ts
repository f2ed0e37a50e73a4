import { describe, expect, it } from 'vitest'
import { resolveSettings } from '../../../src/config/resolve.ts'
import { showFlags, showSettings } from '../../../src/config/show.ts'

const { settings, origins } = resolveSettings({
  flags: new Map<string, string | string[]>([
    ['redis.master-name', 'm'],
    ['redis.endpoint', ['redis://me:hunter2@a:1']],
    ['redis.timeout', '1500ms'],
    ['redis.nat-map', ['10.0.0.1:6379=a:1']],
  ]),
  env: { PGR_REDIS_PASSWORD: 'hunter2', PGR_REDIS_SENTINEL_PASSWORD: 'hunter2', PGR_PUSH_MAX_BODY: '1MB' },
  readFile: () => '',
})
const shown = new Map(showSettings(settings, origins).map((row) => [row.flag, row]))

describe('settings in effect', () => {
  it('are all shown', () => {
    expect(shown.size).toBe(Object.keys(settings).length)
  })

  it('hold no secret', () => {
    expect(JSON.stringify([...shown])).not.toContain('hunter2')
    expect(shown.get('redis.password')).toMatchObject({
      text: '***',
      from: 'env',
      origin: 'PGR_REDIS_PASSWORD',
    })
    expect(shown.get('redis.endpoint')?.text).toBe('redis://me:***@a:1')
  })

  it.each([
    ['push.max-body', '1MiB', '1MiB'],
    ['port', '9753', 9753],
    ['redis.tls.enabled', 'false', false],
    ['store', 'redis', 'redis'],
    ['web.listen-address', ':9753', ':9753'],
    ['limits.series', '10M', '10M'],
    ['redis.nat-map', '10.0.0.1:6379=a:1', '10.0.0.1:6379=a:1'],
    ['redis.wait-replicas', '0', 0],
  ])('show %s as one would write it', (flag, text, value) => {
    expect(shown.get(flag)).toMatchObject({ text, value })
  })

  it('tell an absent secret from one that is set', () => {
    const none = resolveSettings({ flags: new Map(), env: {}, readFile: () => '' })
    expect(
      showSettings(none.settings, none.origins).find(({ flag }) => flag === 'redis.password')?.text,
    ).toBe('')
  })
})

describe('settings by flag', () => {
  const flags = showFlags(settings)

  it('are the same texts, all of them', () => {
    expect(flags).toEqual(Object.fromEntries([...shown].map(([flag, { text }]) => [flag, text])))
  })

  it('hold no secret', () => {
    expect(JSON.stringify(flags)).not.toContain('hunter2')
    expect(flags).toMatchObject({ 'redis.password': '***', 'redis.sentinel-password': '***' })
  })
})
