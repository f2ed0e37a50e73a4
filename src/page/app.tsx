import { useEffect, useRef } from 'preact/hooks'
import { Banner } from './parts/banner.tsx'
import { Header } from './parts/header.tsx'
import { announcement } from './state/announce.ts'
import { hasMoved, place, type View } from './state/route.ts'
import { pathSet } from './state/status.ts'
import { Cardinality } from './views/cardinality.tsx'
import { GroupPage } from './views/group-page.tsx'
import { Groups } from './views/groups.tsx'
import { Overview } from './views/overview.tsx'
import { Settings } from './views/settings.tsx'

const TITLES: Readonly<Record<View, string>> = {
  overview: 'Overview',
  groups: 'Groups',
  cardinality: 'Cardinality',
  settings: 'Settings',
}

/** The page: a head that stays, and the view that the address names. */
export function App() {
  const { view, id } = place.value
  const main = useRef<HTMLElement>(null)
  useEffect(() => {
    document.title = `${id === undefined ? TITLES[view] : 'Group'} · pgr`
    if (!hasMoved()) return
    const here = main.current?.querySelector<HTMLElement>('h1')
    // A list that is come back to knows better.
    if (view === 'groups' && id === undefined) return
    here?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [view, id])
  const skip = (event: Event): void => {
    event.preventDefault()
    main.current?.focus()
  }
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place on the page, while the hash names the view. */}
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <Header view={view} />
      <main id="main" ref={main} tabIndex={-1}>
        <Banner />
        <Shown />
      </main>
      <div class="toast" role="status">
        {announcement.value !== '' && <p>{announcement.value}</p>}
      </div>
      <Footer />
    </>
  )
}

function Footer() {
  return (
    <footer>
      <a href={pathSet('metrics.path', '/metrics').slice(1)}>Metrics</a>
      <a href={pathSet('telemetry.path', '/telemetry').slice(1)}>Telemetry</a>
      <a href="api/v1/status">Status as JSON</a>
      <a href="api/v1/openapi.json">API</a>
      <a href="LICENSES.txt">Licences</a>
    </footer>
  )
}

function Shown() {
  const { view, id } = place.value
  if (view === 'groups') return id === undefined ? <Groups /> : <GroupPage key={id} id={id} />
  if (view === 'cardinality') return <Cardinality />
  if (view === 'settings') return <Settings />
  return <Overview />
}
