import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../../support/child.ts'
import { freePort } from '../../support/free-port.ts'
import { peer, requiredPeers } from '../../support/peers.ts'
import { startRedis } from '../../support/redis-server.ts'
import { startCollector } from '../../support/start-collector.ts'
import { type PgrOptions, startPgr } from '../../support/start-pgr.ts'
import { startPrometheus } from '../../support/start-prometheus.ts'
import { startPushgateway } from '../../support/start-pushgateway.ts'

/** Somebody that is measured: a gateway, or a peer in its place. */
export interface Party {
  readonly name: string
  /** Without a slash at the end. */
  readonly url: string
  /** Of all that is not its Redis; processes that these start are theirs. */
  readonly gatewayPids: readonly number[]
  readonly redis?: Redis
  stop(): Promise<void>
}

export interface Redis {
  readonly pid: number
  readonly url: string
  /** What Redis says it has allocated. */
  usedBytes(): Promise<number>
}

export const PGR = 'pgr on Redis'
const PGR_EMBEDDED = 'pgr embedded'
export const PGR_WORKERS = 'pgr on Redis, 2 workers'
/** Its readers and writers without a gateway around them. */
export const PGR_ALONE = 'pgr'
export const PROTOBUFJS = 'protobufjs'
export const PUSHGATEWAY = 'Pushgateway, check off'
export const PUSHGATEWAY_CHECKED = 'Pushgateway, check on'
export const PUSHGATEWAY_KEPT = 'Pushgateway, from its file'
export const PROMETHEUS = 'Prometheus'
export const PROMETHEUS_3 = 'Prometheus 3'
export const COLLECTOR = 'OpenTelemetry Collector'
export const FLOOR = 'bare node:http'
const FLOOR_ON_REDIS = 'bare node:http, a SET each'
const FLOOR_ON_STORE = 'bare node:http, the store of pgr'

/** A replica with a Redis of its own. */
export async function pgrOnRedis({ name = PGR, flags = [] as readonly string[] } = {}): Promise<Party> {
  return withRedis((redis) => pgrReplica(redis, { name, flags }))
}

async function withRedis(start: (redis: Redis) => Promise<Party>): Promise<Party> {
  const server = await startRedis()
  const redis: Redis = {
    pid: server.child().pid,
    url: server.url,
    async usedBytes() {
      return Number(/^used_memory:(\d+)/m.exec(String(await server.ask('info', 'memory')))?.[1])
    },
  }
  const party = await start(redis)
  return {
    ...party,
    async stop() {
      await party.stop()
      await server.stop()
    },
  }
}

/** One more replica on somebody's Redis, which it leaves running. */
export async function pgrReplica(
  redis: Redis,
  {
    name = PGR,
    flags = [],
    ...options
  }: Omit<PgrOptions, 'flags'> & { name?: string; flags?: readonly string[] } = {},
): Promise<Party> {
  const pgr = await startPgr({ flags: ['--redis.endpoint', redis.url, ...flags], ...options })
  return { name, url: pgr.url, gatewayPids: [pgr.pid], redis, stop: stopOf(pgr) }
}

export async function pgrEmbedded(): Promise<Party> {
  const pgr = await startPgr()
  return { name: PGR_EMBEDDED, url: pgr.url, gatewayPids: [pgr.pid], stop: stopOf(pgr) }
}

const NO_CHECK = '--push.disable-consistency-check'

/** None when it is not installed. */
export async function pushgateway(check: 'on' | 'off'): Promise<Party[]> {
  if (peer('pushgateway') === undefined) return []
  const child = await startPushgateway({ flags: check === 'on' ? [] : [NO_CHECK] })
  const name = check === 'on' ? PUSHGATEWAY_CHECKED : PUSHGATEWAY
  return [{ name, url: child.url, gatewayPids: [child.pid], stop: stopOf(child) }]
}

