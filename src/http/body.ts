import type { IncomingMessage, ServerResponse } from 'node:http'
import { PgrError } from '../errors/pgr-error.ts'
import { gunzip } from '../wire/deflate.ts'
import { assertWithin, tooLarge } from '../wire/limits.ts'
import { unsnapFramed } from '../wire/snappy.ts'
import { streamOf } from './http2.ts'
import type { Claim, Inflight } from './inflight.ts'

const BODY_SETTING = 'push.max-body'
const EMPTY = Buffer.alloc(0)

export interface BodyOptions {
  /** Before and after decompression. */
  readonly limitBytes: number
  readonly inflight: Inflight
  readonly encodings?: Encodings
}

export interface Body {
  /** After decompression. */
  readonly bytes: Uint8Array
  readonly sentBytes: number
}

/** Requests whose sender waits for `100 Continue` before it sends the body. */
const awaitingContinue = new WeakSet<IncomingMessage>()

/**
 * For the `checkContinue` event of a server: the body is asked for once nothing speaks against it. When it never is, Node
 * ends the connection with the answer.
 */
export function deferContinue(request: IncomingMessage): void {
  awaitingContinue.add(request)
}

/**
 * Reads the body of a request, decompresses it and hands it to `use`; its bytes count as in flight until `use` is done.
 *
 * Rejects, before the body is asked for where that can be known, with PGR_ENCODING_UNSUPPORTED, PGR_BODY_TOO_LARGE or
 * PGR_OVERLOADED, and with PGR_BODY_MALFORMED when the body ends early or is not what its encoding says.
 */
export async function withBody<T>(
  request: IncomingMessage,
  response: ServerResponse,
  { limitBytes, inflight, encodings = ENCODINGS }: BodyOptions,
  use: (body: Body) => Promise<T>,
): Promise<T> {
  const decode = decoderFor(request.headers['content-encoding'], encodings)
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  assertWithin(limitBytes, declaredBytes, 'the body', BODY_SETTING)
  const claim = inflight.claim(declaredBytes)
  try {
    const sent = await collect(request, response, limitBytes, claim)
    const options = { limitBytes, setting: BODY_SETTING, take: claim.take }
    const bytes = decode === undefined ? sent : await decode(sent, options)
    return await use({ bytes, sentBytes: sent.byteLength })
  } finally {
    claim.release()
  }
}

type Decoder = (body: Uint8Array, options: DecodeOptions) => Uint8Array | Promise<Uint8Array>

interface DecodeOptions {
  readonly limitBytes: number
  readonly setting: string
  readonly take: (bytes: number) => void
}

/** Content encodings that a path reads, by name. */
export interface Encodings {
  readonly decoders: Readonly<Record<string, Decoder>>
  /** What a body without an encoding is in; absent: in none. */
  readonly unnamed?: string
  /** Completes "send …". */
  readonly advice: string
}

/** Those of pushes. */
const ENCODINGS: Encodings = {
  decoders: { gzip: gunzip, 'x-gzip': gunzip, snappy: unsnapFramed },
  advice: 'gzip, framed snappy or no encoding',
}

/** What undoes the encoding of the body; undefined for none. Throws PGR_ENCODING_UNSUPPORTED. */
function decoderFor(
  header: string | undefined,
  { decoders, unnamed, advice }: Encodings,
): Decoder | undefined {
  if (header === undefined && unnamed === undefined) return undefined
  const encodings = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && (encoding !== 'identity' || unnamed !== undefined))
  const [encoding = unnamed, ...more] = encodings
  if (encoding === undefined) return undefined
  if (more.length === 0 && Object.hasOwn(decoders, encoding)) return decoders[encoding]
  throw new PgrError(
    'PGR_ENCODING_UNSUPPORTED',
    `the content encoding ${JSON.stringify(header)} is not supported here; send ${advice}`,
  )
}

function hasBody(request: IncomingMessage): boolean {
  const stream = streamOf(request)
  if (stream !== undefined) return !stream.endAfterHeaders
  const { headers } = request
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

function endedEarly(bytes: number, cause?: unknown): PgrError {
  return new PgrError('PGR_BODY_MALFORMED', `the body ended early, after ${bytes} bytes`, { cause })
}

/** A stream of HTTP/2 that was reset ends like one that is complete. */
function isCutShort(request: IncomingMessage): boolean {
  const stream = streamOf(request)
  return stream !== undefined && (stream.aborted || stream.rstCode !== 0)
}

function collect(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
  claim: Claim,
): Promise<Buffer> {
  if (!hasBody(request)) return Promise.resolve(EMPTY)
  // Nothing more would be heard of it.
  if (request.destroyed || streamOf(request)?.destroyed) return Promise.reject(endedEarly(0))
  if (awaitingContinue.delete(request)) response.writeContinue()
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    let isOver = false

    function onData(piece: Buffer): void {
      // What still comes is read and dropped, so that the answer is not lost to a reset connection.
      if (isOver) return
      try {
        bytes += piece.byteLength
        if (bytes > limitBytes) throw tooLarge(limitBytes, 'the body', BODY_SETTING)
        claim.take(piece.byteLength)
        pieces.push(piece)
      } catch (reason) {
        isOver = true
        pieces.length = 0
        reject(reason)
      }
    }
    function onEnd(): void {
      if (isCutShort(request)) {
        onCut()
        return
      }
      isOver = true
      const [first = EMPTY] = pieces
      resolve(pieces.length <= 1 ? first : Buffer.concat(pieces, bytes))
      // The listeners stay with the request, and are not to hold the body a second time.
      pieces.length = 0
    }
    function onCut(cause?: unknown): void {
      if (isOver) return
      isOver = true
      pieces.length = 0
      reject(endedEarly(bytes, cause))
    }

    // They stay: an error that comes later must not end the process.
    request.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut)
  })
}
