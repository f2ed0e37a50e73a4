import { isPaused } from '../state/poll.ts'
import { href, VIEWS, type View } from '../state/route.ts'
import { outage, status } from '../state/status.ts'
import { THEMES, type Theme, theme } from '../state/theme.ts'

const NAMES: Readonly<Record<View, string>> = {
  overview: 'Overview',
  groups: 'Groups',
  cardinality: 'Cardinality',
  settings: 'Settings',
}
const THEME_NAMES: Readonly<Record<Theme, string>> = { auto: 'Auto', light: 'Light', dark: 'Dark' }

/** Name, views, how the gateway is, and what the reader may turn. */
export function Header({ view }: { readonly view: View }) {
  return (
    <header>
      <div class="bar-top">
        <a class="brand" href={href('overview')}>
          pgr
          <small>{status.value?.build_information.version}</small>
        </a>
        <nav aria-label="Views">
          {VIEWS.map((each) => (
            <a key={each} href={href(each)} aria-current={each === view ? 'page' : undefined}>
              {NAMES[each]}
            </a>
          ))}
        </nav>
        <div class="controls">
          <Health />
          <button
            type="button"
            class="small"
            aria-pressed={isPaused.value}
            onClick={() => {
              isPaused.value = !isPaused.value
            }}
          >
            {isPaused.value ? 'Resume' : 'Pause'}
            <span class="unseen"> refreshing</span>
          </button>
          <label>
            <span class="unseen">Colours</span>
            <select
              class="small"
              value={theme.value}
              onChange={(event) => {
                theme.value = event.currentTarget.value as Theme
              }}
            >
              {THEMES.map((each) => (
                <option key={each} value={each}>
                  {THEME_NAMES[each]}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
    </header>
  )
}

function Health() {
  if (outage.value !== undefined)
    return <span class="pill bad">{outage.value.kind === 'away' ? 'Store away' : 'Unreachable'}</span>
  if (status.value === undefined) return <span class="pill">Connecting</span>
  if (isPaused.value) return <span class="pill warn">Paused</span>
  return <span class="pill good">Ready</span>
}
