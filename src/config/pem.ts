import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { PgrError } from '../errors/pgr-error.ts'

/** Throws with what a text does wrong, behind words for where the text comes from. */
export type Refuse = (what: string, cause: unknown) => never

/** The first certificate of a text. */
export function certificateIn(text: string, refuse: Refuse): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch (reason) {
    return refuse('holds no certificate: give one in PEM, with its chain behind it', reason)
  }
}

/** There is a certificate, and each one that is there can be read. */
export function assertCertificates(text: string, refuse: Refuse): void {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) refuse('holds no certificate: give those of the authorities in PEM', undefined)
  for (const block of blocks) certificateIn(block, refuse)
}

export function keyIn(text: string, refuse: Refuse): KeyObject {
  try {
    return createPrivateKey(text)
  } catch (reason) {
    const isLocked =
      /ENCRYPTED/.test(text) || (reason as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE'
    return refuse(
      isLocked
        ? 'is encrypted, and nothing here asks for a passphrase: decrypt it with openssl pkey'
        : 'holds no private key: give one in PEM',
      reason,
    )
  }
}

/** The file of a flag. Throws PGR_SETTING_INVALID when it cannot be read. */
export function readPem<Pem>(path: string, flag: string, read: (path: string) => Pem): Pem {
  try {
    return read(path)
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    return refuseFile(flag)(`cannot be read: ${why}`, reason)
  }
}

/** Refuses the file of a flag with PGR_SETTING_INVALID. */
export function refuseFile(flag: string): Refuse {
  return (what, cause) => {
    throw new PgrError('PGR_SETTING_INVALID', `the file of ${flag} ${what}`, { cause })
  }
}
