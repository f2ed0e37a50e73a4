import type { CapacityFleet, CapacityLoad, Servers, UnitCosts } from './model.js'

export interface Answered {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Played {
  readonly seconds: number
  readonly busy: Omit<CapacityLoad['busy'], 'redisLink'>
  readonly pushes: Answered
  readonly scrapes: Answered
}

export declare function simulate(
  shard: CapacityFleet,
  servers: Servers,
  costs: UnitCosts,
  options?: {
    readonly seconds?: number
    readonly seed?: number
    readonly roundTripMs?: number
    readonly cores?: number
    readonly generatorUs?: number
  },
): Played
