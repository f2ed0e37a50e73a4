import { readFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ClientAuth, TlsMaterial } from '../../src/http/options.ts'
import { type Authority, type Certificates, makeAuthority } from '../support/certificates.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { openTestServer, type TestServer } from './open-test-server.ts'

const folder = makeFolder('tls')
const servers: TestServer[] = []
const SANS = 'DNS:job.example,IP:10.0.0.1,IP:2001:db8::1,email:a@b.example,URI:spiffe://c/d'

let authority: Authority
let ours: TlsMaterial
const clients = new Map<string, Certificates>()

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

function pair({ cert, key }: Certificates): { cert: string; key: string } {
  return { cert: read(cert), key: read(key) }
}

async function listen(
  tls: Partial<TlsMaterial>,
  http2 = false,
): Promise<{ server: TestServer; port: number }> {
  const server = openTestServer({ options: { tls: { ...ours, ...tls }, http2 } })
  servers.push(server)
  const [address] = await server.listen()
  return { server, port: address?.port ?? 0 }
}

/** The status of a request, or how the connection ended without one. */
function knock(port: number, options: ConnectionOptions = {}): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = httpsRequest(
      { host: '127.0.0.1', port, path: '/-/healthy', ca: read(authority.ca), agent: false, ...options },
      (incoming) => {
        incoming.resume()
        resolve(incoming.statusCode ?? 0)
      },
    )
    outgoing.on('error', (reason: NodeJS.ErrnoException) => resolve(reason.code ?? reason.message))
    outgoing.end()
  })
}

/** The version that was agreed on, or why none was. */
function shake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: read(authority.ca), ...options }, () => {
      resolve(socket.getProtocol() ?? '')
      socket.destroy()
    })
    socket.on('error', (reason: NodeJS.ErrnoException) => resolve(reason.code ?? reason.message))
  })
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})
afterAll(() => removeFolder(folder))

