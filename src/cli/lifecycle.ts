import { PgrError } from '../errors/pgr-error.ts'

/** A server that listens. */
export interface RunningServer {
  /** From now on readiness fails, while everything is still served. */
  drain(): void
  /** Reads settings anew; throws or rejects with why the old ones stay, which was told. */
  reload(): unknown
  /** Takes no more requests, ends those under way, lets go of the store. */
  stop(): Promise<void>
}

export interface Serving {
  /** `requestStop` is for a stop asked for by other means than a signal. */
  start(requestStop: () => void): Promise<RunningServer>
  readonly drainDelayMs: number
  readonly stopTimeoutMs: number
  readonly world: ServingWorld
}

/** What serving needs of the process. */
export interface ServingWorld {
  onSignal(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): void
  sleep(ms: number): Promise<void>
  exit(code: number): void
}

/** As a shell reports a process that a signal ended. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Starts a server and resolves once it was asked to stop and has stopped. SIGTERM drains first: readiness fails, so that
 * balancers look away while requests are still answered; SIGINT, which is a person at a terminal, does not wait. A
 * second signal ends the process at once. SIGHUP reloads settings while the server runs, and else does nothing. A signal during the start counts as soon as the server runs. The server cuts off
 * what takes too long by itself; when it has not stopped by then, this rejects with PGR_INTERNAL.
 */
export async function serveUntilStopped({
  start,
  drainDelayMs,
  stopTimeoutMs,
  world,
}: Serving): Promise<void> {
  let isAsked = false
  let ask: (delayMs: number) => void = () => {}
  const asked = new Promise<number>((resolve) => {
    ask = (delayMs) => {
      isAsked = true
      resolve(delayMs)
    }
  })
  for (const [signal, delayMs] of [
    ['SIGTERM', drainDelayMs],
    ['SIGINT', 0],
  ] as const) {
    world.onSignal(signal, () => {
      if (isAsked) world.exit(SIGNAL_EXIT[signal])
      ask(delayMs)
    })
  }

  let running: RunningServer | undefined
  async function reload(): Promise<void> {
    try {
      await running?.reload()
    } catch {
      // Whoever is to know was told.
    }
  }
  world.onSignal('SIGHUP', () => void reload())

  const server = await start(() => ask(0))
  running = server
  const delayMs = await asked
  running = undefined
  server.drain()
  if (delayMs > 0) await world.sleep(delayMs)
  const isLate = await Promise.race([
    server.stop().then(() => false),
    world.sleep(stopTimeoutMs).then(() => true),
  ])
  if (isLate) {
    throw new PgrError('PGR_INTERNAL', `the server did not stop within ${stopTimeoutMs} ms and was cut off`)
  }
}
