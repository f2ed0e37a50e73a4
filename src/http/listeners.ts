import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { PgrError } from '../errors/pgr-error.ts'
import { deferContinue } from './body.ts'
import { certificateOptions, objectionInHandshake, objectionTo } from './client-certificate.ts'
import { makeSessions, type Sessions } from './http2.ts'
import { type ListenAddress, parseListenAddress, showHostPort } from './listen-address.ts'
import type { TlsMaterial } from './options.ts'

/** Where a server listens, as the system says. */
export interface BoundAddress {
  /** Empty for a socket in the file system, whose port is 0. */
  readonly host: string
  readonly port: number
  /** `http://host:port`, without path; for a socket in the file system what it was handed over as. */
  readonly url: string
}

interface Listeners {
  /** Listens on every address or on none. Throws PGR_START_FAILED or PGR_SETTING_INVALID. */
  open(addresses: readonly (string | number)[]): Promise<readonly BoundAddress[]>
  /** New connections get the new certificate. Throws PGR_SETTING_INVALID, and the old one stays, when it is none. */
  setTls(tls: TlsMaterial): void
  /**
   * Takes no new connections, closes those without a request and each of the others after its answer; cuts what is left
   * after `deadlineMs` milliseconds.
   */
  close(deadlineMs: number): Promise<void>
}

interface ListenerDeps {
  readonly route: (request: IncomingMessage, response: ServerResponse) => void
  /** Methods of a path for the Allow header of a request whose method no parser knows; undefined for no such path. */
  readonly allowedAt: (path: string) => string | undefined
  /** A connection was ended because of the certificate its client showed or did not show. */
  readonly turnedAway: (reason: string) => void
}

/** How connections are set up. */
export interface Transport {
  readonly tls: TlsMaterial | undefined
  /** Beside HTTP/1.1, with TLS. */
  readonly http2: boolean
}

/**
 * Bounds on what comes before a body, and on how slowly a request may come. The head bounds the URL: a path of many
 * long labels fits.
 */
const LIMITS = {
  maxHeaderSize: 64 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 5_000,
  /** Longer than the idle time of common balancers, so that it is they who close. */
  keepAliveTimeout: 75_000,
}

/** How often connections that became idle are closed while stopping. */
const REAP_INTERVAL_MS = 20

/** Servers for one or more addresses in front of one router. */
export function makeListeners(
  { tls, http2 }: Transport,
  { route, allowedAt, turnedAway }: ListenerDeps,
): Listeners {
  const servers: (Server | TlsServer)[] = []
  let material = tls
  const sessions: Sessions | undefined =
    tls === undefined || !http2
      ? undefined
      : makeSessions(LIMITS, {
          request: onRequest,
          checkContinue: onCheckContinue,
          isClosing: () => isClosing,
        })
  const unanswered = new Set<ServerResponse>()
  let isClosing = false

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (isClosing) response.shouldKeepAlive = false
    unanswered.add(response)
    response.once('close', () => unanswered.delete(response))
    route(request, response)
  }

  function onCheckContinue(request: IncomingMessage, response: ServerResponse): void {
    deferContinue(request)
    onRequest(request, response)
  }

  function makeServer(): Server | TlsServer {
    const server = material === undefined ? createServer(LIMITS) : makeSecureServer(material)
    server.on('request', onRequest)
    server.on('checkContinue', onCheckContinue)
    server.on('clientError', (error: ClientError, socket) => refuse(error, socket as Socket, allowedAt))
    return server
  }

  /** Each connection goes to the protocol it negotiated, once its client is found to be one that may come in. */
  function makeSecureServer(first: TlsMaterial): TlsServer {
    const server = createTlsServer({
      ...LIMITS,
      ...first,
      ...certificateOptions(first),
      handshakeTimeout: LIMITS.headersTimeout,
      ALPNProtocols: sessions === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
    })
    const [speakHttp1] = server.listeners('secureConnection')
    server.removeAllListeners('secureConnection')
    server.on('tlsClientError', (error, socket) => {
      const objection = objectionInHandshake(error, socket)
      if (objection !== undefined) turnedAway(objection)
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      const objection = objectionTo(socket, material ?? first)
      if (objection !== undefined) {
        turnedAway(objection)
        socket.destroy()
      } else if (socket.alpnProtocol === 'h2') sessions?.take(socket)
      else speakHttp1?.call(server, socket)
    })
    return server
  }

  async function openOne(address: string | number): Promise<BoundAddress> {
    const given = typeof address === 'number' ? { fd: address } : parseListenAddress(address)
    const server = makeServer()
    await listen(server, given, address)
    servers.push(server)
    // Of a socket in the file system that was open already, Node does not know the path.
    const bound = server.address() as AddressInfo | null
    if (bound === null) return { host: '', port: 0, url: `unix:descriptor-${address}` }
    const shown = ('host' in given ? given.host : undefined) ?? bound.address
    const scheme = tls === undefined ? 'http' : 'https'
    return { host: shown, port: bound.port, url: `${scheme}://${showHostPort(shown, bound.port)}` }
  }

  async function close(deadlineMs: number): Promise<void> {
    isClosing = true
    for (const response of unanswered) response.shouldKeepAlive = false
    sessions?.close()
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    const reaper = setInterval(() => {
      for (const server of servers) server.closeIdleConnections()
    }, REAP_INTERVAL_MS)
    const axe = setTimeout(() => {
      for (const server of servers) server.closeAllConnections()
      sessions?.destroy()
    }, deadlineMs)
    await Promise.all(closed)
    clearInterval(reaper)
    clearTimeout(axe)
    servers.length = 0
  }

  return {
    async open(addresses) {
      const bound: BoundAddress[] = []
      try {
        for (const address of addresses) bound.push(await openOne(address))
      } catch (reason) {
        await close(0)
        isClosing = false
        throw reason
      }
      return bound
    },
    setTls(next) {
      assertUsable(next)
      material = next
      for (const server of servers) {
        if (!('setSecureContext' in server)) continue
        server.setSecureContext(next)
        Object.assign(server, certificateOptions(next))
      }
    },
    close,
  }
}

