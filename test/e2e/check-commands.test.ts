import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { runPgr } from './run-pgr.ts'

const GOOD = '# HELP a_seconds x\n# TYPE a_seconds gauge\na_seconds{x="1"} 1\na_seconds{x="2"} 2\n'

describe('pgr check metrics', () => {
  it('has nothing to say of what is in order', async () => {
    expect(await runPgr(['check', 'metrics'], { input: GOOD })).toEqual({ code: 0, stdout: '', stderr: '' })
    const { code, stdout } = await runPgr(['check', 'metrics', '-', '--json', '--extended'], { input: GOOD })
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { valid: true, families: 1, series: 2, problems: [], metrics: [{ name: 'a_seconds', series: 2 }] },
    ])
  })

  it('ends with 3 and says what conventions have otherwise', async () => {
    const input = `${GOOD}# TYPE b counter\nb 1\n`
    const { code, stdout, stderr } = await runPgr(['check', 'metrics', '--extended'], { input })
    expect([code, stderr]).toEqual([3, ''])
    expect(stdout.split('\n').map((line) => line.split('\t').slice(0, 3))).toEqual([
      ['b', 'help', expect.any(String)],
      ['b', 'counter-total', expect.any(String)],
      ['series', 'a_seconds', '2'],
      ['series', 'b', '1'],
      [''],
    ])
    const json = await runPgr(['check', 'metrics', '--json'], { input })
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([
      3,
      { valid: false, problems: [{ metric: 'b' }, {}] },
    ])
    expect((await runPgr(['check', 'metrics', '--no-lint'], { input })).code).toBe(0)
  })

  it('ends with 3 and the place of what cannot be read', async () => {
    const { code, stdout, stderr } = await runPgr(['check', 'metrics'], { input: `${GOOD}c{ 1\n` })
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toMatch(/^error: stdin: .*line 5.*\n$/)
  })
})

describe('pgr check redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ directives: ['appendonly yes', 'maxmemory 100mb'] })
  })
  afterAll(() => redis?.stop())

  const check = (...args: string[]) =>
    runPgr(['check', 'redis', `--redis.endpoint=${redis.url}`, '--json', ...args])

  it('says what it finds of one that is in order, and how long it takes', async () => {
    const { code, stdout, stderr } = await check()
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      usable: true,
      facts: { topology: 'standalone', append_only_file: true },
      primaries: [{ state: 'usable', partitions: 64 }],
      latency_ms: { median: expect.any(Number) },
    })
  })

  it('leaves it to the next gateway as it was', async () => {
    const replicas = await redis.ask('HLEN', 'pgr:replicas')
    expect(String(replicas)).toBe('0')
  })

  it('ends with 1 for what could lose data, unless that is accepted', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    const { code, stdout } = await check()
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { ok: false, usable: true }])
    expect((await check('--accept=maxmemory')).code).toBe(0)
    const text = await runPgr(['check', 'redis', `--redis.endpoint=${redis.url}`])
    expect(text.code).toBe(1)
    expect(text.stdout).toMatch(/^finding\tmaxmemory\tbad\t.+/m)
  })

  it('ends with 1 for data of another layout', async () => {
    await redis.ask('SET', 'other:cfg', 'something else')
    const { code, stdout } = await check('--redis.prefix=other', '--accept=maxmemory')
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { usable: false, reason: expect.stringMatching(/./) },
    ])
  })

  it('ends with 1 for one that does not answer', async () => {
    const { code, stdout } = await runPgr(['check', 'redis', '--redis.endpoint=127.0.0.1:9'])
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^usable\tno\nreason\t.*ECONNREFUSED/)])
  })

  it('does not check the store of another kind', async () => {
    const { code, stderr } = await runPgr(['check', 'redis', '--store=embedded'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is no redis to check')])
  })
})
