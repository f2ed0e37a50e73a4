import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { freePort } from '../support/free-port.ts'
import { PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { snappyBody, symbolized } from '../support/remote-write.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Asked, ask } from './ask.ts'
import { DETAILED } from './moved-metrics.ts'
import { runPgr } from './run-pgr.ts'
import { runInTerminal } from './terminal.ts'

const OPENMETRICS = { 'content-type': 'application/openmetrics-text; version=1.0.0' }

const schema: unknown = JSON.parse(
  readFileSync(new URL('../../docs/export.schema.json', import.meta.url), 'utf8'),
)
const isLine = new Ajv2020({ strict: true, allowUnionTypes: true, strictTuples: false }).compile(
  schema as object,
)

async function mustPush(url: string, path: string, asked: Asked): Promise<void> {
  const { status, text } = await ask(url, path, { method: 'POST', ...asked })
  if (status >= 300) throw new Error(`${path} was answered ${status}: ${text}`)
}

/** Something of every type of the model, by every way in. */
async function pushEverything(url: string): Promise<void> {
  await mustPush(url, '/metrics/job/detailed/a@base64/YS9i', {
    method: 'PUT',
    body: DETAILED,
    headers: { 'content-type': PROTOBUF_TYPE, 'x-pgr-ttl': '0' },
  })
  // The other half of that group has another lifetime, and types of its own.
  await mustPush(url, '/metrics/job/detailed/a@base64/YS9i', {
    body: [
      '# TYPE m_build info\nm_build_info{version="1"} 1',
      '# TYPE m_mode stateset\nm_mode{m_mode="on"} 1\nm_mode{m_mode="off"} 0',
      '# TYPE m_queue gaugehistogram\nm_queue_bucket{le="1.0"} 2\nm_queue_bucket{le="+Inf"} 3\nm_queue_gsum 4.5\nm_queue_gcount 3',
      '# TYPE m_bytes counter\n# UNIT m_bytes bytes\nm_bytes_total 5 # {trace="y"} 1 1700000000.5\nm_bytes_created 1600000000.25',
      '# TYPE m_what unknown\nm_what{l="\\"\\\\\\n"} NaN',
      '# TYPE m_size summary\nm_size{quantile="0.5"} 2\nm_size_count 3',
      '# TYPE m_time histogram\nm_time_bucket{le="0.5"} 1 # {trace="z"} 0.25\nm_time_bucket{le="+Inf"} 2',
      '# EOF\n',
    ].join('\n'),
    headers: { ...OPENMETRICS, 'x-pgr-ttl': '2h' },
  })
  await mustPush(url, '/metrics/job/plain', {
    body: '# HELP m_plain Some help.\n# TYPE m_plain gauge\nm_plain -Inf\n',
  })
  await mustPush(url, '/ingest', {
    body: `m_merged{job="a",instance="b",x="1"} 1\nm_merged{job="a",instance="b",x="2"} 2 ${Date.now()}\nm_loose 3\n`,
    headers: { 'x-pgr-ttl': '1h' },
  })
  const labels = (name: string) => ['__name__', name, 'job', 'rw', 'instance', 'i'] as const
  const timestamp = Date.now()
  const message = symbolized(
    { labels: labels('m_rw_custom'), histograms: [custom(timestamp)], metadata: { type: 3 } },
    { labels: labels('m_rw_target'), samples: [{ value: 1, timestamp }], metadata: { type: 6 } },
    {
      labels: [...labels('m_rw_seconds_bucket'), 'le', '1'],
      samples: [{ value: 1, timestamp }],
      metadata: { type: 3 },
    },
    {
      labels: [...labels('m_rw_seconds_bucket'), 'le', '+Inf'],
      samples: [{ value: 2, timestamp }],
      metadata: { type: 3 },
    },
    { labels: labels('m_rw_seconds_count'), samples: [{ value: 2, timestamp }], metadata: { type: 3 } },
    { labels: labels('m_rw_seconds_sum'), samples: [{ value: 1.5, timestamp }], metadata: { type: 3 } },
  )
  await mustPush(url, '/api/v1/write', {
    body: snappyBody(2, message),
    headers: {
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '2.0.0',
    },
  })
}

function custom(timestamp: number) {
  return {
    countInt: 3,
    sum: 4.5,
    schema: -53,
    positiveSpans: [{ offset: 0, length: 2 }],
    positiveDeltas: [1, 1],
    customValues: [1, 2.5],
    timestamp,
  }
}

interface ExportedLine {
  readonly kind?: string
  readonly labels?: Record<string, string>
  readonly families?: readonly { readonly name: string; readonly ttl_ms?: number }[]
}

/** Units of an export with what passes left out, in an order that does not depend on when they were pushed. */
function lasting(text: string): string[] {
  return linesOf(text)
    .filter(({ kind }) => kind !== undefined)
    .map(({ kind, labels, families = [] }) => {
      const kept = families.map(({ ttl_ms, ...family }) => ({ ...family, expires: ttl_ms !== undefined }))
      return JSON.stringify({ kind, labels, families: kept.sort((a, b) => (a.name < b.name ? -1 : 1)) })
    })
    .sort()
}

function linesOf(text: string): ExportedLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Pages in all formats, without when it was pushed. */
async function pagesOf(url: string): Promise<string[]> {
  const pages = await Promise.all(
    ['text/plain', 'application/openmetrics-text;version=1.0.0'].map((accept) =>
      ask(url, '/metrics', { headers: { accept } }),
    ),
  )
  return pages.map(({ text }) =>
    text
      .split('\n')
      .filter((line) => !/^push_(failure_)?time_seconds/.test(line))
      // What came without a timestamp has that of its arrival.
      .map((line) => line.replace(/^((?:m_loose|m_merged\{.*x="1"\}).* )[\d.]+$/, '$1'))
      .join('\n'),
  )
}

let folder: string
let first: Pgr
let second: Pgr
let counter = 0
beforeAll(async () => {
  folder = makeFolder('export')
  const flags = ['--exposition.timestamps', '--web.enable-admin-api']
  ;[first, second] = await Promise.all([startPgr({ flags }), startPgr({ flags })])
  await pushEverything(first.url)
})
afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()])
  removeFolder(folder)
})

