import { describe, expect, it } from 'vitest'
import { ask, askApi, isNotServed, type Question } from '../../../src/client/ask.ts'

const TARGET = { base: 'http://h:9753/pgr' }
const OPTIONS = { timeoutMs: 1000 }
const question: Question = { path: '/api/v1/groups' }

function gateway(answer: Response | Error) {
  const sent: { url: string; init: RequestInit }[] = []
  return {
    sent,
    async fetch(url: string, init: RequestInit) {
      sent.push({ url, init })
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers })
}

describe('a question to the API', () => {
  it('goes below the path of the gateway, with credentials and the words behind the question mark', async () => {
    const world = gateway(json(200, { status: 'success', data: { total: 1 } }))
    const data = await askApi(
      { ...TARGET, credentials: { user: 'me', password: 'hunter2' } },
      {
        method: 'DELETE',
        path: '/api/v1/admin/groups',
        query: [
          ['match[]', '{a="b c"}'],
          ['match[]', 'x'],
        ],
      },
      OPTIONS,
      world,
    )
    expect(data).toEqual({ total: 1 })
    expect(world.sent[0]?.url).toBe(
      'http://h:9753/pgr/api/v1/admin/groups?match%5B%5D=%7Ba%3D%22b+c%22%7D&match%5B%5D=x',
    )
    expect(world.sent[0]?.init).toMatchObject({
      method: 'DELETE',
      redirect: 'manual',
      headers: { Authorization: `Basic ${Buffer.from('me:hunter2').toString('base64')}` },
    })
  })

  it('is answered without a body by what has nothing to say', async () => {
    expect(await askApi(TARGET, question, OPTIONS, gateway(new Response(null, { status: 202 })))).toBeNull()
  })

  it.each([
    ['no credentials', json(401, {}), 'PGR_UNAUTHORIZED'],
    ['what is forbidden', json(403, {}), 'PGR_FORBIDDEN'],
    [
      'what is not there',
      json(404, { status: 'error', errorType: 'not_found', error: 'gone' }),
      'PGR_NOT_FOUND',
    ],
    [
      'a path that is none, in JSON',
      json(404, { status: 'error', errorType: 'not_found', error: '404 page not found' }),
      'PGR_PUSH_REFUSED',
    ],
    ['a path that is none', new Response('404 page not found', { status: 404 }), 'PGR_PUSH_REFUSED'],
    [
      'a wrong parameter',
      json(400, { status: 'error', errorType: 'bad_data', error: 'sort is x' }),
      'PGR_SETTING_INVALID',
    ],
    [
      'a store that is away',
      json(503, { status: 'error', errorType: 'unavailable', error: 'away' }),
      'PGR_GATEWAY_BUSY',
    ],
    [
      'a redirect',
      new Response(null, { status: 302, headers: { location: 'http://elsewhere/' } }),
      'PGR_PUSH_REFUSED',
    ],
    ['a page of something else', new Response('<html>', { status: 200 }), 'PGR_PUSH_REFUSED'],
    ['JSON of something else', json(200, [1]), 'PGR_PUSH_REFUSED'],
    ['no answer', new TypeError('fetch failed', { cause: new Error('refused') }), 'PGR_GATEWAY_UNREACHABLE'],
  ])('ends with its own code after %s', async (_why, answer, code) => {
    await expect(askApi(TARGET, question, OPTIONS, gateway(answer))).rejects.toMatchObject({ code })
  })

  it.each([
    ['a path that is none', new Response('404 page not found', { status: 404 }), true],
    ['a method that is none', new Response('', { status: 405 }), true],
    ['what is not there', json(404, { status: 'error', errorType: 'not_found', error: 'gone' }), false],
    ['a refusal', new Response('', { status: 418 }), false],
  ])('knows %s from what is not served', async (_why, answer, expected) => {
    const reason: unknown = await askApi(TARGET, question, OPTIONS, gateway(answer)).catch(
      (failure) => failure,
    )
    expect(isNotServed(reason)).toBe(expected)
  })

  it('tells what the gateway said, on one line', async () => {
    const answer = json(400, { status: 'error', errorType: 'bad_data', error: 'limit is\n"x"\u001b[31m' })
    await expect(askApi(TARGET, question, OPTIONS, gateway(answer))).rejects.toThrow('limit is "x" [31m')
  })

  it('is not answered with more than was asked for', async () => {
    const world = gateway(new Response('x'.repeat(11)))
    await expect(ask(TARGET, question, { ...OPTIONS, mostBytes: 10 }, world)).rejects.toMatchObject({
      code: 'PGR_BODY_TOO_LARGE',
    })
    const whole = await ask(
      TARGET,
      question,
      { ...OPTIONS, mostBytes: 10 },
      gateway(new Response('x'.repeat(10))),
    )
    expect(Buffer.from(whole.body).toString()).toBe('xxxxxxxxxx')
  })

  it('ends with the reason of whoever ends it', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const world = gateway(new DOMException('aborted', 'AbortError'))
    await expect(ask(TARGET, question, { ...OPTIONS, signal }, world)).rejects.toThrow('enough')
  })
})
