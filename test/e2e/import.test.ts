import { spawn } from 'node:child_process'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { describeWith } from '../support/peers.ts'
import { decodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'
import { ask } from './ask.ts'
import { GROUPS, pushDetailed, pushGroups, SERIES_PER_GROUP, shownMetrics } from './moved-metrics.ts'
import { runPgr } from './run-pgr.ts'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
/** A hundred thousand series are moved, on whatever machine. */
const PATIENCE_MS = 240_000

let folder: string
beforeAll(() => {
  folder = makeFolder('import')
})
afterAll(() => removeFolder(folder))

let checkpoints = 0
function checkpoint(): string {
  return `--checkpoint=${join(folder, `checkpoint-${checkpoints++}`)}`
}

/** What stands between an import and a gateway: it counts pushes, and one of them may be the last. */
async function startCounter(to: string, onPush: (pushes: number) => void) {
  let pushes = 0
  const { hostname, port } = new URL(to)
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    const { method = 'GET', url = '/', headers } = incoming
    const outgoing = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
      if (method === 'PUT') answer.once('end', () => onPush(++pushes))
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes: () => pushes,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

describeWith('pushgateway', 'from a Pushgateway with a hundred thousand series', () => {
  let pushgateway: Pushgateway
  let expected: string[]

  beforeAll(async () => {
    // With its check a push costs it more the more it holds.
    pushgateway = await startPushgateway({ flags: ['--push.disable-consistency-check'] })
    await pushGroups(pushgateway.url)
    await pushDetailed(pushgateway.url)
    expected = await shownMetrics(pushgateway.url)
  }, PATIENCE_MS)
  afterAll(async () => {
    await pushgateway?.stop()
  })

  async function importInto(pgr: Pgr): Promise<void> {
    const { code, stdout, stderr } = await runPgr([
      'import',
      pushgateway.url,
      `--url=${pgr.url}`,
      checkpoint(),
      '--json',
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      dryRun: false,
      groups: GROUPS + 1,
      sets: 0,
      refused: 0,
      skipped: 0,
      resumed: 0,
      leftOut: 0,
    })
    expect(JSON.parse(stdout).series).toBeGreaterThanOrEqual(GROUPS * SERIES_PER_GROUP)
    expect(await shownMetrics(pgr.url)).toEqual(expected)
  }

  it('into the embedded store, and both show the same', { timeout: PATIENCE_MS }, async () => {
    const pgr = await startPgr()
    try {
      await importInto(pgr)
      // Nothing of it expires, as it did not where it came from.
      const groups = await ask(pgr.url, '/api/v1/export')
      expect(groups.text).not.toContain('ttl_ms')
      // Start times, exemplars and native histograms are in this form of the page alone.
      const detailsOf = async (url: string): Promise<unknown> => {
        const { bytes } = await ask(url, '/metrics', { headers: { accept: PROTOBUF_TYPE } })
        return decodeDelimited(bytes).filter(({ name }) => /^m_(detailed|native)/.test(String(name)))
      }
      expect(await detailsOf(pgr.url)).toEqual(await detailsOf(pushgateway.url))
      expect(JSON.stringify(await detailsOf(pgr.url))).toMatch(/exemplar.*positiveSpan/)
    } finally {
      await pgr.stop()
    }
  })

  it('into Redis, and both show the same', { timeout: PATIENCE_MS }, async () => {
    const redis = await startRedis()
    const pgr = await startPgr({ flags: [`--redis.endpoint=${redis.url}`] })
    try {
      await importInto(pgr)
    } finally {
      await pgr.stop()
      await redis.stop()
    }
  })

  it('killed in the middle, goes on where it stopped', { timeout: PATIENCE_MS }, async () => {
    const pgr = await startPgr()
    let kill = (): void => {}
    const counter = await startCounter(pgr.url, (pushes) => {
      if (pushes === 400) kill()
    })
    try {
      const args = ['import', pushgateway.url, `--url=${counter.url}`, checkpoint(), '--json']
      const first = spawn(process.execPath, [RUN, ...args], { stdio: 'ignore' })
      kill = () => first.kill('SIGKILL')
      const signal = await new Promise((resolve) => first.once('close', (_code, how) => resolve(how)))
      expect(signal).toBe('SIGKILL')
      const before = counter.pushes()
      expect(before).toBeLessThan(GROUPS)

      const { code, stdout, stderr } = await runPgr(args)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { groups, resumed, skipped } = JSON.parse(stdout)
      expect(groups + resumed).toBe(GROUPS + 1)
      expect(skipped).toBe(0)
      // What was under way, or acknowledged a moment before and not noted yet, is pushed twice.
      expect(resumed).toBeGreaterThan(200)
      expect(counter.pushes()).toBe(before + groups)
      expect(await shownMetrics(pgr.url)).toEqual(expected)
    } finally {
      counter.close()
      await pgr.stop()
    }
  })
})

describeWith('pushgateway', 'between gateways', () => {
  let pushgateway: Pushgateway
  let pgr: Pgr
  beforeAll(async () => {
    pushgateway = await startPushgateway()
    pgr = await startPgr()
  })
  afterAll(async () => {
    await pushgateway?.stop()
    await pgr?.stop()
  })

  it('goes back to a Pushgateway, without what that has no place for', async () => {
    const body = '# TYPE m_on stateset\nm_on{m_on="a"} 1\nm_on{m_on="b"} 0\n# EOF\n'
    const type = 'application/openmetrics-text; version=1.0.0'
    await ask(pgr.url, '/metrics/job/a/x@base64/YS9i', {
      method: 'PUT',
      body,
      headers: { 'content-type': type },
    })
    await ask(pgr.url, '/ingest', { method: 'POST', body: 'm_set{job="s"} 1\n' })
    const run = await runPgr(['import', pgr.url, `--url=${pushgateway.url}`, checkpoint()])
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('{job="s"}: Pushgateway has no series sets')
    expect(await shownMetrics(pushgateway.url)).toEqual([
      '# TYPE m_on gauge',
      'm_on{instance="",job="a",m_on="a",x="a/b"} 1',
      'm_on{instance="",job="a",m_on="b",x="a/b"} 0',
    ])
  })

  it('exports a Pushgateway as well', async () => {
    await ask(pushgateway.url, '/metrics/job/b', { method: 'PUT', body: 'm_b 1\n' })
    const { code, stdout } = await runPgr(['export', `--url=${pushgateway.url}`])
    expect(code).toBe(0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ format: 'pgr-export', from: 'pushgateway' })
    expect(lines).toContainEqual({
      kind: 'group',
      labels: { job: 'b' },
      pushed: expect.any(String),
      families: [{ name: 'm_b', type: 'unknown', metrics: [{ value: 1 }] }],
    })
  })

  it('wants the password of the source, and says so', async () => {
    const locked = await startLocked()
    const { code, stderr } = await runPgr(['import', locked.url, `--url=${pgr.url}`, checkpoint()])
    locked.close()
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr:
        'error: the source wants credentials (401): give --source-user and PGR_SOURCE_PASSWORD, or --source-token-file\n',
    })
  })
})