/** The file in which a Pushgateway kept what `fill` pushed to it; undefined when it is not installed. */
export async function keptByPushgateway(
  folder: string,
  fill: (url: string) => Promise<unknown>,
): Promise<string | undefined> {
  if (peer('pushgateway') === undefined) return undefined
  const file = join(folder, 'pushgateway')
  const child = await startPushgateway({ flags: [NO_CHECK], file })
  await fill(child.url)
  // It writes all it has when it is stopped.
  await child.stop(60_000)
  return file
}

/** One that starts from such a file; not waited for. */
export async function pushgatewayFrom(file: string, port: number): Promise<Party> {
  const child = await startPushgateway({ flags: [NO_CHECK], file, port, waits: false })
  const stop = async () => {
    // The file is as it should be.
    await child.kill()
  }
  return { name: PUSHGATEWAY_KEPT, url: child.url, gatewayPids: [child.pid], stop }
}

/** Its receiver of remote write, or of OTLP, which it has since version 3; none when it is not installed. */
export async function prometheus(receiver: 'remote-write' | 'otlp'): Promise<Party[]> {
  const which = receiver === 'otlp' ? 'prometheus3' : 'prometheus'
  if (peer(which) === undefined) return []
  const child = await startPrometheus({
    peer: which,
    config: 'global: {}\n',
    flags: [`--web.enable-${receiver}-receiver`],
  })
  const name = receiver === 'otlp' ? PROMETHEUS_3 : PROMETHEUS
  return [{ name, url: child.url, gatewayPids: [child.pid], stop: stopOf(child) }]
}

/**
 * One that passes on what it takes and keeps nothing, as it answers. None unless `PGR_TEST_REQUIRE` names it: building it takes
 * minutes, and a network.
 */
export async function collector(): Promise<Party[]> {
  if (!requiredPeers().has('collector')) return []
  const sink = await bareNode()
  const child = await startCollector({
    exportTo: sink.url,
    exporter: ['compression: none', 'sending_queue: {enabled: false}'],
  })
  const stop = async () => {
    await child.stop()
    await sink.stop()
  }
  return [{ name: COLLECTOR, url: child.url, gatewayPids: [child.pid], stop }]
}

/** A server that answers every request at once: what the generator reaches when nothing is done. */
export async function bareNode(): Promise<Party> {
  return startFloor(FLOOR)
}

/** One that writes every body to a Redis of its own, as it is, before it answers: what is left to do beside that is pgr's. */
export async function bareNodeOnRedis(): Promise<Party> {
  return withRedis(async (redis) => ({
    ...(await startFloor(FLOOR_ON_REDIS, new URL(redis.url).port)),
    redis,
  }))
}

/** One that writes every body as pgr does, which it neither reads nor shows: what a group costs that is whole, expires and is told. */
export async function bareNodeOnStore(): Promise<Party> {
  return withRedis(async (redis) => ({
    ...(await startFloor(FLOOR_ON_STORE, new URL(redis.url).port, 'groups')),
    redis,
  }))
}

async function startFloor(name: string, ...args: readonly string[]): Promise<Party> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const file = fileURLToPath(new URL('../generators/floor.mjs', import.meta.url))
  const child = startChild({ name, command: process.execPath, args: [file, String(port), ...args] })
  await child.until('answers', async () => (await fetch(url)).ok)
  return { name, url, gatewayPids: [child.pid], stop: stopOf(child) }
}

/** Starts them one after the other; those that were started are stopped when `work` is over, however that ends. */
export async function withParties(
  starting: readonly (() => Promise<Party | readonly Party[]>)[],
  work: (parties: readonly Party[]) => Promise<void>,
): Promise<void> {
  const parties: Party[] = []
  try {
    for (const start of starting) parties.push(...[await start()].flat())
    await work(parties)
  } finally {
    await Promise.all(parties.map((party) => party.stop()))
  }
}

function stopOf(child: { stop(): Promise<unknown> }): () => Promise<void> {
  return async () => {
    await child.stop()
  }
}