function fresh(name: string): string {
  return join(folder, `${counter++}-${name}`)
}

describe('from pgr into a file and back', () => {
  beforeEach(async () => {
    await mustPush(second.url, '/api/v1/admin/wipe', { method: 'PUT' })
  })

  it('gives everything again: types, histograms, exemplars, start times, timestamps, lifetimes', async () => {
    const file = fresh('backup.ndjson')
    const written = await runPgr(['export', `--url=${first.url}`, `--output=${file}`])
    expect(written).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/^exported \d+ groups and sets of /),
    })
    const read = await runPgr(['import', file, `--url=${second.url}`])
    expect({ code: read.code, stdout: read.stdout }).toEqual({ code: 0, stdout: '' })
    const before = readFileSync(file, 'utf8')
    const { text: after } = await ask(second.url, '/api/v1/export')
    expect(lasting(after)).toEqual(lasting(before))
    expect(await pagesOf(second.url)).toEqual(await pagesOf(first.url))
    const protobuf = { headers: { accept: PROTOBUF_TYPE } }
    const [a, b] = await Promise.all([first, second].map(({ url }) => ask(url, '/metrics', protobuf)))
    expect(b?.bytes.length).toBe(a?.bytes.length)
    // A lifetime is what was left of it: never more, but for the second it is rounded to.
    const ttlOf = (text: string, name: string): number | undefined =>
      linesOf(text)
        .flatMap(({ families = [] }) => families)
        .find((family) => family.name === name)?.ttl_ms
    for (const [name, mostMs] of [
      ['m_build_info', 7_200_000],
      ['m_merged', 3_600_000],
      ['m_plain', 300_000],
    ] as const) {
      expect(ttlOf(before, name)).toBeGreaterThan(0)
      expect(ttlOf(before, name)).toBeLessThanOrEqual(mostMs)
      expect(ttlOf(after, name)).toBeGreaterThan(0)
      expect(ttlOf(after, name)).toBeLessThanOrEqual((ttlOf(before, name) ?? 0) + 1000)
    }
  })

  it('has lines as the schema says', async () => {
    const { stdout } = await runPgr(['export', `--url=${first.url}`])
    const wrong = linesOf(stdout).filter((line) => !isLine(line))
    expect({ wrong, errors: isLine.errors }).toEqual({ wrong: [], errors: null })
    for (const line of [{}, { kind: 'group', labels: {} }, { kind: 'set', labels: {}, families: [{}] }])
      expect(isLine(line)).toBe(false)
  })

  it('goes through a pipe', async () => {
    const { stdout } = await runPgr(['export', `--url=${first.url}`])
    const { code, stderr } = await runPgr(['import', '-', `--url=${second.url}`], { input: stdout })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^imported \d+ series: 2 groups/),
    })
  })

  it('straight from one to the other', async () => {
    const run = await runPgr(['import', first.url, `--url=${second.url}`, `--checkpoint=${fresh('point')}`])
    expect(run.code).toBe(0)
    expect(await pagesOf(second.url)).toEqual(await pagesOf(first.url))
  })

  it('tells what it would do, and does nothing', async () => {
    const { stdout: input } = await runPgr(['export', `--url=${first.url}`])
    await mustPush(second.url, '/metrics/job/plain', { body: 'm_plain 7\n' })
    const args = ['import', '-', `--url=${second.url}`, '--dry-run', '--json']
    const run = await runPgr(args, { input })
    expect(run.code).toBe(0)
    expect(JSON.parse(run.stdout)).toMatchObject({ dryRun: true, groups: 1, skipped: 1 })
    const replacing = await runPgr([...args, '--on-conflict=replace'], { input })
    expect(JSON.parse(replacing.stdout)).toMatchObject({ dryRun: true, groups: 2, replaced: 1 })
    expect((await pagesOf(second.url))[0]).toMatch(/m_plain\{instance="",job="plain"\} 7/)
  })

  it.each([
    ['skip', 0, 7],
    ['replace', 0, '-Inf'],
    ['fail', 3, 7],
  ])('of a group that is there already: %s', async (how, code, value) => {
    const { stdout: input } = await runPgr(['export', `--url=${first.url}`])
    await mustPush(second.url, '/metrics/job/plain', { body: 'm_plain 7\n' })
    const run = await runPgr(['import', '-', `--url=${second.url}`, `--on-conflict=${how}`], { input })
    expect(run.code).toBe(code)
    expect((await pagesOf(second.url))[0]).toContain(`m_plain{instance="",job="plain"} ${value}`)
  })

  it('gives everything the lifetime that is asked for', async () => {
    const { stdout: input } = await runPgr(['export', `--url=${first.url}`])
    await runPgr(['import', '-', `--url=${second.url}`, '--ttl=10m'], { input })
    const { text } = await ask(second.url, '/api/v1/export')
    const ttls = linesOf(text).flatMap(({ families = [] }) => families.map(({ ttl_ms }) => ttl_ms ?? 0))
    expect(ttls.length).toBeGreaterThan(5)
    expect(ttls.every((ttl) => ttl > 0 && ttl <= 600_000)).toBe(true)
  })
})

