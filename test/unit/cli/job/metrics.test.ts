import { describe, expect, it } from 'vitest'
import {
  type FinishedRun,
  metricNames,
  writeFinished,
  writeStarted,
} from '../../../../src/cli/job/metrics.ts'
import { readBody } from '../../../../src/client/check.ts'

const RUN: FinishedRun = {
  startedAtMs: 1_700_000_000_123,
  endedAtMs: 1_700_000_060_456,
  durationMs: 60_333.4567,
  ending: { kind: 'exit', code: 0 },
  usage: { cpuSeconds: 1.25, peakBytes: 4096 },
}

/** What the text says, read by the reader of the gateway. */
function values(text: string): Record<string, number> {
  const families = readBody({ name: 'own', body: Buffer.from(text), format: 'text' })
  return Object.fromEntries(
    families.map((family) => {
      if (family.type !== 'gauge' || family.help === '')
        throw new Error(`${family.name} is no gauge with help`)
      return [family.name, family.metrics[0]?.value ?? Number.NaN]
    }),
  )
}

describe('the metrics of a run', () => {
  it('say at its start that it runs', () => {
    expect(values(writeStarted('pgr_job', RUN.startedAtMs))).toEqual({
      pgr_job_start_timestamp_seconds: 1_700_000_000.123,
      pgr_job_running: 1,
    })
  })

  it('say at its end how it went', () => {
    const written = values(writeFinished('pgr_job', RUN))
    expect(written).toEqual({
      pgr_job_last_run_timestamp_seconds: 1_700_000_060.456,
      pgr_job_last_success_timestamp_seconds: 1_700_000_060.456,
      pgr_job_last_duration_seconds: 60.333,
      pgr_job_last_exit_code: 0,
      pgr_job_last_status: 1,
      pgr_job_last_cpu_seconds: 1.25,
      pgr_job_last_max_rss_bytes: 4096,
      pgr_job_start_timestamp_seconds: 1_700_000_000.123,
      pgr_job_running: 0,
    })
    expect(new Set(Object.keys(written))).toEqual(metricNames('pgr_job'))
  })

  it('leave the last success as it was when the run failed, and out what is not known', () => {
    const written = values(
      writeFinished('x_', { ...RUN, ending: { kind: 'signal', signal: 'SIGKILL' }, usage: {} }),
    )
    expect(Object.keys(written).sort()).toEqual([
      'x_last_duration_seconds',
      'x_last_exit_code',
      'x_last_run_timestamp_seconds',
      'x_last_status',
      'x_running',
      'x_start_timestamp_seconds',
    ])
    expect([written['x_last_exit_code'], written['x_last_status']]).toEqual([137, 0])
  })

  it('can stand before a body in OpenMetrics', () => {
    const body = Buffer.from(`${writeFinished('pgr_job', RUN)}# TYPE rows counter\nrows_total 1\n# EOF\n`)
    expect(readBody({ name: 'both', body, format: 'openmetrics' })).toHaveLength(10)
  })
})
