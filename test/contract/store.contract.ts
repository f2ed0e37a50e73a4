import { describe } from 'vitest'
import type { OpenHarness } from '../support/store-harness.ts'
import { changesContract } from './store-changes.contract.ts'
import { groupContract } from './store-groups.contract.ts'
import { modelContract } from './store-model.contract.ts'
import { setContract } from './store-sets.contract.ts'
import { writeContract } from './store-writes.contract.ts'

/** What every store must do. A new store is done when this passes, not before. */
export function storeContract(name: string, open: OpenHarness): void {
  describe(`${name} keeps the store contract`, () => {
    describe('groups', () => groupContract(open))
    describe('sets', () => setContract(open))
    describe('writes of every kind', () => writeContract(open))
    describe('changes', () => changesContract(open))
    describe('random histories', () => modelContract(open))
  })
}
