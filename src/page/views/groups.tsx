import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { wipe } from '../api/ask.ts'
import type { Group, GroupList } from '../api/types.ts'
import { commandOf } from '../parts/commands.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { canDelete, DeleteGroup } from '../parts/delete-group.tsx'
import { ConfirmDialog } from '../parts/dialog.tsx'
import { countOf, showCount, showLabels } from '../parts/format.ts'
import { LabelBadges } from '../parts/labels.tsx'
import { PushHelp } from '../parts/push-help.tsx'
import { SearchField } from '../parts/search-field.tsx'
import { Ago, Countdown } from '../parts/times.tsx'
import { announce } from '../state/announce.ts'
import { setStoreClock } from '../state/clock.ts'
import { comeBack, leaveList } from '../state/left.ts'
import { usePoll } from '../state/poll.ts'
import { amend, hasMoved, href, place } from '../state/route.ts'
import { status } from '../state/status.ts'

const EVERY_MS = 2000
const PAGE_SIZE = 50

const SORTS = { labels: 'Labels', last_push: 'Last push', expires: 'Expiry', series: 'Series' } as const
type Sort = keyof typeof SORTS
/** What one looks for first when sorting by it. */
const FIRST_ORDER: Readonly<Record<Sort, 'asc' | 'desc'>> = {
  labels: 'asc',
  last_push: 'desc',
  expires: 'asc',
  series: 'desc',
}

interface Asked {
  readonly search: string
  readonly kind: string
  readonly state: string
  readonly sort: Sort
  readonly order: 'asc' | 'desc'
  /** From 1. */
  readonly page: number
}

/** What is stored, group by group; the server searches, sorts and pages. */
export function Groups() {
  const asked = readAsked(place.value.query)
  const { data, failure, isCurrent, refresh } = usePoll<GroupList>(pathOf(asked), EVERY_MS)
  const [deleting, setDeleting] = useState<Group>()
  const [isWiping, setWiping] = useState(false)
  useEffect(() => setStoreClock(data?.now), [data])
  const heading = useReturn(data !== undefined)

  const onDeleted = (done: boolean): void => {
    setDeleting(undefined)
    if (!done) return
    refresh()
    heading.current?.focus()
  }
  const onWiped = (done: boolean): void => {
    setWiping(false)
    if (!done) return
    announce('Removed everything stored')
    refresh()
    heading.current?.focus()
  }
  const isFiltered = asked.search + asked.kind + asked.state !== ''
  const isEmpty = data !== undefined && data.total.groups + data.total.sets === 0
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1} ref={heading}>
          Groups
        </h1>
        {status.value?.features?.admin_api && !isEmpty && (
          <button type="button" class="danger-outline" onClick={() => setWiping(true)}>
            Wipe everything …
          </button>
        )}
      </div>
      {isEmpty && !isFiltered ? (
        <PushHelp />
      ) : (
        <>
          <Tools asked={asked} />
          <p class="tally" role="status">
            {data !== undefined && isCurrent && tallyOf(data, isFiltered)}
          </p>
          {failure?.kind === 'refused' && <p class="bad">{failure.message}</p>}
          {data === undefined ? (
            failure === undefined && <p class="muted">Asking the gateway …</p>
          ) : (
            <List list={data} asked={asked} isStale={!isCurrent} onDelete={setDeleting} />
          )}
          {data !== undefined && <Pages list={data} page={asked.page} />}
        </>
      )}
      {deleting !== undefined && canDelete(deleting) && <DeleteGroup group={deleting} onClose={onDeleted} />}
      {isWiping && (
        <ConfirmDialog
          title="Remove everything stored?"
          verb="Wipe everything"
          typed="wipe"
          act={wipe}
          onClose={onWiped}
        >
          <p>
            {countOf(data?.total.groups ?? 0, 'group')}, {countOf(data?.total.sets ?? 0, 'series set')} and{' '}
            {countOf(data?.total.series ?? 0, 'series', 'series')} will be gone, on every replica. This cannot
            be undone.
          </p>
        </ConfirmDialog>
      )}
    </>
  )
}

