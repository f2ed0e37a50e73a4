import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { endLine, headerLine, MEDIA_TYPE, unitLine } from '../../formats/ndjson/index.ts'
import type { Snapshot, SnapshotUnit } from '../../gateway/snapshot.ts'
import { asFailure, sendFailure } from '../answer.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { page, type Route, splitUrl } from './route.ts'

/** Written in one go before others get their turn. */
const TURN_MS = 5
/** Handed over in one piece. */
const PIECE_LENGTH = 64 * 1024
/** A reader that takes nothing for this long is gone. It may push elsewhere what it reads, and wait with that. */
const STALLED_MS = 300_000

/**
 * Everything stored as lines of JSON, with all that is needed to push it again, as of the instant of the request. With
 * `only=labels` no more is told of each group and set than which it is.
 */
export function exportRoutes({ requestTimeoutMs }: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const read = readerOf(splitUrl(request.raw.url ?? '').query)
      const snapshot = await gateway.snapshot({ deadlineMs: performance.now() + requestTimeoutMs })
      reply.raw.setTimeout(STALLED_MS, () => reply.raw.destroy())
      reply.type(MEDIA_TYPE).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
      if (request.method === 'HEAD') return reply.send()
      return reply.send(Readable.from(write(snapshot, read), { objectMode: false }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'export', tell), 'api')
    }
  }
  return [page('/api/v1/export', answer)]
}

type Read = (unit: SnapshotUnit) => string

function readerOf(query: string): Read {
  const only = new URLSearchParams(query).get('only')
  if (only === null) return (unit) => unitLine(unit.read())
  if (only === 'labels') return ({ kind, labels }) => unitLine({ kind, labels, pushedMs: 0, lots: [] })
  throw new PgrError(
    'PGR_QUERY_INVALID',
    `the parameter only is ${JSON.stringify(only)}; it may be labels, or left out`,
  )
}

/** A piece at a time, so that neither memory nor anybody's turn is taken by the whole. */
async function* write({ nowMs, units }: Snapshot, read: Read): AsyncGenerator<string> {
  let piece = headerLine({ exportedMs: nowMs, from: 'pgr', units: units.length })
  let until = performance.now() + TURN_MS
  for (const unit of units) {
    piece += read(unit)
    const isOver = performance.now() >= until
    if (!isOver && piece.length < PIECE_LENGTH) continue
    yield piece
    piece = ''
    if (isOver) await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + TURN_MS
  }
  yield piece + endLine({ units: units.length })
}
