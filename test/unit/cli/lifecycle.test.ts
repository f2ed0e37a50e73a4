import { describe, expect, it } from 'vitest'
import { type RunningServer, serveUntilStopped } from '../../../src/cli/lifecycle.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

/** A process and a server whose every step is written down; pauses end when the test says so. */
function stage({ stop = async () => {} }: { stop?: () => Promise<void> } = {}) {
  const steps: string[] = []
  const listeners = new Map<Signal, () => void>()
  const pauses = new Map<number, () => void>()
  let started: (server: RunningServer) => void = () => {}
  let requestStop = () => {}
  const ended = serveUntilStopped({
    start(ask) {
      requestStop = ask
      return new Promise((resolve) => {
        started = resolve
      })
    },
    drainDelayMs: 5000,
    stopTimeoutMs: 30_000,
    world: {
      onSignal: (signal, listener) => listeners.set(signal, listener),
      sleep(ms) {
        steps.push(`wait ${ms}`)
        return new Promise((resolve) => {
          pauses.set(ms, resolve)
        })
      },
      exit: (code) => steps.push(`exit ${code}`),
    },
  }).then(
    () => 'stopped',
    (reason: unknown) => (reason instanceof PgrError ? reason.code : String(reason)),
  )
  return {
    steps,
    ended,
    signal: (name: Signal) => listeners.get(name)?.(),
    requestStop: () => requestStop(),
    start: () =>
      started({
        drain: () => steps.push('drain'),
        reload: () => {
          steps.push('reload')
          throw new PgrError('PGR_SETTING_INVALID', 'x')
        },
        stop: () => {
          steps.push('stop')
          return stop()
        },
      }),
    endPause: (ms: number) => pauses.get(ms)?.(),
  }
}

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('a server', () => {
  it('drains on SIGTERM before it stops', async () => {
    const { steps, ended, signal, start, endPause } = stage()
    start()
    await settle()
    expect(steps).toEqual([])
    signal('SIGTERM')
    await settle()
    expect(steps).toEqual(['drain', 'wait 5000'])
    endPause(5000)
    expect(await ended).toBe('stopped')
    expect(steps).toEqual(['drain', 'wait 5000', 'stop', 'wait 30000'])
  })

  it.each([
    ['SIGINT', (world: ReturnType<typeof stage>) => world.signal('SIGINT')],
    ['a request', (world: ReturnType<typeof stage>) => world.requestStop()],
  ])('stops without delay on %s', async (_how, ask) => {
    const world = stage()
    world.start()
    ask(world)
    expect(await world.ended).toBe('stopped')
    expect(world.steps).toEqual(['drain', 'stop', 'wait 30000'])
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends at once on a second signal: %s', async (second, code) => {
    const { steps, signal, start } = stage()
    start()
    signal('SIGTERM')
    await settle()
    signal(second)
    expect(steps).toEqual(['drain', 'wait 5000', `exit ${code}`])
  })

  it('stops once it runs when the signal came during the start', async () => {
    const { steps, ended, signal, start } = stage()
    signal('SIGINT')
    await settle()
    expect(steps).toEqual([])
    start()
    expect(await ended).toBe('stopped')
    expect(steps).toEqual(['drain', 'stop', 'wait 30000'])
  })

  it('reloads on SIGHUP, in order or not, from when it runs to when it is to stop', async () => {
    const { steps, ended, signal, start } = stage()
    signal('SIGHUP')
    await settle()
    start()
    await settle()
    expect(steps).toEqual([])
    signal('SIGHUP')
    signal('SIGHUP')
    expect(steps).toEqual(['reload', 'reload'])
    signal('SIGINT')
    await settle()
    signal('SIGHUP')
    expect(await ended).toBe('stopped')
    expect(steps).toEqual(['reload', 'reload', 'drain', 'stop', 'wait 30000'])
  })

  it('does not wait for ever for a server that will not stop', async () => {
    const { ended, signal, start, endPause } = stage({ stop: () => new Promise(() => {}) })
    start()
    signal('SIGINT')
    await settle()
    endPause(30_000)
    expect(await ended).toBe('PGR_INTERNAL')
  })

  it('passes on why it could not stop', async () => {
    const { ended, signal, start } = stage({
      stop: () => Promise.reject(new PgrError('PGR_STORE_UNAVAILABLE', 'x')),
    })
    start()
    signal('SIGINT')
    expect(await ended).toBe('PGR_STORE_UNAVAILABLE')
  })
})
