import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosProxy, Direction } from '../support/chaos-proxy.ts'
import type { RedisServer } from '../support/redis-server.ts'
import type { Pgr } from '../support/start-pgr.ts'
import type { Chance } from './chance.ts'
import type { Excuses } from './history.ts'

/** One way to break something. */
export interface Upset {
  readonly name: string
  readonly excuses: Partial<Excuses>
  /** Breaks it, repairs it, and resolves when the next thing may break. */
  inflict(chance: Chance): Promise<void>
}

const SHORTEST_MS = 1000
const LONGEST_MS = 8000
/** The deadline of a push is 3 s, and its sender gives up after 5. */
const FREEZE_GATEWAY_MS = [3500, 7500] as const

/** What a failover that nobody prepared may do to what was acknowledged just before. */
export const FAILOVER: Partial<Excuses> = {
  mayLose: true,
  lossReachMs: 2000,
  mayHideForMs: 5000,
  mayRefuse: true,
  recoverWithinMs: 5000,
}

/** Nothing is lost, something is away. */
export const OUTAGE: Partial<Excuses> = { mayRefuse: true, recoverWithinMs: 5000 }

/** Between one and eight seconds. */
export function someMs(chance: Chance): number {
  return Math.round(SHORTEST_MS + chance.next() * (LONGEST_MS - SHORTEST_MS))
}

/** What cannot be told at once: who it is decides nothing about the numbers that are drawn. */
export interface Ground {
  nodes(): Promise<readonly RedisServer[]>
  proxyOf(node: RedisServer): ChaosProxy
  /** Resolves when one more node may be lost. */
  settled(): Promise<void>
}

/** Whatever has data nodes behind proxies suffers these. */
export function upsetsOfNodes({ nodes, proxyOf, settled }: Ground, cutExcuses: Partial<Excuses>): Upset[] {
  return [
    {
      name: 'kill a node',
      excuses: FAILOVER,
      async inflict(chance) {
        const awayMs = someMs(chance)
        const node = chance.pick(await nodes())
        await node.kill()
        await sleep(awayMs)
        await node.restart()
        await settled()
      },
    },
    {
      name: 'freeze a node',
      excuses: FAILOVER,
      async inflict(chance) {
        const awayMs = someMs(chance)
        const node = chance.pick(await nodes())
        node.freeze()
        await sleep(awayMs)
        node.thaw()
        await settled()
      },
    },
    {
      name: 'cut a node off',
      excuses: cutExcuses,
      async inflict(chance) {
        const awayMs = someMs(chance)
        const direction = chance.pick<Direction>(['to-server', 'to-client', 'both'])
        const proxy = proxyOf(chance.pick(await nodes()))
        proxy.cut(direction)
        await sleep(awayMs)
        await proxy.heal()
        await settled()
      },
    },
    {
      name: 'reset all connections',
      excuses: OUTAGE,
      async inflict() {
        for (const node of await nodes()) proxyOf(node).reset()
        await settled()
      },
    },
  ]
}

/** Stops time for a gateway until the deadlines of its pushes are over; `avoided` has it meanwhile. */
export function freezeGateway(gateways: readonly Pgr[], avoided: Set<number>): Upset {
  return {
    name: 'freeze a gateway',
    excuses: { ...OUTAGE, mayStall: true },
    async inflict(chance) {
      const [shortestMs, longestMs] = FREEZE_GATEWAY_MS
      const frozenMs = shortestMs + chance.next() * (longestMs - shortestMs)
      const replica = chance.below(gateways.length)
      const gateway = gateways[replica]
      if (gateway === undefined) throw new Error(`there is no gateway ${replica}`)
      gateway.freeze()
      avoided.add(replica)
      await sleep(frozenMs)
      gateway.thaw()
      await sleep(SHORTEST_MS)
      avoided.delete(replica)
    },
  }
}