describe('what is no export', () => {
  let good: string[]
  beforeAll(async () => {
    good = (await ask(first.url, '/api/v1/export')).text.trimEnd().split('\n')
  })

  it.each([
    ['nothing', () => '', ':1: there is nothing in it'],
    ['text', () => 'm_a 1\n', ':1: is not JSON'],
    [
      'a later version',
      () => '{"format":"pgr-export","version":9,"exported":"2026-01-01T00:00:00Z","from":"pgr"}\n',
      ':1: is of version 9',
    ],
    ['a broken line', () => [good[0], good[1]?.slice(0, 50), ...good.slice(2)].join('\n'), ':2: is not JSON'],
    [
      'a file that was cut off',
      () => good.slice(0, 3).join('\n'),
      ':3: the last line of the export does not follow',
    ],
    ['a file that was cut off in a line', () => good.join('\n').slice(0, -5), `is not JSON`],
    ['a missing line', () => [...good.slice(0, 1), ...good.slice(2)].join('\n'), 'lines stand before it'],
    [
      'a line without end',
      () => `${good[0]}\n{"kind":"${'x'.repeat(65 * 1024 * 1024)}`,
      ':2: the line has more than',
    ],
  ])('is refused with the number of the line: %s', async (_what, text, said) => {
    const file = fresh('broken.ndjson')
    writeFileSync(file, text())
    const { code, stdout, stderr } = await runPgr(['import', file, `--url=${second.url}`])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain(`error: ${file}:`)
    expect(stderr).toContain(said)
  })

  it('says so in JSON alone when asked to', async () => {
    const { code, stdout } = await runPgr(['import', '-', `--url=${second.url}`, '--json'], { input: 'x' })
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'PGR_BODY_MALFORMED' } })
  })

  it('is no file at all', async () => {
    const { code, stderr } = await runPgr(['import', join(folder, 'none.ndjson'), `--url=${second.url}`])
    expect(code).toBe(2)
    expect(stderr).toContain('none.ndjson cannot be read')
  })

  it('goes into no checkpoint of another import', async () => {
    const checkpoint = fresh('point')
    writeFileSync(checkpoint, '{"format":"pgr-import","version":1,"source":"x","target":"y","held":[]}\n')
    const args = ['import', first.url, `--url=${second.url}`, `--checkpoint=${checkpoint}`]
    const { code, stderr } = await runPgr(args)
    expect(code).toBe(2)
    expect(stderr).toContain('belongs to an import whose source is "x"')
  })
})

