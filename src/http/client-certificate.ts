import { isIPv6, SocketAddress } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsMaterial } from './options.ts'

/** What a TLS server of Node has to be told for a policy; whoever is not turned away by it is judged by `objectionTo`. */
export function certificateOptions({ clientAuth = 'NoClientCert' }: TlsMaterial): {
  requestCert: boolean
  rejectUnauthorized: boolean
} {
  return {
    requestCert: clientAuth !== 'NoClientCert',
    rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
  }
}

const NONE_SHOWN = 'the client showed no certificate'

function notTrusted({ authorizationError }: Pick<TLSSocket, 'authorizationError'>): string {
  return `the certificate of the client is not trusted: ${authorizationError}`
}

/** Why a handshake failed that was ended because of the client's certificate; undefined for any other. */
export function objectionInHandshake(
  error: NodeJS.ErrnoException,
  socket: Pick<TLSSocket, 'authorizationError'>,
): string | undefined {
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return NONE_SHOWN
  return socket.authorizationError ? notTrusted(socket) : undefined
}

/** Why a client must not be served, by the certificate it showed or did not show; undefined when it may. */
export function objectionTo(
  socket: Pick<TLSSocket, 'getPeerX509Certificate' | 'authorized' | 'authorizationError'>,
  { clientAuth = 'NoClientCert', allowedSans }: TlsMaterial,
): string | undefined {
  if (clientAuth === 'NoClientCert') return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) {
    const isNeeded = clientAuth.startsWith('Require') || allowedSans !== undefined
    return isNeeded ? NONE_SHOWN : undefined
  }
  const isVerified = clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert'
  if (isVerified && !socket.authorized) return notTrusted(socket)
  if (allowedSans !== undefined) {
    const names = alternativeNames(certificate.subjectAltName)
    if (!names.some((name) => allowedSans.includes(name)))
      return 'the certificate of the client has none of the names that are allowed'
  }
  return undefined
}

const NAME = /(?:^|, )(DNS|IP Address|URI|email):("(?:[^"\\]|\\.)*"|[^,]*)/g

/** DNS names, addresses of mail and network, and URIs of a certificate, each as Go writes it. */
export function alternativeNames(text: string | undefined): string[] {
  return [...(text ?? '').matchAll(NAME)].map(([, kind, value = '']) => {
    const name = value.startsWith('"') ? (JSON.parse(value) as string) : value
    return kind === 'IP Address' && isIPv6(name)
      ? new SocketAddress({ address: name, family: 'ipv6' }).address
      : name
  })
}
