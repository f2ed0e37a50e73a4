import { describe, expect, it } from 'vitest'
import { type FlagValue, type Resolved, resolveSettings } from '../../../src/config/resolve.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

interface Given {
  flags?: Record<string, FlagValue>
  env?: Record<string, string>
  /** Text of `pushgw.yml`, which is named by flag when given. */
  file?: string
  files?: Record<string, string>
}

function resolve({ flags = {}, env = {}, file, files = {} }: Given): Resolved {
  const present = new Map(Object.entries(files))
  if (file !== undefined) present.set('pushgw.yml', file)
  return resolveSettings({
    flags: new Map(Object.entries(file === undefined ? flags : { 'config.file': 'pushgw.yml', ...flags })),
    env,
    readFile(path) {
      const found = present.get(path)
      if (found === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
      return found
    },
  })
}

function refusal(given: Given): string {
  try {
    resolve(given)
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_SETTING_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

describe('without anything given', () => {
  it('listens on 9753 with the store in this process', () => {
    const { settings, origins, notices } = resolve({})
    expect(settings).toMatchObject({
      store: 'embedded',
      webListenAddress: [{ host: '', port: 9753 }],
      metricsPath: '/metrics',
      telemetryPath: '/telemetry',
      ingestPath: '/ingest',
      redisEndpoint: [],
      redisExpiration: 300_000,
    })
    expect(new Set(Object.values(origins).map(({ from }) => from))).toEqual(new Set(['default']))
    expect(notices).toEqual([])
  })
})

describe('the order of sources', () => {
  const flag = { flags: { 'redis.expiration': '1m' } }
  const env = { env: { PGR_REDIS_EXPIRATION: '2m' } }
  const file = { file: '\nredis:\n  expiration: 3m\n' }

  it.each([
    [
      'a flag wins over all',
      { ...flag, ...env, ...file },
      60_000,
      { from: 'flag', name: '--redis.expiration' },
    ],
    [
      'the environment wins over the file',
      { ...env, ...file },
      120_000,
      { from: 'env', name: 'PGR_REDIS_EXPIRATION' },
    ],
    [
      'the file wins over the default',
      file,
      180_000,
      { from: 'file', name: 'pushgw.yml:3:3: redis.expiration' },
    ],
  ])('%s', (_why, given, value, origin) => {
    const { settings, origins } = resolve(given)
    expect(settings.redisExpiration).toBe(value)
    expect(origins.redisExpiration).toEqual(origin)
  })

  it('checks what a stronger source hides', () => {
    expect(refusal({ ...flag, env: { PGR_REDIS_EXPIRATION: 'soon' } })).toMatch(
      /^PGR_REDIS_EXPIRATION must be a duration/,
    )
  })

  it('lets a flag name another file than the environment', () => {
    const { settings } = resolve({
      flags: { 'config.file': 'b.yml' },
      env: { PGR_CONFIG_FILE: 'a.yml' },
      files: { 'b.yml': 'port: 2' },
    })
    expect(settings.port).toBe(2)
  })

  it('finds the file by the environment', () => {
    expect(resolve({ env: { PGR_CONFIG_FILE: 'b.yml' }, files: { 'b.yml': 'port: 2' } }).settings.port).toBe(
      2,
    )
  })

  it('takes an empty variable for one that is not set', () => {
    expect(
      resolve({ env: { PGR_PORT: '', PGR_REDIS_PASSWORD: '', PGR_REDIS_PASSWORD_FILE: '' } }).origins.port
        .from,
    ).toBe('default')
  })

  it('switches off by flag what the file switches on', () => {
    const file = 'web: {enable_lifecycle: true}'
    expect(resolve({ file }).settings.webEnableLifecycle).toBe(true)
    expect(resolve({ file, flags: { 'web.enable-lifecycle': false } }).settings.webEnableLifecycle).toBe(
      false,
    )
  })
})

describe('lists', () => {
  const expected = [
    { host: '', port: 1 },
    { host: '::1', port: 2 },
  ]

  it.each([
    ['repeated flags', { flags: { 'web.listen-address': [':1', '[::1]:2'] } }],
    ['commas in a flag', { flags: { 'web.listen-address': [':1,[::1]:2'] } }],
    ['commas in the environment', { env: { PGR_WEB_LISTEN_ADDRESS: ':1,[::1]:2' } }],
    ['a sequence in the file', { file: 'web: {listen_address: [":1", "[::1]:2"]}' }],
  ])('come from %s', (_why, given) => {
    expect(resolve(given).settings.webListenAddress).toEqual(expected)
  })
})

describe('other names for a setting', () => {
  it('are as good as the preferred one', () => {
    expect(resolve({ flags: { 'web.telemetry-path': '/m' } }).settings.metricsPath).toBe('/m')
    expect(resolve({ env: { PGR_WEB_TELEMETRY_PATH: '/m' } }).settings.metricsPath).toBe('/m')
  })

  it('cannot stand beside it in one source', () => {
    expect(refusal({ flags: { 'metrics.path': '/a', 'web.telemetry-path': '/b' } })).toBe(
      '--metrics.path and --web.telemetry-path mean the same setting: give only one of them',
    )
  })

  it('of other gateways are accepted and warned about', () => {
    const { notices } = resolve({
      flags: { 'redis.pool-size': '9' },
      env: { PGR_REDIS_IDLE_TIMEOUT: '1m' },
    })
    expect(notices.map(({ message }) => message.split(' has no effect')[0])).toEqual([
      '--redis.pool-size',
      'PGR_REDIS_IDLE_TIMEOUT',
    ])
  })
})

describe('secrets', () => {
  const files = { '/pw': 'hunter2\n' }
  const redis = { 'redis.endpoint': [':6379'] }

  it.each([
    ['a flag', { flags: { ...redis, 'redis.password': 'hunter2' } }],
    ['a file named by a flag', { flags: { ...redis, 'redis.password-file': '/pw' }, files }],
    ['the environment', { flags: redis, env: { PGR_REDIS_PASSWORD: 'hunter2' } }],
    ['a file named by the environment', { flags: redis, env: { PGR_REDIS_PASSWORD_FILE: '/pw' }, files }],
    ['a file named in the file', { flags: redis, file: 'redis: {password_file: /pw}', files }],
  ])('come from %s', (_why, given) => {
    expect(resolve(given).settings.redisPassword).toBe('hunter2')
  })

  it('lose one line end only, so that a password may end in a blank line', () => {
    expect(
      resolve({ flags: { ...redis, 'redis.password-file': '/pw' }, files: { '/pw': 'a\n\r\n' } }).settings
        .redisPassword,
    ).toBe('a\n')
  })

  it.each([
    [
      'missing',
      { env: { PGR_REDIS_PASSWORD_FILE: '/none' } },
      /^the file of PGR_REDIS_PASSWORD_FILE cannot be read: ENOENT/,
    ],
    [
      'empty',
      { env: { PGR_REDIS_PASSWORD_FILE: '/pw' }, files: { '/pw': '\n' } },
      /^PGR_REDIS_PASSWORD_FILE names \/pw, which is empty$/,
    ],
    [
      'beside the value',
      { env: { PGR_REDIS_PASSWORD_FILE: '/pw', PGR_REDIS_PASSWORD: 'hunter2' }, files },
      /mean the same setting/,
    ],
  ])('in a file are refused when it is %s, without showing anything', (_why, given, message) => {
    expect(refusal(given)).toMatch(message)
    expect(refusal(given)).not.toContain('hunter2')
  })

  it('in an endpoint are not shown when it is refused', () => {
    const message = refusal({ env: { PGR_REDIS_ENDPOINT: 'http://me:hunter2@a' } })
    expect(message).toMatch(/^PGR_REDIS_ENDPOINT must be endpoints .*, not "http:\/\/me:\*\*\*@a"$/)
  })
})

describe('a wrong value', () => {
  it.each([
    ['by flag', { flags: { port: 'http' } }, '--port must be a port from 0 to 65535, not "http"'],
    [
      'by environment',
      { env: { PGR_LOG_LEVEL: 'trace' } },
      'PGR_LOG_LEVEL must be one of debug, info, warn, error, not "trace"',
    ],
    [
      'in the file',
      { file: 'redis:\n  expiration: 5 parsecs\n' },
      /^pushgw\.yml:2:3: redis\.expiration must be a duration .*, not "5 parsecs"$/,
    ],
    [
      'a duration without a unit in the file',
      { file: 'redis: {expiration: 300}' },
      /^pushgw\.yml:1:9: redis\.expiration must be a duration such as 90s, 5m or 1h30m, or 0 for never, not "300"$/,
    ],
    [
      'a file that is not there',
      { flags: { 'config.file': 'none.yml' } },
      /^the configuration file cannot be read: ENOENT/,
    ],
  ])('is refused with its place and a remedy: %s', (_why, given, message) => {
    if (typeof message === 'string') expect(refusal(given)).toBe(message)
    else expect(refusal(given)).toMatch(message)
  })
})

describe('variables that are no settings', () => {
  it('are warned about when they look like one', () => {
    const { notices } = resolve({ env: { PGR_REDIS_ENDPINT: 'a:1' } })
    expect(notices).toEqual([
      {
        level: 'warn',
        message: 'PGR_REDIS_ENDPINT is not a setting and is ignored, did you mean PGR_REDIS_ENDPOINT?',
      },
    ])
  })

  it('are left alone when they belong to somebody else', () => {
    const env = {
      PGR_URL: 'http://a',
      PGR_PASSWORD: 'x',
      PGR_TOKEN: 'x',
      PGR_TOKEN_FILE: 'x',
      PGR_SERVICE_HOST: '10.0.0.1',
      PGR_SERVICE_PORT: '9753',
      PGR_PORT_9753_TCP_PORT: '9753',
      PGR_SOMETHING_ELSE_ENTIRELY: '1',
      PGRPORT: '1',
    }
    expect(resolve({ env }).notices).toEqual([])
  })

  it('are ignored when Kubernetes made them of a Service called pgr', () => {
    const { settings, notices } = resolve({ env: { PGR_PORT: 'tcp://10.96.0.7:9753' } })
    expect(settings.port).toBe(9753)
    expect(notices.map(({ level }) => level)).toEqual(['info'])
  })
})
