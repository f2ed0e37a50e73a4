/**
 * What the Redis user of a gateway must be allowed, as words of ACL SETUSER; nothing else is needed. The keys are
 * those under the prefix. Commands inside scripts are checked too.
 */
export function permissionsFor(prefix: string): readonly string[] {
  return [`~${prefix}:*`, '-@all', ...COMMANDS.map((command) => `+${command}`)]
}

const COMMANDS: readonly string[] = [
  'hello',
  'auth',
  'ping',
  'info',
  'time',
  'select',
  'wait',
  'asking',
  'cluster|slots',
  'client|setname',
  'eval',
  'evalsha',
  'exists',
  'hget',
  'hgetall',
  'hmget',
  'hset',
  'hdel',
  'hlen',
  'zadd',
  'zcard',
  'zrange',
  'zrangebyscore',
  'zrem',
  'zscore',
]

/**
 * What the user of a gateway at the Sentinels must be allowed, in the same words: to ask for the primary and for the
 * other Sentinels, and to hear that the primary was replaced.
 */
export function sentinelPermissions(): readonly string[] {
  return ['resetchannels', '&+switch-master', '-@all', ...SENTINEL_COMMANDS.map((command) => `+${command}`)]
}

const SENTINEL_COMMANDS: readonly string[] = [
  'subscribe',
  'sentinel|get-master-addr-by-name',
  'sentinel|sentinels',
]
