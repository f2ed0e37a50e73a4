import { OtlpLoad, type Services } from '../bodies/otlp-load.ts'
import { alternate, type Measure } from '../harness/measure.ts'
import {
  bareNode,
  COLLECTOR,
  collector,
  type Party,
  PROMETHEUS_3,
  pgrOnRedis,
  prometheus,
  withParties,
} from '../harness/parties.ts'
import { noteSent, readPage, sendAll } from '../harness/sending.ts'
import { sizes } from '../settings.ts'

const POINTS = 1000
const ALL_POINTS = sizes.senders * POINTS
/** Deltas cost several times as much, and nobody else takes part. */
const TIMES = { cumulative: sizes.times, delta: Math.max(2, sizes.times / 10) }

export const otlp: Measure = {
  id: 'B6',
  title: `OTLP in protobuf, ${ALL_POINTS.toLocaleString('en')} sums with 6 attributes again and again, ${POINTS.toLocaleString('en')} in a request`,
  peer: COLLECTOR,
  async run(record) {
    for (const temporality of ['cumulative', 'delta'] as const) {
      // Prometheus takes no deltas.
      const peers = temporality === 'cumulative' ? [() => prometheus('otlp'), collector, bareNode] : []
      await withParties([() => pgrOnRedis(), ...peers], async (parties) => {
        const senders = new Map(parties.map((party) => [party, new Sender(party, temporality)]))
        for (const sender of senders.values()) await sender.send(1)
        await alternate(parties, sizes.rounds, async (party, round) => {
          const sender = senders.get(party) as Sender
          const times = TIMES[temporality]
          const work = { what: `${temporality} points`, party, round, units: times * ALL_POINTS }
          await noteSent(record, work, async () => {
            await sender.send(times / 2)
            await Promise.all([
              isPgr(party) ? readPage(`${party.url}/metrics`) : undefined,
              sender.send(times / 2),
            ])
          })
        })
        for (const party of parties.filter(isPgr)) await checkPage(party, senders.get(party) as Sender)
        record.notePeaks(parties)
      })
    }
  },
}

function isPgr({ name }: Party): boolean {
  return name.startsWith('pgr')
}

/** The first series of the first process. */
const FIRST =
  /^http_server_requests_0_total\{http_request_method="POST",[^}]*thing\/0",instance="api-7d9c4b5f6d-0",[^}]*\} (\S+)$/m

async function checkPage({ name, url }: Party, { firstValue }: Sender): Promise<void> {
  const page = await readPage(`${url}/metrics`)
  const shown = page.match(/^http_server_requests/gm)?.length
  const value = Number(FIRST.exec(page)?.[1])
  if (shown !== ALL_POINTS || value !== firstValue)
    throw new Error(
      `${name} shows ${shown} series of ${ALL_POINTS}, the first as ${value} instead of ${firstValue}`,
    )
}

class Sender {
  private readonly party: Party
  private readonly load: OtlpLoad
  private readonly isDelta: boolean
  private time = 0
  private lastMs = 0
  /** What its first series has to show. */
  firstValue = 0

  constructor(party: Party, temporality: Services['temporality']) {
    this.party = party
    this.isDelta = temporality === 'delta'
    this.load = new OtlpLoad({ processes: sizes.senders, points: POINTS, temporality })
  }

  /** Sends every point so many times. */
  async send(times: number): Promise<void> {
    const path = this.party.name === PROMETHEUS_3 ? '/api/v1/otlp/v1/metrics' : '/v1/metrics'
    for (let n = 0; n < times; n++) {
      // Two deltas of one time would be the same one.
      this.lastMs = Math.max(Date.now(), this.lastMs + 1)
      const [time, timeMs] = [++this.time, this.lastMs]
      this.firstValue = this.isDelta ? this.firstValue + time : time
      await sendAll({
        url: `${this.party.url}${path}`,
        headers: { 'content-type': 'application/x-protobuf' },
        bodies: sizes.senders,
        body: (process) => this.load.body(process, time, timeMs),
      })
    }
  }
}
