import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RedisStoreOptions } from '../../src/store/redis/options.ts'
import type { Store } from '../../src/store/store.ts'
import { startChaosProxy } from '../support/chaos-proxy.ts'
import { eventually, eventuallyHolds, type Patience } from '../support/eventually.ts'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { StoreView } from '../support/store-view.ts'
import {
  family,
  jobOf,
  mergeOf,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

/** Sentinels that did not agree on who leads vote again after twice the failover timeout. */
const VOTED: Patience = { deadlineMs: 30_000 }

let rig: SentinelRig
const stores: Store[] = []

beforeAll(async () => {
  rig = await startSentinelRig({ proxied: true, replicas: 1 })
})
afterAll(() => rig.stop())
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  for (const node of rig.nodes) await rig.proxyOf(node).heal()
  for (const sentinel of rig.sentinels) sentinel.thaw()
})

async function open(over: Partial<RedisStoreOptions> = {}): Promise<Opened> {
  // Beside every node: what cuts nodes off from each other cuts nobody off from here.
  const natMap = new Map(rig.nodes.map((node) => [rig.addressOf(node), `127.0.0.1:${node.port}`]))
  const endpoints = rig.endpoint.split(',')
  const opened = await openStore({ url: '' }, { endpoints, masterName: rig.masterName, natMap, ...over })
  stores.push(opened.store)
  return opened
}

const push = (store: Store, job: string, text: string, over = {}) =>
  store.writeGroup(putOf(jobOf(job), [family('a', text)], over))

describe('a failover', () => {
  it('that lost acknowledged writes is told and counted, and what was lost is written again where that is asked for', async () => {
    const [never, mending] = [
      await open({ resubmit: { windowMs: 30_000, maxBytes: 1e7, after: 'never' } }),
      await open(),
    ]
    const view = new StoreView(never.store)
    const other = new StoreView(mending.store)
    await push(never.store, 'kept', 'old')
    await push(mending.store, 'mended', 'old')
    await push(mending.store, 'removed', 'old')
    await view.read()
    await other.read()
    await rig.settled()
    // What may have been started since a gateway last heard of the primary is not told from a restarted one.
    await eventually('all run for a while', async () => {
      const infos = await Promise.all(rig.nodes.map((node) => node.ask('INFO', 'server')))
      return infos.every((info) => Number(/uptime_in_seconds:(\d+)/.exec(String(info))?.[1]) >= 6)
    })
    const primary = await rig.primary()
    rig.proxyOf(primary).cut('both')

    const lost = 7
    for (let n = 0; n < lost; n++) await push(never.store, `lost-${n}`, 'new')
    const { change } = await push(mending.store, 'mended', 'new')
    await mending.store.writeGroup(postOf(jobOf('mended'), [family('b', 'new')]))
    await mending.store.writeSet(
      mergeOf(jobOf('mended'), [setFamily('up', [sample('x', 1), sample('y', 2)])]),
    )
    await mending.store.remove(removalOf(jobOf('removed')))
    await other.read()
    await view.read()
    expect(view.texts(jobOf('lost-0'))).toEqual([['a', 'new']])

    await eventually('another is primary', async () => (await rig.primary()) !== primary, Boolean, VOTED)
    const told = ({ events }: Opened, kind: string) => events.filter((event) => event.kind === kind)
    for (const opened of [never, mending])
      await eventuallyHolds(() => expect(told(opened, 'store.mend')).toHaveLength(1))
    expect(told(never, 'store.mend')).toMatchObject([{ missing: lost, resubmitted: 0, lost }])
    expect(told(mending, 'store.mend')).toMatchObject([{ missing: 4, resubmitted: 4, lost: 0 }])
    for (const opened of [never, mending])
      expect(told(opened, 'store.history')).toMatchObject([{ cause: 'failover' }])
    await eventuallyHolds(() => never.store.ready())
    expect((await never.store.describe()).losses).toMatchObject({
      history: 1,
      cause: 'failover',
      lostWrites: lost,
      resubmittedWrites: 0,
    })

    // Both see the same: the one started over where it has to, the other did not write what is not its own.
    await eventuallyHolds(() => mending.store.ready())
    const { resets } = await view.read()
    expect(new Set(resets)).toEqual(new Set(['history']))
    await other.read()
    expect(view.show()).toEqual(other.show())
    expect(view.texts(jobOf('kept'))).toEqual([['a', 'old']])
    for (let n = 0; n < lost; n++) expect(view.texts(jobOf(`lost-${n}`))).toBeUndefined()
    expect(view.texts(jobOf('mended'))).toEqual([
      ['a', 'new'],
      ['b', 'new'],
    ])
    expect(view.values(jobOf('mended'), 'up')).toEqual([
      ['x', 1],
      ['y', 2],
    ])
    expect(view.texts(jobOf('removed'))).toBeUndefined()
    const pushedMs = change?.kind === 'group' ? change.pushedMs : undefined
    expect(view.group(jobOf('mended'))?.families.get('a')?.pushedMs).toBe(pushedMs)

    await rig.proxyOf(primary).heal()
    await rig.settled({ hurry: true })
    await push(never.store, 'kept', 'new')
    await view.read()
    expect(view.texts(jobOf('kept'))).toEqual([['a', 'new']])
    for (const opened of [never, mending]) expect(told(opened, 'store.history')).toHaveLength(1)
  }, 60_000)

  it('on order loses nothing that its replica has, and says nothing', async () => {
    const { store, events } = await open({ waitReplicas: 1, waitTimeoutMs: 2000 })
    const view = new StoreView(store)
    for (let n = 0; n < 20; n++) await push(store, `job-${n}`, 'x')
    await view.read()
    await rig.failover()
    await rig.settled({ hurry: true })
    await eventuallyHolds(() => push(store, 'job-0', 'y').then(() => undefined))
    await view.read()
    for (let n = 0; n < 20; n++) expect(view.texts(jobOf(`job-${n}`))).toEqual([['a', n === 0 ? 'y' : 'x']])
    expect(events.map(({ kind }) => kind)).not.toContain('store.history')
    for (const event of events) if (event.kind === 'store.mend') expect(event).toMatchObject({ missing: 0 })
  })
})

