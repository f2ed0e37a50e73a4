import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endLine, headerLine, MEDIA_TYPE, unitLine } from '../../formats/ndjson/index.ts'
import type { Snapshot, SnapshotUnit } from '../../gateway/snapshot.ts'
import { asFailure, sendFailure } from '../answer.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import type { Query } from '../parameters.ts'
import { inTurns } from '../turns.ts'
import { page, type Route } from './route.ts'

/** A reader that takes nothing for this long is gone. It may push elsewhere what it reads, and wait with that. */
const STALLED_MS = 300_000

const EXPORT = {
  only: {
    type: 'string',
    enum: ['labels'],
    description:
      'No more is told of each group and series set than which it is (`labels`); everything when absent.',
  },
} as const

/** Everything stored as lines of JSON, with all that is needed to push it again, as of the instant of the request. */
export function exportRoutes({ requestTimeoutMs }: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { only } = request.query as Query<typeof EXPORT>
      const snapshot = await gateway.snapshot({ deadlineMs: performance.now() + requestTimeoutMs })
      reply.raw.setTimeout(STALLED_MS, () => reply.raw.destroy())
      reply.type(MEDIA_TYPE).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
      if (request.method === 'HEAD') return reply.send()
      const lines = linesOf(snapshot, only === 'labels' ? labelsAlone : everything)
      return reply.send(Readable.from(inTurns(lines), { objectMode: false }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'export', tell), 'api')
    }
  }
  return [
    {
      ...page('/api/v1/export', answer, {
        summary: 'Read everything stored, to be imported again',
        description:
          'Lines of JSON as of one instant: a first line, one for every group and series set, and a last line, without which the answer was cut off.',
        answers: {
          200: { description: 'The lines.', types: ['application/x-ndjson'] },
          400: { description: 'A parameter is not what it may be.' },
          503: { description: 'The store is away.' },
        },
      }),
      query: EXPORT,
    },
  ]
}

function* linesOf({ nowMs, units }: Snapshot, write: (unit: SnapshotUnit) => string): Generator<string> {
  yield headerLine({ exportedMs: nowMs, from: 'pgr', units: units.length })
  for (const unit of units) yield write(unit)
  yield endLine({ units: units.length })
}

function everything(unit: SnapshotUnit): string {
  return unitLine(unit.read())
}

function labelsAlone({ kind, labels }: SnapshotUnit): string {
  return unitLine({ kind, labels, pushedMs: 0, lots: [] })
}
