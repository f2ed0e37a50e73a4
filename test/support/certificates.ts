import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { peerOrThrow } from './peers.ts'

/** Paths of PEM files. */
export interface Certificates {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** A certificate for servers on loopback, signed by itself, in this folder; for code inside `describeWith('openssl')`. */
export function makeCertificates(folder: string): Certificates {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const made = spawnSync(
    peerOrThrow('openssl').path,
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
      ...['-keyout', key, '-out', cert],
    ],
    { encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`)
  return { cert, key, ca: cert }
}
