import { afterEach, expect, it } from 'vitest'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import {
  decodeDelimited,
  encodeDelimited,
  type Message,
  PROTOBUF_TYPE,
} from '../support/prometheus-protobuf.ts'
import { startRedis } from '../support/redis-server.ts'
import { type ScrapeTarget, type ShownPage, startScrapeTarget } from '../support/scrape-target.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import {
  NATIVE_HISTOGRAMS,
  type Prometheus,
  type PrometheusOptions,
  remoteWriteConfig,
  scrapeConfig,
  startPrometheus,
} from '../support/start-prometheus.ts'
import { ask, OPENMETRICS, samplesOf, scrape } from './ask.ts'

const SCRAPE_MS = 500
const TTL_MS = 4000
/** What a busy machine may add. */
const SLACK_MS = 4000
const SOON = { deadlineMs: 15_000, intervalMs: 100 }

const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
/** Every type that Prometheus 2.42 reads from text; the third shard comes and goes. */
const page = (done: number, ...shards: readonly number[]) => ({
  type: OPENMETRICS_TYPE,
  body: `# HELP jobs_done Jobs that "ended".
# TYPE jobs_done counter
jobs_done_total{queue="a"} ${done} # {trace_id="t1"} 1
jobs_done_total{queue="b/ü"} 0.5
# HELP depth Jobs that wait.
# TYPE depth gauge
${shards.map((depth, n) => `depth{shard="${n}"} ${depth}\n`).join('')}# HELP wait_seconds How long jobs waited.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 3 # {trace_id="t2"} 0.05
wait_seconds_bucket{le="1.0"} 4
wait_seconds_bucket{le="+Inf"} 5
wait_seconds_sum 4.5
wait_seconds_count 5
# HELP size_bytes How large jobs are.
# TYPE size_bytes summary
size_bytes{quantile="0.5"} 7
size_bytes{quantile="0.99"} NaN
size_bytes_sum 21
size_bytes_count 3
# HELP build What runs.
# TYPE build info
build_info{version="1.2"} 1
loose -Inf
# EOF
`,
})

/** The same in the classic format, with where it came from. */
const shown = (from: string, done: number, ...shards: readonly number[]) =>
  `# HELP build_info What runs.
# TYPE build_info gauge
build_info{${from},version="1.2"} 1
# HELP depth Jobs that wait.
# TYPE depth gauge
${shards.map((depth, n) => `depth{${from},shard="${n}"} ${depth}\n`).join('')}# HELP jobs_done_total Jobs that "ended".
# TYPE jobs_done_total counter
jobs_done_total{${from},queue="a"} ${done}
jobs_done_total{${from},queue="b/ü"} 0.5
# TYPE loose untyped
loose{${from}} -Inf
# HELP size_bytes How large jobs are.
# TYPE size_bytes summary
size_bytes{${from},quantile="0.5"} 7
size_bytes{${from},quantile="0.99"} NaN
size_bytes_sum{${from}} 21
size_bytes_count{${from}} 3
# HELP wait_seconds How long jobs waited.
# TYPE wait_seconds histogram
wait_seconds_bucket{${from},le="0.1"} 3
wait_seconds_bucket{${from},le="1"} 4
wait_seconds_bucket{${from},le="+Inf"} 5
wait_seconds_sum{${from}} 4.5
wait_seconds_count{${from}} 5
`
    .trim()
    .split('\n')

const NATIVE_EXEMPLAR = {
  label: [{ name: 'trace_id', value: 'n1' }],
  value: 0.9,
  timestamp: { seconds: Math.floor(Date.now() / 1000) },
}
const NATIVE = {
  name: 'latency_seconds',
  help: 'How long requests took.',
  type: 4,
  metric: [
    {
      label: [{ name: 'path', value: '/' }],
      histogram: {
        sampleCount: 12,
        sampleSum: 18.4,
        schema: 1,
        zeroThreshold: 0.001,
        zeroCount: 2,
        positiveSpan: [
          { offset: 0, length: 2 },
          { offset: 1, length: 2 },
        ],
        positiveDelta: [1, 1, -1, 0],
        negativeSpan: [{ offset: -3, length: 2 }],
        negativeDelta: [2, 1],
        // Exemplars stand with classic buckets, which are left out where native ones are read.
        bucket: [{ cumulativeCount: 9, upperBound: 1, exemplar: NATIVE_EXEMPLAR }],
      },
    },
  ],
}

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

type Peer = NonNullable<PrometheusOptions['peer']>

interface RigOptions extends Pick<PrometheusOptions, 'agent' | 'peer'> {
  readonly path?: string
}

