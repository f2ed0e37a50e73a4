/** How much is measured. `smoke` proves in seconds that the harness works; its figures mean nothing. */
export interface Sizes {
  readonly rounds: number
  /** Of one party in one round under a load that goes on for a while. */
  readonly seconds: number
  /** Parts of that in which few and many stored series take turns, so that they are compared within seconds of each other. */
  readonly windows: number
  /** Groups of three series. */
  readonly jobs: number
  /** Groups of a hundred series: what "a million series" is. */
  readonly groups: number
  /** Numbers of groups at which growth is looked at; the last is `groups`. */
  readonly growth: readonly number[]
  /** Numbers of replicas at which growth is looked at. */
  readonly replicas: readonly number[]
  /** Of the open loop beside scrapes: this long in every round. */
  readonly openSeconds: number
  /** Of the measures that find out what a rest looks like. */
  readonly idleSeconds: number
  readonly pushesPerSecond: number
  readonly scrapers: number
  /** Times that every series of remote write, or point of OTLP, is sent in a round. */
  readonly times: number
  /** Senders, of a thousand series each. */
  readonly senders: number
}

const SIZES: Readonly<Record<'full' | 'smoke', Sizes>> = {
  full: {
    rounds: 5,
    seconds: 3,
    windows: 3,
    jobs: 1000,
    groups: 10_000,
    growth: [10, 100, 1000, 10_000],
    replicas: [1, 2, 3, 4],
    openSeconds: 12,
    idleSeconds: 5,
    pushesPerSecond: 1000,
    scrapers: 50,
    times: 20,
    senders: 100,
  },
  smoke: {
    rounds: 1,
    seconds: 0.2,
    windows: 1,
    jobs: 50,
    groups: 100,
    growth: [10, 100],
    replicas: [1, 2],
    openSeconds: 0.3,
    idleSeconds: 0.3,
    pushesPerSecond: 200,
    scrapers: 3,
    times: 2,
    senders: 4,
  },
}

export type SizeName = keyof typeof SIZES

const { PGR_BENCH_SIZE, PGR_BENCH_ROUNDS } = process.env

export const sizeName: SizeName = PGR_BENCH_SIZE === 'smoke' ? 'smoke' : 'full'

/** `PGR_BENCH_SIZE` and, where that is not enough, `PGR_BENCH_ROUNDS`. */
export const sizes: Sizes = {
  ...SIZES[sizeName],
  ...(PGR_BENCH_ROUNDS === undefined ? {} : { rounds: Number(PGR_BENCH_ROUNDS) }),
}

export const SERIES_PER_GROUP = 100
