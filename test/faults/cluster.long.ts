import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { ClusterNode } from '../support/cluster-view.ts'
import {
  type ClusterFaultContext,
  collectOutcomes,
  keysOfPartition,
  type Outcome,
  partitionsOf,
  runClusterCase,
  runReshardCase,
  slotOfPartition,
} from './cluster-case.ts'

const NODE_TIMEOUT_MS = 2000
/** Longest that pushes to a lost primary may be refused: its replica takes over after the node timeout, within seconds. */
const OUTAGE_MS = NODE_TIMEOUT_MS + 3000
/** Of a push to a primary that nothing happened to. */
const UNTOUCHED_WITHIN_MS = 1500

/**
 * Nothing may be lost: what the failover itself loses is written again by the gateway that acknowledged it. Until it has
 * done so, others may show pages without it.
 */
const FAILOVER = { mayHideForMs: 3000, lossReachMs: 1000, mayRefuse: true, recoverWithinMs: 3000 }

/** What pushes to all other partitions had to suffer. */
function sufferingOf(outcomes: readonly Outcome[], touched: ReadonlySet<number>) {
  const others = outcomes.filter(({ partition }) => !touched.has(partition))
  const failed = others.filter(({ isAcknowledged }) => !isAcknowledged)
  return {
    acked: others.length - failed.length,
    failed: failed.length,
    longestMs: Math.max(...others.map(({ tookMs }) => tookMs)),
  }
}

for (const [how, breakIt, mendIt] of [
  ['killed', (node: ClusterNode) => node.kill(), (node: ClusterNode) => node.restart()],
  ['frozen', async (node: ClusterNode) => node.freeze(), async (node: ClusterNode) => node.thaw()],
] as const) {
  it(`F11${how === 'killed' ? '' : 'b'}: a primary of a Cluster is ${how}, and only its partitions wait for its replica`, async () => {
    let outcomes: readonly Outcome[] = []
    let touched: ReadonlySet<number> = new Set()
    const { violations, verdict, longestErrorWindowMs } = await runClusterCase({
      id: how === 'killed' ? 'F11' : 'F11b',
      name: `a primary of a Cluster is ${how}`,
      rig: { nodeTimeoutMs: NODE_TIMEOUT_MS, durable: true },
      workload: { writers: 24, ratePerSecond: 200 },
      allows: FAILOVER,
      async fault({ rig, workload, repaired }) {
        outcomes = collectOutcomes(workload)
        const [victim] = await rig.primaries()
        if (victim === undefined) throw new Error('the rig has no primary')
        touched = await partitionsOf(victim)
        await breakIt(victim)
        await takenOver(rig, victim)
        repaired()
        await sleep(4000)
        await mendIt(victim)
        await rig.settled()
      },
    })
    expect(violations).toEqual([])
    expect(longestErrorWindowMs).toBeGreaterThan(0)
    expect(longestErrorWindowMs).toBeLessThanOrEqual(OUTAGE_MS)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told.lostWrites).toBe(0)
    expect(verdict.failedScrapes).toBeGreaterThan(0)
    const suffering = sufferingOf(outcomes, touched)
    expect(suffering).toMatchObject({ failed: 0 })
    expect(suffering.longestMs).toBeLessThan(UNTOUCHED_WITHIN_MS)
    expect(suffering.acked).toBeGreaterThan(100)
  })
}

/** Resolves when no slot is the victim's any more. */
async function takenOver(rig: ClusterFaultContext['rig'], victim: ClusterNode): Promise<void> {
  while ((await rig.primaries()).includes(victim)) await sleep(20)
}

it('F11c: with --exposition.max-stale pages stay while a primary of a Cluster is away', async () => {
  const { violations, verdict } = await runClusterCase({
    id: 'F11c',
    name: 'a primary of a Cluster is killed, and old pages may be shown',
    rig: { nodeTimeoutMs: NODE_TIMEOUT_MS, durable: true },
    flags: ['--exposition.max-stale=1m'],
    allows: FAILOVER,
    async fault({ rig }) {
      const [victim] = await rig.primaries()
      if (victim === undefined) throw new Error('the rig has no primary')
      await victim.kill()
      await takenOver(rig, victim)
      await victim.restart()
      await rig.settled()
    },
  })
  expect(violations).toEqual([])
  expect(verdict.failedScrapes).toBe(0)
  expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
})

it('F12: every primary of a Cluster hands over to its replica, and no push fails', async () => {
  let handedOver = 0
  const { violations, verdict } = await runClusterCase({
    id: 'F12',
    name: 'CLUSTER FAILOVER of every primary',
    workload: { writers: 8, ratePerSecond: 300 },
    async fault({ rig }) {
      for (const primary of await rig.primaries()) {
        const [replica] = await rig.replicasOf(primary)
        if (replica === undefined) throw new Error('a primary has no replica')
        await rig.failover(replica)
        await rig.settled()
        if ((await rig.primaries()).includes(replica)) handedOver++
        await sleep(500)
      }
    },
  })
  expect(violations).toEqual([])
  expect(handedOver).toBe(3)
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  expect(verdict.told).toEqual({ lostWrites: 0, resubmittedWrites: 0, historyLosses: 0 })
  expect(verdict.acked).toBeGreaterThan(500)
})