interface Rig {
  readonly other: Pgr
  readonly app: ScrapeTarget
  readonly native: ScrapeTarget
  readonly prometheus: Prometheus
  /** Labels of what is scraped from `app`. */
  readonly from: string
}

/** What each has to be told to do all that it can. */
const FEATURES = {
  prometheus: 'native-histograms,exemplar-storage',
  prometheus3: 'metadata-wal-records,exemplar-storage,st-storage',
} as const

/** Prometheus writes what it scraped from targets of ours to the one replica; the other one was never written to. */
async function rig({ path = '/api/v1/write', peer = 'prometheus', ...options }: RigOptions): Promise<Rig> {
  const redis = await startRedis()
  stopping.push(() => redis.stop())
  const flags = [`--redis.endpoint=${redis.url}`]
  const [taker, other, app, native] = await Promise.all([
    startPgr({ flags }),
    startPgr({ flags }),
    startScrapeTarget(page(17, 2.5, 4, 8)),
    startScrapeTarget({ type: PROTOBUF_TYPE, body: encodeDelimited(NATIVE) }),
  ])
  stopping.push(...[taker, other].map((pgr) => () => pgr.kill()))
  stopping.push(...[app, native].map((target) => () => target.stop()))
  const prometheus = await startPrometheus({
    ...options,
    peer,
    flags: [`--enable-feature=${FEATURES[peer]}`],
    config: remoteWriteConfig({
      targets: { app: app.address, native: native.address },
      intervalMs: SCRAPE_MS,
      url: taker.url + path,
      version2: peer === 'prometheus3',
    }),
  })
  stopping.push(() => prometheus.kill())
  return { other, app, native, prometheus, from: `instance="${app.address}",job="app"` }
}

/** Lines of the page that are of the job, their families with them, without what Prometheus adds to each scrape. */
async function linesOf(pgr: Pgr): Promise<string[]> {
  const all = (await scrape(pgr.url)).split('\n')
  return all.filter((line) => line !== '' && !/\b(up|scrape_[a-z_]+|latency_seconds\w*)(\{| )/.test(line))
}

const upOf = ({ address }: ScrapeTarget) =>
  new RegExp(`^up\\{instance="${address}",job="\\w+"\\} ([01])$`, 'm')

describeWith('prometheus', 'remote write of Prometheus 2.42', () => {
  it('as a server reaches every replica whole, and leaves by stale markers', async () => {
    const { other, app, native, prometheus, from } = await rig({})
    await reachesWhole(other, from)
    await sameNativeHistogram(prometheus, other)
    expect(prometheus.output()).not.toMatch(/level=error/i)
    await vanishing({ other, app, native, from })
  })

  it('as an agent does so, too', async () => {
    const { other, app, native, from } = await rig({ agent: true })
    await reachesWhole(other, from)
    expect(await scrape(other.url)).toContain(
      `latency_seconds_count{instance="${native.address}",job="native",path="/"} 12\n`,
    )
    await vanishing({ other, app, native, from })
  })

  it('leaves by its lifetime when it is killed, which nobody tells of', async () => {
    // By the query, because headers of its configuration are not sent by this version.
    const { other, app, prometheus, from } = await rig({ path: `/api/v1/push?ttl=${TTL_MS}ms` })
    await eventuallyHolds(async () => expect(await linesOf(other)).toEqual(shown(from, 17, 2.5, 4, 8)), SOON)
    await prometheus.kill()
    const killedAtMs = performance.now()
    expect(upOf(app).exec(await scrape(other.url))?.[1]).toBe('1')
    await eventually(
      'the end of a lifetime',
      () => scrape(other.url),
      (text) => text === '',
      SOON,
    )
    const shownMs = performance.now() - killedAtMs
    // The last scrape may have been sent a while before.
    expect(shownMs).toBeGreaterThan(TTL_MS / 2)
    expect(shownMs).toBeLessThan(TTL_MS + SLACK_MS)
  })
})

/** Every value, type and help, and in OpenMetrics the exemplars. */
async function reachesWhole(other: Pgr, from: string): Promise<void> {
  await eventuallyHolds(async () => expect(await linesOf(other)).toEqual(shown(from, 17, 2.5, 4, 8)), SOON)
  expect(samplesOf(await scrape(other.url, OPENMETRICS))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        new RegExp(`^jobs_done_total\\{${from},queue="a"\\} 17\\.0 # \\{trace_id="t1"\\} 1\\.0 [\\d.]+$`),
      ),
      expect.stringMatching(
        new RegExp(`^wait_seconds_bucket\\{${from},le="0\\.1"\\} 3 # \\{trace_id="t2"\\} 0\\.05 [\\d.]+$`),
      ),
    ]),
  )
}

