import { type Belongings, buildOrStop } from './belongings.ts'
import type { ChaosProxy } from './chaos-proxy.ts'
import type { Child } from './child.ts'
import {
  closeSlot,
  finish,
  type KeyMove,
  migrateKeys,
  migrateSlotKeys,
  openSlot,
  runClusterTool,
} from './cluster-slots.ts'
import { askForView, type ClusterNode, findUnrest, mergeOwners, SLOTS } from './cluster-view.ts'
import { eventually, type Patience } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { RedisOptions } from './redis-server.ts'
import { asList } from './resp.ts'

export interface ClusterRigOptions {
  readonly primaries?: number
  readonly replicasPer?: number
  readonly nodeTimeoutMs?: number
  /** As of one server: what was acknowledged survives `kill` then `restart`. */
  readonly durable?: boolean
  /** Further directives for every node; they win over the rig's own. */
  readonly directives?: readonly string[]
  /** Of the default user. */
  readonly password?: string
  /** PEM files, for every connection: clients, replication, bus. */
  readonly tls?: NonNullable<RedisOptions['tls']>
  /**
   * Every node announces a proxy of its own to clients, which replicas and `MIGRATE` use, too. The bus between nodes is
   * direct, so that a cut node stays a healthy member.
   */
  readonly proxied?: boolean
  /** Whether all slots must be served for any to be. */
  readonly fullCoverage?: boolean
}

/** A way to move slots that is under way. */
export interface Reshard {
  /** The `redis-cli` at work; may be killed half way. */
  readonly child: Child
  /** Resolves when it ended well, fails with what it wrote otherwise. */
  finished(): Promise<void>
}

/**
 * A Redis Cluster on loopback. The rig itself always goes past the proxies, so it can look at nodes that are cut off;
 * `redis-cli` and `MIGRATE` go where the nodes announce themselves.
 */
export interface ClusterRig {
  /** In the order they were started: first the first primaries by their slots, then their replicas in the same order. */
  readonly nodes: readonly ClusterNode[]
  /** Where clients find the nodes, each as `--redis.endpoint` takes it. */
  readonly endpoints: readonly string[]
  /** By the newest that any live node knows; the owner may be down. */
  ownerOf(slot: number): Promise<ClusterNode>
  /** The owners of slots, by their first slot. */
  primaries(): Promise<ClusterNode[]>
  /** The live nodes that follow this one by their own account. */
  replicasOf(node: ClusterNode): Promise<ClusterNode[]>
  /**
   * Resolves when every live node finds the cluster ok and all agree on addresses, primaries and slots, every slot is
   * served by a live primary and stays where it is, and live replicas are linked and have all that their primary had.
   */
  settled(patience?: Patience): Promise<void>
  /** `CLUSTER FAILOVER` on a replica; resolves when it is a primary in its own eyes. */
  failover(replica: ClusterNode, how?: 'FORCE' | 'TAKEOVER'): Promise<void>
  /** Starts `redis-cli --cluster reshard`; it refuses unless the nodes agree, so let the rig be settled before. */
  reshard(move: { readonly from: ClusterNode; readonly to: ClusterNode; readonly slots: number }): Reshard
  /** `redis-cli --cluster fix`: ends what an aborted move left open. */
  fix(): Promise<void>
  /** All three steps of a migration by hand. */
  moveSlot(slot: number, to: ClusterNode): Promise<void>
  /** Opens a slot at both ends. From here on keys that are not at the owner are answered with ASK. */
  beginMigration(slot: number, to: ClusterNode): Promise<void>
  /** Moves these keys of an open slot. A command that names keys at both ends is answered with TRYAGAIN. */
  migrateKeys(slot: number, to: ClusterNode, keys: readonly string[]): Promise<void>
  /** Moves what is left of an open slot, and gives it to the other node. */
  finishMigration(slot: number, to: ClusterNode): Promise<void>
  /** Starts a node and makes all know it: a primary without slots, or a replica. Resolves when it is in sync. */
  addNode(options?: { readonly replicaOf?: ClusterNode }): Promise<ClusterNode>
  /** Stops a node, dead or alive, and makes all others forget it; refuses while it has slots or replicas. */
  removeNode(node: ClusterNode): Promise<void>
  /** Gives a node another address for clients; the old one refuses them. Only when `proxied`. */
  readdress(node: ClusterNode): Promise<void>
  /** Throws unless the rig is `proxied`. */
  proxyOf(node: ClusterNode): ChaosProxy
  /** How clients reach a node, as `host:port`: its proxy, if there is one. */
  addressOf(node: ClusterNode): string
  stop(): Promise<void>
}

const BUS_OFFSET = 10_000
const SETTLE_PATIENCE: Patience = { deadlineMs: 30_000, intervalMs: 50 }
const JOIN_PATIENCE: Patience = { deadlineMs: 15_000, intervalMs: 20 }

