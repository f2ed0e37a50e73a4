import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import { type ChaosProxy, startChaosProxy } from '../support/chaos-proxy.ts'
import { expectSums, makeExporters, POINTS, sumsShown } from '../support/delta-exporters.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { type Opened, openStore } from './open-store.ts'

const GATEWAYS = 3
const LATE_MS = 2000
const LIMITS = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1e6 }

interface Replica {
  readonly opened: Opened
  readonly test: TestGateway
}

let rig: SentinelRig
let replicas: Replica[]
/** Of the first gateway to each node. */
let ways: ChaosProxy[]

beforeAll(async () => {
  rig = await startSentinelRig({ proxied: true, replicas: 1 })
  ways = await Promise.all(rig.nodes.map(({ port }) => startChaosProxy({ port })))
  const endpoints = rig.endpoint.split(',')
  const { masterName } = rig
  // A server that was only just started counts as restarted.
  const resubmit = { windowMs: 60_000, maxBytes: 1e8, after: 'restart' } as const
  replicas = await Promise.all(
    Array.from({ length: GATEWAYS }, async (_, n) => {
      // Beside every node: what cuts nodes off from each other cuts nobody off from here. But for one gateway, that is late.
      const ports = n === 0 ? ways : rig.nodes
      const natMap = new Map(rig.nodes.map((node, i) => [rig.addressOf(node), `127.0.0.1:${ports[i]?.port}`]))
      const opened = await openStore({ url: '' }, { endpoints, masterName, natMap, resubmit })
      return { opened, test: openTestGateway(opened.store) }
    }),
  )
  await rig.settled()
})
afterAll(async () => {
  for (const { opened, test } of replicas ?? []) {
    await test.gateway.stop()
    await opened.store.close()
  }
  for (const way of ways ?? []) await way.close()
  await rig?.stop()
})

it('deltas that three gateways acknowledged are all there after a failover that lost many of them', async () => {
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })
  const exporters = makeExporters({
    exporters: 12,
    collections: 60,
    jobs: 3,
    fromMs: Date.now() - 60_000,
  })
  let sent = 0
  const sending = exporters.run(async (body) => {
    const { families } = reader.read(Buffer.from(JSON.stringify(body)), 'json')
    for (let n = sent++; ; n++) {
      const { gateway } = (replicas[n % GATEWAYS] as Replica).test
      const deadlineMs = performance.now() + 1000
      const written = await gateway.otlp({ families, protocol: 'otlp', deadlineMs }).catch(() => undefined)
      if (written !== undefined) {
        expect(written).toEqual({ points: POINTS, rejectedPoints: 0, reasons: [] })
        // Slow enough to last through the failover.
        await pause(400)
        return
      }
      await pause(50)
    }
  })
  await pause(500)
  const primary = await rig.primary()
  rig.proxyOf(primary).cut('both')
  for (const [i, node] of rig.nodes.entries()) if (node !== primary) ways[i]?.cut('both')
  await eventually('another is primary', async () => (await rig.primary()) !== primary, Boolean, {
    deadlineMs: 30_000,
  })
  // The others go on without what the first one acknowledged.
  await pause(LATE_MS)
  for (const way of ways) await way.heal()
  await sending
  const mended = replicas.flatMap(({ opened }) =>
    opened.events.flatMap((event) => (event.kind === 'store.mend' ? [event] : [])),
  )
  expect(mended.reduce((sum, { missing }) => sum + missing, 0)).toBeGreaterThan(0)
  expect(mended.reduce((sum, { lost }) => sum + lost, 0)).toBe(0)
  for (const { test } of replicas) {
    await eventuallyHolds(async () =>
      expectSums(
        sumsShown(await test.gateway.groups({ deadlineMs: performance.now() + 5000 })),
        exporters.sums,
      ),
    )
  }
}, 90_000)
