import type { Setting } from '../api/types.ts'
import { countOf } from '../parts/format.ts'
import { SearchField } from '../parts/search-field.tsx'
import { amend, place } from '../state/route.ts'
import { status } from '../state/status.ts'

/** Every setting, and where its value comes from. */
export function Settings() {
  const { query } = place.value
  const search = query.get('search') ?? ''
  const onlySet = query.get('set') === 'yes'
  const settings = status.value?.settings
  const shown = (settings ?? []).filter(
    (setting) => matches(setting, search) && !(onlySet && setting.from === 'default'),
  )
  return (
    <>
      <h1 tabIndex={-1}>Settings</h1>
      <search class="tools">
        <SearchField
          label="Filter"
          placeholder="flag or value"
          value={search}
          onSearch={(text) => amend({ search: text }, { slight: true })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={onlySet}
            onChange={({ currentTarget: { checked } }) => amend({ set: checked ? 'yes' : '' })}
          />
          only what was set
        </label>
      </search>
      <p class="tally" role="status">
        {settings !== undefined && `${countOf(shown.length, 'setting')}; secrets are masked`}
      </p>
      {settings === undefined ? (
        <p class="muted">Asking the gateway …</p>
      ) : shown.length === 0 ? (
        <p class="card empty">No setting matches.</p>
      ) : (
        <Table settings={shown} />
      )}
    </>
  )
}

function Table({ settings }: { settings: readonly Setting[] }) {
  return (
    <table class="cards settings">
      <caption class="unseen">Settings</caption>
      <thead>
        <tr>
          <th scope="col">Flag</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {settings.map(({ flag, value, from, origin }) => (
          <tr key={flag}>
            <th scope="row">
              <code>--{flag}</code>
            </th>
            <td data-name="Value">
              {value === '' ? <span class="muted">empty</span> : <code class="wraps">{value}</code>}
            </td>
            <td data-name="From">
              <span class={from === 'default' ? 'muted' : 'pill'}>{from}</span>
              {origin && <span class="muted"> {origin}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function matches({ flag, value }: Setting, search: string): boolean {
  const wanted = search.toLowerCase()
  return flag.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted)
}
