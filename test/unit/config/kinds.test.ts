import { describe, expect, it } from 'vitest'
import {
  addresses,
  addressMap,
  bool,
  count,
  countOrAuto,
  duration,
  endpoints,
  integer,
  keyPrefix,
  maskCredentials,
  oneOf,
  port,
  size,
  urlPath,
} from '../../../src/config/kinds.ts'

const MIB = 2 ** 20

describe('sizes', () => {
  it.each([
    ['a bare number is bytes', '4096', 4096],
    ['binary unit', '64MiB', 64 * MIB],
    ['decimal spelling is binary, as in Prometheus', '512MB', 512 * MIB],
    ['letter alone', '4G', 4096 * MIB],
    ['bytes spelled out', '2048B', 2048],
  ])('read %s', (_why, text, bytes) => {
    expect(size({ min: 1024 }).parse(text)).toBe(bytes)
  })

  it.each([
    ['below the least', '1023'],
    ['a fraction', '1.5MiB'],
    ['negative', '-1'],
    ['a space between', '64 MiB'],
    ['an unknown unit', '64mib'],
    ['past what is exact', '99999999TiB'],
    ['nothing', ''],
  ])('refuse %s', (_why, text) => {
    expect(size({ min: 1024 }).parse(text)).toBeUndefined()
  })

  it.each([
    [64 * MIB, '64MiB'],
    [1536, '1536B'],
    [4096 * MIB, '4GiB'],
    [0, '0'],
  ])('show %d bytes in the largest unit that keeps them exact', (bytes, shown) => {
    expect(size({ min: 0 }).show(bytes)).toBe(shown)
  })
})

describe('counts', () => {
  it.each([
    ['plain', '500', 500],
    ['thousands', '20k', 20_000],
    ['millions', '10M', 10_000_000],
  ])('read %s', (_why, text, value) => {
    expect(count({ min: 1 }).parse(text)).toBe(value)
    expect(count({ min: 1 }).show(value)).toBe(text)
  })

  it.each([
    ['below the least', '0'],
    ['a capital K, which is binary elsewhere', '1K'],
    ['a fraction', '1.5M'],
  ])('refuse %s', (_why, text) => {
    expect(count({ min: 1 }).parse(text)).toBeUndefined()
  })
})

describe('durations', () => {
  it.each([
    ['Prometheus syntax', '1h30m', 5_400_000],
    ['Go syntax', '1.5h', 5_400_000],
    ['milliseconds', '250ms', 250],
    ['days, which Go lacks', '7d', 604_800_000],
  ])('read %s', (_why, text, ms) => {
    expect(duration().parse(text)).toBe(ms)
  })

  it('refuse a number without a unit', () => {
    expect(duration({ zero: 'never' }).parse('5')).toBeUndefined()
  })

  it('read 0 only where it has a meaning', () => {
    expect(duration({ zero: 'never' }).parse('0')).toBe(0)
    expect(duration({ zero: 'never' }).parse('0s')).toBe(0)
    expect(duration().parse('0')).toBeUndefined()
  })

  it('refuse less than the least', () => {
    expect(duration({ minMs: 10 }).parse('9ms')).toBeUndefined()
    expect(duration({ minMs: 10 }).parse('10ms')).toBe(10)
  })
})

describe('switches', () => {
  it.each([
    ['true', true],
    ['Yes', true],
    ['on', true],
    ['1', true],
    ['false', false],
    ['NO', false],
    ['off', false],
    ['0', false],
    ['', undefined],
    ['maybe', undefined],
  ])('read %j as %s', (text, value) => {
    expect(bool.parse(text)).toBe(value)
  })
})

