import { pushClosed, pushEach, pushOpen } from '../harness/generators.ts'
import { alternate, type Measure, pushValues, spend } from '../harness/measure.ts'
import { ENCODINGS, Pair, theMillion } from '../harness/pair.ts'
import { type Party, PUSHGATEWAY } from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

const CONNECTIONS = 16
const FEW_GROUPS = 10

/** How pushes to all groups in turn are called that come as fast as they are answered, in the other measures also. */
export function pushInto(groups: number): string {
  return `push into ${groups * SERIES_PER_GROUP} series`
}

/** How those are called that come at a steady rate. */
export function steadyInto(groups: number): string {
  return `steady push into ${groups * SERIES_PER_GROUP} series`
}

/** How those are called that come as fast as they are answered, and go to the same few groups whatever is stored. */
export function sameInto(groups: number): string {
  return `push to ${FEW_GROUPS} of the groups of ${groups * SERIES_PER_GROUP} series`
}

export const STEADY_FEW = steadyInto(FEW_GROUPS)
export const SAME_FEW = sameInto(FEW_GROUPS)

/** Pushes three series beside what a group has, to every group in turn. */
export async function pushBeside(pair: Pair, party: Party, seconds: number) {
  return spend(party, () => pushClosed({ ...targetOf(pair, party), seconds }))
}

function pushSteadily(pair: Pair, party: Party, seconds: number) {
  const rate = sizes.pushesPerSecond
  return spend(party, () => pushOpen({ ...targetOf(pair, party), rate, seconds }))
}

function pushToFew(party: Party, seconds: number) {
  return spend(party, () => pushClosed({ ...groupsOf(party, FEW_GROUPS), seconds }))
}

function targetOf(pair: Pair, party: Party) {
  return groupsOf(party, pair.groups)
}

function groupsOf(party: Party, groups: number) {
  const load = { kind: 'beside', method: 'POST', to: groups } as const
  return { urls: [party.url], connections: CONNECTIONS, load }
}

export const pushLatency: Measure = {
  id: 'B2',
  title: 'pushes of 3 series into few and into many that are stored',
  peer: PUSHGATEWAY,
  async run(record) {
    const many = await theMillion()
    const few = await Pair.start(FEW_GROUPS)
    try {
      const pairOf = new Map(
        [few, many].flatMap((pair) => pair.parties.map((party) => [party, pair] as const)),
      )
      // Every group has these three, all are on pages that are kept, and code is compiled, before anything counts.
      for (const [party, pair] of pairOf) {
        for (const encoding of ENCODINGS) await pair.scrape(party, encoding)
        await pushEach(targetOf(pair, party))
        await pushBeside(pair, party, sizes.seconds)
      }
      const seconds = sizes.seconds / sizes.windows
      // One kind of load after the other.
      const inTurn = (work: (party: Party, pair: Pair, round: number) => Promise<void>) =>
        alternate([...pairOf.keys()], sizes.rounds * sizes.windows, (party, round) =>
          work(party, pairOf.get(party) as Pair, round),
        )
      await inTurn(async (party, pair, round) => {
        const steady = await pushSteadily(pair, party, seconds)
        record.note(steadyInto(pair.groups), party, round, pushValues(steady.result, steady))
      })
      await inTurn(async (party, pair, round) => {
        const fast = await pushBeside(pair, party, seconds)
        record.note(pushInto(pair.groups), party, round, pushValues(fast.result, fast))
      })
      await inTurn(async (party, pair, round) => {
        const same = await pushToFew(party, seconds)
        record.note(sameInto(pair.groups), party, round, pushValues(same.result, same))
      })
    } finally {
      await few.stop()
    }
  },
}
