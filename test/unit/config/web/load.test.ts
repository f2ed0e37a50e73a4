import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadWebConfig } from '../../../../src/config/web/load.ts'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { type Certificates, makeAuthority } from '../../../support/certificates.ts'
import { makeFolder, removeFolder } from '../../../support/child.ts'
import { describeWith, peerOrThrow } from '../../../support/peers.ts'

const folder = makeFolder('web-config')
const path = join(folder, 'web.yml')
let server: Certificates

function read(file: string): string {
  return readFileSync(file, 'utf8')
}

function load(text: string) {
  writeFileSync(path, text)
  return loadWebConfig(path, read)
}

function refusal(text: string): string {
  try {
    load(text)
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_WEB_CONFIG_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

function tls(...lines: string[]): string {
  return ['tls_server_config:', ...lines.map((line) => `  ${line}`)].join('\n')
}

function inline(key: string, file: string): string {
  return `${key}: ${JSON.stringify(read(file))}`
}

afterAll(() => removeFolder(folder))

describeWith('openssl', 'what a web configuration file names', () => {
  beforeAll(() => {
    const authority = makeAuthority(folder, 'ca')
    server = authority.issue('server')
    authority.issue('other')
    writeFileSync(join(folder, 'junk.pem'), 'nothing\n')
    const locked = [
      'pkey',
      '-in',
      server.key,
      '-aes256',
      '-passout',
      'pass:x',
      '-out',
      join(folder, 'locked.key'),
    ]
    expect(spawnSync(peerOrThrow('openssl').path, locked).status).toBe(0)
  })

  it('is found beside the file, and in the file itself', () => {
    const named = load(tls('cert_file: server.pem', 'key_file: server.key'))
    const given = load(tls(inline('cert', server.cert), inline('key', server.key)))
    expect(named.tls).toEqual(given.tls)
    expect(named.tls).toMatchObject({
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      clientAuth: 'NoClientCert',
    })
    expect(named.tls?.expiresAt.getTime()).toBeGreaterThan(Date.now())
  })

  it.each([
    [
      'a file that is not there',
      tls('cert_file: none.pem', 'key_file: server.key'),
      /web\.yml:2:3: tls_server_config\.cert_file: the file cannot be read: ENOENT.*none\.pem/,
    ],
    [
      'a certificate that is none',
      tls('cert_file: junk.pem', 'key_file: server.key'),
      /web\.yml:2:3: tls_server_config\.cert_file holds no certificate: give one in PEM/,
    ],
    [
      'a key that is none',
      tls('cert_file: server.pem', 'key_file: junk.pem'),
      /web\.yml:3:3: tls_server_config\.key_file holds no private key: give one in PEM/,
    ],
    [
      'an encrypted key',
      tls('cert_file: server.pem', 'key_file: locked.key'),
      /tls_server_config\.key_file is encrypted, and nothing here asks for a passphrase/,
    ],
    [
      'the key of another certificate',
      tls('cert_file: server.pem', 'key_file: other.key'),
      /web\.yml:3:3: tls_server_config\.key_file is not the key of the certificate in server\.pem/,
    ],
    [
      'authorities that are none',
      tls(
        'cert_file: server.pem',
        'key_file: server.key',
        'client_ca_file: junk.pem',
        'client_auth_type: RequestClientCert',
      ),
      /web\.yml:4:3: tls_server_config\.client_ca_file holds no certificate/,
    ],
  ])('is refused when it is %s', (_why, text, expected) => {
    expect(refusal(text)).toMatch(expected)
  })

  it('is refused when the file itself is not there', () => {
    expect(() => loadWebConfig(join(folder, 'none.yml'), read)).toThrow(
      /the web configuration file cannot be read/,
    )
  })
})
