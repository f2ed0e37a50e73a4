import type { IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PgrError } from '../errors/pgr-error.ts'

const TICK_MS = 200
/** Less than senders wait for an answer. */
const STALL_MS = 1000
/** What piled up during a stall is begun within this after it. */
const SETTLING_MS = 1000

export interface Stalls {
  /**
   * To be awaited before a request changes what is stored. When this process stood still, as a suspended machine does,
   * senders gave up meanwhile and may have sent something newer elsewhere: rejects with PGR_OVERLOADED when this one has
   * closed its connection. Undefined, so that nothing is awaited, when there was no stall.
   */
  assertWaiting(request: Pick<IncomingMessage, 'socket'>): Promise<void> | undefined
  stop(): void
}

async function assertConnected(socket: IncomingMessage['socket']): Promise<void> {
  // That a connection ended is read in a later turn than what came before.
  await nextTurn()
  await nextTurn()
  if (!socket.readableEnded && !socket.destroyed) return
  throw new PgrError(
    'PGR_OVERLOADED',
    'this process stood still and the sender gave up meanwhile; nothing was stored',
  )
}

/** Watches for moments in which this process stood still. */
export function watchStalls(nowMs = () => performance.now()): Stalls {
  let tickedAtMs = nowMs()
  let settledAtMs = Number.NEGATIVE_INFINITY

  function tick(): void {
    const atMs = nowMs()
    if (atMs - tickedAtMs > STALL_MS) settledAtMs = atMs + SETTLING_MS
    tickedAtMs = atMs
  }

  const timer = setInterval(tick, TICK_MS)
  timer.unref()

  return {
    assertWaiting({ socket }) {
      const atMs = nowMs()
      // Requests may be read before the timer is.
      if (atMs - tickedAtMs <= STALL_MS && atMs >= settledAtMs) return undefined
      return assertConnected(socket)
    },
    stop: () => clearInterval(timer),
  }
}