/** First one series of a target that goes on, then all that it has: long before any lifetime ends. */
async function vanishing({ other, app, native, from }: Omit<Rig, 'prometheus'>): Promise<void> {
  app.show(page(18, 2.5, 4))
  await eventuallyHolds(async () => expect(await linesOf(other)).toEqual(shown(from, 18, 2.5, 4)), SOON)
  await app.stop()
  await eventuallyHolds(async () => expect(await linesOf(other)).toEqual([]), SOON)
  // That it is gone is itself told on and on.
  expect(upOf(app).exec(await scrape(other.url))?.[1]).toBe('0')
  expect(await scrape(other.url)).toMatch(/^latency_seconds_count/m)
  await native.stop()
  await eventuallyHolds(async () => expect(await scrape(other.url)).not.toContain('latency_seconds'), SOON)
  expect(upOf(native).exec(await scrape(other.url))?.[1]).toBe('0')
}

/** What the source knows of its native histogram is what another Prometheus finds at the replica. */
async function sameNativeHistogram(
  source: Prometheus,
  replica: Pgr,
  peer: Peer = 'prometheus',
): Promise<void> {
  const reader = await startPrometheus({
    peer,
    config: scrapeConfig(
      `127.0.0.1:${replica.port}`,
      SCRAPE_MS,
      ...(peer === 'prometheus3' ? [NATIVE_HISTOGRAMS] : []),
    ),
    flags: [`--enable-feature=${FEATURES[peer]}`],
  })
  stopping.push(() => reader.kill())
  for (const [of, value] of [
    ['histogram_count(latency_seconds)', 12],
    ['histogram_sum(latency_seconds)', 18.4],
    ['histogram_quantile(0.1, latency_seconds)', undefined],
    ['histogram_quantile(0.5, latency_seconds)', undefined],
    ['histogram_quantile(0.9, latency_seconds)', undefined],
    ['histogram_fraction(0, 2, latency_seconds)', undefined],
  ] as const) {
    const [found, original] = await Promise.all(
      [reader, source].map(({ query }) =>
        eventually(
          of,
          () => query(of),
          ({ length }) => length === 1,
          SOON,
        ),
      ),
    )
    expect(found).toEqual(original)
    expect(found?.[0]?.metric).toMatchObject({ job: 'native', path: '/' })
    if (value !== undefined) expect(found?.[0]?.value).toBe(value)
  }
  await reader.kill()
  expect((await messages(replica)).find(({ name }) => name === NATIVE.name)).toMatchObject({
    metric: [{ histogram: { exemplars: [NATIVE_EXEMPLAR] } }],
  })
}

/** The page in protobuf. */
async function messages({ url }: Pgr): Promise<Message[]> {
  return decodeDelimited((await ask(url, '/metrics', { headers: { accept: PROTOBUF_TYPE } })).bytes)
}

/** What only this one knows of: when a counter started, and names of other letters. */
function laterPage({ type, body }: ShownPage): ShownPage {
  return {
    type: `${type}; escaping=allow-utf-8`,
    body: String(body)
      .replace('# HELP depth', 'jobs_done_created{queue="a"} 1520872607.125\n# HELP depth')
      .replace('# EOF', '# TYPE "größe.m" gauge\n{"größe.m","a.b"="1"} 4\n# EOF'),
  }
}

describeWith('prometheus3', 'remote write 2.0 of Prometheus 3', () => {
  it('as a server reaches every replica whole, and leaves by stale markers', async () => {
    const { other, app, native, prometheus, from } = await rig({ peer: 'prometheus3' })
    await reachesWhole(other, from)
    await sameNativeHistogram(prometheus, other, 'prometheus3')
    app.show(laterPage(page(17, 2.5, 4, 8)))
    const quoted = { accept: `${OPENMETRICS.accept};escaping=allow-utf-8` }
    await eventuallyHolds(
      async () => expect(await scrape(other.url, quoted)).toContain(`{"größe.m","a.b"="1",${from}} 4.0\n`),
      SOON,
    )
    expect((await messages(other)).find(({ name }) => name === 'jobs_done_total')).toMatchObject({
      metric: [{ counter: { startTimestamp: { seconds: 1_520_872_607, nanos: 125_000_000 } } }, {}],
    })
    expect(prometheus.output()).not.toMatch(/level=error/i)
    await vanishing({ other, app, native, from })
  })

  it('as an agent does so, too', async () => {
    const { other, app, native, from } = await rig({ peer: 'prometheus3', agent: true })
    await reachesWhole(other, from)
    await vanishing({ other, app, native, from })
  })
})