/** Comes back to where the list was left, as soon as it is there again; else to its heading. */
function useReturn(isThere: boolean) {
  const heading = useRef<HTMLHeadingElement>(null)
  const isDone = useRef(false)
  useLayoutEffect(() => {
    if (!isThere || isDone.current) return
    isDone.current = true
    const left = comeBack()
    if (left !== undefined) {
      scrollTo(0, left.top)
      document.getElementById(left.linkId)?.focus({ preventScroll: true })
    } else if (hasMoved()) {
      heading.current?.focus({ preventScroll: true })
      scrollTo(0, 0)
    }
  }, [isThere])
  return heading
}

function Tools({ asked }: { asked: Asked }) {
  const pick = (name: string) => (event: { currentTarget: HTMLSelectElement }) =>
    amend({ [name]: event.currentTarget.value, page: '' })
  return (
    <search class="tools">
      <SearchField
        label="Search"
        placeholder={'label, value or metric, or {job="backup"}'}
        value={asked.search}
        onSearch={(search) => amend({ search, page: '' }, { slight: true })}
      />
      <label class="field">
        State
        <select value={asked.state} onChange={pick('state')}>
          <option value="">all</option>
          <option value="failed">last push failed</option>
          <option value="expiring">expiring within 60 s</option>
          <option value="stale">no push for 60 s</option>
        </select>
      </label>
      <label class="field">
        Kind
        <select value={asked.kind} onChange={pick('kind')}>
          <option value="">all</option>
          <option value="group">groups</option>
          <option value="set">series sets</option>
        </select>
      </label>
      <label class="field only-narrow">
        Sort by
        <select
          value={asked.sort}
          onChange={(event) => sortBy(event.currentTarget.value as Sort, asked, FIRST_ORDER)}
        >
          {Object.entries(SORTS).map(([sort, name]) => (
            <option key={sort} value={sort}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </search>
  )
}

/** Another column in its own order, the same one the other way round. */
function sortBy(sort: Sort, asked: Asked, first: typeof FIRST_ORDER): void {
  const order = sort !== asked.sort ? first[sort] : asked.order === 'asc' ? 'desc' : 'asc'
  amend({ sort: sort === 'labels' ? '' : sort, order: order === first[sort] ? '' : order, page: '' })
}

interface ListProps {
  readonly list: GroupList
  readonly asked: Asked
  readonly isStale: boolean
  onDelete(group: Group): void
}

function List({ list, asked, isStale, onDelete }: ListProps) {
  if (list.groups.length === 0) return <p class="card empty">No group or series set matches.</p>
  return (
    <table class={`cards ${isStale ? 'stale' : ''}`} aria-busy={isStale}>
      <caption class="unseen">Groups and series sets</caption>
      <thead>
        <tr>
          <SortHead sort="labels" asked={asked} />
          <SortHead sort="last_push" asked={asked} />
          <th scope="col">Last failure</th>
          <SortHead sort="expires" asked={asked} name="Expires in" />
          <SortHead sort="series" asked={asked} isNumber />
          <th scope="col">Protocol</th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {list.groups.map((group) => (
          <Row key={group.id} group={group} onDelete={onDelete} />
        ))}
      </tbody>
    </table>
  )
}

function SortHead(props: { sort: Sort; asked: Asked; name?: string; isNumber?: boolean }) {
  const { sort, asked, name = SORTS[sort], isNumber = false } = props
  const isSorted = asked.sort === sort
  const direction = asked.order === 'asc' ? 'ascending' : 'descending'
  return (
    <th scope="col" class={isNumber ? 'number' : undefined} aria-sort={isSorted ? direction : undefined}>
      <button type="button" class="head" onClick={() => sortBy(sort, asked, FIRST_ORDER)}>
        {name}
        <span class="arrow" aria-hidden="true">
          {isSorted ? (asked.order === 'asc' ? '▲' : '▼') : ''}
        </span>
      </button>
    </th>
  )
}

function Row({ group, onDelete }: { group: Group; onDelete(group: Group): void }) {
  const { id, labels, kind, last_push, last_failure, failure_reason, last_push_successful } = group
  const name = showLabels(labels)
  const linkId = `group-${id}`
  return (
    <tr class={last_push_successful ? undefined : 'failed'}>
      <th scope="row">
        <a id={linkId} class="group" href={href('groups', {}, id)} onClick={() => leaveList(linkId)}>
          <LabelBadges labels={labels} />
        </a>
        {kind === 'set' && <span class="pill">series set</span>}
      </th>
      <td data-name="Last push">
        <Ago at={last_push} />
      </td>
      <td data-name="Last failure" class="why">
        {last_failure === null ? (
          <span class="muted">none</span>
        ) : (
          <>
            <span class={last_push_successful ? 'muted' : 'bad'}>
              <Ago at={last_failure} />
            </span>
            {failure_reason !== null && (
              <div class={last_push_successful ? 'reason muted' : 'reason bad'} title={failure_reason}>
                {failure_reason}
              </div>
            )}
          </>
        )}
      </td>
      <td data-name="Expires in" class="nowrap">
        <Countdown until={group.expires} />
      </td>
      <td data-name="Series" class="number">
        {showCount(group.series)}
      </td>
      <td data-name="Protocol" class="nowrap">
        {group.protocol ?? <span class="muted">–</span>}
      </td>
      <td class="actions">
        <CopyButton text={commandOf(group)} what={`curl command for ${name}`}>
          curl
        </CopyButton>
        {canDelete(group) && (
          <button
            type="button"
            class="small danger-outline"
            aria-label={`Delete ${name}`}
            onClick={() => onDelete(group)}
          >
            Delete
          </button>
        )}
      </td>
    </tr>
  )
}

function Pages({ list: { matching, offset, groups }, page }: { list: GroupList; page: number }) {
  const pages = Math.max(1, Math.ceil(matching / PAGE_SIZE))
  if (pages === 1 && page === 1) return null
  const { query } = place.value
  const to = (n: number): string =>
    href('groups', { ...Object.fromEntries(query), page: n === 1 ? '' : String(n) })
  const step = (n: number, name: string) =>
    n >= 1 && n <= pages && n !== page ? (
      <a class="button" href={to(n)}>
        {name}
      </a>
    ) : (
      <span class="button off">{name}</span>
    )
  return (
    <nav class="pages" aria-label="Pages">
      {step(1, 'First')}
      {step(page - 1, 'Previous')}
      <span>
        {groups.length === 0 ? 'none' : `${showCount(offset + 1)}–${showCount(offset + groups.length)}`} of{' '}
        {showCount(matching)}
      </span>
      {step(page + 1, 'Next')}
      {step(pages, 'Last')}
    </nav>
  )
}

function tallyOf({ total, matching }: GroupList, isFiltered: boolean): string {
  const stored = `${countOf(total.groups, 'group')}, ${countOf(total.sets, 'series set')}, ${countOf(total.series, 'series', 'series')}`
  return isFiltered ? `${showCount(matching)} match, of ${stored}` : stored
}

function readAsked(query: URLSearchParams): Asked {
  const given = query.get('sort') ?? ''
  const sort = given in SORTS ? (given as Sort) : 'labels'
  const order = query.get('order')
  return {
    search: query.get('search') ?? '',
    kind: query.get('kind') ?? '',
    state: query.get('state') ?? '',
    sort,
    order: order === 'asc' || order === 'desc' ? order : FIRST_ORDER[sort],
    page: Math.max(1, Math.floor(Number(query.get('page') ?? 1)) || 1),
  }
}

function pathOf({ search, kind, state, sort, order, page }: Asked): string {
  const query = new URLSearchParams({ sort, order, limit: String(PAGE_SIZE) })
  if (page > 1) query.set('offset', String((page - 1) * PAGE_SIZE))
  // What begins like a selector of Prometheus is one; all else is a part of some text.
  const asks = search.startsWith('{') ? { 'match[]': search } : { search }
  for (const [name, value] of Object.entries({ ...asks, kind, state }))
    if (value !== '') query.set(name, value)
  return `api/v1/groups?${query}`
}
