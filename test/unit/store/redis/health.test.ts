import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Health } from '../../../../src/store/redis/health.ts'
import { keyspace } from '../../../../src/store/redis/keys.ts'
import type { RedisStoreOptions } from '../../../../src/store/redis/options.ts'
import type { Primary } from '../../../../src/store/redis/primary.ts'
import type { Topology } from '../../../../src/store/redis/topology.ts'
import type { Event } from '../../../../src/telemetry/events.ts'

const MINUTE_MS = 60_000

/** What one server says of itself, and whether it answers. */
interface Server {
  readonly endpoint: string
  runId: string
  evicted: number
  isAway: boolean
}

describe('looking at the servers', () => {
  const events: Event[] = []
  const reread: string[] = []
  let servers: Server[]
  let health: Health

  beforeEach(() => {
    vi.useFakeTimers()
    events.length = 0
    reread.length = 0
  })
  afterEach(() => vi.useRealTimers())

  async function look(minutes = 1): Promise<void> {
    await vi.advanceTimersByTimeAsync(minutes * MINUTE_MS)
  }

  function watch(...names: string[]): Server[] {
    servers = names.map((endpoint) => ({ endpoint, runId: endpoint, evicted: 0, isAway: false }))
    const primaries = servers.map((server) => ({
      endpoint: server.endpoint,
      whyNot: () => undefined,
      read: {
        async info() {
          if (server.isAway) throw new Error('Command timed out')
          return `run_id:${server.runId}\r\nevicted_keys:${server.evicted}\r\n`
        },
      },
    }))
    health = new Health({
      topology: {
        kind: 'standalone',
        endpoint: 'all',
        primaries: () => primaries as unknown as Primary[],
        placesOf: () => [],
        whyNot: () => undefined,
        whyAway: () => new Error('none of its business'),
        usable: () => {
          throw new Error('none of its business')
        },
      } as unknown as Topology,
      keys: keyspace('pgr'),
      options: { tell: (event) => events.push(event) } as Partial<RedisStoreOptions> as RedisStoreOptions,
      losses: () => ({ history: 0, lostWrites: 0, resubmittedWrites: 0 }),
      onEviction: ({ endpoint }) => reread.push(endpoint),
    })
    return servers
  }

  const told = () =>
    events.flatMap((event) =>
      event.kind === 'store.finding' && event.finding === 'evicted-keys' ? [[event.ok, event.message]] : [],
    )
  const rows = async () => {
    const { findings } = await health.describe()
    return findings.filter(({ finding }) => finding === 'evicted-keys').map(({ ok, where }) => [where, ok])
  }

  it('tells evicted keys each time, and that they are past when none were for a quarter of an hour', async () => {
    const [server] = watch('one')
    if (server === undefined) throw new Error('there is one')
    server.evicted = 5
    await look()
    expect([told(), await rows()]).toEqual([[], [['one', true]]])
    server.evicted = 7
    await look()
    await look()
    server.evicted = 10
    await look()
    expect(told()).toEqual([
      [false, expect.stringMatching(/evicted 2 keys/)],
      [false, expect.stringMatching(/evicted 3 keys/)],
    ])
    expect(reread).toEqual(['one', 'one'])
    await look(14)
    expect([told().length, await rows()]).toEqual([2, [['one', false]]])
    await look()
    expect([told().at(-1)?.[0], await rows()]).toEqual([true, [['one', true]]])
    expect(told()).toHaveLength(3)
  })

  it('compares counters of one process alone', async () => {
    const [server] = watch('behind sentinels')
    if (server === undefined) throw new Error('there is one')
    await look()
    server.runId = 'the next'
    server.evicted = 1000
    await look()
    expect([told(), reread]).toEqual([[], []])
    server.evicted++
    await look()
    expect([told().length, reread.length]).toEqual([1, 1])
  })

  it('goes on with the others when one does not answer', async () => {
    const [first, second] = watch('one', 'two')
    if (first === undefined || second === undefined) throw new Error('there are two')
    await look()
    first.isAway = true
    second.evicted = 1
    await look()
    expect(reread).toEqual(['two'])
    expect(await rows()).toEqual([
      ['one', true],
      ['two', false],
    ])
  })
})
