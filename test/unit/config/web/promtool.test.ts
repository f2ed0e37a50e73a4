import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadWebConfig } from '../../../../src/config/web/load.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { makeFolder, removeFolder } from '../../../support/child.ts'
import { describeWith, peerOrThrow } from '../../../support/peers.ts'

const folder = makeFolder('promtool')
const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG'
const PAIR = 'cert_file: server.pem, key_file: server.key'

/** Keys that promtool 2.42 does not know yet stand in the other tests. */
const FILES = [
  '',
  '# nothing\n',
  'tls_server_config:\nbasic_auth_users:\n',
  'tls_server_config: {}',
  `tls_server_config: {${PAIR}}`,
  `tls_server_config: {${PAIR}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}`,
  `tls_server_config: {${PAIR}, client_auth_type: RequireAndVerifyClientCert}`,
  `tls_server_config: {${PAIR}, client_auth_type: VerifyClientCertIfGiven}`,
  `tls_server_config: {${PAIR}, client_auth_type: RequireClientCert}`,
  `tls_server_config: {${PAIR}, client_auth_type: ""}`,
  `tls_server_config: {${PAIR}, client_auth_type: requestclientcert}`,
  `tls_server_config: {${PAIR}, client_ca_file: ca.pem}`,
  `tls_server_config: {${PAIR}, client_ca_file: ca.pem, client_auth_type: NoClientCert}`,
  `tls_server_config: {${PAIR}, min_version: TLS10, max_version: TLS12}`,
  `tls_server_config: {${PAIR}, min_version: TLS09}`,
  `tls_server_config: {${PAIR}, min_version: }`,
  `tls_server_config: {${PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]}`,
  `tls_server_config: {${PAIR}, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}`,
  `tls_server_config: {${PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}`,
  `tls_server_config: {${PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256]}`,
  `tls_server_config: {${PAIR}, cipher_suites: []}`,
  `tls_server_config: {${PAIR}, curve_preferences: [CurveP256, X25519]}`,
  `tls_server_config: {${PAIR}, curve_preferences: [X448]}`,
  `tls_server_config: {${PAIR}, prefer_server_cipher_suites: off}`,
  `tls_server_config: {${PAIR}, prefer_server_cipher_suites: "off"}`,
  `tls_server_config: {${PAIR}, colour: red}`,
  `tls_server_config: {${PAIR}, cert_file: server.pem}`,
  'tls_server_config: {cert_file: server.pem}',
  'tls_server_config: {key_file: server.key}',
  'tls_server_config: {cert_file: none.pem, key_file: server.key}',
  'tls_server_config: {cert_file: server.pem, key_file: other.key}',
  'tls_server_config: {cert_file: server.key, key_file: server.pem}',
  'tls_server_config: [a]',
  'http_server_config: {http2: true}',
  'http_server_config: {http2: y}',
  'http_server_config: {http2: maybe}',
  'http_server_config: {http2: 1}',
  'http_server_config: {headers: {X-Frame-Options: deny, X-Content-Type-Options: nosniff, X-XSS-Protection: "1"}}',
  'http_server_config: {headers: {Strict-Transport-Security: max-age=1, Content-Security-Policy: "a"}}',
  'http_server_config: {headers: {X-Frame-Options: allow}}',
  'http_server_config: {headers: {X-Frame-Options: }}',
  'http_server_config: {headers: {Server: a}}',
  'http_server_config: {headers: {x-frame-options: deny}}',
  `basic_auth_users: {alice: ${HASH}, 7: ${HASH.replace('2y', '2a')}, bob: ${HASH.replace('2y', '2b')}}`,
  'basic_auth_users: {alice: secret}',
  'basic_auth_users: {alice: }',
  'basic_auth_users: [alice]',
  'unknown: 1',
  'a: [',
]

function accepts(path: string): boolean {
  try {
    loadWebConfig(path, (file) => readFileSync(file, 'utf8'))
    return true
  } catch {
    return false
  }
}

afterAll(() => removeFolder(folder))

describeWith('openssl', 'certificates', () => {
  describeWith('promtool', 'promtool agrees on', () => {
    beforeAll(() => {
      const authority = makeAuthority(folder, 'ca')
      authority.issue('server')
      authority.issue('other')
    })

    it.each(FILES)('%s', (text) => {
      const path = join(folder, 'web.yml')
      writeFileSync(path, text)
      const { status, stderr } = spawnSync(peerOrThrow('promtool').path, ['check', 'web-config', path], {
        encoding: 'utf8',
      })
      expect([accepts(path), stderr]).toEqual([status === 0, stderr])
    })
  })
})
