import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Certificates, makeCertificates } from './certificates.ts'
import { makeFolder, removeFolder } from './child.ts'
import { type ClusterRig, type ClusterRigOptions, startClusterRig } from './cluster-rig.ts'
import { type ClusterNode, SLOTS } from './cluster-view.ts'
import { eventually } from './eventually.ts'
import { describeWith } from './peers.ts'
import type { Reply, RespConnection } from './resp.ts'

const started: ClusterRig[] = []

async function start(options?: ClusterRigOptions): Promise<ClusterRig> {
  const rig = await startClusterRig(options)
  started.push(rig)
  return rig
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((rig) => rig.stop()))
})

function first<T>(items: readonly T[]): T {
  const [item] = items
  if (item === undefined) throw new Error('at least one was expected')
  return item
}

const slotOf = async (node: ClusterNode, key: string) => Number(await node.ask('CLUSTER', 'KEYSLOT', key))

describe('a Cluster rig', () => {
  it('is up soon, fails over on order, replaces a killed primary, and leaves nothing behind', async () => {
    const startMs = performance.now()
    const rig = await start()
    expect(performance.now() - startMs).toBeLessThan(15_000)
    const [a, b, c, replicaOfA, replicaOfB] = rig.nodes
    if (!a || !b || !c || !replicaOfA || !replicaOfB) throw new Error('the rig has too few nodes')
    expect(await rig.primaries()).toEqual([a, b, c])
    expect(await rig.replicasOf(a)).toEqual([replicaOfA])
    expect(rig.endpoints).toEqual(rig.nodes.map(({ port }) => `redis://127.0.0.1:${port}`))
    for (const [slot, owner] of [
      [0, a],
      [5460, a],
      [5461, b],
      [SLOTS - 1, c],
    ] as const) {
      expect(await rig.ownerOf(slot)).toBe(owner)
    }

    await rig.failover(replicaOfA)
    expect(await rig.ownerOf(0)).toBe(replicaOfA)
    await rig.settled()
    expect(await rig.replicasOf(replicaOfA)).toEqual([a])

    const slot = 8000
    await b.kill()
    await expect(rig.settled({ deadlineMs: 0 })).rejects.toThrow(/not within 0 ms; last seen: 'slot 5461 is/)
    await eventually(
      'its replica takes over',
      () => rig.ownerOf(slot),
      (owner) => owner === replicaOfB,
      { deadlineMs: 30_000 },
    )
    await rig.settled()
    await b.restart()
    await rig.settled()
    expect(await rig.replicasOf(replicaOfB)).toEqual([b])

    await rig.stop()
    for (const node of rig.nodes) expect(node.child().isRunning()).toBe(false)
  }, 90_000)

  it('holds a slot open between two nodes, and takes nodes in and out', async () => {
    const rig = await start({ primaries: 2, replicasPer: 0 })
    const [one, two] = ['{tag}one', '{tag}two']
    const slot = await slotOf(first(rig.nodes), one)
    const from = await rig.ownerOf(slot)
    await from.ask('MSET', one, '1', two, '2')
    const to = await rig.addNode()

    await rig.beginMigration(slot, to)
    expect(await from.ask('GET', one)).toBe('1')
    expect(await from.command('GET', '{tag}none')).toBe(`-ASK ${slot} ${rig.addressOf(to)}`)
    await rig.migrateKeys(slot, to, [one])
    expect(await from.command('GET', one)).toMatch(/^-ASK /)
    expect(await from.command('MGET', one, two)).toMatch(/^-TRYAGAIN /)
    const asking = to.open()
    expect(await Promise.all([asking.ask('ASKING'), asking.ask('GET', one)])).toEqual(['OK', '1'])
    asking.close()
    await expect(rig.settled({ deadlineMs: 0 })).rejects.toThrow(/has a slot that is on its way/)
    expect(await rig.ownerOf(slot)).toBe(from)

    await rig.finishMigration(slot, to)
    expect(await to.ask('MGET', one, two)).toEqual(['1', '2'])
    expect(await from.command('GET', one)).toBe(`-MOVED ${slot} ${rig.addressOf(to)}`)
    await rig.settled()
    expect(await rig.ownerOf(slot)).toBe(to)

    const replica = await rig.addNode({ replicaOf: to })
    expect(await replica.ask('DBSIZE')).toBe(2)
    await expect(rig.removeNode(to)).rejects.toThrow(/still has slots/)
    await rig.moveSlot(slot, from)
    await expect(rig.removeNode(to)).rejects.toThrow(/still has replicas/)
    await rig.removeNode(replica)
    await rig.removeNode(to)
    await rig.settled()
    expect(rig.nodes).toHaveLength(2)
    expect(await from.ask('MGET', one, two)).toEqual(['1', '2'])
    expect(
      String(await from.ask('CLUSTER', 'NODES'))
        .trimEnd()
        .split('\n'),
    ).toHaveLength(2)
  })

  it('makes clients and replicas go through the proxies it announces, and can move a node elsewhere', async () => {
    const rig = await start({ primaries: 1, proxied: true })
    const [primary, replica] = rig.nodes
    if (!primary || !replica) throw new Error('the rig has too few nodes')
    const proxy = rig.proxyOf(primary)
    expect(rig.endpoints).toEqual(rig.nodes.map((node) => `redis://${rig.addressOf(node)}`))
    expect(rig.addressOf(primary)).toBe(`127.0.0.1:${proxy.port}`)
    expect(await replica.command('GET', 'key')).toBe(`-MOVED 12539 ${rig.addressOf(primary)}`)
    expect(proxy.connections).toBe(1)
    await rig.readdress(primary)
    expect(rig.addressOf(primary)).not.toBe(`127.0.0.1:${proxy.port}`)
    expect(await replica.command('GET', 'key')).toBe(`-MOVED 12539 ${rig.addressOf(primary)}`)
    await rig.settled()
    await primary.restart()
    await rig.settled()
    expect(rig.proxyOf(primary).connections).toBe(1)
  })
})

describeWith('redis-cli', 'a Cluster rig and redis-cli', () => {
  it('reshards under a writer, also when it is killed half way, and repairs what is left open', async () => {
    const rig = await start({ primaries: 2, replicasPer: 0 })
    const [a, b] = rig.nodes
    if (!a || !b) throw new Error('the rig has too few nodes')
    const writer = startWriter(rig)
    await rig.reshard({ from: a, to: b, slots: 100 }).finished()
    await rig.settled()
    expect(await rig.ownerOf(99)).toBe(b)
    expect(await rig.ownerOf(100)).toBe(a)

    const half = rig.reshard({ from: b, to: a, slots: 8000 })
    await eventually(
      'some slots are back',
      () => rig.ownerOf(0),
      (owner) => owner === a,
      { intervalMs: 10 },
    )
    await half.child.kill()
    await expect(half.finished()).rejects.toThrow(/ended \(SIGKILL\)/)
    const slot = await slotOf(a, 'key')
    const owner = await rig.ownerOf(slot)
    await rig.beginMigration(slot, owner === a ? b : a)
    await rig.fix()
    await rig.settled()
    expect(await rig.ownerOf(slot)).not.toBe(owner)
    expect(await rig.ownerOf(16_000)).toBe(b)

    const written = await writer.stop()
    expect(written.size).toBe(WRITER_KEYS)
    for (const [key, count] of written) {
      const home = await rig.ownerOf(await slotOf(a, key))
      expect([key, await home.ask('GET', key)]).toEqual([key, String(count)])
    }
  })
})

describeWith('openssl', 'a Cluster rig with TLS and a password', () => {
  const folder = makeFolder('cluster-tls')
  let tls: Certificates
  beforeAll(() => {
    tls = makeCertificates(folder)
  })
  afterAll(() => removeFolder(folder))

  it('moves slots and fails over, and lets nobody in without it', async () => {
    const rig = await start({
      primaries: 2,
      tls,
      password: 'correct horse',
      proxied: true,
      fullCoverage: true,
    })
    const [a, b, replicaOfA] = rig.nodes
    if (!a || !b || !replicaOfA) throw new Error('the rig has too few nodes')
    expect(rig.endpoints[0]).toBe(`rediss://${rig.addressOf(a)}`)
    const slot = await slotOf(a, 'key')
    expect(await rig.ownerOf(slot)).toBe(b)
    await b.ask('SET', 'key', 'value')
    await rig.moveSlot(slot, a)
    expect(await a.ask('GET', 'key')).toBe('value')
    await rig.reshard({ from: a, to: b, slots: 5 }).finished()
    await rig.settled()
    await rig.failover(replicaOfA)
    expect(await rig.ownerOf(slot)).toBe(replicaOfA)
    expect(await replicaOfA.ask('GET', 'key')).toBe('value')
    expect(await a.command('AUTH', 'wrong')).toMatch(/^-WRONGPASS/)
  })
})

const WRITER_KEYS = 40

/** Counts up keys all over the slots, one after the other, and goes where it is sent. */
function startWriter(rig: ClusterRig) {
  const connections = new Map<string, RespConnection>()
  const written = new Map<string, number>()
  const connect = (address: string): RespConnection => {
    const node = rig.nodes.find((known) => rig.addressOf(known) === address)
    if (node === undefined) throw new Error(`sent to ${address}, which is no node`)
    const connection = connections.get(address) ?? node.open()
    connections.set(address, connection)
    return connection
  }
  const increment = async (key: string): Promise<Reply> => {
    let words = [['INCR', key]]
    let address = rig.addressOf(first(rig.nodes))
    for (let hop = 0; hop < 10; hop++) {
      const connection = connect(address)
      const replies = await Promise.all(words.map((word) => connection.ask(...word).catch(String)))
      const reply = replies.at(-1) ?? null
      if (typeof reply === 'number') return reply
      const [, kind, , elsewhere = ''] = String(reply).split(' ')
      if (kind !== 'MOVED' && kind !== 'ASK') throw new Error(`${key}: ${reply}`)
      address = elsewhere
      words = kind === 'ASK' ? [['ASKING'], ['INCR', key]] : [['INCR', key]]
    }
    throw new Error(`${key} was sent around in circles`)
  }
  let isStopped = false
  const running = (async () => {
    for (let n = 0; !isStopped || n < WRITER_KEYS; n++) {
      const key = `key-${n % WRITER_KEYS}`
      await increment(key)
      written.set(key, (written.get(key) ?? 0) + 1)
    }
  })()
  // Told by `stop`; until then nobody looks.
  running.catch(() => undefined)
  return {
    /** How often each key was counted up. */
    async stop(): Promise<ReadonlyMap<string, number>> {
      isStopped = true
      await running.finally(() => {
        for (const connection of connections.values()) connection.close()
      })
      return written
    },
  }
}
