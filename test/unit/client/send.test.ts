import { describe, expect, it } from 'vitest'
import type { PushRequest } from '../../../src/client/request.ts'
import { sendPush, type World } from '../../../src/client/send.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

const request: PushRequest = {
  method: 'POST',
  url: 'http://h:9753/metrics/job/j',
  headers: new Map([['Content-Type', 'text/plain']]),
  body: Buffer.from('a 1\n'),
}

type Answer = Response | Error

/** A gateway that gives these answers in turn, the last one for ever. */
function gateway(...answers: Answer[]) {
  const sent: { url: string; init: RequestInit }[] = []
  const pauses: number[] = []
  const world: World = {
    async fetch(url, init) {
      sent.push({ url, init })
      const answer = answers[Math.min(sent.length, answers.length) - 1]
      if (answer instanceof Response) return answer.clone()
      throw answer
    },
    async sleep(ms) {
      pauses.push(ms)
    },
    random: () => 0,
    now: () => 0,
  }
  return { world, sent, pauses }
}

function answer(status: number, body: string | null = null, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers })
}

function networkError(message: string): Error {
  return new TypeError('fetch failed', { cause: new Error(message) })
}

async function failure(world: World, retries = 2): Promise<PgrError> {
  try {
    await sendPush(request, { retries, timeoutMs: 1000 }, world)
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error('the push was taken')
}

describe('a push that is taken', () => {
  it.each([200, 202, 204])('ends with any 2xx: %d', async (status) => {
    const { world, sent, pauses } = gateway(answer(status))
    expect(await sendPush(request, { retries: 2, timeoutMs: 1000 }, world)).toMatchObject({
      status,
      attempts: 1,
    })
    expect([sent.length, pauses]).toEqual([1, []])
  })

  it('is sent with method, headers and body, and follows no redirect', async () => {
    const { world, sent } = gateway(answer(200))
    await sendPush(request, { retries: 0, timeoutMs: 1000 }, world)
    expect(sent[0]?.url).toBe(request.url)
    expect(sent[0]?.init).toMatchObject({
      method: 'POST',
      headers: [['Content-Type', 'text/plain']],
      body: request.body,
      redirect: 'manual',
    })
  })

  it('may take several attempts, of which the caller hears', async () => {
    const { world, pauses } = gateway(
      networkError('connect ECONNREFUSED'),
      answer(503, 'store away'),
      answer(200),
    )
    const heard: string[] = []
    const sent = await sendPush(
      request,
      { retries: 2, timeoutMs: 1000, onRetry: ({ attempt, reason }) => heard.push(`${attempt}: ${reason}`) },
      world,
    )
    expect(sent).toMatchObject({ status: 200, attempts: 3 })
    expect(pauses).toEqual([500, 1000])
    expect(heard).toEqual([
      '1: no gateway answers at http://h:9753 (connect ECONNREFUSED); check --url',
      '2: the gateway answered 503: store away; try again later',
    ])
  })
})

describe('trying again', () => {
  it('waits as long as the gateway asks', async () => {
    const { world, pauses } = gateway(answer(429, 'slow down', { 'Retry-After': '7' }), answer(200))
    await sendPush(request, { retries: 1, timeoutMs: 1000 }, world)
    expect(pauses).toEqual([7000])
  })

  it.each([400, 401, 403, 404, 405, 413, 415, 301])('is not done after %d', async (status) => {
    const { world, sent } = gateway(answer(status))
    await failure(world)
    expect(sent).toHaveLength(1)
  })

  it.each([
    [0, 1],
    [2, 3],
  ])('ends: %d retries are %d attempts', async (retries, attempts) => {
    const { world, sent } = gateway(answer(500))
    await failure(world, retries)
    expect(sent).toHaveLength(attempts)
  })
})

describe('a push that fails', () => {
  it.each([
    [
      'the gateway refuses it',
      answer(400, 'bad line\n'),
      'PGR_PUSH_REFUSED',
      1,
      'the gateway refused the push (400): bad line',
    ],
    ['credentials are missing', answer(401, 'Unauthorized'), 'PGR_UNAUTHORIZED', 4, /PGR_PASSWORD/],
    ['it is forbidden', answer(403), 'PGR_FORBIDDEN', 4, /403/],
    [
      'the path is wrong',
      answer(404),
      'PGR_PUSH_REFUSED',
      1,
      /404 to POST http:\/\/h:9753\/metrics\/job\/j; check --url/,
    ],
    [
      'it is sent elsewhere',
      answer(308, null, { location: 'https://b/' }),
      'PGR_PUSH_REFUSED',
      1,
      /on to https:\/\/b\/ \(308\)/,
    ],
    [
      'the quota is used up',
      answer(429, 'full'),
      'PGR_GATEWAY_BUSY',
      75,
      /answered 429: full.*\(3 attempts\)/,
    ],
    ['the store is away', answer(503), 'PGR_GATEWAY_BUSY', 75, /answered 503/],
    [
      'nobody listens',
      networkError('connect ECONNREFUSED 127.0.0.1:9753'),
      'PGR_GATEWAY_UNREACHABLE',
      1,
      /ECONNREFUSED.*\(3 attempts\)/,
    ],
    [
      'nobody answers in time',
      new DOMException('aborted', 'TimeoutError'),
      'PGR_GATEWAY_UNREACHABLE',
      1,
      /within 1000 ms/,
    ],
    [
      'several addresses refuse',
      new TypeError('fetch failed', { cause: new AggregateError([new Error('a'), new Error('b')]) }),
      'PGR_GATEWAY_UNREACHABLE',
      1,
      /\(b\)/,
    ],
  ])('says why when %s', async (_why, given, code, exit, message) => {
    const error = await failure(gateway(given).world)
    expect([error.code, error.failure.exit]).toEqual([code, exit])
    if (typeof message === 'string') expect(error.message).toBe(message)
    else expect(error.message).toMatch(message)
  })

  it('shows no control characters of the answer and not all of a long one', async () => {
    const sequence = '\u001b]0;title\u0007'
    const error = await failure(
      gateway(answer(400, `${sequence}line one\r\nline two${'x'.repeat(100_000)}`)).world,
    )
    expect(error.message).toMatch(/^the gateway refused the push \(400\): \]0;title line one line twox+$/)
    expect(error.message.length).toBeLessThan(5000)
  })

  it('does not wait for the end of an endless answer', async () => {
    const endless = new Response(
      new ReadableStream({ pull: (stream) => stream.enqueue(Buffer.alloc(1024, 'x')) }),
      { status: 400 },
    )
    const world = { ...gateway(endless).world, fetch: async () => endless }
    expect((await failure(world)).code).toBe('PGR_PUSH_REFUSED')
  })
})
