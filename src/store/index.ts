import { PgrError } from '../errors/pgr-error.ts'
import { openEmbeddedStore } from './embedded/index.ts'
import { openRedisStore, type RedisStoreOptions } from './redis/index.ts'
import type { Store, StoreLimits } from './store.ts'

export type StoreChoice =
  | { readonly kind: 'embedded'; readonly limits: StoreLimits }
  | {
      readonly kind: 'redis'
      readonly endpoints: readonly string[]
      readonly masterName: string
      readonly options: Omit<RedisStoreOptions, 'endpoint'>
    }

/**
 * Opens the store the settings ask for. A master name means Sentinel and several endpoints mean Cluster; this version
 * speaks to a single Redis and refuses both with PGR_SETTING_INVALID. A Redis that is away is not a failure here: the
 * store is not ready until it comes.
 */
export async function openStore(choice: StoreChoice): Promise<Store> {
  if (choice.kind === 'embedded') return openEmbeddedStore({ limits: choice.limits })
  const { endpoints, masterName, options } = choice
  if (masterName !== '')
    throw refused(`--redis.master-name asks for Sentinel (${JSON.stringify(masterName)})`)
  const [endpoint] = endpoints
  if (endpoint === undefined || endpoints.length > 1)
    throw refused(`${endpoints.length} endpoints ask for a Redis Cluster`)
  return openRedisStore({ ...options, endpoint })
}

function refused(what: string): PgrError {
  return new PgrError(
    'PGR_SETTING_INVALID',
    `${what}, which this version does not speak yet; give --redis.endpoint of one Redis server`,
  )
}
