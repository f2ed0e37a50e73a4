import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Certificates, makeCertificates } from './certificates.ts'
import { makeFolder, removeFolder } from './child.ts'
import { eventually, eventuallyHolds, type Patience } from './eventually.ts'
import { describeWith } from './peers.ts'
import { asList } from './resp.ts'
import { type SentinelRig, type SentinelRigOptions, startSentinelRig } from './sentinel-rig.ts'

/** Sentinels that did not agree on who leads vote again after twice the failover timeout. */
const VOTED: Patience = { deadlineMs: 30_000 }

const started: SentinelRig[] = []

async function start(options?: SentinelRigOptions): Promise<SentinelRig> {
  const rig = await startSentinelRig(options)
  started.push(rig)
  return rig
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((rig) => rig.stop()))
})

describe('a Sentinel rig', () => {
  it('is up soon, replaces a killed primary, fails over on order, and leaves nothing behind', async () => {
    const startMs = performance.now()
    const rig = await start()
    expect(performance.now() - startMs).toBeLessThan(15_000)
    const [first, ...others] = rig.nodes
    if (first === undefined) throw new Error('the rig has no nodes')
    expect(await rig.primary()).toBe(first)
    expect(await rig.replicas()).toEqual(others)
    expect(others).toHaveLength(2)
    expect(rig.endpoint.split(',')).toEqual(rig.sentinels.map(({ port }) => `redis://127.0.0.1:${port}`))

    await first.ask('SET', 'key', 'kept')
    await rig.settled()
    await first.kill()
    const second = await eventually(
      'another is primary',
      () => rig.primary(),
      (now) => now !== first,
      VOTED,
    )
    await rig.settled({ hurry: true })
    expect(await rig.replicas()).toEqual(others.filter((node) => node !== second))
    await first.restart()
    await expect(rig.settled({ deadlineMs: 0 })).rejects.toThrow(
      /not within 0 ms; last seen: '.* is master of/,
    )
    await rig.settled({ hurry: true })
    for (const node of rig.nodes) expect(await node.ask('GET', 'key')).toBe('kept')

    const third = await rig.failover()
    expect(third).not.toBe(second)
    await rig.settled({ hurry: true })
    expect(asList(await second.ask('ROLE')).slice(0, 3)).toEqual(['slave', '127.0.0.1', third.port])

    await rig.stop()
    for (const server of [...rig.nodes, ...rig.sentinels]) expect(server.child().isRunning()).toBe(false)
  }, 90_000)

  it('splits into a side with the old primary and one with a new, and heals', async () => {
    const rig = await start({ proxied: true })
    const old = await rig.primary()
    const addresses = rig.nodes.map((node) => rig.addressOf(node))
    expect(addresses).toEqual(rig.nodes.map((node) => `127.0.0.1:${rig.proxyOf(node).port}`))
    const island = await rig.island(old)
    // Sentinels tell proxies; from the island each of them and each other node is reached over a bridge.
    expect([...island.natMap.keys()].sort()).toEqual(
      [...addresses, ...rig.sentinels.map(({ port }) => `127.0.0.1:${port}`)].sort(),
    )
    expect(island.natMap.get(rig.addressOf(old))).toBe(`127.0.0.1:${old.port}`)

    island.split()
    const next = await eventually(
      'the majority has a new primary',
      () => rig.primary(),
      (now) => now !== old,
      VOTED,
    )
    expect(await old.ask('SET', 'side', 'minority')).toBe('OK')
    expect(await next.ask('SET', 'side', 'majority')).toBe('OK')
    await expect(rig.settled({ deadlineMs: 500 })).rejects.toThrow(/is master of/)

    await island.join()
    await rig.settled({ hurry: true })
    for (const node of rig.nodes) expect(await node.ask('GET', 'side')).toBe('majority')
  }, 90_000)

  it('names no primary without a majority of its Sentinels', async () => {
    const rig = await start({ replicas: 0 })
    const [first, second] = rig.sentinels
    await first?.kill()
    expect(await rig.primary()).toBe(rig.nodes[0])
    second?.freeze()
    await expect(rig.primary()).rejects.toThrow(/no majority/)
    await first?.restart()
    await eventuallyHolds(async () => expect(await rig.primary()).toBe(rig.nodes[0]))
  })
})

describeWith('openssl', 'a Sentinel rig with TLS, passwords and users', () => {
  const folder = makeFolder('sentinel-tls')
  let tls: Certificates
  beforeAll(() => {
    tls = makeCertificates(folder)
  })
  afterAll(() => removeFolder(folder))

  it('fails over, and lets nobody in without them', async () => {
    const rig = await start({
      tls,
      passwords: { redis: 'of redis', sentinel: 'of sentinel' },
      directives: ['user gate on >secret ~* +@read'],
      sentinelDirectives: ['user watch on >secret +sentinel|get-master-addr-by-name'],
    })
    expect(rig.endpoint).toMatch(/^(rediss:[^,]+,){2}rediss:[^,]+$/)
    const before = await rig.primary()
    const after = await rig.failover()
    expect(after).not.toBe(before)
    await rig.settled({ hurry: true })
    const [sentinel] = rig.sentinels
    expect(await after.ask('ACL', 'LIST')).toHaveLength(2)
    expect(await sentinel?.ask('ACL', 'LIST')).toHaveLength(2)
    expect(await after.command('AUTH', 'of sentinel')).toMatch(/^-WRONGPASS/)
    expect(await sentinel?.command('AUTH', 'of redis')).toMatch(/^-WRONGPASS/)
  })
})
