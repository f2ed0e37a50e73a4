import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openStore } from '../redis/open-store.ts'
import { expectSums, makeExporters, sumsShown } from '../support/delta-exporters.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import type { OtlpJson } from '../support/otlp.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Collector, startCollector } from '../support/start-collector.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const OUTAGE_MS = 20_000
/** Between collections of an exporter. */
const INTERVAL_MS = 200
const EXPORTERS = 6
const COLLECTIONS = (OUTAGE_MS + 4000) / INTERVAL_MS

describeWith('collector', 'the OpenTelemetry Collector, with a queue that is sent again', () => {
  let redis: RedisServer
  let pgr: Pgr
  let collector: Collector
  let witness: TestGateway & { close(): Promise<void> }

  beforeAll(async () => {
    redis = await startRedis()
    pgr = await startPgr({ flags: [`--redis.endpoint=${redis.url}`] })
    collector = await startCollector({
      exportTo: pgr.url,
      exporter: [
        'timeout: 5s',
        'sending_queue: {queue_size: 10000}',
        'retry_on_failure: {initial_interval: 500ms, max_interval: 2s}',
      ],
    })
    const { store } = await openStore(redis)
    const test = openTestGateway(store)
    witness = { ...test, close: () => test.gateway.stop().then(() => store.close()) }
  }, 120_000)
  afterAll(async () => {
    await witness?.close()
    await collector?.kill()
    await pgr?.kill()
    await redis?.stop()
  })

  async function post(body: OtlpJson): Promise<number> {
    const headers = { 'content-type': 'application/json' }
    const { status } = await fetch(`${collector.url}/v1/metrics`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    return status
  }

  it('brings every delta through an outage of redis, and none twice', async () => {
    const exporters = makeExporters({
      exporters: EXPORTERS,
      collections: COLLECTIONS,
      jobs: 3,
      fromMs: Date.now() - 60_000,
    })
    const sending = exporters.run(async (body) => {
      expect(await post(body)).toBe(200)
      await pause(INTERVAL_MS * 4)
    })
    await pause(2000)
    redis.freeze()
    await pause(OUTAGE_MS)
    redis.thaw()
    await sending
    await eventuallyHolds(
      async () =>
        expectSums(
          sumsShown(await witness.gateway.groups({ deadlineMs: performance.now() + 2000 })),
          exporters.sums,
        ),
      { deadlineMs: 20_000, intervalMs: 500 },
    )
  })
})
