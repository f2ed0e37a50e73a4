import type { RedisServer } from './redis-server.ts'
import { asFields, asList, asStrings } from './resp.ts'

/** A Sentinel rig, to be looked at. */
export interface SentinelScene {
  readonly masterName: string
  readonly sentinels: readonly RedisServer[]
  /** Data nodes by the address the others know. */
  readonly byAddress: ReadonlyMap<string, RedisServer>
}

/** The primary's address as one Sentinel tells it to clients. */
export async function askForPrimary(sentinel: RedisServer, masterName: string): Promise<string> {
  if (!sentinel.isLive()) throw new Error(`the Sentinel on port ${sentinel.port} is down`)
  return asStrings(await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)).join(':')
}

/** What keeps the rig from being settled, in words; empty when nothing does. */
export async function findUnrest(scene: SentinelScene): Promise<string> {
  const { masterName, sentinels, byAddress } = scene
  const live = sentinels.filter((sentinel) => sentinel.isLive())
  const named = new Set(await Promise.all(live.map((sentinel) => askForPrimary(sentinel, masterName))))
  const [address = ''] = named
  const primary = byAddress.get(address)
  if (named.size !== 1 || primary === undefined) return `Sentinels name ${[...named].join(' and ')}`
  if (!primary.isLive()) return `the primary ${address} is down`

  // The primary is asked first, so that what it had then is what the others must have.
  const [role, offset] = asList(await primary.ask('ROLE'))
  if (role !== 'master') return `${address} is ${role}`
  for (const [other, node] of byAddress) {
    if (node === primary || !node.isLive()) continue
    const [kind, host, port, link, seen] = asList(await node.ask('ROLE'))
    if (kind !== 'slave' || `${host}:${port}` !== address) return `${other} is ${kind} of ${host}:${port}`
    if (link !== 'connected' || Number(seen) < Number(offset))
      return `${other} is ${link} at ${seen}/${offset}`
  }
  for (const sentinel of live) {
    const ignorance = await findIgnorance(sentinel, scene, address)
    if (ignorance !== '') return `the Sentinel on port ${sentinel.port} ${ignorance}`
  }
  return ''
}

/** What one Sentinel does not know yet, or still believes. */
async function findIgnorance(sentinel: RedisServer, scene: SentinelScene, primary: string): Promise<string> {
  const { masterName, sentinels, byAddress } = scene
  const [master, replicas, others] = await Promise.all([
    sentinel.ask('SENTINEL', 'MASTER', masterName).then(asFields),
    sentinel.ask('SENTINEL', 'REPLICAS', masterName).then((reply) => asList(reply).map(asFields)),
    sentinel.ask('SENTINEL', 'SENTINELS', masterName).then((reply) => asList(reply).map(asFields)),
  ])
  if (master.get('flags') !== 'master') return `sees the primary as ${master.get('flags')}`
  for (const [address, node] of byAddress) {
    if (address === primary) continue
    const seen = replicas.find((fields) => `${fields.get('ip')}:${fields.get('port')}` === address)
    if (seen === undefined) return `does not know ${address}`
    if (!node.isLive()) continue
    const state = ['flags', 'role-reported', 'master-link-status'].map((name) => seen.get(name)).join(' ')
    if (state !== 'slave slave ok') return `sees ${address} as ${state}`
  }
  if (others.length !== sentinels.length - 1) return `knows ${others.length} other Sentinels`
  for (const other of sentinels) {
    if (other === sentinel || !other.isLive()) continue
    const flags = others.find((fields) => fields.get('port') === String(other.port))?.get('flags') ?? ''
    // For 5 s after a failover it is remembered who voted (`master_down`).
    if (!/^sentinel(,master_down)?$/.test(flags)) return `sees the Sentinel on port ${other.port} as ${flags}`
  }
  return ''
}
