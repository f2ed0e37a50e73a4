import { PgrError } from '../../src/errors/pgr-error.ts'
import { seeded } from './mutate.ts'
import type { Target } from './targets.ts'

export interface Outcome {
  readonly inputs: number
  /** Inputs that were still valid. */
  readonly read: number
  readonly slowestMs: number
  /** Growth of the memory of the process, once it was collected. */
  readonly grownBytes: number
}

/** Anything slower hangs: each input has a few hundred bytes. */
const MOST_MS = 1000
const MOST_BYTES = 256 * 1024 * 1024

/**
 * Gives a target so many inputs, the same for the same seed. Throws when one is answered with anything but a refusal that
 * tells a stranger what was wrong, takes long, or memory grows; the message has the number of the input.
 */
export async function fuzz(
  target: Target,
  { inputs, seed }: { inputs: number; seed: number },
): Promise<Outcome> {
  let read = 0
  let slowestMs = 0
  const before = process.memoryUsage().rss
  for (let input = 0; input < inputs; input++) {
    const startedMs = performance.now()
    try {
      const waiting = target.run(seeded(seed + input))
      if (waiting !== undefined) await waiting
      read++
    } catch (reason) {
      const isRefusal =
        reason instanceof PgrError && reason.failure.status >= 400 && reason.failure.status < 500
      if (!isRefusal)
        throw new Error(`${target.name}, seed ${seed + input}: ${String(reason)}`, { cause: reason })
    }
    const tookMs = performance.now() - startedMs
    if (tookMs > slowestMs) slowestMs = tookMs
    if (tookMs > MOST_MS) throw new Error(`${target.name}, seed ${seed + input}: took ${tookMs} ms`)
    // Those that never wait would keep timers of the runner from running.
    if (input % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const grownBytes = process.memoryUsage().rss - before
  if (grownBytes > MOST_BYTES)
    throw new Error(`${target.name}, seed ${seed}: memory grew by ${grownBytes} bytes`)
  return { inputs, read, slowestMs, grownBytes }
}
