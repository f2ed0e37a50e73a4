import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadRedisTls } from '../../../src/config/redis-tls.ts'
import { resolveSettings } from '../../../src/config/resolve.ts'
import { type Certificates, makeAuthority } from '../../support/certificates.ts'
import { makeFolder, removeFolder } from '../../support/child.ts'
import { describeWith } from '../../support/peers.ts'

describeWith('openssl', 'the files for TLS to Redis', () => {
  const folder = makeFolder('redis-tls')
  let one: Certificates
  let other: Certificates

  beforeAll(() => {
    const authority = makeAuthority(folder, 'authority')
    one = authority.issue('one')
    other = authority.issue('other')
  })
  afterAll(() => removeFolder(folder))

  const load = (flags: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) =>
    loadRedisTls(
      resolveSettings({ flags: new Map(Object.entries(flags)), env: {}, readFile: () => '' }).settings,
      (path) => files[path] ?? readFileSync(path, 'utf8'),
    )
  const flagsFor = ({ ca, cert, key }: Certificates) => ({
    'redis.tls.ca': ca,
    'redis.tls.cert': cert,
    'redis.tls.key': key,
  })

  it('are read where they are given', () => {
    const { ca, cert, key } = one
    const texts = {
      ca: readFileSync(ca, 'utf8'),
      cert: readFileSync(cert, 'utf8'),
      key: readFileSync(key, 'utf8'),
    }
    expect(load(flagsFor(one))).toEqual(texts)
    expect(load({ 'redis.tls.ca': ca })).toEqual({ ca: texts.ca, cert: undefined, key: undefined })
    expect(load({})).toEqual({ ca: undefined, cert: undefined, key: undefined })
  })

  describe('are refused', () => {
    it.each(['ca', 'cert', 'key'] as const)('while %s is being written', (part) => {
      const what = part === 'key' ? 'private key' : 'certificate'
      for (const half of ['', readFileSync(one[part], 'utf8').slice(0, 60)])
        expect(() => load(flagsFor(one), { [one[part]]: half })).toThrow(
          expect.objectContaining({
            code: 'PGR_SETTING_INVALID',
            message: expect.stringContaining(`the file of --redis.tls.${part} holds no ${what}: give`),
          }),
        )
    })

    it('when one is not there', () => {
      const away = join(folder, 'away.pem')
      expect(() => load({ ...flagsFor(one), 'redis.tls.ca': away })).toThrow(
        /^the file of --redis\.tls\.ca cannot be read: .*away\.pem/,
      )
    })

    it('when the key is that of another certificate', () => {
      expect(() => load({ ...flagsFor(one), 'redis.tls.key': other.key })).toThrow(
        'the file of --redis.tls.key is not the key of the certificate in that of --redis.tls.cert',
      )
    })
  })
})
