import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  firstLimit,
  linear,
  loadOf,
  MOST_BUSY,
  MOST_BUSY_WITHOUT_ONE,
  planOf,
  renewedShare,
  shapeOf,
  shardOf,
  smallestFor,
  type UnitCosts,
} from '../../../examples/capacity/model.js'
import { simulate } from '../../../examples/capacity/simulation.js'

const costs = JSON.parse(
  readFileSync(new URL('../../../docs/benchmarks/costs.json', import.meta.url), 'utf8'),
) as UnitCosts

const FLEET = {
  pushes: 10_000,
  series: 10_000_000,
  scrapers: 1000,
  interval: 15,
  pushInterval: 15,
  pollInterval: 1,
  linkGbits: 10,
}
const SMALL = { ...FLEET, pushes: 500, series: 100_000, scrapers: 4 }
const SERVERS = { replicas: 2, primaries: 1 }

const mostBusy = (busy: Readonly<Record<string, number>>) => Math.max(...Object.values(busy))

describe('the costs', () => {
  it('are all there, and cost something', () => {
    const leaves = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value]
    const { measuredOn: _, ...measured } = costs
    const figures = leaves(measured)
    expect(figures.length).toBeGreaterThan(50)
    expect(figures.filter((figure) => typeof figure !== 'number' || !(figure >= 0))).toEqual([])
  })
})

describe('the model', () => {
  it('divides pushes between gateways, and not what each of them follows', () => {
    const two = loadOf(SMALL, { replicas: 2, primaries: 1 }, costs)
    const four = loadOf(SMALL, { replicas: 4, primaries: 1 }, costs)
    expect(two.gateway.pushes / four.gateway.pushes).toBeCloseTo(2)
    expect(four.gateway.changes).toBe(two.gateway.changes)
    expect(four.busy.redis).toBeGreaterThan(two.busy.redis)
  })

  it('divides the work of Redis between primaries', () => {
    const one = loadOf(SMALL, { replicas: 2, primaries: 1 }, costs)
    const three = loadOf(SMALL, { replicas: 2, primaries: 3 }, costs)
    expect(one.busy.redis / three.busy.redis).toBeCloseTo(3)
    expect(three.busy.gateway).toBe(one.busy.gateway)
  })

  it('has each push read by each gateway once, and only the last of several to a group', () => {
    const seriesPerPush = shapeOf(SMALL, costs).seriesPerPush
    const us = linear(costs.gatewayUs.change, seriesPerPush)
    const { gateway } = loadOf(SMALL, SERVERS, costs)
    expect(gateway.changes).toBeCloseTo((500 * us + costs.gatewayUs.poll) / 1e6)
    // Pushed ten times between two looks.
    const often = { ...SMALL, scrapers: 1e-9, pushInterval: 0.1 }
    expect(loadOf(often, SERVERS, costs).gateway.changes).toBeCloseTo(
      (50 * linear(costs.gatewayUs.change, 2000) + costs.gatewayUs.poll) / 1e6,
    )
  })

  it.each([
    ['nothing, of nothing', 0, 25, 0],
    ['everything, of everything', 1, 25, 1],
    ['as much as changed, with one block in a segment', 0.1, 1, 0.1],
    ['far more than changed, with many', 0.1, 25, 0.928],
  ])('renews %s', (_what, changed, blocks, renewed) => {
    expect(renewedShare(changed, blocks)).toBeCloseTo(renewed, 3)
  })

  it('finds the smallest number of servers that is enough, also with a gateway missing', () => {
    for (const fleet of [SMALL, shardOf(FLEET, 20), shardOf(FLEET, 8)]) {
      const found = smallestFor(fleet, costs)
      if (found === undefined) throw new Error('nothing is enough')
      const { replicas, primaries, load } = found
      expect(mostBusy(load.busy)).toBeLessThanOrEqual(MOST_BUSY)
      const withoutOne = loadOf(fleet, { replicas: replicas - 1, primaries }, costs)
      expect(mostBusy(withoutOne.busy)).toBeLessThanOrEqual(MOST_BUSY_WITHOUT_ONE)
      if (replicas > 2) {
        const fewer = { replicas: replicas - 1, primaries: 64 }
        const isEnough =
          mostBusy(loadOf(fleet, fewer, costs).busy) <= MOST_BUSY &&
          mostBusy(loadOf(fleet, { replicas: replicas - 2, primaries: 64 }, costs).busy) <=
            MOST_BUSY_WITHOUT_ONE
        expect(isEnough).toBe(false)
      }
    }
  })

  it('has a first limit exactly where one store is not enough', () => {
    expect(firstLimit(SMALL, costs)).toBeUndefined()
    const limit = firstLimit(FLEET, costs)
    if (limit === undefined) throw new Error('one store takes all of it')
    expect(limit.share).toBeLessThan(1)
    expect(smallestFor(shardOf(FLEET, 1 / limit.share), costs)).toBeDefined()
    expect(smallestFor(shardOf(FLEET, 1 / (1.01 * limit.share)), costs)).toBeUndefined()
    expect(planOf(FLEET, costs)?.shards).toBeGreaterThan(1)
    expect(planOf(SMALL, costs)?.shards).toBe(1)
  })
})

