import { spawn } from 'node:child_process'
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Authority, makeAuthority } from '../support/certificates.ts'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const folder = makeFolder('web')
const file = join(folder, 'web.yml')
const tokens = join(folder, 'tokens')
const HASH = hashSync('secret', 4)
const TLS = 'tls_server_config: {cert_file: tls.pem, key_file: tls.key}'
const running: Pgr[] = []

let authority: Authority

function install(name: string): void {
  for (const ending of ['pem', 'key']) {
    copyFileSync(join(folder, `${name}.${ending}`), join(folder, 'new'))
    renameSync(join(folder, 'new'), join(folder, `tls.${ending}`))
  }
}

async function start(text: string, ...flags: string[]): Promise<Pgr> {
  writeFileSync(file, text)
  const pgr = await startPgr({
    scheme: text.includes('tls_server_config') ? 'https' : 'http',
    flags: [`--web.config.file=${file}`, '--web.auth.public-health', '--log.level=debug', ...flags],
  })
  running.push(pgr)
  return pgr
}

interface Asked {
  readonly method?: string
  readonly authorization?: string
  readonly body?: string
}

/** A request on a connection of its own. */
function ask(
  { port }: Pgr,
  path: string,
  { method = 'GET', authorization, body }: Asked = {},
): Promise<{ status: number; text: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, path, method, agent: false, ca: readFileSync(authority.ca) },
        headers: authorization === undefined ? {} : { authorization },
      },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        incoming.on('error', reject)
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, text, headers: incoming.headers }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** The name in the certificate that new connections are shown. */
function shownName({ port }: Pgr): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: readFileSync(authority.ca) }, () => {
      resolve(socket.getPeerCertificate().subject.CN)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

function command(
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [RUN, ...args])
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((pgr) => pgr.stop()))
})
afterAll(() => removeFolder(folder))

