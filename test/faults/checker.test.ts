import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type CheckerOptions, checkHistory, type Verdict } from './checker.ts'
import { type Breakage, type FakeGateways, makeFakeGateways } from './fake-gateways.ts'
import { type Excuses, makeHistory } from './history.ts'
import type { RuleName } from './rules/rule.ts'
import { seriesOf } from './tokens.ts'
import { startWorkload, type Workload, type WorkloadOptions } from './workload.ts'

/** Time is not real here: seconds of a workload pass in milliseconds, and the same way each time. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

type Fault = (fakes: FakeGateways, workload: Workload) => Promise<void> | void

interface Run {
  readonly breakage?: Breakage
  readonly workload?: Partial<WorkloadOptions>
  readonly checker?: Partial<CheckerOptions>
  readonly seconds?: number
  readonly warmUpMs?: number
  /** What happens then, and what it excuses. */
  readonly fault?: readonly [Fault, Partial<Excuses>]
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Lets time pass until it is done. */
async function elapse<T>(work: Promise<T>): Promise<T> {
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  done.catch(() => undefined)
  while (!isDone) await vi.advanceTimersByTimeAsync(50)
  return done
}

async function drive({ breakage, warmUpMs = 3000, seconds = 10, fault, ...options }: Run): Promise<Verdict> {
  const fakes = makeFakeGateways(2, breakage)
  const history = makeHistory()
  const checker = checkHistory(history, { seriesPerUnit: seriesOf(2), ...options.checker })
  const replicas = fakes.targets
  const workload = await startWorkload({
    ratePerSecond: 80,
    ttlMs: 5000,
    sums: 3,
    ...options.workload,
    replicas,
    history,
  })
  await wait(warmUpMs)
  if (fault !== undefined) {
    const [inflict, excuses] = fault
    const running = history.beginFault('the fault', excuses)
    await inflict(fakes, workload)
    running.end()
  }
  await wait(1000 * seconds)
  await workload.quiesce()
  return checker.conclude()
}

const uniqueOnly = { tokenGroups: 0, sums: 0 }
const refuseFor =
  (ms: number): Fault =>
  async (fakes) => {
    fakes.refuse(true)
    await wait(ms)
    fakes.refuse(false)
  }
const outage = [refuseFor(3000), { mayRefuse: true }] as const
/** Something that may refuse goes on; only the way it is done matters. */
const unrest: Run = { warmUpMs: 0, fault: [() => wait(10_000), { mayRefuse: true }], seconds: 1 }
const loss = [(fakes: FakeGateways) => fakes.lose(5), { mayLose: true, lossReachMs: 2000 }] as const

const BROKEN: [rule: RuleName, breakage: Breakage, run?: Run][] = [
  ['C1', 'loses acknowledged pushes'],
  ['C1', 'shows acknowledged pushes late'],
  ['C1', 'keeps deleted groups', { workload: { kinds: ['put', 'delete'] } }],
  ['C2', 'tears groups'],
  ['C2', 'mixes pushes'],
  ['C3', 'goes back to an older push'],
  ['C3', 'takes back what it showed', { fault: outage }],
  ['C4', 'applies a push twice'],
  ['C4', 'adds twice'],
  ['C4', 'forgets what was added'],
  ['C4', 'applies what it refused', { workload: uniqueOnly, checker: { expected4xx: [400] } }],
  ['C4', 'shows what was never sent'],
  ['C5', 'expires early'],
  ['C5', 'expires late'],
  ['C5', 'brings expired groups back'],
  ['C6', 'differs between replicas'],
  ['C7', 'answers 500'],
  ['C7', 'gives no Retry-After', { fault: outage }],
  ['C7', 'gives a Retry-After of an hour', { fault: outage }],
  ['C7', 'always gives the same Retry-After', { fault: outage }],
  ['C7', 'answers late'],
  ['C7', 'never answers', { ...unrest }],
  ['C7', 'breaks connections', { ...unrest }],
  ['C8', 'grows'],
  ['C9', 'fails without a cause'],
  ['C9', 'refuses scrapes without a cause'],
  ['C9', 'never recovers', { fault: outage }],
  ['C10', 'counts a lost write too few', { workload: uniqueOnly, fault: loss }],
  ['C10', 'counts a lost write too many', { workload: uniqueOnly, fault: loss }],
]

