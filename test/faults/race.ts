import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { type FaultResult, runFaultCase } from './fault-case.ts'

export interface RaceOptions {
  readonly id: string
  readonly name: string
  readonly rounds: number
  /** On a machine too slow for all of them, fewer. */
  readonly mostMs: number
}

/** Two gateways race PUT, POST and DELETE on one group; the last write is a PUT. */
export async function runRace({ id, name, rounds, mostMs }: RaceOptions): Promise<FaultResult> {
  const rig = await startRedis()
  const gateways = await Promise.all([1, 2].map(() => startPgr({ flags: [`--redis.endpoint=${rig.url}`] })))
  return runFaultCase({
    id,
    name,
    rig,
    gateways,
    workload: {
      writers: 8,
      ratePerSecond: Number.POSITIVE_INFINITY,
      tokenGroups: 1,
      unique: false,
      kinds: ['put', 'post', 'delete'],
      // Often: on a quick machine the race is soon over.
      scrapeEveryMs: 20,
    },
    async fault({ workload }) {
      const endMs = performance.now() + mostMs
      while (workload.acked() < rounds && performance.now() < endMs) await workload.nextAck(1000)
    },
    // The last of them may be a delete, which leaves nothing to compare.
    checker: { leastSeries: 0 },
    afterMs: 0,
  })
}
