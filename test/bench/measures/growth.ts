import { pushEach, pushOpen } from '../harness/generators.ts'
import {
  alternate,
  type Measure,
  pushValues,
  type Recorder,
  scrapeValues,
  spend,
} from '../harness/measure.ts'
import { Pair, theMillion } from '../harness/pair.ts'
import { type Party, PUSHGATEWAY, pgrReplica } from '../harness/parties.ts'
import { memoryOf } from '../harness/processes.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'
import { pushBeside, pushInto } from './push-latency.ts'

/** Changed between two scrapes wherever something else grows. */
const SHARE = 0.01

export function seriesOf(groups: number): string {
  return `${groups * SERIES_PER_GROUP} series`
}

export const growthOfSeries: Measure = {
  id: 'growth-series',
  title: 'costs over the series that are stored',
  peer: PUSHGATEWAY,
  async run(record) {
    const pair = await Pair.start(0)
    const emptyBytes = await pair.pgr.redis?.usedBytes()
    try {
      for (const groups of sizes.growth) {
        await pair.grow(groups)
        const load = { kind: 'beside', method: 'POST', to: groups } as const
        for (const { url } of pair.parties) await pushEach({ urls: [url], connections: 16, load })
        await alternate(pair.parties, sizes.rounds, async (party, round) => {
          const { result, ...spent } = await pushBeside(pair, party, sizes.seconds / 2)
          record.note(pushInto(groups), party, round, pushValues(result, spent))
        })
        // What the pushes changed is on the page before less is.
        for (const party of pair.parties) await pair.scrape(party, 'gzip')
        await alternate(pair.parties, sizes.rounds, async (party, round) => {
          await pair.change(party, SHARE)
          const { result, ...spent } = await pair.scrape(party, 'gzip')
          record.note(`scrape of ${seriesOf(groups)}`, party, round, scrapeValues(result, spent))
        })
        const series = groups * SERIES_PER_GROUP
        for (const party of pair.parties) {
          const { residentBytes } = memoryOf(party.gatewayPids)
          const what = `gateway with ${seriesOf(groups)}`
          record.note(what, party, 0, { residentBytes, bytesPerSeries: residentBytes / series })
        }
        const redisBytes = ((await pair.pgr.redis?.usedBytes()) ?? 0) - (emptyBytes ?? 0)
        record.note(`Redis with ${seriesOf(groups)}`, pair.pgr, 0, { bytesPerSeries: redisBytes / series })
      }
    } finally {
      await pair.stop()
    }
  },
}

/** Besides the 1 % and the whole that budgets are about. */
export const SHARES = [0, 0.001, 0.1, 0.5] as const

export const growthOfChanges: Measure = {
  id: 'growth-changes',
  title: 'time of a scrape over the share that has changed since the last',
  async run(record) {
    const pair = await theMillion()
    for (let round = 0; round < sizes.rounds; round++)
      for (const share of SHARES) await pair.noteScrape(record, pair.pgr, round, share)
  },
}

/** Of groups, a tenth of the usual: what is looked at is what replicas cost each other. */
const REPLICA_GROUPS = Math.round(sizes.groups / 10)

export const growthOfReplicas: Measure = {
  id: 'growth-replicas',
  title: `costs over replicas, ${sizes.pushesPerSecond} pushes a second spread over them, ${seriesOf(REPLICA_GROUPS)}`,
  async run(record) {
    const pair = await Pair.start(REPLICA_GROUPS, 'alone')
    const { redis } = pair.pgr
    if (redis === undefined) throw new Error('the replica has no Redis')
    const replicas: Party[] = [pair.pgr]
    try {
      for (const count of sizes.replicas) {
        while (replicas.length < count)
          replicas.push(await pgrReplica(redis, { flags: ['--redis.expiration=0'] }))
        for (let round = 0; round < sizes.rounds; round++) await notePushes(record, pair, replicas, round)
        // What the pushes changed is on every page before less is.
        for (const replica of replicas) await pair.scrape(replica, 'gzip')
        for (let round = 0; round < sizes.rounds; round++) await noteScrapes(record, pair, replicas, round)
      }
    } finally {
      await Promise.all(replicas.slice(1).map((replica) => replica.stop()))
      await pair.stop()
    }
  },
}

/** Pushes at a steady rate to all replicas in turn; their CPU is that of all gateways. */
async function notePushes(record: Recorder, pair: Pair, replicas: readonly Party[], round: number) {
  const all = { ...pair.pgr, gatewayPids: replicas.flatMap(({ gatewayPids }) => gatewayPids) }
  const { result, ...spent } = await spend(all, () =>
    pushOpen({
      urls: replicas.map(({ url }) => url),
      connections: 64,
      rate: sizes.pushesPerSecond,
      seconds: sizes.seconds,
      load: { kind: 'beside', method: 'POST', to: pair.groups },
    }),
  )
  record.note(`pushes, ${replicas.length} replicas`, all, round, pushValues(result, spent))
}

async function noteScrapes(record: Recorder, pair: Pair, replicas: readonly Party[], round: number) {
  await pair.change(pair.pgr, SHARE)
  for (const replica of replicas) {
    const { result, ...spent } = await pair.scrape(replica, 'gzip')
    record.note(`scrape of each, ${replicas.length} replicas`, replica, round, scrapeValues(result, spent))
  }
}
