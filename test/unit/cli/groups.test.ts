import { describe, expect, it } from 'vitest'
import { findGroup } from '../../../src/cli/find-group.ts'
import { groupEvents } from '../../../src/cli/group-changes.ts'
import { groupText, seriesOf } from '../../../src/cli/group-details.ts'
import { eventText } from '../../../src/cli/group-event-text.ts'
import { selectQuery, withDurations } from '../../../src/cli/group-flags.ts'
import { groupsTable, labelsText } from '../../../src/cli/groups-table.ts'
import type { FamilyRow, GroupRow } from '../../../src/client/read-api.ts'
import { groupRow } from '../../support/group-row.ts'
import { PIPE, terminal } from '../../support/screens.ts'

const NOW = '2026-11-27T20:00:00.000Z'

describe('flags that may stand without a duration', () => {
  it.each([
    [['--expiring'], ['--expiring=5m']],
    [
      ['--expiring', '--json'],
      ['--expiring=5m', '--json'],
    ],
    [
      ['--expiring', '10m', '--json'],
      ['--expiring=10m', '--json'],
    ],
    [['--expiring=1h'], ['--expiring=1h']],
    [
      ['--stale', 'job'],
      ['--stale=1h', 'job'],
    ],
    [
      ['--match', '--staleness'],
      ['--match', '--staleness'],
    ],
  ])('%j', (argv, words) => {
    expect(withDurations(argv)).toEqual(words)
  })

  it('become states within seconds', () => {
    expect(selectQuery({ failed: false, stale: '90m', match: ['{a="b"}', '{c="d"}'], search: 'x' })).toEqual([
      ['match[]', '{a="b"}'],
      ['match[]', '{c="d"}'],
      ['search', 'x'],
      ['state', 'stale'],
      ['within', '5400'],
    ])
    expect(selectQuery({ failed: true, kind: 'set' })).toEqual([
      ['kind', 'set'],
      ['state', 'failed'],
    ])
    expect(() => selectQuery({ failed: false, expiring: 'soon' })).toThrow('--expiring must be a duration')
  })
})

describe('the table of groups', () => {
  const failed = groupRow({
    id: 's1',
    kind: 'set',
    labels: { job: '日本' },
    last_push_successful: false,
    failure_reason: 'a\nb',
    last_push: null,
    protocol: null,
    expires: null,
  })

  it('tells people what matters', () => {
    expect(groupsTable([groupRow(), failed], NOW, terminal(100))).toBe(
      [
        'KIND   LABELS                         SERIES  PROTOCOL  LAST PUSH  EXPIRES  STATE',
        'group  {job="backup",instance="db1"}       3  text      1m ago     in 4m    ok',
        'set    {job="日本"}                        3  -         never      never    failed: a\\nb',
        '',
      ].join('\n'),
    )
  })

  it('tells programs everything', () => {
    expect(groupsTable([groupRow(), failed], NOW, PIPE)).toBe(
      [
        'gAAAAAAAAAAAAAAAAAAAAAA\tgroup\t{job="backup",instance="db1"}\t3\t2\ttext\t2026-11-27T19:59:00.000Z\t2026-11-27T20:04:00.000Z\tok',
        's1\tset\t{job="日本"}\t3\t2\t\t\t\tfailed: a\\nb',
        '',
      ].join('\n'),
    )
  })

  it('is not misled by labels that objects have already', () => {
    expect(labelsText(JSON.parse('{"__proto__":"a","constructor":"b","job":"c"}'))).toBe(
      '{job="c",__proto__="a",constructor="b"}',
    )
  })
})

describe('a metric', () => {
  it.each([
    ['a number', { labels: {}, value: '1' }, [['m', '1']]],
    [
      'a summary',
      { labels: { a: 'b' }, quantiles: { '0.5': '1' }, sum: '2', count: '3' },
      [
        ['m{a="b",quantile="0.5"}', '1'],
        ['m_sum{a="b"}', '2'],
        ['m_count{a="b"}', '3'],
      ],
    ],
    [
      'a histogram',
      { labels: {}, buckets: { '1': '1', '+Inf': '2' }, sum: '3', count: '2' },
      [
        ['m_bucket{le="1"}', '1'],
        ['m_bucket{le="+Inf"}', '2'],
        ['m_sum', '3'],
        ['m_count', '2'],
      ],
    ],
    [
      'a native histogram',
      {
        labels: {},
        native: { zero_count: '4', count: '5', sum: '6', buckets: [['0.5', '1', '1'] as const] },
      },
      [
        ['m (0.5, 1]', '1'],
        ['m zero', '4'],
        ['m_sum', '6'],
        ['m_count', '5'],
      ],
    ],
  ])('is shown as its series: %s', (_what, metric, series) => {
    expect(seriesOf('m', metric)).toEqual(series)
  })
})

