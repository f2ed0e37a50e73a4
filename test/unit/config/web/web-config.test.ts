import { describe, expect, it } from 'vitest'
import { readWebConfig, type WebConfig } from '../../../../src/config/web/web-config.ts'
import { PgrError } from '../../../../src/errors/pgr-error.ts'

const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG'
const PAIR = 'cert_file: a.pem\n  key_file: a.key'

function read(source: string): WebConfig {
  return readWebConfig(source, 'web.yml')
}

function refusal(source: string): string {
  try {
    read(source)
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_WEB_CONFIG_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

function withTls(more: string): string {
  return `tls_server_config:\n  ${PAIR}\n  ${more}`
}

describe('a web configuration file', () => {
  it.each([
    ['is empty', ''],
    ['holds comments alone', '# nothing\n'],
    [
      'has sections without keys',
      'tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n',
    ],
    ['names versions without a certificate', 'tls_server_config: {min_version: TLS13}'],
    ['has a limit of 0', 'rate_limit: {interval: 0, burst: 0}'],
  ])('that %s sets nothing up', (_why, source) => {
    expect(read(source)).toEqual({
      tls: undefined,
      http2: true,
      headers: new Map(),
      users: new Map(),
      rateLimit: undefined,
      notices: [],
    })
  })

  it('has defaults for TLS', () => {
    expect(read(withTls('')).tls).toEqual({
      cert: { where: 'web.yml:2:3: tls_server_config.cert_file', file: 'a.pem' },
      key: { where: 'web.yml:3:3: tls_server_config.key_file', file: 'a.key' },
      clientCa: undefined,
      clientAuth: 'NoClientCert',
      allowedSans: undefined,
      minVersion: 'TLS12',
      maxVersion: 'TLS13',
      ciphers: [],
      preferServerCiphers: true,
      curves: [],
    })
  })

  it('may set everything', () => {
    const source = [
      'tls_server_config:',
      '  cert: "cert"',
      '  key: |',
      '    key',
      '  client_ca: ca',
      '  client_auth_type: RequireAndVerifyClientCert',
      '  client_allowed_sans: [a.example, 10.0.0.1]',
      '  min_version: TLS11',
      '  max_version: TLS12',
      '  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]',
      '  prefer_server_cipher_suites: no',
      '  curve_preferences: [CurveP384, X25519]',
      'http_server_config:',
      '  http2: false',
      '  headers:',
      '    X-Frame-Options: deny',
      '    Content-Security-Policy: >',
      "      default-src 'self';",
      "      img-src 'none'",
      '    X-XSS-Protection: ""',
      'basic_auth_users:',
      `  alice: ${HASH}`,
      `  123: ${HASH}`,
      'rate_limit:',
      '  interval: 1s',
      '  burst: 20',
    ].join('\n')
    expect(read(source)).toEqual({
      tls: {
        cert: { where: 'web.yml:2:3: tls_server_config.cert', inline: 'cert' },
        key: { where: 'web.yml:3:3: tls_server_config.key', inline: 'key\n' },
        clientCa: { where: 'web.yml:5:3: tls_server_config.client_ca', inline: 'ca' },
        clientAuth: 'RequireAndVerifyClientCert',
        allowedSans: ['a.example', '10.0.0.1'],
        minVersion: 'TLS11',
        maxVersion: 'TLS12',
        ciphers: ['ECDHE-RSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256'],
        preferServerCiphers: false,
        curves: ['P-384', 'X25519'],
      },
      http2: false,
      headers: new Map([
        ['X-Frame-Options', 'deny'],
        ['Content-Security-Policy', "default-src 'self'; img-src 'none'"],
      ]),
      users: new Map([
        ['alice', HASH],
        ['123', HASH],
      ]),
      rateLimit: { intervalMs: 1000, burst: 20 },
      notices: [],
    })
  })

  it('may use the older name of a policy', () => {
    expect(read(withTls('client_auth_type: RequireClientCert')).tls?.clientAuth).toBe('RequireAnyClientCert')
  })

  it('may limit by less than a millisecond', () => {
    expect(read('rate_limit: {interval: 100us, burst: 5}').rateLimit).toEqual({ intervalMs: 0.1, burst: 5 })
  })

  it.each([
    [
      'passwords without TLS',
      `basic_auth_users: {a: ${HASH}}`,
      'web.yml: basic_auth_users without tls_server_config sends passwords over the network as they are',
    ],
    [
      'names of clients that are not asked',
      withTls('client_allowed_sans: [a]'),
      'web.yml:4:3: tls_server_config.client_allowed_sans has no effect while clients are not asked for certificates: set client_auth_type to RequireAndVerifyClientCert',
    ],
    [
      'a hash that takes long',
      `${withTls('')}\nbasic_auth_users: {a: ${HASH.replace('$10$', '$16$')}}`,
      'web.yml:5:20: the hash of user "a" has cost 16, so that checking a password takes seconds: 10 is usual',
    ],
  ])('warns of %s', (_why, source, message) => {
    expect(read(source).notices).toEqual([{ level: 'warn', message }])
  })

  it.each([
    ['no YAML', 'a: [', /^web\.yml:1:5: /],
    ['a list', '[a]', 'web.yml:1:1: the file must hold keys and values, not a list: indent them below it'],
    ['an unknown section', 'tls: {}', 'web.yml:1:1: tls is no key of the file: docs/security.md lists all'],
    [
      'a misspelt key',
      withTls('client_auth: a'),
      'web.yml:4:3: client_auth is no key of tls_server_config: docs/security.md lists all',
    ],
    [
      'a misspelt key close to another',
      withTls('min_versoin: TLS12'),
      'web.yml:4:3: min_versoin is no key of tls_server_config, did you mean min_version?',
    ],
    [
      'an unknown key without a value',
      'http_server_config: {http3: }',
      /http3 is no key of http_server_config, did you mean http2\?/,
    ],
    [
      'a key that stands twice',
      'rate_limit:\n  burst: 1\n  burst: 2',
      'web.yml:3:3: burst stands twice in rate_limit: keep one of them',
    ],
    [
      'a certificate in two places',
      withTls('cert: x'),
      'web.yml:4:3: tls_server_config.cert and tls_server_config.cert_file both give the same thing: keep one of them',
    ],
    ['a key in two places', withTls('key: x'), /tls_server_config\.key and tls_server_config\.key_file both/],
    [
      'authorities in two places',
      withTls('client_ca: x\n  client_ca_file: y'),
      /tls_server_config\.client_ca and tls_server_config\.client_ca_file both/,
    ],
    [
      'no certificate',
      'tls_server_config: {key_file: a}',
      'web.yml:1:1: tls_server_config has no certificate: add cert_file, or the certificate itself as cert',
    ],
    [
      'no key',
      'tls_server_config: {cert_file: a}',
      'web.yml:1:1: tls_server_config has no private key: add key_file, or the key itself as key',
    ],
    ['a policy alone', 'tls_server_config: {client_auth_type: NoClientCert}', /has no certificate/],
    [
      'an unknown policy',
      withTls('client_auth_type: Maybe'),
      'web.yml:4:3: tls_server_config.client_auth_type is "Maybe", which is none of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert',
    ],
    [
      'authorities nobody is compared with',
      withTls('client_ca_file: ca.pem'),
      'web.yml:4:3: tls_server_config.client_ca_file has no effect while clients are not asked for certificates: set client_auth_type to RequireAndVerifyClientCert, or remove it',
    ],
    [
      'names of nobody',
      withTls('client_auth_type: RequireAnyClientCert\n  client_allowed_sans: []'),
      'web.yml:5:3: tls_server_config.client_allowed_sans lists nobody, so that nobody could connect: list a name, or remove it',
    ],
    [
      'names that are no list',
      withTls('client_allowed_sans: a'),
      'web.yml:4:3: tls_server_config.client_allowed_sans must be a list, not text: write [one, another]',
    ],
    [
      'an unknown version',
      withTls('min_version: TLS1.2'),
      'web.yml:4:3: tls_server_config.min_version is "TLS1.2", which is none of TLS10, TLS11, TLS12, TLS13',
    ],
    [
      'versions the wrong way round',
      withTls('min_version: TLS13\n  max_version: TLS12'),
      'web.yml:4:3: tls_server_config.min_version: min_version is TLS13, above the TLS12 of max_version, so that nobody could connect: lower the one or raise the other',
    ],
    [
      'an unknown suite',
      withTls('cipher_suites: [TLS_AES_128_GCM_SHA265]'),
      'web.yml:4:19: tls_server_config.cipher_suites names "TLS_AES_128_GCM_SHA265", which is no suite that can be offered: did you mean TLS_AES_128_GCM_SHA256?',
    ],
    [
      'a suite by its name in OpenSSL',
      withTls('cipher_suites: [AES128-SHA]'),
      /names "AES128-SHA", which is no suite that can be offered: known are TLS_AES_128_GCM_SHA256, /,
    ],
    [
      'an unknown curve',
      withTls('curve_preferences: [P256]'),
      'web.yml:4:23: tls_server_config.curve_preferences names "P256", which is no curve that can be offered: known are CurveP256, CurveP384, CurveP521, X25519',
    ],
    [
      'a preference that is no switch',
      withTls('prefer_server_cipher_suites: "true"'),
      'web.yml:4:3: tls_server_config.prefer_server_cipher_suites must be true or false, not text',
    ],
    [
      'HTTP/2 that is no switch',
      'http_server_config: {http2: 2}',
      'web.yml:1:22: http_server_config.http2 must be true or false, not the number 2',
    ],
    [
      'a header that cannot be set',
      'http_server_config: {headers: {X-Powered-By: pgr}}',
      'web.yml:1:32: "X-Powered-By" is no header that can be set: those that can are Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security',
    ],
    [
      'a header in lower case',
      'http_server_config: {headers: {x-frame-options: deny}}',
      'web.yml:1:32: "x-frame-options" is no header that can be set, did you mean X-Frame-Options?',
    ],
    [
      'a word the header does not know',
      'http_server_config: {headers: {X-Frame-Options: DENY}}',
      'web.yml:1:32: http_server_config.headers.X-Frame-Options is "DENY", which is not deny or sameorigin',
    ],
    [
      'a header no answer can have',
      'http_server_config: {headers: {Content-Security-Policy: "ä→"}}',
      'web.yml:1:32: http_server_config.headers.Content-Security-Policy holds characters that no header can: write it in printable ASCII characters',
    ],
    [
      'a password in the clear',
      'basic_auth_users: {alice: secret}',
      'web.yml:1:20: the hash of user "alice" is not one of bcrypt: make it with pgr hash-password',
    ],
    ['a user without a hash', 'basic_auth_users: {alice: }', /the hash of user "alice" is not one of bcrypt/],
    [
      'a cost that does not exist',
      `basic_auth_users: {a: ${HASH.replace('$10$', '$03$')}}`,
      /not one of bcrypt/,
    ],
    ['a hash cut short', `basic_auth_users: {a: ${HASH.slice(0, -1)}}`, /not one of bcrypt/],
    [
      'an interval without a unit',
      'rate_limit: {interval: 5, burst: 1}',
      'web.yml:1:14: rate_limit.interval must be the time between two requests such as 100ms or 2s, or 0 for no limit, not "5"',
    ],
    ['a negative interval', 'rate_limit: {interval: -1s, burst: 1}', /rate_limit\.interval must be/],
    [
      'a limit that lets nothing pass',
      'rate_limit: {interval: 1s}',
      'web.yml:1:14: rate_limit.burst is 0, so that every request would be refused: set how many may come at once',
    ],
    [
      'a burst that is no number',
      'rate_limit: {interval: 1s, burst: many}',
      'web.yml:1:28: rate_limit.burst must be a whole number of requests, not "many"',
    ],
    [
      'a mapping for text',
      'tls_server_config: {cert_file: {a: b}}',
      'web.yml:1:21: tls_server_config.cert_file must be text, not a mapping',
    ],
  ])('is refused for %s', (_why, source, expected) => {
    if (typeof expected === 'string') expect(refusal(source)).toBe(expected)
    else expect(refusal(source)).toMatch(expected)
  })

  it('shows no password in a refusal', () => {
    expect(refusal('basic_auth_users: {alice: hunter2}')).not.toContain('hunter2')
    expect(refusal('tls_server_config: {key: [hunter2]}')).not.toContain('hunter2')
  })
})
