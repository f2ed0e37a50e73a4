import { PgrError } from '../../errors/pgr-error.ts'
import { misconfigured } from './failures.ts'
import { type Info, infoNumber } from './info.ts'

/** Why a server must not be used at all, whatever else is right; undefined when it may. */
export function whyUnusable(info: Info, forceEvictionPolicy: boolean): PgrError | undefined {
  if (info.get('cluster_enabled') === '1')
    return new PgrError(
      'PGR_SETTING_INVALID',
      'the redis endpoint is a node of a cluster, and this version talks to a standalone redis only; point it at a redis with `cluster-enabled no`',
    )
  const old = whyTooOld(info)
  if (old !== undefined) return misconfigured(old)
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy.startsWith('allkeys-') && !forceEvictionPolicy)
    return misconfigured(
      `redis has the eviction policy ${policy} and may throw away whole partitions; set \`maxmemory-policy noeviction\``,
    )
  return undefined
}

function whyTooOld(info: Info): string | undefined {
  const valkey = info.get('valkey_version')
  if (info.get('server_name') === 'valkey' || valkey !== undefined) {
    return valkey === undefined || isAtLeast(valkey, 7, 2)
      ? undefined
      : `valkey ${valkey} is too old; 7.2 is the oldest that will do`
  }
  const redis = info.get('redis_version')
  return redis === undefined || isAtLeast(redis, 7, 0)
    ? undefined
    : `redis ${redis} is too old; 7.0 is the oldest that will do`
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first > major || (first === major && second >= minor)
}

export interface Finding {
  readonly finding: string
  readonly message: string
  readonly ok: boolean
}

/** What an operator should know about a server that works. Every finding is there each time, good or bad. */
export function findingsOf(info: Info): readonly Finding[] {
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  const saves = info.get('rdb_last_bgsave_status') ?? 'ok'
  const appends = info.get('aof_last_write_status') ?? 'ok'
  return [
    {
      finding: 'persistence',
      ok: info.get('aof_enabled') !== '0',
      message:
        'redis keeps no append-only file: a restart loses what came after the last snapshot; set `appendonly yes`',
    },
    {
      finding: 'eviction-policy',
      ok: policy === 'noeviction',
      message: `redis has the eviction policy ${policy}; set \`maxmemory-policy noeviction\``,
    },
    {
      finding: 'maxmemory',
      ok: infoNumber(info, 'maxmemory') > 0,
      message: 'redis has no memory limit and may be killed when the machine runs out; set `maxmemory`',
    },
    {
      finding: 'disk',
      ok: saves === 'ok' && appends === 'ok',
      message: `redis cannot write to its disk (snapshot ${saves}, append-only file ${appends})`,
    },
  ]
}
