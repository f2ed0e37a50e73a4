import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pgr } from '../support/start-pgr.ts'
import { makeChance } from './chance.ts'
import {
  type Checker,
  type CheckerOptions,
  checkHistory,
  describeViolations,
  type Verdict,
} from './checker.ts'
import { type FaultResult, rowOf } from './fault-case.ts'
import { type History, makeHistory } from './history.ts'
import { RULES, type RuleName } from './rules/rule.ts'
import { seriesOf } from './tokens.ts'
import type { Upset } from './upsets.ts'
import { startWorkload, type WorkloadOptions } from './workload.ts'

export interface SoakOptions {
  readonly name: string
  readonly seed: number
  readonly minutes: number
  readonly gateways: readonly Pgr[]
  readonly workload?: Omit<Partial<WorkloadOptions>, 'replicas' | 'history' | 'seed'>
  readonly checker?: Omit<Partial<CheckerOptions>, 'seriesPerUnit'>
  readonly upsets: readonly Upset[]
  /** From the beginning of one upset to the next one, unless that takes longer. */
  readonly everyMs?: number
  /** Is told how it goes, and the verdict. */
  say(line: string): void
}

export interface SoakResult extends FaultResult {
  /** How often each upset came. */
  readonly upsets: ReadonlyMap<string, number>
  /** Most that the process of this test took. */
  readonly harnessBytes: number
}

const EVERY_MS = 5000
const QUIET_MS = 1000
const WARM_UP_MS = 3000
const SAY_EVERY_MS = 10_000
const QUIESCE_WITHIN_MS = 60_000
const MIB = 1024 * 1024

/**
 * Breaks something at random again and again under load, and judges in the end; violations are told as they come. The
 * one who calls it stops the gateways.
 */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { name, seed, minutes, gateways, upsets, everyMs = EVERY_MS } = options
  const say = (line: string) => options.say(`${name} ${line}`)
  say(`${minutes} minutes, PGR_SOAK_SEED=${seed}`)
  const history = makeHistory()
  const seriesPerUnit = seriesOf(options.workload?.families ?? 2)
  const checker = checkHistory(history, { seriesPerUnit, ...options.checker })
  const replicas = gateways.map(({ url }) => url)
  const workload = await startWorkload({ ...options.workload, seed, replicas, history })
  const progress = startProgress(history, checker, say)
  const chance = makeChance(seed)
  const times = new Map<string, number>()
  try {
    await sleep(WARM_UP_MS)
    const endMs = performance.now() + minutes * 60_000
    while (performance.now() < endMs) {
      const nextMs = performance.now() + everyMs
      const upset = chance.pick(upsets)
      times.set(upset.name, (times.get(upset.name) ?? 0) + 1)
      progress.now(upset.name)
      const running = history.beginFault(upset.name, upset.excuses)
      await upset.inflict(chance)
      running.end()
      progress.now('nothing')
      await sleep(Math.max(QUIET_MS, nextMs - performance.now()))
    }
    progress.now('quiet')
    await workload.quiesce(QUIESCE_WITHIN_MS)
  } catch (reason) {
    say(`stopped by ${reason instanceof Error ? reason.message : String(reason)}`)
    throw reason
  } finally {
    progress.end()
    await workload.stop()
  }
  const verdict = checker.conclude()
  const row = rowOf(name, `${minutes} min, ${[...times.values()].reduce((a, b) => a + b, 0)} upsets`, verdict)
  const harnessBytes = process.resourceUsage().maxRSS * 1024
  say(`seed ${seed}: ${[...times].map(([what, count]) => `${count} × ${what}`).join(', ')}`)
  for (const line of verdictTable(verdict)) say(line)
  say(
    `acked ${row.acked} confirmed ${verdict.losses.confirmed} lost ${row.lost} uncertain ${verdict.losses.uncertain} told ${row.toldLost} resubmitted ${row.resubmitted} unknown ${row.unknown} history ${verdict.told.historyLosses} scrapes ${verdict.scrapes} (${verdict.failedScrapes} failed) longest errors ${row.longestErrorWindowMs} ms first ack ${row.firstAckMs} ms series ${verdict.series} harness ${Math.round(harnessBytes / MIB)} MB`,
  )
  const { PGR_FAULTS_REPORT: report } = process.env
  if (report !== undefined && report !== '') appendFileSync(report, `${JSON.stringify(row)}\n`)
  return { ...row, verdict, upsets: times, harnessBytes }
}

/** One line for each rule. */
function verdictTable(verdict: Verdict): string[] {
  const lines = Object.entries(RULES).map(([rule, promise]) => {
    const times = verdict.count.get(rule as RuleName) ?? 0
    return `${rule.padEnd(3)} ${(times === 0 ? 'holds' : `broken ×${times}`).padEnd(12)} ${promise}`
  })
  return [...lines, ...describeViolations(verdict)]
}

/** A line every ten seconds, and one for every violation. */
function startProgress(history: History, checker: Checker, say: (line: string) => void) {
  let what = 'warming up'
  let acked = 0
  let errors = 0
  let told = 0
  let sinceMs = performance.now()
  let complained = 0
  const resident = new Map<number, number>()
  const readings = new Map<number, { lostWrites: number; resubmittedWrites: number }>()
  history.listen((event) => {
    if (event.kind === 'push.ended') {
      if (event.answer.outcome === 'ok') acked++
      else errors++
    }
    if (event.kind === 'scrape.ended' && event.answer.status !== 200) errors++
    if (event.kind === 'reading') {
      resident.set(event.replica, event.reading.residentBytes)
      readings.set(event.replica, event.reading)
    }
  })

  function complain(): void {
    const { violations } = checker.soFar()
    for (const { rule, finding, atMs } of violations.slice(complained))
      say(`${stamp(atMs)} VIOLATION ${rule} ${finding} (during: ${what})`)
    complained = violations.length
  }

  function line(): void {
    complain()
    const nowMs = performance.now()
    const perSecond = Math.round((acked * 1000) / (nowMs - sinceMs))
    const { lost, gone } = checker.soFar().losses
    const sum = (of: (reading: { lostWrites: number; resubmittedWrites: number }) => number) =>
      [...readings.values()].reduce((total, reading) => total + of(reading), 0)
    told = sum(({ lostWrites }) => lostWrites)
    const resubmitted = sum(({ resubmittedWrites }) => resubmittedWrites)
    const memory = [...resident.values()].map((bytes) => Math.round(bytes / MIB)).join('/')
    const own = Math.round(process.memoryUsage.rss() / MIB)
    say(
      `${stamp(nowMs - history.startMs)} ${what}: acked/s ${perSecond} lost ${lost + gone} told ${told} resubmitted ${resubmitted} errors ${errors} gateways ${memory} MB harness ${own} MB`,
    )
    acked = 0
    errors = 0
    sinceMs = nowMs
  }

  const timer = setInterval(line, SAY_EVERY_MS)
  return {
    now(doing: string) {
      complain()
      what = doing
    },
    end() {
      clearInterval(timer)
      line()
    },
  }
}

function stamp(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`
}