describe('numbers', () => {
  it.each([
    ['the largest port', '65535', 65_535],
    ['a free port', '0', 0],
    ['one too many', '65536', undefined],
    ['a service link', 'tcp://10.0.0.1:9753', undefined],
    ['hexadecimal', '0x10', undefined],
    ['exponent', '1e3', undefined],
    ['nothing', '', undefined],
  ])('as ports: %s', (_why, text, value) => {
    expect(port.parse(text)).toBe(value)
  })

  it('keep to their bounds', () => {
    expect(integer({ min: 2, max: 3 }).parse('1')).toBeUndefined()
    expect(integer({ min: 2, max: 3 }).parse('3')).toBe(3)
  })

  it('may be left to the machine', () => {
    const { parse, show } = countOrAuto({ min: 1, max: 8 })
    expect(['auto', '1', '8', '9', '0', 'Auto', ''].map(parse)).toEqual([
      'auto',
      1,
      8,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(['auto' as const, 4].map(show)).toEqual(['auto', '4'])
  })
})

describe('addresses', () => {
  it.each([
    ['every interface', ':9091', { host: '', port: 9091 }],
    ['version 4', '127.0.0.1:9753', { host: '127.0.0.1', port: 9753 }],
    ['version 6', '[::1]:9753', { host: '::1', port: 9753 }],
    ['a name', 'pgr.local:80', { host: 'pgr.local', port: 80 }],
  ])('read %s and show it again', (_why, text, address) => {
    const read = addresses.parse(text)
    expect(read).toEqual([address])
    expect(addresses.show(read ?? [])).toBe(text)
  })

  it('come in lists', () => {
    expect(addresses.parse(':1, :2')?.map((address) => address.port)).toEqual([1, 2])
  })

  it.each([
    ['no port', 'localhost'],
    ['version 6 without brackets', '::1:9753'],
    ['another protocol', 'vsock://:9091'],
    ['a hole in the list', ':1,,:2'],
    ['nothing', ''],
    ['a port past the last', ':65536'],
  ])('refuse %s', (_why, text) => {
    expect(addresses.parse(text)).toBeUndefined()
  })
})

describe('endpoints', () => {
  it.each([
    ['port alone', ':6379'],
    ['host and port', 'redis.example:6379'],
    ['host alone', 'redis'],
    ['version 6', '[::1]:6379'],
    ['URL', 'redis://redis.example:6379/0'],
    ['TLS URL with a user', 'rediss://me:pw@redis.example:6380'],
  ])('accept %s', (_why, text) => {
    expect(endpoints.parse(text)).toEqual([text])
  })

  it.each([
    ['another scheme', 'http://redis.example'],
    ['a URL without a host', 'redis://:port'],
    ['options in the URL', 'redis://redis.example?password=x'],
    ['nothing', ''],
    ['a port that is none', 'redis.example:70000'],
  ])('refuse %s', (_why, text) => {
    expect(endpoints.parse(text)).toBeUndefined()
  })

  it('are shown without passwords', () => {
    expect(endpoints.show(['redis://me:hunter2@a:1', 'rediss://:hunter2@b:2', ':6379'])).toBe(
      'redis://me:***@a:1,rediss://:***@b:2,:6379',
    )
  })

  it.each([
    ['a slash in the password', 'redis://me:hun/ter2@a:1'],
    ['an at sign in the password', 'redis://me:hun@ter2@a:1'],
    ['no scheme', 'me:hunter2@a:1'],
    ['behind another endpoint', 'a:1,redis://me:hunter2@b:2'],
    ['in a query', 'redis://a:1?password=hunter2'],
    ['a scheme that is not ours', 'http://me:hunter2@a'],
  ])('do not leak a password that cannot be read: %s', (_why, text) => {
    expect(maskCredentials(text)).not.toMatch(/hun|ter2/)
  })
})

describe('address maps', () => {
  it.each([
    ['one pair', '10.0.0.1:6379=redis.example:6380', [['10.0.0.1:6379', 'redis.example:6380']]],
    [
      'several pairs, with blanks around',
      'a:1=b:2, c:3 = b:4',
      [
        ['a:1', 'b:2'],
        ['c:3', 'b:4'],
      ],
    ],
    ['version 6', '[::1]:1=[::2]:2', [['[::1]:1', '[::2]:2']]],
    [
      'two announced addresses behind one',
      'a:1=b:2,a:3=b:2',
      [
        ['a:1', 'b:2'],
        ['a:3', 'b:2'],
      ],
    ],
    ['a name that objects have by themselves', '__proto__:1=b:2', [['__proto__:1', 'b:2']]],
  ])('accept %s and show it again', (_why, text, pairs) => {
    const map = addressMap.parse(text)
    expect([...(map ?? [])]).toEqual(pairs)
    expect(addressMap.parse(addressMap.show(map ?? new Map()))).toEqual(map)
  })

  it.each([
    ['one side', 'a:1'],
    ['three sides', 'a:1=b:2=c:3'],
    ['no port', 'a=b'],
    ['no host on the left', ':1=b:2'],
    ['no host on the right', 'a:1=:2'],
    ['port 0, which nobody listens on', 'a:1=b:0'],
    ['an announced address twice', 'a:1=b:2,a:1=c:3'],
    ['a URL', 'redis://a:1=b:2'],
    ['a hole in the list', 'a:1=b:2,,c:3=d:4'],
    ['nothing', ''],
  ])('refuse %s', (_why, text) => {
    expect(addressMap.parse(text)).toBeUndefined()
  })

  it('are empty text when empty', () => {
    expect(addressMap.show(new Map())).toBe('')
  })
})

describe('paths', () => {
  it.each(['/metrics', '/a/b-c/d.e', '/v2~/x_y'])('accept %s', (text) => {
    expect(urlPath.parse(text)).toBe(text)
  })

  it.each([
    ['no slash in front', 'metrics'],
    ['a slash at the end', '/metrics/'],
    ['an empty part', '/a//b'],
    ['nothing below the root', '/'],
    ['steps', '/a/../b'],
    ['route syntax', '/:job'],
    ['a wildcard', '/a/*'],
    ['a query', '/a?b'],
    ['an escape', '/a%2fb'],
  ])('refuse %s', (_why, text) => {
    expect(urlPath.parse(text)).toBeUndefined()
  })
})

describe('words', () => {
  it('are taken literally', () => {
    const level = oneOf('debug', 'info')
    expect(level.parse('info')).toBe('info')
    expect(level.parse('INFO')).toBeUndefined()
    expect(level.parse('constructor')).toBeUndefined()
  })

  it('of key prefixes hold no braces, which would change the slot of a key', () => {
    expect(keyPrefix.parse('team-a:pgr')).toBe('team-a:pgr')
    expect(keyPrefix.parse('{a}')).toBeUndefined()
    expect(keyPrefix.parse('')).toBeUndefined()
    expect(keyPrefix.parse('a'.repeat(65))).toBeUndefined()
  })
})
