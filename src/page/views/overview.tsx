import type { Rejection, Status, StoreStatus } from '../api/types.ts'
import { Card, Scroller } from '../parts/cells.tsx'
import { RateChart, SERIES_COLOURS } from '../parts/chart.tsx'
import { countOf, showCount, showFact, showRate } from '../parts/format.ts'
import { LabelBadges } from '../parts/labels.tsx'
import { PushHelp } from '../parts/push-help.tsx'
import { Ago } from '../parts/times.tsx'
import { type Rates, ratesOf } from '../state/rates.ts'
import { href } from '../state/route.ts'
import { readings, status } from '../state/status.ts'

/** How the gateway is at a glance. */
export function Overview() {
  const now = status.value
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      {now === undefined ? <p class="muted">Asking the gateway …</p> : <Known status={now} />}
    </>
  )
}

function Known({ status: { store, page, start_time, recent_rejections, counters } }: { status: Status }) {
  const isEmpty = page?.groups === 0 && page.sets === 0
  return (
    <>
      {page && (
        <ul class="tiles">
          <Tile name="Groups" value={page.groups} to={href('groups', { kind: 'group' })} />
          <Tile name="Series sets" value={page.sets} to={href('groups', { kind: 'set' })} />
          <Tile name="Series" value={page.series} to={href('cardinality')} />
          <Tile
            name="Expire within a minute"
            value={page.expiring_within_60s}
            to={href('groups', { state: 'expiring' })}
          />
        </ul>
      )}
      {isEmpty && <PushHelp />}
      <div class="columns-2">
        <Pushes totals={counters?.pushes ?? []} />
        <Rejections />
      </div>
      <Recent rejections={recent_rejections ?? []} />
      <div class="columns-2">
        <Store store={store} startedAt={start_time} />
        <Replicas store={store} />
      </div>
    </>
  )
}

function Tile({ name, value, to }: { name: string; value: number; to: string }) {
  return (
    <li>
      <a href={to}>
        <span class="tile-value">{showCount(value)}</span> <span class="tile-name">{name}</span>
      </a>
    </li>
  )
}

