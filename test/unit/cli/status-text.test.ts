import { describe, expect, it } from 'vitest'
import { cardinalityText } from '../../../src/cli/cardinality-text.ts'
import { statusText } from '../../../src/cli/status-text.ts'
import type { Cardinality, Status } from '../../../src/client/read-api.ts'
import { PIPE, terminal } from '../../support/screens.ts'

const NOW = '2026-11-27T20:00:00.000Z'

const STATUS: Status = {
  build_information: { version: '1.2.3' },
  start_time: '2026-11-27T19:00:00.000Z',
  features: { admin_api: true },
  page: { series: 10, groups: 2, sets: 1, expiring_within_60s: 0 },
  store: {
    name: 'redis',
    ready: false,
    reason: 'redis is away',
    facts: { redis_version: '7.0.15' },
    findings: [
      { finding: 'persistence', ok: false, where: 'a:1', message: 'no file' },
      { finding: 'disk', ok: true, where: 'a:1' },
    ],
    primaries: [{ endpoint: 'a:1', state: 'away', partitions: 64, reason: 'refused' }],
    replicas: [{ id: 'r1', version: '1.2.3', address: 'h:9753', last_seen: '2026-11-27T19:59:50.000Z' }],
  },
  recent_rejections: [
    {
      at: '2026-11-27T19:58:00.000Z',
      protocol: 'text',
      code: 'PGR_BODY_MALFORMED',
      reason: 'no\nnumber',
      labels: { job: 'a' },
    },
  ],
}

describe('the status of a gateway', () => {
  it('is facts and then tables on a terminal', () => {
    expect(statusText(STATUS, NOW, terminal())).toBe(
      `${[
        'version              1.2.3',
        'started              1h ago',
        'store                redis',
        'ready                no',
        'reason               redis is away',
        'series               10',
        'groups               2',
        'sets                 1',
        'expiring in 60s      0',
        'admin api            on',
        'store redis version  7.0.15',
        '',
        'FINDING',
        'persistence  bad  a:1  no file',
        'disk         ok   a:1',
        '',
        'PRIMARY',
        'a:1      away  64 partitions  refused',
        '',
        'REPLICA',
        'r1       1.2.3  h:9753  10s ago',
        '',
        'REFUSED',
        '2m ago   text  {job="a"}  no\\nnumber',
      ].join('\n')}\n`,
    )
  })

  it('is a line for each of them in a pipe', () => {
    const lines = statusText(STATUS, NOW, PIPE).trimEnd().split('\n')
    expect(lines).toContain('ready\tno')
    expect(lines).toContain('store redis version\t7.0.15')
    expect(lines).toContain('finding\tpersistence\tbad\ta:1\tno file')
    expect(lines).toContain('replica\tr1\t1.2.3\th:9753\t2026-11-27T19:59:50.000Z')
    expect(lines).toContain('refused\t2026-11-27T19:58:00.000Z\ttext\t{job="a"}\tno\\nnumber')
  })

  it('is told of a gateway that says little', () => {
    const { build_information, start_time } = STATUS
    const bare = { build_information, start_time, store: { name: 'embedded', ready: true } }
    expect(statusText(bare, NOW, PIPE)).toBe(
      'version\t1.2.3\nstarted\t2026-11-27T19:00:00.000Z\nstore\tembedded\nready\tyes\n',
    )
  })
})

describe('cardinality', () => {
  const found: Cardinality = {
    now: NOW,
    series: 8,
    groups: 2,
    sets: 1,
    families: 2,
    metrics: [{ name: 'a', type: 'gauge', series: 6, groups: 2 }],
    labels: [{ name: 'x', values: 3, series: 6 }],
    jobs: [{ job: 'j', series: 8, groups: 2, sets: 1 }],
    pairs: [{ name: 'x', value: 'a\tb', series: 2 }],
    values: [{ value: '1', series: 4 }],
  }

  it('is a table for each kind on a terminal', () => {
    expect(cardinalityText(found, { label: 'x' }, terminal())).toBe(
      [
        'METRIC  SERIES  SHARE  TYPE   GROUPS',
        'a            6  75.0%  gauge       2',
        '',
        'LABEL  SERIES  SHARE  VALUES',
        'x           6  75.0%       3',
        '',
        'VALUE  SERIES  SHARE',
        'x="1"       4  50.0%',
        '',
        'JOB  SERIES   SHARE  GROUPS  SETS',
        'j         8  100.0%       2     1',
        '',
        'PAIR      SERIES  SHARE',
        'x="a\\tb"       2  25.0%',
        '',
      ].join('\n'),
    )
  })

  it('is one kind where that is asked for', () => {
    expect(cardinalityText(found, { by: 'job' }, PIPE)).toBe('job\tj\t8\t100.0%\t2\t1\n')
    expect(cardinalityText({ ...found, series: 0, pairs: [] }, { by: 'pair' }, PIPE)).toBe('')
  })
})
