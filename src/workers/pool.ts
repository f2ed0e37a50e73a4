import { PgrError } from '../errors/pgr-error.ts'
import type { Tell } from '../telemetry/events.ts'
import { type Calls, makeCalls } from './calls.ts'
import type { Boot, SupervisorService, WorkerService } from './services.ts'

/** A worker that lived at least so long died of something new; the next starts at once. */
const STABLE_MS = 60_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 30_000
/** A worker that says nothing for so long is ended: what is connected to it would wait for ever. */
const SILENCE_MS = 30_000
const PING_INTERVAL_MS = 5000
/** When this process stood still, answers may be there that it has not read. */
const STANDSTILL_MS = 1000
/** For workers to say goodbye to the store when another one could not start. */
const FAILED_START_GRACE_MS = 2000

/** A process as the pool sees it. */
export interface WorkerProcess {
  readonly pid: number
  /** Never throws; what is sent to one that ended is lost. */
  send(message: unknown): void
  /** It ends itself then. */
  disconnect(): void
  kill(): void
}

export interface WorkerEvents {
  message(message: unknown): void
  /** It ended; `how` is a signal or an exit code, in words. */
  exit(how: string): void
}

/** What the pool needs of the system. */
export interface PoolWorld {
  fork(events: WorkerEvents): WorkerProcess
  /** Calls back after a pause, unless it is called off by what this returns. */
  after(ms: number, act: () => void): () => void
  /** A clock that never goes back. */
  nowMs(): number
}

export interface PoolOptions {
  readonly count: number
  readonly world: PoolWorld
  readonly tell: Tell
  readonly service: SupervisorService
  /** Asked anew for each worker. */
  boot(): Pick<Boot, 'settings' | 'origins' | 'startedAt'>
  /** A worker is gone, asked to or not. */
  onEnd(worker: number): void
}

type Asked = 'snapshot' | 'rejections' | 'ready' | 'drain' | 'reload'
type Outcomes<Name extends Asked> = Map<
  number,
  PromiseSettledResult<Awaited<ReturnType<WorkerService[Name]>>>
>

/** A fixed number of workers, each of which is replaced when it ends. */
export interface Pool {
  /** Whether all have started; one that is being replaced does not count. */
  readonly isStarted: boolean
  /** Workers that listen. */
  readonly serving: number
  /**
   * Starts all, and answers with the addresses once every one of them listens. When one cannot, none is left and this
   * rejects with why.
   */
  start(): Promise<readonly string[]>
  /** Asks all that listen, and waits for each no longer than this. Of one that ends meanwhile nothing is said. */
  ask<Name extends Asked>(
    name: Name,
    argument: Parameters<WorkerService[Name]>[0],
    timeoutMs: number,
  ): Promise<Outcomes<Name>>
  /** Stops all and replaces none from now on; resolves when they are gone, and rejects with what one failed with. */
  stop(): Promise<void>
}

/** A place that is to have a worker. */
interface Seat {
  readonly number: number
  worker?: Worker
  /** How often in a row its worker ended soon after its start. */
  earlyEnds: number
  /** Calls off the next start. */
  callOff?: () => void
}

interface Worker {
  readonly process: WorkerProcess
  readonly calls: Calls<WorkerService>
  readonly bornAtMs: number
  readonly gone: Promise<void>
  isServing: boolean
  /** Why it is to end, when it said so. */
  failure?: PgrError
}

