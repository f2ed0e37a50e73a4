import { scrape } from '../harness/generators.ts'
import { alternate, type Measure, type Recorder, scrapeValues } from '../harness/measure.ts'
import { ENCODINGS, NAME_OF, type Pair, theMillion } from '../harness/pair.ts'
import { type Party, PUSHGATEWAY, pgrReplica } from '../harness/parties.ts'
import { memoryOf } from '../harness/processes.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

const SERIES = (sizes.groups * SERIES_PER_GROUP).toLocaleString('en')
const SCRAPES_BEFORE_MEMORY = 10
const UNCHANGED_SCRAPES = 10

export const scrapeAfterFew: Measure = {
  id: 'B3',
  title: `scrape of ${SERIES} series, 1 % of groups changed`,
  peer: PUSHGATEWAY,
  run: (record) => scrapeAfter(record, 0.01),
}

export const scrapeAfterAll: Measure = {
  id: 'B10',
  title: `scrape of ${SERIES} series, all changed`,
  peer: PUSHGATEWAY,
  run: (record) => scrapeAfter(record, 1),
}

async function scrapeAfter(record: Recorder, share: number): Promise<void> {
  const pair = await theMillion()
  await alternate(pair.parties, sizes.rounds, (party, round) => pair.noteScrape(record, party, round, share))
}

export const memory: Measure = {
  id: 'B4',
  title: `memory at ${SERIES} series, after ${SCRAPES_BEFORE_MEMORY} scrapes`,
  peer: PUSHGATEWAY,
  async run(record) {
    const pair = await theMillion()
    for (const party of pair.parties) {
      for (let n = pair.scrapesOf(party); n < SCRAPES_BEFORE_MEMORY; n++)
        await pair.scrape(party, ENCODINGS[n % 2] ?? 'gzip')
      const { residentBytes, peakBytes } = memoryOf(party.gatewayPids)
      const redis = party.redis === undefined ? {} : { redisPeakBytes: memoryOf([party.redis.pid]).peakBytes }
      record.note('memory', party, 0, {
        residentBytes,
        peakBytes,
        bytesPerSeries: residentBytes / (pair.groups * SERIES_PER_GROUP),
        ...redis,
      })
    }
    await noteGzipAlone(record, pair)
  },
}

/** How much a replica takes that nobody asks for plain text, as no Prometheus does. */
export const GZIP_ALONE = 'memory, scraped in gzip alone'

async function noteGzipAlone(record: Recorder, { pgr, groups }: Pair): Promise<void> {
  if (pgr.redis === undefined) throw new Error('the replica has no Redis')
  const replica = await pgrReplica(pgr.redis, { flags: ['--redis.expiration=0'] })
  try {
    await scrape({ url: `${replica.url}/metrics`, encoding: 'gzip', count: SCRAPES_BEFORE_MEMORY })
    const { residentBytes, peakBytes } = memoryOf(replica.gatewayPids)
    const bytesPerSeries = residentBytes / (groups * SERIES_PER_GROUP)
    record.note(GZIP_ALONE, replica, 0, { residentBytes, peakBytes, bytesPerSeries })
  } finally {
    await replica.stop()
  }
}

export const scrapeUnchanged: Measure = {
  id: 'unchanged',
  title: `scrape of ${SERIES} series, nothing changed`,
  async run(record) {
    const pair = await theMillion()
    for (let round = 0; round < sizes.rounds; round++) {
      for (const encoding of ENCODINGS) {
        await pair.scrape(pair.pgr, encoding, 2)
        const before = await insideSeconds(pair.pgr)
        const { result, ...spent } = await pair.scrape(pair.pgr, encoding, UNCHANGED_SCRAPES)
        const inside = (await insideSeconds(pair.pgr)) - before
        record.note(`nothing changed, ${NAME_OF[encoding]}`, pair.pgr, round, {
          ...scrapeValues(result, spent),
          insideMs: (inside * 1000) / UNCHANGED_SCRAPES,
        })
      }
    }
  },
}

/** How long a gateway says that all its scrapes took. */
async function insideSeconds({ url }: Party): Promise<number> {
  const page = await (await fetch(`${url}/telemetry`)).text()
  const sums = [...page.matchAll(/^pgr_scrape_duration_seconds_sum(?:\{[^}]*\})? (\S+)/gm)]
  return sums.reduce((total, [, seconds]) => total + Number(seconds), 0)
}
