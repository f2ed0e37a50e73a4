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
  resolve(deflated: DeflatedTexts): void
  reject(reason: unknown): void
}

/**
 * Compresses texts apart from each other in a thread that is started by the first, and anew should it end: deflate blocks
 * that end on a byte boundary and refer to nothing before them.
 */
export class Deflater {
  readonly #waiting = new Map<number, Waiting>()
  #thread: Worker | undefined
  #lastId = 0
  #closed = false

  /** Rejects with PGR_INTERNAL when compressing fails, or when closed meanwhile. */
  deflate({ strip, ranges }: Texts): Promise<DeflatedTexts> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(failed('nothing is compressed any more'))
        return
      }
      this.#thread ??= this.#start()
      this.#lastId += 1
      this.#waiting.set(this.#lastId, { resolve, reject })
      const { buffer } = strip
      this.#thread.postMessage({ id: this.#lastId, strip, ranges }, [buffer as ArrayBuffer])
    })
  }

  close(): void {
    this.#closed = true
    this.#fail(failed('nothing is compressed any more'))
    void this.#thread?.terminate()
  }

  #start(): Worker {
    const thread = new Worker(new URL('./deflate-thread.js', import.meta.url), {
      resourceLimits: THREAD_LIMITS,
    })
    thread.unref()
    thread.on('message', ({ id, reason, ...deflated }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (reason === undefined) waiting?.resolve(deflated)
      else waiting?.reject(failed(reason))
    })
    const end = (reason: unknown): void => {
      if (this.#thread !== thread) return
      this.#thread = undefined
      this.#fail(failed(reason))
    }
    thread.on('error', end)
    thread.on('exit', () => end('the thread that compresses ended'))
    return thread
  }

  #fail(reason: PgrError): void {
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }
}

function failed(cause: unknown): PgrError {
  return new PgrError('PGR_INTERNAL', 'a page could not be compressed', { cause })
}
