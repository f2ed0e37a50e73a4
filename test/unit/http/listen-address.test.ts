import { describe, expect, it } from 'vitest'
import { parseListenAddress, showHostPort } from '../../../src/http/listen-address.ts'

describe('parseListenAddress', () => {
  it.each([
    ['a port on every interface', ':9753', { port: 9753 }],
    ['an IPv4 address', '127.0.0.1:9753', { host: '127.0.0.1', port: 9753 }],
    ['a name', 'localhost:80', { host: 'localhost', port: 80 }],
    ['an IPv6 address in brackets', '[::1]:9753', { host: '::1', port: 9753 }],
    ['an IPv6 address with a zone', '[fe80::1%eth0]:9753', { host: 'fe80::1%eth0', port: 9753 }],
    ['the port the system chooses', ':0', { port: 0 }],
  ])('reads %s', (_why, text, address) => {
    expect(parseListenAddress(text)).toEqual(address)
  })

  it.each([
    ['no port', 'localhost'],
    ['an empty port', 'localhost:'],
    ['a port too high', ':65536'],
    ['a port by name', ':http'],
    ['IPv6 without brackets', '::1:9753'],
    ['nothing', ''],
    ['a URL', 'http://localhost:80'],
  ])('refuses %s', (_why, text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'PGR_SETTING_INVALID' }))
  })
})

describe('showHostPort', () => {
  it('puts brackets around IPv6', () => {
    expect(showHostPort('::1', 80)).toBe('[::1]:80')
    expect(showHostPort('127.0.0.1', 80)).toBe('127.0.0.1:80')
  })
})
