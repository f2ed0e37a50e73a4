import { setTimeout as sleep } from 'node:timers/promises'
import type { SentinelRig } from '../support/sentinel-rig.ts'
import { FAILOVER, someMs, type Upset, upsetsOfNodes } from './upsets.ts'

const SETTLED = { hurry: true, deadlineMs: 60_000 }

/** What may happen to a primary, its replicas and their Sentinels. */
export function sentinelUpsets(rig: SentinelRig): Upset[] {
  const settled = () => rig.settled(SETTLED)
  const ground = { nodes: async () => rig.nodes, proxyOf: rig.proxyOf, settled }
  return [
    // A primary that is cut off loses its place.
    ...upsetsOfNodes(ground, FAILOVER),
    {
      name: 'order a failover',
      excuses: FAILOVER,
      async inflict() {
        await rig.failover()
        await settled()
      },
    },
    {
      name: 'kill a sentinel',
      // The others are a majority: nobody notices.
      excuses: {},
      async inflict(chance) {
        const awayMs = someMs(chance)
        const sentinel = chance.pick(rig.sentinels)
        await sentinel.kill()
        await sleep(awayMs)
        await sentinel.restart()
        await settled()
      },
    },
  ]
}
