import { type ChaosProxy, startChaosProxy } from './chaos-proxy.ts'
import { type RedisOptions, type RedisServer, startRedis } from './redis-server.ts'

/** What a rig has started, so that all of it is stopped, also when building the rig fails half way. */
export interface Belongings {
  /** Starts them together; when one fails, it is told only after the others are there and can be stopped. */
  startRedises(options: readonly RedisOptions[]): Promise<RedisServer[]>
  /** One before each server port. */
  startProxies(ports: readonly number[]): Promise<ChaosProxy[]>
  stop(): Promise<void>
}

export function makeBelongings(): Belongings {
  const ends: (() => Promise<void>)[] = []
  let isStopped = false
  const keep = async <T>(thing: T, end: () => Promise<void>): Promise<T> => {
    if (isStopped) {
      await end()
      throw new Error('the rig was stopped while something was started in it')
    }
    ends.push(end)
    return thing
  }
  return {
    startRedises: (options) =>
      allOrNone(
        options.map(async (option) => {
          const server = await startRedis(option)
          return keep(server, () => server.stop())
        }),
      ),
    startProxies: (ports) =>
      allOrNone(
        ports.map(async (port) => {
          const proxy = await startChaosProxy({ port })
          return keep(proxy, () => proxy.close())
        }),
      ),
    async stop() {
      isStopped = true
      await Promise.all(ends.splice(0).map((end) => end()))
    },
  }
}

/** Builds a rig; what it has started is stopped when that fails. */
export async function buildOrStop<T>(build: (belongings: Belongings) => Promise<T>): Promise<T> {
  const belongings = makeBelongings()
  try {
    return await build(belongings)
  } catch (reason) {
    await belongings.stop()
    throw reason
  }
}

async function allOrNone<T>(starting: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(starting)
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