function Pushes({ totals }: { totals: NonNullable<Status['counters']>['pushes'] }) {
  const rates = ratesOf(readings.value, 'accepted')
  const refused = ratesOf(readings.value, 'refused')
  const samples = ratesOf(readings.value, 'samples')
  const names = [...new Set([...rates.perSecond.keys(), ...refused.perSecond.keys()])].sort()
  const accepted = new Map<string, number>()
  for (const { protocol, outcome, total } of totals)
    if (outcome === 'accepted') accepted.set(protocol, (accepted.get(protocol) ?? 0) + total)
  return (
    <Card title="Pushes per second">
      <Chart title="Pushes per second by protocol, of the last five minutes" rates={rates} />
      {names.length === 0 ? (
        <p class="muted">This replica has taken no push since it started.</p>
      ) : (
        <Scroller label="Pushes by protocol">
          <table>
            <thead>
              <tr>
                <th scope="col">Protocol</th>
                <Head>pushes/s</Head>
                <Head>samples/s</Head>
                <Head>refused/s</Head>
                <Head>pushes in all</Head>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row" class="nowrap">
                    <Swatch n={[...rates.perSecond.keys()].indexOf(name)} /> {name}
                  </th>
                  <Rate rates={rates} name={name} />
                  <Rate rates={samples} name={name} />
                  <Rate rates={refused} name={name} />
                  <td class="number">{showCount(accepted.get(name) ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </Card>
  )
}

function Rejections() {
  const rates = ratesOf(readings.value, 'rejections')
  const totals = readings.value.at(-1)?.rejections ?? new Map<string, number>()
  return (
    <Card title="Rejections per second">
      <Chart title="Rejections per second by reason, of the last five minutes" rates={rates} />
      {rates.perSecond.size === 0 ? (
        <p class="muted">This replica has refused nothing since it started.</p>
      ) : (
        <Scroller label="Rejections by reason">
          <table>
            <thead>
              <tr>
                <th scope="col">Reason</th>
                <Head>per second</Head>
                <Head>in all</Head>
              </tr>
            </thead>
            <tbody>
              {[...rates.perSecond.keys()].map((name, n) => (
                <tr key={name}>
                  <th scope="row" class="nowrap">
                    <Swatch n={n} /> {name}
                  </th>
                  <Rate rates={rates} name={name} />
                  <td class="number">{showCount(totals.get(name) ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </Card>
  )
}

function Chart({ title, rates }: { title: string; rates: Rates }) {
  if (rates.perSecond.size === 0) return null
  return <RateChart title={title} rates={rates} />
}

function Head({ children }: { children: string }) {
  return (
    <th scope="col" class="number">
      {children}
    </th>
  )
}

function Swatch({ n }: { n: number }) {
  return n < 0 ? null : <i class={`swatch s${n % SERIES_COLOURS}`} />
}

function Rate({ rates, name }: { rates: Rates; name: string }) {
  const last = rates.perSecond.get(name)?.at(-1)
  return <td class="number">{last === undefined ? '–' : showRate(last)}</td>
}

function Recent({ rejections }: { rejections: readonly Rejection[] }) {
  return (
    <Card title="Recent rejections">
      {rejections.length === 0 ? (
        <p class="muted">None since this replica started.</p>
      ) : (
        <ul class="rejections">
          {rejections.slice(0, MOST_REJECTIONS).map((each, n) => (
            <li key={`${each.at} ${n}`}>
              <div class="what">
                <Ago at={each.at} />
                <span class="muted">{each.protocol}</span>
                <code>{each.code}</code>
                {each.labels !== null && <LabelBadges labels={each.labels} />}
              </div>
              <p class="reason">{each.reason}</p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

const MOST_REJECTIONS = 20

function Store({ store, startedAt }: { store: StoreStatus; startedAt: string }) {
  const { findings = [], losses, primaries = [], facts = {} } = store
  const lost = losses !== undefined && losses.history + losses.lost_writes + losses.resubmitted_writes > 0
  return (
    <Card
      title="Store"
      aside={<span class={`pill ${store.ready ? 'good' : 'bad'}`}>{store.ready ? 'Ready' : 'Away'}</span>}
    >
      <dl class="facts">
        <div>
          <dt>kind</dt>
          <dd>{store.name}</dd>
        </div>
        <div>
          <dt>replica started</dt>
          <dd>
            <Ago at={startedAt} />
          </dd>
        </div>
        {Object.entries(facts).map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll('_', ' ')}</dt>
            <dd>{showFact(name, value)}</dd>
          </div>
        ))}
      </dl>
      {findings.length > 0 && (
        <>
          <h3>Durability</h3>
          <ul class="findings">
            {findings.map(({ finding, ok, where, message }) => (
              <li key={`${finding} ${where}`} class={ok ? 'is-ok' : 'is-not'}>
                <span class={`pill ${ok ? 'good' : 'warn'}`}>{ok ? 'ok' : 'look'}</span>
                <div>
                  <strong>{finding}</strong> <span class="muted">{where}</span>
                  {message !== undefined && <p>{message}</p>}
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
      {lost && (
        <>
          <h3>Lost history</h3>
          <p>
            {countOf(losses.history, 'time')} since this replica started: {showCount(losses.lost_writes)} of
            its acknowledged writes stay lost, {showCount(losses.resubmitted_writes)} were sent again.
            {losses.last_at && (
              <>
                {' '}
                The last time <Ago at={losses.last_at} />
                {losses.cause !== undefined && `: ${losses.cause}`}.
              </>
            )}
          </p>
        </>
      )}
      {primaries.length > 0 && (
        <>
          <h3>Primaries</h3>
          <Scroller label="Primaries">
            <table>
              <thead>
                <tr>
                  <th scope="col">Endpoint</th>
                  <th scope="col">State</th>
                  <Head>partitions</Head>
                </tr>
              </thead>
              <tbody>
                {primaries.map(({ endpoint, state, partitions, reason }) => (
                  <tr key={endpoint}>
                    <th scope="row">{endpoint}</th>
                    <td>
                      <span class={`pill ${state === 'usable' ? 'good' : 'bad'}`}>{state}</span> {reason}
                    </td>
                    <td class="number">{partitions}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroller>
        </>
      )}
    </Card>
  )
}

function Replicas({ store: { replicas = [], name } }: { store: StoreStatus }) {
  return (
    <Card title="Replicas seen">
      {replicas.length === 0 ? (
        <p class="muted">
          {name === 'embedded'
            ? 'One gateway with a store of its own. Replicas need a Redis that they share.'
            : 'None has told the store of itself yet.'}
        </p>
      ) : (
        <Scroller label="Replicas seen">
          <table>
            <thead>
              <tr>
                <th scope="col">Address</th>
                <th scope="col">Version</th>
                <th scope="col">Last seen</th>
                <th scope="col">Id</th>
              </tr>
            </thead>
            <tbody>
              {replicas.map(({ id, version, address, last_seen }) => (
                <tr key={id}>
                  <th scope="row" class="nowrap">
                    {address}
                  </th>
                  <td>{version}</td>
                  <td class="nowrap">
                    <Ago at={last_seen} never="unknown" />
                  </td>
                  <td>
                    <code>{id}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </Card>
  )
}
