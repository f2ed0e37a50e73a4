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
  'client|setname',
  'eval',
  'evalsha',
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