describeWith('openssl', 'over TLS', () => {
  beforeAll(() => {
    authority = makeAuthority(folder, 'ca')
    ours = pair(authority.issue('server'))
    clients.set('a good one', authority.issue('client', { sans: SANS }))
    clients.set('that of another authority', makeAuthority(folder, 'other').issue('stranger', { sans: SANS }))
  })

  const NO = 'no certificate'
  const GOOD = 'a good one'
  const WRONG = 'that of another authority'
  it.each<[ClientAuth, string, boolean]>([
    ['NoClientCert', NO, true],
    ['NoClientCert', GOOD, true],
    ['NoClientCert', WRONG, true],
    ['RequestClientCert', NO, true],
    ['RequestClientCert', GOOD, true],
    ['RequestClientCert', WRONG, true],
    ['RequireAnyClientCert', NO, false],
    ['RequireAnyClientCert', GOOD, true],
    ['RequireAnyClientCert', WRONG, true],
    ['VerifyClientCertIfGiven', NO, true],
    ['VerifyClientCertIfGiven', GOOD, true],
    ['VerifyClientCertIfGiven', WRONG, false],
    ['RequireAndVerifyClientCert', NO, false],
    ['RequireAndVerifyClientCert', GOOD, true],
    ['RequireAndVerifyClientCert', WRONG, false],
  ])('%s with %s', async (clientAuth, which, isServed) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { server, port } = await listen({ clientAuth, ca: read(authority.ca), maxVersion })
      const certificate = clients.get(which)
      const answer = await knock(port, certificate === undefined ? {} : pair(certificate))
      expect([maxVersion, answer === 200], String(answer)).toEqual([maxVersion, isServed])
      if (isServed) continue
      await eventually('it is told', () => server.events.length > 0)
      const detail = expect.stringMatching(
        which === NO ? /showed no certificate/ : /is not trusted: [A-Z_]+$/,
      )
      expect(server.events).toEqual([{ kind: 'turned-away', reason: 'certificate', detail }])
    }
  })

  it.each([
    ['a DNS name', ['x', 'job.example'], true],
    ['an address', ['10.0.0.1'], true],
    ['an IPv6 address', ['2001:db8::1'], true],
    ['an address of mail', ['a@b.example'], true],
    ['a URI', ['spiffe://c/d'], true],
    ['the common name', ['client'], false],
    ['a part of a name', ['example'], false],
  ])('a client may be known by %s', async (_why, allowedSans, isServed) => {
    const { server, port } = await listen({
      clientAuth: 'RequireAndVerifyClientCert',
      ca: read(authority.ca),
      allowedSans,
    })
    const answer = await knock(port, pair(clients.get(GOOD) as Certificates))
    expect(answer === 200, String(answer)).toBe(isServed)
    if (!isServed)
      expect(server.events).toContainEqual({
        kind: 'turned-away',
        reason: 'certificate',
        detail: 'the certificate of the client has none of the names that are allowed',
      })
  })

  it('names that are allowed need a certificate to stand in', async () => {
    const { port } = await listen({ clientAuth: 'RequestClientCert', allowedSans: ['job.example'] })
    expect(await knock(port)).not.toBe(200)
  })

  it('a client keeps what it is known by when it comes back with the ticket of its session', async () => {
    const material = { clientAuth: 'RequireAndVerifyClientCert', ca: read(authority.ca) } as const
    const { port } = await listen({ ...material, allowedSans: ['job.example'] })
    const certificate = pair(clients.get(GOOD) as Certificates)
    const session = await new Promise<Buffer>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: read(authority.ca), ...certificate })
      socket.once('session', (ticket) => {
        resolve(ticket)
        socket.destroy()
      })
      socket.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n')
    })
    expect(await knock(port, { session, ...certificate })).toBe(200)
  })

  describe('versions and suites', () => {
    it.each([
      ['TLSv1.2', 'TLSv1.3', 'TLSv1.2', 'TLSv1.2'],
      ['TLSv1.2', 'TLSv1.3', 'TLSv1.3', 'TLSv1.3'],
      ['TLSv1.3', 'TLSv1.3', 'TLSv1.2', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
      ['TLSv1.2', 'TLSv1.2', 'TLSv1.3', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
      ['TLSv1.1', 'TLSv1.2', 'TLSv1.1', 'TLSv1.1'],
      ['TLSv1.2', 'TLSv1.2', 'TLSv1.1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ] as const)('%s to %s, asked for %s: %s', async (minVersion, maxVersion, asked, expected) => {
      const ciphers = 'DEFAULT@SECLEVEL=0'
      const { port } = await listen({ minVersion, maxVersion, ciphers })
      expect(await shake(port, { minVersion: asked, maxVersion: asked, ciphers })).toBe(expected)
    })

    it('offers the suites that are named', async () => {
      const { port } = await listen({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' })
      expect(await shake(port, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).toBe('TLSv1.2')
      expect(await shake(port, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).toMatch(/HANDSHAKE_FAILURE/)
    })

    it('offers the curves that are named', async () => {
      const { port } = await listen({ ecdhCurve: 'P-256' })
      expect(await shake(port, { ecdhCurve: 'P-256' })).toBe('TLSv1.3')
      expect(await shake(port, { ecdhCurve: 'P-384' })).toMatch(/HANDSHAKE_FAILURE/)
    })
  })

  describe('with new material', () => {
    it('new connections see the new certificate', async () => {
      const { server, port } = await listen({})
      const next = pair(makeAuthority(folder, 'next').issue('next-server'))
      server.setTls(next)
      expect(await knock(port)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      expect(await knock(port, { ca: read(`${folder}/next.pem`) })).toBe(200)
    })

    it('clients are asked for certificates from then on, and no longer', async () => {
      const { server, port } = await listen({})
      const strict = { ...ours, clientAuth: 'RequireAndVerifyClientCert', ca: read(authority.ca) } as const
      server.setTls(strict)
      expect(await knock(port)).not.toBe(200)
      expect(await knock(port, pair(clients.get(GOOD) as Certificates))).toBe(200)
      server.setTls(ours)
      expect(await knock(port)).toBe(200)
    })
  })
})
