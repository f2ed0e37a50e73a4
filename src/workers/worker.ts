/** The program of a worker: what it does, it does when the supervisor asks. */
import { startProcess } from '../app.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { makeCalls } from './calls.ts'
import type { Boot, InEffect, SupervisorService, WorkerService } from './services.ts'

/** More than the supervisor waits for any worker. */
const TIMEOUT_MS = 3000
const RELOAD_TIMEOUT_MS = 15_000

let server: Awaited<ReturnType<typeof startProcess>> | undefined
let given: InEffect | undefined

function send(message: unknown): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

const supervisor = makeCalls<SupervisorService>('the supervisor', send, {
  async start(boot: Boot) {
    given = boot
    server = await startProcess(boot.settings, {
      ...(boot.origins === undefined ? {} : { origins: boot.origins }),
      requestStop: () => void supervisor.call('quit', undefined, TIMEOUT_MS).catch(() => undefined),
      reread: () => ({ ...(given ?? boot), notices: [] }),
      worker: {
        number: boot.number,
        startedAt: boot.startedAt,
        holdsBack: boot.holdsBack,
        metrics: () => supervisor.call('metrics', undefined, TIMEOUT_MS),
        activity: () => supervisor.call('activity', undefined, TIMEOUT_MS),
        ready: () => supervisor.call('ready', undefined, TIMEOUT_MS),
        reload: () => supervisor.call('reload', undefined, RELOAD_TIMEOUT_MS),
      },
    })
    return server.urls
  },
  ping() {},
  snapshot: () => started().snapshot(),
  ready: () => started().ready(),
  rejections: () => started().rejections(),
  reload(next: InEffect) {
    given = next
    started().reload()
  },
  drain: () => started().drain(),
  async stop() {
    await server?.stop()
    // There was nothing yet that could be stopped.
    if (server === undefined) process.exit(0)
  },
} satisfies WorkerService)

function started() {
  if (server === undefined) throw new PgrError('PGR_STOPPING', 'the worker is being started')
  return server
}

// A terminal and a service manager signal all processes of a group; the supervisor is one of them and decides.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
// The supervisor is done with this process, or is gone.
process.once('disconnect', () => process.exit(0))
process.on('message', supervisor.take)
send('here')
