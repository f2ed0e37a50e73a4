import { lookup } from 'node:dns/promises'
import type { Redis } from 'ioredis'
import { addressKey, endpointsOf, hangUp, makeScout, reachable } from './connect.ts'
import { unavailable } from './failures.ts'
import type { RedisStoreOptions } from './options.ts'
import type { Primary } from './primary.ts'

const ASK_EVERY_MS = 500
/** A primary that no majority confirmed for this long takes nothing more. */
const CONFIRMED_WITHIN_MS = 3000

interface Watched {
  readonly sentinel: Redis
  /** Instant (performance.now) of the last answer that named the primary we are connected to. */
  confirmedAtMs: number
  /** The address it named instead. */
  other: string | undefined
}

/**
 * Asks every Sentinel, all the time, whether the primary we talk to is still the one. When a majority did not confirm it
 * for three seconds, or any of them names another, the primary is not to be used: on the wrong side of a network that
 * split, what it takes would be lost. Returns what ends the watch.
 */
export function watchSentinels(options: RedisStoreOptions, primary: Primary): () => void {
  const startedAtMs = performance.now()
  const watched: Watched[] = endpointsOf(options).map((address) => ({
    sentinel: makeScout(options, address, 'sentinel'),
    confirmedAtMs: startedAtMs,
    other: undefined,
  }))
  let closed = false

  async function ask(each: Watched): Promise<void> {
    const { sentinel } = each
    if (sentinel.status === 'wait' || sentinel.status === 'end') await sentinel.connect()
    if (sentinel.status !== 'ready') return
    const told = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', options.masterName ?? '')
    if (!Array.isArray(told)) return
    const address = reachable({ host: String(told[0]), port: Number(told[1]) }, options.natMap)
    if (await isConnectedTo(primary, address.host, address.port)) {
      each.confirmedAtMs = performance.now()
      each.other = undefined
    } else {
      each.other = addressKey(address)
    }
  }

  function judge(): void {
    if (closed) return
    const other = watched.find((each) => each.other !== undefined)?.other
    if (other !== undefined) {
      primary.distrust(unavailable(`a Sentinel says that the primary is at ${other} now`))
      if (primary.isConnected()) primary.reconnect()
      return
    }
    const sinceMs = performance.now() - CONFIRMED_WITHIN_MS
    const confirming = watched.filter(({ confirmedAtMs }) => confirmedAtMs >= sinceMs).length
    primary.distrust(
      confirming > watched.length / 2
        ? undefined
        : unavailable(
            `only ${confirming} of ${watched.length} Sentinels confirmed the primary in the last ${CONFIRMED_WITHIN_MS / 1000} s, and --redis.sentinel-strict asks for a majority`,
          ),
    )
  }

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

/** Whether the connection for writes leads to this address. Unknown while there is none, which counts as yes. */
async function isConnectedTo(primary: Primary, host: string, port: number): Promise<boolean> {
  const remote = primary.remote()
  if (remote === undefined) return true
  if (remote.port !== port) return false
  const addresses = await lookup(host, { all: true })
  return addresses.some(({ address }) => address === remote.host)
}
