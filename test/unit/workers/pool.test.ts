import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Settings } from '../../../src/config/rules.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import type { Event } from '../../../src/telemetry/events.ts'
import { makePool, type WorkerEvents } from '../../../src/workers/pool.ts'

interface Sent {
  readonly call: number
  readonly name: string
  readonly argument: unknown
}

/** A worker of which the test says what it does. */
class FakeWorker {
  readonly sent: Sent[] = []
  isConnected = true
  isKilled = false
  readonly pid: number
  private readonly events: WorkerEvents

  constructor(pid: number, events: WorkerEvents) {
    this.pid = pid
    this.events = events
  }

  asked(name: string): Sent {
    const found = this.sent.find((one) => one.name === name)
    if (found === undefined) throw new Error(`worker ${this.pid} was not asked for ${name}`)
    return found
  }

  async answer(name: string, value?: unknown): Promise<void> {
    this.events.message({ answer: this.asked(name).call, value })
    await settle()
  }

  async fail(name: string, code: string, message: string): Promise<void> {
    this.events.message({ answer: this.asked(name).call, code, message })
    await settle()
  }

  async die(how = 'SIGKILL'): Promise<void> {
    this.events.exit(how)
    await settle()
  }
}

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve()
}

interface Pause {
  readonly ms: number
  readonly act: () => void
  isCalledOff: boolean
}

/** Two workers over a system in which nothing happens by itself. */
function stage() {
  const workers: FakeWorker[] = []
  const pauses: Pause[] = []
  const told: Event[] = []
  const ended: number[] = []
  const clock = { nowMs: 0 }
  const effect = { settings: { logLevel: 'info' } as Settings }
  const pool = makePool({
    count: 2,
    world: {
      fork(events) {
        const worker = new FakeWorker(workers.length + 1, events)
        workers.push(worker)
        return {
          pid: worker.pid,
          send: (message) => worker.sent.push(message as Sent),
          disconnect: () => {
            worker.isConnected = false
          },
          kill: () => {
            worker.isKilled = true
          },
        }
      },
      after(ms, act) {
        const pause = { ms, act, isCalledOff: false }
        pauses.push(pause)
        return () => {
          pause.isCalledOff = true
        }
      },
      nowMs: () => clock.nowMs,
    },
    tell: (event) => told.push(event),
    service: {
      metrics: async () => ({ contentType: '', body: '' }),
      activity: async () => ({
        counters: { pushes: [], samples: [], rejections: [] },
        rejections: [],
      }),
      ready: async () => {},
      reload: async () => '',
      quit() {},
    },
    boot: () => ({ settings: effect.settings, origins: undefined, startedAt: new Date(0) }),
    onEnd: (number) => ended.push(number),
  })
  return {
    ...{ workers, pauses, told, ended, clock, effect, pool },
    kinds: () => told.map(({ kind }) => kind),
    /** The worker that was started last. */
    newest(): FakeWorker {
      const worker = workers.at(-1)
      if (worker === undefined) throw new Error('there is no worker')
      return worker
    },
    async endPause(): Promise<void> {
      pauses.at(-1)?.act()
      await settle()
    },
  }
}

/** The same, and both workers listen. */
async function running() {
  const world = stage()
  const started = world.pool.start()
  await world.workers[0]?.answer('start', ['http://a:1'])
  expect(world.pool.isStarted).toBe(false)
  await world.workers[1]?.answer('start', ['http://a:1'])
  expect(await started).toEqual(['http://a:1'])
  const [first, second] = world.workers as [FakeWorker, FakeWorker]
  return { ...world, first, second }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    (reason: unknown) => (reason instanceof PgrError ? `${reason.code} ${reason.message}` : String(reason)),
  )

