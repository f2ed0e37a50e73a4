import { PgrError } from '../../errors/pgr-error.ts'
import { misconfigured } from './failures.ts'
import { type Info, infoNumber } from './info.ts'

/** Why a server must not be used at all, whatever else is right; undefined when it may. */
export function whyUnusable(info: Info, forceEvictionPolicy: boolean): PgrError | undefined {
  const old = whyTooOld(info)
  if (old !== undefined) return misconfigured(old)
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy.startsWith('allkeys-') && !forceEvictionPolicy)
    return misconfigured(
      `redis has the eviction policy ${policy} and may throw away whole partitions; set \`maxmemory-policy noeviction\``,
    )
  return undefined
}

/** Why the server is of another kind than the settings say; undefined when it fits. */
export function whyWrongKind(info: Info, behindSentinel: boolean, endpoints: number): PgrError | undefined {
  if (info.get('redis_mode') === 'sentinel')
    return new PgrError(
      'PGR_SETTING_INVALID',
      'the redis endpoint is a Sentinel; give the name of its primary with --redis.master-name',
    )
  const isCluster = info.get('cluster_enabled') === '1'
  if (isCluster && behindSentinel)
    return new PgrError(
      'PGR_SETTING_INVALID',
      'the server that --redis.master-name stands for is a node of a cluster; leave the master name out and give the nodes of the cluster',
    )
  if (!isCluster && !behindSentinel && endpoints > 1)
    return new PgrError(
      'PGR_SETTING_INVALID',
      'several redis endpoints mean the nodes of a cluster, and this redis is none (`cluster-enabled no`); give one endpoint, or --redis.master-name if they are Sentinels',
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

/** What the settings make of a server. */
export interface Expected {
  /** `standalone`, `sentinel`, `cluster`: the last two are there to have replicas. */
  readonly topology: string
  /** Replicas every write has to reach. */
  readonly replicas: number
}

const NEARLY_FULL = 0.9
const SMALL_BACKLOG_BYTES = 16 * 2 ** 20

/** What an operator should know about a server that works. Every finding is there each time, good or bad. */
export function findingsOf(info: Info, { topology, replicas }: Expected): readonly Finding[] {
  const wanted = Math.max(replicas, topology === 'standalone' ? 0 : 1)
  const connected = infoNumber(info, 'connected_slaves')
  const maxmemory = infoNumber(info, 'maxmemory')
  const used = infoNumber(info, 'used_memory')
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
      ok: maxmemory > 0,
      message: 'redis has no memory limit and may be killed when the machine runs out; set `maxmemory`',
    },
    {
      finding: 'disk',
      ok: saves === 'ok' && appends === 'ok',
      message: `redis cannot write to its disk (snapshot ${saves}, append-only file ${appends})`,
    },
    {
      finding: 'memory',
      ok: maxmemory === 0 || used < NEARLY_FULL * maxmemory,
      message: `redis uses ${used} of the ${maxmemory} bytes of memory it may use; raise \`maxmemory\` or store less`,
    },
    {
      finding: 'replicas',
      ok: connected >= wanted,
      message: `redis has ${connected} replicas and should have ${wanted}; until they are back a failure loses data`,
    },
    {
      finding: 'min-replicas',
      ok: topology !== 'sentinel' || info.get('min_slaves_good_slaves') !== undefined,
      message:
        'a primary that is cut off from its replicas goes on taking writes, which are lost when it comes back; set `min-replicas-to-write 1` and `min-replicas-max-lag 5`',
    },
    {
      finding: 'backlog',
      ok: topology === 'standalone' || infoNumber(info, 'repl_backlog_size') >= SMALL_BACKLOG_BYTES,
      message:
        'redis keeps little for replicas that were away, so that a short break makes them copy everything; set `repl-backlog-size 256mb`',
    },
  ]
}
