import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

export interface HeapReading {
  /** Bytes in use on the heap, what is no longer needed and not yet collected included. */
  readonly heap: number
  /** Bytes outside of it that belong to objects on it: buffers. */
  readonly external: number
  /** So far. */
  readonly collections: number
}

const YOUNG_MEGABYTES = 256
const QUIET = [
  `--min-semi-space-size=${YOUNG_MEGABYTES}`,
  `--max-semi-space-size=${YOUNG_MEGABYTES}`,
  // Functions that are not called for a while would be compiled again, at a time that nobody knows.
  '--no-flush-bytecode',
]

/** What a Node program has to be started with so that `readHeap` can look into it. */
export interface HeapProbe {
  readonly nodeFlags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  read(how?: 'collect'): Promise<HeapReading>
}

/** `quiet`: the young generation is so large that nothing is collected for a while unless asked for; `usual`: as it is. */
export async function heapProbe(collections: 'quiet' | 'usual'): Promise<HeapProbe> {
  const port = await freePort()
  return {
    nodeFlags: [
      '--expose-gc',
      ...(collections === 'quiet' ? QUIET : []),
      '--import',
      fileURLToPath(new URL('heap-probe.mjs', import.meta.url)),
    ],
    env: { HEAP_PROBE_PORT: String(port) },
    async read(how) {
      const answer = await fetch(`http://127.0.0.1:${port}/${how === 'collect' ? '?collect' : ''}`)
      return (await answer.json()) as HeapReading
    },
  }
}
