import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PgrError } from '../../errors/pgr-error.ts'
import type { Labels } from '../../model/labels.ts'
import type { Event, Protocol, Tell } from '../../telemetry/events.ts'
import { asFailure, type ErrorStyle, sendFailure } from '../answer.ts'
import type { Handler } from './route.ts'

type WriteEvent = Event & { kind: 'push' }

/** What a request turned out to be, for telemetry; filled in as far as it got. */
export interface Progress {
  protocol: Protocol
  sentBytes: number
  series: number
  /** Of the group that is written to. */
  labels: Labels | undefined
  /** How a failure is to be spelled. */
  style: ErrorStyle
}

/**
 * Answers a write with the status `work` ends with, or with its failure, and tells what happened. An answer with a body
 * `work` sends itself.
 */
export function told(
  tell: Tell,
  handler: WriteEvent['handler'],
  work: (request: FastifyRequest, reply: FastifyReply, progress: Progress) => Promise<number>,
): Handler {
  return async (request, reply) => {
    const startedAtMs = performance.now()
    const progress: Progress = {
      protocol: 'none',
      sentBytes: 0,
      series: 0,
      labels: undefined,
      style: 'text',
    }
    let status: number
    let failure: PgrError | undefined
    try {
      status = await work(request, reply, progress)
      if (!reply.sent) {
        await endOfTurn()
        reply.code(status).send()
      }
    } catch (reason) {
      failure = asFailure(reason, handler, tell)
      status = failure.failure.status
      sendFailure(reply, failure, progress.style)
    }
    tell({
      kind: 'push',
      handler,
      protocol: progress.protocol,
      method: request.method,
      status,
      bytes: progress.sentBytes,
      ...(handler === 'push' ? { requestBytes: headBytes(request.raw) + progress.sentBytes } : {}),
      series: progress.series,
      seconds: (performance.now() - startedAtMs) / 1000,
      ...(failure === undefined
        ? {}
        : { code: failure.code, reason: failure.message, ...labelsOf(progress) }),
      group: request.raw.url ?? '',
    })
    return reply
  }
}

let turn: Promise<void> | undefined

/**
 * Resolves at the end of this turn of the event loop. Answers leave together then: written in between the work of other
 * requests each would wake its reader anew, which at many small pushes costs half as much as the work.
 */
function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  })
  return turn
}

function labelsOf({ labels }: Progress): { labels?: Labels } {
  return labels === undefined ? {} : { labels }
}

/** Length of what a head says, without what is between; as programs in Go count it, for which Host is no header. */
function headBytes({ url = '', method = '', httpVersion, headers, rawHeaders }: IncomingMessage): number {
  let bytes = url.length + method.length + 'HTTP/'.length + httpVersion.length
  for (const text of rawHeaders) bytes += text.length
  return headers.host === undefined ? bytes : bytes - 'Host'.length
}