describe('a start', () => {
  it('is over when all listen, each with a number of its own', async () => {
    const { pool, workers, kinds } = await running()
    expect([pool.isStarted, pool.serving]).toEqual([true, 2])
    expect(workers.map((worker) => worker.asked('start').argument)).toMatchObject([
      { number: 1, holdsBack: false, settings: { logLevel: 'info' } },
      { number: 2, holdsBack: false },
    ])
    expect(kinds()).toEqual(['worker.started', 'worker.started'])
  })

  it.each([true, false])(
    'that fails for one fails as it did, once, and leaves none (goodbyes: %s)',
    async (isPolite) => {
      const { pool, workers, pauses, kinds } = stage()
      const started = codeOf(pool.start())
      const [first, second] = workers as [FakeWorker, FakeWorker]
      await first.answer('start', [])
      await second.fail('start', 'PGR_START_FAILED', 'the port is taken')
      await first.die('SIGTERM')
      // A worker that listened is not replaced any more.
      expect(workers).toHaveLength(2)
      if (isPolite) await second.die('exit code 0')
      else {
        pauses[0]?.act()
        await settle()
        expect(second.isKilled).toBe(true)
      }
      expect(await started).toBe('PGR_START_FAILED the port is taken')
      expect(second.isConnected).toBe(false)
      expect(kinds()).not.toContain('worker.ended')
    },
  )

  it('fails when a worker ends before it listens', async () => {
    const { pool, workers } = stage()
    const started = codeOf(pool.start())
    const [first, second] = workers as [FakeWorker, FakeWorker]
    await second.die('SIGKILL')
    first.asked('stop')
    await first.die('exit code 0')
    expect(await started).toBe('PGR_START_FAILED worker 2 ended (SIGKILL) before it listened')
  })
})

describe('a worker that ends', () => {
  it('is replaced by one with its number, which holds back while others serve', async () => {
    const { pool, second, newest, told, ended, clock, endPause } = await running()
    clock.nowMs = 5000
    await second.die()
    expect([pool.serving, ended]).toEqual([1, [2]])
    expect(told.at(-1)).toEqual({
      kind: 'worker.ended',
      worker: 2,
      pid: 2,
      reason: 'SIGKILL',
      seconds: 5,
      pauseSeconds: 0.1,
    })
    await endPause()
    expect(newest().asked('start').argument).toMatchObject({ number: 2, holdsBack: true })
    await newest().answer('start', [])
    expect([pool.serving, told.at(-1)?.kind]).toEqual([2, 'worker.started'])
  })

  it('does not keep its successor waiting when nobody else serves', async () => {
    const { first, second, workers, pauses } = await running()
    await first.die()
    await second.die()
    for (const { act } of pauses) act()
    await settle()
    expect(workers.slice(2).map((worker) => worker.asked('start').argument)).toMatchObject([
      { number: 1, holdsBack: false },
      { number: 2, holdsBack: false },
    ])
  })

  it('again and again is replaced after ever longer pauses, until one lives on', async () => {
    const { second, newest, pauses, clock, endPause, workers } = await running()
    await second.die()
    for (let round = 0; round < 10; round++) {
      await endPause()
      await newest().die()
    }
    expect(pauses.map(({ ms }) => ms)).toEqual([
      100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ])
    await endPause()
    await newest().answer('start', [])
    clock.nowMs += 60_000
    await newest().die()
    expect(pauses.at(-1)?.ms).toBe(0)
    expect(workers).toHaveLength(13)
  })

  it('because it could not start says why', async () => {
    const { second, newest, told, endPause, pool } = await running()
    await second.die()
    await endPause()
    await newest().fail('start', 'PGR_SETTING_INVALID', 'the file of --tls.key cannot be read')
    expect(newest().isConnected).toBe(false)
    await newest().die('exit code 0')
    expect(told.at(-1)).toMatchObject({ reason: 'the file of --tls.key cannot be read', pauseSeconds: 0.2 })
    expect(pool.serving).toBe(1)
  })

  it('has a successor with the settings that are in effect, also when they change during its start', async () => {
    const { second, newest, effect, endPause, pool } = await running()
    await second.die()
    await endPause()
    effect.settings = { logLevel: 'debug' } as Settings
    await newest().answer('start', [])
    expect([newest().asked('reload').argument, pool.serving]).toEqual([
      { settings: { logLevel: 'debug' }, origins: undefined },
      1,
    ])
    await newest().answer('reload')
    expect(pool.serving).toBe(2)
  })
})

