import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { settingRows } from '../../../src/config/options.ts'
import { keyspace } from '../../../src/store/redis/keys.ts'
import { permissionsFor, sentinelPermissions } from '../../../src/store/redis/permissions.ts'
import { findingsOf } from '../../../src/store/redis/requirements.ts'
import { readBlocks } from '../../support/page-commands.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(`${ROOT}docs/redis.md`, 'utf8')
const blocks = readBlocks(page)

/** Cells of the rows under a table's head, given how that begins. */
function tableOf(head: string): string[][] {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => line.startsWith(head)) + 2
  const rest = lines.slice(start)
  const rows = rest.slice(
    0,
    rest.findIndex((line) => !line.startsWith('|')),
  )
  return rows.map((row) => row.slice(2, -2).split(' | '))
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

/** As a shell takes them. */
function quoted(words: readonly string[]): string {
  return words.map((word) => (/^[+-]?[\w@]+$/.test(word) ? word : `'${word}'`)).join(' ')
}

// Written anew by running this file with -u.
it('the users on the page have the rights that the gateway needs, and no other', async () => {
  const lines = [
    `redis-cli ACL SETUSER pgr on '>secret' resetkeys resetchannels ${quoted(permissionsFor('pgr'))}`,
    `redis-cli -p 26379 ACL SETUSER pgr on '>other-secret' resetkeys ${quoted(sentinelPermissions())}`,
  ]
  let expected = page
  for (const line of lines) {
    const [start = ''] = /^.* resetkeys/.exec(line) ?? []
    expect(expected.split(`\n${start}`).length).toBe(2)
    expected = expected.replace(new RegExp(`^${start} .*$`, 'm'), () => line)
  }
  await expect(expected).toMatchFileSnapshot('../../../docs/redis.md')
})

it('every flag on the page exists', () => {
  const known = new Set(settingRows.map(([, { flag }]) => flag as string))
  // Of commands that are not ours.
  const text = blocks.reduce((rest, { command }) => rest.replace(command, ''), page)
  const named = [...text.matchAll(/--([a-z][\w.-]*\w)/g)].map(([, flag = '']) => flag)
  expect(named.length).toBeGreaterThan(15)
  const ours = named.filter((flag) => flag !== 'only-redis').map((flag) => flag.replace(/-file$/, ''))
  expect(ours.filter((flag) => !known.has(flag))).toEqual([])
})

it('the table of keys is the keyspace', () => {
  const { partitions, configuration, replicas } = keyspace('pgr')
  const ofOne = (partitions[0] ?? []).map((key) => key.replace(/\{.*\}/, '{tag}'))
  expect(tableOf('| key | type |').map(([key]) => key?.slice(1, -1))).toEqual([
    ...ofOne,
    configuration,
    replicas,
  ])
  expect(page).toContain(`${partitions.length} partitions of six keys each, and two more`)
})

it('the table of findings has every finding', () => {
  const findings = findingsOf(new Map(), { topology: 'sentinel', replicas: 0 }).map(({ finding }) => finding)
  const named = tableOf('| finding |').map(([name]) => name?.slice(1, -1))
  expect([...named].sort()).toEqual([...findings, 'evicted-keys'].sort())
})

it('the table of memory follows from the formula', () => {
  const [, perSeries, perGroup] = /bytes = (\d+) × series \+ (\d+) × groups/.exec(page) ?? []
  const rows = tableOf('| series | groups |').map((cells) =>
    cells.map((cell) => Number(cell.replace(/[, GMB]/g, ''))),
  )
  expect(rows.length).toBe(3)
  for (const [series = 0, groups = 0, data = 0, most = 0, machine = 0] of rows) {
    const megabytes = (Number(perSeries) * series + Number(perGroup) * groups) / 1e6
    expect(data).toBe(Math.round(megabytes))
    expect(most).toBe(Math.round(1.5 * megabytes + 256))
    expect(machine).toBeCloseTo(Math.ceil((1.5 * megabytes + 256) / 60) / 10, 5)
  }
})

describe('the configurations of Redis to copy', () => {
  const files = ['redis.conf', 'sentinel.conf', 'cluster-node.conf'] as const
  const read = (name: string): string => readFileSync(`${ROOT}examples/redis/${name}`, 'utf8')
  const WHERE: Record<string, readonly string[]> = {
    all: ['redis.conf', 'cluster-node.conf'],
    'Sentinel, Cluster': ['redis.conf', 'cluster-node.conf'],
    Sentinel: ['redis.conf'],
    Sentinels: ['sentinel.conf'],
    Cluster: ['cluster-node.conf'],
  }

  it.each(tableOf('| setting | where |'))('set what the page recommends: %s', (settings, where = '') => {
    const wanted = namesIn(settings ?? '')
    expect(wanted.length).toBeGreaterThan(0)
    expect(WHERE[where]?.length).toBeGreaterThan(0)
    for (const file of WHERE[where] ?? []) {
      for (const setting of wanted) expect(read(file)).toMatch(new RegExp(`^${setting}( |$)`, 'm'))
    }
  })

  it.each(files)('give a reason for every setting of %s', (file) => {
    const paragraphs = read(file).split(/\n\n+/)
    const bare = paragraphs.filter(
      (paragraph) => !paragraph.includes('# ') && !/^cluster-(enabled|config-file) /.test(paragraph),
    )
    expect(bare).toEqual([])
  })

  it('do not differ in what all servers share', () => {
    const settings = (file: string): string[] =>
      read(file)
        .split('\n')
        .filter((line) => /^(appendonly|appendfsync|save|maxmemory|repl)/.test(line))
    expect(settings('redis.conf').length).toBeGreaterThan(5)
    expect(settings('cluster-node.conf')).toEqual(settings('redis.conf'))
  })
})

describe('metrics', () => {
  // Another test holds this table to what the program counts.
  const table = readFileSync(`${ROOT}docs/http-api.md`, 'utf8')
  const known = new Set([...table.matchAll(/^\| `(pgr_\w+)` \|/gm)].map(([, name = '']) => name))

  it('on the page exist', () => {
    const named = [...page.matchAll(/`(pgr_\w+)/g)].map(([, name = '']) => name)
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  it('that alerts look at exist', () => {
    const { groups } = parse(readFileSync(`${ROOT}examples/alerts.yml`, 'utf8')) as Alerts
    const rules = groups.flatMap((group) => group.rules)
    expect(rules.length).toBeGreaterThan(5)
    const named = rules.flatMap(({ expr }) => expr.match(/pgr_\w+/g) ?? [])
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

interface Alerts {
  groups: { rules: { alert: string; expr: string }[] }[]
}
