import { useEffect, useState } from 'preact/hooks'
import type { Family, GroupDetail, Metric } from '../api/types.ts'
import { classicBuckets, nativeBuckets } from '../parts/buckets.ts'
import { Scroller } from '../parts/cells.tsx'
import { deleteCommand, pushCommand, readCommand } from '../parts/commands.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { canDelete, DeleteGroup } from '../parts/delete-group.tsx'
import { countOf, showCount, showLabels } from '../parts/format.ts'
import { Histogram } from '../parts/histogram.tsx'
import { LabelBadges } from '../parts/labels.tsx'
import { SearchField } from '../parts/search-field.tsx'
import { Ago, Countdown } from '../parts/times.tsx'
import { setStoreClock } from '../state/clock.ts'
import { returnToList } from '../state/left.ts'
import { usePoll } from '../state/poll.ts'
import { amend, href, place } from '../state/route.ts'
import { pathSet } from '../state/status.ts'

const EVERY_MS = 2000
const PAGE_SIZE = 50
const MOST_METRICS = 100
/** Families that are shown unfolded from the start. */
const FEW = 8

/** One group with its metrics and their values. */
export function GroupPage({ id }: { readonly id: string }) {
  const { query } = place.value
  const search = query.get('search') ?? ''
  const page = Math.max(1, Math.floor(Number(query.get('page') ?? 1)) || 1)
  const { data, failure, refresh } = usePoll<GroupDetail>(pathOf(id, search, page), EVERY_MS)
  const [isDeleting, setDeleting] = useState(false)
  useEffect(() => setStoreClock(data?.now), [data])
  const back = (
    <p class="back">
      <a href={href('groups')} onClick={goBack}>
        ← All groups
      </a>
    </p>
  )
  if (failure?.kind === 'gone')
    return (
      <>
        {back}
        <h1 tabIndex={-1}>This group is gone</h1>
        <p>
          It has expired or was deleted. The next push under the same labels brings it back, and then it is
          shown here.
        </p>
      </>
    )
  return (
    <>
      {back}
      <div class="title">
        <h1 tabIndex={-1}>{data === undefined ? 'Group' : <LabelBadges labels={data.labels} />}</h1>
        {data !== undefined && canDelete(data) && (
          <button type="button" class="danger-outline" onClick={() => setDeleting(true)}>
            Delete …
          </button>
        )}
      </div>
      {failure?.kind === 'refused' && <p class="bad">{failure.message}</p>}
      {data === undefined ? (
        <p class="muted">Asking the gateway …</p>
      ) : (
        <>
          <Facts group={data} />
          <Commands group={data} />
          <div class="title">
            <h2>Metrics</h2>
            <span class="muted">{countOf(data.families, 'metric')}</span>
          </div>
          {data.families > FEW && (
            <search class="tools">
              <SearchField
                label="Search metrics"
                placeholder="part of a name"
                value={search}
                onSearch={(text) => amend({ search: text, page: '' }, { slight: true })}
              />
            </search>
          )}
          {data.families_list.length === 0 && <p class="card empty">No metric matches.</p>}
          {data.families_list.map((family) => (
            <FamilyCard key={family.name} family={family} isOpen={data.families_list.length <= FEW} />
          ))}
          <MorePages page={page} matching={data.matching_families} />
        </>
      )}
      {isDeleting && data !== undefined && canDelete(data) && (
        <DeleteGroup
          group={data}
          onClose={(done) => {
            setDeleting(false)
            if (done) returnToList()
            else refresh()
          }}
        />
      )}
    </>
  )
}

function goBack(event: MouseEvent): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return
  event.preventDefault()
  returnToList()
}

function Facts({ group }: { group: GroupDetail }) {
  return (
    <dl class="facts card">
      <div>
        <dt>kind</dt>
        <dd>{group.kind === 'set' ? 'series set' : 'group'}</dd>
      </div>
      <div>
        <dt>last push</dt>
        <dd>
          <Ago at={group.last_push} />
        </dd>
      </div>
      <div>
        <dt>expires in</dt>
        <dd>
          <Countdown until={group.expires} />
        </dd>
      </div>
      <div>
        <dt>series</dt>
        <dd>{showCount(group.series)}</dd>
      </div>
      <div>
        <dt>protocol</dt>
        <dd>{group.protocol ?? 'unknown'}</dd>
      </div>
      <div>
        <dt>last failure</dt>
        <dd>
          <Ago at={group.last_failure} never="none" />
        </dd>
      </div>
      {group.failure_reason !== null && (
        <div class={group.last_push_successful ? 'whole' : 'whole bad'}>
          <dt>why it failed</dt>
          <dd class="reason">{group.failure_reason}</dd>
        </div>
      )}
    </dl>
  )
}

function Commands({ group }: { group: GroupDetail }) {
  const { id, path } = group
  const commands = [
    ...(path === null ? [] : [{ what: 'push', command: pushCommand(path) }]),
    { what: 'read', command: readCommand(id) },
    ...(path === null ? [] : [{ what: 'delete', command: deleteCommand(path) }]),
  ]
  return (
    <details class="card">
      <summary>As curl commands</summary>
      {commands.map(({ what, command }) => (
        <div class="command" key={what}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
          <pre tabIndex={0}>
            <code>{command}</code>
          </pre>
          <CopyButton text={command} what={`the ${what} command`}>
            Copy
          </CopyButton>
        </div>
      ))}
    </details>
  )
}

