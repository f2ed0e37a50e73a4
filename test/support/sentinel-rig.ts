import { type Belongings, buildOrStop } from './belongings.ts'
import type { ChaosProxy } from './chaos-proxy.ts'
import { eventually, type Patience } from './eventually.ts'
import { freePorts } from './free-port.ts'
import type { RedisOptions, RedisServer } from './redis-server.ts'
import { askForPrimary, findUnrest } from './sentinel-view.ts'

export interface SentinelRigOptions {
  readonly masterName?: string
  readonly replicas?: number
  readonly downAfterMs?: number
  readonly failoverTimeoutMs?: number
  /** As of one server: what was acknowledged survives `kill` then `restart`. */
  readonly durable?: boolean
  /** Further directives for the data nodes; they win over the rig's own. */
  readonly directives?: readonly string[]
  /** The same for the Sentinels. */
  readonly sentinelDirectives?: readonly string[]
  /** Of the default user, on the data nodes and on the Sentinels. */
  readonly passwords?: { readonly redis?: string; readonly sentinel?: string }
  /** PEM files, for every connection: clients, replication, Sentinels. */
  readonly tls?: NonNullable<RedisOptions['tls']>
  /** Every data node is known to all others, and to clients, by the address of a proxy of its own. */
  readonly proxied?: boolean
}

/**
 * A primary, its replicas and three Sentinels, on loopback. Nodes are known to each other by the addresses of their
 * proxies when there are any; the rig itself always goes past the proxies, so it can look at nodes that are cut off.
 */
export interface SentinelRig {
  readonly masterName: string
  readonly sentinels: readonly RedisServer[]
  /** Data nodes, in the order they were started: the first was the first primary. */
  readonly nodes: readonly RedisServer[]
  /** The Sentinels, as `--redis.endpoint` takes them. */
  readonly endpoint: string
  /** The node that a majority of all Sentinels names; rejects when they do not agree, or too few answer. */
  primary(): Promise<RedisServer>
  /** The live nodes that are not the primary. */
  replicas(): Promise<RedisServer[]>
  /**
   * Resolves when every live Sentinel names one live primary and knows all Sentinels and all nodes, and every other live
   * node is a replica of it, linked, with all that the primary had. With `hurry` the live Sentinels look around and
   * talk to each other without their usual pauses (10 s and 2 s) until then; otherwise a demoted primary takes about 10 s.
   */
  settled(options?: Patience & { readonly hurry?: boolean }): Promise<void>
  /** Orders a failover, as `SENTINEL FAILOVER` does; resolves with the new primary when a majority of Sentinels names it. */
  failover(): Promise<RedisServer>
  /** Throws unless the rig is `proxied`. */
  proxyOf(node: RedisServer): ChaosProxy
  /** How others reach a node, as `host:port`: its proxy, if there is one. */
  addressOf(node: RedisServer): string
  /** The network as a client beside one node sees it; only when `proxied`. Ends with the rig. */
  island(node: RedisServer): Promise<Island>
  stop(): Promise<void>
}

/**
 * A side of a network that can split: a client that is given these settings reaches one node directly and all else
 * through proxies of its own.
 */
export interface Island {
  /** The Sentinels, for `--redis.endpoint`. */
  readonly endpoint: string
  /** For `--redis.nat-map`: addresses as they are told, and how they are reached from here. */
  readonly natMap: ReadonlyMap<string, string>
  /** Nothing passes any more between the island and the rest; connections stay open and are silent. */
  split(): void
  join(): Promise<void>
}

const SENTINELS = 3
const QUORUM = 2
const SETTLE_PATIENCE: Patience = { deadlineMs: 30_000, intervalMs: 50 }
const FAILOVER_PATIENCE: Patience = { deadlineMs: 15_000, intervalMs: 20 }
const USUAL_PACE = ['info-period', '10000', 'publish-period', '2000']
const HURRIED_PACE = ['info-period', '100', 'publish-period', '100']

/** Resolves when the rig is settled, within about 2 s. */
export function startSentinelRig(options: SentinelRigOptions = {}): Promise<SentinelRig> {
  return buildOrStop((belongings) => build(options, belongings))
}

