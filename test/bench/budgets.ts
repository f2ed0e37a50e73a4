import { whatOf } from './harness/pair.ts'
import { PGR, PGR_ALONE, PUSHGATEWAY, PUSHGATEWAY_CHECKED } from './harness/parties.ts'
import { type Measured, type Metric, median, ratioOf, roundsOf } from './harness/results.ts'
import { IDLE } from './measures/open-loop.ts'
import { SAME_FEW, STEADY_FEW, sameInto, steadyInto } from './measures/push-latency.ts'
import { GZIP_ALONE } from './measures/scrape.ts'
import { sizes } from './settings.ts'

/** A measure as budgets look at it; nothing is a number where it was not measured. */
interface Seen {
  /** Over the rounds. */
  median(what: string, party: string, metric: Metric): number
  /** As `ratioOf` says. */
  ratio(metric: Metric, of: Case, to: Case): number
}

type Case = readonly [what: string, party: string]

interface Wanted {
  readonly text: string
  readonly value: (seen: Seen) => number
  readonly atLeast?: number
  readonly atMost?: number
}

interface Budget {
  readonly id: string
  readonly work: string
  readonly wanted: readonly Wanted[]
}

export interface Verdict {
  readonly budget: string
  readonly text: string
  /** Absent when somebody that it takes did not take part. */
  readonly value?: number
  readonly limit: number
  readonly isMet?: boolean
}

const OPEN = 'pushes beside scrapes'

/** What pgr has to reach in a run. */
export const BUDGETS: readonly Budget[] = [
  {
    id: 'B1',
    work: 'pushes of 3 series, 1,000 groups, 16 connections, checked, through Redis',
    wanted: [
      {
        text: 'rate ÷ Pushgateway with its check off',
        value: toPeer('push', 'perSecond', PUSHGATEWAY),
        atLeast: 1,
      },
      {
        text: 'rate per CPU second of gateway and Redis ÷ Pushgateway with its check off',
        value: toPeer('push', 'perCpuSecond', PUSHGATEWAY),
        atLeast: 1,
      },
      {
        text: 'rate ÷ Pushgateway with its check on',
        value: toPeer('push', 'perSecond', PUSHGATEWAY_CHECKED),
        atLeast: 40,
      },
      {
        text: 'rate per CPU second of gateway and Redis ÷ Pushgateway with its check on',
        value: toPeer('push', 'perCpuSecond', PUSHGATEWAY_CHECKED),
        atLeast: 40,
      },
    ],
  },
  {
    id: 'B2',
    work: 'push p50 at a million stored series ÷ at a thousand',
    wanted: [
      {
        text: 'to all groups in turn at a steady rate, p50 ÷ p50',
        value: ratio('p50Ms', [steadyInto(sizes.groups), PGR], [STEADY_FEW, PGR]),
        atMost: 1.2,
      },
      {
        text: 'to the same ten groups as fast as they are answered, p50 ÷ p50',
        value: ratio('p50Ms', [sameInto(sizes.groups), PGR], [SAME_FEW, PGR]),
        atMost: 1.2,
      },
    ],
  },
  {
    id: 'B3',
    work: 'scrape of a million series, 1 % of groups changed, spread evenly',
    wanted: [
      {
        text: 'plain, time ÷ Pushgateway',
        value: toPeer(whatOf(0.01, 'identity'), 'scrapeMs', PUSHGATEWAY),
        atMost: 1 / 20,
      },
      {
        text: 'gzip, time ÷ Pushgateway',
        value: toPeer(whatOf(0.01, 'gzip'), 'scrapeMs', PUSHGATEWAY),
        atMost: 1 / 50,
      },
    ],
  },
  {
    id: 'B4',
    work: 'resident memory of a replica with a million series after 10 scrapes',
    wanted: [
      {
        text: 'scraped plain and in gzip, resident ÷ Pushgateway',
        value: toPeer('memory', 'residentBytes', PUSHGATEWAY),
        atMost: 1 / 3,
      },
      {
        text: 'scraped in gzip alone, resident ÷ Pushgateway',
        value: ratio('residentBytes', [GZIP_ALONE, PGR], ['memory', PUSHGATEWAY]),
        atMost: 1 / 3,
      },
    ],
  },
  {
    id: 'B5',
    work: 'remote write 1.0, 100,000 series again and again in batches of 2,000, through Redis, scraped meanwhile',
    wanted: [
      {
        text: 'samples per gateway CPU second',
        value: (seen) => seen.median('samples', PGR, 'perGatewaySecond'),
        atLeast: 200_000,
      },
      {
        text: 'decoding alone, samples per CPU second',
        value: (seen) => seen.median('decoding', PGR_ALONE, 'perGatewaySecond'),
        atLeast: 700_000,
      },
    ],
  },
  {
    id: 'B6',
    work: 'OTLP in protobuf, sums with 6 attributes, 1,000 points in a request, through Redis',
    wanted: [
      {
        text: 'points per gateway CPU second',
        value: (seen) => seen.median('cumulative points', PGR, 'perGatewaySecond'),
        atLeast: 100_000,
      },
    ],
  },
  {
    id: 'B7',
    work: 'exec to the first complete page with a million series in Redis',
    wanted: [
      { text: 'plain, ms', value: (seen) => seen.median('cold start, plain', PGR, 'startMs'), atMost: 3000 },
      { text: 'gzip, ms', value: (seen) => seen.median('cold start, gzip', PGR, 'startMs'), atMost: 3000 },
    ],
  },
  {
    id: 'B8',
    work: 'push p99, 1,000 pushes a second due at their times, while a million series are scraped back to back',
    wanted: [
      {
        text: 'gzip, p99 ÷ idle p99',
        value: ratio('p99Ms', [`${OPEN}, gzip`, PGR], [IDLE, PGR]),
        atMost: 5,
      },
      {
        text: 'plain, p99 ÷ idle p99',
        value: ratio('p99Ms', [`${OPEN}, plain`, PGR], [IDLE, PGR]),
        atMost: 5,
      },
    ],
  },
  {
    id: 'B9',
    work: 'memory of Redis per series, groups of 100, 118 bytes of text each, labels of high entropy',
    wanted: [
      { text: 'bytes', value: (seen) => seen.median('used_memory', PGR, 'bytesPerSeries'), atMost: 160 },
    ],
  },
  {
    id: 'B10',
    work: 'scrape of a million series, all changed',
    wanted: [
      {
        text: 'plain, time ÷ Pushgateway',
        value: toPeer(whatOf(1, 'identity'), 'scrapeMs', PUSHGATEWAY),
        atMost: 1,
      },
      {
        text: 'gzip, time ÷ Pushgateway',
        value: toPeer(whatOf(1, 'gzip'), 'scrapeMs', PUSHGATEWAY),
        atMost: 0.5,
      },
    ],
  },
]

