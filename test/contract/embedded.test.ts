import { openEmbeddedStore } from '../../src/store/embedded/index.ts'
import type { Store } from '../../src/store/store.ts'
import { makeClock } from '../support/clock.ts'
import { type StoreHarnessOptions, WIDE_LIMITS } from '../support/store-harness.ts'
import { storeContract } from './store.contract.ts'

storeContract('the embedded store', async () => {
  const clock = makeClock()
  let store: Store | undefined
  return {
    /** Replicas of an embedded store are one object: its data lives in it. */
    async open({ limits, ...options }: StoreHarnessOptions = {}) {
      store ??= openEmbeddedStore({ limits: { ...WIDE_LIMITS, ...limits }, now: clock.now, ...options })
      return store
    },
    async advance(ms) {
      clock.advance(ms)
    },
    async close() {
      await store?.close()
    },
  }
})
