import { makeFolder, removeFolder } from '../../support/child.ts'
import { freePort } from '../../support/free-port.ts'
import { keepPushing, pushEach, scrape } from '../harness/generators.ts'
import { alternate, costs, type Measure, spend } from '../harness/measure.ts'
import { ENCODINGS, type Encoding, FILLING_CONNECTIONS, NAME_OF, theMillion } from '../harness/pair.ts'
import {
  keptByPushgateway,
  type Party,
  PUSHGATEWAY_KEPT,
  pgrReplica,
  pushgatewayFrom,
} from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

/** Often enough to meet whatever holds a push up, too seldom to take the machine's time. */
const PUSHES_PER_SECOND = 50

/** Somebody that starts where a million series are kept. */
interface Start {
  /** Returns as soon as the process is there. */
  start(port: number): Promise<Party>
  /**
   * Its page is whole with this part of the bytes that a replica's has which has run for long: compressed otherwise, and what is
   * pushed meanwhile is not on everybody's.
   */
  readonly fewestBytes: Readonly<Record<Encoding, number>>
}

export const coldStart: Measure = {
  id: 'B7',
  title: `exec to the first complete page of ${(sizes.groups * SERIES_PER_GROUP).toLocaleString('en')} series, pushes to another replica meanwhile`,
  peer: PUSHGATEWAY_KEPT,
  async run(record) {
    const { pgr, groups } = await theMillion()
    const { redis } = pgr
    if (redis === undefined) throw new Error('the replica has no Redis')
    const folder = makeFolder('bench')
    try {
      const starts: Start[] = [
        {
          start: (port) => pgrReplica(redis, { flags: ['--redis.expiration=0'], port, waitFor: 'nothing' }),
          fewestBytes: { identity: 0.99, gzip: 0.8 },
        },
      ]
      const load = { kind: 'hundred', method: 'PUT', to: groups } as const
      const file = await keptByPushgateway(folder, (url) =>
        pushEach({ urls: [url], connections: FILLING_CONNECTIONS, load }),
      )
      if (file !== undefined) {
        starts.push({
          start: (port) => pushgatewayFrom(file, port),
          fewestBytes: { identity: 0.95, gzip: 0.6 },
        })
      }
      await alternate(starts, sizes.rounds, async ({ start, fewestBytes }, round) => {
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
          const cold = await start(port)
          try {
            const { result, ...spent } = await spend(cold, () => page)
            if (result.bytes < bytes * fewestBytes[encoding])
              throw new Error(`the first page has ${result.bytes} bytes, that of another replica ${bytes}`)
            record.note(`cold start, ${NAME_OF[encoding]}`, cold, round, {
              startMs: result.endedAtMs - startedAtMs,
              ...costs(1, spent, result.cpuSeconds),
            })
          } finally {
            await cold.stop()
          }
          const { p50Ms, p99Ms, maxMs } = await pushing.stop()
          // Of the replica that runs on, beside whom starts.
          if (cold.redis === redis)
            record.note(`pushes meanwhile, ${NAME_OF[encoding]}`, pgr, round, { p50Ms, p99Ms, maxMs })
        }
      })
    } finally {
      removeFolder(folder)
    }
  },
}
