import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { asFailure, sendFailure, sendText } from '../answer.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { type Handler, page, type Route } from './route.ts'

const HEALTHY = '/-/healthy'
const READY = '/-/ready'

/** What only asks how the server is. */
export const PROBES = [HEALTHY, READY]

/** A probe is answered within this, whatever the store does. */
const READY_TIMEOUT_MS = 2000
const STOPPING_HEADER = 'x-prometheus-stopping'

/** Liveness, which never asks the store; readiness, which does; and what `--web.enable-lifecycle` allows. */
export function managementRoutes(options: HttpOptions, deps: HttpDeps, isStopping: () => boolean): Route[] {
  const { gateway, tell } = deps
  const lifecycle = options.enableLifecycle ? deps.lifecycle : undefined

  async function assertReady(): Promise<void> {
    if (isStopping()) throw new PgrError('PGR_STOPPING', 'the server is shutting down')
    await within(READY_TIMEOUT_MS, gateway.ready())
  }

  async function answerReady(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    reply.header(STOPPING_HEADER, String(isStopping()))
    try {
      await assertReady()
      return sendText(reply, 200, 'OK')
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'ready', tell))
    }
  }

  /** `act` is asked only when the lifecycle interface is switched on. */
  function acting(
    act: (lifecycle: NonNullable<HttpDeps['lifecycle']>, reply: FastifyReply) => Promise<unknown>,
  ): Handler {
    return async (_request, reply) => {
      try {
        if (lifecycle === undefined) {
          throw new PgrError('PGR_FORBIDDEN', 'Lifecycle API is not enabled.')
        }
        await act(lifecycle, reply)
        return reply
      } catch (reason) {
        return sendFailure(reply, asFailure(reason, 'lifecycle', tell))
      }
    }
  }

  const quit = acting(async ({ quit }, reply) => {
    reply.raw.once('finish', quit)
    return sendText(reply, 200, 'Requesting termination... Goodbye!')
  })
  const reload = acting(async ({ reload }, reply) => {
    return sendText(reply, 200, await reload())
  })

  return [
    page(HEALTHY, (_request, reply) => sendText(reply, 200, 'OK'), 'healthy'),
    page(READY, answerReady, 'ready'),
    { path: '/-/quit', methods: { PUT: quit, POST: quit } },
    { path: '/-/reload', methods: { PUT: reload, POST: reload } },
  ]
}

async function within(timeoutMs: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PgrError('PGR_STORE_UNAVAILABLE', `the store did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
