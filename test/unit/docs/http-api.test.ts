import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settingRows } from '../../../src/config/options.ts'
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts'
import type { StoreReport } from '../../../src/store/store.ts'
import type { Event } from '../../../src/telemetry/events.ts'
import { openHostTelemetry } from '../../../src/telemetry/host.ts'
import { openMetrics } from '../../../src/telemetry/metrics.ts'
import { NO_HOLDINGS, openTestServer } from '../../http/open-test-server.ts'
import { parameterTable, withTables } from './parameter-tables.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(`${ROOT}docs/http-api.md`, 'utf8')

/** Rows of the table under a heading whose first column is called `column`, head and rule left out. */
function tableOf(heading: string, column: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const lines = (section.split('\n## ')[0] ?? '').split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${column} |`))
  const rest = lines.slice(start + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end).map((line) => line.slice(2, -2).split(' | '))
}

/** Codes that no request is answered with, and the only places that raise them. */
const NEVER_ANSWERED: ReadonlyMap<ErrorCode, RegExp> = new Map([
  ['PGR_PUSH_REFUSED', /^(client|migrate)\//],
  ['PGR_GATEWAY_UNREACHABLE', /^client\//],
  ['PGR_GATEWAY_BUSY', /^(client|migrate)\//],
  ['PGR_IMPORT_INCOMPLETE', /^(migrate|cli)\//],
  ['PGR_CHECK_FAILED', /^cli\//],
  // The process does not serve yet.
  [
    'PGR_START_FAILED',
    /^app\.ts$|^workers\/pool\.ts$|^http\/(listeners|inherited-sockets)\.ts$|^store\/embedded\/snapshot-file\.ts$/,
  ],
])

describe('codes and statuses', () => {
  it('are those of the catalogue that a request can be answered with, word for word', () => {
    const expected = Object.entries(catalogue)
      .filter(([code]) => !NEVER_ANSWERED.has(code as ErrorCode))
      .sort(([, a], [, b]) => a.status - b.status)
      .map(([code, { status, when, retry }]) => [String(status), `\`${code}\``, when, retry ? 'yes' : 'no'])
    expect(tableOf('Answers', 'status')).toEqual(expected)
  })

  it.each([...NEVER_ANSWERED])('leave out %s because only %s raises it', (code, allowed) => {
    const raisers = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && path !== 'errors/catalogue.ts')
      .filter((path) => readFileSync(`${ROOT}src/${path}`, 'utf8').includes(`'${code}'`))
    expect(raisers.length).toBeGreaterThan(0)
    expect(raisers.filter((path) => !allowed.test(path))).toEqual([])
  })
})

/** One of every kind that sets labels. */
const EVENTS: readonly Event[] = [
  {
    kind: 'push',
    handler: 'push',
    protocol: 'text',
    method: 'PUT',
    status: 400,
    bytes: 1,
    series: 1,
    seconds: 1,
    code: 'PGR_PUSH_INVALID',
  },
  { kind: 'scrape', format: 'text', status: 200, bytes: 1, series: 1, seconds: 1 },
  { kind: 'store.call', operation: 'changes', seconds: 1, code: 'PGR_STORE_UNAVAILABLE' },
  { kind: 'store.history', cause: 'failover', endpoint: '', partitions: 1 },
  { kind: 'store.finding', finding: 'persistence', message: '', ok: true },
  { kind: 'view.reset', partition: 0, reason: 'new' },
  { kind: 'view.expired', protocol: 'text', series: 1 },
  { kind: 'view.quarantine', family: 'a', reason: 'type', series: 1 },
  { kind: 'defect', where: 'http', error: undefined },
]