describe('the simulation', () => {
  it('plays the same with the same seed, and otherwise with another', () => {
    const play = (seed: number) => simulate(SMALL, SERVERS, costs, { seconds: 5, seed })
    expect(play(1)).toEqual(play(1))
    expect(play(2)).not.toEqual(play(1))
  })

  it('keeps everything as busy as the model says', () => {
    const played = simulate(SMALL, SERVERS, costs, { seconds: 60 })
    const { busy } = loadOf(SMALL, SERVERS, costs)
    expect(Math.abs(played.busy.redis / busy.redis - 1)).toBeLessThan(0.1)
    expect(Math.abs(played.busy.gateway / busy.gateway - 1)).toBeLessThan(0.15)
    expect(played.pushes.count / (60 * SMALL.pushes)).toBeCloseTo(1, 1)
    expect(played.scrapes.count).toBeGreaterThan(10)
  })

  it('answers a push that waits for nobody after its work and the ways', () => {
    const lone = {
      ...SMALL,
      pushes: 1,
      series: 4,
      pushInterval: 1,
      scrapers: 1,
      interval: 1000,
      pollInterval: 1000,
    }
    const { pushes } = simulate(lone, SERVERS, costs, { seconds: 100, roundTripMs: 0.2 })
    const us = linear(costs.gatewayUs.push, 4) + linear(costs.redisUs.push, 4) + 2 * 200
    expect(pushes.p50Ms).toBeCloseTo(us / 1000, 5)
  })

  it('has pushes wait as a queue does', () => {
    // One gateway without other work: an M/D/1 queue, where half of the time is waited 0.5 × load / (1 - load) service times.
    const quiet = {
      ...SMALL,
      series: 4 * 15 * 2500,
      pushes: 2500,
      scrapers: 1,
      interval: 1e6,
      pollInterval: 1e6,
    }
    const us = linear(costs.gatewayUs.push, 4)
    const load = (2500 * us) / 1e6
    const busy = simulate(quiet, { replicas: 1, primaries: 8 }, costs, { seconds: 30, roundTripMs: 0 })
    expect(busy.busy.gateway).toBeCloseTo(load, 1)
    const alone = us + linear(costs.redisUs.push, 4)
    expect(busy.pushes.p50Ms * 1000).toBeGreaterThan(alone)
    expect(busy.pushes.p99Ms * 1000).toBeLessThan(alone + (10 * us * load) / (1 - load))
  })

  it('is slower where threads share cores', () => {
    const apart = simulate(SMALL, SERVERS, costs, { seconds: 10 })
    const together = simulate(SMALL, SERVERS, costs, { seconds: 10, cores: 1 })
    expect(together.pushes.p99Ms).toBeGreaterThan(apart.pushes.p99Ms)
    expect(together.busy.gateway).toBeCloseTo(apart.busy.gateway, 1)
  })
})
