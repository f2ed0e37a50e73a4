import type { Status } from '../client/read-api.ts'

/** What happened in a second, by two looks at what one process counted. */
export interface Rates {
  readonly at: string
  /** Null between counters that do not belong together: at the first look, after a restart, from another replica. */
  readonly seconds: number | null
  readonly protocols: readonly ProtocolRates[]
  readonly rejections: readonly {
    readonly reason: string
    readonly total: number
    readonly rate: number | null
  }[]
  readonly series: number | null
  readonly groups: number | null
  readonly sets: number | null
  readonly ready: boolean
}

export interface ProtocolRates {
  readonly protocol: string
  readonly pushes: number | null
  readonly refused: number | null
  readonly samples: number | null
}

/** A look at the counters, and when. */
export interface Look {
  readonly atMs: number
  readonly status: Status
}

const ACCEPTED = 'accepted'

/** The rates between two looks, by protocol, those with the most pushes first. */
export function ratesOf(before: Look | undefined, after: Look): Rates {
  const { status, atMs } = after
  const seconds =
    before === undefined || !isSameProcess(before.status, status) ? null : (atMs - before.atMs) / 1000
  const old = totalsOf(seconds === null ? undefined : before?.status)
  const now = totalsOf(status)
  const rate = (key: string): number | null =>
    seconds === null || seconds <= 0 ? null : Math.max(0, (now.get(key) ?? 0) - (old.get(key) ?? 0)) / seconds
  const { counters, page, store } = status
  const protocols = new Set([
    ...(counters?.pushes ?? []).map(({ protocol }) => protocol),
    ...(counters?.samples ?? []).map(({ protocol }) => protocol),
  ])
  return {
    at: new Date(atMs).toISOString(),
    seconds,
    protocols: [...protocols]
      .map((protocol) => ({
        protocol,
        pushes: rate(`pushes ${protocol}`),
        refused: rate(`refused ${protocol}`),
        samples: rate(`samples ${protocol}`),
      }))
      .sort((a, b) => (b.pushes ?? 0) - (a.pushes ?? 0) || (a.protocol < b.protocol ? -1 : 1)),
    rejections: [...reasonsOf(status)]
      .map(([reason, total]) => ({ reason, total, rate: rate(`reason ${reason}`) }))
      .sort((a, b) => b.total - a.total || (a.reason < b.reason ? -1 : 1)),
    series: page?.series ?? null,
    groups: page?.groups ?? null,
    sets: page?.sets ?? null,
    ready: store.ready,
  }
}

/** Behind a balancer two questions may be answered by two replicas. */
function isSameProcess(a: Status, b: Status): boolean {
  return a.start_time === b.start_time && a.replica?.id === b.replica?.id
}

function totalsOf(status: Status | undefined): ReadonlyMap<string, number> {
  const totals = new Map<string, number>()
  const add = (key: string, value: number): void => void totals.set(key, (totals.get(key) ?? 0) + value)
  for (const { protocol, outcome, total } of status?.counters?.pushes ?? [])
    add(`${outcome === ACCEPTED ? 'pushes' : 'refused'} ${protocol}`, total)
  for (const { protocol, total } of status?.counters?.samples ?? []) add(`samples ${protocol}`, total)
  if (status !== undefined) for (const [reason, total] of reasonsOf(status)) add(`reason ${reason}`, total)
  return totals
}

function reasonsOf({ counters }: Status): ReadonlyMap<string, number> {
  const reasons = new Map<string, number>()
  for (const { reason, total } of counters?.rejections ?? [])
    reasons.set(reason, (reasons.get(reason) ?? 0) + total)
  return reasons
}

/** A rate for people and programs: three digits are enough; empty when it is not known. */
export function rateText(rate: number | null): string {
  if (rate === null) return ''
  return rate >= 100 ? rate.toFixed(0) : rate >= 10 ? rate.toFixed(1) : rate.toFixed(2)
}
