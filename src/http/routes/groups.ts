import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import type { ListedFamily, ListedUnit, Shown } from '../../gateway/gateway.ts'
import { writeGroupPath } from '../../model/group-path.ts'
import { parseSelector } from '../../model/selector.ts'
import type { UnitId } from '../../model/unit.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { GROUP, GROUPS, success } from '../api-schemas.ts'
import { isoTime } from '../iso-time.ts'
import { labelsJson, metricsJson } from '../metric-json.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import type { Query } from '../parameters.ts'
import { inTurns } from '../turns.ts'
import { MATCH, OFFSET, SEARCH } from './listing-parameters.ts'
import { page, type Route } from './route.ts'

const LIST = {
  'match[]': MATCH,
  search: {
    ...SEARCH,
    description: 'Part of the name or value of a label, or of the name of a metric, in whatever case.',
  },
  kind: {
    type: 'string',
    enum: ['group', 'set'],
    description: 'Groups or series sets alone; both when absent.',
  },
  state: {
    type: 'string',
    enum: ['failed', 'expiring', 'stale'],
    description:
      'Only those whose last push was refused (`failed`), of which less than `within` is left (`expiring`), or which were not pushed for `within` (`stale`).',
  },
  within: {
    type: 'integer',
    minimum: 0,
    maximum: 315_360_000,
    default: 60,
    description: 'Seconds that `state` goes by.',
  },
  sort: {
    type: 'string',
    enum: ['labels', 'last_push', 'expires', 'series'],
    default: 'labels',
    description: 'What the list is ordered by. What never expires expires last.',
  },
  order: { type: 'string', enum: ['asc', 'desc'], default: 'asc', description: 'Which end comes first.' },
  limit: { type: 'integer', minimum: 0, maximum: 1000, default: 100, description: 'How many are told.' },
  offset: OFFSET,
} as const

const SHOW = {
  search: { ...SEARCH, description: 'Part of the name of a metric, in whatever case.' },
  limit: {
    type: 'integer',
    minimum: 0,
    maximum: 500,
    default: 50,
    description: 'How many families are told.',
  },
  offset: OFFSET,
  samples: {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
    default: 100,
    description: 'How many metrics of each family are told.',
  },
} as const

/** What is stored, group by group, for pages and programs that show it. */
export function groupRoutes({ requestTimeoutMs }: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  const deadline = () => performance.now() + requestTimeoutMs

  async function answerList(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const {
        'match[]': match,
        search,
        kind,
        state,
        within,
        sort,
        order,
        limit,
        offset,
      } = request.query as Query<typeof LIST>
      const { nowMs, total, matching, units } = await gateway.list({
        selects: match.map(parseSelector),
        search,
        ...(kind === undefined ? {} : { kind }),
        ...(state === undefined ? {} : { state }),
        withinMs: within * 1000,
        sort,
        descending: order === 'desc',
        limit,
        offset,
        deadlineMs: deadline(),
      })
      const data = { now: isoTime(nowMs), total, matching, offset, limit, groups: units.map(unitJson) }
      return asApi(reply).send(JSON.stringify({ status: 'success', data }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'groups', tell), 'api')
    }
  }

  async function answerGroup(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { id: text } = request.params as { id: string }
      const { search, limit, offset, samples } = request.query as Query<typeof SHOW>
      const id = parseUnitId(text)
      const shown =
        id === undefined
          ? undefined
          : await gateway.show({ id, search, limit, offset, deadlineMs: deadline() })
      if (shown === undefined)
        throw new PgrError(
          'PGR_NOT_FOUND',
          `there is no group or series set ${JSON.stringify(text)}, or no more`,
        )
      return asApi(reply).send(
        Readable.from(inTurns(piecesOf(shown, { limit, offset, samples })), { objectMode: false }),
      )
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'groups', tell), 'api')
    }
  }

  return [
    {
      ...page('/api/v1/groups', answerList, {
        summary: 'List groups and series sets',
        description:
          'What is stored, as of now, without what it holds. Push times count neither as series nor as families.',
        answers: {
          200: {
            description: 'Those that match, or some of them.',
            types: ['application/json'],
            schema: success(GROUPS),
          },
          400: { description: 'A parameter is not what it may be.' },
          503: { description: 'The store is away, or listings wait for each other.' },
        },
      }),
      query: LIST,
    },
    {
      ...page('/api/v1/groups/:id', answerGroup, {
        summary: 'Show a group or series set',
        description: 'What it holds, family by family in the order of their names, as of now.',
        answers: {
          200: { description: 'The group.', types: ['application/json'], schema: success(GROUP) },
          400: { description: 'A parameter is not what it may be.' },
          404: { description: 'It is not there, or not any more.' },
          503: { description: 'The store is away, or listings wait for each other.' },
        },
      }),
      query: SHOW,
      names: { id: 'As `id` in the list of groups.' },
    },
  ]
}

/** The answer family by family: together they may be large. */
function* piecesOf(
  { nowMs, unit, matching, families }: Shown,
  { limit, offset, samples }: Pick<Query<typeof SHOW>, 'limit' | 'offset' | 'samples'>,
): Generator<string> {
  const head = { now: isoTime(nowMs), ...unitJson(unit), matching_families: matching, offset, limit }
  yield `{"status":"success","data":${JSON.stringify(head).slice(0, -1)},"families_list":[`
  for (const [i, family] of families.entries())
    yield `${i === 0 ? '' : ','}${JSON.stringify(familyJson(family, samples))}`
  yield ']}}'
}

function familyJson(
  { name, type, pushedMs, expiresMs, series, read }: ListedFamily,
  samples: number,
): object {
  const family = read()
  const { metrics, truncated } = metricsJson(family, samples)
  return {
    name,
    type,
    help: family.help,
    unit: family.unit,
    last_push: isoTime(pushedMs),
    expires: isoTime(expiresMs),
    series,
    truncated,
    metrics,
  }
}

function unitJson(unit: ListedUnit): object {
  const { id, kind, labels, series, families, protocol, pushedMs, failedMs, failure, expiresMs } = unit
  return {
    id: showUnitId(id),
    kind,
    labels: labelsJson(labels),
    path: kind === 'group' ? writeGroupPath(labels) : null,
    series,
    families,
    protocol: protocol || null,
    last_push: isoTime(pushedMs),
    last_failure: isoTime(failedMs),
    failure_reason: failure || null,
    last_push_successful: pushedMs > failedMs,
    expires: isoTime(expiresMs),
  }
}

/** Kind and hash of a unit, as text that a path can hold. */
function showUnitId(id: UnitId): string {
  return (id.startsWith('G') ? 'g' : 's') + Buffer.from(id.slice(1), 'latin1').toString('base64url')
}

/** Undefined for what no unit is called. */
function parseUnitId(text: string): UnitId | undefined {
  if (!/^[gs][\w-]{22}$/.test(text)) return undefined
  return text.charAt(0).toUpperCase() + Buffer.from(text.slice(1), 'base64url').toString('latin1')
}