// After the others: Sentinels that were frozen order no failover for half a minute.
describe('a primary that sentinels have to confirm', () => {
  it('takes nothing more when they fell silent, and goes on when they speak again', async () => {
    const [strict, trusting] = [await open({ sentinel: { strict: true } }), await open()]
    await push(strict.store, 'strict', 'before')
    for (const sentinel of rig.sentinels) sentinel.freeze()
    const startMs = performance.now()
    await push(strict.store, 'strict', 'a moment longer')
    await eventuallyHolds(async () => {
      const error = await strict.store.ready().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
      expect(String(error)).toMatch(/0 of 3 Sentinels confirmed .* 3 s/)
    })
    expect(performance.now() - startMs).toBeGreaterThan(2400)
    expect(performance.now() - startMs).toBeLessThan(9000)
    expect(await refusal(push(strict.store, 'strict', 'too late'))).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(push(trusting.store, 'trusting', 'still'))).toBe('accepted')

    for (const sentinel of rig.sentinels) sentinel.thaw()
    await eventuallyHolds(() => push(strict.store, 'strict', 'after').then(() => undefined))
    const view = new StoreView(strict.store)
    await view.read()
    expect(view.texts(jobOf('strict'))).toEqual([['a', 'after']])
    expect(view.texts(jobOf('trusting'))).toEqual([['a', 'still']])
    expect(strict.events.map(({ kind }) => kind)).not.toContain('store.history')
    await rig.settled({ hurry: true })
  })

  it('is left alone as long as most of them confirm it', async () => {
    const { store } = await open({ sentinel: { strict: true } })
    const [first] = rig.sentinels
    first?.freeze()
    const quietMs = performance.now() + 3500
    await eventually(
      'it was used for longer than silence is borne',
      async () => {
        await push(store, 'strict', 'two of three')
        return performance.now() > quietMs
      },
      Boolean,
      { intervalMs: 200 },
    )
    first?.thaw()
  })

  it('asks them over new connections when the old ones lead nowhere any more', async () => {
    const ways = await Promise.all(rig.sentinels.map(({ port }) => startChaosProxy({ port })))
    const endpoints = ways.map(({ port }) => `127.0.0.1:${port}`)
    const { store } = await open({ endpoints, sentinel: { strict: true } })
    await push(store, 'strict', 'before')
    await eventually('all are asked again and again', async () => {
      const clients = await Promise.all(rig.sentinels.map((sentinel) => sentinel.ask('CLIENT', 'LIST')))
      return clients.every((list) => /age=[1-9].* cmd=sentinel\|get-master-addr-by-name/.test(String(list)))
    })
    const [, ...vanishing] = ways
    for (const way of vanishing) way.strand()
    // What they said before must not count any more.
    await sleep(4000)
    await eventuallyHolds(() => push(store, 'strict', 'after').then(() => undefined))
    await Promise.all(ways.map((way) => way.close()))
  })

  it('takes nothing more while one of them names another', async () => {
    const primary = await rig.primary()
    const named = { address: rig.addressOf(primary) }
    const liar = await startSentinelThatSays(() => named.address)
    const endpoints = [...rig.endpoint.split(','), `127.0.0.1:${liar.port}`]
    const [strict, trusting] = [
      await open({ endpoints, sentinel: { strict: true } }),
      await open({ endpoints }),
    ]
    await push(strict.store, 'strict', 'x')

    const [replica = primary] = await rig.replicas()
    named.address = rig.addressOf(replica)
    await eventuallyHolds(async () => {
      const error = await push(strict.store, 'strict', 'y').catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    })
    const startMs = performance.now()
    for (let n = 0; n < 10; n++) {
      expect(await refusal(push(strict.store, 'strict', 'y', soon()))).toBe('PGR_STORE_UNAVAILABLE')
      expect(await refusal(push(trusting.store, 'trusting', 'x'))).toBe('accepted')
      await sleep(100)
    }
    expect(performance.now() - startMs).toBeGreaterThan(1000)
    named.address = rig.addressOf(primary)
    await eventuallyHolds(() => push(strict.store, 'strict', 'z').then(() => undefined))
    await liar.stop()
  })
})

const soon = () => ({ deadlineMs: performance.now() + 300 })

/** Answers as a Sentinel does, with the address that it is told to name. */
async function startSentinelThatSays(address: () => string) {
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
  const answer = (request: string): string => {
    const [host = '', port = ''] = address().split(':')
    if (/get-master-addr-by-name/i.test(request)) return `*2\r\n${bulk(host)}${bulk(port)}`
    if (/subscribe/i.test(request)) return `*3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`
    return '*0\r\n'
  }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      for (const request of bytes.toString().split(/(?=\*\d+\r\n)/)) socket.write(answer(request))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
