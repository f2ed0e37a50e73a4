import { PgrError } from '../../src/errors/pgr-error.ts'
import type { Labels } from '../../src/model/labels.ts'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { openEmbeddedStore } from '../../src/store/embedded/index.ts'
import type { ChangePage, Position, Store, UnitWrite, Written } from '../../src/store/store.ts'
import { labelsOf, ROOMY } from './open-gateway.ts'

export type Part = 0 | 1

/** A store of two partitions, each of which can be taken away and brought back under its callers. */
export interface TwoPartStore extends Store {
  /** Parts that do not answer. */
  readonly away: Set<Part>
  /** Asked before each page of changes is handed out. */
  beforePage: (page: ChangePage) => Promise<void>
  /** Forgets everything of a part, as a server does that comes back empty. */
  lose(part: Part): void
}

const UNREAD: Position = { epoch: '', version: 0, wiped: 0 }

export function openTwoPartStore(now: () => number): TwoPartStore {
  const open = () => openEmbeddedStore({ limits: ROOMY, now, pageBytes: 1 })
  const parts = [open(), open()]
  const away = new Set<Part>()

  function partOf(part: number): Store {
    if (away.has(part as Part)) throw unavailable(`part ${part} does not answer`)
    return parts[part] as Store
  }

  async function written<W extends UnitWrite>(
    write: W,
    act: (store: Store) => Promise<Written>,
  ): Promise<Written> {
    const partition = partitionOf(write.id, 2)
    return { ...(await act(partOf(partition))), partition }
  }

  async function* changes(since: readonly Position[], fence: { deadlineMs: number }) {
    for (const partition of [0, 1] as const) {
      if (away.has(partition)) continue
      for await (const page of partOf(partition).changes([since[partition] ?? UNREAD], fence)) {
        const told = { ...page, partition }
        await store.beforePage(told)
        // A part may go in the middle of a read.
        partOf(partition)
        yield told
      }
    }
    if (away.size === 2) throw unavailable('no part answers')
    if (away.size === 1) throw new PgrError('PGR_STORE_DEGRADED', 'a part does not answer')
  }

  const store: TwoPartStore = {
    name: 'two-part',
    partitions: 2,
    away,
    beforePage: async () => {},
    lose(part) {
      parts[part] = open()
    },
    writeGroup: (write) => written(write, (part) => part.writeGroup(write)),
    failGroup: (write) => written(write, (part) => part.failGroup(write)),
    writeSet: (write) => written(write, (part) => part.writeSet(write)),
    remove: (write) => written(write, (part) => part.remove(write)),
    wipe: async (write) => {
      for (const part of parts.keys()) await partOf(part).wipe(write)
    },
    changes,
    sweep: async () => {},
    setLimits: (limits) => {
      for (const part of parts) part.setLimits(limits)
    },
    async ready() {
      if (away.size === 2) throw unavailable('no part answers')
    },
    async describe() {
      return { ...(await (parts[0] as Store).describe()), name: 'two-part' }
    },
    close: async () => {},
  }
  return store
}

function unavailable(message: string): PgrError {
  return new PgrError('PGR_STORE_UNAVAILABLE', message)
}

/** Names of jobs whose groups live in a part, `instance` or not: in no promised order, and never the same twice. */
export function* jobsIn(part: Part): Generator<string> {
  for (let n = 0; ; n++) if (partitionOf(unitId('group', groupOf(`job${n}`)), 2) === part) yield `job${n}`
}

function groupOf(job: string): Labels {
  return labelsOf({ job })
}
