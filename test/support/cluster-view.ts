import type { RedisServer } from './redis-server.ts'
import { asList } from './resp.ts'

/** A node of a Cluster rig; the id stays when the address changes. */
export interface ClusterNode extends RedisServer {
  readonly id: string
}

export const SLOTS = 16_384

/** One line of `CLUSTER NODES`. */
export interface NodeLine {
  readonly id: string
  /** Where clients find it, as `host:port`. */
  readonly address: string
  readonly flags: ReadonlySet<string>
  /** Of the primary it follows; empty for a primary. */
  readonly primaryId: string
  readonly epoch: number
  readonly isLinked: boolean
  /** First and last slot of each range it serves. */
  readonly ranges: readonly (readonly [number, number])[]
  /** Whether one of its slots is on its way; only a node's own line tells that. */
  readonly hasOpenSlots: boolean
}

/** The Cluster as one node sees it. */
export async function askForView(node: RedisServer): Promise<NodeLine[]> {
  const text = String(await node.ask('CLUSTER', 'NODES'))
  return text.trimEnd().split('\n').map(readLine)
}

function readLine(line: string): NodeLine {
  const [id = '', where = '', flags = '', primaryId = '', , , epoch = '', link = '', ...slots] =
    line.split(' ')
  return {
    id,
    address: where.split('@', 1)[0] ?? '',
    flags: new Set(flags.split(',')),
    primaryId: primaryId === '-' ? '' : primaryId,
    epoch: Number(epoch),
    isLinked: link === 'connected',
    ranges: slots.filter((slot) => !slot.startsWith('[')).map(readRange),
    hasOpenSlots: slots.some((slot) => slot.startsWith('[')),
  }
}

function readRange(text: string): readonly [number, number] {
  const [first = NaN, last = first] = text.split('-').map(Number)
  return [first, last]
}

/**
 * Who owns each slot, by node id; undefined where nobody does. Of contradicting views the one with the higher epoch
 * counts, as it does among the nodes.
 */
export function mergeOwners(views: readonly (readonly NodeLine[])[]): (string | undefined)[] {
  const owners = Array.from({ length: SLOTS }, (): { id: string; epoch: number } | undefined => undefined)
  for (const { id, epoch, ranges } of views.flat()) {
    for (const [first, last] of ranges) {
      for (let slot = first; slot <= last; slot++) {
        if ((owners[slot]?.epoch ?? -1) < epoch) owners[slot] = { id, epoch }
      }
    }
  }
  return owners.map((owner) => owner?.id)
}

/** What keeps the Cluster from being settled, in words; empty when nothing does. */
export async function findUnrest(nodes: readonly ClusterNode[]): Promise<string> {
  const live = nodes.filter((node) => node.isLive())
  const views = await Promise.all(live.map(askForView))
  const liveIds = new Set(live.map(({ id }) => id))
  const [first] = views
  if (first === undefined) return 'no node is alive'

  for (const [n, view] of views.entries()) {
    const fault = findFault(view, liveIds)
    if (fault !== '') return `${live[n]?.port} ${fault}`
    if (summarise(view, liveIds) !== summarise(first, liveIds)) {
      return `${live[n]?.port} and ${live[0]?.port} disagree`
    }
  }
  const uncovered = mergeOwners(views).findIndex((id) => id === undefined || !liveIds.has(id))
  if (uncovered !== -1) return `slot ${uncovered} is not served`
  for (const node of live) {
    const info = String(await node.ask('CLUSTER', 'INFO'))
    if (!info.includes('cluster_state:ok')) return `${node.port} does not find the cluster ok`
  }
  return findLag(live, first)
}

function findFault(view: readonly NodeLine[], liveIds: ReadonlySet<string>): string {
  if (view.filter(({ id }) => liveIds.has(id)).length !== liveIds.size) return 'does not know all others'
  if (view.some(({ hasOpenSlots }) => hasOpenSlots)) return 'has a slot that is on its way'
  const doubted = view.find(
    ({ id, flags, isLinked }) =>
      liveIds.has(id) &&
      (!isLinked || ['fail', 'fail?', 'handshake', 'noaddr'].some((flag) => flags.has(flag))),
  )
  return doubted === undefined ? '' : `doubts ${doubted.address} (${[...doubted.flags].join(',')})`
}

/** What the nodes have to agree on about those that are alive. */
function summarise(view: readonly NodeLine[], liveIds: ReadonlySet<string>): string {
  return view
    .filter(({ id }) => liveIds.has(id))
    .map(({ id, address, primaryId, ranges }) => `${id} ${address} ${primaryId} ${ranges.join(' ')}`)
    .sort()
    .join('\n')
}

/** The first replica that does not have all its primary had when this was called. */
async function findLag(live: readonly ClusterNode[], view: readonly NodeLine[]): Promise<string> {
  const lines = new Map(view.map((line) => [line.id, line]))
  const offsets = new Map<string, number>()
  for (const node of live) {
    if (lines.get(node.id)?.primaryId !== '') continue
    const [role, offset] = asList(await node.ask('ROLE'))
    if (role !== 'master') return `${node.port} is ${role}`
    offsets.set(node.id, Number(offset))
  }
  for (const node of live) {
    const primaryId = lines.get(node.id)?.primaryId ?? ''
    if (primaryId === '') continue
    const [, host, port, link, seen] = asList(await node.ask('ROLE'))
    const wanted = offsets.get(primaryId)
    if (wanted === undefined) return `the primary of ${node.port} is down`
    if (`${host}:${port}` !== lines.get(primaryId)?.address) return `${node.port} follows ${host}:${port}`
    if (link !== 'connected' || Number(seen) < wanted) return `${node.port} is ${link} at ${seen}/${wanted}`
  }
  return ''
}
