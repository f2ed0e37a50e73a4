import type { Pushed, Scraped } from './generators.ts'
import type { Party } from './parties.ts'
import { cpuSecondsOf, memoryOf } from './processes.ts'
import type { Sample, Values } from './results.ts'

/** One thing that is measured, for one budget or several, or for the growth of costs. */
export interface Measure {
  /** The budget it is for, where there is one. */
  readonly id: string
  readonly title: string
  /** The party that ratios are taken to. */
  readonly peer?: string
  run(record: Recorder): Promise<void>
}

/** Of every value that is kept; more are noise. */
const DIGITS = 6

/** Takes down what the rounds of a measure come to, and says how far it is. */
export class Recorder {
  readonly samples: Sample[] = []
  private readonly say: (progress: string) => void

  constructor(say: (progress: string) => void) {
    this.say = say
  }

  note(what: string, party: Pick<Party, 'name'>, round: number, values: Values): void {
    const rounded = Object.entries(values).map(([metric, value]) => [
      metric,
      Number(value.toPrecision(DIGITS)),
    ])
    this.samples.push({ what, party: party.name, round, values: Object.fromEntries(rounded) })
    this.say(`round ${round + 1}: ${party.name}, ${what}`)
  }

  /** The most memory that each party's programs have taken so far. */
  notePeaks(parties: readonly Party[]): void {
    for (const party of parties) {
      const values = {
        peakBytes: memoryOf(party.gatewayPids).peakBytes,
        ...(party.redis === undefined ? {} : { redisPeakBytes: memoryOf([party.redis.pid]).peakBytes }),
      }
      this.note('memory', party, 0, values)
    }
  }
}

/**
 * Has every party work in turn, in every round beginning with another one, so that what changes on the machine meanwhile
 * meets all of them.
 */
export async function alternate<P>(
  parties: readonly P[],
  rounds: number,
  work: (party: P, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < parties.length; turn++) {
      const party = parties[(round + turn) % parties.length]
      if (party !== undefined) await work(party, round)
    }
  }
}

export interface Spent {
  readonly seconds: number
  readonly gatewayCpuSeconds: number
  /** Absent where there is no Redis. */
  readonly redisCpuSeconds?: number
}

/** What a party spends on some work, its Redis told apart. */
export async function spend<T>(
  party: Party,
  work: () => Promise<T>,
): Promise<Spent & { readonly result: T }> {
  const redisPids = party.redis === undefined ? [] : [party.redis.pid]
  const gatewayBefore = cpuSecondsOf(party.gatewayPids)
  const redisBefore = cpuSecondsOf(redisPids)
  const startedMs = performance.now()
  const result = await work()
  return {
    result,
    seconds: (performance.now() - startedMs) / 1000,
    gatewayCpuSeconds: cpuSecondsOf(party.gatewayPids) - gatewayBefore,
    ...(redisPids.length === 0 ? {} : { redisCpuSeconds: cpuSecondsOf(redisPids) - redisBefore }),
  }
}

/** Of gateway and Redis together. */
export function cpuOf({ gatewayCpuSeconds, redisCpuSeconds = 0 }: Spent): number {
  return gatewayCpuSeconds + redisCpuSeconds
}

/** What pushes came to, with what they cost. */
export function pushValues(pushed: Pushed, spent: Spent): Values {
  const { requests, seconds, p50Ms, p99Ms, maxMs, cpuSeconds } = pushed
  return {
    perSecond: requests / seconds,
    perCpuSecond: requests / cpuOf(spent),
    p50Ms,
    p99Ms,
    maxMs,
    ...costs(requests, spent, cpuSeconds),
    generatorShare: cpuSeconds / seconds,
  }
}

/** What scrapes came to, the median of them, with what one of them cost. */
export function scrapeValues(scraped: Scraped, spent: Spent): Values {
  const { durationsMs, bytes, cpuSeconds } = scraped
  const sorted = [...durationsMs].sort((a, b) => a - b)
  return {
    scrapeMs: sorted[sorted.length >> 1] ?? Number.NaN,
    pageBytes: bytes,
    ...costs(durationsMs.length, spent, cpuSeconds),
  }
}

/** CPU of every program for one unit of work. */
export function costs(units: number, spent: Spent, generatorCpuSeconds: number): Values {
  return {
    gatewayUs: (spent.gatewayCpuSeconds * 1e6) / units,
    ...(spent.redisCpuSeconds === undefined ? {} : { redisUs: (spent.redisCpuSeconds * 1e6) / units }),
    generatorUs: (generatorCpuSeconds * 1e6) / units,
  }
}
