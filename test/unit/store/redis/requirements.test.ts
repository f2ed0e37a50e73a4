import { describe, expect, it } from 'vitest'
import { findingsOf, whyUnusable } from '../../../../src/store/redis/requirements.ts'

const info = (fields: Record<string, string> = {}) =>
  new Map(
    Object.entries({
      redis_version: '7.0.15',
      cluster_enabled: '0',
      maxmemory_policy: 'noeviction',
      ...fields,
    }),
  )

describe('a server', () => {
  it.each([
    ['the oldest redis', {}],
    ['a newer one', { redis_version: '8.2.1' }],
    [
      'valkey, which calls itself an old redis',
      { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.0' },
    ],
    ['the oldest valkey', { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '7.2.0' }],
    ['one that hides its version', { redis_version: '' }],
    ['volatile keys may go: there are none', { maxmemory_policy: 'volatile-lru' }],
  ])('will do: %s', (_why, fields) => {
    const told = info(fields)
    if (fields && 'redis_version' in fields && fields.redis_version === '') told.delete('redis_version')
    expect(whyUnusable(told, false)).toBeUndefined()
  })

  it.each([
    ['too old', { redis_version: '6.2.14' }, 'PGR_STORE_MISCONFIGURED'],
    ['an old valkey', { server_name: 'valkey', valkey_version: '7.1.9' }, 'PGR_STORE_MISCONFIGURED'],
    ['a cluster node', { cluster_enabled: '1' }, 'PGR_SETTING_INVALID'],
    ['one that throws keys away', { maxmemory_policy: 'allkeys-lru' }, 'PGR_STORE_MISCONFIGURED'],
  ])('will not do: %s', (_why, fields, code) => {
    expect(whyUnusable(info(fields), false)?.code).toBe(code)
  })

  it('may throw keys away when forced', () => {
    expect(whyUnusable(info({ maxmemory_policy: 'allkeys-lru' }), true)).toBeUndefined()
  })

  it.each([
    ['persistence', { aof_enabled: '0' }],
    ['eviction-policy', { maxmemory_policy: 'volatile-ttl' }],
    ['maxmemory', { maxmemory: '0' }],
    ['disk', { rdb_last_bgsave_status: 'err' }],
    ['disk', { aof_last_write_status: 'err' }],
  ])('is found wanting: %s', (finding, fields) => {
    const good = { aof_enabled: '1', maxmemory: '1000' }
    expect(findingsOf(info(good)).filter(({ ok }) => !ok)).toEqual([])
    expect(findingsOf(info({ ...good, ...fields })).filter(({ ok }) => !ok)).toMatchObject([{ finding }])
  })
})
