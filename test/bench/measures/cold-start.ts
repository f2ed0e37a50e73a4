import { freePort } from '../../support/free-port.ts'
import { keepPushing, scrape } from '../harness/generators.ts'
import { costs, type Measure, spend } from '../harness/measure.ts'
import { ENCODINGS, NAME_OF, theMillion } from '../harness/pair.ts'
import { pgrReplica } from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

/** Often enough to meet whatever holds a push up, too seldom to take the machine's time. */
const PUSHES_PER_SECOND = 50

/** A whole page compares with the one of a replica that has run for long: its text is the same, its compression is not. */
const FEWEST_BYTES = { identity: 0.99, gzip: 0.8 } as const

export const coldStart: Measure = {
  id: 'B7',
  title: `exec to the first complete page of ${(sizes.groups * SERIES_PER_GROUP).toLocaleString('en')} series, pushes to another replica meanwhile`,
  async run(record) {
    const { pgr, groups } = await theMillion()
    if (pgr.redis === undefined) throw new Error('the replica has no Redis')
    for (let round = 0; round < sizes.rounds; round++) {
      for (const encoding of ENCODINGS) {
        const { bytes } = await scrape({ url: `${pgr.url}/metrics`, encoding, count: 1 })
        const pushing = keepPushing({
          urls: [pgr.url],
          connections: 4,
          rate: PUSHES_PER_SECOND,
          load: { kind: 'beside', method: 'POST', to: groups },
        })
        const port = await freePort()
        const page = scrape({ url: `http://127.0.0.1:${port}/metrics`, encoding, count: 1, persist: true })
        const startedAtMs = performance.timeOrigin + performance.now()
        const cold = await pgrReplica(pgr.redis, {
          flags: ['--redis.expiration=0'],
          port,
          waitFor: 'nothing',
        })
        try {
          const { result, ...spent } = await spend(cold, () => page)
          if (result.bytes < bytes * FEWEST_BYTES[encoding])
            throw new Error(`the first page has ${result.bytes} bytes, that of another replica ${bytes}`)
          record.note(`cold start, ${NAME_OF[encoding]}`, cold, round, {
            startMs: result.endedAtMs - startedAtMs,
            ...costs(1, spent, result.cpuSeconds),
          })
        } finally {
          await cold.stop()
        }
        const { p50Ms, p99Ms, maxMs } = await pushing.stop()
        record.note(`pushes meanwhile, ${NAME_OF[encoding]}`, pgr, round, { p50Ms, p99Ms, maxMs })
      }
    }
  },
}
