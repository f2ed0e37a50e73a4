import { Worker } from 'node:worker_threads'
import { PgrError } from '../../errors/pgr-error.ts'

/** Texts on a strip: where each begins and ends, in turn. The strip is given away with them. */
export interface Texts {
  readonly strip: Uint8Array
  readonly ranges: Uint32Array
}

/** What became of texts, in their order, one behind the other. */
export interface DeflatedTexts {
  readonly bytes: Uint8Array
  readonly lengths: Uint32Array
  readonly crcs: Uint32Array
  /** Where the texts stood, to be used again. */
  readonly strip: Uint8Array
}

/** The thread needs little: small texts go in, smaller ones come out. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 }

interface Waiting {
  readonly deflater: Deflater
  resolve(deflated: DeflatedTexts): void
  reject(reason: unknown): void
}

/** One thread for all pages of the process; it stays once it was needed, and keeps no process alive. */
let thread: Worker | undefined
const waiting = new Map<number, Waiting>()
let lastId = 0

/**
 * Compresses texts apart from each other in a thread, which is started anew should it end: deflate blocks that end on a byte
 * boundary and refer to nothing before them.
 */
export class Deflater {
  #closed = false

  constructor() {
    // It is ready, or nearly, when the first text is.
    thread ??= start()
  }

  /** No text is empty. Rejects with PGR_INTERNAL when compressing fails, or when closed meanwhile. */
  deflate({ strip, ranges }: Texts): Promise<DeflatedTexts> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(failed('nothing is compressed any more'))
        return
      }
      thread ??= start()
      lastId += 1
      waiting.set(lastId, { deflater: this, resolve, reject })
      thread.postMessage({ id: lastId, strip, ranges }, [strip.buffer as ArrayBuffer])
    })
  }

  close(): void {
    this.#closed = true
    for (const [id, { deflater, reject }] of waiting) {
      if (deflater !== this) continue
      waiting.delete(id)
      reject(failed('nothing is compressed any more'))
    }
  }
}

function start(): Worker {
  const started = new Worker(new URL('./deflate-thread.js', import.meta.url), {
    resourceLimits: THREAD_LIMITS,
  })
  started.unref()
  started.on('message', ({ id, reason, ...deflated }) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (reason === undefined) asked?.resolve(deflated)
    else asked?.reject(failed(reason))
  })
  const fail = (reason: unknown): void => {
    if (thread !== started) return
    thread = undefined
    for (const { reject } of waiting.values()) reject(failed(reason))
    waiting.clear()
  }
  started.on('error', fail)
  started.on('exit', () => fail('the thread that compresses ended'))
  return started
}

function failed(cause: unknown): PgrError {
  return new PgrError('PGR_INTERNAL', 'a page could not be compressed', { cause })
}
