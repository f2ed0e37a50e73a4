import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openStore } from '../redis/open-store.ts'
import { type Child, makeFolder, removeFolder, startChild } from '../support/child.ts'
import { expectSums, makeExporters, sumsShown } from '../support/delta-exporters.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import type { OtlpJson } from '../support/otlp.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const SOURCE = fileURLToPath(new URL('../clients/collector', import.meta.url))
const OUTAGE_MS = 20_000
/** Between collections of an exporter. */
const INTERVAL_MS = 200
const EXPORTERS = 6
const COLLECTIONS = (OUTAGE_MS + 4000) / INTERVAL_MS

describeWith('collector', 'the OpenTelemetry Collector, with a queue that is sent again', () => {
  const folder = makeFolder('collector')
  let redis: RedisServer
  let pgr: Pgr
  let collector: Child
  let receiver: string
  let witness: TestGateway & { close(): Promise<void> }

  beforeAll(async () => {
    redis = await startRedis()
    pgr = await startPgr({ flags: [`--redis.endpoint=${redis.url}`] })
    const port = await freePort()
    receiver = `http://127.0.0.1:${port}/v1/metrics`
    const command = join(folder, 'collector')
    await promisify(execFile)(peerOrThrow('collector').path, ['build', '-o', command, '.'], { cwd: SOURCE })
    const config = join(folder, 'config.yaml')
    writeFileSync(config, configOf(port, pgr.url))
    collector = startChild({ name: 'collector', command, args: [`--config=file:${config}`] })
    await collector.until('takes metrics', async () => (await post({})) === 200)
    const { store } = await openStore(redis)
    const test = openTestGateway(store)
    witness = { ...test, close: () => test.gateway.stop().then(() => store.close()) }
  }, 120_000)
  afterAll(async () => {
    await witness?.close()
    await collector?.kill()
    await pgr?.kill()
    await redis?.stop()
    removeFolder(folder)
  })

  async function post(body: OtlpJson): Promise<number> {
    const headers = { 'content-type': 'application/json' }
    const { status } = await fetch(receiver, { method: 'POST', headers, body: JSON.stringify(body) })
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

function configOf(port: number, url: string): string {
  return `
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${port}
exporters:
  otlp_http:
    endpoint: ${url}
    timeout: 5s
    sending_queue:
      queue_size: 10000
    retry_on_failure:
      initial_interval: 500ms
      max_interval: 2s
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [otlp_http]
`
}