function FamilyCard({ family, isOpen }: { family: Family; isOpen: boolean }) {
  const { name, help, unit, metrics, series, truncated } = family
  const values = metrics.filter(({ value }) => value !== undefined)
  const summaries = metrics.filter(({ quantiles }) => quantiles !== undefined)
  const histograms = metrics.filter(({ buckets, native }) => buckets !== undefined || native !== undefined)
  return (
    <details class="card family" open={isOpen}>
      <summary>
        <h3>{name}</h3> <span class="pill">{typeOf(family)}</span>
        {unit && <span class="pill">{unit}</span>}{' '}
        <span class="muted">{countOf(series, 'series', 'series')}</span>
        {help && <span class="help-text">{help}</span>}
      </summary>
      <dl class="facts inline">
        <div>
          <dt>last push</dt>
          <dd>
            <Ago at={family.last_push} />
          </dd>
        </div>
        <div>
          <dt>expires in</dt>
          <dd>
            <Countdown until={family.expires} />
          </dd>
        </div>
      </dl>
      {values.length > 0 && <Values name={name} metrics={values} />}
      {summaries.length > 0 && <Summaries name={name} metrics={summaries} />}
      {histograms.map((metric) => (
        <Drawn key={showLabels(metric.labels)} name={name} metric={metric} />
      ))}
      {truncated && (
        <p class="muted">
          The first {showCount(metrics.length)} are shown; the read command above gives more with{' '}
          <code>samples=1000</code>, and{' '}
          <a href={pathSet('metrics.path', '/metrics').slice(1)}>the metrics page</a> all.
        </p>
      )}
    </details>
  )
}

function Values({ name, metrics }: { name: string; metrics: readonly Metric[] }) {
  return (
    <Scroller label={`Values of ${name}`}>
      <table class="narrow">
        <thead>
          <tr>
            <th scope="col">Labels</th>
            <th scope="col" class="number">
              Value
            </th>
          </tr>
        </thead>
        <tbody>
          {metrics.map(({ labels, value }) => (
            <tr key={showLabels(labels)}>
              <td>
                <LabelBadges labels={labels} />
              </td>
              <td class="number value">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}

function Summaries({ name, metrics }: { name: string; metrics: readonly Metric[] }) {
  const quantiles = [...new Set(metrics.flatMap((metric) => Object.keys(metric.quantiles ?? {})))].sort(
    (a, b) => Number(a) - Number(b),
  )
  const heads = [...quantiles.map((quantile) => `quantile ${quantile}`), 'count', 'sum']
  return (
    <Scroller label={`Values of ${name}`}>
      <table class="narrow">
        <thead>
          <tr>
            <th scope="col">Labels</th>
            {heads.map((head) => (
              <th key={head} scope="col" class="number">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {metrics.map((metric) => (
            <tr key={showLabels(metric.labels)}>
              <td>
                <LabelBadges labels={metric.labels} />
              </td>
              {quantiles.map((quantile) => (
                <td key={quantile} class="number value">
                  {metric.quantiles?.[quantile] ?? '–'}
                </td>
              ))}
              <td class="number value">{metric.count ?? '–'}</td>
              <td class="number value">{metric.sum ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}

function Drawn({ name, metric }: { name: string; metric: Metric }) {
  const { labels, native, buckets } = metric
  const title = `${name}${showLabels(labels)}`
  return (
    <div class="metric">
      <LabelBadges labels={labels} />
      {native !== undefined && (
        <>
          {buckets !== undefined && <h4>Native</h4>}
          <Histogram
            buckets={nativeBuckets(native)}
            count={metric.count ?? native.count}
            sum={metric.sum ?? native.sum}
            title={title}
          />
        </>
      )}
      {buckets !== undefined && (
        <>
          {native !== undefined && <h4>Classic</h4>}
          <Histogram buckets={classicBuckets(buckets)} count={metric.count} sum={metric.sum} title={title} />
        </>
      )}
    </div>
  )
}

/** A native histogram is one of its own to who reads it, though its type is the same. */
function typeOf({ type, metrics }: Family): string {
  return metrics.some(({ native }) => native !== undefined) ? `${type}, native` : type
}

function MorePages({ page, matching }: { page: number; matching: number }) {
  const pages = Math.ceil(matching / PAGE_SIZE)
  if (pages <= 1) return null
  const go = (n: number): void => amend({ page: n === 1 ? '' : String(n) })
  return (
    <nav class="pages" aria-label="Pages of metrics">
      <button type="button" disabled={page <= 1} onClick={() => go(page - 1)}>
        Previous
      </button>
      <span>
        {page} of {pages}
      </span>
      <button type="button" disabled={page >= pages} onClick={() => go(page + 1)}>
        Next
      </button>
    </nav>
  )
}

function pathOf(id: string, search: string, page: number): string {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE), samples: String(MOST_METRICS) })
  if (page > 1) query.set('offset', String((page - 1) * PAGE_SIZE))
  if (search !== '') query.set('search', search)
  return `api/v1/groups/${encodeURIComponent(id)}?${query}`
}