describe('a group with its metrics', () => {
  const family: FamilyRow = {
    name: 'm',
    type: 'gauge',
    help: 'What it is.',
    unit: '',
    last_push: null,
    expires: null,
    series: 2,
    truncated: true,
    metrics: [{ labels: { x: 'a b' }, value: '1' }],
  }
  const group = { ...groupRow(), now: NOW, matching_families: 1, families_list: [family] }

  it('has its facts and then its series on a terminal', () => {
    expect(groupText(group, NOW, terminal())).toBe(
      [
        'group         {job="backup",instance="db1"}',
        'id            gAAAAAAAAAAAAAAAAAAAAAA',
        'holds         3 series in 2 families',
        'last push     1m ago (2026-11-27T19:59:00.000Z), text',
        'last failure  never',
        'expires       in 4m (2026-11-27T20:04:00.000Z)',
        '',
        'm  gauge  What it is.',
        '  m{x="a b"}  1',
        '  … 2 series in all; --samples shows more',
        '',
      ].join('\n'),
    )
  })

  it('has its series alone in a pipe', () => {
    expect(groupText(group, NOW, PIPE)).toBe('m\tgauge\tm{x="a b"}\t1\n')
  })
})

describe('naming a group', () => {
  const rows = [
    groupRow({ id: 'gboth', labels: { job: 'a', instance: 'b' } }),
    groupRow({ id: 'gother', labels: { job: 'a', instance: 'c' } }),
    groupRow({ id: 'gjob', labels: { job: 'z' } }),
    groupRow({ id: 'sjob', kind: 'set', labels: { job: 'z' } }),
    groupRow({ id: 'gzmore', labels: { job: 'z', instance: 'b' } }),
  ]
  /** Selects as a gateway would. */
  const api = {
    async groups(query: readonly (readonly [string, string])[]) {
      const words = new Map(query)
      const wanted = Object.fromEntries(
        [...(words.get('match[]') ?? '').matchAll(/(\w+)="(\w+)"/g)].map(([, name, value]) => [name, value]),
      )
      const groups = rows.filter(
        ({ labels, kind }) =>
          Object.entries(wanted).every(([name, value]) => labels[name] === value) &&
          (words.get('kind') ?? kind) === kind,
      )
      return { now: NOW, total: { groups: 0, sets: 0, series: 0 }, matching: groups.length, groups }
    },
  }

  it('takes an id as it is, and labels for the one that has them', async () => {
    expect(await findGroup(api, ['gAAAAAAAAAAAAAAAAAAAAAA'], undefined)).toBe('gAAAAAAAAAAAAAAAAAAAAAA')
    expect(await findGroup(api, ['instance=b', 'job=a'], undefined)).toBe('gboth')
    expect(await findGroup(api, ['instance=c'], undefined)).toBe('gother')
    expect(await findGroup(api, ['job=z'], 'group')).toBe('gjob')
  })

  it.each([
    [
      'several that have them among others',
      ['job=a'],
      'PGR_SETTING_INVALID',
      /2 have these labels: group .*gboth/,
    ],
    ['a group and a set of the same labels', ['job=z'], 'PGR_SETTING_INVALID', /2 .*--kind/],
    ['none', ['job=nobody'], 'PGR_NOT_FOUND', /nothing is stored under job=nobody/],
    ['what is no label', ['nonsense'], 'PGR_SETTING_INVALID', /name=value/],
  ])('fails for %s', async (_why, words, code, message) => {
    const finding = findGroup(api, words, undefined)
    await expect(finding).rejects.toMatchObject({ code })
    await expect(finding).rejects.toThrow(message)
  })
})

describe('between two looks', () => {
  const before = groupRow()
  const look = (...rows: GroupRow[]): ReadonlyMap<string, GroupRow> =>
    new Map(rows.map((row) => [row.id, row]))
  const event = (old: readonly GroupRow[], now: readonly GroupRow[]) =>
    groupEvents(look(...old), now, NOW).map((each) => each.event)

  it.each([
    ['nothing', [before], [before], []],
    ['a new one', [], [before], ['new']],
    ['a push', [before], [groupRow({ last_push: NOW })], ['pushed']],
    [
      'a push that was refused',
      [before],
      [groupRow({ last_failure: NOW, last_push_successful: false })],
      ['failed'],
    ],
    [
      'a first push that was refused',
      [],
      [groupRow({ last_failure: NOW, last_push_successful: false })],
      ['failed'],
    ],
    ['one that is gone', [before], [], ['gone']],
  ])('%s', (_what, old, now, events) => {
    expect(event(old, now)).toEqual(events)
  })

  it('a change is a line', () => {
    const group = groupRow({ failure_reason: 'not a\tgauge' })
    expect(eventText({ at: NOW, event: 'failed', group }, terminal())).toBe(
      `${NOW}\tfailed\tgroup\t{job="backup",instance="db1"}\t3\tnot a\\tgauge\n`,
    )
  })
})
