import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeStored } from '../../src/formats/stored/index.ts'
import type { Store } from '../../src/store/store.ts'
import { labelsOf, openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { putOf } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

/** More of them, 100,000 say, take longer than everybody wants to wait every time. */
const MOST_GROUPS = Number(process.env['PGR_PUSH_COST_GROUPS'] ?? 20_000)
const SIZES = [100, MOST_GROUPS / 10, MOST_GROUPS]
const PUSHES = 400
const CONCURRENT_WRITES = 500

interface Cost {
  /** Of Redis, also those that scripts call, by name. */
  readonly commands: Readonly<Record<string, number>>
  /** In and out. */
  readonly bytes: number
}

describe('a push through the gateway, checked against everything stored', () => {
  let server: RedisServer
  let redis: Redis
  let store: Store
  let gateway: TestGateway

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1')
    store = (await openStore(server, { timeoutMs: 10_000 })).store
    // Does not poll by itself. Reads all of them, on a machine that runs other tests, too.
    gateway = openTestGateway(store, { patienceMs: 60_000 })
  })
  afterAll(async () => {
    await gateway?.gateway.stop()
    await store?.close()
    redis?.disconnect()
    await server?.stop()
  })

  const bodyOf = (n: number) =>
    `# TYPE a gauge\na{x="1"} ${n % 10}\na{x="2"} ${n % 10}\n# TYPE b_total counter\nb_total ${n % 10}\n`

  /**
   * Groups up to this many, written over and over until all were written as often as the most will be: versions are
   * told in decimal, and that a longer history has longer numbers is not a matter of what is stored.
   */
  async function fillTo(groups: number): Promise<void> {
    const blob = writeStored({
      name: 'a',
      type: 'gauge',
      help: '',
      unit: '',
      metrics: [{ labels: [], value: 1 }],
    })
    const most = Math.max(...SIZES)
    for (let written = 0; written < most; written += CONCURRENT_WRITES) {
      const writes = Array.from({ length: CONCURRENT_WRITES }, (_, n) => {
        const labels = labelsOf({ job: 'fill', instance: `i${(written + n) % groups}` })
        return store.writeGroup(putOf(labels, [{ name: 'a', type: 'gauge', series: 1, blob }]))
      })
      await Promise.all(writes)
    }
    // The view has everything, so that the check has everything to look at.
    expect((await gateway.page()).filter((line) => line.includes('job="fill"'))).toHaveLength(groups)
  }

  it(`asks as much of Redis with ${SIZES.join(' as with ')} groups stored`, {
    timeout: 300_000,
  }, async () => {
    const costs: Record<'new' | 'replaced' | 'added', Cost>[] = []
    for (const [round, groups] of SIZES.entries()) {
      await fillTo(groups)
      const push = (mode: 'put' | 'post', n: number) =>
        gateway.push(mode, { job: `probe-${round}`, instance: `i${1000 + n}` }, bodyOf(n))
      costs.push({
        new: await costOf((n) => push('put', n)),
        replaced: await costOf((n) => push('put', n)),
        added: await costOf((n) => push('post', n)),
      })
    }
    const [small, ...larger] = costs
    expect(small?.new.commands).toMatchObject({ evalsha: 1 })
    for (const large of larger) {
      for (const kind of ['new', 'replaced', 'added'] as const) {
        const few = small?.[kind] ?? { commands: {}, bytes: Number.NaN }
        expect([kind, large[kind].commands]).toEqual([kind, few.commands])
        expect(few.bytes).toBeGreaterThan(100)
        expect(Math.abs(large[kind].bytes / few.bytes - 1)).toBeLessThan(0.01)
      }
    }
  })

  /** Of one push, as a mean over many; without what the counting costs. */
  async function costOf(push: (n: number) => Promise<unknown>): Promise<Cost> {
    const before = await counters()
    const idle = await counters()
    for (let n = 0; n < PUSHES; n++) await push(n)
    const after = await counters()
    const commands: Record<string, number> = {}
    for (const [name, calls] of after.calls) {
      const mean = (calls - (idle.calls.get(name) ?? 0)) / PUSHES
      // The counting, and what is done every few seconds whatever is pushed.
      if (name !== 'info' && mean >= 0.1) commands[name] = Math.round(mean * 100) / 100
    }
    const counting = idle.bytes - before.bytes
    return { commands, bytes: (after.bytes - idle.bytes - counting) / PUSHES }
  }

  async function counters() {
    const calls = new Map<string, number>()
    for (const [, name = '', count] of (await redis.info('commandstats')).matchAll(
      /^cmdstat_([^:]+):calls=(\d+)/gm,
    )) {
      calls.set(name, Number(count))
    }
    const stats = await redis.info('stats')
    const total = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)?.[1])
    return { calls, bytes: total('total_net_input_bytes') + total('total_net_output_bytes') }
  }
})
