import { openEmbeddedStore } from './embedded/index.ts'
import { openRedisStore, type RedisStoreOptions } from './redis/index.ts'
import type { Store, StoreLimits } from './store.ts'

export type StoreChoice =
  | { readonly kind: 'embedded'; readonly limits: StoreLimits }
  | { readonly kind: 'redis'; readonly options: RedisStoreOptions }

/** Opens the store the settings ask for. A Redis that is away is no failure here: the store is not ready until it comes. */
export async function openStore(choice: StoreChoice): Promise<Store> {
  return choice.kind === 'embedded'
    ? openEmbeddedStore({ limits: choice.limits })
    : openRedisStore(choice.options)
}
