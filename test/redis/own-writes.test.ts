import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ChaosProxy, startChaosProxy } from '../support/chaos-proxy.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { openTestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { jobIn } from '../support/store-writes.ts'
import { type Opened, openStore } from './open-store.ts'

/** A primary and a replica that may be cut off from it; gateways see whoever is in front. */
let primary: RedisServer
let replica: RedisServer
let link: ChaosProxy
let front: ChaosProxy
const opened: Opened[] = []

beforeEach(async () => {
  primary = await startRedis()
  replica = await startRedis()
  link = await startChaosProxy({ port: primary.port })
  front = await startChaosProxy({ port: primary.port })
  await replica.command('REPLICAOF', '127.0.0.1', String(link.port))
  await eventually(
    'a replica in step',
    () => replica.ask('INFO', 'replication').then(String),
    (info) => info.includes('master_link_status:up'),
  )
})
afterEach(async () => {
  for (const { store } of opened.splice(0)) await store.close()
  await Promise.all([link.close(), front.close()])
  await Promise.all([primary.stop(), replica.stop()])
})

async function openGateway(windowMs: number) {
  const resubmit = { windowMs, maxBytes: 1e6, after: 'never' as const }
  const each = await openStore({ url: `127.0.0.1:${front.port}` }, { resubmit })
  opened.push(each)
  return { store: each.store, ...openTestGateway(each.store) }
}

/** The replica takes over without what it was not told. */
async function failOver(): Promise<void> {
  await replica.command('REPLICAOF', 'NO', 'ONE')
  const listenPort = front.port
  await front.close()
  front = await startChaosProxy({ port: replica.port, listenPort })
}

it.each([
  ['remembered', 30_000],
  ['not remembered', 0],
])('own writes that a failover lost, %s, do not hide what others wrote since', async (_what, windowMs) => {
  const [first, second] = [await openGateway(windowMs), await openGateway(windowMs)]
  const [a, b] = ['a', 'b'].map((salt) => {
    const [label] = jobIn(7, first.store.partitions, 'group', salt)
    return { job: label?.value ?? '' }
  }) as [{ job: string }, { job: string }]
  await first.push('put', a, 'x 0\n')
  expect((await first.page()).join()).toContain('x{')
  expect(await primary.command('WAIT', '1', '5000')).toBe(':1')

  link.stall()
  // What it has not read yet keeps the first one from counting its own writes as the next to read.
  await second.push('put', b, 'y 1\n')
  for (let n = 1; n <= 6; n++) await first.push('put', a, `x ${n}\n`)
  await failOver()
  await eventuallyHolds(() => second.store.ready())
  await second.push('put', a, 'x 100\n')

  await eventuallyHolds(() => first.store.ready())
  const shown = (await first.page())
    .filter((line) => /^[xy]{/.test(line))
    .map((line) => line.split(' ').at(-1))
  expect(shown).toEqual(['100'])
})
