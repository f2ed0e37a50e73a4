import type { Tell } from '../../telemetry/events.ts'
import type { StoreLimits } from '../store.ts'

export interface RedisStoreOptions {
  /** `redis://`, `rediss://`, `host:port`, `:port`. */
  readonly endpoint: string
  /** Over what the endpoint says; the same for the next two. */
  readonly username?: string
  readonly password?: string
  readonly db?: number
  /** Also switches TLS on where the endpoint does not. */
  readonly tls?: RedisTls
  /** First part of every key; `pgr` unless several gateways that share nothing share one Redis. */
  readonly prefix: string
  /** After which a command without a reply counts as failed. */
  readonly timeoutMs: number
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

/** PEM texts, not paths. */
export interface RedisTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Accepts any certificate. */
  readonly skipVerify?: boolean
}

export const OPERATION_RETENTION_MS = 120_000
export const TOMBSTONE_GRACE_MS = 600_000
