import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { PgrError } from '../errors/pgr-error.ts'
import { tooLarge } from './limits.ts'

/** What decompresses, and how much of its input it has taken. */
type Engine = Transform & { readonly bytesWritten: number }

export interface DecompressOptions {
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
export function gunzip(body: Uint8Array, options: DecompressOptions): Uint8Array | Promise<Uint8Array> {
  if (body.byteLength > SYNC_BODY_BYTES) return gunzipAside(body, options)
  const limitBytes = Math.min(options.limitBytes, SYNC_RESULT_BYTES)
  try {
    // The types do not know that `info` changes the result.
    const { buffer, engine } = zlib.gunzipSync(body, {
      maxOutputLength: limitBytes,
      info: true,
    }) as unknown as {
      buffer: Buffer
      engine: Engine
    }
    assertNothingLeft(body, engine, 'gzip')
    options.take?.(buffer.byteLength)
    return buffer
  } catch (reason) {
    if (!isTooLarge(reason)) throw explain(reason, 'gzip')
    if (limitBytes === options.limitBytes) throw over(options)
    return gunzipAside(body, options)
  }
}

function gunzipAside(body: Uint8Array, options: DecompressOptions): Promise<Uint8Array> {
  return aside(zlib.createGunzip(CHUNKS), body, options, 'gzip')
}

/** Decompresses a body in the zlib format (RFC 1950), which HTTP calls deflate. Rejects as `gunzip` does. */
export function inflate(body: Uint8Array, options: DecompressOptions): Promise<Uint8Array> {
  return aside(zlib.createInflate(CHUNKS), body, options, 'deflate')
}

/** Decompresses a Zstandard body (RFC 8878). Rejects as `gunzip` does. Absent where Node has it not: before 22.15. */
export const unzstd = makeUnzstd()

function makeUnzstd() {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Engine }
  if (createZstdDecompress === undefined) return undefined
  return (body: Uint8Array, options: DecompressOptions) =>
    aside(createZstdDecompress(CHUNKS), body, options, 'zstd')
}

const CHUNKS = { chunkSize: 64 * 1024 }

/** Decompresses beside the event loop. */
async function aside(
  engine: Engine,
  body: Uint8Array,
  options: DecompressOptions,
  format: string,
): Promise<Uint8Array> {
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
    assertNothingLeft(body, engine, format)
    return Buffer.concat(pieces, bytes)
  } catch (reason) {
    throw explain(reason, format)
  } finally {
    engine.destroy()
  }
}

/** zlib passes over zeros after a member; Go's reader, whose senders we serve, does not. */
function assertNothingLeft(body: Uint8Array, engine: Engine, format: string): void {
  const left = body.byteLength - engine.bytesWritten
  if (left === 0) return
  throw new PgrError(
    'PGR_BODY_MALFORMED',
    `the ${format} body is followed by ${left} bytes that are no further member`,
  )
}

function over({ limitBytes, setting }: DecompressOptions): PgrError {
  return tooLarge(limitBytes, 'the decompressed body', setting)
}

function explain(reason: unknown, format: string): PgrError {
  if (reason instanceof PgrError) return reason
  const text = reason instanceof Error ? reason.message : String(reason)
  return new PgrError('PGR_BODY_MALFORMED', `the body is not valid ${format}: ${text}`, { cause: reason })
}

function isTooLarge(reason: unknown): boolean {
  return reason instanceof RangeError && 'code' in reason && reason.code === 'ERR_BUFFER_TOO_LARGE'
}
