import { assertCertificates, certificateIn, keyIn, readPem, refuseFile } from './pem.ts'
import type { Settings } from './rules.ts'

/** PEM texts: authorities to trust, and what is shown to servers that ask for a certificate. */
export interface RedisTlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

const CA = '--redis.tls.ca'
const CERT = '--redis.tls.cert'
const KEY = '--redis.tls.key'

/**
 * Reads the files of `--redis.tls.ca`, `--redis.tls.cert` and `--redis.tls.key`, those that are given. Throws
 * PGR_SETTING_INVALID when one cannot be read or holds something else, or the key is not that of the certificate.
 */
export function loadRedisTls(
  { redisTlsCa, redisTlsCert, redisTlsKey }: Settings,
  read: (path: string) => string,
): RedisTlsFiles {
  const given = (path: string, flag: string) => (path === '' ? undefined : readPem(path, flag, read))
  const [ca, cert, key] = [given(redisTlsCa, CA), given(redisTlsCert, CERT), given(redisTlsKey, KEY)]
  if (ca !== undefined) assertCertificates(ca, refuseFile(CA))
  const certificate = cert === undefined ? undefined : certificateIn(cert, refuseFile(CERT))
  const itsKey = key === undefined ? undefined : keyIn(key, refuseFile(KEY))
  if (itsKey !== undefined && certificate?.checkPrivateKey(itsKey) === false)
    refuseFile(KEY)(`is not the key of the certificate in that of ${CERT}`, undefined)
  return { ca, cert, key }
}
