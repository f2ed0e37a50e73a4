import { partitionOf, unitId } from '../../src/model/unit.ts'
import { keyspace, PARTITIONS } from '../../src/store/redis/keys.ts'
import { type ClusterRig, type ClusterRigOptions, startClusterRig } from '../support/cluster-rig.ts'
import { askForView, type ClusterNode } from '../support/cluster-view.ts'
import { readCounter } from '../support/partition-meta.ts'
import { startPgr } from '../support/start-pgr.ts'
import { type FaultCase, type FaultContext, type FaultResult, runFaultCase } from './fault-case.ts'
import type { Event } from './history.ts'
import type { Workload } from './workload.ts'

export interface ClusterFaultContext extends FaultContext {
  readonly rig: ClusterRig
}

export interface ClusterCase extends Omit<FaultCase, 'rig' | 'gateways' | 'fault'> {
  readonly rig?: ClusterRigOptions
  /** Of every gateway, besides where the nodes are. */
  readonly flags?: readonly string[]
  readonly fault: (context: ClusterFaultContext) => Promise<void>
}

export interface ClusterResult extends FaultResult {
  /** Writes that the partitions counted from first to last. */
  readonly applied: number
}

const GATEWAYS = 3
const RESHARDED = 2000
const KEYS = keyspace('pgr')

/** Three gateways before three primaries with a replica each, of their own, while something breaks. */
export async function runClusterCase({
  rig: rigOptions,
  flags = [],
  fault,
  ...rest
}: ClusterCase): Promise<ClusterResult> {
  const rig = await startClusterRig(rigOptions)
  let applied = Number.NaN
  const own = [`--redis.endpoint=${rig.endpoints.join(',')}`, ...flags]
  const started = await Promise.allSettled(Array.from({ length: GATEWAYS }, () => startPgr({ flags: own })))
  const gateways = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = started.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(gateways.map((gateway) => gateway.kill()))
    await rig.stop()
    throw failed.reason
  }
  const result = await runFaultCase({
    ...rest,
    gateways,
    fault: (context) => fault({ ...context, rig }),
    rig: {
      async stop() {
        applied = await sumVersions(rig).catch(() => Number.NaN)
        await rig.stop()
      },
    },
  })
  return { ...result, applied }
}

/** Two thousand slots go from one primary to the next and back again, so many times. */
export function runReshardCase(
  id: string,
  rounds: number,
): Promise<ClusterResult & { readonly moved: number }> {
  let moved = 0
  const running = runClusterCase({
    id,
    name: `${RESHARDED} slots of a Cluster move to another node and back, ${rounds === 1 ? 'once' : `${rounds} times`}`,
    // Nothing expires meanwhile: what housekeeping does counts as a version, too.
    workload: { writers: 8, ratePerSecond: 300, ttlMs: 600_000 },
    async fault({ rig }) {
      const [one, other] = await rig.primaries()
      if (one === undefined || other === undefined) throw new Error('the rig has too few primaries')
      for (let turn = 0; turn < 2 * rounds; turn++) {
        const [from, to] = turn % 2 === 0 ? [one, other] : [other, one]
        const before = await partitionsOf(to)
        await rig.reshard({ from, to, slots: RESHARDED }).finished()
        await rig.settled()
        moved += (await partitionsOf(to)).size - before.size
      }
    },
    afterMs: 1000,
  })
  return running.then((result) => ({ ...result, moved }))
}

/** The versions of all partitions, each of which counts the writes it took. */
async function sumVersions(rig: ClusterRig): Promise<number> {
  let sum = 0
  for (const primary of await rig.primaries()) {
    for (const partition of await partitionsOf(primary)) {
      const [meta = ''] = keysOfPartition(partition)
      sum += await readCounter(primary.ask, meta, 'v')
    }
  }
  return sum
}

/** The partitions a node has, by its own account. */
export async function partitionsOf(node: ClusterNode): Promise<Set<number>> {
  const own = (await askForView(node)).find(({ id }) => id === node.id)
  const has = (slot: number) => own?.ranges.some(([first, last]) => first <= slot && slot <= last) === true
  return new Set([...KEYS.partitions.keys()].filter((partition) => has(slotOfPartition(partition))))
}

export function slotOfPartition(partition: number): number {
  return KEYS.slots[partition] ?? 0
}

export function keysOfPartition(partition: number): readonly string[] {
  return KEYS.partitions[partition] ?? []
}

/** The partition of a group of the workload, `<job>/<name>`. */
function partitionOfUnit(unit: string): number {
  const [job = '', name = ''] = unit.split('/')
  const labels = [
    { name: 'group', value: name },
    { name: 'job', value: job },
  ]
  return partitionOf(unitId('group', labels), PARTITIONS)
}

export interface Outcome {
  readonly partition: number
  readonly isAcknowledged: boolean
  readonly startMs: number
  readonly tookMs: number
}

/** Every push to a group that ends from now on. */
export function collectOutcomes({ history }: Workload): readonly Outcome[] {
  const outcomes: Outcome[] = []
  history.listen((event: Event) => {
    if (event.kind !== 'push.ended') return
    const { push, answer, endMs } = event
    outcomes.push({
      partition: partitionOfUnit(push.unit),
      isAcknowledged: answer.outcome === 'ok',
      startMs: push.startMs,
      tookMs: endMs - push.startMs,
    })
  })
  return outcomes
}
