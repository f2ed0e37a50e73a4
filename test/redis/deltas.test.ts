import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OtlpReader, PROMETHEUS_TRANSLATION } from '../../src/formats/otlp/index.ts'
import { type ChaosProxy, startChaosProxy } from '../support/chaos-proxy.ts'
import { expectSums, makeExporters, POINTS, sumsShown } from '../support/delta-exporters.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import type { OtlpJson } from '../support/otlp.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Opened, openStore } from './open-store.ts'

const GATEWAYS = 3
const EXPORTERS = 20
const COLLECTIONS = 50
/** Points that get through between one trouble and the next, however slow the machine is. */
const POINTS_BETWEEN = 120
/** On a machine too slow for all collections, fewer. */
const MOST_MS = 12_000
/** Points after which a gateway is restarted. */
const RESTART_AFTER = 1000
const LIMITS = { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1e6 }
/** In every request that writes to a set. */
const WRITE = 'otlp'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

interface Replica {
  readonly opened: Opened
  readonly test: TestGateway
}

async function openReplica(proxy: ChaosProxy): Promise<Replica> {
  const opened = await openStore(proxy, { timeoutMs: 300 })
  return { opened, test: openTestGateway(opened.store) }
}

it('deltas come to the exact sum whatever fails between three gateways and redis, wherever they are sent again', async () => {
  const proxies = await Promise.all(
    Array.from({ length: GATEWAYS }, () => startChaosProxy({ port: server.port })),
  )
  const replicas = await Promise.all(proxies.map(openReplica))
  const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: LIMITS })
  const tally = { sent: 0, failed: 0, repeated: 0, lostReplies: 0, resets: 0, points: 0 }

  async function sendOnce(body: OtlpJson, replica: number): Promise<void> {
    tally.sent++
    const { families } = reader.read(Buffer.from(JSON.stringify(body)), 'json')
    const deadlineMs = performance.now() + randomInt(50, 1000)
    const to = (replicas[replica] as Replica).test.gateway
    const written = await to.otlp({ families, protocol: 'otlp', deadlineMs })
    expect(written).toEqual({ points: POINTS, rejectedPoints: 0, reasons: [] })
  }

  async function send(body: OtlpJson): Promise<void> {
    let replica = randomInt(GATEWAYS)
    for (;;) {
      try {
        await sendOnce(body, replica)
        // Now and then the answer is lost on its way.
        if (randomInt(10) > 0) break
        tally.repeated++
      } catch (reason) {
        expect(reason).toMatchObject({
          code: expect.stringMatching(/^PGR_(STORE_UNAVAILABLE|STORE_DEGRADED)$/),
        })
        tally.failed++
        await pause(randomInt(20))
      }
      replica = (replica + 1) % GATEWAYS
    }
    tally.points += POINTS
  }

  let isOver = false
  async function trouble(): Promise<void> {
    while (!isOver) {
      const proxy = proxies[randomInt(GATEWAYS)] as ChaosProxy
      if (randomInt(3) === 0) {
        proxy.reset()
        tally.resets++
      } else {
        void proxy.loseReplyTo(WRITE).then(() => tally.lostReplies++)
      }
      const next = tally.points + POINTS_BETWEEN
      while (!isOver && tally.points < next) await pause(5)
    }
  }

  async function restartOne(): Promise<void> {
    while (tally.points < RESTART_AFTER) await pause(10)
    const before = replicas[0] as Replica
    replicas[0] = await openReplica(proxies[0] as ChaosProxy)
    await before.test.gateway.stop()
    await before.opened.store.close()
  }

  try {
    const exporters = makeExporters({
      exporters: EXPORTERS,
      collections: COLLECTIONS,
      jobs: 3,
      fromMs: Date.now() - 60_000,
      mostMs: MOST_MS,
    })
    const troubles = trouble()
    await Promise.all([exporters.run(send), restartOne()])
    isOver = true
    await troubles
    const points = [...exporters.sums.values()].reduce((sum, series) => sum + series.points, 0)
    expect(tally.points).toBe(points)
    expect(tally.failed, JSON.stringify(tally)).toBeGreaterThan(0)
    expect(tally.repeated).toBeGreaterThan(0)
    expect(tally.lostReplies).toBeGreaterThan(5)
    for (const { test } of replicas) expectSums(await shownBy(test), exporters.sums)
  } finally {
    isOver = true
    for (const { test, opened } of replicas) {
      await test.gateway.stop()
      await opened.store.close()
    }
    for (const proxy of proxies) await proxy.close()
  }
}, 60_000)

async function shownBy({ gateway }: TestGateway) {
  for (;;) {
    try {
      return sumsShown(await gateway.groups({ deadlineMs: performance.now() + 5000 }))
    } catch {
      await pause(50)
    }
  }
}