describe('a worker that stands still', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('is ended, which is told with the reason, and replaced', async () => {
    const { first, second, clock, told, pauses } = await running()
    await first.answer('ping')
    clock.nowMs = 30_000
    vi.advanceTimersByTime(30_000)
    await settle()
    expect([first.isKilled, second.isKilled]).toEqual([false, true])
    await second.die()
    expect(told.at(-1)).toMatchObject({
      kind: 'worker.ended',
      worker: 2,
      reason: 'worker 2 did not answer within 30000 ms',
    })
    // The next question to the first, and the next second.
    expect(pauses.map(({ ms }) => ms)).toEqual([5000, 100])
  })

  it('is asked again when it was the supervisor that stood still', async () => {
    const { second, clock } = await running()
    clock.nowMs = 600_000
    vi.advanceTimersByTime(30_000)
    await settle()
    expect([second.isKilled, second.sent.filter(({ name }) => name === 'ping').length]).toEqual([false, 2])
  })

  it('is asked again and again', async () => {
    const { first, pauses } = await running()
    await first.answer('ping')
    pauses[0]?.act()
    expect(first.sent.filter(({ name }) => name === 'ping')).toHaveLength(2)
  })
})

describe('asking all', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('waits for none longer than it is allowed to', async () => {
    const { pool, first } = await running()
    const asked = pool.ask('ready', undefined, 1500)
    await first.answer('ready')
    vi.advanceTimersByTime(1500)
    const outcomes = await asked
    expect(outcomes.get(1)).toEqual({ status: 'fulfilled', value: undefined })
    expect(outcomes.get(2)).toMatchObject({
      status: 'rejected',
      reason: { code: 'PGR_OVERLOADED', message: 'worker 2 did not answer within 1500 ms' },
    })
  })

  it('neither waits for one that ends meanwhile nor tells of it', async () => {
    const { pool, first, second } = await running()
    const asked = pool.ask('snapshot', undefined, 1500)
    await first.answer('snapshot', [])
    await second.die()
    expect([...(await asked).values()].map(({ status }) => status)).toEqual(['fulfilled'])
    // What is left is the question whether the first still answers.
    expect(vi.getTimerCount()).toBe(1)
  })
})

describe('a stop', () => {
  it('lets each end in its own time, and replaces none', async () => {
    const { pool, first, second, workers, ended } = await running()
    let isOver = false
    const stopped = pool.stop().then(() => {
      isOver = true
    })
    await first.answer('stop')
    expect([first.isConnected, second.isConnected]).toEqual([false, true])
    await first.die('exit code 0')
    await second.answer('stop')
    expect(isOver).toBe(false)
    await second.die('exit code 0')
    await stopped
    expect([workers.length, ended]).toEqual([2, [1, 2]])
  })

  it('calls off what was to start, and is over when one ends without an answer', async () => {
    const { pool, first, second, pauses } = await running()
    await second.die()
    const stopped = codeOf(pool.stop())
    expect(pauses.at(-1)?.isCalledOff).toBe(true)
    await first.die()
    expect(await stopped).toBe('fine')
  })

  it('fails with what a worker failed with, when all are gone', async () => {
    const { pool, first, second } = await running()
    const stopped = codeOf(pool.stop())
    await first.fail('stop', 'PGR_STORE_UNAVAILABLE', 'x')
    await first.die('exit code 0')
    await second.answer('stop')
    await second.die('exit code 0')
    expect(await stopped).toBe('PGR_STORE_UNAVAILABLE x')
  })
})
