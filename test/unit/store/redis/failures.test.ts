import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { classify, lacksPermission } from '../../../../src/store/redis/failures.ts'

describe('what redis answers', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'PGR_STORE_UNAVAILABLE', false],
    ['NOREPLICAS Not enough good replicas to write.', 'PGR_STORE_UNAVAILABLE', false],
    ['MISCONF Redis is configured to save RDB snapshots', 'PGR_STORE_UNAVAILABLE', false],
    ["READONLY You can't write against a read only replica.", 'PGR_STORE_UNAVAILABLE', true],
    ['LOADING Redis is loading the dataset in memory', 'PGR_STORE_UNAVAILABLE', true],
    ['BUSY Redis is busy running a script.', 'PGR_STORE_UNAVAILABLE', true],
    ['CLUSTERDOWN The cluster is down', 'PGR_STORE_UNAVAILABLE', true],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'PGR_STORE_UNAVAILABLE', true],
    ['Command timed out', 'PGR_STORE_UNAVAILABLE', true],
    ['Connection is closed.', 'PGR_STORE_UNAVAILABLE', true],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'PGR_STORE_UNAVAILABLE', true],
    ['NOAUTH Authentication required.', 'PGR_STORE_MISCONFIGURED', false],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'PGR_STORE_MISCONFIGURED', false],
    ["NOPERM User pgr has no permissions to run the 'evalsha' command", 'PGR_STORE_MISCONFIGURED', false],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'PGR_STORE_MISCONFIGURED', false],
    ['MOVED 3999 127.0.0.1:6381', 'PGR_STORE_UNAVAILABLE', true],
    ['ERR No such master with that name', 'PGR_STORE_MISCONFIGURED', false],
  ])('%s becomes %s', (message, code, again) => {
    const failure = classify(new Error(message))
    expect(failure.error.code).toBe(code)
    expect(failure.again).toBe(again)
  })

  it('leaves what is sorted already as it is', () => {
    const error = new PgrError('PGR_QUOTA_EXCEEDED', 'full')
    expect(classify(error)).toEqual({ error, again: false })
  })

  it.each([
    ["NOPERM User pgr has no permissions to run the 'evalsha' command", true],
    ["ERR ACL failure in script: User pgr has no permissions to run the 'hset' command", true],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
    ['Connection is closed.', false],
  ])('%s speaks of every write: %s', (message, expected) => {
    expect(lacksPermission(classify(new Error(message)).error)).toBe(expected)
  })
})
