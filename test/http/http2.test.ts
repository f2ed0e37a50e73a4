import { readFileSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { hashSync } from 'bcryptjs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { OPEN_ACCESS } from '../../src/http/gate/gate.ts'
import { type Certificates, makeAuthority } from '../support/certificates.ts'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { talkFrames } from './http2-frames.ts'
import { OPTIONS, openTestServer, PAGE, pageOf, type TestServer, type Turned } from './open-test-server.ts'

const folder = makeFolder('http2')
const servers: TestServer[] = []
const sessions: ClientHttp2Session[] = []
let files: Certificates

async function listen({ options, ...turned }: Turned = {}): Promise<{ server: TestServer; port: number }> {
  const tls = { cert: readFileSync(files.cert), key: readFileSync(files.key) }
  const server = openTestServer({ ...turned, options: { tls, http2: true, ...options } })
  servers.push(server)
  const [address] = await server.listen()
  return { server, port: address?.port ?? 0 }
}

function dial(port: number): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, { ca: readFileSync(files.ca) })
  session.on('error', () => {})
  sessions.push(session)
  return session
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {}
    let text = ''
    stream.on('response', (got) => {
      headers = { ...got }
    })
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    stream.on('end', () => resolve({ status: Number(headers[':status']), headers, text }))
    stream.on('error', reject)
  })
}

function ask(
  session: ClientHttp2Session,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Answer> {
  const stream = session.request(
    { ':method': method, ':path': path, ...headers },
    { endStream: body === undefined },
  )
  if (body !== undefined) stream.end(body)
  return answerTo(stream)
}

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})
afterAll(() => removeFolder(folder))