async function startLocked() {
  const server = createServer((_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic' }).end('Unauthorized\n')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  }
}

describe('from the Redis of pushgatewayredis', () => {
  it('takes over series with what is left of their lives, and leaves other keys alone', async () => {
    const redis = await startRedis()
    const pgr = await startPgr()
    try {
      await redis.ask('SET', 'm_a{job="x",instance="i"}', ' 1.5', 'PX', '250000')
      await redis.ask('SET', 'm_for_ever', ' NaN')
      await redis.ask('SET', 'm_odd{l="a b, \\"c\\""}', ' -Inf', 'PX', '250000')
      // The line had a timestamp, long ago.
      await redis.ask('SET', 'm_old{job="x"} 7', ' 1600000000000', 'PX', '250000')
      // The same series, spelled twice: the second was pushed later.
      await redis.ask('SET', 'm_twice{a="1",b="2"}', ' 1', 'PX', '200000')
      await redis.ask('SET', 'm_twice{b="2",a="1"}', ' 2', 'PX', '250000')
      await redis.ask('SET', 'session', '7')
      await redis.ask('HSET', 'basket', 'a', '1')
      const { code, stdout } = await runPgr(['import', redis.url, `--url=${pgr.url}`, checkpoint(), '--json'])
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ series: 5, refused: 0, leftOut: 2 })
      expect((await shownMetrics(pgr.url)).filter((line) => !line.startsWith('#'))).toEqual([
        'm_a{instance="i",job="x"} 1.5',
        'm_for_ever{instance=""} NaN',
        'm_odd{instance="",l="a b, \\"c\\""} -Inf',
        'm_old{instance="",job="x"} 7',
        'm_twice{a="1",b="2",instance=""} 2',
      ])
      const ttls = [...(await ask(pgr.url, '/api/v1/export')).text.matchAll(/"ttl_ms":(\d+)/g)].map(Number)
      expect(ttls.every((ttl) => Number.isNaN(ttl) || ttl <= 251_000)).toBe(true)
    } finally {
      await pgr.stop()
      await redis.stop()
    }
  })

  it('is told apart from a Redis that is away', async () => {
    const pgr = await startPgr()
    const redis = await startRedis()
    await redis.stop()
    const { code, stderr } = await runPgr(['import', redis.url, `--url=${pgr.url}`, checkpoint()])
    await pgr.stop()
    expect(code).toBe(75)
    expect(stderr).toContain('run the same command again')
  })
})
