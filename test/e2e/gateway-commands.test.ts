import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { startPushgateway } from '../support/start-pushgateway.ts'
import { ask, push } from './ask.ts'
import { type Run, runPgr } from './run-pgr.ts'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const METRICS = '# HELP a_seconds x\n# TYPE a_seconds gauge\na_seconds{x="1"} 1\na_seconds{x="2"} 2\n'

let pgr: Pgr
beforeAll(async () => {
  pgr = await startPgr({ flags: ['--web.enable-admin-api'] })
})
afterAll(() => pgr?.stop())

beforeEach(async () => {
  await ask(pgr.url, '/api/v1/admin/wipe', { method: 'PUT' })
  await push(pgr.url, '/metrics/job/backup/instance/db1', METRICS)
  await push(pgr.url, '/metrics/job/backup/instance/db2', METRICS)
  await push(pgr.url, '/ingest', 'merged{job="j",instance="i"} 1\n')
})

const run = (...args: string[]): Promise<Run> => runPgr(args, { env: { PGR_URL: pgr.url } })

async function listed(): Promise<string[]> {
  const { stdout } = await run('groups', 'list')
  return stdout.split('\n').map((line) => line.split('\t')[2] ?? '')
}

describe('what programs read', () => {
  it.each([
    [['groups', 'list'], { matching: 3, total: { groups: 2, sets: 1, series: 5 } }],
    [['groups', 'list', '--all', '--match={job="backup"}', '--sort=series'], { matching: 2 }],
    [['groups', 'show', 'job=j'], { kind: 'set', families_list: [{ name: 'merged' }] }],
    [['status'], { store: { name: 'embedded', ready: true } }],
    [['cardinality'], { series: 5, metrics: [{ name: 'a_seconds', series: 4 }, { name: 'merged' }] }],
    [['check', 'ready'], { ready: true }],
    [['check', 'healthy'], { healthy: true }],
    [['delete', '--job=backup', '-g', 'instance=db1', '--dry-run'], { groups: 1, series: 2, dryRun: true }],
    [['delete', '--match={job="backup"}', '--dry-run'], { groups: 2, sets: 0, dryRun: true }],
    [['wipe', '--dry-run'], { groups: 2, sets: 1, series: 5, dryRun: true }],
  ])('is one JSON value with --json: %j', async (args, expected) => {
    const { code, stdout, stderr } = await run(...args, '--json')
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject(expected)
  })

  it('is a line a group, fields between tabs, without decoration', async () => {
    const { code, stdout, stderr } = await run('groups', 'list', '--match={job="backup"}')
    expect([code, stderr]).toEqual([0, ''])
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(rows.map((row) => [row.length, row[1], row[2], row[3], row[8]])).toEqual([
      [9, 'group', '{job="backup",instance="db1"}', '2', 'ok'],
      [9, 'group', '{job="backup",instance="db2"}', '2', 'ok'],
    ])
  })

  it('names what it is in every line of cardinality', async () => {
    const { stdout } = await run('cardinality', '--label=instance', '--by=value')
    expect(stdout).toBe(
      'value\tinstance="db1"\t2\t40.0%\nvalue\tinstance="db2"\t2\t40.0%\nvalue\tinstance="i"\t1\t20.0%\n',
    )
  })

  it('pages through everything there is', async () => {
    const body = Array.from({ length: 1100 }, (_, n) => `n{job="j${n}",instance="i"} 1\n`).join('')
    await push(pgr.url, '/ingest', body)
    const { stdout } = await run('groups', 'list', '--all', '--json')
    const { groups, matching } = JSON.parse(stdout) as { groups: { id: string }[]; matching: number }
    expect([new Set(groups.map(({ id }) => id)).size, matching]).toEqual([1103, 1103])
    const some = JSON.parse((await run('groups', 'list', '--limit=1001', '--json')).stdout) as { groups: [] }
    expect(some.groups).toHaveLength(1001)
  })
})

