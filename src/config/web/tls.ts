import type { Notice } from '../given.ts'
import { nearestName } from '../nearest.ts'
import { quote, type Reading, refuseWeb, type Value } from './reading.ts'
import {
  CIPHERS,
  CLIENT_AUTH_ALIASES,
  CLIENT_AUTH_TYPES,
  type ClientAuthType,
  CURVES,
  TLS_VERSIONS,
  type TlsVersion,
} from './tls-names.ts'

/** `tls_server_config` as it stands: files it names are not read. */
export interface WebTls {
  readonly cert: PemSource
  readonly key: PemSource
  readonly clientCa: PemSource | undefined
  readonly clientAuth: ClientAuthType
  /** A client has to show one of these names; undefined = any. */
  readonly allowedSans: readonly string[] | undefined
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** Names of OpenSSL; empty = the usual ones. */
  readonly ciphers: readonly string[]
  readonly preferServerCiphers: boolean
  /** Names of OpenSSL; empty = the usual ones. */
  readonly curves: readonly string[]
}

/** PEM text, or the file that holds it; `where` is file, line, column and key, for messages. */
export interface PemSource {
  readonly where: string
  readonly inline?: string
  readonly file?: string
}

const TLS_KEYS = [
  'cert',
  'key',
  'client_ca',
  'cert_file',
  'key_file',
  'client_ca_file',
  'client_auth_type',
  'client_allowed_sans',
  'min_version',
  'max_version',
  'cipher_suites',
  'prefer_server_cipher_suites',
  'curve_preferences',
] as const

/** Undefined when the section sets up no TLS. Throws PGR_WEB_CONFIG_INVALID. */
export function readTls(reading: Reading, given: Value | undefined, notices: Notice[]): WebTls | undefined {
  const name = (key: string) => `tls_server_config.${key}`
  const keys = reading.section(given, 'tls_server_config', TLS_KEYS)

  function pem(key: 'cert' | 'key' | 'client_ca'): PemSource | undefined {
    const inline = reading.text(keys.get(key), name(key)) || undefined
    const file = reading.text(keys.get(`${key}_file`), name(`${key}_file`)) || undefined
    const place = (keys.get(inline === undefined ? `${key}_file` : key) as Value | undefined)?.place ?? ''
    if (inline !== undefined && file !== undefined) {
      refuseWeb(
        `${place}: ${name(key)} and ${name(`${key}_file`)} both give the same thing: keep one of them`,
      )
    }
    if (inline !== undefined) return { where: `${place}: ${name(key)}`, inline }
    if (file !== undefined) return { where: `${place}: ${name(`${key}_file`)}`, file }
    return undefined
  }

  function word<Word extends string>(
    key: (typeof TLS_KEYS)[number],
    words: readonly Word[],
  ): Word | undefined {
    const value = keys.get(key)
    const text = reading.text(value, name(key))
    if (text === undefined || value === undefined) return undefined
    const found = words.find((one) => one === text)
    if (found !== undefined) return found
    return refuseWeb(`${value.place}: ${name(key)} is ${quote(text)}, which is none of ${words.join(', ')}`)
  }

  function translated(
    key: (typeof TLS_KEYS)[number],
    table: ReadonlyMap<string, string>,
    what: string,
  ): readonly string[] {
    const items = reading.texts(keys.get(key), name(key)) ?? []
    return items.map(({ text, place }) => {
      const found = table.get(text)
      if (found !== undefined) return found
      const suggestion = nearestName(text, table.keys())
      const remedy = suggestion ? `did you mean ${suggestion}?` : `known are ${[...table.keys()].join(', ')}`
      return refuseWeb(`${place}: ${name(key)} names ${quote(text)}, ${what}: ${remedy}`)
    })
  }

  const cert = pem('cert')
  const key = pem('key')
  const clientCa = pem('client_ca')
  const clientAuth = readClientAuth(reading, keys.get('client_auth_type'))
  const minVersion = word('min_version', TLS_VERSIONS) ?? 'TLS12'
  const maxVersion = word('max_version', TLS_VERSIONS) ?? 'TLS13'
  const ciphers = translated('cipher_suites', CIPHERS, 'which is no suite that can be offered')
  const curves = translated('curve_preferences', CURVES, 'which is no curve that can be offered')
  const preferServerCiphers =
    reading.bool(keys.get('prefer_server_cipher_suites'), name('prefer_server_cipher_suites')) ?? true
  const sansValue = keys.get('client_allowed_sans')
  const allowedSans = reading.texts(sansValue, name('client_allowed_sans'))?.map(({ text }) => text)

  const isAsked = cert ?? key ?? clientCa ?? clientAuth
  if (isAsked === undefined) return undefined
  const place = given?.place ?? ''
  if (cert === undefined)
    return refuseWeb(
      `${place}: tls_server_config has no certificate: add cert_file, or the certificate itself as cert`,
    )
  if (key === undefined)
    return refuseWeb(`${place}: tls_server_config has no private key: add key_file, or the key itself as key`)
  if (clientCa !== undefined && (clientAuth ?? 'NoClientCert') === 'NoClientCert') {
    refuseWeb(
      `${clientCa.where} has no effect while clients are not asked for certificates: set client_auth_type to RequireAndVerifyClientCert, or remove it`,
    )
  }
  if (TLS_VERSIONS.indexOf(minVersion) > TLS_VERSIONS.indexOf(maxVersion)) {
    refuseWeb(
      `${keys.get('min_version')?.place ?? place}: ${name('min_version')} is ${minVersion}, above the ${maxVersion} of max_version, so that nobody could connect: lower the one or raise the other`,
    )
  }
  if (allowedSans?.length === 0)
    refuseWeb(
      `${sansValue?.place}: ${name('client_allowed_sans')} lists nobody, so that nobody could connect: list a name, or remove it`,
    )
  if (allowedSans !== undefined && (clientAuth ?? 'NoClientCert') === 'NoClientCert') {
    notices.push({
      level: 'warn',
      message: `${sansValue?.place}: ${name('client_allowed_sans')} has no effect while clients are not asked for certificates: set client_auth_type to RequireAndVerifyClientCert`,
    })
  }
  return {
    cert,
    key,
    clientCa,
    clientAuth: clientAuth ?? 'NoClientCert',
    allowedSans,
    minVersion,
    maxVersion,
    ciphers,
    preferServerCiphers,
    curves,
  }
}

function readClientAuth(reading: Reading, value: Value | undefined): ClientAuthType | undefined {
  const text = reading.text(value, 'tls_server_config.client_auth_type')
  if (text === undefined || text === '') return undefined
  const found = CLIENT_AUTH_TYPES.find((one) => one === text) ?? CLIENT_AUTH_ALIASES.get(text)
  if (found !== undefined) return found
  return refuseWeb(
    `${value?.place}: tls_server_config.client_auth_type is ${quote(text)}, which is none of ${CLIENT_AUTH_TYPES.join(', ')}`,
  )
}
