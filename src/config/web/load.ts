import { dirname, resolve } from 'node:path'
import { createSecureContext, type SecureVersion } from 'node:tls'
import type { Notice } from '../given.ts'
import { assertCertificates, certificateIn, keyIn, type Refuse } from '../pem.ts'
import { refuseWeb } from './reading.ts'
import type { PemSource, WebTls } from './tls.ts'
import { type ClientAuthType, TLS13_CIPHERS, type TlsVersion, USUAL_CIPHERS } from './tls-names.ts'
import { readWebConfig, type WebConfig } from './web-config.ts'

/** A web configuration file and what it names, read and found to fit together. */
export interface LoadedWebConfig extends Omit<WebConfig, 'tls'> {
  readonly tls: LoadedTls | undefined
}

/** Options of Node's TLS servers, and what is asked of clients. */
export interface LoadedTls {
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  readonly ciphers: string
  readonly honorCipherOrder: boolean
  readonly ecdhCurve: string
  readonly clientAuth: ClientAuthType
  readonly allowedSans?: readonly string[]
  /** Of the server's own certificate. */
  readonly expiresAt: Date
}

const VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/**
 * Reads a web configuration file and the files it names, whose names are relative to its folder. Throws
 * PGR_WEB_CONFIG_INVALID.
 */
export function loadWebConfig(path: string, readFile: (path: string) => string): LoadedWebConfig {
  const source = readOr(readFile, path, (why) => `the web configuration file cannot be read: ${why}`)
  const config = readWebConfig(source, path)
  if (config.tls === undefined) return { ...config, tls: undefined }
  const read = (pem: PemSource) => readPem(pem, dirname(path), readFile)
  const tls = loadTls(config.tls, read, path)
  return { ...config, tls, notices: [...config.notices, ...expiryNotices(config.tls, tls)] }
}

function loadTls(tls: WebTls, read: (pem: PemSource) => string, path: string): LoadedTls {
  const cert = read(tls.cert)
  const certificate = certificateIn(cert, refusing(tls.cert))
  const key = read(tls.key)
  if (!certificate.checkPrivateKey(keyIn(key, refusing(tls.key))))
    refuseWeb(
      `${tls.key.where} is not the key of the certificate in ${named(tls.cert)}: give the two that were made together`,
    )
  const ca = tls.clientCa === undefined ? undefined : read(tls.clientCa)
  if (ca !== undefined && tls.clientCa !== undefined) assertCertificates(ca, refusing(tls.clientCa))
  const loaded = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: VERSIONS[tls.minVersion],
    maxVersion: VERSIONS[tls.maxVersion],
    ciphers: ciphersOf(tls),
    honorCipherOrder: tls.preferServerCiphers,
    ecdhCurve: tls.curves.length === 0 ? 'auto' : tls.curves.join(':'),
    clientAuth: tls.clientAuth,
    ...(tls.allowedSans === undefined ? {} : { allowedSans: tls.allowedSans }),
    expiresAt: new Date(certificate.validTo),
  }
  try {
    createSecureContext(loaded)
  } catch (reason) {
    refuseWeb(
      `${path}: tls_server_config cannot be used: ${whyOf(reason)}: give another key or certificate`,
      reason,
    )
  }
  return loaded
}

/** What OpenSSL is told: the suites of TLS 1.3 are always all there, and what is older than 1.2 signs with SHA-1. */
function ciphersOf({ ciphers, minVersion }: WebTls): string {
  const older = ciphers.length === 0 ? USUAL_CIPHERS : ciphers
  const level = minVersion === 'TLS10' || minVersion === 'TLS11' ? ['@SECLEVEL=0'] : []
  return [...new Set([...TLS13_CIPHERS, ...older]), ...level].join(':')
}

function readPem(pem: PemSource, folder: string, readFile: (path: string) => string): string {
  const { inline, file = '', where } = pem
  if (inline !== undefined) return inline
  return readOr(readFile, resolve(folder, file), (why) => `${where}: the file cannot be read: ${why}`)
}

function refusing({ where }: PemSource): Refuse {
  return (what, cause) => refuseWeb(`${where} ${what}`, cause)
}

function expiryNotices({ cert }: WebTls, { expiresAt }: LoadedTls): readonly Notice[] {
  if (expiresAt.getTime() > Date.now()) return []
  return [
    {
      level: 'warn',
      message: `${cert.where}: the certificate expired on ${expiresAt.toISOString()}: replace it`,
    },
  ]
}

function named({ file, where }: PemSource): string {
  return file ?? where
}

function readOr(readFile: (path: string) => string, path: string, message: (why: string) => string): string {
  try {
    return readFile(path)
  } catch (reason) {
    return refuseWeb(message(whyOf(reason)), reason)
  }
}

function whyOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}
