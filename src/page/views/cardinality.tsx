import type { Cardinality as Figures } from '../api/types.ts'
import { Bar, Card, Scroller } from '../parts/cells.tsx'
import { countOf, showCount, showShare } from '../parts/format.ts'
import { SearchField } from '../parts/search-field.tsx'
import { usePoll } from '../state/poll.ts'
import { amend, href, place } from '../state/route.ts'

/** The server walks everything stored for it, which takes seconds where that is much. */
const EVERY_MS = 60_000
const LIMITS = ['10', '20', '50', '100']

/** What takes the room: most series first. */
export function Cardinality() {
  const { query } = place.value
  const limit = LIMITS.find((each) => each === query.get('limit')) ?? '10'
  const label = query.get('label') ?? ''
  const { data, failure, isCurrent } = usePoll<Figures>(pathOf(limit, label), EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Cardinality</h1>
      <search class="tools">
        <SearchField
          label="Focus label"
          placeholder="name of a label, such as instance"
          value={label}
          onSearch={(text) => amend({ label: text }, { slight: true })}
        />
        <label class="field">
          Show
          <select
            value={limit}
            onChange={({ currentTarget: { value } }) => amend({ limit: value === '10' ? '' : value })}
          >
            {LIMITS.map((each) => (
              <option key={each} value={each}>
                top {each}
              </option>
            ))}
          </select>
        </label>
      </search>
      {failure?.kind === 'refused' && <p class="bad">{failure.message}</p>}
      {data === undefined ? (
        failure === undefined && <p class="muted">Asking the gateway …</p>
      ) : (
        <>
          <p class="tally">
            {countOf(data.series, 'series', 'series')} of {countOf(data.families, 'metric')} in{' '}
            {countOf(data.groups, 'group')} and {countOf(data.sets, 'series set')}
            {!data.complete && '; there are too many values of labels to count each of them'}
          </p>
          <div class={`columns-2 ${isCurrent ? '' : 'stale'}`} aria-busy={!isCurrent}>
            {label !== '' && data.values !== undefined && <Values label={label} data={data} />}
            <Metrics data={data} />
            <Jobs data={data} />
            <Labels data={data} />
            <Pairs data={data} />
          </div>
        </>
      )}
    </>
  )
}

function Metrics({ data: { metrics, series } }: { data: Figures }) {
  return (
    <Ranking title="Series by metric" heads={['Metric', 'series', 'groups']} isEmpty={metrics.length === 0}>
      {metrics.map((each) => (
        <tr key={each.name}>
          <th scope="row">
            <a href={href('groups', { search: each.name })}>{each.name}</a>{' '}
            <span class="pill">{each.type}</span>
          </th>
          <Share part={each.series} all={series} />
          <td class="number">{showCount(each.groups)}</td>
        </tr>
      ))}
    </Ranking>
  )
}

function Jobs({ data: { jobs, series } }: { data: Figures }) {
  return (
    <Ranking title="Series by job" heads={['Job', 'series', 'groups', 'sets']} isEmpty={jobs.length === 0}>
      {jobs.map((each) => (
        <tr key={each.job}>
          <th scope="row">
            {each.job === '' ? (
              <span class="muted">no job</span>
            ) : (
              <a href={href('groups', { search: `{job=${JSON.stringify(each.job)}}` })}>{each.job}</a>
            )}
          </th>
          <Share part={each.series} all={series} />
          <td class="number">{showCount(each.groups)}</td>
          <td class="number">{showCount(each.sets)}</td>
        </tr>
      ))}
    </Ranking>
  )
}

function Labels({ data: { labels, series } }: { data: Figures }) {
  return (
    <Ranking title="Values by label" heads={['Label', 'series', 'values']} isEmpty={labels.length === 0}>
      {labels.map((each) => (
        <tr key={each.name}>
          <th scope="row">
            <a
              href={href('cardinality', { ...Object.fromEntries(place.value.query), label: each.name })}
              title="Show its values"
            >
              {each.name}
            </a>
          </th>
          <Share part={each.series} all={series} />
          <td class="number">{showCount(each.values)}</td>
        </tr>
      ))}
    </Ranking>
  )
}

function Pairs({ data: { pairs, series } }: { data: Figures }) {
  return (
    <Ranking title="Series by label and value" heads={['Label', 'series']} isEmpty={pairs.length === 0}>
      {pairs.map(({ name, value, series: part }) => (
        <tr key={`${name}=${value}`}>
          <th scope="row">
            <span class="label">
              <span class="label-name">{name}=</span>
              {value}
            </span>
          </th>
          <Share part={part} all={series} />
        </tr>
      ))}
    </Ranking>
  )
}

function Values({ label, data: { values = [], series } }: { label: string; data: Figures }) {
  return (
    <Ranking
      title={`Series by value of ${label}`}
      heads={['Value', 'series']}
      isEmpty={values.length === 0}
      isWhole
    >
      {values.map((each) => (
        <tr key={each.value}>
          <th scope="row">
            <a href={href('groups', { search: each.value })}>{each.value || '""'}</a>
          </th>
          <Share part={each.series} all={series} />
        </tr>
      ))}
    </Ranking>
  )
}

interface RankingProps {
  readonly isWhole?: boolean
  readonly title: string
  readonly heads: readonly string[]
  readonly isEmpty: boolean
  readonly children: preact.ComponentChildren
}

function Ranking({ title, heads, isEmpty, isWhole = false, children }: RankingProps) {
  return (
    <Card title={title} class={isWhole ? 'whole' : ''}>
      {isEmpty ? (
        <p class="muted">Nothing to count.</p>
      ) : (
        <Scroller label={title}>
          <table>
            <thead>
              <tr>
                {heads.map((head, n) => (
                  <th key={head} scope="col" class={n === 0 ? undefined : 'number'}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </Scroller>
      )}
    </Card>
  )
}

function Share({ part, all }: { part: number; all: number }) {
  return (
    <td class="number share">
      {showCount(part)} <span class="muted">{showShare(part, all)}</span>
      <Bar share={all === 0 ? 0 : part / all} />
    </td>
  )
}

function pathOf(limit: string, label: string): string {
  const query = new URLSearchParams({ limit })
  if (label !== '') query.set('label', label)
  return `api/v1/cardinality?${query}`
}
