import { expect, it } from 'vitest'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { startPushgateway } from '../support/start-pushgateway.ts'
import { load, median, pushRequest } from './load.ts'

const ROUNDS = Number(process.env['PGR_BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['PGR_BENCH_SECONDS'] ?? 3)
const GROUPS = 1000
const CONNECTIONS = 16

const three = (n: number) =>
  `# TYPE job_last_success gauge\njob_last_success ${n}\njob_duration_seconds ${n % 97}\njob_records{kind="in"} ${n * 3}\n`

it('pushes a second: 3 series, 1,000 groups, 16 connections', async () => {
  const redis = await startRedis()
  const started = {
    'pgr on Redis': await startPgr({ flags: ['--redis.endpoint', redis.url] }),
    'pgr embedded': await startPgr(),
    'Pushgateway, check on': await startPushgateway(),
    'Pushgateway, check off': await startPushgateway({ flags: ['--push.disable-consistency-check'] }),
  }
  const rates = new Map<string, number[]>()
  const p99s = new Map<string, number[]>()
  try {
    for (const { url } of Object.values(started)) await fill(url, three, GROUPS)
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, { url }] of Object.entries(started)) {
        const result = await load(url, {
          connections: CONNECTIONS,
          seconds: SECONDS,
          next: (n) => pushRequest(`/metrics/job/bench/instance/i${n % GROUPS}`, three(n)),
        })
        const accepted = (result.statuses.get(200) ?? 0) + (result.statuses.get(202) ?? 0)
        expect(accepted, `${name} accepts every push: ${JSON.stringify([...result.statuses])}`).toBe(
          result.requests,
        )
        note(rates, name, result.requests / result.seconds)
        note(p99s, name, result.latencies[Math.floor(result.latencies.length * 0.99)] ?? Number.NaN)
      }
    }
  } finally {
    await Promise.all(Object.values(started).map((each) => each.stop()))
    await redis.stop()
  }
  print('pushes/s', rates, 'Pushgateway, check off', 'Pushgateway, check on')
  print('p99 ms', p99s)
}, 600_000)

it('scrapes: 100,000 series in 1,000 groups, 1 % of the groups changed since the last', async () => {
  const hundred = (n: number) =>
    `# TYPE app_requests_total counter\n${Array.from({ length: 100 }, (_, i) => `app_requests_total{method="GET",path="/api/v1/resource/${i}",zone="eu-west-${i % 3}"} ${n * 100 + i}\n`).join('')}`
  const redis = await startRedis()
  const started = {
    'pgr on Redis': await startPgr({ flags: ['--redis.endpoint', redis.url] }),
    Pushgateway: await startPushgateway({ flags: ['--push.disable-consistency-check'] }),
  }
  const plain = new Map<string, number[]>()
  const gzip = new Map<string, number[]>()
  try {
    for (const { url } of Object.values(started)) await fill(url, hundred, GROUPS)
    for (let round = 0; round < ROUNDS + 1; round++) {
      for (const [name, { url }] of Object.entries(started)) {
        for (const [times, encoding] of [
          [plain, 'identity'],
          [gzip, 'gzip'],
        ] as const) {
          await fill(url, (n) => hundred(n + round), GROUPS / 100, round * 7)
          const startedMs = performance.now()
          const response = await fetch(`${url}/metrics`, {
            headers: { accept: 'text/plain', 'accept-encoding': encoding },
          })
          const text = await response.text()
          // The first round renders everything.
          if (round > 0) note(times, name, performance.now() - startedMs)
          expect(text.split('\napp_requests_total{').length, name).toBeGreaterThan(99_000)
        }
      }
    }
  } finally {
    await Promise.all(Object.values(started).map((each) => each.stop()))
    await redis.stop()
  }
  print('plain scrape ms', plain, 'Pushgateway')
  print('gzip scrape ms', gzip, 'Pushgateway')
}, 600_000)

async function fill(url: string, body: (n: number) => string, groups: number, from = 0): Promise<void> {
  for (let n = from; n < from + groups; n++) {
    const response = await fetch(`${url}/metrics/job/bench/instance/i${n % GROUPS}`, {
      method: 'POST',
      body: body(n),
    })
    expect([200, 202]).toContain(response.status)
  }
}

function note(map: Map<string, number[]>, name: string, value: number): void {
  map.set(name, [...(map.get(name) ?? []), value])
}

function print(what: string, results: ReadonlyMap<string, number[]>, ...baselines: string[]): void {
  const lines = [...results].map(([name, values]) => {
    const ratios = baselines
      .filter((baseline) => baseline !== name)
      .map((baseline) => `${(median(values) / median(results.get(baseline) ?? [])).toFixed(3)} x ${baseline}`)
    const spread = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`
    return `  ${name}: ${median(values).toFixed(1)} (${spread})${ratios.length > 0 ? `, ${ratios.join(', ')}` : ''}`
  })
  process.stdout.write(`${what}, median of ${ROUNDS} rounds\n${lines.join('\n')}\n`)
}
