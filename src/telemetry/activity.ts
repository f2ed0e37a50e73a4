import type { Event, Protocol } from './events.ts'
import type { Sample, Snapshot } from './snapshot.ts'

/** What a gateway did of late, for a page that shows it. */
export interface Activity {
  readonly counters: Counters
  /** Newest first. */
  readonly rejections: readonly Rejection[]
}

/** Since the start, and never less than before: a reader that asks twice knows the rate. */
export interface Counters {
  /** By what became of them: `refused` were at fault, `failed` were not taken for another reason. */
  readonly pushes: readonly {
    readonly protocol: string
    readonly outcome: Outcome
    readonly total: number
  }[]
  /** Series stored, counted anew with each push. */
  readonly samples: readonly { readonly protocol: string; readonly total: number }[]
  /** By error code. */
  readonly rejections: readonly {
    readonly protocol: string
    readonly reason: string
    readonly total: number
  }[]
}

type Outcome = 'accepted' | 'refused' | 'failed'

/** A write that was not taken. */
export interface Rejection {
  readonly atMs: number
  readonly protocol: Protocol
  /** Error code. */
  readonly code: string
  /** At most 200 characters. */
  readonly reason: string
  /** Of the group; absent where the way in knows no groups. */
  readonly labels?: readonly { readonly name: string; readonly value: string }[]
}

/** How many are remembered, and told. */
const MOST_REJECTIONS = 50
const LONGEST_REASON = 200

/** Remembers the last writes that were not taken. */
export function makeRejections(now: () => number = Date.now) {
  const ring: Rejection[] = []
  let next = 0
  return {
    note({ protocol, code, reason = '', labels }: Event & { kind: 'push' }): void {
      if (code === undefined) return
      const rejection = { atMs: now(), protocol, code, reason: shorten(reason) }
      ring[next] = labels === undefined ? rejection : { ...rejection, labels }
      next = (next + 1) % MOST_REJECTIONS
    },
    /** Newest first. */
    recent: (): Rejection[] => [...ring.slice(next), ...ring.slice(0, next)].reverse(),
  }
}

/** A copy: reasons quote what was sent, and a part of a text keeps all of it. */
function shorten(reason: string): string {
  // Characters of two units each, and one more than may stand.
  const characters = [...reason.slice(0, 2 * LONGEST_REASON + 2)]
  const isLonger = characters.length > LONGEST_REASON
  return Buffer.from(isLonger ? `${characters.slice(0, LONGEST_REASON - 1).join('')}…` : reason).toString()
}

/** The newest of several lists, each of which has its newest first. */
export function newestOf(lists: readonly (readonly Rejection[])[]): Rejection[] {
  return lists
    .flat()
    .sort((a, b) => b.atMs - a.atMs)
    .slice(0, MOST_REJECTIONS)
}

/** What of all metrics tells how much is pushed. */
export function countersOf(snapshot: Snapshot): Counters {
  const samplesOf = (name: string): readonly Sample[] =>
    snapshot.find((family) => family.name === name)?.values ?? []
  const pushes = samplesOf('pgr_requests_total').filter(({ labels }) => labels['handler'] !== 'delete')
  return {
    pushes: addUp(pushes, ({ labels }) => ({
      protocol: String(labels['protocol']),
      outcome: outcomeOf(Number(labels['code'])),
    })),
    samples: addUp(samplesOf('pgr_stored_series_total'), ({ labels }) => ({
      protocol: String(labels['protocol']),
    })),
    rejections: addUp(samplesOf('pgr_rejected_total'), ({ labels }) => ({
      protocol: String(labels['protocol']),
      reason: String(labels['reason']),
    })),
  }
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return 'accepted'
  return status < 500 ? 'refused' : 'failed'
}

function addUp<Key extends object>(
  samples: readonly Sample[],
  keyOf: (sample: Sample) => Key,
): (Key & { total: number })[] {
  const sums = new Map<string, Key & { total: number }>()
  for (const sample of samples) {
    const key = keyOf(sample)
    const text = JSON.stringify(key)
    const sum = sums.get(text) ?? { ...key, total: 0 }
    sums.set(text, sum)
    sum.total += sample.value
  }
  return [...sums.values()]
}
