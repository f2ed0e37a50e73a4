import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import { type Counters, countersOf } from './activity.ts'
import type { Event } from './events.ts'
import { countsOf, merge } from './merge.ts'
import { collectProcessMetrics, familiesOf, reloadGauges } from './metrics.ts'
import type { Family, Snapshot } from './snapshot.ts'
import { type LogOptions, openTelling, type Telling } from './telemetry.ts'

/** Name of the process that looks after the workers, where each of those has its number. */
const SUPERVISOR = 'supervisor'

/** Telemetry of all workers of a host. */
export interface HostTelemetry extends Telling {
  /**
   * One page, text 0.0.4, from what the workers say now. For one that did not answer stands what it said last; what was
   * counted by those that ended is counted on, so that no counter goes back.
   */
  page(answers: ReadonlyMap<number, Snapshot>): Promise<{ contentType: string; body: string }>
  /** What all of them counted, from the same. */
  counters(answers: ReadonlyMap<number, Snapshot>): Counters
  /** A worker ended. */
  retire(worker: number): void
}

interface HostOptions extends Omit<LogOptions, 'worker'> {
  /** How many there are to be. */
  readonly workers: number
  /** How many answer requests now. */
  readonly serving: () => number
}

export function openHostTelemetry(options: HostOptions): HostTelemetry {
  const registry = new Registry()
  const registers = [registry]
  const ofProcess = collectProcessMetrics(registry)
  const countReload = reloadGauges(registers)
  const wanted = new Gauge({ name: 'pgr_workers', help: 'Worker processes there are to be.', registers })
  wanted.set(options.workers)
  const serving = new Gauge({
    name: 'pgr_workers_serving',
    help: 'Worker processes that answer requests.',
    registers,
  })
  const losses = new Counter({
    name: 'pgr_worker_losses_total',
    help: 'Worker processes that ended unasked and were replaced.',
    registers,
  })
  const silent = new Gauge({
    name: 'pgr_telemetry_missing_workers',
    help: 'Workers that did not say in time what this page is made of: what they said before is on it, if anything.',
    registers,
  })
  const last = new Map<number, Snapshot>()
  let ended: Snapshot = []

  function count(event: Event): void {
    if (event.kind === 'reload') countReload(event)
    if (event.kind === 'worker.ended') losses.inc()
  }

  /** Takes in what they say, and answers with what all say, by their numbers. */
  function learn(answers: ReadonlyMap<number, Snapshot>): (readonly [number, Snapshot])[] {
    for (const [worker, snapshot] of answers) last.set(worker, snapshot)
    return [...last].sort(([one], [other]) => one - other)
  }

  return {
    ...openTelling({ ...options, worker: SUPERVISOR }, { count }),
    async page(answers) {
      const workers = learn(answers)
      serving.set(options.serving())
      silent.set(options.workers - answers.size)
      const own = await familiesOf(registry, ofProcess)
      const merged = merge([
        [SUPERVISOR, own],
        ...workers.map(([worker, snapshot]) => [String(worker), snapshot] as const),
        ['', ended],
      ])
      return render([...merged, pushesBy(workers)])
    },
    counters(answers) {
      const workers = learn(answers).map(([worker, snapshot]) => [String(worker), snapshot] as const)
      return countersOf(merge([...workers, ['', ended]]))
    },
    retire(worker) {
      const snapshot = last.get(worker)
      if (snapshot === undefined) return
      last.delete(worker)
      ended = merge([
        ['', ended],
        ['', countsOf(snapshot)],
      ])
    },
  }
}

/** Whether the workers share the work: connections stay with the one that took them. */
function pushesBy(workers: readonly (readonly [number, Snapshot])[]): Family {
  const values = workers.map(([worker, snapshot]) => ({
    labels: { worker },
    value: snapshot
      .filter(({ name }) => name === 'pgr_requests_total')
      .flatMap((family) => family.values)
      .reduce((sum, { value }) => sum + value, 0),
  }))
  const help = 'Pushes, ingests, remote writes, OTLP exports and deletions answered, by worker.'
  return { name: 'pgr_worker_requests_total', help, type: 'counter', rule: 'sum', values }
}

async function render(families: Snapshot): Promise<{ contentType: string; body: string }> {
  const page = new Registry()
  for (const family of families) {
    const metric = { name: family.name, get: async () => family }
    // The registry asks a metric for its name and its values, and its types for all of the class they come from.
    page.registerMetric(metric as unknown as Metric)
  }
  return { contentType: page.contentType, body: await page.metrics() }
}