describe('what goes on', () => {
  const live = (...args: string[]) =>
    startChild({ name: args.join(' '), command: process.execPath, args: [RUN, ...args, `--url=${pgr.url}`] })

  it('tells of every change, a line of JSON each, until it is interrupted', async () => {
    const child = live('groups', 'watch', '--json', '--interval=100ms', '--match={job=~"new.*"}')
    let pushes = 0
    await eventually('a new group is told', async () => {
      await push(pgr.url, `/metrics/job/new${pushes++}`, METRICS)
      return child.stdout().includes('"event":"new"')
    })
    await run('delete', '--match={job=~"new.*"}', '--yes')
    await eventually('it is told that it is gone', () => child.stdout().includes('"event":"gone"'))
    child.signal('SIGINT')
    expect(await child.exited).toEqual({ code: 0, signal: null })
    for (const line of child.stdout().trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ group: { labels: { job: expect.stringMatching(/^new/) } } })
    expect(child.stderr()).toBe('')
  })

  it('tells what is pushed and refused, a look a line', async () => {
    const { code, stdout } = await run('top', '--json', '--count=2', '--interval=100ms')
    const looks = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seconds: number | null })
    expect([code, looks.length, looks[0]?.seconds]).toEqual([0, 2, null])
    expect(looks[1]?.seconds).toBeGreaterThan(0)
    const text = await run('top', '--count=2', '--interval=100ms')
    expect(
      text.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t').length),
    ).toEqual([8, 8])
  })

  describeWith('bash', 'in a pipe', () => {
    const pipe = async (script: string) => {
      const child = startChild({
        name: script,
        command: 'bash',
        args: ['-c', script.replaceAll('pgr', `'${process.execPath}' '${RUN}'`)],
        env: { ...process.env, PGR_URL: pgr.url },
      })
      await child.exited
      return [child.stdout(), child.stderr()]
    }

    /** Prints what the first of a pipe ended with. */
    const AND_CODE = '; echo $PIPESTATUS'

    it('ends quietly when its reader has read enough', async () => {
      const [first, errors] = await pipe(`pgr top --interval=100ms | head -n 1${AND_CODE}`)
      expect([first?.split('\n')[1], errors]).toEqual(['0', ''])
    })

    it('ends quietly also in the middle of much', async () => {
      // More than a pipe holds, so that it cannot be written before its reader is gone.
      const many = Array.from({ length: 5000 }, (_, n) => `many{n="${n}"} ${n}\n`)
      await push(pgr.url, '/metrics/job/many', many.join(''))
      const [first, errors] = await pipe(`pgr export | head -n 1${AND_CODE}`)
      expect([first?.split('\n')[1], errors]).toEqual(['0', ''])
    })

    it('does what it is asked to although nobody reads', async () => {
      expect(await pipe(`pgr wipe --yes --json | true${AND_CODE}`)).toEqual(['0\n', ''])
      expect(await listed()).toEqual([''])
    })
  })
})

describe('what removes', () => {
  it.each([
    [['delete', '--job=backup', '--group=instance=db1']],
    [['delete', '--match={job="backup"}']],
    [['wipe']],
  ])('asks, and where nobody can be asked removes nothing: %j', async (args) => {
    const before = await listed()
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: this removes .* for good and nobody can be asked here: add --yes/)
    expect(await run(...args, '--dry-run')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('would'),
    })
    expect(await listed()).toEqual(before)
  })

  it.each([
    [['delete', '--job=backup', '--group=instance=db1'], 2],
    [['delete', '--match={job="backup"}', '-m', '{job="nobody"}'], 1],
    [['delete', '--match={instance="i"}'], 2],
    [['wipe'], 0],
  ])('removes with --yes: %j leaves %d', async (args, left) => {
    expect(await run(...args, '--yes')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await listed()).toHaveLength(left + 1)
    const again = await run(...args, '--yes')
    expect([again.code, again.stderr]).toEqual([0, 'there is nothing to remove\n'])
  })

  it('says which setting allows it', async () => {
    const closed = await startPgr()
    try {
      for (const args of [['wipe'], ['delete', '--match={job="a"}']]) {
        await push(closed.url, '/metrics/job/a', METRICS)
        const { code, stderr } = await runPgr([...args, '--yes'], { env: { PGR_URL: closed.url } })
        expect([code, stderr]).toEqual([4, expect.stringContaining('--web.enable-admin-api')])
      }
    } finally {
      await closed.stop()
    }
  })

  describeWith('script', 'on a terminal', () => {
    const typed = async (answer: string, ...args: string[]) => {
      const line = [process.execPath, RUN, ...args].map((word) => `'${word}'`).join(' ')
      const child = startChild({
        name: line,
        command: 'sh',
        args: ['-c', `printf '${answer}\\n' | script -qec "${line}" /dev/null`],
        env: { ...process.env, PGR_URL: pgr.url },
      })
      const { code } = await child.exited
      return { code, output: child.output() }
    }

    it('removes when the word is typed', async () => {
      const { code, output } = await typed('wipe', 'wipe')
      expect([code, output]).toEqual([0, expect.stringContaining('2 groups and 1 series set with 5 series')])
      expect(await listed()).toEqual([''])
    })

    it('removes nothing for another word', async () => {
      const { code } = await typed('no', 'delete', '--job=backup', '-g', 'instance=db1')
      expect(code).toBe(2)
      expect(await listed()).toHaveLength(4)
    })

    it('shows a table with a head, cut to the width', async () => {
      const { code, output } = await typed('', 'groups', 'list', '--no-color')
      expect([code, output]).toEqual([0, expect.stringMatching(/^\s*KIND +LABELS/m)])
      expect(output).not.toContain('\u001b[31m')
    })
  })

  describeWith('pushgateway', 'of Prometheus Pushgateway', () => {
    it('removes a group there, which nobody can count', async () => {
      const peer = await startPushgateway()
      try {
        await push(peer.url, '/metrics/job/a/b/c', METRICS)
        const args = ['delete', '--job=a', '--group=b=c', '--url', peer.url]
        expect((await runPgr([...args, '--dry-run'])).stderr).toBe(
          'this would remove the group {job="a",b="c"}\n',
        )
        expect((await runPgr([...args, '--yes', '--json'])).code).toBe(0)
        expect((await ask(peer.url, '/metrics')).text).not.toContain('a_seconds')
      } finally {
        await peer.stop()
      }
    })
  })
})

