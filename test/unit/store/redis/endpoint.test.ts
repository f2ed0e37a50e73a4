import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { parseEndpoint, showEndpoint } from '../../../../src/store/redis/endpoint.ts'

describe('a redis endpoint', () => {
  it.each([
    [
      'a URL with everything',
      'redis://me:p%40ss@db.example:7000/3',
      { host: 'db.example', port: 7000, tls: false, username: 'me', password: 'p@ss', db: 3 },
    ],
    [
      'a password without user',
      'redis://:secret@h',
      { host: 'h', port: 6379, tls: false, password: 'secret' },
    ],
    ['TLS', 'rediss://h:1', { host: 'h', port: 1, tls: true }],
    ['a scheme in capitals', 'REDIS://h:1', { host: 'h', port: 1, tls: false }],
    ['host and port', 'db.example:7000', { host: 'db.example', port: 7000, tls: false }],
    ['a host alone', 'db', { host: 'db', port: 6379, tls: false }],
    ['a port alone means this host', ':7000', { host: '127.0.0.1', port: 7000, tls: false }],
    ['IPv6', '[::1]:7000', { host: '::1', port: 7000, tls: false }],
    ['IPv6 in a URL', 'redis://[::1]:7000', { host: '::1', port: 7000, tls: false }],
    ['a URL without host', 'redis:///2', { host: '127.0.0.1', port: 6379, tls: false, db: 2 }],
    ['blanks around it', ' h:1 ', { host: 'h', port: 1, tls: false }],
  ])('is read: %s', (_why, text, expected) => {
    expect(parseEndpoint(text)).toEqual(expected)
  })

  it.each([
    ['nothing', ''],
    ['two endpoints, which mean a cluster', 'a:1,b:2'],
    ['another scheme', 'http://h:1'],
    ['a port that is none', 'h:65536'],
    ['port 0', ':0'],
    ['a database that is no number', 'redis://h/x'],
    ['a query', 'redis://h?db=1'],
    ['a bad escape', 'redis://:%zz@h'],
    ['two colons', 'a:b:1'],
    ['a bare IPv6 address, whose port nobody could tell', '::1:7000'],
  ])('is refused: %s', (_why, text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'PGR_SETTING_INVALID' }))
  })

  it('never shows its password, in no message', () => {
    for (const text of [
      'redis://u:hunter2@h:99999',
      'u:hunter2@h:1',
      'redis://u:hunter2@h/x',
      'redis://u:hunter2@h?x',
    ]) {
      const message = messageOf(text)
      expect(message).not.toContain('hunter2')
      expect(message.length).toBeGreaterThan(10)
    }
    expect(showEndpoint(parseEndpoint('redis://u:hunter2@[::1]:1/3'))).toBe('redis://[::1]:1')
  })
})

function messageOf(text: string): string {
  try {
    parseEndpoint(text)
  } catch (reason) {
    if (reason instanceof PgrError) return reason.message
  }
  throw new Error('not refused')
}