describe('the checker', () => {
  it.each(BROKEN)(
    'finds by %s, and by no other rule, a gateway that %s',
    async (rule, breakage, run = {}) => {
      const { count } = await elapse(drive({ ...run, breakage }))
      expect([...count.keys()]).toEqual([rule])
    },
  )

  it.each<[string, Run]>([
    ['when nothing happens', {}],
    ['with groups that are removed', { workload: { kinds: ['put', 'post', 'delete'] } }],
    ['with sets that are merged into', { workload: { kinds: ['put', 'ingest'], uniqueKinds: ['ingest'] } }],
    ['with clients that send again', { workload: { retry: true }, fault: outage }],
    ['with clients that do not', { fault: outage }],
    ['with more families', { workload: { families: 4 }, checker: { seriesPerUnit: seriesOf(4) } }],
    [
      'with short-lived groups alone',
      { workload: { ...uniqueOnly, ttlMs: 500 }, checker: { leastSeries: 0 } },
    ],
    ['with one that wipes', { fault: [(_, workload) => workload.send(0, 'wipe', ''), {}] }],
  ])('has nothing to say of honest gateways %s', async (_when, run) => {
    const verdict = await elapse(drive(run))
    expect(verdict.violations).toEqual([])
    // Something was there to be checked.
    expect(verdict.acked).toBeGreaterThan(700)
    expect(verdict.scrapes).toBeGreaterThan(80)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
    expect(verdict.losses.confirmed).toBeGreaterThan(verdict.acked / 3)
  })

  it('misses series in the end, when fewer are left than there have to be', async () => {
    const { count } = await elapse(drive({ checker: { leastSeries: 1_000_000 } }))
    expect([...count.keys()]).toEqual(['C6'])
  })
})

describe('losses', () => {
  it('are counted, and no violation, where a fault allows them and the gateways tell them', async () => {
    const verdict = await elapse(drive({ workload: uniqueOnly, fault: loss }))
    expect(verdict.violations).toEqual([])
    expect(verdict.losses).toMatchObject({ lost: 5, gone: 0, uncertain: 0 })
    expect(verdict.told.lostWrites).toBe(5)
  })

  it('of groups that are rewritten are known only as far as nothing newer hides them', async () => {
    const { violations, losses, told } = await elapse(
      drive({
        workload: { sums: 0 },
        fault: [(fakes) => fakes.lose(40), { mayLose: true, lossReachMs: 2000 }],
      }),
    )
    expect(violations).toEqual([])
    expect(told.lostWrites).toBe(40)
    expect(losses.lost).toBeGreaterThanOrEqual(20)
    expect(losses.lost).toBeLessThanOrEqual(40)
    expect(losses.lost + losses.uncertain).toBeGreaterThanOrEqual(40)
  })

  it.each<[string, Partial<Excuses>]>([
    ['no fault allows', { mayLose: false }],
    ['reach further back than a fault allows', { mayLose: true, lossReachMs: 1 }],
    ['are to be made good', { mayHideForMs: 500, lossReachMs: 2000 }],
  ])('that %s are violations', async (_why, excuses) => {
    const fault = [(fakes: FakeGateways) => fakes.lose(5), excuses] as const
    const { count, losses } = await elapse(drive({ workload: uniqueOnly, fault }))
    expect(count.get('C1')).toBeGreaterThan(0)
    expect(losses.gone).toBeGreaterThan(0)
  })

  it('need only be noticed where no gateway can count them', async () => {
    const breakage = 'counts a lost write too few'
    const checker = { telling: 'noticed' as const }
    const { violations } = await elapse(drive({ breakage, checker, workload: uniqueOnly, fault: loss }))
    expect(violations).toEqual([])
  })
})

describe('the verdict', () => {
  it('tells how long pushes failed, and when they succeeded again', async () => {
    const verdict = await elapse(drive({ fault: outage }))
    expect(verdict.violations).toEqual([])
    expect(verdict.unknown).toBeGreaterThan(150)
    expect(verdict.longestErrorWindowMs).toBeGreaterThan(2800)
    expect(verdict.longestErrorWindowMs).toBeLessThan(3200)
    expect(verdict.firstAckMs).toBeLessThan(200)
    expect(verdict.failedScrapes).toBeGreaterThan(10)
  })
})
