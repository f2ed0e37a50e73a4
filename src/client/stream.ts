import type { PgrError } from '../errors/pgr-error.ts'
import { headersFor, type Question, refusalOf, urlOf } from './ask.ts'
import { unreachable, type World } from './send.ts'
import type { Target } from './target.ts'

export interface StreamOptions {
  /** For the head of the answer, and then for each piece of it. */
  readonly timeoutMs: number
  /** Media type that is asked for. */
  readonly accept: string
}

/** What is read of an answer that refuses. */
const LONGEST_REFUSAL_BYTES = 65_536

/**
 * Asks for an answer of any length, and gives it piece by piece as it is read; undefined where nothing is served (404,
 * 405). Throws PGR_GATEWAY_UNREACHABLE when there is no answer or the rest of it does not come, else what `askApi` throws
 * for answers that refuse.
 */
export async function askStream(
  target: Target,
  question: Question,
  options: StreamOptions,
  world: Pick<World, 'fetch'> = { fetch },
): Promise<AsyncGenerator<Uint8Array, void> | undefined> {
  const url = urlOf(target, question)
  const patience = makePatience(options.timeoutMs)
  let response: Response
  try {
    response = await patience.wait(
      world.fetch(url, {
        method: question.method ?? 'GET',
        headers: headersFor(target, options.accept),
        redirect: 'manual',
        signal: patience.signal,
      }),
    )
  } catch (reason) {
    throw unreachable({ url }, patience.reasonFor(reason), options)
  }
  const cutOff = (reason: unknown): PgrError => unreachable({ url }, patience.reasonFor(reason), options)
  const { status } = response
  if (response.ok) return piecesOf(response, patience, cutOff)
  const body = await readStart(piecesOf(response, patience, cutOff))
  if (status === 404 || status === 405) return undefined
  throw refusalOf(url, { status, headers: response.headers, body })
}

async function* piecesOf(
  response: Response,
  patience: Patience,
  cutOff: (reason: unknown) => PgrError,
): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  try {
    for (;;) {
      const { done, value } = await patience.wait(reader.read()).catch((reason) => {
        throw cutOff(reason)
      })
      if (done) return
      yield value
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

async function readStart(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const start: Uint8Array[] = []
  let bytes = 0
  for await (const piece of pieces) {
    start.push(piece)
    bytes += piece.length
    if (bytes > LONGEST_REFUSAL_BYTES) break
  }
  return Buffer.concat(start).subarray(0, LONGEST_REFUSAL_BYTES)
}

interface Patience {
  readonly signal: AbortSignal
  /** Ends the request when this takes too long. What is done between two waits takes as long as it takes. */
  wait<T>(what: Promise<T>): Promise<T>
  /** What a wait failed for: that it took too long, if it did. */
  reasonFor(reason: unknown): unknown
}

function makePatience(timeoutMs: number): Patience {
  const ending = new AbortController()
  return {
    signal: ending.signal,
    async wait(what) {
      const timer = setTimeout(
        () => ending.abort(new DOMException('no answer in time', 'TimeoutError')),
        timeoutMs,
      )
      try {
        return await what
      } finally {
        clearTimeout(timer)
      }
    },
    reasonFor: (reason) => (ending.signal.aborted ? ending.signal.reason : reason),
  }
}
