import { parseGroupLabel } from '../client/group-path.ts'
import type { GroupRow } from '../client/read-api.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { GatewayApi } from './gateway-api.ts'
import { labelsText } from './groups-table.ts'

const MOST_CANDIDATES = 100
const MOST_NAMED = 5
const ID = /^[gs][A-Za-z0-9_-]{8,}$/

/**
 * The id of what the words name: an id, or labels, `job=backup instance=db1`. One with exactly these labels is meant before
 * one that has others besides. Throws PGR_SETTING_INVALID when several could be meant, PGR_NOT_FOUND when there is none.
 */
export async function findGroup(
  api: Pick<GatewayApi, 'groups'>,
  words: readonly string[],
  kind: 'group' | 'set' | undefined,
): Promise<string> {
  const [first = ''] = words
  if (words.length === 1 && ID.test(first)) return first
  const labels = words.map(parseGroupLabel)
  const { groups, matching } = await api.groups([
    ['match[]', selectorOf(labels)],
    ['limit', String(MOST_CANDIDATES)],
    ...(kind === undefined ? [] : [['kind', kind] as const]),
  ])
  const exact = groups.filter((group) => Object.keys(group.labels).length === labels.length)
  const found = exact.length > 0 ? exact : groups
  const [only] = found
  if (only === undefined) refuse('PGR_NOT_FOUND', `nothing is stored under ${words.join(' ')}`)
  else if (found.length === 1) return only.id
  const named = found.slice(0, MOST_NAMED).map(nameOf).join(', ')
  const count = exact.length > 0 ? exact.length : matching
  return refuse(
    'PGR_SETTING_INVALID',
    `${count} have these labels: ${named}${count > MOST_NAMED ? ' and more' : ''}; add labels, --kind, or give the id`,
  )
}

/** A selector of exactly these labels, among others. */
export function selectorOf(labels: readonly { readonly name: string; readonly value: string }[]): string {
  return `{${labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(',')}}`
}

function nameOf({ id, kind, labels }: GroupRow): string {
  return `${kind} ${labelsText(labels)} (${id})`
}

function refuse(code: 'PGR_NOT_FOUND' | 'PGR_SETTING_INVALID', message: string): never {
  throw new PgrError(code, message)
}
