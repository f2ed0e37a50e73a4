import { afterEach, expect, it } from 'vitest'
import { startClusterRig } from '../support/cluster-rig.ts'
import { startSentinelRig } from '../support/sentinel-rig.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { clusterUpsets } from './cluster-upsets.ts'
import { sentinelUpsets } from './sentinel-upsets.ts'
import { runSoak } from './soak.ts'
import { soakSettings } from './soak-settings.ts'
import { freezeGateway, type Upset } from './upsets.ts'

const settings = soakSettings(process.env)
const minutes = settings.minutes / settings.topologies.length
const GATEWAYS = 3
const TOKEN_GROUPS = 40
const SERIES_PER_GROUP = 5
const HARNESS_BYTES = 1024 ** 3
/** As operators run them. */
const PERSISTENT = ['appendonly yes', 'appendfsync everysec', 'repl-backlog-size 16mb']
const FENCED = ['min-replicas-to-write 1', 'min-replicas-max-lag 2']

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

async function soak(name: string, flags: readonly string[], own: readonly Upset[]): Promise<void> {
  const gateways: Pgr[] = []
  for (let replica = 0; replica < GATEWAYS; replica++) {
    const gateway = await startPgr({ flags })
    stopping.push(() => gateway.kill())
    gateways.push(gateway)
  }
  const avoided = new Set<number>()
  const { violations, verdict, upsets, harnessBytes } = await runSoak({
    name,
    seed: settings.seed,
    minutes,
    gateways,
    upsets: [...own, freezeGateway(gateways, avoided)],
    workload: {
      writers: 8,
      ratePerSecond: 120,
      tokenGroups: TOKEN_GROUPS,
      ttlMs: 20_000,
      kinds: ['put', 'put', 'post', 'ingest'],
      uniqueKinds: ['put', 'post', 'ingest'],
      scrapeEveryMs: 700,
      retry: true,
      avoids: (replica) => avoided.has(replica),
    },
    checker: { leastSeries: TOKEN_GROUPS * SERIES_PER_GROUP },
    say: (line) => void process.stdout.write(`${line}\n`),
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(minutes * 60 * 30)
  expect([...upsets.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2 * minutes)
  expect(harnessBytes).toBeLessThan(HARNESS_BYTES)
}

it.runIf(settings.topologies.includes('sentinel'))('soak-sentinel: no promise breaks', async () => {
  const rig = await startSentinelRig({ proxied: true, directives: [...PERSISTENT, ...FENCED] })
  stopping.push(() => rig.stop())
  const flags = [`--redis.endpoint=${rig.endpoint}`, `--redis.master-name=${rig.masterName}`]
  await soak('soak-sentinel', flags, sentinelUpsets(rig))
})

it.runIf(settings.topologies.includes('cluster'))('soak-cluster: no promise breaks', async () => {
  // With one replica each, a primary that asked for one would refuse everything while the replica is away.
  const rig = await startClusterRig({ proxied: true, directives: PERSISTENT })
  stopping.push(() => rig.stop())
  await soak('soak-cluster', [`--redis.endpoint=${rig.endpoints.join(',')}`], clusterUpsets(rig))
})