describeWith('openssl', 'a gateway with a web configuration file', () => {
  beforeAll(() => {
    authority = makeAuthority(folder, 'ca')
    for (const name of ['first', 'second', 'third']) authority.issue(name)
    install('first')
    writeFileSync(tokens, 'token-of-a-job\n')
  })

  it('serves those who may come in, with its headers', async () => {
    const pgr = await start(
      `${TLS}\nbasic_auth_users: {alice: ${HASH}}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`,
      `--web.auth.bearer-token-file=${tokens}`,
    )
    const right = basic('alice', 'secret')
    expect(
      (await ask(pgr, '/metrics/job/a', { method: 'PUT', body: 'a 1\n', authorization: right })).status,
    ).toBe(200)
    const page = await ask(pgr, '/metrics', { authorization: 'Bearer token-of-a-job' })
    expect(page.text).toContain('a{instance="",job="a"} 1\n')
    expect(page.headers['x-frame-options']).toBe('deny')
    const refused = await ask(pgr, '/metrics', { authorization: basic('alice', 'wrong') })
    expect([refused.status, refused.text, refused.headers['www-authenticate']]).toEqual([
      401,
      'Unauthorized\n',
      'Basic, Bearer',
    ])
    expect((await ask(pgr, '/-/ready')).status).toBe(200)
    const { text } = await ask(pgr, '/telemetry', { authorization: right })
    expect(text).toContain('pgr_turned_away_total{reason="credentials"} 1\n')
    expect(text).toContain('pgr_web_config_last_reload_successful 1\n')
    expect(pgr.output()).not.toMatch(/secret|token-of-a-job|\$2b\$/)
  })

  it('changes its certificate under load, and no request fails', async () => {
    install('first')
    const pgr = await start(TLS)
    let isOver = false
    let pushed = 0
    const pushOn = async (job: number): Promise<void> => {
      while (!isOver) {
        const { status } = await ask(pgr, `/metrics/job/j${job}`, { method: 'PUT', body: 'a 1\n' })
        expect(status).toBe(200)
        pushed += 1
      }
    }
    const session = connectHttp2(pgr.url, { ca: readFileSync(authority.ca) })
    const pushOnOne = async (): Promise<void> => {
      while (!isOver) {
        const stream = session.request({ ':method': 'PUT', ':path': '/metrics/job/h2' })
        stream.end('a 1\n')
        const status = await new Promise((resolve, reject) => {
          stream.once('response', (headers) => resolve(headers[':status']))
          stream.once('error', reject)
          stream.resume()
        })
        expect(status).toBe(200)
        pushed += 1
      }
    }
    const load = Promise.all([pushOn(1), pushOn(2), pushOn(3), pushOnOne()])
    try {
      for (const name of ['second', 'third', 'first']) {
        const before = pushed
        install(name)
        await eventually(`${name} is shown`, async () => (await shownName(pgr)) === name)
        await eventually('pushes went on', () => pushed > before + 10)
      }
    } finally {
      isOver = true
      await load
      session.close()
    }
    expect(pgr.output()).not.toContain('cannot be used')
  })

  it('keeps what it had while the file is broken, says so, and takes the cure', async () => {
    install('first')
    const pgr = await start(`${TLS}\nbasic_auth_users: {alice: ${HASH}}`)
    const authorization = basic('alice', 'secret')
    const gauge = async () =>
      /^pgr_web_config_last_reload_successful (\d)$/m.exec(
        (await ask(pgr, '/telemetry', { authorization })).text,
      )?.[1]

    writeFileSync(file, 'basic_auth_user: {}')
    await eventually('the gauge shows it', async () => (await gauge()) === '0')
    expect(pgr.output()).toContain('basic_auth_user is no key of the file, did you mean basic_auth_users?')
    expect((await ask(pgr, '/metrics')).status).toBe(401)

    writeFileSync(file, `basic_auth_users: {alice: ${HASH}}`)
    await eventually('it asks for a restart', () => pgr.output().includes('no longer sets up TLS'))

    writeFileSync(file, `${TLS}\nbasic_auth_users: {bob: ${HASH}}`)
    const bob = basic('bob', 'secret')
    await eventually(
      'bob may come in',
      async () => (await ask(pgr, '/metrics', { authorization: bob })).status === 200,
    )
    expect((await ask(pgr, '/metrics', { authorization })).status).toBe(401)
    const { text } = await ask(pgr, '/telemetry', { authorization: bob })
    expect(text).toContain('pgr_web_config_last_reload_successful 1\n')
  })

  it('is read at once by a reload, which answers what is wrong', async () => {
    install('first')
    const pgr = await start(TLS, '--web.enable-lifecycle')
    writeFileSync(file, `${TLS}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`)
    expect((await ask(pgr, '/-/reload', { method: 'POST' })).status).toBe(200)
    expect((await ask(pgr, '/metrics')).headers['x-frame-options']).toBe('deny')
    writeFileSync(file, 'colour: red')
    const { status, text } = await ask(pgr, '/-/reload', { method: 'POST' })
    expect([status, text]).toEqual([500, expect.stringContaining('colour is no key of the file')])
    expect((await ask(pgr, '/metrics')).headers['x-frame-options']).toBe('deny')
  })

  it('follows the file of tokens', async () => {
    install('first')
    const pgr = await start(TLS, `--web.auth.bearer-token-file=${tokens}`)
    const authorization = 'Bearer another-token'
    expect((await ask(pgr, '/metrics', { authorization })).status).toBe(401)
    writeFileSync(tokens, 'another-token\n')
    await eventually('it opens', async () => (await ask(pgr, '/metrics', { authorization })).status === 200)
    expect((await ask(pgr, '/metrics', { authorization: 'Bearer token-of-a-job' })).status).toBe(401)
  })

  it.each([
    ['an unknown key', 'colour: red', [], 3, /web\.yml:1:1: colour is no key of the file/],
    [
      'a certificate that is not there',
      'tls_server_config: {cert_file: none, key_file: tls.key}',
      [],
      3,
      /ENOENT/,
    ],
    [
      'a certificate given twice',
      TLS,
      ['--tls.cert=tls.pem'],
      2,
      /--tls\.cert cannot stand beside --web\.config\.file/,
    ],
    ['no token', '', ['--web.auth.bearer-token-file=/dev/null'], 3, /holds no bearer token/],
  ])('does not start with %s', async (_why, text, flags, code, message) => {
    writeFileSync(file, text)
    const ended = await command([
      'serve',
      '--web.listen-address=127.0.0.1:0',
      `--web.config.file=${file}`,
      ...flags,
    ])
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(message)])
  })

  describeWith('curl', 'curl', () => {
    it('speaks HTTP/2 with a password', async () => {
      install('first')
      const pgr = await start(`${TLS}\nbasic_auth_users: {alice: ${HASH}}`)
      const curl = async (...args: string[]) => {
        const child = startChild({
          name: 'curl',
          command: peerOrThrow('curl').path,
          args: ['-sS', '--http2', '--cacert', authority.ca, '-w', '%{http_version} %{http_code}\n', ...args],
        })
        await child.exited
        return child.output()
      }
      const push = ['--data-binary', 'a 1\n', `${pgr.url}/metrics/job/curl`]
      expect(await curl('-u', 'alice:secret', ...push)).toBe('2 200\n')
      expect(await curl('-u', 'alice:wrong', ...push)).toBe('Unauthorized\n2 401\n')
      expect(await curl('-u', 'alice:secret', '--compressed', `${pgr.url}/metrics`)).toContain(
        'a{instance="",job="curl"} 1\n',
      )
    })
  })

  describe('pgr check web-config', () => {
    it('shows what a file sets up', async () => {
      writeFileSync(file, `${TLS}\nbasic_auth_users: {alice: ${HASH}}\nrate_limit: {interval: 1s, burst: 5}`)
      const words = await command(['check', 'web-config', file])
      expect([words.code, words.err]).toEqual([0, ''])
      expect(words.out).toContain('users                alice\n')
      expect(words.out).not.toContain(HASH)
      const json = await command(['check', 'web-config', file, '--json'])
      expect(JSON.parse(json.out)).toEqual({
        valid: true,
        tls: {
          expires: expect.stringMatching(/^\d{4}-.*Z$/),
          clientAuth: 'NoClientCert',
          allowedSans: null,
          minVersion: 'TLSv1.2',
          maxVersion: 'TLSv1.3',
        },
        http2: true,
        users: ['alice'],
        headers: {},
        rateLimit: { intervalMs: 1000, burst: 5 },
        notices: [],
      })
    })

    it('warns of what is allowed and unwise', async () => {
      writeFileSync(file, `basic_auth_users: {alice: ${HASH}}`)
      const { code, err } = await command(['check', 'web-config', file])
      expect([code, err]).toEqual([0, expect.stringMatching(/^warning: .* sends passwords over the network/)])
    })

    it('ends with 3 and the reason when a file is wrong', async () => {
      writeFileSync(file, 'a: 1')
      const words = await command(['check', 'web-config', file])
      expect([words.code, words.out, words.err]).toEqual([
        3,
        '',
        expect.stringMatching(/^error: .*web\.yml:1:1: a is/),
      ])
      const json = await command(['check', 'web-config', file, '--json'])
      expect([json.code, JSON.parse(json.out).error.code]).toEqual([3, 'PGR_WEB_CONFIG_INVALID'])
    })
  })

  it('pgr hash-password makes a user that may come in', async () => {
    const { code, out } = await command(['hash-password', '--user=carol', '--cost=4'], 'größe:1\n')
    expect(code).toBe(0)
    const pgr = await start(`${TLS}\nbasic_auth_users:\n  ${out}`)
    expect((await ask(pgr, '/metrics', { authorization: basic('carol', 'größe:1') })).status).toBe(200)
    expect((await ask(pgr, '/metrics', { authorization: basic('carol', 'größe:2') })).status).toBe(401)
  })
})
