import { pushClosed, pushEach } from '../harness/generators.ts'
import { alternate, type Measure, pushValues, spend } from '../harness/measure.ts'
import { Pair, theMillion } from '../harness/pair.ts'
import { type Party, PUSHGATEWAY } from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

const CONNECTIONS = 16
const FEW_GROUPS = 10

/** How the two cases are called, the other measures of pushes into what is stored also. */
export const FEW = pushInto(FEW_GROUPS)

export function pushInto(groups: number): string {
  return `push into ${groups * SERIES_PER_GROUP} series`
}

/** Pushes three series beside what a group has, to every group in turn. */
export async function pushBeside(pair: Pair, party: Party, seconds: number) {
  const load = { kind: 'beside', method: 'POST', to: pair.groups } as const
  return spend(party, () => pushClosed({ urls: [party.url], connections: CONNECTIONS, seconds, load }))
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
      // Every group has these three, and code is compiled, before anything counts.
      for (const [party, pair] of pairOf) {
        const load = { kind: 'beside', method: 'POST', to: pair.groups } as const
        await pushEach({ urls: [party.url], connections: CONNECTIONS, load })
        await pushBeside(pair, party, sizes.seconds)
      }
      await alternate([...pairOf.keys()], sizes.rounds, async (party, round) => {
        const pair = pairOf.get(party) as Pair
        const { result, ...spent } = await pushBeside(pair, party, sizes.seconds)
        record.note(pushInto(pair.groups), party, round, pushValues(result, spent))
      })
    } finally {
      await few.stop()
    }
  },
}
