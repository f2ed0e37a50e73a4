import { unavailable } from './failures.ts'
import { type RedisStoreOptions, WAIT_TIMEOUT_MS } from './options.ts'

/** What is needed of a `Primary` for it. */
export interface Confirming {
  readonly endpoint: string
  readonly write: { wait(replicas: number, timeoutMs: number): Promise<number> }
}

/**
 * Resolves when enough replicas have all that was written over the primary's write connection so far; undefined where none
 * is waited for.
 */
export type Confirm = (primary: Confirming) => Promise<void> | undefined

/**
 * Makes the wait that `--redis.wait-replicas` asks for; without one it costs nothing. Writes answered in one turn of the
 * event loop share one WAIT, because it holds up the whole connection. Rejects with PGR_STORE_UNAVAILABLE when the
 * replicas did not make it in time: the write is then in the primary, but was not acknowledged.
 */
export function makeConfirm({
  waitReplicas = 0,
  waitTimeoutMs = WAIT_TIMEOUT_MS,
}: RedisStoreOptions): Confirm {
  if (waitReplicas === 0) return () => undefined
  const gathering = new WeakMap<Confirming, Promise<void>>()

  async function wait({ write, endpoint }: Confirming): Promise<void> {
    const replicas = await write.wait(waitReplicas, waitTimeoutMs)
    if (replicas >= waitReplicas) return
    throw unavailable(
      `only ${replicas} of ${waitReplicas} replicas of redis at ${endpoint} have the write after ${waitTimeoutMs} ms`,
    )
  }

  return (primary) => {
    const shared = gathering.get(primary)
    if (shared !== undefined) return shared
    const fresh = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        gathering.delete(primary)
        wait(primary).then(resolve, reject)
      })
    })
    gathering.set(primary, fresh)
    return fresh
  }
}
