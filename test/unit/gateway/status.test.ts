import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import type { GatewayStatus } from '../../../src/gateway/gateway.ts'
import type { Store } from '../../../src/store/store.ts'
import { embeddedStore, openTestGateway, type TestGateway } from '../../support/open-gateway.ts'
import { openTwoPartStore } from '../../support/two-part-store.ts'

const AWAY = () => Promise.reject(new PgrError('PGR_STORE_UNAVAILABLE', 'connection refused'))
const NEVER = () => new Promise<never>(() => {})

function statusOf({ gateway }: TestGateway, waitMs = 5000): Promise<GatewayStatus> {
  return gateway.status({ deadlineMs: performance.now() + waitMs })
}

/** A loaded gateway whose store then does something else. */
async function openTurned(turned: Partial<Store>): Promise<TestGateway> {
  const store = embeddedStore(() => 1_700_000_000_000)
  const gateway = openTestGateway(store)
  await gateway.page()
  Object.assign(store, turned)
  return gateway
}

describe('the status of a gateway', () => {
  it('that is well is the report of its store and nothing else', async () => {
    const one = await openTurned({})
    await one.push('put', { job: 'a' }, 'x 1\n')
    const { report, ...rest } = await statusOf(one)
    expect(rest).toEqual({
      store: 'embedded',
      ready: true,
      holds: { series: 1, groups: 1, sets: 0, expiringSoon: 0 },
    })
    expect(report?.facts.get('units')).toBe(1)
  })

  it('that was not read yet says so', async () => {
    const status = await statusOf(openTestGateway(embeddedStore(() => 1_700_000_000_000)))
    expect(status).toMatchObject({ ready: false, reason: 'the view is still being read from the store' })
    expect(status.report).toBeDefined()
  })

  it.each<[string, Partial<Store>, Partial<GatewayStatus>, boolean]>([
    ['is away', { ready: AWAY }, { ready: false, reason: 'connection refused' }, true],
    ['cannot describe itself', { describe: AWAY }, { ready: true, reason: 'connection refused' }, false],
    [
      'never answers',
      { ready: NEVER, describe: NEVER },
      { ready: false, reason: 'the store did not tell in time how it is' },
      false,
    ],
    [
      'fails in a way it never should',
      { describe: () => Promise.reject(new TypeError('odd')) },
      { ready: true, reason: 'odd' },
      false,
    ],
  ])('whose store %s tells what it knows', async (_why, turned, expected, hasReport) => {
    const status = await statusOf(await openTurned(turned), 20)
    expect(status).toMatchObject({ store: 'embedded', ...expected })
    expect(status.report !== undefined).toBe(hasReport)
  })

  it('is ready and says why not quite when a part of the store is away', async () => {
    const store = openTwoPartStore(() => 1_700_000_000_000)
    const one = openTestGateway(store)
    await one.page()
    store.away.add(1)
    await expect(one.page()).rejects.toMatchObject({ code: 'PGR_STORE_DEGRADED' })
    expect(await statusOf(one)).toMatchObject({ ready: true, reason: 'a part does not answer' })
  })
})
