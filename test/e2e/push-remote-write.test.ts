import { afterEach, describe, expect, it } from 'vitest'
import { eventuallyHolds } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { startPgr } from '../support/start-pgr.ts'
import { type Prometheus, type PrometheusOptions, startPrometheus } from '../support/start-prometheus.ts'
import { OPENMETRICS, scrape } from './ask.ts'
import { type Run, runPgr } from './run-pgr.ts'

const INPUT = `# HELP jobs_done Jobs that ended.
# TYPE jobs_done counter
jobs_done_total{queue="a"} 17.0 # {trace_id="t1"} 1.0
# HELP wait_seconds How long jobs waited.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 3
wait_seconds_bucket{le="+Inf"} 5
wait_seconds_sum 4.5
wait_seconds_count 5
# EOF
`
const SAMPLES = 5

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

function push(url: string, version: '1.0' | '2.0', ...more: string[]): Promise<Run> {
  const flags = ['--protocol=remote-write', `--remote-write-version=${version}`, '--retry=0', '--json']
  return runPgr(['push', '-u', url, '--job=batch', '-g', 'instance=i', ...flags, ...more], { input: INPUT })
}

async function receiver(peer: NonNullable<PrometheusOptions['peer']>): Promise<Prometheus> {
  const prometheus = await startPrometheus({
    peer,
    config: 'global: {}\n',
    flags: ['--web.enable-remote-write-receiver', '--enable-feature=exemplar-storage'],
  })
  stopping.push(() => prometheus.kill())
  return prometheus
}

async function finds({ query }: Prometheus): Promise<void> {
  await eventuallyHolds(async () =>
    expect(await query('jobs_done_total')).toEqual([
      { metric: { __name__: 'jobs_done_total', instance: 'i', job: 'batch', queue: 'a' }, value: 17 },
    ]),
  )
  expect(await query('histogram_quantile(0.5, wait_seconds_bucket)')).toMatchObject([
    { metric: { job: 'batch' } },
  ])
  expect(await query('wait_seconds_sum')).toMatchObject([{ value: 4.5 }])
}

describe('pgr push by remote write', () => {
  it.each(['1.0', '2.0'] as const)('reaches pgr in version %s', async (version) => {
    const pgr = await startPgr()
    stopping.push(() => pgr.kill())
    const { code, stdout, stderr } = await push(pgr.url, version, '--ttl=15m')
    expect([code, stderr]).toEqual([0, ''])
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({ status: 204, url: `${pgr.url}/api/v1/write`, series: SAMPLES })
    expect(told.written).toEqual(
      version === '2.0' ? { samples: SAMPLES, histograms: 0, exemplars: 1 } : undefined,
    )
    const page = await scrape(pgr.url, OPENMETRICS)
    const unlabelled = page
      .replaceAll('instance="i",job="batch",', '')
      .replaceAll('{instance="i",job="batch"}', '')
    // An exemplar without a time gets that of its sample.
    expect(unlabelled.replace(/ [\d.]+$(?=\n# HELP wait)/m, '')).toBe(INPUT)
    expect(page.match(/instance="i",job="batch"/g)).toHaveLength(SAMPLES)
  })
})

describeWith('prometheus', 'pgr push to Prometheus 2.42', () => {
  it('is taken in version 1.0, and told by the answer that 2.0 is not known', async () => {
    const prometheus = await receiver('prometheus')
    const second = await push(prometheus.url, '2.0')
    expect(second.code).toBe(1)
    expect(JSON.parse(second.stdout)).toMatchObject({
      error: {
        code: 'PGR_PUSH_REFUSED',
        message: expect.stringMatching(/does not know remote write 2\.0; send --remote-write-version=1\.0$/),
      },
    })
    const first = await push(prometheus.url, '1.0')
    expect([first.code, first.stderr]).toEqual([0, ''])
    await finds(prometheus)
  })
})

describeWith('prometheus3', 'pgr push to Prometheus 3', () => {
  it.each(['1.0', '2.0'] as const)('is taken in version %s', async (version) => {
    const prometheus = await receiver('prometheus3')
    const { code, stdout, stderr } = await push(prometheus.url, version)
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout).written).toEqual(
      version === '2.0' ? { samples: SAMPLES, histograms: 0, exemplars: 1 } : undefined,
    )
    await finds(prometheus)
  })
})