async function build(options: SentinelRigOptions, belongings: Belongings): Promise<SentinelRig> {
  const { masterName = 'pgr-primary', replicas: replicaCount = 2 } = options
  const ports = await freePorts(replicaCount + 1)
  const proxies = await belongings.startProxies(options.proxied ? ports : [])
  const announced = ports.map((port, n) => proxies[n]?.port ?? port)
  const nodes = await belongings.startRedises(ports.map((_, n) => nodeOptions(options, ports, announced, n)))
  const sentinel = sentinelOptions(options, masterName, announced[0])
  const sentinels = await belongings.startRedises(Array.from({ length: SENTINELS }, () => sentinel))

  const byAddress = new Map(nodes.map((node, n) => [`127.0.0.1:${announced[n]}`, node]))
  const addressOf = (node: RedisServer): string => `127.0.0.1:${announced[nodes.indexOf(node)]}`
  const proxyOf = (node: RedisServer): ChaosProxy => {
    const proxy = proxies[nodes.indexOf(node)]
    if (proxy === undefined) throw new Error('this node has no proxy; start the rig `proxied`')
    return proxy
  }
  const primary = async (): Promise<RedisServer> => {
    const named = await Promise.all(
      sentinels.map((sentinel) => askForPrimary(sentinel, masterName).catch(() => 'nobody')),
    )
    const address = named.find((name) => named.filter((other) => other === name).length >= QUORUM)
    const node = byAddress.get(address ?? '')
    if (node === undefined) throw new Error(`no majority of Sentinels names a primary: ${named.join(', ')}`)
    return node
  }
  const setPace = async (pace: readonly string[]): Promise<void> => {
    const live = sentinels.filter((sentinel) => sentinel.isLive())
    // A server that does not know this takes its usual time.
    await Promise.all(live.map((sentinel) => sentinel.ask('SENTINEL', 'DEBUG', ...pace).catch(() => '')))
  }
  const settled: SentinelRig['settled'] = async ({ hurry = false, ...patience } = {}) => {
    if (hurry) await setPace(HURRIED_PACE)
    try {
      await eventually(
        'the rig is settled',
        () => findUnrest({ masterName, sentinels, byAddress }),
        (unrest) => unrest === '',
        { ...SETTLE_PATIENCE, ...patience },
      )
    } finally {
      if (hurry) await setPace(USUAL_PACE)
    }
  }
  const rig: SentinelRig = {
    masterName,
    sentinels,
    nodes,
    endpoint: sentinels.map(({ url }) => url).join(','),
    primary,
    async replicas() {
      const first = await primary()
      return nodes.filter((node) => node !== first && node.isLive())
    },
    settled,
    async failover() {
      const before = await primary()
      await liveOneOf(sentinels).ask('SENTINEL', 'FAILOVER', masterName)
      return eventually('another node is primary', primary, (now) => now !== before, FAILOVER_PATIENCE)
    },
    proxyOf,
    addressOf,
    async island(node) {
      const beyond = [...nodes.filter((other) => other !== node), ...sentinels]
      const bridges = await belongings.startProxies(beyond.map(({ port }) => port))
      const scheme = options.tls === undefined ? 'redis' : 'rediss'
      const natMap = new Map([[addressOf(node), `127.0.0.1:${node.port}`]])
      for (const [n, other] of beyond.entries()) {
        const known = nodes.includes(other) ? addressOf(other) : `127.0.0.1:${other.port}`
        natMap.set(known, `127.0.0.1:${bridges[n]?.port}`)
      }
      const cuts = [proxyOf(node), ...bridges]
      return {
        endpoint: bridges
          .slice(-sentinels.length)
          .map(({ port }) => `${scheme}://127.0.0.1:${port}`)
          .join(','),
        natMap,
        split() {
          for (const proxy of cuts) proxy.cut('both')
        },
        async join() {
          await Promise.all(cuts.map((proxy) => proxy.heal()))
        },
      }
    },
    stop: belongings.stop,
  }
  await settled({ hurry: true })
  return rig
}

function nodeOptions(
  options: SentinelRigOptions,
  ports: readonly number[],
  announced: readonly number[],
  n: number,
): RedisOptions {
  const { durable = false, directives = [], passwords = {}, tls, proxied } = options
  const port = ports[n]
  return {
    ...(port === undefined ? {} : { port }),
    durable,
    ...(passwords.redis === undefined ? {} : { password: passwords.redis }),
    ...(tls === undefined ? {} : { tls }),
    directives: [
      'repl-timeout 5',
      'repl-ping-replica-period 1',
      'repl-diskless-sync-delay 0',
      ...(passwords.redis === undefined ? [] : [`masterauth "${passwords.redis}"`]),
      ...(tls === undefined ? [] : ['tls-replication yes']),
      ...(proxied ? ['replica-announce-ip 127.0.0.1', `replica-announce-port ${announced[n]}`] : []),
      ...(n === 0 ? [] : [`replicaof 127.0.0.1 ${announced[0]}`]),
      ...directives,
    ],
  }
}

function sentinelOptions(
  options: SentinelRigOptions,
  masterName: string,
  watched: number | undefined,
): RedisOptions {
  const {
    sentinelDirectives = [],
    downAfterMs = 1000,
    failoverTimeoutMs = 5000,
    passwords = {},
    tls,
  } = options
  return {
    sentinel: true,
    ...(passwords.sentinel === undefined ? {} : { password: passwords.sentinel }),
    ...(tls === undefined ? {} : { tls }),
    directives: [
      ...(tls === undefined ? [] : ['tls-replication yes']),
      `sentinel monitor ${masterName} 127.0.0.1 ${watched} ${QUORUM}`,
      `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
      `sentinel failover-timeout ${masterName} ${failoverTimeoutMs}`,
      ...(passwords.redis === undefined ? [] : [`sentinel auth-pass ${masterName} "${passwords.redis}"`]),
      ...(passwords.sentinel === undefined ? [] : [`sentinel sentinel-pass "${passwords.sentinel}"`]),
      ...sentinelDirectives,
    ],
  }
}

function liveOneOf(servers: readonly RedisServer[]): RedisServer {
  const live = servers.find((server) => server.isLive())
  if (live === undefined) throw new Error('none of the Sentinels is alive')
  return live
}
