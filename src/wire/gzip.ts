import { createGunzip, type Gunzip, gunzipSync } from 'node:zlib'
import { PgrError } from '../errors/pgr-error.ts'
import { tooLarge } from './limits.ts'

export interface GunzipOptions {
  /** Most bytes the result may have. */
  readonly limitBytes: number
  /** Setting the limit comes from, for the message. */
  readonly setting: string
  /** Told of every further piece of the result before it is kept; may throw to give up. */
  readonly take?: (bytes: number) => void
}

/** Up to this size decompression on the spot is cheaper than the way to a thread and back. */
const SYNC_BODY_BYTES = 16 * 1024
/** The result of a body that small is allowed on the spot only up to this size: 1 ms or so. */
const SYNC_RESULT_BYTES = 1024 * 1024

/**
 * Decompresses a whole gzip body (RFC 1952), one or several members. Small bodies are done on the spot and returned;
 * larger ones, and small ones that swell, are decompressed beside the event loop. Throws or rejects with
 * PGR_BODY_MALFORMED when the body is truncated, corrupt or followed by anything that is not a further member, padding
 * zeros included, and with PGR_BODY_TOO_LARGE as soon as the result passes the limit.
 */
export function gunzip(body: Uint8Array, options: GunzipOptions): Uint8Array | Promise<Uint8Array> {
  if (body.byteLength > SYNC_BODY_BYTES) return gunzipAside(body, options)
  const limitBytes = Math.min(options.limitBytes, SYNC_RESULT_BYTES)
  try {
    // The types do not know that `info` changes the result.
    const { buffer, engine } = gunzipSync(body, { maxOutputLength: limitBytes, info: true }) as unknown as {
      buffer: Buffer
      engine: Gunzip
    }
    assertNothingLeft(body, engine)
    options.take?.(buffer.byteLength)
    return buffer
  } catch (reason) {
    if (!isTooLarge(reason)) throw explain(reason)
    if (limitBytes === options.limitBytes) throw over(options)
    return gunzipAside(body, options)
  }
}

async function gunzipAside(body: Uint8Array, options: GunzipOptions): Promise<Uint8Array> {
  const engine = createGunzip({ chunkSize: 64 * 1024 })
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    engine.end(body)
    for await (const piece of engine as AsyncIterable<Buffer>) {
      bytes += piece.byteLength
      if (bytes > options.limitBytes) throw over(options)
      options.take?.(piece.byteLength)
      pieces.push(piece)
    }
    assertNothingLeft(body, engine)
    return Buffer.concat(pieces, bytes)
  } catch (reason) {
    throw explain(reason)
  } finally {
    engine.destroy()
  }
}

/** zlib passes over zeros after a member; Go's reader, whose senders we serve, does not. */
function assertNothingLeft(body: Uint8Array, engine: Gunzip): void {
  const left = body.byteLength - engine.bytesWritten
  if (left === 0) return
  throw new PgrError(
    'PGR_BODY_MALFORMED',
    `the gzip body is followed by ${left} bytes that are no further member`,
  )
}

function over({ limitBytes, setting }: GunzipOptions): PgrError {
  return tooLarge(limitBytes, 'the decompressed body', setting)
}

function explain(reason: unknown): PgrError {
  if (reason instanceof PgrError) return reason
  const text = reason instanceof Error ? reason.message : String(reason)
  return new PgrError('PGR_BODY_MALFORMED', `the body is not valid gzip: ${text}`, { cause: reason })
}

function isTooLarge(reason: unknown): boolean {
  return reason instanceof RangeError && 'code' in reason && reason.code === 'ERR_BUFFER_TOO_LARGE'
}
