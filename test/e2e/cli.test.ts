import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runPgr } from './run-pgr.ts'

const VERSION: unknown = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

let folder: string
let url: string
let seen: Seen[] = []
let respond: (response: ServerResponse) => void

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks),
    })
    respond(response)
  })
})

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgr-test-cli-'))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  respond = ok
})

afterEach(() => {
  seen = []
  respond = ok
})

afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

function ok(response: ServerResponse): void {
  response.end()
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('pgr', () => {
  it('tells its version', async () => {
    const { code, stdout, stderr } = await runPgr(['--version'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(String(VERSION))
  })

  it.each([[['--help']], [['-h']], [['push', '--help']], [['serve', '-h']], [['check', 'config', '--help']]])(
    'helps on stdout: %j',
    async (args) => {
      const { code, stdout, stderr } = await runPgr(args)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain('USAGE')
    },
  )

  it.each([
    ['an unknown command', ['psh'], /^error: command psh not found \(--help shows how\)\n$/],
    [
      'an unknown flag of serve',
      ['serve', '--redis.endpint=a'],
      /^error: there is no flag --redis\.endpint, did you mean --redis\.endpoint\?\n$/,
    ],
    [
      'an unknown flag without a command',
      ['--prot=1'],
      /^error: there is no flag --prot, did you mean --port\?\n$/,
    ],
    [
      'a setting that cannot be read',
      ['serve', '--redis.expiration=soon'],
      /^error: --redis\.expiration must be a duration .*\n$/,
    ],
    ['a number that is none', ['push', '--job=j', '--retry=x'], /^error: .*retry.*\n$/],
    ['a word too many', ['push', 'a', 'b', '--job=j'], /^error: unexpected argument: b .*\n$/],
  ])('ends with 2 and one line on stderr for %s', async (_why, args, message) => {
    const { code, stdout, stderr } = await runPgr(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })

  it.each([
    [['--version']],
    [['push', '--job=j', '--dry-run']],
    [['check', 'healthy', '--url=127.0.0.1:9']],
    [['groups', 'list', '--url=127.0.0.1:9']],
  ])('starts fast, because it loads nothing of the server: %j', async (args) => {
    const loaded = mkdtempSync(join(folder, 'loaded-'))
    await runPgr(args, { input: 'a 1\n', env: { NODE_V8_COVERAGE: loaded } })
    const scripts = readdirSync(loaded).map((name) => readFileSync(join(loaded, name), 'utf8'))
    expect(scripts.join('')).toContain('/dist/bundle/main.js')
    expect(scripts.join('')).not.toMatch(
      /\/node_modules\/(@opentelemetry|fastify|ioredis|pino|prom-client|typescript|yaml)\//,
    )
  })

  it('starts fast, because it imports no package that Node would have to look through for what it exports', () => {
    const bundle = new URL('../../dist/bundle/', import.meta.url)
    const code = readdirSync(bundle).map((name) => readFileSync(new URL(name, bundle), 'utf8'))
    const imported = code.flatMap((text) => [...text.matchAll(/^import .*?"((?!node:)[^."/][^"]*)";$/gm)])
    expect(imported.length).toBeGreaterThan(0)
    for (const [, name] of imported) {
      const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
      expect(JSON.parse(readFileSync(manifest, 'utf8')).type, name).toBe('module')
    }
  })
})

describe('pgr push', () => {
  it('sends what stands on stdin, and is silent about success', async () => {
    const { code, stdout, stderr } = await runPgr(
      ['push', '--url', url, '--job=a/b', '-g', 'x=1', '-g', 'y=', '--ttl=15m'],
      {
        input: 'm 1\n',
      },
    )
    expect([code, stdout, stderr]).toEqual([0, '', ''])
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/metrics/job@base64/YS9i/x/1/y@base64/=',
      body: Buffer.from('m 1\n'),
    })
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'x-pgr-ttl': '15m',
    })
    expect(seen[0]?.headers).not.toHaveProperty('authorization')
  })

  it('sends a file, compressed, with credentials, to where the environment says', async () => {
    const body = `${Array.from({ length: 200 }, (_, n) => `a_metric{n="${n}"} 1\n`).join('')}# EOF\n`
    const { code, stdout } = await runPgr(['push', file('m.om', body), '--job=j', '--replace', '--json'], {
      env: { PGR_URL: url, PGR_USER: 'me', PGR_PASSWORD_FILE: file('pw', 'hunter2\n') },
      input: 'not this\n',
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      status: 200,
      method: 'PUT',
      attempts: 1,
      series: 200,
      bytes: body.length,
    })
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      'content-encoding': 'gzip',
      authorization: `Basic ${Buffer.from('me:hunter2').toString('base64')}`,
    })
    expect(gunzipSync(seen[0]?.body ?? '').toString()).toBe(body)
    expect(stdout).not.toContain('hunter2')
  })

  it('sends OTLP, and passes on what the receiver warns of or rejects', async () => {
    const args = ['push', '-u', url, '-j', 'j', '--protocol=otlp']
    const answering = (hex: string) => (response: ServerResponse) => {
      response.setHeader('content-type', 'application/x-protobuf')
      response.end(Buffer.from(hex, 'hex'))
    }
    respond = answering('0a041202686f')
    const warned = await runPgr(args, { input: 'm 1\n' })
    expect(warned).toEqual({ code: 0, stdout: '', stderr: 'warning: the receiver says: ho\n' })
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/v1/metrics' })
    expect(seen[0]?.headers).toMatchObject({ 'content-type': 'application/x-protobuf' })
    const told = await runPgr([...args, '--json'], { input: 'm 1\n' })
    expect([told.code, told.stderr]).toEqual([0, ''])
    expect(JSON.parse(told.stdout)).toMatchObject({ status: 200, series: 1, warning: 'ho' })
    respond = answering('0a0608011202686f')
    const rejected = await runPgr(args, { input: 'm 1\n' })
    expect([rejected.code, rejected.stdout]).toEqual([1, ''])
    expect(rejected.stderr).toMatch(/^error: the receiver rejected points \(1\) .*: ho\n$/)
  })

  it('shows what it would send, and sends nothing', async () => {
    const { code, stdout } = await runPgr(
      ['push', '-j', 'j', '--dry-run', '--url', url.replace('//', '//me:hunter2@')],
      { input: 'm 1\n' },
    )
    expect([code, seen.length]).toEqual([0, 0])
    expect(stdout).toBe(
      `POST ${url}/metrics/job/j\nContent-Type: text/plain; version=0.0.4; charset=utf-8\nAuthorization: Basic ***\nContent-Length: 4\n\nm 1\n`,
    )
  })

  it('tries again, and says so when asked', async () => {
    respond = (response) => {
      response.statusCode = seen.length === 1 ? 503 : 200
      response.end('store away\n')
    }
    const { code, stderr } = await runPgr(['push', '-u', url, '-j', 'j', '--verbose'], { input: 'm 1\n' })
    expect([code, seen.length]).toEqual([0, 2])
    expect(stderr).toMatch(
      /^the gateway answered 503: store away; try again later; next attempt in \d+ ms\nPOST http.* 1 series, 4 bytes \(200\)\n$/,
    )
  })

  it.each([
    ['a refusal', 400, 'PGR_PUSH_REFUSED', 1],
    ['wrong credentials', 401, 'PGR_UNAUTHORIZED', 4],
    ['a redirect, which would make a GET of it', 302, 'PGR_PUSH_REFUSED', 1],
    ['a busy gateway', 429, 'PGR_GATEWAY_BUSY', 75],
    ['a store that is away', 503, 'PGR_GATEWAY_BUSY', 75],
  ])('ends with the right code after %s', async (_why, status, code, exit) => {
    respond = (response) => {
      response.writeHead(status, { location: '/elsewhere' }).end('reason\n')
    }
    const run = await runPgr(['push', '-u', url, '-j', 'j', '--retry=0', '--json'], { input: 'm 1\n' })
    expect([run.code, run.stderr, seen.length]).toEqual([exit, '', 1])
    expect(JSON.parse(run.stdout)).toMatchObject({ error: { code } })
  })

  it('ends with 1 when nobody listens', async () => {
    const { code, stdout, stderr } = await runPgr(
      ['push', '-u', 'http://127.0.0.1:9', '-j', 'j', '--retry=0'],
      {
        input: 'm 1\n',
      },
    )
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: no gateway answers at http:\/\/127\.0\.0\.1:9 \(.+\); check --url\n$/)
  })

  it('ends in time when nobody answers', async () => {
    respond = () => {}
    const { code, stderr } = await runPgr(['push', '-u', url, '-j', 'j', '--retry=0', '--timeout=300ms'], {
      input: 'm 1\n',
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/did not answer within 300 ms/)
  })

  it.each([
    ['metrics that are none', ['-j', 'j'], 'm one\n', 3],
    ['a timestamp in a group', ['-j', 'j'], 'm 1 1700000000000\n', 3],
    ['no job', [], 'm 1\n', 2],
    ['nothing to push', ['-j', 'j'], '', 2],
    ['a file that is not there', ['-j', 'j', '/no/such/file'], '', 2],
    ['a misspelt flag', ['-j', 'j', '--replce'], 'm 1\n', 2],
  ])('sends nothing for %s, in words and in JSON', async (_why, args, input, exit) => {
    const words = await runPgr(['push', '-u', url, ...args], { input })
    expect([words.code, words.stdout]).toEqual([exit, ''])
    expect(words.stderr).toMatch(/^error: .+\n$/)
    const json = await runPgr(['push', '-u', url, ...args, '--json'], { input })
    expect([json.code, json.stderr]).toEqual([exit, ''])
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: expect.stringMatching(/^PGR_/) } })
    expect(seen).toEqual([])
  })
})

