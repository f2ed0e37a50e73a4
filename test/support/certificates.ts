import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerOrThrow } from './peers.ts'

/** Paths of PEM files. */
export interface Certificates {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** Signs certificates in a folder. */
export interface Authority {
  /** Its certificate. */
  readonly ca: string
  /** A certificate for servers and clients, with a key of its own; files are called by `name`. */
  issue(name: string, options?: { readonly sans?: string; readonly kind?: KeyKind }): Certificates
}

type KeyKind = 'ec' | 'rsa'

const KEYS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
} as const

const LOOPBACK = 'IP:127.0.0.1,DNS:localhost'

/** A certificate for servers on loopback, signed by itself, in this folder; for code inside `describeWith('openssl')`. */
export function makeCertificates(folder: string): Certificates {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  openssl([
    ...['req', '-x509', ...KEYS.ec, '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', `subjectAltName=${LOOPBACK}`],
    ...['-keyout', key, '-out', cert],
  ])
  return { cert, key, ca: cert }
}

/** An authority of that name; for code inside `describeWith('openssl')`. */
export function makeAuthority(folder: string, name: string): Authority {
  const [ca, caKey] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  openssl([
    ...['req', '-x509', ...KEYS.ec, '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', caKey, '-out', ca],
  ])
  return {
    ca,
    issue(child, { sans = LOOPBACK, kind = 'ec' } = {}) {
      const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((ending) =>
        join(folder, `${child}.${ending}`),
      ) as [string, string, string, string]
      openssl([
        ...['req', ...KEYS[kind], '-nodes', '-subj', `/CN=${child}`],
        ...['-keyout', key, '-out', request],
      ])
      writeFileSync(extensions, `subjectAltName=${sans}\n`)
      openssl([
        ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2'],
        ...['-extfile', extensions, '-out', cert],
      ])
      return { cert, key, ca }
    },
  }
}

function openssl(args: readonly string[]): void {
  const { status, stderr } = spawnSync(peerOrThrow('openssl').path, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr}`)
}