describe('a gateway that does not answer as it should', () => {
  let server: Server
  let url: string
  let answer = { status: 200, body: '' }
  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  const ANOTHER_VERSION = '{"status":"success","data":{}}'
  const failure = (errorType: string) => JSON.stringify({ status: 'error', errorType, error: 'because' })

  it.each([
    ['credentials are missing', 'groups list', [401, ''], [4, 'PGR_UNAUTHORIZED']],
    ['the store is away', 'groups list', [503, failure('unavailable')], [75, 'PGR_GATEWAY_BUSY']],
    ['a group is gone', 'groups show gAAAAAAAAAAA', [404, failure('not_found')], [1, 'PGR_NOT_FOUND']],
    ['a selector is wrong', 'cardinality -m {', [400, failure('bad_data')], [2, 'PGR_SETTING_INVALID']],
    ['it is another program', 'status', [200, '<html>'], [1, 'PGR_PUSH_REFUSED']],
    ['it is another version', 'groups list', [200, ANOTHER_VERSION], [1, 'PGR_PUSH_REFUSED']],
    ['it is not ready', 'check ready', [503, 'no store'], [1, 'PGR_CHECK_FAILED']],
    ['it wants credentials of a probe', 'check healthy', [401, ''], [1, 'PGR_CHECK_FAILED']],
  ] as const)('ends with the right code when %s', async (_why, line, [status, body], [exit, code]) => {
    const args = line.split(' ')
    answer = { status, body }
    const words = await runPgr([...args, '--url', url])
    expect([words.code, words.stdout]).toEqual([exit, ''])
    expect(words.stderr).toMatch(/^error: .+\n$/)
    const json = await runPgr([...args, '--url', url, '--json'])
    expect([json.code, json.stderr]).toEqual([exit, ''])
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code } })
  })

  it.each([[['groups', 'list']], [['check', 'healthy']], [['top', '--count=1']]])(
    'ends with 1 when nobody listens: %j',
    async (args) => {
      const { code, stdout, stderr } = await runPgr([...args, '--url=http://127.0.0.1:9'])
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^error: no gateway answers at http:\/\/127\.0\.0\.1:9 /)
    },
  )

  it.each([
    [['groups', 'list', '--sort=size']],
    [['groups', 'list', '--failed', '--stale']],
    [['groups', 'list', '--timeout=0']],
    [['groups', 'show']],
    [['top', '--interval=soon']],
    [['delete']],
    [['delete', '--job=a', '--match={a="b"}']],
    [['completion', 'csh']],
  ])('is not asked what makes no sense: %j', async (args) => {
    const { code, stdout, stderr } = await runPgr(args, { env: { PGR_URL: url } })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: .+\n$/)
  })
})