function ratio(metric: Metric, of: Case, to: Case): Wanted['value'] {
  return (seen) => seen.ratio(metric, of, to)
}

function toPeer(what: string, metric: Metric, peer: string): Wanted['value'] {
  return ratio(metric, [what, PGR], [what, peer])
}

/** What of a budget was reached, by the measures of one run. */
export function judge(measures: readonly Measured[]): Verdict[] {
  const byId = new Map(measures.map((measured) => [measured.id, seenIn(measured)]))
  return BUDGETS.flatMap(({ id, wanted }) => {
    const seen = byId.get(id)
    if (seen === undefined) return []
    return wanted.map(({ text, value: compute, atLeast, atMost }) => {
      const value = compute(seen)
      const limit = atLeast ?? atMost ?? Number.NaN
      const verdict = {
        budget: id,
        text: `${text} ${atLeast === undefined ? '≤' : '≥'} ${shortly(limit)}`,
        limit,
      }
      if (Number.isNaN(value)) return verdict
      return { ...verdict, value, isMet: atLeast === undefined ? value <= limit : value >= limit }
    })
  })
}

function seenIn({ samples }: Measured): Seen {
  const rounds = (metric: Metric, [what, party]: Case) => roundsOf(samples, what, party, metric)
  return {
    median: (what, party, metric) => median([...rounds(metric, [what, party]).values()]),
    ratio: (metric, of, to) => ratioOf(rounds(metric, of), rounds(metric, to)),
  }
}

/** Fractions as they are spoken of. */
function shortly(limit: number): string {
  const whole = 1 / limit
  return limit < 0.5 && Math.abs(whole - Math.round(whole)) < 1e-9
    ? `1/${Math.round(whole)}`
    : limit.toLocaleString('en')
}