describe('gateways that are away, locked or busy', () => {
  const stubs: Server[] = []
  afterAll(() => {
    for (const stub of stubs) stub.close()
  })

  /** Answers pushes with one status after the other, the last one from then on. */
  async function startStub(statuses: readonly number[]): Promise<{ url: string; pushes: () => number }> {
    let pushes = 0
    const stub = createServer((request, response) => {
      request.resume()
      if (request.method === 'HEAD') response.end()
      else if (request.method === 'GET') {
        const head = { format: 'pgr-export', version: 1, exported: new Date().toISOString(), from: 'pgr' }
        response.end(`${JSON.stringify(head)}\n{"end":true,"units":0}\n`)
      } else {
        const status = statuses[Math.min(pushes++, statuses.length - 1)] ?? 500
        response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end('why not\n')
      }
    })
    stubs.push(stub)
    await new Promise<void>((resolve) => {
      stub.listen(0, '127.0.0.1', resolve)
    })
    return { url: `http://127.0.0.1:${(stub.address() as AddressInfo).port}`, pushes: () => pushes }
  }

  async function oneGroup(): Promise<string> {
    const { text } = await ask(first.url, '/api/v1/export')
    const [head = '', ...rest] = text.trimEnd().split('\n')
    const plain = rest.find((line) => line.includes('"job":"plain"')) ?? ''
    return `${head.replace(/,"units":\d+/, '')}\n${plain}\n{"end":true,"units":1}\n`
  }

  it('ends with 75 where nobody answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, stderr } = await runPgr(['import', '-', `--url=${url}`, '--retry=0'], {
      input: await oneGroup(),
    })
    expect(code).toBe(75)
    expect(stderr).toMatch(/^error: no gateway answers at .*; run the same command again/)
    expect((await runPgr(['export', `--url=${url}`])).code).toBe(1)
  })

  it('ends with 75 where a gateway stays busy, and keeps what was done', async () => {
    const stub = await startStub([503])
    const file = fresh('backup.ndjson')
    writeFileSync(file, await oneGroup())
    const run = await runPgr(['import', file, `--url=${stub.url}`, '--retry=0'])
    expect(run.code).toBe(75)
    expect(readFileSync(`${file}.checkpoint`, 'utf8')).toContain('"format":"pgr-import"')
  })

  it('tries again when it is told to', async () => {
    const stub = await startStub([503, 200])
    const { code } = await runPgr(['import', '-', `--url=${stub.url}`], { input: await oneGroup() })
    expect({ code, pushes: stub.pushes() }).toEqual({ code: 0, pushes: 2 })
  })

  it('goes on behind a group that is refused, and ends with 1', async () => {
    const stub = await startStub([400])
    const { code, stdout } = await runPgr(['import', '-', `--url=${stub.url}`, '--json'], {
      input: await oneGroup(),
    })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      refused: 1,
      refusals: [{ labels: '{job="plain"}', reason: expect.stringContaining('why not') }],
    })
  })

  it('ends with 4 where the password is wrong', async () => {
    const stub = await startStub([401])
    const { code } = await runPgr(['import', '-', `--url=${stub.url}`], { input: await oneGroup() })
    expect(code).toBe(4)
  })
})