/** Resolves when the rig is settled, within about 4 s; a new primary takes no writes for its first 2 s. */
export function startClusterRig(options: ClusterRigOptions = {}): Promise<ClusterRig> {
  return buildOrStop((belongings) => build(options, belongings))
}

async function build(options: ClusterRigOptions, belongings: Belongings): Promise<ClusterRig> {
  const { primaries: primaryCount = 3, replicasPer = 1, password, tls } = options
  const nodes: ClusterNode[] = []
  const proxies = new Map<ClusterNode, ChaosProxy>()

  const startNode = async (): Promise<ClusterNode> => {
    const port = await freePort()
    const [proxy] = await belongings.startProxies(options.proxied ? [port] : [])
    const [server] = await belongings.startRedises([nodeOptions(options, port, proxy?.port)])
    if (server === undefined) throw new Error('unreachable: one server was asked for')
    const node = { ...server, id: String(await server.ask('CLUSTER', 'MYID')) }
    if (proxy !== undefined) proxies.set(node, proxy)
    return node
  }
  const portOf = (node: ClusterNode): number => proxies.get(node)?.port ?? node.port
  const addressOf = (node: ClusterNode): string => `127.0.0.1:${portOf(node)}`
  const proxyOf = (node: ClusterNode): ChaosProxy => {
    const proxy = proxies.get(node)
    if (proxy === undefined) throw new Error('this node has no proxy; start the rig `proxied`')
    return proxy
  }
  const liveNodes = (): ClusterNode[] => nodes.filter((node) => node.isLive())
  const nodeOf = (id: string | undefined): ClusterNode => {
    const node = nodes.find((known) => known.id === id)
    if (node === undefined) throw new Error(`no node of the rig has the id ${id}`)
    return node
  }
  const owners = async () => mergeOwners(await Promise.all(liveNodes().map(askForView)))
  const ownerOf = async (slot: number): Promise<ClusterNode> => nodeOf((await owners())[slot])
  const primaries = async (): Promise<ClusterNode[]> => {
    const ids = new Set(await owners())
    ids.delete(undefined)
    return [...ids].map(nodeOf)
  }
  const isReplicaOf = async (node: ClusterNode, primary: ClusterNode): Promise<boolean> =>
    (await askForView(node)).some(({ id, primaryId }) => id === node.id && primaryId === primary.id)
  const replicasOf = async (primary: ClusterNode): Promise<ClusterNode[]> => {
    const live = liveNodes()
    const follows = await Promise.all(live.map((node) => isReplicaOf(node, primary)))
    return live.filter((_, n) => follows[n])
  }
  /** Everyone is introduced to everyone, which takes less time than gossip. */
  const introduce = async (newcomers: readonly ClusterNode[]): Promise<void> => {
    const all = [...new Set([...liveNodes(), ...newcomers])]
    for (const newcomer of newcomers) {
      for (const other of all) {
        if (other === newcomer) continue
        const bus = String(other.port + BUS_OFFSET)
        await newcomer.ask('CLUSTER', 'MEET', '127.0.0.1', String(portOf(other)), bus)
      }
    }
    await eventually(
      'all nodes know each other',
      () => Promise.all(all.map(askForView)),
      (views) =>
        views.every(
          (view) =>
            all.every(({ id }) => view.some((line) => line.id === id && line.isLinked)) &&
            !view.some(({ flags }) => flags.has('handshake')),
        ),
      JOIN_PATIENCE,
    )
  }
  const settled: ClusterRig['settled'] = async (patience) => {
    await eventually(
      'the cluster is settled',
      () => findUnrest(nodes),
      (unrest) => unrest === '',
      { ...SETTLE_PATIENCE, ...patience },
    )
  }
  const tool = (name: string, ...args: string[]): Child => {
    const [entry] = liveNodes()
    if (entry === undefined) throw new Error('none of the nodes is alive')
    return runClusterTool([name, `127.0.0.1:${entry.port}`, ...args], options)
  }
  const moveFrom = (from: ClusterNode, slot: number, to: ClusterNode): KeyMove => ({
    slot,
    from,
    address: addressOf(to),
    password,
  })
  const beginMigration: ClusterRig['beginMigration'] = async (slot, to) =>
    openSlot(slot, await ownerOf(slot), to)
  const finishMigration: ClusterRig['finishMigration'] = async (slot, to) => {
    const from = await ownerOf(slot)
    await migrateSlotKeys(moveFrom(from, slot, to))
    const others = (await primaries()).filter((node) => node !== from && node !== to && node.isLive())
    await closeSlot(slot, from, to, others)
  }

  const started = await Promise.all(Array.from({ length: primaryCount * (1 + replicasPer) }, startNode))
  nodes.push(...started)
  for (const [n, node] of nodes.entries()) {
    if (n < primaryCount)
      await node.ask('CLUSTER', 'ADDSLOTSRANGE', ...slotRange(n, primaryCount).map(String))
    // Distinct from the start, so that the nodes need not sort it out.
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1))
  }
  await introduce(nodes)
  for (const [n, node] of nodes.entries()) {
    const primary = nodes[n % primaryCount]
    if (n >= primaryCount && primary !== undefined) await node.ask('CLUSTER', 'REPLICATE', primary.id)
  }
  await settled()

  return {
    nodes,
    get endpoints() {
      const scheme = tls === undefined ? 'redis' : 'rediss'
      return nodes.map((node) => `${scheme}://${addressOf(node)}`)
    },
    ownerOf,
    primaries,
    replicasOf,
    settled,
    async failover(replica, how) {
      await replica.ask('CLUSTER', 'FAILOVER', ...(how === undefined ? [] : [how]))
      await eventually(
        `${addressOf(replica)} is a primary`,
        async () => asList(await replica.ask('ROLE'))[0],
        (role) => role === 'master',
        JOIN_PATIENCE,
      )
    },
    reshard({ from, to, slots }) {
      const child = tool(
        'reshard',
        ...['--cluster-from', from.id, '--cluster-to', to.id, '--cluster-slots', String(slots)],
      )
      return { child, finished: () => finish(child) }
    },
    fix: () => finish(tool('fix')),
    async moveSlot(slot, to) {
      await beginMigration(slot, to)
      await finishMigration(slot, to)
    },
    beginMigration,
    async migrateKeys(slot, to, keys) {
      await migrateKeys(moveFrom(await ownerOf(slot), slot, to), keys)
    },
    finishMigration,
    async addNode({ replicaOf } = {}) {
      const node = await startNode()
      await introduce([node])
      nodes.push(node)
      if (replicaOf !== undefined) {
        await node.ask('CLUSTER', 'REPLICATE', replicaOf.id)
      }
      await settled()
      return node
    },
    async removeNode(node) {
      const others = liveNodes().filter((other) => other !== node)
      if ((await owners()).includes(node.id)) throw new Error(`${addressOf(node)} still has slots`)
      if ((await replicasOf(node)).length > 0) throw new Error(`${addressOf(node)} still has replicas`)
      await node.stop()
      nodes.splice(nodes.indexOf(node), 1)
      await Promise.all(others.map((other) => other.ask('CLUSTER', 'FORGET', node.id)))
      await proxies.get(node)?.close()
    },
    async readdress(node) {
      const old = proxyOf(node)
      const [proxy] = await belongings.startProxies([node.port])
      if (proxy === undefined) throw new Error('unreachable: one proxy was asked for')
      await node.ask('CONFIG', 'SET', announcement(tls), String(proxy.port))
      await node.ask('CONFIG', 'REWRITE')
      proxies.set(node, proxy)
      await eventually(
        'all know the new address',
        () => Promise.all(liveNodes().map(askForView)),
        (views) =>
          views.every((view) => view.some((line) => line.id === node.id && line.address === addressOf(node))),
        JOIN_PATIENCE,
      )
      await old.close()
    },
    proxyOf,
    addressOf,
    stop: belongings.stop,
  }
}