it('F13-loop: slots move to another node and back again and again under load, and nobody notices', async () => {
  const ROUNDS = 10
  const { violations, verdict, applied, moved } = await runReshardCase('F13-loop', ROUNDS)
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  expect(applied).toBe(verdict.acked)
  expect(moved).toBeGreaterThanOrEqual(12 * ROUNDS)
  expect(verdict.acked).toBeGreaterThan(1000 * ROUNDS)
})

it('F14: a migration that was aborted half way touches no other slot, and can be fixed', async () => {
  let outcomes: readonly Outcome[] = []
  let half = -1
  const { violations, verdict } = await runClusterCase({
    id: 'F14',
    name: 'a slot stays half moved, redis-cli is killed, then `--cluster fix`',
    workload: { writers: 16, ratePerSecond: 200 },
    // Pushes to the slot, and scrapes, which need every slot.
    allows: { mayRefuse: true, recoverWithinMs: 3000 },
    async fault({ rig, workload, repaired }) {
      const [one, other] = await rig.primaries()
      if (one === undefined || other === undefined) throw new Error('the rig has too few primaries')
      const killed = rig.reshard({ from: other, to: one, slots: 2000 })
      await sleep(1500)
      await killed.child.kill()
      outcomes = collectOutcomes(workload)
      for (const partition of await partitionsOf(one)) half = Math.max(half, partition)
      const [meta = '', , log = ''] = keysOfPartition(half)
      const slot = slotOfPartition(half)
      const from = await rig.ownerOf(slot)
      await rig.beginMigration(slot, from === one ? other : one)
      await rig.migrateKeys(slot, from === one ? other : one, [meta, log])
      await sleep(5000)
      await rig.fix()
      repaired()
      await rig.settled()
    },
  })
  expect(violations).toEqual([])
  const own = outcomes.filter(({ partition, isAcknowledged }) => partition === half && !isAcknowledged)
  expect(own.length).toBeGreaterThan(0)
  expect(sufferingOf(outcomes, new Set([half]))).toMatchObject({ failed: 0 })
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
})

it('F15: nodes come and go, and none has to be told to the gateways', async () => {
  const { violations, verdict } = await runClusterCase({
    id: 'F15',
    name: 'a node joins a Cluster and takes the slots of another, which leaves',
    workload: { writers: 8, ratePerSecond: 200 },
    async fault({ rig }) {
      const [old] = await rig.primaries()
      if (old === undefined) throw new Error('the rig has no primary')
      const before = await partitionsOf(old)
      const fresh = await rig.addNode()
      await rig.reshard({ from: old, to: fresh, slots: 5461 }).finished()
      await rig.settled()
      expect(await partitionsOf(fresh)).toEqual(before)
      for (const replica of await rig.replicasOf(old)) await replica.ask('CLUSTER', 'REPLICATE', fresh.id)
      await rig.settled()
      await rig.removeNode(old)
      await rig.settled()
    },
  })
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  expect(verdict.acked).toBeGreaterThan(1000)
})

it('F15b: all nodes get other addresses one after the other, and are found within ten seconds', async () => {
  const { violations, verdict } = await runClusterCase({
    id: 'F15b',
    name: 'every node of a Cluster gets another address',
    rig: { proxied: true },
    workload: { writers: 8, ratePerSecond: 200 },
    allows: { mayRefuse: true, recoverWithinMs: 10_000 },
    async fault({ rig }) {
      const before = new Set(rig.endpoints)
      for (const node of [...rig.nodes]) {
        await rig.readdress(node)
        await rig.settled()
      }
      expect(rig.endpoints.filter((endpoint) => before.has(endpoint))).toEqual([])
    },
    afterMs: 11_000,
  })
  expect(violations).toEqual([])
  expect(verdict.longestErrorWindowMs).toBeLessThan(10_000)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
})

it('F16: without a majority nobody takes pushes, everybody says so at once, and all comes back', async () => {
  let outcomes: readonly Outcome[] = []
  let downMs = Number.POSITIVE_INFINITY
  let upMs = Number.POSITIVE_INFINITY
  const { violations, verdict } = await runClusterCase({
    id: 'F16',
    name: 'two of three primaries of a Cluster are killed',
    rig: { nodeTimeoutMs: NODE_TIMEOUT_MS, durable: true },
    workload: { writers: 16, ratePerSecond: 200 },
    allows: { ...FAILOVER, recoverWithinMs: OUTAGE_MS },
    async fault({ rig, workload }) {
      outcomes = collectOutcomes(workload)
      const victims = (await rig.primaries()).slice(0, 2)
      await Promise.all(victims.map((victim) => victim.kill()))
      await sleep(2 * NODE_TIMEOUT_MS + 1000)
      downMs = performance.now()
      await sleep(5000)
      upMs = performance.now()
      await Promise.all(victims.map((victim) => victim.restart()))
      await rig.settled()
    },
  })
  expect(violations).toEqual([])
  const down = outcomes.filter(({ startMs, tookMs }) => startMs >= downMs && startMs + tookMs < upMs)
  expect(down.length).toBeGreaterThan(100)
  expect(down.filter(({ isAcknowledged }) => isAcknowledged)).toEqual([])
  expect(Math.max(...down.map(({ tookMs }) => tookMs))).toBeLessThan(UNTOUCHED_WITHIN_MS)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
})
