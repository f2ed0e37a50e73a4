import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { openStore } from './open-store.ts'

const job = fc.constantFrom('a', 'b', 'c', 'd')
const extra = fc.constantFrom({}, { instance: 'i' }, { k: 'v' })
const body = fc.constantFrom(
  'x 1\n',
  'x{k="v"} 2\ny 1\n',
  '# TYPE x counter\nx 3\n',
  '# TYPE z histogram\nz_bucket{le="+Inf"} 1\nz_sum 1\nz_count 1\n',
  'm{job="a"} 1\nm{job="b",instance="i"} 2\nn{job="a",l="1"} 3\n',
  '# TYPE s summary\ns{job="a",quantile="0.5"} 1\ns_sum{job="a"} 2\ns_count{job="a"} 3\n',
  '',
)
const step = fc.record({
  kind: fc.constantFrom('put', 'post', 'remove', 'ingest', 'ingest', 'ingest', 'wipe'),
  job,
  extra,
  body,
  serial: fc.nat(300),
  replica: fc.nat(1),
  together: fc.boolean(),
})

describe('two replicas over one Redis', () => {
  let server: RedisServer
  const stores: Store[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await server?.stop()
  })

  it('show the same page after every step, whoever wrote and whatever was in flight', async () => {
    let largest = 0
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const prefix = `same${runs++}`
        const opened = await Promise.all([openStore(server, { prefix }), openStore(server, { prefix })])
        const both = opened.map(({ store }) => openTestGateway(store)) as [TestGateway, TestGateway]
        for (const { kind, replica, together, serial, ...each } of steps) {
          const gateway = both[replica] as TestGateway
          const group = { job: each.job, ...each.extra }
          const act = async () => {
            if (kind === 'put' || kind === 'post') await gateway.push(kind, group, each.body)
            if (kind === 'ingest')
              await gateway.ingest(`${each.body}many{job="${each.job}",serial="${serial}"} 1\n`)
            if (kind === 'remove') await gateway.remove(group)
            if (kind === 'wipe' && serial < 60)
              await gateway.gateway.wipe({ deadlineMs: performance.now() + 2000 })
          }
          // A push may be refused for what it clashes with; both replicas must agree all the same.
          const acted = act().catch((reason: { code?: string }) => expect(reason.code).toMatch(/^PGR_PUSH_/))
          if (together)
            await Promise.all([
              acted,
              both[0].text(),
              both[1].text(),
              both[1 - replica]?.ingest(`other{serial="${serial}"} 1\n`),
            ])
          await acted
          const [one, other] = await Promise.all([both[0].text(), both[1].text()])
          largest = Math.max(largest, one.length)
          expect(other).toBe(one)
        }
        const resets = [...both.flatMap(({ events }) => events)].filter(({ kind }) => kind === 'view.reset')
        expect(resets).toEqual([])
        await Promise.all(opened.map(({ store }) => store.close()))
      }),
      { numRuns: 25 },
    )
    expect(largest).toBeGreaterThan(1500)
  })
})