describe('own metrics', () => {
  const metrics = openMetrics('0.0.0', () => ({
    units: 0,
    series: 0,
    families: 0,
    quarantinedFamilies: 0,
    quarantinedSeries: 0,
    viewAgeSeconds: 0,
    viewBytes: 0,
    inflightBytes: 0,
    ready: true,
  }))
  let shown = ''
  beforeAll(async () => {
    for (const event of EVENTS) metrics.count(event)
    shown = (await metrics.page()).body
  })
  afterAll(() => metrics.close())

  /** Label names of the first sample of a family, without the bucket's. */
  function labelsOf(name: string): string {
    const sample = new RegExp(`^${name}(?:_bucket)?(?:\\{(.*)\\})? `, 'm').exec(shown)
    expect(sample, `no event here gives ${name} a sample`).not.toBeNull()
    const names = [...(sample?.[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label)
    return names
      .filter((label) => label !== 'le')
      .map((label) => `\`${label}\``)
      .join(', ')
  }

  it('are on the page with the labels and the words that the telemetry has for them', () => {
    const families = [...shown.matchAll(/^# HELP (\w+) (.*)$/gm)].map(([, name = '', help = '']) => [
      name,
      help,
    ])
    const own = families.filter(([name]) => name?.startsWith('pgr_'))
    expect(own.length).toBeGreaterThan(20)
    const expected = own.map(([name = '', help = '']) => [`\`${name}\``, labelsOf(name), help])
    expect(tableOf('Telemetry', 'metric').map((row) => row.map((cell) => cell.trim()))).toEqual(expected)
  })

  it('of workers are on the page, too', async () => {
    const host = openHostTelemetry({ workers: 1, serving: () => 1, logLevel: 'error', logFormat: 'logfmt' })
    const { body } = await host.page(new Map([[1, await metrics.snapshot()]]))
    const known = new Set([...shown.matchAll(/^# HELP (\w+) /gm)].map(([, name]) => name))
    const added = [...body.matchAll(/^# HELP (\w+) (.*)$/gm)].filter(([, name]) => !known.has(name))
    const rows = tableOf('Telemetry', 'metric of workers').map(([name, , help]) => [name, help])
    expect(rows).toEqual(added.map(([, name, help]) => [`\`${name}\``, help]))
  })

  it('are joined by what the page says they are and nothing else', () => {
    const others = [...shown.matchAll(/^# HELP (?!pgr_)([a-z]+_)/gm)].map(([, prefix]) => prefix)
    expect([...new Set(others)].sort()).toEqual(['nodejs_', 'process_', 'pushgateway_'])
    for (const prefix of others) expect(page).toContain(`\`${prefix}*\``)
  })
})

describe('the status', () => {
  it('has the keys that the page names, and no others', async () => {
    const report: StoreReport = {
      name: 'redis',
      facts: new Map([['role', 'master']]),
      findings: [{ finding: 'disk', ok: false, message: 'm', where: 'w' }],
      losses: { history: 1, lostWrites: 2, resubmittedWrites: 3, lastAtMs: 4, cause: 'failover' },
      primaries: [{ endpoint: 'e', state: 'away', partitions: 64, reason: 'r' }],
      replicas: [{ id: 'i', version: 'v', address: 'a', lastSeenMs: 5 }],
      self: 'i',
    }
    const server = openTestServer({
      gateway: {
        status: async () => ({ store: 'redis', ready: false, reason: 'r', report, holds: NO_HOLDINGS }),
      },
    })
    const { data } = (await server.inject({ method: 'GET', url: '/api/v1/status' })).json()
    const { store, ...others } = data
    const keys = [...Object.keys(others), ...Object.keys(store).map((key) => `store.${key}`)]
    const rows = tableOf('Status', 'key in `data`')
    expect(rows.map(([key]) => key)).toEqual(keys.map((key) => `\`${key}\``))

    for (const part of ['findings', 'losses', 'primaries', 'replicas'] as const) {
      const text = rows.find(([key]) => key === `\`store.${part}\``)?.[1] ?? ''
      const named = Object.keys(Array.isArray(store[part]) ? store[part][0] : store[part])
      expect(named.filter((key) => !text.includes(`\`${key}\``))).toEqual([])
    }
  })
})

describe('parameters', () => {
  // Written anew by running this file with -u.
  it('on the page are those that the routes know', async () => {
    const server = openTestServer()
    const { paths } = (await server.inject({ method: 'GET', url: '/api/v1/openapi.json' })).json()
    const tables = new Map(
      ['/api/v1/groups', '/api/v1/groups/{id}', '/api/v1/cardinality'].map((path) => [
        path,
        parameterTable(paths[path].get.parameters),
      ]),
    )
    await expect(withTables(page, tables)).toMatchFileSnapshot('../../../docs/http-api.md')
  })
})

describe('routes', () => {
  it('are all in the table at the top', async () => {
    const server = openTestServer({ options: { enableAdminApi: true } })
    const { paths } = (await server.inject({ method: 'GET', url: '/api/v1/openapi.json' })).json()
    // A path of more names than one stands for those of fewer.
    const served = Object.keys(paths).filter((path) => !/@base64|\{value\}/.test(path))
    const missing = served.filter((path) => !page.includes(`\`${path.replaceAll(/\{(\w+)\}/g, '<$1>')}`))
    expect(missing).toEqual([])
  })
})

describe('settings', () => {
  const byFlag = new Map(settingRows.map(([, row]) => [`--${row.flag}`, row]))

  it('on the page all exist', () => {
    const named = [...page.matchAll(/`(--[a-z]+\.[a-z0-9.-]+|--compat)/g)].map(([, flag]) => flag ?? '')
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((flag) => !byFlag.has(flag))).toEqual([])
  })

  it('that limit pushes are all there, with their defaults', () => {
    const rows = tableOf('Limits', 'setting')
    for (const [flag = '', shown] of rows) {
      const row = byFlag.get(flag.slice(1, -1))
      expect([flag, shown]).toEqual([flag, `\`${row?.kind.show(row.fallback)}\``])
    }
    const limits = [...byFlag.keys()].filter((flag) => /^--(limits\.|push\.(max-|timeout))/.test(flag))
    expect(rows.map(([flag]) => flag?.slice(1, -1)).sort()).toEqual(limits.sort())
  })
})
