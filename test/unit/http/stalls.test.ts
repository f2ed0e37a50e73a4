import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watchStalls } from '../../../src/http/stalls.ts'

const GONE = expect.objectContaining({ code: 'PGR_OVERLOADED' })

const requestOn = (socket: Partial<Socket>) => ({ socket: socket as Socket })
const waiting = requestOn({ readableEnded: false, destroyed: false })

describe('a request that changes something', () => {
  let nowMs = 0
  let stalls: ReturnType<typeof watchStalls>

  /** Time goes on, and timers run as they do in a process that works. */
  function work(ms: number): void {
    for (let step = 0; step < ms; step += 100) {
      nowMs += 100
      vi.advanceTimersByTime(100)
    }
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    nowMs = 5000
    stalls = watchStalls(() => nowMs)
  })
  afterEach(() => {
    stalls.stop()
    vi.useRealTimers()
  })

  it.each([
    ['ended its connection', { readableEnded: true, destroyed: false }],
    ['lost its connection', { readableEnded: false, destroyed: true }],
  ])('is refused after a stall when its sender %s, and not otherwise', async (_what, socket) => {
    const gone = requestOn(socket)
    work(3000)
    // A sender may close its half of the connection at any time.
    await stalls.assertWaiting(gone)

    nowMs += 1100
    await expect(stalls.assertWaiting(gone)).rejects.toEqual(GONE)
    await stalls.assertWaiting(waiting)
    vi.advanceTimersByTime(200)
    // What piled up is not read all at once.
    await expect(stalls.assertWaiting(gone)).rejects.toEqual(GONE)
    await stalls.assertWaiting(waiting)

    work(1100)
    await stalls.assertWaiting(gone)
  })

  it('is looked at after whatever the connection still had to say', async () => {
    const socket = { readableEnded: false, destroyed: false }
    nowMs += 1100
    const judged = stalls.assertWaiting(requestOn(socket))
    setImmediate(() => {
      socket.readableEnded = true
    })
    await expect(judged).rejects.toEqual(GONE)
  })

  it('is not held up by a pause that nobody notices', async () => {
    nowMs += 900
    await stalls.assertWaiting(requestOn({ readableEnded: true, destroyed: false }))
  })
})