describe('how far it is', () => {
  /** Groups enough that the bar has something to show. */
  const MANY = 3000
  let file: string
  beforeAll(() => {
    file = fresh('many.ndjson')
    const head = {
      format: 'pgr-export',
      version: 1,
      exported: '2026-01-01T00:00:00Z',
      from: 'pgr',
      units: MANY,
    }
    const units = Array.from({ length: MANY }, (_, n) => ({
      kind: 'group',
      labels: { job: `job-${n}` },
      families: [{ name: 'm_many', type: 'gauge', metrics: [{ value: n }] }],
    }))
    writeFileSync(
      file,
      [head, ...units, { end: true, units: MANY }].map((line) => JSON.stringify(line)).join('\n'),
    )
  })

  it('is one line of a terminal, however often it is written', async () => {
    const args = ['import', file, `--url=${second.url}`, '--on-conflict=replace']
    const { code, stdout } = await runInTerminal(args, { columns: 80, output: '' })
    expect(code).toBe(0)
    const pictures = stdout
      .split('\n')[0]
      ?.split('\r')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what clears the rest of the line
      .map((picture) => picture.replaceAll(/\u001b\[K/g, ''))
      .filter((picture) => picture.includes('/s'))
    expect(pictures?.length).toBeGreaterThan(0)
    expect(pictures?.filter((picture) => picture.length >= 80)).toEqual([])
    for (const picture of pictures ?? [])
      expect(picture).toMatch(/^ *\d+% \[[#.]+\] {2}[\d,]+\/3,000 {2}[\d,]+\/s {2}[\d:]+ left$/)
    expect(stdout).toMatch(/imported 3,000 series: 3,000 groups, 0 sets in [\d.]+ s\r?\n$/)
  })

  it.each([
    ['in CI', { CI: 'true' }, []],
    ['when nobody wants it', {}, ['--no-progress']],
  ])('is not shown %s', async (_when, env, flags) => {
    const args = ['import', file, `--url=${second.url}`, '--on-conflict=replace', ...flags]
    const { stdout } = await runInTerminal(args, { columns: 80, output: '', env })
    expect(stdout).toMatch(/^imported 3,000 series/)
  })

  it('leaves standard output to the data', async () => {
    const output = fresh('piped.ndjson')
    await runInTerminal(['export', `--url=${first.url}`], { columns: 80, output })
    expect(linesOf(readFileSync(output, 'utf8')).every((line) => isLine(line))).toBe(true)
    const { stdout } = await runPgr(['export', `--url=${first.url}`])
    expect(linesOf(stdout).every((line) => isLine(line))).toBe(true)
  })
})
