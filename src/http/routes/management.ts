import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { asFailure, sendFailure, sendText } from '../answer.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { type Handler, type Operation, page, type Route } from './route.ts'

const HEALTHY = '/-/healthy'
const READY = '/-/ready'

/** What only asks how the server is. */
export const PROBES = [HEALTHY, READY]

/** A probe is answered within this, whatever the store does. */
const READY_TIMEOUT_MS = 2000
const TEXT = ['text/plain']
const SWITCHED_OFF = { description: 'The lifecycle interface is switched off.' }
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

  const quit: Operation = {
    handler: acting(async ({ quit }, reply) => {
      reply.raw.once('finish', quit)
      return sendText(reply, 200, 'Requesting termination... Goodbye!')
    }),
    summary: 'Stop the process',
    answers: { 200: { description: 'It will stop.', types: TEXT }, 403: SWITCHED_OFF },
  }
  const reload: Operation = {
    handler: acting(async ({ reload }, reply) => sendText(reply, 200, await reload())),
    summary: 'Read settings anew',
    answers: {
      200: { description: 'What changed, and what waits for a restart.', types: TEXT },
      403: SWITCHED_OFF,
      500: { description: 'What is wrong; nothing changed.' },
    },
  }

  return [
    page(
      HEALTHY,
      (_request, reply) => sendText(reply, 200, 'OK'),
      {
        summary: 'Tell whether the process is alive',
        answers: { 200: { description: 'It is.', types: TEXT } },
      },
      'healthy',
    ),
    page(
      READY,
      answerReady,
      {
        summary: 'Tell whether pushes and scrapes are served',
        answers: {
          200: { description: 'They are.', types: TEXT },
          503: { description: 'They are not, and why.' },
        },
      },
      'ready',
    ),
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
