import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseSelector } from '../../model/selector.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { CARDINALITY as schema, success } from '../api-schemas.ts'
import { isoTime } from '../iso-time.ts'
import type { HttpDeps } from '../options.ts'
import type { Query } from '../parameters.ts'
import { MATCH } from './listing-parameters.ts'
import { page, type Route } from './route.ts'

/** Everything has to be gone through, which takes longer than one push may. */
const TIMEOUT_MS = 30_000

const CARDINALITY = {
  'match[]': MATCH,
  limit: {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
    default: 10,
    description: 'Length of each list.',
  },
  label: {
    type: 'string',
    maxLength: 1000,
    description: 'A label of which the values are told, too.',
  },
} as const

/** What the series are made up of, for whoever looks for what there is too much of. */
export function cardinalityRoutes({ gateway, tell }: HttpDeps): Route[] {
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { 'match[]': match, limit, label } = request.query as Query<typeof CARDINALITY>
      const { nowMs, ...counts } = await gateway.cardinality({
        match: match.map((text) => ({ text, select: parseSelector(text) })),
        limit,
        ...(label === undefined ? {} : { label }),
        deadlineMs: performance.now() + TIMEOUT_MS,
      })
      return asApi(reply).send(
        JSON.stringify({ status: 'success', data: { now: isoTime(nowMs), ...counts } }),
      )
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'cardinality', tell), 'api')
    }
  }
  return [
    {
      ...page('/api/v1/cardinality', answer, {
        summary: 'Count series by metric, label, value and job',
        description:
          'Lists are ordered by what they count, the most first. Where there are many series, an answer is given again for a while: `now` tells as of when it is.',
        answers: {
          200: { description: 'The counts.', types: ['application/json'], schema: success(schema) },
          400: { description: 'A parameter is not what it may be.' },
          503: { description: 'The store is away, or listings wait for each other.' },
        },
      }),
      query: CARDINALITY,
    },
  ]
}
