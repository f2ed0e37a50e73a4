import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { makeChance } from './chance.ts'
import { type FaultResult, runFaultCase } from './fault-case.ts'
import { openSeat, type Seat } from './seat.ts'
import type { Workload } from './workload.ts'

export interface KillOptions {
  readonly id: string
  /** Given the number of kills. */
  readonly name: (kills: string) => string
  readonly kills: number
  /** On a machine too slow for all of them in this time, fewer, but so many at least. */
  readonly mostMs: number
  readonly leastKills: number
}

export interface KillResult extends FaultResult {
  readonly kills: number
  /** Pushes that the killed gateways left without an answer. */
  readonly interrupted: number
  /** Pushes that the gateway that was left alone did not accept. */
  readonly hindered: number
}

const VICTIMS = 2
/** To different groups, and with much to read and to write in each. */
const IN_FLIGHT = 8
const FAMILIES = 30
const WITHIN_MS = 20

/** Gateways are killed with pushes in flight and started anew, beside one that is left alone. */
export async function runKills({ id, name, kills, mostMs, leastKills }: KillOptions): Promise<KillResult> {
  const rig = await startRedis()
  const flags = [`--redis.endpoint=${rig.url}`]
  const seats = await Promise.all(Array.from({ length: VICTIMS }, () => openSeat(flags)))
  const survivor = await startPgr({ flags })
  let killed = 0
  let interrupted = 0
  let hindered = 0

  async function haunt(place: number, seat: Seat, workload: Workload, endMs: number): Promise<void> {
    const chance = makeChance(place + 1)
    for (; killed < leastKills || (killed < kills && performance.now() < endMs); killed++) {
      const units = Array.from({ length: IN_FLIGHT }, (_, n) => `killed/${place}-${n}`)
      const sent = units.map((unit) => workload.send(place + 1, 'put', unit))
      await sleep(chance.next() * WITHIN_MS)
      await seat.kill()
      await Promise.all(sent)
      // Whatever the dead one began stands in nobody's way.
      await workload.send(0, 'post', chance.pick(units))
      await seat.reseat()
    }
  }

  const result = await runFaultCase({
    id,
    name: () => name(killed.toLocaleString('en')),
    rig,
    gateways: [survivor, ...seats],
    workload: { families: FAMILIES, ratePerSecond: 30, scrapeEveryMs: 200, ttlMs: 5000 },
    allows: { mayRefuse: true, mayReset: true, recoverWithinMs: 1000 },
    async fault({ workload }) {
      workload.history.listen((event) => {
        if (event.kind !== 'push.ended') return
        if (event.answer.broken === 'reset') interrupted++
        if (event.push.replica === 0 && event.answer.outcome !== 'ok') hindered++
      })
      const endMs = performance.now() + mostMs
      await Promise.all(seats.map((seat, place) => haunt(place, seat, workload, endMs)))
    },
    afterMs: 500,
  })
  return { ...result, kills: killed, interrupted, hindered }
}
