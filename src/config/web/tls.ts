import type { Notice } from '../given.ts'
import { nearestName } from '../nearest.ts'
import { type Item, quote, type Reading, refuseWeb, type Value } from './reading.ts'
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
  const section = openSection(reading, given)
  const cert = section.pem('cert')
  const key = section.pem('key')
  const clientCa = section.pem('client_ca')
  const clientAuth = section.word('client_auth_type', CLIENT_AUTH_TYPES, CLIENT_AUTH_ALIASES)
  const rest = {
    clientCa,
    clientAuth: clientAuth ?? 'NoClientCert',
    allowedSans: section.texts('client_allowed_sans')?.map(({ text }) => text),
    minVersion: section.word('min_version', TLS_VERSIONS) ?? 'TLS12',
    maxVersion: section.word('max_version', TLS_VERSIONS) ?? 'TLS13',
    ciphers: section.translated('cipher_suites', CIPHERS, 'suite'),
    preferServerCiphers: section.bool('prefer_server_cipher_suites') ?? true,
    curves: section.translated('curve_preferences', CURVES, 'curve'),
  }
  if ((cert ?? key ?? clientCa ?? clientAuth) === undefined) return undefined
  const place = given?.place ?? ''
  if (cert === undefined)
    return refuseWeb(
      `${place}: tls_server_config has no certificate: add cert_file, or the certificate itself as cert`,
    )
  if (key === undefined)
    return refuseWeb(`${place}: tls_server_config has no private key: add key_file, or the key itself as key`)
  const tls = { cert, key, ...rest }
  judgeClients(tls, section, notices)
  judgeVersions(tls, section)
  return tls
}

function judgeClients(
  { clientCa, clientAuth, allowedSans }: WebTls,
  { whereOf }: Section,
  notices: Notice[],
): void {
  const names = whereOf('client_allowed_sans')
  if (allowedSans?.length === 0)
    refuseWeb(`${names} lists nobody, so that nobody could connect: list a name, or remove it`)
  if (clientAuth !== 'NoClientCert') return
  const idle =
    'has no effect while clients are not asked for certificates: set client_auth_type to RequireAndVerifyClientCert'
  if (clientCa !== undefined) refuseWeb(`${clientCa.where} ${idle}, or remove it`)
  if (allowedSans !== undefined) notices.push({ level: 'warn', message: `${names} ${idle}` })
}

function judgeVersions({ minVersion, maxVersion }: WebTls, { whereOf }: Section): void {
  if (TLS_VERSIONS.indexOf(minVersion) <= TLS_VERSIONS.indexOf(maxVersion)) return
  const key = minVersion === 'TLS12' ? 'max_version' : 'min_version'
  refuseWeb(
    `${whereOf(key)}: min_version is ${minVersion}, above the ${maxVersion} of max_version, so that nobody could connect: lower the one or raise the other`,
  )
}

type Key = (typeof TLS_KEYS)[number]

/** The section by its keys. */
interface Section {
  /** File, line, column and key, for messages. */
  whereOf(key: Key): string
  bool(key: Key): boolean | undefined
  texts(key: Key): readonly Item[] | undefined
  /** From the key or its twin that ends in `_file`; not from both. */
  pem(key: 'cert' | 'key' | 'client_ca'): PemSource | undefined
  /** One of these words; an empty text is none. */
  word<Word extends string>(
    key: Key,
    words: readonly Word[],
    aliases?: ReadonlyMap<string, Word>,
  ): Word | undefined
  /** A list of words, each as the table translates it. */
  translated(key: Key, table: ReadonlyMap<string, string>, what: string): readonly string[]
}

function openSection(reading: Reading, given: Value | undefined): Section {
  const keys = reading.section(given, 'tls_server_config', TLS_KEYS)
  const nameOf = (key: Key) => `tls_server_config.${key}`
  const whereOf = (key: Key) => `${keys.get(key)?.place}: ${nameOf(key)}`
  const textAt = (key: Key) => reading.text(keys.get(key), nameOf(key)) || undefined
  const texts = (key: Key) => reading.texts(keys.get(key), nameOf(key))
  return {
    whereOf,
    texts,
    bool: (key) => reading.bool(keys.get(key), nameOf(key)),
    pem(key) {
      const [inline, file] = [textAt(key), textAt(`${key}_file`)]
      if (inline !== undefined && file !== undefined)
        refuseWeb(`${whereOf(key)} and ${nameOf(`${key}_file`)} both give the same thing: keep one of them`)
      if (inline !== undefined) return { where: whereOf(key), inline }
      return file === undefined ? undefined : { where: whereOf(`${key}_file`), file }
    },
    word(key, words, aliases) {
      const text = textAt(key)
      if (text === undefined) return undefined
      const found = words.find((one) => one === text) ?? aliases?.get(text)
      if (found !== undefined) return found
      return refuseWeb(`${whereOf(key)} is ${quote(text)}, which is none of ${words.join(', ')}`)
    },
    translated: (key, table, what) =>
      (texts(key) ?? []).map(({ text, place }) => {
        const found = table.get(text)
        if (found !== undefined) return found
        const suggestion = nearestName(text, table.keys())
        const remedy = suggestion
          ? `did you mean ${suggestion}?`
          : `known are ${[...table.keys()].join(', ')}`
        return refuseWeb(
          `${place}: ${nameOf(key)} names ${quote(text)}, which is no ${what} that can be offered: ${remedy}`,
        )
      }),
  }
}
