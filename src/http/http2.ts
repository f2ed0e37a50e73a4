import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'

/** The stream of a request or response that came over HTTP/2; undefined over HTTP/1.1. */
export function streamOf(raw: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined {
  return 'stream' in raw ? (raw.stream as ServerHttp2Stream) : undefined
}

export interface Sessions {
  /** Speaks HTTP/2 on a connection that negotiated it. */
  take(socket: TLSSocket): void
  /** Takes no new requests on any connection; each ends with its last answer. */
  close(): void
  /** Cuts them all. */
  destroy(): void
}

export interface SessionOptions {
  readonly maxHeaderSize: number
  /** Longest time a request may take to come. */
  readonly requestTimeout: number
  readonly keepAliveTimeout: number
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Requests at once on one connection. */
const MAX_STREAMS = 250
const WINDOW_BYTES = 1024 * 1024
/** Queued data of a page counts, and must not keep pushes out. */
const MAX_SESSION_MIB = 64

/**
 * HTTP/2 beside a server that has accepted a connection and negotiated it. Requests and responses look like those of
 * HTTP/1.1 as far as routes use them; `streamOf` has the rest.
 */
export function makeSessions(
  { maxHeaderSize, requestTimeout, keepAliveTimeout }: SessionOptions,
  on: { readonly request: Handler; readonly checkContinue: Handler; isClosing(): boolean },
): Sessions {
  const open = new Set<ServerHttp2Session>()
  // Never listens: it is handed connections.
  const server: Http2Server = createServer({
    maxSessionMemory: MAX_SESSION_MIB,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: maxHeaderSize,
      initialWindowSize: WINDOW_BYTES,
    },
  })
  server.on('request', on.request as unknown as Parameters<typeof server.on>[1])
  server.on('checkContinue', on.checkContinue as unknown as Parameters<typeof server.on>[1])
  server.on('stream', (stream: ServerHttp2Stream) => {
    const slow = setTimeout(() => {
      if (!stream.readableEnded && !stream.endAfterHeaders) stream.close(constants.NGHTTP2_CANCEL)
    }, requestTimeout)
    slow.unref()
    stream.once('close', () => clearTimeout(slow))
  })
  server.on('session', (session: ServerHttp2Session) => {
    open.add(session)
    session.once('close', () => open.delete(session))
    session.setLocalWindowSize(WINDOW_BYTES)
    session.setTimeout(keepAliveTimeout, () => session.close())
    if (on.isClosing()) session.close()
  })

  return {
    take: (socket) => server.emit('connection', socket),
    close() {
      for (const session of open) session.close()
    },
    destroy() {
      for (const session of open) session.destroy()
    },
  }
}
