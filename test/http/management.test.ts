import { describe, expect, it, vi } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { openTestServer } from './open-test-server.ts'

const AWAY = async () => {
  throw new PgrError('PGR_STORE_UNAVAILABLE', 'the store does not answer', { retryAfterSeconds: 2 })
}

describe('liveness', () => {
  it('is OK without asking the store, also while draining', async () => {
    const ready = vi.fn(AWAY)
    const server = openTestServer({ gateway: { ready } })
    server.beginDrain()
    const { statusCode, body } = await server.inject({ method: 'GET', url: '/-/healthy' })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'OK' })
    expect(ready).not.toHaveBeenCalled()
  })
})

describe('readiness', () => {
  it('is OK when pushes and scrapes can be served', async () => {
    const { statusCode, body, headers } = await openTestServer().inject({ method: 'GET', url: '/-/ready' })
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'OK' })
    expect(headers['x-prometheus-stopping']).toBe('false')
  })

  it('is 503 with the reason while the store is away', async () => {
    const server = openTestServer({ gateway: { ready: AWAY } })
    const { statusCode, body, headers } = await server.inject({ method: 'GET', url: '/-/ready' })
    expect({ statusCode, body }).toEqual({ statusCode: 503, body: 'the store does not answer\n' })
    expect(headers['retry-after']).toMatch(/^[2-6]$/)
    expect(headers['x-prometheus-stopping']).toBe('false')
  })

  it('is 503 and says so while draining, when everything else is still served', async () => {
    const server = openTestServer()
    server.beginDrain()
    const { statusCode, headers } = await server.inject({ method: 'GET', url: '/-/ready' })
    expect(statusCode).toBe(503)
    expect(headers['x-prometheus-stopping']).toBe('true')
    expect((await server.inject({ method: 'PUT', url: '/metrics/job/a', payload: 'a 1\n' })).statusCode).toBe(
      200,
    )
  })

  it('does not wait for a store that never answers', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let probe: Promise<{ statusCode: number }> | undefined
      await new Promise<void>((asked) => {
        const server = openTestServer({
          gateway: {
            ready: () => {
              asked()
              return new Promise(() => {})
            },
          },
        })
        probe = server.inject({ method: 'GET', url: '/-/ready' })
      })
      await vi.advanceTimersByTimeAsync(2000)
      expect((await probe)?.statusCode).toBe(503)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the lifecycle interface', () => {
  function open(enableLifecycle: boolean, reload = () => 'reloaded\n') {
    const quit = vi.fn()
    const server = openTestServer({ options: { enableLifecycle }, deps: { lifecycle: { quit, reload } } })
    return { server, quit }
  }

  it.each(['/-/quit', '/-/reload'])('answers %s with 403 when it is off', async (url) => {
    const { server, quit } = open(false)
    const { statusCode, body } = await server.inject({ method: 'PUT', url })
    expect({ statusCode, body }).toEqual({ statusCode: 403, body: 'Lifecycle API is not enabled.\n' })
    expect(quit).not.toHaveBeenCalled()
  })

  it('quits after it has answered', async () => {
    const { server, quit } = open(true)
    expect((await server.inject({ method: 'POST', url: '/-/quit' })).statusCode).toBe(200)
    await vi.waitFor(() => expect(quit).toHaveBeenCalledOnce())
  })

  it('reloads, or says why not', async () => {
    const good = open(true)
    expect(await good.server.inject({ method: 'POST', url: '/-/reload' })).toMatchObject({
      statusCode: 200,
      body: 'reloaded\n',
    })
    const bad = open(true, () => {
      throw new PgrError('PGR_SETTING_INVALID', 'unknown key "prot" on line 1')
    })
    const { statusCode, body } = await bad.server.inject({ method: 'PUT', url: '/-/reload' })
    expect({ statusCode, body }).toEqual({ statusCode: 500, body: 'unknown key "prot" on line 1\n' })
  })
})