export function makePool({ count, world, tell, service, boot, onEnd }: PoolOptions): Pool {
  const seats = Array.from({ length: count }, (_, place): Seat => ({ number: place + 1, earlyEnds: 0 }))
  let phase: 'starting' | 'running' | 'stopping' = 'starting'

  const workers = () =>
    seats.flatMap(({ number, worker }) => (worker === undefined ? [] : [{ number, worker }]))
  const serving = () => workers().filter(({ worker }) => worker.isServing)

  /** Resolves when it listens. When it cannot it is on its way out. */
  async function start(seat: Seat): Promise<readonly string[]> {
    const { number } = seat
    const bornAtMs = world.nowMs()
    const holdsBack = serving().length > 0 && phase === 'running'
    const given = boot()
    const { promise: gone, resolve: leave } = withResolver()
    const process = world.fork({
      message: (message) => calls.take(message),
      exit(how) {
        ended(seat, worker, how)
        leave()
      },
    })
    const calls = makeCalls<WorkerService>(`worker ${number}`, (message) => process.send(message), service)
    const worker: Worker = { process, calls, bornAtMs, gone, isServing: false }
    seat.worker = worker
    try {
      const urls = await calls.call('start', { number, holdsBack, ...given }, 0)
      // Settings may have been reloaded meanwhile.
      const { settings, origins } = boot()
      if (settings !== given.settings) await calls.call('reload', { settings, origins }, 0)
      worker.isServing = true
      const seconds = (world.nowMs() - bornAtMs) / 1000
      tell({ kind: 'worker.started', worker: number, pid: process.pid, seconds })
      watch(worker)
      return urls
    } catch (reason) {
      worker.failure = PgrError.from(reason, 'PGR_START_FAILED')
      process.disconnect()
      throw reason
    }
  }

  /** Ends a worker that stands still. */
  function watch(worker: Worker): void {
    const { calls, process } = worker
    const askedAtMs = world.nowMs()
    calls.call('ping', undefined, SILENCE_MS).then(
      () => world.after(PING_INTERVAL_MS, () => watch(worker)),
      (reason: PgrError) => {
        // Gone already, and nobody is left to be asked.
        if (reason.code !== 'PGR_OVERLOADED') return
        if (world.nowMs() - askedAtMs > SILENCE_MS + STANDSTILL_MS) {
          watch(worker)
          return
        }
        worker.failure = reason
        process.kill()
      },
    )
  }

  function ended(seat: Seat, worker: Worker, how: string): void {
    const { number } = seat
    const { process, calls, bornAtMs, isServing, failure } = worker
    worker.isServing = false
    const code = isServing ? 'PGR_STOPPING' : 'PGR_START_FAILED'
    calls.end(new PgrError(code, `worker ${number} ended (${how})${isServing ? '' : ' before it listened'}`))
    delete seat.worker
    onEnd(number)
    if (phase === 'stopping' || (phase === 'starting' && !isServing)) return
    const livedMs = world.nowMs() - bornAtMs
    seat.earlyEnds = livedMs < STABLE_MS ? seat.earlyEnds + 1 : 0
    const pauseMs =
      seat.earlyEnds === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (seat.earlyEnds - 1), LONGEST_PAUSE_MS)
    tell({
      kind: 'worker.ended',
      worker: number,
      pid: process.pid,
      reason: failure?.message ?? how,
      seconds: livedMs / 1000,
      pauseSeconds: pauseMs / 1000,
    })
    // That it could not start is told when it has ended.
    seat.callOff = world.after(pauseMs, () => void start(seat).catch(() => undefined))
  }

  async function stop(): Promise<void> {
    phase = 'stopping'
    for (const { callOff } of seats) callOff?.()
    const outcomes = await Promise.allSettled(
      workers().map(async ({ worker: { calls, process, gone } }) => {
        await calls.call('stop', undefined, 0).finally(() => process.disconnect())
        await gone
      }),
    )
    await Promise.all(workers().map(({ worker }) => worker.gone))
    // One that ended before it had stopped has nothing left to stop.
    const failed = outcomes.find(
      ({ status, reason }: { status: string; reason?: PgrError }) =>
        status === 'rejected' && reason?.code !== 'PGR_STOPPING' && reason?.code !== 'PGR_START_FAILED',
    )
    if (failed?.status === 'rejected') throw failed.reason
  }

  return {
    get isStarted() {
      return phase !== 'starting'
    },
    get serving() {
      return serving().length
    },
    async start() {
      try {
        const [urls = []] = await Promise.all(seats.map(start))
        phase = 'running'
        return urls
      } catch (reason) {
        const killed = new Promise<void>((resolve) => {
          world.after(FAILED_START_GRACE_MS, () => {
            for (const { worker } of workers()) worker.process.kill()
            resolve()
          })
        })
        await Promise.race([stop().catch(() => undefined), killed])
        throw reason
      }
    },
    async ask(name, argument, timeoutMs) {
      const asked = serving()
      const outcomes = await Promise.allSettled(
        asked.map(({ worker }) => worker.calls.call(name, argument as never, timeoutMs)),
      )
      return new Map(
        asked.flatMap(({ number, worker }, place) =>
          worker.isServing ? [[number, outcomes[place] as never]] : [],
        ),
      )
    },
    stop,
  }
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((resolvePromise) => {
    resolve = resolvePromise
  })
  return { promise, resolve }
}
