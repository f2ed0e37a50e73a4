import { describe, expect, it } from 'vitest'
import type { HistoryMark } from '../../../../src/store/redis/chain.ts'
import { History } from '../../../../src/store/redis/history.ts'

const mark = (id: string, offset: number, previousId = '', branchedAt = -1): HistoryMark => ({
  id,
  offset,
  previousId,
  branchedAt,
  connection: 1,
})

const PARTITION = 5
/** Long before anything here was heard. */
const UP_SECONDS = 1000

interface Case {
  /** The server met now; the one before is `old`. */
  readonly server?: 'old' | 'new'
  readonly oldLives?: boolean
  readonly now: HistoryMark
  readonly upSeconds?: number
  readonly epoch?: string | undefined
  readonly version?: number
  readonly seen?: HistoryMark
  /** What the reader must do, and what is believed of the writes acknowledged before. */
  readonly startOver: 'history' | 'moved' | undefined
  readonly doubtful: boolean
  readonly lost: boolean
  readonly cause: 'failover' | 'restart' | 'emptied'
}

const cases: Record<string, Case> = {
  'the same server, further on': {
    now: mark('a', 20),
    startOver: undefined,
    doubtful: false,
    lost: false,
    cause: 'failover',
  },
  'a promoted replica that has all that was read; what was acknowledged after may be gone': {
    server: 'new',
    now: mark('b', 30, 'a', 11),
    startOver: undefined,
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'a promoted replica that branched off before what was read, and shows it': {
    server: 'new',
    now: mark('b', 30, 'a', 8),
    version: 6,
    startOver: 'history',
    doubtful: true,
    lost: true,
    cause: 'failover',
  },
  'the same, and by now it is at a later version': {
    server: 'new',
    now: mark('b', 30, 'a', 8),
    version: 9,
    startOver: 'history',
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'a promoted replica while the old primary still answers: no move': {
    server: 'new',
    oldLives: true,
    now: mark('b', 30, 'a', 8),
    version: 6,
    startOver: 'history',
    doubtful: true,
    lost: true,
    cause: 'failover',
  },
  'the same server after a restart, with all it had': {
    now: mark('b', 0),
    upSeconds: 0,
    startOver: 'history',
    doubtful: true,
    lost: false,
    cause: 'restart',
  },
  'the same server after a restart, with what it had a while ago; its clock passed from one second to the next':
    {
      now: mark('b', 0),
      upSeconds: 1,
      version: 3,
      startOver: 'history',
      doubtful: true,
      lost: true,
      cause: 'restart',
    },
  'the same server after a restart, with nothing': {
    now: mark('b', 0),
    upSeconds: 0,
    epoch: undefined,
    version: 0,
    startOver: 'history',
    doubtful: true,
    lost: true,
    cause: 'emptied',
  },
  'the same server after a restart, with other data': {
    now: mark('b', 0),
    upSeconds: 0,
    epoch: 'other',
    version: 70,
    startOver: 'history',
    doubtful: true,
    lost: true,
    cause: 'emptied',
  },
  'the same server, flushed, which is no accident': {
    now: mark('a', 20),
    epoch: undefined,
    version: 0,
    startOver: undefined,
    doubtful: false,
    lost: false,
    cause: 'emptied',
  },
  'the same history, thrown back': {
    now: mark('a', 9),
    startOver: 'history',
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'another server that serves the slot now, while the old one lives': {
    server: 'new',
    oldLives: true,
    now: mark('z', 500),
    startOver: 'moved',
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'the same, but the old one is dead: who can tell': {
    server: 'new',
    now: mark('z', 500),
    startOver: 'history',
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'a server that hides its ids, on an unbroken connection': {
    seen: mark('', 0),
    now: mark('', 0),
    startOver: undefined,
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
  'a server that hides its ids, on a new connection': {
    seen: mark('', 0),
    now: { ...mark('', 0), connection: 2 },
    startOver: 'history',
    doubtful: true,
    lost: false,
    cause: 'failover',
  },
}

const before = { epoch: 'e', version: 7 }
const servers = { old: { name: 'old' }, new: { name: 'new' } }

describe('a server is met that is', () => {
  it.each(Object.entries(cases))('%s', (_what, met) => {
    const { server = 'old', oldLives = false, now, upSeconds = UP_SECONDS } = met
    const history = new History(() => undefined)
    history.note(PARTITION, servers.old, met.seen ?? mark('a', 10), before.epoch, before.version)

    const isAlive = (asked: object) => asked === servers.new || oldLives
    const state = {
      epoch: 'epoch' in met ? met.epoch : before.epoch,
      version: met.version ?? before.version,
    }
    const judged = history.meet(
      servers[server],
      { mark: now, upSeconds, isAlive },
      new Map([[PARTITION, state]]),
    )
    expect(judged).toEqual({
      doubtful: met.doubtful ? [PARTITION] : [],
      lost: met.lost ? [PARTITION] : [],
      cause: met.cause,
    })
    expect(history.whyStartOver(PARTITION)).toBe(met.startOver)

    // It is the truth from now on: meeting it again is nothing new, and the reader is told until it has heard.
    const again = history.meet(
      servers[server],
      { mark: now, upSeconds, isAlive },
      new Map([[PARTITION, state]]),
    )
    expect(again.lost).toEqual([])
    expect(history.whyStartOver(PARTITION)).toBe(met.startOver)
    history.told(PARTITION)
    expect(history.whyStartOver(PARTITION)).toBeUndefined()
    expect(history.disagrees(PARTITION, now)).toBe(false)
  })
})

describe('what is known of a partition', () => {
  const meeting = (now: HistoryMark) => ({ mark: now, upSeconds: UP_SECONDS, isAlive: () => false })

  it('is nothing at first, and then nothing is in doubt', () => {
    const history = new History(() => undefined)
    const judged = history.meet(servers.old, meeting(mark('a', 10)), new Map([[PARTITION, before]]))
    expect(judged).toEqual({ doubtful: [], lost: [], cause: 'failover' })
    expect(history.whyStartOver(PARTITION)).toBeUndefined()
    expect(history.disagrees(PARTITION, mark('b', 1))).toBe(true)
    expect(history.disagrees(PARTITION + 1, mark('b', 1))).toBe(false)
  })

  it('is judged apart from the others on the same server', () => {
    const history = new History(() => undefined)
    history.note(1, servers.old, mark('a', 10), 'e', 7)
    history.note(2, servers.old, mark('a', 25), 'e', 7)
    const states = new Map([1, 2, 3].map((partition) => [partition, before]))
    const { doubtful, lost } = history.meet(servers.new, meeting(mark('b', 30, 'a', 20)), states)
    expect([doubtful, lost]).toEqual([[1, 2], []])
    expect([1, 2, 3].map((partition) => history.whyStartOver(partition))).toEqual([
      undefined,
      'history',
      undefined,
    ])
  })

  it('is worth nothing, too, where this process built on what it wrote after it last read', () => {
    const history = new History(() => undefined)
    for (const partition of [1, 2]) history.note(partition, servers.old, mark('a', 10), 'e', 7)
    history.wrote(1, 7)
    history.wrote(2, 8)
    const states = new Map([1, 2].map((partition) => [partition, before]))
    history.meet(servers.new, meeting(mark('b', 30, 'a', 11)), states)
    expect([1, 2].map((partition) => history.whyStartOver(partition))).toEqual([undefined, 'history'])
  })

  it('is as certain as before only until its history breaks, and not until readers started over', () => {
    const history = new History(() => undefined)
    history.note(PARTITION, servers.old, mark('a', 10), 'e', 7)
    const certainty = history.certainty(PARTITION)
    expect(certainty).toBeDefined()
    expect(history.certainty(PARTITION)).toBe(certainty)
    history.meet(servers.new, meeting(mark('b', 30, 'a', 8)), new Map([[PARTITION, before]]))
    expect(history.certainty(PARTITION)).toBeUndefined()
    history.told(PARTITION)
    expect(history.certainty(PARTITION)).toBeDefined()
    expect(history.certainty(PARTITION)).not.toBe(certainty)
  })

  it('tells of a flush by an operator, and of nothing that looks like one', () => {
    const flushed: number[] = []
    const history = new History((partition) => flushed.push(partition))
    history.note(1, servers.old, mark('a', 10), 'e', 7)
    history.note(1, servers.old, mark('a', 11), 'e', 8)
    // Came back empty after a restart, and was created again.
    history.note(2, servers.old, mark('a', 10), 'e', 7)
    history.note(2, servers.old, mark('b', 0), '', 0)
    history.note(2, servers.old, mark('b', 0), 'f', 1)
    expect(flushed).toEqual([])
    history.note(1, servers.old, mark('a', 12), 'f', 1)
    expect(flushed).toEqual([1])
  })

  it('may turn out to be worth nothing for reasons that marks do not show', () => {
    const history = new History(() => undefined)
    history.lose([PARTITION], 'history')
    expect(history.whyStartOver(PARTITION)).toBe('history')
    expect(history.whyStartOver(PARTITION + 1)).toBeUndefined()
  })
})
