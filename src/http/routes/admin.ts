import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { parseSelector, type Selector } from '../../model/selector.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { REMOVAL, success } from '../api-schemas.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { MATCH } from './listing-parameters.ts'
import { type Handler, type Route, splitUrl } from './route.ts'

/** Thousands of groups take longer than one push. */
const REMOVE_TIMEOUT_MS = 60_000

/** What `--web.enable-admin-api` allows; without it nothing is served there, as in Pushgateway. */
export function adminRoutes(options: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  if (!options.enableAdminApi) return []

  /** Each is told, because what it removes cannot be asked any more. */
  function acting(work: (request: FastifyRequest, reply: FastifyReply) => Promise<string>): Handler {
    return async (request, reply) => {
      try {
        const done = await work(request, reply)
        const facts = { from: request.raw.socket.remoteAddress ?? '' }
        tell({ kind: 'notice', level: 'info', message: done, facts })
        return reply
      } catch (reason) {
        return sendFailure(reply, asFailure(reason, 'admin', tell), 'api')
      }
    }
  }

  const wipe = acting(async (_request, reply) => {
    await gateway.wipe({ deadlineMs: performance.now() + options.requestTimeoutMs })
    reply.code(202).send()
    return 'everything stored was removed on request'
  })

  const remove = acting(async (request, reply) => {
    const query = new URLSearchParams(splitUrl(request.raw.url ?? '').query)
    const dryRun = readDryRun(query)
    const removal = await gateway.removeMatching({
      selects: readSelectors(query),
      dryRun,
      deadlineMs: performance.now() + REMOVE_TIMEOUT_MS,
    })
    asApi(reply)
    reply.send(JSON.stringify({ status: 'success', data: { ...removal, dry_run: dryRun } }))
    const { groups, sets } = removal
    return `${groups} groups and ${sets} series sets ${dryRun ? 'would be' : 'were'} removed on request`
  })

  return [
    {
      path: '/api/v1/admin/wipe',
      methods: {
        PUT: {
          handler: wipe,
          summary: 'Remove everything stored, for all replicas',
          answers: { 202: { description: 'It is removed.' }, 503: { description: 'The store is away.' } },
        },
      },
    },
    {
      path: '/api/v1/admin/groups',
      methods: {
        DELETE: {
          handler: remove,
          summary: 'Remove the groups and series sets that match',
          reads: {
            'match[]': MATCH,
            dry_run: {
              type: 'string',
              enum: ['true', 'false', '1', '0', ''],
              default: 'false',
              description: 'Only count them.',
            },
          },
          answers: {
            200: {
              description: 'How many were removed, or would be.',
              types: ['application/json'],
              schema: success(REMOVAL),
            },
            400: { description: 'A selector is missing, cannot be read or selects everything.' },
            503: { description: 'The store is away; some may be removed.' },
          },
        },
      },
    },
  ]
}

function readSelectors(query: URLSearchParams): Selector[] {
  const texts = query.getAll('match[]')
  if (texts.length === 0)
    throw new PgrError(
      'PGR_SELECTOR_INVALID',
      'no selector says what to remove; add one as match[], such as match[]={job="backup"}',
    )
  if (texts.length > MATCH.maxItems)
    throw new PgrError('PGR_SELECTOR_INVALID', `there are more than ${MATCH.maxItems} selectors`)
  return texts.map(parseSelector)
}

function readDryRun(query: URLSearchParams): boolean {
  const text = query.get('dry_run') ?? 'false'
  if (text === 'true' || text === '1' || text === '') return true
  if (text === 'false' || text === '0') return false
  throw new PgrError('PGR_SELECTOR_INVALID', `dry_run is ${JSON.stringify(text)}; it is true or false`)
}
