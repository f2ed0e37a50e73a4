/** One party in one round. */
export interface Sample {
  /** What of a measure: a case of it, such as `1 % changed, gzip`. */
  readonly what: string
  readonly party: string
  readonly round: number
  readonly values: Values
}

export type Metric = keyof typeof METRICS
export type Values = Readonly<Partial<Record<Metric, number>>>

/** What is measured, with its unit. CPU is of a unit of work: a push, a scrape, a sample. */
export const METRICS = {
  perSecond: { text: 'rate', unit: '/s' },
  perGatewaySecond: { text: 'per CPU second without Redis', unit: '/s' },
  perCpuSecond: { text: 'per CPU second, Redis included', unit: '/s' },
  p50Ms: { text: 'latency p50', unit: 'ms' },
  p99Ms: { text: 'latency p99', unit: 'ms' },
  maxMs: { text: 'longest', unit: 'ms' },
  scrapeMs: { text: 'scrape', unit: 'ms' },
  insideMs: { text: 'scrape, by the gateway itself', unit: 'ms' },
  startMs: { text: 'exec to first complete page', unit: 'ms' },
  pageBytes: { text: 'page', unit: 'B' },
  gatewayUs: { text: 'CPU of the gateway', unit: 'µs' },
  redisUs: { text: 'CPU of Redis', unit: 'µs' },
  generatorUs: { text: 'CPU of the generator', unit: 'µs' },
  generatorShare: { text: 'generator, of one core', unit: '' },
  residentBytes: { text: 'gateway resident', unit: 'B' },
  peakBytes: { text: 'gateway peak', unit: 'B' },
  redisPeakBytes: { text: 'Redis peak', unit: 'B' },
  bytesPerSeries: { text: 'per series', unit: 'B' },
} as const satisfies Record<string, { text: string; unit: string }>

export interface Measured {
  readonly id: string
  readonly title: string
  /** Whom ratios are taken to, where it took part. */
  readonly peer?: string
  readonly seconds: number
  readonly samples: readonly Sample[]
}

/** All rounds of one metric of one party. */
export interface Summary {
  readonly what: string
  readonly party: string
  readonly metric: Metric
  readonly median: number
  readonly min: number
  readonly max: number
  /** To the peer, as `ratioOf` says. */
  readonly ratio?: number
}

/** What was measured in each round. Where there are several in one, as of several replicas, the last of them. */
export type Rounds = ReadonlyMap<number, number>

export function roundsOf(samples: readonly Sample[], what: string, party: string, metric: Metric): Rounds {
  const rounds = new Map<number, number>()
  for (const sample of samples) {
    const value = sample.values[metric]
    if (sample.what === what && sample.party === party && value !== undefined) rounds.set(sample.round, value)
  }
  return rounds
}

/**
 * How many times one is what the other is: the median over the rounds, because in a round both work within the same seconds, and
 * what the machine does then meets both. Not a number when there is no round of both.
 */
export function ratioOf(rounds: Rounds, base: Rounds): number {
  const ratios: number[] = []
  for (const [round, value] of rounds) {
    const divisor = base.get(round)
    if (divisor !== undefined && divisor > 0) ratios.push(value / divisor)
  }
  return median(ratios)
}

export function summarise({ samples, peer }: Pick<Measured, 'samples' | 'peer'>): Summary[] {
  const all = new Map<string, { what: string; party: string; metric: Metric; values: number[] }>()
  for (const { what, party, values } of samples) {
    for (const [metric, value] of Object.entries(values) as [Metric, number][]) {
      const key = [what, party, metric].join('\n')
      const known = all.get(key)
      if (known === undefined) all.set(key, { what, party, metric, values: [value] })
      else known.values.push(value)
    }
  }
  return [...all.values()].map(({ what, party, metric, values }) => {
    const rounds = (of: string) => roundsOf(samples, what, of, metric)
    const ratio = peer === undefined || peer === party ? Number.NaN : ratioOf(rounds(party), rounds(peer))
    return {
      what,
      party,
      metric,
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      ...(Number.isNaN(ratio) ? {} : { ratio }),
    }
  })
}

/** Of an even number of values the mean of the two in the middle; of none not a number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
