import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { streamOf } from './http2.ts'
import { Turns } from './turns.ts'

/**
 * Pieces are handed to the socket together: many at a time cost little more than one. After so much of all pages together
 * other work of the process gets its turn; a push takes several, so a page of many small turns keeps it waiting least.
 */
const TURN_BYTES = 256 * 1024
const turns = new Turns(TURN_BYTES)

/** A reader that takes nothing for this long is gone; the page it holds is memory. */
const STALLED_MS = 30_000

/**
 * Answers 200 with a page made of pieces, never copied: the next ones are handed over when the reader has taken those
 * before. Resolves with the bytes handed over, short of the page when the reader went away.
 */
export async function sendPage(
  request: IncomingMessage,
  response: ServerResponse,
  headers: OutgoingHttpHeaders,
  pieces: readonly Uint8Array[],
): Promise<number> {
  response.writeHead(200, headers)
  if (request.method === 'HEAD') {
    response.end()
    return 0
  }
  // Over HTTP/2 it is the stream that knows how far the reader is.
  const sink = streamOf(response) ?? response
  response.setTimeout(STALLED_MS, () => response.destroy())
  let sentBytes = 0
  let batchBytes = 0
  response.cork()
  for (const piece of pieces) {
    if (piece.byteLength === 0) continue
    if (sink.destroyed) return sentBytes
    response.write(piece)
    sentBytes += piece.byteLength
    batchBytes += piece.byteLength
    if (batchBytes < TURN_BYTES) continue
    response.uncork()
    if (sink.writableNeedDrain) await drained(sink)
    await turns.take(batchBytes)
    batchBytes = 0
    response.cork()
  }
  response.uncork()
  response.end()
  return sentBytes
}

/** Calls back when nothing reads any more what was handed over: when it was written to the connection, or that is gone. */
export function whenRead(response: ServerResponse, then: () => void): void {
  // Over HTTP/2 the response ends when it has handed all to the stream, which may still wait for room in its window.
  const sink = streamOf(response) ?? response
  if (sink.writableFinished || sink.destroyed) then()
  else sink.once('finish', then).once('close', then)
}

function drained(sink: Pick<Writable, 'on' | 'off' | 'destroyed'>): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      sink.off('drain', done).off('close', done)
      resolve()
    }
    sink.on('drain', done).on('close', done)
    if (sink.destroyed) done()
  })
}
