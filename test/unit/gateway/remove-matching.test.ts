import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { parseSelector } from '../../../src/model/selector.ts'
import type { Store } from '../../../src/store/store.ts'
import { embeddedStore, openTestGateway, type TestGateway } from '../../support/open-gateway.ts'

let store: Store
let one: TestGateway
beforeEach(async () => {
  store = embeddedStore(() => Date.UTC(2026, 0, 1))
  one = openTestGateway(store)
  await one.push('put', { job: 'backup', instance: 'db1' }, 'a 1\nb 2\n')
  await one.push('put', { job: 'backup', instance: 'db2' }, 'a 1\n')
  await one.push('put', { job: 'import' }, 'a 1\n')
  await one.ingest('c{job="backup",instance="db3"} 1\nc{job="other"} 2\n')
})
afterEach(async () => {
  await one.gateway.stop()
  await store.close()
})

const remove = (gateway: TestGateway, dryRun: boolean, ...selectors: string[]) =>
  gateway.gateway.removeMatching({
    selects: selectors.map(parseSelector),
    dryRun,
    deadlineMs: performance.now() + 5000,
  })
const samples = async (gateway: TestGateway) => (await gateway.page()).filter((line) => !line.startsWith('#'))

describe('what a selector selects', () => {
  it('is counted, and left, in a dry run', async () => {
    expect(await remove(one, true, '{job="backup"}')).toEqual({ groups: 2, sets: 1, series: 4 })
    expect(await samples(one)).toHaveLength(6)
  })

  it('is removed, groups and series sets, for every replica', async () => {
    const other = openTestGateway(store)
    expect(await samples(other)).toHaveLength(6)
    expect(await remove(one, false, '{job="backup"}')).toEqual({ groups: 2, sets: 1, series: 4 })
    const left = ['a{instance="",job="import"} 1', 'c{instance="",job="other"} 2']
    expect(await samples(one)).toEqual(left)
    expect(await samples(other)).toEqual(left)
    await other.gateway.stop()
  })

  it('is what another replica pushed a moment ago, too', async () => {
    const other = openTestGateway(store)
    await other.push('put', { job: 'backup', instance: 'db9' }, 'a 1\n')
    expect(await remove(one, false, '{instance="db9"}')).toEqual({ groups: 1, sets: 0, series: 1 })
    await other.gateway.stop()
  })

  it('is selected once by several selectors, and may be nothing', async () => {
    expect(await remove(one, true, '{instance="db1"}', '{job="backup",instance=~"db[12]"}')).toMatchObject({
      groups: 2,
    })
    expect(await remove(one, false, '{job="nobody"}')).toEqual({ groups: 0, sets: 0, series: 0 })
  })

  it('says how far it came when the store goes away, and goes on when asked again', async () => {
    let removed = 0
    const failing: Store = {
      ...withMethods(store),
      remove: async (write) => {
        if (removed++ > 0) throw new PgrError('PGR_STORE_UNAVAILABLE', 'gone', { retryAfterSeconds: 3 })
        return store.remove(write)
      },
    }
    const shaky = openTestGateway(failing)
    await expect(remove(shaky, false, '{job="backup"}')).rejects.toMatchObject({
      code: 'PGR_STORE_UNAVAILABLE',
      message: expect.stringContaining('1 of 3 were removed, ask again'),
      retryAfterSeconds: 3,
    })
    expect(await remove(one, false, '{job="backup"}')).toMatchObject({ groups: expect.any(Number) })
    expect(await samples(one)).toHaveLength(2)
    await shaky.gateway.stop()
  })
})

/** The methods of a store, bound to it, to put others in their place. */
function withMethods(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