function assertUsable(material: TlsMaterial): void {
  try {
    createSecureContext(material)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `the files of --tls.key and --tls.cert are no key and its certificate: ${why}`,
      { cause },
    )
  }
}

function listen(
  server: Server,
  where: ListenAddress | { fd: number },
  given: string | number,
): Promise<void> {
  const shown = typeof given === 'number' ? `descriptor ${given}` : given
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new PgrError('PGR_START_FAILED', `cannot listen on ${shown}: ${explain(cause, where)}`, { cause }),
      )
    })
    server.listen(where, resolve)
  })
}

function explain({ code, message }: NodeJS.ErrnoException, where: object): string {
  if ('fd' in where) return `it is no listening socket; a socket unit has Accept=no (${message})`
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is taken; stop what listens there or choose another'
    case 'EACCES':
      return 'permission denied; ports below 1024 need a privilege'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address'
    default:
      return message
  }
}

interface ClientError extends Error {
  readonly code?: string
  readonly rawPacket?: Buffer
}

const REQUEST_LINE = /^\S+ (\S+) HTTP\/1\.[01]\r?\n/
/** A request line longer than this is not read for a better answer. */
const MAX_REQUEST_LINE = 8 * 1024

/** Answers what is no HTTP request, came too slowly or has too long a head, and ends the connection. */
function refuse(error: ClientError, socket: Socket, allowedAt: ListenerDeps['allowedAt']): void {
  // On a connection that was answered before, an answer might be under way.
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  const { status, message, allow } = verdictOn(error, allowedAt)
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${message.length + 1}`,
      ...(allow === undefined ? [] : [`Allow: ${allow}`]),
      'Connection: close',
      '',
      `${message}\n`,
    ].join('\r\n'),
  )
}

function verdictOn(
  { code, rawPacket }: ClientError,
  allowedAt: ListenerDeps['allowedAt'],
): { status: number; message: string; allow?: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, message: `the head of the request is over ${LIMITS.maxHeaderSize} bytes` }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, message: 'the request came too slowly' }
    case 'HPE_INVALID_METHOD': {
      const line = rawPacket?.toString('latin1', 0, MAX_REQUEST_LINE) ?? ''
      const allow = allowedAt(REQUEST_LINE.exec(line)?.[1] ?? '')
      return allow === undefined
        ? { status: 400, message: 'the request is not HTTP' }
        : { status: 405, message: 'Method Not Allowed', allow }
    }
    default:
      return { status: 400, message: 'the request is not HTTP' }
  }
}
