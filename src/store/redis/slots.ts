import { type Address, addressKey, reachable } from './connect.ts'
import type { RedisStoreOptions } from './options.ts'

/** Who serves a range of slots, both ends included. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly primary: Address
  readonly replicas: readonly Address[]
}

/**
 * Reads the reply to CLUSTER SLOTS. A node that does not know its own address tells none; then it is the one that was
 * asked. Ranges whose primary nobody knows how to reach are left out.
 */
export function readSlots(reply: unknown, asked: Address, natMap: RedisStoreOptions['natMap']): SlotRange[] {
  if (!Array.isArray(reply)) return []
  const ranges: SlotRange[] = []
  for (const row of reply) {
    if (!Array.isArray(row)) continue
    const [from, to, ...servers] = row
    const [primary, ...replicas] = servers.map((server) => addressOf(server, asked, natMap))
    if (primary === undefined) continue
    ranges.push({
      from: Number(from),
      to: Number(to),
      primary,
      replicas: replicas.filter((replica) => replica !== undefined),
    })
  }
  return ranges
}

function addressOf(
  server: unknown,
  asked: Address,
  natMap: RedisStoreOptions['natMap'],
): Address | undefined {
  if (!Array.isArray(server)) return undefined
  const host = server[0] === null || server[0] === undefined ? '' : String(server[0])
  const port = Number(server[1])
  if (host === '?' || !Number.isInteger(port) || port <= 0) return undefined
  return reachable({ host: host === '' ? asked.host : host, port }, natMap)
}

/**
 * The owner of each of the given slots as most of the nodes see it: one that was cut off from the others goes on
 * claiming what it had. Undefined where no node knows an owner.
 */
export function ownersOf(
  slots: readonly number[],
  maps: readonly (readonly SlotRange[])[],
): readonly (Address | undefined)[] {
  return slots.map((slot) => {
    const votes = new Map<string, { address: Address; count: number }>()
    for (const ranges of maps) {
      const range = ranges.find(({ from, to }) => from <= slot && slot <= to)
      if (range === undefined) continue
      const key = addressKey(range.primary)
      const vote = votes.get(key) ?? { address: range.primary, count: 0 }
      vote.count++
      votes.set(key, vote)
    }
    let best: { address: Address; count: number } | undefined
    for (const vote of votes.values()) if (best === undefined || vote.count > best.count) best = vote
    return best?.address
  })
}

/** Where a node sends us: for good (`MOVED`), or for one command while the slot moves (`ASK`). */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  readonly address: Address
}

/** Reads a redirection out of an error of Redis; undefined when it is none, or leads to a node that nobody can name. */
export function readRedirection(
  reason: unknown,
  asked: Address,
  natMap: RedisStoreOptions['natMap'],
): Redirection | undefined {
  if (!(reason instanceof Error)) return undefined
  const match = /^(MOVED|ASK) (\d+) (\S*):(\d+)\s*$/.exec(reason.message)
  if (match === null) return undefined
  const [, kind, slot, host = '', port] = match
  if (host === '?') return undefined
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  const address = reachable({ host: bare === '' ? asked.host : bare, port: Number(port) }, natMap)
  return { kind: kind === 'ASK' ? 'ASK' : 'MOVED', slot: Number(slot), address }
}
