import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hangUp, makeScout } from '../../src/store/redis/connect.ts'
import { permissionsFor, sentinelPermissions } from '../../src/store/redis/index.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import type { RedisStoreOptions } from '../../src/store/redis/options.ts'
import type { Store } from '../../src/store/store.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { startClusterRig } from '../support/cluster-rig.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { startSentinelRig } from '../support/sentinel-rig.ts'
import { WIDE_LIMITS } from '../support/store-harness.ts'
import { StoreView } from '../support/store-view.ts'
import {
  failureOf,
  family,
  jobIn,
  jobOf,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { openStore, refusal } from './open-store.ts'

const PREFIX = 'own'
const ADMIN = { redis: 'of the admin', sentinel: 'of the other admin' }
const USER = `user gateway on >secret resetkeys ${permissionsFor(PREFIX).join(' ')}`
const SENTINEL_USER = `user finder on >way ${sentinelPermissions().join(' ')}`
/** Who has no certificate that they know gets no connection at all. */
const ASK_CLIENTS = 'tls-auth-clients yes'

/** Servers of one kind, with TLS, where nobody gets anywhere as the default user. */
interface Scene {
  readonly options: Partial<RedisStoreOptions> & Pick<RedisStoreOptions, 'endpoints'>
  /** All that a gateway talks to. */
  readonly servers: readonly RedisServer[]
  /** Whatever this kind of Redis does with its data now and then. */
  change(): Promise<void>
  stop(): Promise<void>
}

const scenes: Record<string, (tls: Certificates) => Promise<Scene>> = {
  async standalone(tls) {
    const server = await startRedis({ tls, password: ADMIN.redis, directives: [USER, ASK_CLIENTS] })
    return {
      options: { endpoints: [server.url] },
      servers: [server],
      change: () => server.restart(),
      stop: () => server.stop(),
    }
  },
  async sentinel(tls) {
    const rig = await startSentinelRig({
      tls,
      passwords: ADMIN,
      replicas: 1,
      directives: [USER, ASK_CLIENTS],
      sentinelDirectives: [SENTINEL_USER, ASK_CLIENTS],
    })
    return {
      options: {
        endpoints: rig.endpoint.split(','),
        masterName: rig.masterName,
        sentinel: { username: 'finder', password: 'way', strict: true },
        waitReplicas: 1,
        waitTimeoutMs: 1000,
      },
      servers: [...rig.nodes, ...rig.sentinels],
      async change() {
        await rig.failover()
        // Until then there is no replica for a write to wait for.
        await rig.settled({ hurry: true })
      },
      stop: () => rig.stop(),
    }
  },
  async cluster(tls) {
    const directives = [USER, ASK_CLIENTS]
    const rig = await startClusterRig({ tls, password: ADMIN.redis, primaries: 2, directives })
    return {
      options: { endpoints: rig.endpoints.slice(0, 1), waitReplicas: 1, waitTimeoutMs: 1000 },
      servers: rig.nodes,
      async change() {
        const slot = keyspace(PREFIX).slots[0] ?? 0
        const from = await rig.ownerOf(slot)
        const [to = from] = (await rig.primaries()).filter((node) => node !== from)
        await rig.moveSlot(slot, to)
      },
      stop: () => rig.stop(),
    }
  },
}

describeWith('openssl', 'with TLS and a user that may do nothing else', () => {
  const folder = makeFolder('topologies')
  const otherFolder = makeFolder('topologies-other')
  let tls: Certificates
  let otherCa: string
  /** What gateways show. */
  let own: { cert: string; key: string }
  let foreign: typeof own

  const read = ({ cert, key }: Certificates) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  })
  beforeAll(() => {
    tls = makeCertificates(folder)
    own = read(tls)
    const other = makeCertificates(otherFolder)
    foreign = read(other)
    otherCa = readFileSync(other.ca, 'utf8')
  })
  afterAll(() => {
    removeFolder(folder)
    removeFolder(otherFolder)
  })

  it('a connection may be let go of in the middle of a handshake, also with a certificate of somebody else', async () => {
    const server = await startRedis({ tls })
    const options = { endpoints: [server.url], prefix: PREFIX, timeoutMs: 1000, limits: WIDE_LIMITS }
    for (let n = 0; n < 10; n++) {
      const scout = makeScout({ ...options, tls: { ca: otherCa }, tell: () => undefined }, server, 'node')
      const ended = new Promise((resolve) => scout.once('end', resolve))
      scout.connect().catch(() => undefined)
      await sleep(n)
      hangUp(scout)
      await ended
    }
    await server.stop()
  })

  describe.each(Object.entries(scenes))('%s', (kind, start) => {
    let scene: Scene
    const stores: Store[] = []

    beforeAll(async () => {
      scene = await start(tls)
    })
    afterAll(() => scene.stop())
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close()
    })

    async function open(over: Partial<RedisStoreOptions>) {
      const { options } = scene
      const opened = await openStore(
        { url: '' },
        { ...options, prefix: PREFIX, username: 'gateway', password: 'secret', ...over },
      )
      stores.push(opened.store)
      return opened
    }

    it('does everything, asks for nothing that it may not, and goes on when things move', async () => {
      const { store, events } = await open({ tls: { ...own, ca: own.cert } })
      const view = new StoreView(store)
      await store.ready()
      // One in every partition, so that every server is met.
      const jobs = Array.from({ length: store.partitions }, (_, n) =>
        jobIn(n, store.partitions, 'group', 'tls'),
      )
      const round = async (text: string) => {
        await Promise.all(jobs.map((job) => store.writeGroup(putOf(job, [family('a', text)]))))
        await store.writeGroup(postOf(jobOf('short'), [family('a', text)], { ttlMs: 1 }))
        await store.failGroup(failureOf(jobOf('failed'), 'why'))
        await store.writeSet(mergeOf(jobOf('set'), [setFamily('up', [sample('x', Buffer.from(text))])]))
        await view.read()
        expect(jobs.map((job) => view.texts(job))).toEqual(jobs.map(() => [['a', text]]))
        expect(view.values(jobOf('set'), 'up')).toEqual([['x', text]])
        await store.sweep()
        await store.remove(removalOf(jobOf('set'), 'set'))
        await store.wipe(operation())
        await store.sweep()
        await view.read()
        expect(view.size).toBe(0)
        await store.ready()
      }
      await round('before')
      const { facts, primaries } = await store.describe()
      expect(facts.get('topology')).toBe(kind)
      expect(primaries.map(({ state }) => state)).not.toContain('away')
      expect(primaries.reduce((sum, { partitions }) => sum + partitions, 0)).toBe(store.partitions)
      await eventuallyHolds(async () => expect((await store.describe()).replicas).toHaveLength(1))

      await scene.change()
      await eventuallyHolds(() => store.ready())
      await round('after')
      for (const server of scene.servers) expect(await server.ask('ACL', 'LOG')).toEqual([])
      expect(JSON.stringify(events)).not.toContain('secret')
    })

    it('refuses servers with a certificate of somebody else, and says that it is the certificate', async () => {
      const { store } = await open({ tls: { ...own, ca: otherCa } })
      const error = await store.ready().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
      expect(String(error)).toMatch(/certificate/)
    })

    it('is refused by servers that ask for a certificate and get none, or one of somebody else', async () => {
      for (const shown of [{}, foreign]) {
        const { store } = await open({ tls: { ...shown, ca: own.cert } })
        expect(await refusal(store.ready())).toBe('PGR_STORE_UNAVAILABLE')
        expect(await refusal(store.writeGroup(putOf(jobOf('any'), [])))).toBe('PGR_STORE_UNAVAILABLE')
      }
    })

    it('takes any certificate when told to', async () => {
      const { store } = await open({ tls: { ...own, skipVerify: true } })
      await store.ready()
      await store.writeGroup(putOf(jobOf('any'), [family('a', 'x')]))
    })
  })
})
