import { openEmbeddedStore, openPersistentStore, type PersistenceOptions } from './embedded/index.ts'
import { openRedisStore, type RedisStoreOptions } from './redis/index.ts'
import type { Store, StoreLimits } from './store.ts'

export type StoreChoice =
  | {
      readonly kind: 'embedded'
      readonly limits: StoreLimits
      /** Absent: what is stored goes with the process. */
      readonly persistence?: PersistenceOptions
    }
  | { readonly kind: 'redis'; readonly options: RedisStoreOptions }

/** Opens the store the settings ask for. A Redis that is away is no failure here: the store is not ready until it comes. */
export async function openStore(choice: StoreChoice): Promise<Store> {
  if (choice.kind === 'redis') return openRedisStore(choice.options)
  const { limits, persistence } = choice
  return persistence === undefined
    ? openEmbeddedStore({ limits })
    : openPersistentStore({ limits, persistence })
}
