import type { ClusterRig } from '../support/cluster-rig.ts'
import { askForView, type ClusterNode } from '../support/cluster-view.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { OUTAGE, type Upset, upsetsOfNodes } from './upsets.ts'

const SETTLED = { deadlineMs: 60_000 }
const FEWEST_SLOTS = 200
const MOST_SLOTS = 500

/** What may happen to a Cluster of primaries with a replica each. */
export function clusterUpsets(rig: ClusterRig): Upset[] {
  const settled = () => rig.settled(SETTLED)
  const nodeOf = (server: RedisServer): ClusterNode => {
    const node = rig.nodes.find(({ port }) => port === server.port)
    if (node === undefined) throw new Error(`the rig has no node on port ${server.port}`)
    return node
  }
  const ground = {
    nodes: async () => rig.nodes,
    proxyOf: (server: RedisServer) => rig.proxyOf(nodeOf(server)),
    settled,
  }
  return [
    // Only clients are cut off: to the other nodes it is as healthy as ever.
    ...upsetsOfNodes(ground, OUTAGE),
    {
      name: 'hand over to a replica',
      excuses: {},
      async inflict(chance) {
        const [replica] = await rig.replicasOf(chance.pick(await rig.primaries()))
        if (replica === undefined) throw new Error('a primary has no replica')
        await rig.failover(replica)
        await settled()
      },
    },
    {
      name: 'move slots',
      excuses: {},
      async inflict(chance) {
        const slots = FEWEST_SLOTS + chance.below(MOST_SLOTS - FEWEST_SLOTS)
        const primaries = await rig.primaries()
        const to = chance.pick(primaries)
        const others = primaries.filter((node) => node !== to)
        const counts = await Promise.all(others.map(slotsOf))
        const from = others[counts.indexOf(Math.max(...counts))]
        if (from === undefined) throw new Error('the rig has one primary only')
        await rig.reshard({ from, to, slots }).finished()
        await settled()
      },
    },
  ]
}

async function slotsOf(node: ClusterNode): Promise<number> {
  const own = (await askForView(node)).find(({ id }) => id === node.id)
  return (own?.ranges ?? []).reduce((sum, [first, last]) => sum + last - first + 1, 0)
}
