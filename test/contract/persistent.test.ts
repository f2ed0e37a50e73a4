import { join } from 'node:path'
import { describe } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { makeClock } from '../support/clock.ts'
import { openPersistent } from '../support/persistent-store.ts'
import { type StoreHarness, type StoreHarnessOptions, WIDE_LIMITS } from '../support/store-harness.ts'
import { groupContract } from './store-groups.contract.ts'
import { modelContract } from './store-model.contract.ts'
import { setContract } from './store-sets.contract.ts'

/** Whenever time passes, the store is closed and another begins with what it left. */
async function openRestarting(): Promise<StoreHarness> {
  const folder = makeFolder('persistent')
  const clock = makeClock()
  let inner: Store | undefined
  let reopen = async () => {}
  return {
    async open({ limits, ...options }: StoreHarnessOptions = {}) {
      const settings = {
        file: join(folder, 'state'),
        limits: { ...WIDE_LIMITS, ...limits },
        now: clock.now,
        ...options,
      }
      inner ??= await openPersistent(settings)
      reopen = async () => {
        await inner?.close()
        inner = await openPersistent(settings)
      }
      // A store that is not yet there when it is asked for is still the one that is asked.
      return new Proxy({} as Store, { get: (_, name: keyof Store) => inner?.[name] })
    },
    async advance(ms) {
      clock.advance(ms)
      await reopen()
    },
    async close() {
      await inner?.close()
      removeFolder(folder)
    },
  }
}

describe('the embedded store keeps the store contract over restarts', () => {
  describe('groups', () => groupContract(openRestarting))
  describe('sets', () => setContract(openRestarting))
  describe('random histories', () => modelContract(openRestarting))
})
