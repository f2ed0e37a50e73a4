import { eventually } from '../support/eventually.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { type SentinelRig, type SentinelRigOptions, startSentinelRig } from '../support/sentinel-rig.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type FaultCase, type FaultContext, type FaultResult, runFaultCase } from './fault-case.ts'
import type { Excuses, History, Reading } from './history.ts'

export const GATEWAYS = 3
/**
 * A Sentinel asks a primary that it just met for the first time after a second: one that counts as down after a second
 * may be replaced before.
 */
export const DOWN_AFTER_MS = 2000

/**
 * What a failover may do. What the old primary had alone may have been shown, and vanish; of what was acknowledged, the
 * gateways write again what they remember, so that most cases ask for 0 to be lost.
 */
export const failover: Partial<Excuses> = {
  mayLose: true,
  lossReachMs: 1000,
  mayHideForMs: 3000,
  mayRefuse: true,
  recoverWithinMs: 3000,
}

export interface SentinelFaultContext extends FaultContext {
  readonly rig: SentinelRig
}

export interface SentinelCase extends Omit<FaultCase, 'rig' | 'gateways' | 'fault'> {
  readonly rig?: SentinelRigOptions
  /** Of every gateway, besides where the Sentinels are. */
  readonly flags?: readonly string[]
  readonly fault: (context: SentinelFaultContext) => Promise<void>
}

/** Something breaks behind three gateways that share a Sentinel rig of their own. */
export async function runSentinelCase(options: SentinelCase): Promise<FaultResult> {
  const { rig: rigOptions, flags = [], fault, ...rest } = options
  const rig = await startSentinelRig({ downAfterMs: DOWN_AFTER_MS, ...rigOptions })
  const all = Array.from({ length: GATEWAYS }, () => [...flagsFor(rig), ...flags])
  const gateways = await startGateways(rig, all)
  return runFaultCase({ ...rest, rig, gateways, fault: (context) => fault({ ...context, rig }) })
}

export function flagsFor(rig: Pick<SentinelRig, 'endpoint' | 'masterName'>): string[] {
  return [`--redis.endpoint=${rig.endpoint}`, `--redis.master-name=${rig.masterName}`]
}

/** One for each list of flags, ready; when one does not become so, the rig is stopped. */
export async function startGateways(
  rig: SentinelRig,
  flagsOfEach: readonly (readonly string[])[],
): Promise<Pgr[]> {
  const starts = await Promise.allSettled(flagsOfEach.map((flags) => startPgr({ flags })))
  const gateways: Pgr[] = []
  let failure: unknown
  for (const start of starts) {
    if (start.status === 'fulfilled') gateways.push(start.value)
    else failure ??= start.reason
  }
  if (failure === undefined) return gateways
  await Promise.all(gateways.map((gateway) => gateway.kill()))
  await rig.stop()
  throw failure
}

/** Resolves with the node that the Sentinels made primary in place of this one. */
export function successorOf(
  rig: SentinelRig,
  before: RedisServer,
  deadlineMs = 30_000,
): Promise<RedisServer> {
  return eventually(
    'another node is primary',
    () => rig.primary(),
    (now) => now !== before,
    { deadlineMs, intervalMs: 20 },
  )
}

/** Until Sentinels that did not agree on who leads vote again: twice the failover timeout of the rig. */
export const NEXT_VOTE_MS = 10_000

/** Whether they did not. */
export function wasVoteSplit({ sentinels }: SentinelRig): boolean {
  return sentinels.some((sentinel) => sentinel.child().output().includes('-failover-abort-not-elected'))
}

/** What became of the pushes that were sent between two moments, so far. */
export interface Count {
  acked(fromMs: number, toMs: number): number
  failed(fromMs: number, toMs: number): number
}

/** What the gateways did, from when it was made on. */
export interface Watch {
  readonly all: Count
  of(replica: number): Count
  /** What a gateway told last. */
  reading(replica: number): Reading | undefined
}

export function watchGateways(history: History): Watch {
  const pushes: { replica: number; startMs: number; isAcked: boolean }[] = []
  const readings = new Map<number, Reading>()
  history.listen((event) => {
    if (event.kind === 'reading') readings.set(event.replica, event.reading)
    if (event.kind !== 'push.ended') return
    const { replica, startMs } = event.push
    pushes.push({ replica, startMs, isAcked: event.answer.outcome === 'ok' })
  })
  const countOf = (replicas: readonly number[]): Count => {
    const count = (isAcked: boolean, fromMs: number, toMs: number): number =>
      pushes.filter(
        (push) =>
          push.isAcked === isAcked &&
          push.startMs >= fromMs &&
          push.startMs <= toMs &&
          replicas.includes(push.replica),
      ).length
    return { acked: (...time) => count(true, ...time), failed: (...time) => count(false, ...time) }
  }
  return {
    all: countOf(Array.from({ length: GATEWAYS }, (_, replica) => replica)),
    of: (replica) => countOf([replica]),
    reading: (replica) => readings.get(replica),
  }
}
