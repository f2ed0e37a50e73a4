import { isNotServed } from '../client/ask.ts'
import { type GroupLabel, groupPath } from '../client/group-path.ts'
import { expectAnswer } from '../client/read-api.ts'
import { selectorOf } from './find-group.ts'
import type { GatewayApi } from './gateway-api.ts'
import { labelsText } from './groups-table.ts'

/** What goes, or went. */
export interface Removed {
  readonly groups: number
  readonly sets: number
  /** Null where the gateway does not say. */
  readonly series: number | null
}

/** What is to be removed: counted first, then done. */
export interface Removal {
  /** For a question. */
  readonly what: string
  readonly count: Removed
  /** Resolves with what is known to have gone. */
  act(): Promise<Removed>
}

/**
 * One group, exactly this one. A gateway that cannot be asked what it has, such as Prometheus Pushgateway, is taken to
 * have it.
 */
export async function oneGroup(
  api: GatewayApi,
  job: string,
  labels: readonly GroupLabel[],
): Promise<Removal> {
  const path = groupPath(job, labels)
  const wanted = [{ name: 'job', value: job }, ...labels]
  const shown = labelsText(Object.fromEntries(wanted.map(({ name, value }) => [name, value])))
  const series = await seriesOf(api, wanted)
  const count = { groups: series === undefined ? 0 : 1, sets: 0, series: series === undefined ? 0 : series }
  return {
    what:
      series === undefined || series === null
        ? `the group ${shown}`
        : `the group ${shown} with ${series} series`,
    count,
    async act() {
      await api.send({ method: 'DELETE', path })
      return count
    },
  }
}

/** Undefined when it is not there, null when nobody can say. */
async function seriesOf(api: GatewayApi, labels: readonly GroupLabel[]): Promise<number | null | undefined> {
  try {
    const { groups } = await api.groups([
      ['match[]', selectorOf(labels)],
      ['kind', 'group'],
      ['limit', '1000'],
    ])
    return groups.find((group) => Object.keys(group.labels).length === labels.length)?.series
  } catch (reason) {
    if (isNotServed(reason)) return null
    throw reason
  }
}

/** Everything whose labels one of the selectors selects. */
export async function matching(api: GatewayApi, selectors: readonly string[]): Promise<Removal> {
  const query = selectors.map((selector) => ['match[]', selector] as const)
  const ask = async (dryRun: boolean): Promise<Removed> => {
    const answer = await api.admin({
      method: 'DELETE',
      path: '/api/v1/admin/groups',
      query: dryRun ? [...query, ['dry_run', 'true']] : query,
    })
    const { groups, sets } = expectAnswer<Removed>(answer, ['groups', 'sets'])
    return { groups, sets, series: null }
  }
  const count = await ask(true)
  return { what: countText(count), count, act: () => ask(false) }
}

/** Everything that is stored. */
export async function everything(api: GatewayApi): Promise<Removal> {
  const { total } = await api.groups([['limit', '1']])
  const what = `all there is at ${api.url}, ${countText(total)} with ${total.series} series,`
  return {
    what,
    count: total,
    async act() {
      await api.admin({ method: 'PUT', path: '/api/v1/admin/wipe' })
      return total
    },
  }
}

function countText({ groups, sets }: Pick<Removed, 'groups' | 'sets'>): string {
  return `${groups} ${groups === 1 ? 'group' : 'groups'} and ${sets} series ${sets === 1 ? 'set' : 'sets'}`
}
