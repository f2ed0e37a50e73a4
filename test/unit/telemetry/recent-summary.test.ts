import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { RecentSummary } from '../../../src/telemetry/recent-summary.ts'

const MINUTE_MS = 60_000

function open() {
  const registry = new Registry()
  const clock = { nowMs: 0 }
  const summary = new RecentSummary({
    name: 'size',
    help: 'Size.',
    label: 'method',
    registry,
    nowMs: () => clock.nowMs,
  })
  const lines = async () => (await registry.metrics()).trimEnd().split('\n')
  return { summary, clock, lines }
}

describe('a summary of the latest', () => {
  it('has a head and no sample before the first observation', async () => {
    expect(await open().lines()).toEqual(['# HELP size Size.', '# TYPE size summary'])
  })

  it('has quantiles, sum and count by its label', async () => {
    const { summary, lines } = open()
    for (let value = 100; value >= 1; value--) summary.observe('put', value)
    summary.observe('post', 0.5)
    expect((await lines()).slice(2)).toEqual([
      'size{method="put",quantile="0.1"} 10',
      'size{method="put",quantile="0.5"} 50',
      'size{method="put",quantile="0.9"} 90',
      'size_sum{method="put"} 5050',
      'size_count{method="put"} 100',
      'size{method="post",quantile="0.1"} 0.5',
      'size{method="post",quantile="0.5"} 0.5',
      'size{method="post",quantile="0.9"} 0.5',
      'size_sum{method="post"} 0.5',
      'size_count{method="post"} 1',
    ])
  })

  it('forgets for its quantiles what is old or was followed by many, and counts it on', async () => {
    const { summary, clock, lines } = open()
    for (let n = 0; n < 5000; n++) summary.observe('put', 1000)
    for (let n = 0; n < 1024; n++) summary.observe('put', 1)
    expect(await lines()).toContain('size{method="put",quantile="0.9"} 1')
    clock.nowMs = 6 * MINUTE_MS
    summary.observe('put', 7)
    expect(await lines()).toContain('size{method="put",quantile="0.9"} 1')
    clock.nowMs = 11 * MINUTE_MS
    expect(await lines()).toContain('size{method="put",quantile="0.1"} 7')
    clock.nowMs = 17 * MINUTE_MS
    expect(await lines()).toContain('size{method="put",quantile="0.5"} Nan')
    expect(await lines()).toContain('size_count{method="put"} 6025')
  })
})
