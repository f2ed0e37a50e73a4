import { ask, askApi, isNotServed, type Question, type Reply } from '../client/ask.ts'
import {
  type Cardinality,
  expectAnswer,
  type FamilyRow,
  type GroupDetails,
  type GroupRow,
  type GroupsPage,
  type Status,
} from '../client/read-api.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { GatewayFlags } from './gateway-flags.ts'
import { parseTimeoutMs, targetOf } from './gateway-target.ts'

/** The most groups, and families of a group, that one answer holds. */
const MOST_GROUPS = 1000
const MOST_FAMILIES = 500

export type Query = readonly (readonly [name: string, value: string])[]

/** A gateway that can be asked; everything throws what `ask` and `askApi` throw. */
export interface GatewayApi {
  /** Without credentials. */
  readonly url: string
  /** Whatever it answers. */
  ask(question: Question): Promise<Reply>
  send(question: Question): Promise<unknown>
  status(): Promise<Status>
  /** One page of groups. */
  groups(query: Query): Promise<GroupsPage>
  /** What matches, up to `most`, page by page; those that come or go meanwhile may be missing. */
  allGroups(query: Query, most?: number): Promise<GroupsPage>
  group(id: string, query: Query): Promise<GroupDetails>
  cardinality(query: Query): Promise<Cardinality>
  /** What only a gateway with `--web.enable-admin-api` answers. */
  admin(question: Question): Promise<unknown>
}

/** The gateway that the flags name. Throws PGR_SETTING_INVALID for flags that name none. */
export function openGatewayApi(
  flags: GatewayFlags & { readonly timeout: string },
  signal?: AbortSignal,
): GatewayApi {
  const target = targetOf(flags)
  const options = { timeoutMs: parseTimeoutMs(flags.timeout), ...(signal ? { signal } : {}) }
  const api = (path: string, query: Query = []) => askApi(target, { path, query }, options)
  const groups = async (query: Query) =>
    expectAnswer<GroupsPage>(await api('/api/v1/groups', query), ['groups', 'matching', 'total'])

  async function allGroups(query: Query, most = Number.POSITIVE_INFINITY): Promise<GroupsPage> {
    const rows: GroupRow[] = []
    for (;;) {
      const limit = Math.min(MOST_GROUPS, most - rows.length)
      const page = await groups([...query, ['limit', String(limit)], ['offset', String(rows.length)]])
      rows.push(...page.groups)
      const isLast = page.groups.length === 0 || rows.length >= Math.min(most, page.matching)
      if (isLast) return { ...page, groups: rows }
    }
  }

  async function admin(question: Question): Promise<unknown> {
    try {
      return await askApi(target, question, options)
    } catch (reason) {
      if (!isNotServed(reason)) throw reason
      throw new PgrError(
        'PGR_FORBIDDEN',
        `the gateway at ${target.base} has no admin interface; start it with --web.enable-admin-api`,
        { cause: reason },
      )
    }
  }

  return {
    url: target.base,
    ask: (question) => ask(target, question, options),
    send: (question) => askApi(target, question, options),
    status: async () =>
      expectAnswer<Status>(await api('/api/v1/status'), ['store', 'start_time', 'build_information']),
    groups,
    allGroups,
    group: async (id, query) =>
      expectAnswer<GroupDetails>(await api(`/api/v1/groups/${encodeURIComponent(id)}`, query), [
        'families_list',
        'labels',
      ]),
    cardinality: async (query) =>
      expectAnswer<Cardinality>(await api('/api/v1/cardinality', query), [
        'metrics',
        'labels',
        'jobs',
        'pairs',
      ]),
    admin,
  }
}

const ONE_PAGE = { offset: undefined, limit: undefined }

/** A group with all its families, page by page. */
export async function wholeGroup(
  api: Pick<GatewayApi, 'group'>,
  id: string,
  query: Query,
): Promise<GroupDetails> {
  const families: FamilyRow[] = []
  for (;;) {
    const page = await api.group(id, [
      ...query,
      ['limit', String(MOST_FAMILIES)],
      ['offset', String(families.length)],
    ])
    families.push(...page.families_list)
    const isLast = page.families_list.length === 0 || families.length >= page.matching_families
    // Which page came last is nobody's business.
    if (isLast) return { ...page, ...ONE_PAGE, families_list: families }
  }
}
