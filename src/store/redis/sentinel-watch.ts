import { lookup } from 'node:dns/promises'
import type { Redis } from 'ioredis'
import type { PgrError } from '../../errors/pgr-error.ts'
import { addressKey, endpointsOf, hangUp, makeScout, reachable } from './connect.ts'
import { unavailable } from './failures.ts'
import type { RedisStoreOptions } from './options.ts'
import type { Primary } from './primary.ts'

const ASK_EVERY_MS = 500
/** A primary that no majority confirmed for this long takes nothing more. */
const CONFIRMED_WITHIN_MS = 3000
/** Connections made anew for one change of mind of the Sentinels; one of them may be the last to know. */
const MOST_TRIES = 5

interface Watched {
  readonly sentinel: Redis
  /** Instant (performance.now) of the last answer that named the primary we are connected to. */
  confirmedAtMs: number
  /** What it named last. */
  named: Named | undefined
}

interface Named {
  readonly address: string
  readonly hosts: ReadonlySet<string>
  readonly port: number
}

/**
 * Asks every Sentinel, all the time, whether the primary we talk to is still the one, and connects anew when a majority
 * names another: who missed the announcement, because the network had split, would go on writing to a primary that is
 * none any more. With `--redis.sentinel-strict` one that names another is enough, and the primary is not to be used when
 * no majority confirmed it for three seconds: on the wrong side of a split, what it takes would be lost. Returns what ends
 * the watch.
 */
export function watchSentinels(options: RedisStoreOptions, primary: Primary): () => void {
  const isStrict = options.sentinel?.strict === true
  const startedAtMs = performance.now()
  const watched: Watched[] = endpointsOf(options).map((address) => ({
    sentinel: makeScout(options, address, 'sentinel'),
    confirmedAtMs: startedAtMs,
    named: undefined,
  }))
  let closed = false
  let agreed: string | undefined
  let tries = 0

  async function ask(each: Watched): Promise<void> {
    const { sentinel } = each
    if (sentinel.status === 'wait' || sentinel.status === 'end') await sentinel.connect()
    if (sentinel.status !== 'ready') return
    const told = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', options.masterName ?? '')
    if (!Array.isArray(told)) return
    const address = reachable({ host: String(told[0]), port: Number(told[1]) }, options.natMap)
    const found = await lookup(address.host, { all: true })
    const hosts = new Set(found.map((each) => each.address))
    each.named = { address: addressKey(address), hosts, port: address.port }
    if (!namesAnother(each)) each.confirmedAtMs = performance.now()
  }

  /** Not while there is no connection: then it will be asked for the way. */
  function namesAnother({ named }: Watched): boolean {
    const remote = primary.remote()
    if (remote === undefined || named === undefined) return false
    return remote.port !== named.port || !named.hosts.has(remote.host)
  }

  function judge(): void {
    if (closed) return
    const others = watched.filter(namesAnother)
    // Doubt outlives a connection, or every new one would be trusted until somebody is heard.
    if (isStrict && primary.remote() !== undefined) primary.distrust(whyDoubtful(others[0]))
    noteChange()
    const isElsewhere = isStrict ? others.length > 0 : tries > 0 && others.length > watched.length / 2
    if (!isElsewhere || !primary.isConnected()) return
    tries--
    primary.reconnect()
  }

  /** Only what they name instead of something else counts: an address may look different from here for ever. */
  function noteChange(): void {
    const named = watched.map((each) => each.named?.address)
    const most = named.find((name) => named.filter((other) => other === name).length > watched.length / 2)
    if (most === undefined || most === agreed) return
    if (agreed !== undefined) tries = MOST_TRIES
    agreed = most
  }

  function whyDoubtful(other: Watched | undefined): PgrError | undefined {
    if (other !== undefined)
      return unavailable(`a Sentinel says that the primary is at ${other.named?.address} now`)
    const sinceMs = performance.now() - CONFIRMED_WITHIN_MS
    const confirming = watched.filter(({ confirmedAtMs }) => confirmedAtMs >= sinceMs).length
    if (confirming > watched.length / 2) return undefined
    return unavailable(
      `only ${confirming} of ${watched.length} Sentinels confirmed the primary in the last ${CONFIRMED_WITHIN_MS / 1000} s, and --redis.sentinel-strict asks for a majority`,
    )
  }

  primary.write.on('ready', judge)
  const timer = setInterval(() => {
    judge()
    for (const each of watched) void ask(each).then(judge, () => undefined)
  }, ASK_EVERY_MS)
  timer.unref()

  return () => {
    closed = true
    clearInterval(timer)
    for (const { sentinel } of watched) hangUp(sentinel)
  }
}
