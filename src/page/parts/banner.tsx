import { type Outage, outage } from '../state/status.ts'

const TITLES: Readonly<Record<Outage['kind'], string>> = {
  away: 'The store is away: pushes and scrapes are refused',
  unreachable: 'This gateway cannot be reached',
}

const ADVICE: Readonly<Record<Outage['kind'], string>> = {
  away: 'Senders that retry lose nothing. What stands below may be out of date; this page goes on by itself when the store is back.',
  unreachable:
    'What stands below is what it said last; this page goes on by itself when the gateway answers again.',
}

/** Says that something keeps the gateway from serving, for as long as it does. */
export function Banner() {
  const now = outage.value
  return (
    <>
      {/* Said once: the reason may change with every attempt. */}
      <p class="unseen" role="alert">
        {now !== undefined && TITLES[now.kind]}
      </p>
      {now !== undefined && (
        <div class="banner">
          <strong>{TITLES[now.kind]}</strong>
          <p class="reason">{now.reason}</p>
          <p>{ADVICE[now.kind]}</p>
        </div>
      )}
    </>
  )
}
