import { beforeEach, describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { openTestGateway, type TestGateway } from '../../support/open-gateway.ts'
import { jobsIn, openTwoPartStore, type TwoPartStore } from '../../support/two-part-store.ts'

const [near = '', otherNear = ''] = jobsIn(0)
const [far = ''] = jobsIn(1)

let store: TwoPartStore
let one: TestGateway

beforeEach(() => {
  store = openTwoPartStore(() => 1_700_000_000_000)
  one = openTestGateway(store)
})

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'fine'
  } catch (reason) {
    return PgrError.from(reason, 'PGR_INTERNAL').code
  }
}

describe('while a part of the store is away', () => {
  beforeEach(async () => {
    await one.push('put', { job: near }, 'x 1\n')
    await one.push('put', { job: far }, 'x 1\n')
    await one.page()
    store.away.add(1)
  })

  it('a scrape fails, and the replica stays ready: no other could do more', async () => {
    expect(await codeOf(one.page())).toBe('PGR_STORE_DEGRADED')
    expect(await codeOf(one.gateway.ready())).toBe('fine')
    expect(one.gateway.levels().ready).toBe(true)
    store.away.add(0)
    expect(await codeOf(one.page())).toBe('PGR_STORE_UNAVAILABLE')
    expect(await codeOf(one.gateway.ready())).toBe('PGR_STORE_UNAVAILABLE')
    expect(one.gateway.levels().ready).toBe(false)
  })

  it('pushes to the rest are taken', async () => {
    expect(await codeOf(one.push('put', { job: near }, 'x 2\n'))).toBe('fine')
    expect(await codeOf(one.push('put', { job: far }, 'x 2\n'))).toBe('PGR_STORE_UNAVAILABLE')
    store.away.clear()
    expect(await one.page()).toEqual(
      ['# TYPE x untyped', ...[`${near}"} 2`, `${far}"} 1`].map((end) => `x{instance="",job="${end}`)].sort(),
    )
  })

  it('a push that clashes may come again: nobody can tell whether it still does', async () => {
    const clashing = '# TYPE x gauge\nx 1\n'
    expect(await codeOf(one.push('put', { job: near }, clashing))).toBe('PGR_STORE_DEGRADED')
    store.away.clear()
    expect(await codeOf(one.push('put', { job: near }, clashing))).toBe('PGR_PUSH_INCONSISTENT')
  })

  it('a push that clashes no more is taken, going by what the rest tells', async () => {
    const other = openTestGateway(store)
    await one.push('put', { job: otherNear }, '# TYPE y counter\ny 1\n')
    await other.remove({ job: otherNear })
    expect(await codeOf(one.push('put', { job: near }, '# TYPE y gauge\ny 1\n'))).toBe('fine')
  })

  it('a replica that starts is not ready, but takes pushes to the rest', async () => {
    const fresh = openTestGateway(store)
    expect(await codeOf(fresh.gateway.ready())).toBe('PGR_STOPPING')
    expect(await codeOf(fresh.push('put', { job: near }, 'x 2\n'))).toBe('fine')
    const jobs = Array.from({ length: 16 }, (_, n) => `z{job="${n}",instance="i"} 1\n`)
    const ingested = await Promise.all(jobs.map((body) => codeOf(fresh.ingest(body))))
    expect(new Set(ingested)).toEqual(new Set(['fine', 'PGR_STORE_UNAVAILABLE']))
    expect(await codeOf(fresh.gateway.ready())).toBe('PGR_STORE_DEGRADED')
    expect(await codeOf(fresh.page())).toBe('PGR_STORE_DEGRADED')
    store.away.clear()
    expect(await fresh.page()).toContain(`x{instance="",job="${near}"} 2`)
    expect(await codeOf(fresh.gateway.ready())).toBe('fine')
  })
})