describeWith('openssl', 'over HTTP/2', () => {
  beforeAll(() => {
    files = makeAuthority(folder, 'ca').issue('server')
  })

  it.each([
    ['GET', '/-/healthy', 200, 'OK'],
    ['GET', '/-/ready', 200, 'OK'],
    ['GET', '/metrics', 200, PAGE],
    ['GET', '/telemetry', 200, 'pgr_units 1\n'],
    ['HEAD', '/metrics', 200, ''],
    ['HEAD', '/-/healthy', 200, ''],
    ['OPTIONS', '/ingest', 200, ''],
    ['GET', '/nope', 404, '404 page not found\n'],
    ['GET', '/metrics/job/a', 405, 'Method Not Allowed\n'],
    ['GET', '/%zz', 400, 'the path "/%zz" is not percent-encoded UTF-8\n'],
    ['DELETE', '/metrics/job/a', 202, ''],
    ['PATCH', '/metrics/job/a', 405, 'Method Not Allowed\n'],
  ])('%s %s', async (method, path, status, text) => {
    const { port } = await listen()
    const answer = await ask(dial(port), method, path)
    expect({ status: answer.status, text: answer.text }).toEqual({ status, text })
    if (method !== 'OPTIONS' && status !== 202)
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(0)
  })

  it.each([
    ['with its length', { 'content-length': '4' }, 'a 1\n'],
    ['without its length', {}, 'a 1\n'],
    ['compressed', { 'content-encoding': 'gzip' }, gzipSync('a 1\n')],
    ['after asking', { expect: '100-continue' }, 'a 1\n'],
  ])('takes a push %s', async (_why, headers, body) => {
    const { server, port } = await listen()
    const answer = await ask(dial(port), 'PUT', '/metrics/job/a', { headers: { ...headers }, body })
    expect(answer.status).toBe(200)
    expect(server.pushes).toMatchObject([{ bytes: 4, families: [{ name: 'a' }] }])
    expect(server.inflightBytes).toBe(0)
  })

  it('takes a push without a body', async () => {
    const { server, port } = await listen()
    expect((await ask(dial(port), 'PUT', '/metrics/job/a')).status).toBe(200)
    expect(server.pushes).toMatchObject([{ families: [] }])
  })

  it('takes many pushes at once on one connection', async () => {
    const { server, port } = await listen()
    const session = dial(port)
    const asked = Array.from({ length: 200 }, (_, job) =>
      ask(session, 'PUT', `/metrics/job/j${job}`, { body: 'a 1\n' }),
    )
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]))
    expect(server.pushes).toHaveLength(200)
  })

  it.each([
    ['that says so', { 'content-length': '70000' }],
    ['that does not say so', {}],
    ['that waits to be asked', { 'content-length': '70000', expect: '100-continue' }],
  ])('refuses a body over the limit %s, and the connection goes on', async (_why, headers) => {
    const { server, port } = await listen()
    const session = dial(port)
    const answer = await ask(session, 'PUT', '/metrics/job/a', {
      headers: { ...headers },
      body: '#'.repeat(70_000),
    })
    expect(answer.status).toBe(413)
    expect(server.inflightBytes).toBe(0)
    expect((await ask(session, 'GET', '/-/healthy')).status).toBe(200)
  })

  it.each([
    ['half a body', 'a 1\n'],
    ['no body yet', ''],
  ])('stores nothing of a push that is reset after %s', async (_why, half) => {
    const { server, port } = await listen()
    const { headers, data, reset, socket } = talkFrames(port, readFileSync(files.ca, 'utf8'))
    const head = { ':method': 'PUT', ':scheme': 'https', ':authority': 'a', ':path': '/metrics/job/a' }
    headers(1, head)
    if (half !== '') data(1, half)
    await eventually('the request arrived', () => server.inflightBytes === half.length)
    reset(1)
    await eventually('the push ended', () => server.events.some(({ kind }) => kind === 'push'))
    expect(server.events).toMatchObject([{ kind: 'push', code: 'PGR_BODY_MALFORMED' }])
    expect(server.pushes).toEqual([])
    expect(server.inflightBytes).toBe(0)
    socket.destroy()
  })

  it('stores nothing of a push that is reset while its password is checked', async () => {
    const users = new Map([['alice', hashSync('secret', 8)]])
    const { server, port } = await listen({ options: { access: { ...OPEN_ACCESS, users } } })
    const authorization = `Basic ${Buffer.from('alice:secret').toString('base64')}`
    const { headers, data, reset, socket } = talkFrames(port, readFileSync(files.ca, 'utf8'))
    const head = { ':method': 'PUT', ':scheme': 'https', ':authority': 'a', ':path': '/metrics/job/a' }
    headers(1, { ...head, authorization })
    data(1, 'a 1\n')
    reset(1)
    // The same password waits for the same verdict.
    const answer = await ask(dial(port), 'GET', '/-/healthy', { headers: { authorization } })
    expect(answer.status).toBe(200)
    expect(server.events).toMatchObject([{ kind: 'request', handler: 'healthy' }])
    expect(server.pushes).toEqual([])
    expect(server.inflightBytes).toBe(0)
    socket.destroy()
  })

  it('stores nothing of a push whose connection ends in the middle', async () => {
    const { server, port } = await listen()
    const session = dial(port)
    const stream = session.request({ ':method': 'PUT', ':path': '/metrics/job/a' })
    stream.on('error', () => {})
    stream.write('a 1\n')
    await eventually('half of it arrived', () => server.inflightBytes === 4)
    session.destroy()
    await eventually('the push ended', () => server.events.some(({ kind }) => kind === 'push'))
    expect(server.pushes).toEqual([])
    expect(server.inflightBytes).toBe(0)
  })

  it('answers failures as over HTTP/1.1', async () => {
    const { port } = await listen({
      gateway: {
        push: async () => {
          throw new PgrError('PGR_STORE_UNAVAILABLE', 'the store does not answer', { retryAfterSeconds: 3 })
        },
      },
    })
    const answer = await ask(dial(port), 'PUT', '/metrics/job/a', { body: 'a 1\n' })
    expect(answer).toMatchObject({ status: 503, text: 'the store does not answer\n' })
    // What the failure says, and a spread.
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(3)
  })

  it('sends a page no faster than it is read', async () => {
    const pieces = Array.from({ length: 64 }, (_, at) => `${at} `.padEnd(256 * 1024, '#'))
    const page = pageOf(...pieces)
    let read = 0
    const chunks = page.chunks.map((chunk) => chunk)
    const counted = new Proxy(chunks, {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) read = Math.max(read, Number(key) + 1)
        return Reflect.get(target, key)
      },
    })
    const { port } = await listen({ gateway: { scrape: async () => ({ ...page, chunks: counted }) } })
    const session = dial(port)
    const stream = session.request({ ':path': '/metrics' })
    await new Promise((resolve) => stream.once('response', resolve))
    for (let i = 0; i < 20; i++) await ask(session, 'GET', '/-/healthy')
    expect(read).toBeLessThan(16)
    const answer = await answerTo(stream)
    expect(answer.text.length).toBe(page.bytes)
    expect(read).toBe(64)
  })

  it('lets go of a page whose reader goes away', async () => {
    const page = pageOf(...Array.from({ length: 64 }, () => '#'.repeat(256 * 1024)))
    const { server, port } = await listen({ gateway: { scrape: async () => page } })
    const stream = dial(port).request({ ':path': '/metrics' })
    stream.on('error', () => {})
    await new Promise((resolve) => stream.once('response', resolve))
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually('the scrape ended', () => server.events.some(({ kind }) => kind === 'scrape'))
    expect(server.events).toMatchObject([{ kind: 'scrape', status: 200 }])
  })

  it.each([[1], [63]])('holds a page of %d pieces until it is written, and no longer', async (count) => {
    // The last one is handed over by itself, and nobody waits until there is room for more.
    const texts = Array.from({ length: count }, (_, at) => `${at} `.padEnd(200 * 1024, '#'))
    const page = pageOf(...texts)
    const released = new Promise<void>((resolve) => {
      page.release = () => {
        // Whoever still reads it would see.
        for (const chunk of page.chunks) chunk.fill(0)
        resolve()
      }
    })
    const { port } = await listen({ gateway: { scrape: async () => page } })
    const answer = await ask(dial(port), 'GET', '/metrics')
    expect(answer.text === texts.join('')).toBe(true)
    await released
  })

  it('holds a page no longer when its reader goes away', async () => {
    const page = pageOf(...Array.from({ length: 64 }, () => '#'.repeat(256 * 1024)))
    const released = new Promise<void>((resolve) => {
      page.release = resolve
    })
    const { port } = await listen({ gateway: { scrape: async () => page } })
    const stream = dial(port).request({ ':path': '/metrics' })
    stream.on('error', () => {})
    await new Promise((resolve) => stream.once('response', resolve))
    stream.close(constants.NGHTTP2_CANCEL)
    await released
  })

  it('ends what is under way before it closes, and takes nothing new', async () => {
    let answerPush: () => void = () => {}
    const { server, port } = await listen({
      gateway: {
        push: () =>
          new Promise((resolve) => {
            answerPush = () => resolve({ series: 1 })
          }),
      },
      options: { drainMs: 5000 },
    })
    const session = dial(port)
    let isGone = false
    session.once('goaway', () => {
      isGone = true
    })
    const pushed = ask(session, 'PUT', '/metrics/job/a', { body: 'a 1\n' })
    await eventually('the push is under way', async () => {
      await ask(session, 'GET', '/-/healthy')
      return server.inflightBytes > 0
    })
    const closed = server.close()
    servers.length = 0
    await eventually('the client was told', () => isGone)
    answerPush()
    expect((await pushed).status).toBe(200)
    await closed
  })

  it('cuts what does not end in time', async () => {
    const { server, port } = await listen({
      gateway: { push: () => new Promise(() => {}) },
      options: { drainMs: 100 },
    })
    const pushed = ask(dial(port), 'PUT', '/metrics/job/a', { body: 'a 1\n' })
    await eventually('the push is under way', () => server.inflightBytes > 0)
    servers.length = 0
    const [answer] = await Promise.allSettled([pushed, server.close()])
    expect(answer).not.toMatchObject({ value: { status: 200 } })
  })

  it('speaks HTTP/1.1 to those who ask for it, and alone when HTTP/2 is off', async () => {
    for (const http2 of [true, false]) {
      const { port } = await listen({ options: { http2 } })
      const version = await new Promise((resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port,
          path: '/metrics',
          ca: readFileSync(files.ca),
          agent: false,
        }
        httpsRequest(options, (incoming) => {
          incoming.resume()
          resolve(incoming.httpVersion)
        })
          .on('error', reject)
          .end()
      })
      expect(version).toBe('1.1')
    }
    const { port } = await listen({ options: { http2: false } })
    await expect(ask(dial(port), 'GET', '/metrics')).rejects.toThrow()
  })

  it('has a head of the same limit', async () => {
    const { port } = await listen()
    const session = dial(port)
    const path = `/metrics/job/a/x/${'y'.repeat(900)}`
    expect((await ask(session, 'PUT', path, { body: 'a 1\n' })).status).toBe(200)
    await expect(
      ask(session, 'GET', '/-/healthy', {
        headers: { 'x-long': 'z'.repeat(OPTIONS.limits.bodyBytes + 1000) },
      }),
    ).rejects.toThrow()
  })

  describeWith('curl', 'curl', () => {
    async function curl(...args: string[]): Promise<string> {
      const child = startChild({
        name: 'curl',
        command: peerOrThrow('curl').path,
        args: ['-sS', '--http2', '--cacert', files.ca, ...args],
      })
      await child.exited
      return child.output()
    }
    const SHOW = ['-w', ' %{http_version} %{http_code}', '-o', '-']

    it('pushes, scrapes and is refused', async () => {
      const { server, port } = await listen()
      const url = `https://127.0.0.1:${port}`
      const body = join(folder, 'body.txt')
      writeFileSync(body, 'a 1\n')
      const big = join(folder, 'big.txt')
      writeFileSync(big, '#'.repeat(200_000))
      expect(await curl(...SHOW, '--data-binary', `@${body}`, `${url}/metrics/job/a`)).toBe(' 2 200')
      expect(await curl(...SHOW, '-T', body, `${url}/metrics/job/a`)).toBe(' 2 200')
      expect(await curl(...SHOW, '-H', 'Expect: 100-continue', '-T', body, `${url}/metrics/job/a`)).toBe(
        ' 2 200',
      )
      expect(server.pushes).toHaveLength(3)
      expect(await curl(...SHOW, `${url}/metrics`)).toBe(`${PAGE} 2 200`)
      expect(await curl(...SHOW, '-X', 'DELETE', `${url}/metrics/job/a`)).toBe(' 2 202')
      expect(await curl(...SHOW, '-T', big, `${url}/metrics/job/a`)).toMatch(/^the body .* 2 413$/s)
      expect(await curl(...SHOW, `${url}/nope`)).toBe('404 page not found\n 2 404')
      expect(await curl(...SHOW, '--http1.1', `${url}/metrics`)).toBe(`${PAGE} 1.1 200`)
    })
  })
})