describe('pgr check config', () => {
  it('shows what is in effect and where it came from', async () => {
    const path = file('a.yml', 'port: 80\nredis:\n  endpoint: a:1\n  pool_size: 3\n')
    const { code, stdout, stderr } = await runPgr(['check', 'config', path, '--redis.expiration=1h'], {
      env: { PGR_REDIS_PASSWORD: 'hunter2' },
      input: 'not a file name\n',
    })
    expect(code).toBe(0)
    expect(stderr).toBe(
      `warning: ${path}:4:3: redis.pool_size has no effect: commands share a few pipelined connections instead of a pool\n`,
    )
    const lines = new Map(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => [line.split(' ')[0], line.replaceAll(/ +/g, ' ')]),
    )
    expect(lines.get('port')).toBe(`port 80 (file ${path}:1:1: port)`)
    expect(lines.get('redis.expiration')).toBe('redis.expiration 1h (flag --redis.expiration)')
    expect(lines.get('redis.password')).toBe('redis.password *** (env PGR_REDIS_PASSWORD)')
    expect(lines.get('log.level')).toBe('log.level info (default)')
  })

  it('prints nothing but JSON when asked for it', async () => {
    const { code, stdout, stderr } = await runPgr([
      'check',
      'config',
      file('b.yml', 'redis: {pool_size: 3}'),
      '--json',
    ])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      settings: { port: { value: 9753, from: 'default', origin: '' }, 'redis.expiration': { value: '5m' } },
      notices: [expect.stringContaining('redis.pool_size has no effect')],
    })
  })

  it('ends with 2 and the place of the mistake', async () => {
    const path = file('c.yml', 'redis:\n  endpont: a:1\n')
    const { code, stdout, stderr } = await runPgr(['check', 'config', path])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe(`error: ${path}:2:3: redis.endpont is not a setting, did you mean redis.endpoint?\n`)
  })
})
