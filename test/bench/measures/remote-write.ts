import { RemoteWriteLoad } from '../bodies/remote-write-load.ts'
import { alternate, type Measure } from '../harness/measure.ts'
import {
  bareNode,
  FLOOR,
  type Party,
  PROMETHEUS,
  pgrOnRedis,
  prometheus,
  withParties,
} from '../harness/parties.ts'
import { noteSent, readPage, sendAll } from '../harness/sending.ts'
import { sizes } from '../settings.ts'
import { noteDecoding } from './formats.ts'

const SERIES_PER_SENDER = 1000
const SERIES = sizes.senders * SERIES_PER_SENDER
const BATCH = 2000

export const remoteWrite: Measure = {
  id: 'B5',
  title: `remote write 1.0, ${SERIES.toLocaleString('en')} series again and again, ${BATCH.toLocaleString('en')} in a request`,
  peer: PROMETHEUS,
  async run(record) {
    await noteDecoding(record)
    await withParties([() => pgrOnRedis(), () => prometheus('remote-write'), bareNode], async (parties) => {
      const load = new RemoteWriteLoad({
        targets: sizes.senders,
        seriesPerTarget: SERIES_PER_SENDER,
        batch: BATCH,
      })
      const sender = new Sender(load)
      for (const party of parties) await sender.send(party, 1)
      await alternate(parties, sizes.rounds, async (party, round) => {
        const units = sizes.times * SERIES
        await noteSent(record, { what: 'samples', party, round, units }, async () => {
          await sender.send(party, sizes.times / 2)
          // A round is about as long as the time between two scrapes.
          await Promise.all([
            isScraped(party) ? readPage(`${party.url}/metrics`) : undefined,
            sender.send(party, sizes.times / 2),
          ])
        })
      })
      for (const party of parties.filter(isScraped)) {
        const page = await readPage(`${party.url}/metrics`)
        const shown = page.match(/^http_requests/gm)?.length
        if (shown !== SERIES) throw new Error(`${party.name} shows ${shown} series of ${SERIES}`)
      }
      record.notePeaks(parties)
    })
  },
}

function isScraped({ name }: Party): boolean {
  return name !== PROMETHEUS && name !== FLOOR
}

class Sender {
  private readonly load: RemoteWriteLoad
  /** What tells the values of one time from those of the next. */
  private time = 0

  constructor(load: RemoteWriteLoad) {
    this.load = load
  }

  /** Sends every series so many times. */
  async send({ url }: Party, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const time = ++this.time
      const timestampMs = Date.now()
      await sendAll({
        url: `${url}/api/v1/write`,
        headers: {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
        },
        bodies: this.load.batches,
        body: (batch) => this.load.body(batch, time, timestampMs),
      })
    }
  }
}
