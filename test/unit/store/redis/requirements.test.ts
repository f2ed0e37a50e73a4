import { describe, expect, it } from 'vitest'
import { findingsOf, whyUnusable, whyWrongKind } from '../../../../src/store/redis/requirements.ts'

const info = (fields: Record<string, string> = {}): Map<string, string> =>
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
    ['memory', { used_memory: '950' }],
    ['replicas', { connected_slaves: '1' }],
    ['backlog', { repl_backlog_size: '1048576' }],
  ])('is found wanting: %s', (finding, fields) => {
    const good = {
      aof_enabled: '1',
      maxmemory: '1000',
      used_memory: '500',
      connected_slaves: '2',
      min_slaves_good_slaves: '2',
      repl_backlog_size: String(256 * 2 ** 20),
    }
    const expected = { topology: 'sentinel', replicas: 2 }
    expect(findingsOf(info(good), expected).filter(({ ok }) => !ok)).toEqual([])
    const found = findingsOf(info({ ...good, ...fields }), expected)
    expect(found.filter(({ ok }) => !ok)).toMatchObject([{ finding }])
  })

  it('is found wanting when it would go on alone behind Sentinels', () => {
    const lax = info({
      aof_enabled: '1',
      maxmemory: '1000',
      connected_slaves: '1',
      repl_backlog_size: '268435456',
    })
    const found = findingsOf(lax, { topology: 'sentinel', replicas: 0 }).filter(({ ok }) => !ok)
    expect(found.map(({ finding }) => finding)).toEqual(['min-replicas'])
  })

  it('needs no replicas when it stands alone', () => {
    const alone = info({ aof_enabled: '1', maxmemory: '1000' })
    expect(findingsOf(alone, { topology: 'standalone', replicas: 0 }).every(({ ok }) => ok)).toBe(true)
    const missing = findingsOf(alone, { topology: 'cluster', replicas: 0 }).filter(({ ok }) => !ok)
    expect(missing.map(({ finding }) => finding)).toEqual(['replicas', 'backlog'])
  })

  it.each([
    [
      'a Sentinel without the name of its primary',
      { redis_mode: 'sentinel' },
      false,
      1,
      '--redis.master-name',
    ],
    ['a cluster node behind a Sentinel', { cluster_enabled: '1' }, true, 3, 'leave the master name out'],
    ['a single server among several endpoints', { cluster_enabled: '0' }, false, 3, 'give one endpoint'],
  ])('is of the wrong kind: %s', (_what, fields, behindSentinel, endpoints, remedy) => {
    const why = whyWrongKind(info(fields), behindSentinel, endpoints)
    expect(why?.code).toBe('PGR_SETTING_INVALID')
    expect(why?.message).toContain(remedy)
  })

  it.each([
    ['a single server', { cluster_enabled: '0' }, false, 1],
    ['one node of a cluster, which is asked for the others', { cluster_enabled: '1' }, false, 1],
    ['several nodes of a cluster', { cluster_enabled: '1' }, false, 3],
    ['a primary behind Sentinels', { cluster_enabled: '0' }, true, 3],
  ])('is of the right kind: %s', (_what, fields, behindSentinel, endpoints) => {
    expect(whyWrongKind(info(fields), behindSentinel, endpoints)).toBeUndefined()
  })
})
