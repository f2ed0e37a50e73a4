import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pgr } from '../support/start-pgr.ts'
import { type CheckerOptions, checkHistory, describeViolations, type Verdict } from './checker.ts'
import type { FaultRow } from './fault-table.ts'
import { type Excuses, makeHistory } from './history.ts'
import type { Target } from './target.ts'
import { seriesOf } from './tokens.ts'
import { startWorkload, type Workload, type WorkloadOptions } from './workload.ts'

export interface FaultContext {
  readonly gateways: readonly Pgr[]
  readonly workload: Workload
  /** Says that the fault is repaired now, when more is to be done in the case; it is when `fault` resolves at the latest. */
  repaired(): void
}

export interface FaultCase {
  /** Such as F7; rows of one id replace each other in the table. */
  readonly id: string
  /** A function is asked at the end, when it is known how much was done. */
  readonly name: string | (() => string)
  /** Stopped at the end, after the gateways. */
  readonly rig: { stop(): Promise<unknown> }
  readonly gateways: readonly Pgr[]
  /** How the workload reaches them, in their order; by their URLs unless given. */
  readonly replicas?: readonly Target[]
  readonly workload?: Omit<Partial<WorkloadOptions>, 'replicas' | 'history'>
  /** Breaks something and resolves once it is repaired. The fault counts from before the call. */
  readonly fault: (context: FaultContext) => Promise<void>
  /** Nothing by default: then no push may fail, and nothing be late, lost or missing. */
  readonly allows?: Partial<Excuses>
  readonly checker?: Omit<Partial<CheckerOptions>, 'seriesPerUnit'>
  readonly warmUpMs?: number
  /** Traffic goes on for so long after the repair. */
  readonly afterMs?: number
}

export interface FaultResult extends FaultRow {
  readonly verdict: Verdict
}

const WARM_UP_MS = 2000
const AFTER_MS = 3000

/**
 * Drives the gateways, breaks something, lets it recover, waits for quiet and judges. Resolves with what happened, also
 * when there are violations: the case says what it expects. The row goes to the file that PGR_FAULTS_REPORT names.
 */
export async function runFaultCase(options: FaultCase): Promise<FaultResult> {
  const { id, rig, gateways, fault, allows } = options
  const nameOf = () => (typeof options.name === 'string' ? options.name : options.name())
  const { warmUpMs = WARM_UP_MS, afterMs = AFTER_MS } = options
  const history = makeHistory()
  const seriesPerUnit = seriesOf(options.workload?.families ?? 2)
  const checker = checkHistory(history, { seriesPerUnit, ...options.checker })
  let workload: Workload | undefined
  try {
    workload = await startWorkload({
      ...options.workload,
      replicas: options.replicas ?? gateways.map(({ url }) => url),
      history,
    })
    await sleep(warmUpMs)
    const running = history.beginFault(nameOf(), allows)
    await fault({ gateways, workload, repaired: () => running.end() })
    running.end()
    await sleep(afterMs)
    await workload.quiesce()
  } finally {
    await workload?.stop()
    await Promise.all(gateways.map((gateway) => gateway.kill()))
    await rig.stop()
  }
  const verdict = checker.conclude()
  const row = rowOf(id, nameOf(), verdict)
  reportRow(row)
  return { ...row, verdict }
}

/** Adds a row to the file that PGR_FAULTS_REPORT names, if it does. */
export function reportRow(row: FaultRow): void {
  const { PGR_FAULTS_REPORT: report } = process.env
  if (report !== undefined && report !== '') appendFileSync(report, `${JSON.stringify(row)}\n`)
}

/** What a verdict says in one line of the table. */
export function rowOf(id: string, name: string, verdict: Verdict): FaultRow {
  return {
    id,
    name,
    acked: verdict.acked,
    lost: verdict.losses.lost + verdict.losses.gone,
    toldLost: verdict.told.lostWrites,
    resubmitted: verdict.told.resubmittedWrites,
    unknown: verdict.unknown,
    longestErrorWindowMs: verdict.longestErrorWindowMs,
    firstAckMs: verdict.firstAckMs === undefined ? undefined : Math.round(verdict.firstAckMs),
    violations: describeViolations(verdict),
  }
}
