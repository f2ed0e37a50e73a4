import type { Tell } from '../../telemetry/events.ts'
import type { StoreLimits } from '../store.ts'

export interface RedisStoreOptions {
  /**
   * Each `redis://`, `rediss://`, `host:port` or `:port`. With a master name these are Sentinels; several without one are
   * nodes of a Cluster; a single one is asked whether it is a node of a cluster.
   */
  readonly endpoints: readonly string[]
  /** Name of the primary as the Sentinels know it. */
  readonly masterName?: string
  readonly sentinel?: SentinelOptions
  /** Addresses as Sentinels and cluster nodes tell them (`host:port`) and how to reach them from here. */
  readonly natMap?: ReadonlyMap<string, string>
  /** Over what the endpoint says; the same for the next two. Behind Sentinels: for the servers they name. */
  readonly username?: string
  readonly password?: string
  readonly db?: number
  /** Also switches TLS on where the endpoint does not. */
  readonly tls?: RedisTls
  /** First part of every key; `pgr` unless several gateways that share nothing share one Redis. */
  readonly prefix: string
  /** After which a command without a reply counts as failed. */
  readonly timeoutMs: number
  /** A write is acknowledged only when this many replicas have it; default 0. */
  readonly waitReplicas?: number
  /** How long they may take; default half a second. */
  readonly waitTimeoutMs?: number
  readonly resubmit?: ResubmitOptions
  readonly limits: StoreLimits
  /** How long operation ids are remembered; default and minimum two minutes. */
  readonly operationRetentionMs?: number
  /** How long a removed unit stays in the change log; default ten minutes. */
  readonly tombstoneGraceMs?: number
  /** Starts under an `allkeys-*` eviction policy, which may throw away a partition at any time. */
  readonly forceEvictionPolicy?: boolean
  /** What the list of replicas shows of this one. */
  readonly address?: string
  readonly version?: string
  readonly tell: Tell
}

export interface SentinelOptions {
  /** Over what the endpoints say. */
  readonly username?: string
  readonly password?: string
  /** Takes no write unless a majority of the Sentinels confirmed the primary in the last three seconds. */
  readonly strict?: boolean
}

/** What becomes of acknowledged writes that a failover lost. */
export interface ResubmitOptions {
  /** How long acknowledged writes are remembered; 0 = not at all, and then lost ones cannot be counted either. */
  readonly windowMs: number
  /** Most memory for them; the oldest are forgotten first. */
  readonly maxBytes: number
  /**
   * After what they are sent again: never (they are only counted), when a replica was promoted, also when a server
   * restarted with older data, also when it came back empty.
   */
  readonly after: 'never' | 'failover' | 'restart' | 'empty'
}

/** PEM texts, not paths. Asked for anew by every connection, so that getters may give others later. */
export interface RedisTls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Accepts any certificate. */
  readonly skipVerify?: boolean
}

export const OPERATION_RETENTION_MS = 120_000
export const TOMBSTONE_GRACE_MS = 600_000
export const WAIT_TIMEOUT_MS = 500
export const RESUBMIT: ResubmitOptions = { windowMs: 30_000, maxBytes: 64 * 2 ** 20, after: 'failover' }
