import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { PgrError } from '../errors/pgr-error.ts'
import type { Settings } from './rules.ts'

/** PEM texts: authorities to trust, and what is shown to servers that ask for a certificate. */
export interface RedisTlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/**
 * Reads the files of `--redis.tls.ca`, `--redis.tls.cert` and `--redis.tls.key`, those that are given. Throws
 * PGR_SETTING_INVALID when one cannot be read or holds something else, or the key is not that of the certificate.
 */
export function loadRedisTls(
  { redisTlsCa, redisTlsCert, redisTlsKey }: Settings,
  read: (path: string) => string,
): RedisTlsFiles {
  const [ca, cert, key] = [
    [redisTlsCa, '--redis.tls.ca'] as const,
    [redisTlsCert, '--redis.tls.cert'] as const,
    [redisTlsKey, '--redis.tls.key'] as const,
  ].map(([path, flag]) => (path === '' ? undefined : readPem(path, flag, read)))
  if (ca !== undefined) certificateIn(ca, '--redis.tls.ca')
  const certificate = cert === undefined ? undefined : certificateIn(cert, '--redis.tls.cert')
  if (key !== undefined && certificate?.checkPrivateKey(keyIn(key)) === false)
    throw invalid('the file of --redis.tls.key is not the key of the certificate in that of --redis.tls.cert')
  return { ca, cert, key }
}

/** The file of a flag. Throws PGR_SETTING_INVALID when it cannot be read. */
export function readPem<Pem>(path: string, flag: string, read: (path: string) => Pem): Pem {
  try {
    return read(path)
  } catch (reason) {
    throw invalid(`the file of ${flag} cannot be read: ${whyOf(reason)}`, reason)
  }
}

/** The first; a file that is being written has none yet. */
function certificateIn(pem: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (reason) {
    throw invalid(`the file of ${flag} has no certificate in PEM: ${whyOf(reason)}`, reason)
  }
}

function keyIn(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (reason) {
    throw invalid(`the file of --redis.tls.key has no private key in PEM: ${whyOf(reason)}`, reason)
  }
}

function whyOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}

function invalid(message: string, cause?: unknown): PgrError {
  return new PgrError('PGR_SETTING_INVALID', message, { cause })
}