/** First and last slot of the n-th of so many equal shares. */
function slotRange(n: number, shares: number): readonly [number, number] {
  return [Math.round((n * SLOTS) / shares), Math.round(((n + 1) * SLOTS) / shares) - 1]
}

function announcement(tls: ClusterRigOptions['tls']): string {
  return tls === undefined ? 'cluster-announce-port' : 'cluster-announce-tls-port'
}

function nodeOptions(options: ClusterRigOptions, port: number, announced: number | undefined): RedisOptions {
  const {
    nodeTimeoutMs = 2000,
    durable = false,
    directives = [],
    password,
    tls,
    fullCoverage = false,
  } = options
  return {
    port,
    durable,
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    directives: [
      'cluster-enabled yes',
      `cluster-port ${port + BUS_OFFSET}`,
      `cluster-node-timeout ${nodeTimeoutMs}`,
      `cluster-require-full-coverage ${fullCoverage ? 'yes' : 'no'}`,
      // Replicas stay with their primary, and primaries stay primaries, unless a test says otherwise.
      'cluster-allow-replica-migration no',
      'repl-timeout 5',
      'repl-ping-replica-period 1',
      'repl-diskless-sync-delay 0',
      ...(password === undefined ? [] : [`masterauth "${password}"`]),
      ...(tls === undefined ? [] : ['tls-cluster yes', 'tls-replication yes']),
      ...(announced === undefined
        ? []
        : [
            'cluster-announce-ip 127.0.0.1',
            `${announcement(tls)} ${announced}`,
            `cluster-announce-bus-port ${port + BUS_OFFSET}`,
          ]),
      ...directives,
    ],
  }
}
