import { keepScraping, pushOpen, type Scraped, scrape } from '../harness/generators.ts'
import { alternate, type Measure, pushValues, type Spent, spend } from '../harness/measure.ts'
import { ENCODINGS, NAME_OF, type Pair, theMillion } from '../harness/pair.ts'
import { type Party, PUSHGATEWAY } from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

/** Far more than are needed at a time, so that a push waits for the gateway and not for a connection. */
const CONNECTIONS = 64
const SERIES = (sizes.groups * SERIES_PER_GROUP).toLocaleString('en')

export const IDLE = 'pushes, nothing else'

export const openLoop: Measure = {
  id: 'B8',
  title: `${sizes.pushesPerSecond} pushes a second, due at their times, while ${SERIES} series are scraped back to back`,
  peer: PUSHGATEWAY,
  async run(record) {
    const pair = await theMillion()
    await alternate(pair.parties, sizes.rounds, async (party, round) => {
      const idle = await pushing(pair, party, sizes.idleSeconds)
      record.note(IDLE, party, round, pushValues(idle.result, idle))
      // Pushgateway takes as long for either; the time goes to where they differ.
      for (const encoding of party === pair.pgr ? ENCODINGS : (['gzip'] as const)) {
        const url = `${party.url}/metrics`
        // What changed in all the time without scrapes is on the first page alone.
        await scrape({ url, encoding, scrapers: 1, count: 1 })
        const scraping = keepScraping({ url, encoding })
        const busy = await pushing(pair, party, sizes.openSeconds)
        const scraped = await scraping.stop()
        record.note(`pushes beside scrapes, ${NAME_OF[encoding]}`, party, round, {
          ...pushValues(busy.result, busy),
          scrapeMs: middle(scraped),
        })
      }
    })
  },
}

export const manyScrapers: Measure = {
  id: 'scrapers',
  title: `${sizes.scrapers} scrapers at once, ${SERIES} series, ${sizes.pushesPerSecond} pushes a second meanwhile`,
  async run(record) {
    const pair = await theMillion()
    const { pgr } = pair
    for (let round = 0; round < sizes.rounds; round++) {
      const pushes = pushing(pair, pgr, sizes.idleSeconds)
      const scraped = await scrape({
        url: `${pgr.url}/metrics`,
        encoding: 'gzip',
        scrapers: sizes.scrapers,
        count: 1,
      })
      const { result, ...spent } = await pushes
      record.note('all scraped, gzip', pgr, round, {
        scrapeMs: middle(scraped),
        maxMs: Math.max(...scraped.durationsMs),
        pageBytes: scraped.bytes,
      })
      record.note('pushes meanwhile', pgr, round, pushValues(result, spent))
    }
  },
}

function pushing(
  { groups }: Pair,
  party: Party,
  seconds: number,
): Promise<Spent & { result: Awaited<ReturnType<typeof pushOpen>> }> {
  const load = { kind: 'beside', method: 'POST', to: groups } as const
  const rate = sizes.pushesPerSecond
  return spend(party, () => pushOpen({ urls: [party.url], connections: CONNECTIONS, rate, seconds, load }))
}

function middle({ durationsMs }: Scraped): number {
  return [...durationsMs].sort((a, b) => a - b)[durationsMs.length >> 1] ?? Number.NaN
}
