import { type PushLoad, pushClosed, pushEach } from '../harness/generators.ts'
import { alternate, type Measure, pushValues, spend } from '../harness/measure.ts'
import {
  bareNode,
  bareNodeOnRedis,
  bareNodeOnStore,
  type Party,
  PGR_WORKERS,
  PUSHGATEWAY,
  pgrEmbedded,
  pgrOnRedis,
  pushgateway,
  withParties,
} from '../harness/parties.ts'
import { sizes } from '../settings.ts'

const CONNECTIONS = 16
/** Each round begins with a second that does not count, because every party was idle while the others worked. */
const WARM_SECONDS = Math.min(1, sizes.seconds)
const LOAD: PushLoad = { kind: 'three', method: 'POST', to: sizes.jobs }

export const pushRate: Measure = {
  id: 'B1',
  title: `pushes of 3 series, ${sizes.jobs.toLocaleString('en')} groups, ${CONNECTIONS} connections`,
  peer: PUSHGATEWAY,
  run: (record) =>
    withParties(
      [
        () => pgrOnRedis(),
        () => pgrOnRedis({ name: PGR_WORKERS, flags: ['--workers=2'] }),
        pgrEmbedded,
        () => pushgateway('off'),
        () => pushgateway('on'),
        bareNodeOnStore,
        bareNodeOnRedis,
        bareNode,
      ],
      async (parties) => {
        const push = ({ url }: Party, seconds: number) =>
          pushClosed({ urls: [url], connections: CONNECTIONS, seconds, load: LOAD })
        // Groups are there, and code is compiled, before anything counts.
        for (const party of parties) {
          await pushEach({ urls: [party.url], connections: CONNECTIONS, load: LOAD })
          await push(party, sizes.seconds)
        }
        await alternate(parties, sizes.rounds, async (party, round) => {
          await push(party, WARM_SECONDS)
          const { result, ...spent } = await spend(party, () => push(party, Math.max(1, sizes.seconds)))
          record.note('push', party, round, pushValues(result, spent))
        })
        record.notePeaks(parties)
      },
    ),
}
