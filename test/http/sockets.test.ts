import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Scrape } from '../../src/gateway/gateway.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { gate } from '../support/gate.ts'
import { describeWith } from '../support/peers.ts'
import { OPTIONS, openTestServer, type TestServer, type Turned } from './open-test-server.ts'
import { type Talk, talk } from './talk.ts'

const servers: TestServer[] = []
const talks: Talk[] = []

afterEach(async () => {
  for (const { socket } of talks.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function listen(turned: Turned = {}): Promise<{ server: TestServer; port: number }> {
  const server = openTestServer(turned)
  servers.push(server)
  const [address] = await server.listen()
  return { server, port: address?.port ?? 0 }
}

function dial(port: number): Talk {
  const opened = talk(port)
  talks.push(opened)
  return opened
}

describe('on the wire', () => {
  it.each([
    ['/-/healthy', '200 OK'],
    ['/-/ready', '200 OK'],
    ['/metrics', '200 OK'],
    ['/telemetry', '200 OK'],
    ['/', '200 OK'],
    ['/metrics/job/a', '405 Method Not Allowed'],
    ['/nope', '404 Not Found'],
  ])('HEAD %s has a length and no body', async (path, status) => {
    const { port } = await listen()
    const { say, untilEnd } = dial(port)
    say(`HEAD ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = await untilEnd()
    expect(answer).toContain(`HTTP/1.1 ${status}`)
    expect(answer).toMatch(/content-length: [1-9]/i)
    expect(answer.endsWith('\r\n\r\n')).toBe(true)
  })

  it('a body in chunks is read', async () => {
    const { server, port } = await listen()
    const { say, until } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n')
    say('4\r\nb 2\n\r\n0\r\n\r\n')
    await until('200 OK')
    expect(server.pushes).toMatchObject([{ bytes: 8, families: [{ name: 'a' }, { name: 'b' }] }])
  })

  it('a body in chunks is refused when it passes the limit, and the connection goes on', async () => {
    const { server, port } = await listen({ options: { limits: { ...OPTIONS.limits, bodyBytes: 10 } } })
    const { say, until } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n#xxxxxxxxx\n\r\n')
    await until('413 Payload Too Large')
    expect(server.inflightBytes).toBe(0)
    say('0\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('200 OK')
  })

  it('a body that is cut short is told, and no push', async () => {
    const told = gate<Event>()
    const { server, port } = await listen({ deps: { tell: told.open } })
    const { say, socket } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na 1\n')
    socket.end()
    expect(await told.passed).toMatchObject({ kind: 'push', code: 'PGR_BODY_MALFORMED', series: 0 })
    expect(server.pushes).toEqual([])
    expect(server.inflightBytes).toBe(0)
  })

  it('100 Continue is said when the body is wanted', async () => {
    const { server, port } = await listen()
    const { say, until } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    await until('100 Continue')
    say('a 1\n')
    await until('200 OK')
    expect(server.pushes).toHaveLength(1)
  })

  it.each([
    ['too large', '/metrics/job/a', 'Content-Length: 99999999', '413'],
    ['of no group', '/metrics/job/a/b', 'Content-Length: 4', '400'],
    ['in an encoding nobody reads', '/metrics/job/a', 'Content-Length: 4\r\nContent-Encoding: br', '415'],
  ])('100 Continue is not said for a body %s', async (_why, path, headers, status) => {
    const { port } = await listen()
    const { say, untilEnd } = dial(port)
    say(`PUT ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${headers}\r\n\r\n`)
    const answer = await untilEnd()
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/connection: close/i)
  })

  it.each([
    [
      'a method no parser knows',
      'FOO /metrics/job/a HTTP/1.1\r\nHost: x\r\n\r\n',
      /^HTTP\/1.1 405 [\s\S]*Allow: DELETE, OPTIONS, POST, PUT/,
    ],
    ['the same on an unknown path', 'FOO /nope HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 400 /],
    ['what is not HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a head without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    ['a URL without end', `GET /${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1.1 431 /],
    [
      'two lengths',
      'PUT /metrics/job/a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
  ])('%s is refused in text and the connection ends', async (_why, request, answer) => {
    const { port } = await listen()
    const { say, untilEnd } = dial(port)
    say(request)
    expect(await untilEnd()).toMatch(answer)
  })
})

describe('a page', () => {
  const PIECE = Buffer.alloc(1024 * 1024, 'x')
  const PIECES = 64

  /** A page that counts how much of it was taken. */
  function countedPage() {
    const counted = { taken: 0 }
    const chunks = Array.from({ length: PIECES }, () => PIECE)
    chunks[Symbol.iterator] = function* () {
      for (let i = 0; i < PIECES; i++) {
        counted.taken++
        yield PIECE
      }
      return undefined
    }
    const released = gate()
    const scrape: Scrape = {
      chunks,
      bytes: PIECES * PIECE.length,
      series: 1,
      free: [],
      ageSeconds: 0,
      release: released.open,
    }
    return { counted, scrape, released: released.passed }
  }

  it('is handed over as fast as its reader takes it, and whole', async () => {
    const { counted, scrape, released } = countedPage()
    const { port } = await listen({ gateway: { scrape: async () => scrape } })
    let takenAtFirst = 0
    let bytes = 0
    await new Promise<void>((resolve, reject) => {
      httpGet({ port, host: '127.0.0.1', path: '/metrics' }, (response) => {
        response.once('data', () => {
          takenAtFirst = counted.taken
        })
        response.on('data', (piece: Buffer) => {
          bytes += piece.length
        })
        response.on('end', resolve)
      }).on('error', reject)
    })
    expect(takenAtFirst).toBeLessThan(PIECES)
    expect(bytes).toBe(scrape.bytes)
    await released
  })

  it('is held until its reader has it', async () => {
    const asked = gate()
    let isReleased = false
    const { scrape, released } = countedPage()
    const held = {
      ...scrape,
      release() {
        isReleased = true
        scrape.release()
      },
    }
    const { port } = await listen({
      gateway: {
        async scrape() {
          asked.open()
          return held
        },
      },
    })
    const { say, until, socket } = dial(port)
    say('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    await asked.passed
    await until('\r\n\r\n')
    socket.pause()
    expect((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status).toBe(200)
    expect(isReleased).toBe(false)
    socket.resume()
    await released
  })

  it('is not handed over further once its reader went away', async () => {
    const told = gate<Event>()
    const { counted, scrape, released } = countedPage()
    const { port } = await listen({ gateway: { scrape: async () => scrape }, deps: { tell: told.open } })
    const { say, until, socket } = dial(port)
    say('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('\r\n\r\n')
    socket.destroy()
    const event = await told.passed
    expect(event).toMatchObject({ kind: 'scrape', status: 200 })
    expect(counted.taken).toBeLessThan(PIECES)
    expect((event as Event & { kind: 'scrape' }).bytes).toBeLessThan(scrape.bytes)
    await released
  })
})

describe('listening', () => {
  it('happens on every address', async () => {
    const server = openTestServer({ options: { listen: ['127.0.0.1:0', '127.0.0.2:0'] } })
    servers.push(server)
    const addresses = await server.listen()
    expect(addresses.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.2'])
    for (const { url } of addresses) expect((await fetch(`${url}/-/healthy`)).status).toBe(200)
  })

  it('fails with the address when the port is taken, and lets go of the others', async () => {
    const { port } = await listen()
    const other = openTestServer({ options: { listen: ['127.0.0.1:0', `127.0.0.1:${port}`] } })
    await expect(other.listen()).rejects.toMatchObject({
      code: 'PGR_START_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
    await other.close()
  })
})

describe('closing', () => {
  it('lets a push under way end, says so to its connection, and takes no new ones', async () => {
    const asked = gate()
    const stored = gate<{ series: number }>()
    const { server, port } = await listen({
      gateway: {
        push() {
          asked.open()
          return stored.passed
        },
      },
    })
    const { say, untilEnd } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n')
    await asked.passed
    server.beginDrain()
    const closed = server.close()
    await expect(fetch(`http://127.0.0.1:${port}/-/healthy`)).rejects.toThrow()
    stored.open({ series: 1 })
    const answer = await untilEnd()
    expect(answer).toContain('200 OK')
    expect(answer).toMatch(/connection: close/i)
    await closed
  })

  it('closes idle connections at once', async () => {
    const { server, port } = await listen()
    const { say, until, untilEnd } = dial(port)
    say('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('200 OK')
    await server.close()
    await untilEnd()
  })

  it('cuts what is not done by the deadline', async () => {
    const asked = gate()
    const { server, port } = await listen({
      options: { drainMs: 50 },
      gateway: {
        push() {
          asked.open()
          return new Promise(() => {})
        },
      },
    })
    const { say, untilEnd } = dial(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n')
    await asked.passed
    await server.close()
    expect(await untilEnd()).toBe('')
  })
})

describeWith('openssl', 'over TLS', () => {
  it('serves the certificate it was given, and a new one to new connections', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pgr-tls-'))
    try {
      const first = makeCertificate(folder, 'first')
      const { server, port } = await listen({ options: { tls: first } })
      expect(await subjectServedAt(port)).toBe('first')
      server.setTls(makeCertificate(folder, 'second'))
      expect(await subjectServedAt(port)).toBe('second')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function makeCertificate(folder: string, name: string): { key: Buffer; cert: Buffer } {
  const key = join(folder, `${name}.key`)
  const cert = join(folder, `${name}.crt`)
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-subj', `/CN=${name}`, '-days', '1', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

function subjectServedAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/-/healthy',
      rejectUnauthorized: false,
      agent: false,
    } as const
    httpsGet(options, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate()
      response.resume().on('end', () => resolve(String(subject.CN)))
    }).on('error', reject)
  })
}
