import { hashSync } from 'bcryptjs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Access, OPEN_ACCESS } from '../../src/http/gate/gate.ts'
import { eventually } from '../support/eventually.ts'
import { openTestServer, PAGE, type TestServer, type Turned } from './open-test-server.ts'
import { talk } from './talk.ts'

const servers: TestServer[] = []
const USERS = new Map([
  ['alice', hashSync('secret', 4)],
  ['bob', hashSync('other', 4)],
])

async function listen(
  access: Partial<Access>,
  { options, ...turned }: Turned = {},
): Promise<{ server: TestServer; url: string; port: number }> {
  const server = openTestServer({ ...turned, options: { access: { ...OPEN_ACCESS, ...access }, ...options } })
  servers.push(server)
  const [address] = await server.listen()
  return { server, url: address?.url ?? '', port: address?.port ?? 0 }
}

function basic(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

async function statusOf(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> {
  const answer = await get(url, headers, method)
  await answer.arrayBuffer()
  return answer.status
}

/** The page of the test server is never compressed. */
function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(url, { method, headers: { 'accept-encoding': 'identity', ...headers } })
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

describe('with users', () => {
  it('a request without credentials is answered 401, wherever it leads', async () => {
    const { server, url } = await listen({ users: USERS })
    for (const path of ['/', '/metrics', '/nope', '/%zz', '/api/v1/status', '/-/healthy']) {
      const answer = await get(`${url}${path}`)
      expect([path, answer.status, await answer.text()]).toEqual([path, 401, 'Unauthorized\n'])
      expect(answer.headers.get('www-authenticate')).toBe('Basic')
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    }
    expect(server.scrapes).toEqual([])
    expect(server.events).toContainEqual({ kind: 'turned-away', reason: 'credentials' })
  })

  it.each([
    ['the right password', 'alice', 'secret', 200],
    ['the right password of another', 'bob', 'other', 200],
    ['a wrong password', 'alice', 'wrong', 401],
    ['no password', 'alice', '', 401],
    ['the password of another', 'alice', 'other', 401],
    ['a name that nobody has', 'carol', 'secret', 401],
  ])('%s: %s with %s is answered %i, again and again', async (_why, user, password, status) => {
    const { url } = await listen({ users: USERS })
    for (let i = 0; i < 3; i++) expect(await statusOf(`${url}/metrics`, basic(user, password))).toBe(status)
  })

  it('a push is stored with the right password alone, and its connection goes on', async () => {
    const { server, port } = await listen({ users: USERS })
    const { say, until } = talk(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n')
    await until('401 Unauthorized')
    const { authorization } = basic('alice', 'secret')
    say(
      `PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 4\r\n\r\na 1\n`,
    )
    await until('200 OK')
    expect(server.pushes).toHaveLength(1)
  })

  it('a body that waits to be asked for is not asked for', async () => {
    const { port } = await listen({ users: USERS })
    const { say, until } = talk(port)
    say('PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    expect(await until('401 Unauthorized')).not.toContain('100 Continue')
  })

  it('a sender that goes away while its password is checked leaves nothing behind', async () => {
    const { server, port, url } = await listen({ users: new Map([['alice', hashSync('secret', 8)]]) })
    const { socket, say } = talk(port)
    const { authorization } = basic('alice', 'secret')
    say(
      `PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 4\r\n\r\na 1`,
    )
    await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
    expect(await statusOf(`${url}/metrics`, basic('alice', 'secret'))).toBe(200)
    expect(server.pushes).toEqual([])
    expect(server.inflightBytes).toBe(0)
  })

  it('users may change', async () => {
    const { server, url } = await listen({ users: USERS })
    expect(await statusOf(url, basic('alice', 'secret'))).toBe(200)
    server.setAccess({ ...OPEN_ACCESS, users: new Map([['alice', hashSync('new', 4)]]) })
    expect(await statusOf(url, basic('alice', 'secret'))).toBe(401)
    expect(await statusOf(url, basic('alice', 'new'))).toBe(200)
    server.setAccess(OPEN_ACCESS)
    expect(await statusOf(url)).toBe(200)
  })

  it('probes are open when they are set to be, and nothing else is', async () => {
    const { url } = await listen({ users: USERS }, { options: { publicHealth: true } })
    expect(await statusOf(`${url}/-/healthy`)).toBe(200)
    expect(await statusOf(`${url}/-/ready?verbose`)).toBe(200)
    expect(await statusOf(`${url}/-/healthy`, {}, 'HEAD')).toBe(200)
    for (const path of [
      '/-/healthy/',
      '/-/healthy/../../metrics',
      '//-/healthy',
      '/-/healthyx',
      '/-/quit',
      '/-/%68ealthy',
    ])
      expect([path, await statusOf(`${url}${path}`)]).toEqual([path, 401])
    expect(await statusOf(`${url}/-/healthy`, {}, 'POST')).toBe(401)
  })
})

describe('with tokens', () => {
  it('each of them opens, and nothing else does', async () => {
    const { url } = await listen({ tokens: ['one', 'two'] })
    expect(await statusOf(`${url}/metrics`, { authorization: 'Bearer one' })).toBe(200)
    expect(await statusOf(`${url}/metrics`, { authorization: 'Bearer two' })).toBe(200)
    const answer = await get(`${url}/metrics`, { authorization: 'Bearer three' })
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await statusOf(`${url}/metrics`, basic('one', 'two'))).toBe(401)
  })

  it('beside users both open', async () => {
    const { url } = await listen({ tokens: ['one'], users: USERS })
    expect(await statusOf(`${url}/metrics`, { authorization: 'Bearer one' })).toBe(200)
    expect(await statusOf(`${url}/metrics`, basic('alice', 'secret'))).toBe(200)
    const answer = await get(`${url}/metrics`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic, Bearer'])
  })
})

describe('headers', () => {
  const headers = new Map([
    ['X-Frame-Options', 'deny'],
    ['Content-Security-Policy', "default-src 'self'"],
  ])

  it.each([
    ['/metrics', 200],
    ['/telemetry', 200],
    ['/-/healthy', 200],
    ['/nope', 404],
    ['/%zz', 400],
    ['/metrics/job/a', 405],
  ])('are on the answer of %s', async (path, status) => {
    const { url } = await listen({ headers })
    const answer = await get(`${url}${path}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('x-frame-options')).toBe('deny')
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'self'")
    if (path === '/metrics') expect(await answer.text()).toBe(PAGE)
  })

  it('are on a refusal, too, and give way to those of a page', async () => {
    const { url } = await listen({ headers, tokens: ['one'] })
    expect((await get(url)).headers.get('x-frame-options')).toBe('deny')
    const index = await get(url, { authorization: 'Bearer one' })
    expect(index.headers.get('content-security-policy')).toContain("default-src 'none'; ")
  })
})

describe('a rate limit', () => {
  it('answers 429 when too many come, whatever they ask for', async () => {
    const { server, url } = await listen({ rateLimit: { intervalMs: 60_000, burst: 3 } })
    const statuses: number[] = []
    for (const path of ['/metrics', '/-/healthy', '/nope', '/metrics', '/-/healthy'])
      statuses.push(await statusOf(`${url}${path}`))
    expect(statuses).toEqual([200, 200, 404, 429, 429])
    const answer = await get(url)
    expect([await answer.text(), answer.headers.get('retry-after')]).toEqual(['Too Many Requests\n', '60'])
    expect(server.events).toContainEqual({ kind: 'turned-away', reason: 'rate' })
  })

  it('lets one in after an interval, and is not filled up by new settings', async () => {
    const rateLimit = { intervalMs: 50, burst: 1 }
    const { server, url } = await listen({ rateLimit })
    expect(await statusOf(url)).toBe(200)
    await eventually('there is a token again', async () => (await statusOf(url)) === 200)
    server.setAccess({ ...OPEN_ACCESS, rateLimit: { intervalMs: 60_000, burst: 1 } })
    expect(await statusOf(url)).toBe(200)
    server.setAccess({ ...OPEN_ACCESS, rateLimit: { intervalMs: 60_000, burst: 1 } })
    expect(await statusOf(url)).toBe(429)
  })
})
