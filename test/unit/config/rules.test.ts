import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { type FlagValue, resolveSettings } from '../../../src/config/resolve.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

function resolve(flags: Record<string, FlagValue>) {
  return resolveSettings({
    flags: new Map(Object.entries(flags)),
    env: {},
    readFile: () => '',
  })
}

function refusal(flags: Record<string, FlagValue>): string {
  try {
    resolve(flags)
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_SETTING_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

describe('the store', () => {
  it.each<[string, Record<string, FlagValue>, 'embedded' | 'redis', string[]]>([
    ['is embedded when nothing is said', {}, 'embedded', []],
    ['is Redis when an endpoint is given', { 'redis.endpoint': ['a:1'] }, 'redis', ['a:1']],
    ['is Redis on its usual port when asked for alone', { store: 'redis' }, 'redis', [':6379']],
    [
      'is found through a Sentinel on its usual port when a primary is named',
      { 'redis.master-name': 'm' },
      'redis',
      [':26379'],
    ],
    [
      'is found through the Sentinels that are given',
      { 'redis.master-name': 'm', 'redis.endpoint': ['a:1', 'b:2'] },
      'redis',
      ['a:1', 'b:2'],
    ],
    [
      'is embedded when asked for, endpoint or not',
      { store: 'embedded', 'redis.endpoint': ['a:1'] },
      'embedded',
      ['a:1'],
    ],
  ])('%s', (_why, flags, store, endpoints) => {
    const { settings } = resolve(flags)
    expect([settings.store, settings.redisEndpoint]).toEqual([store, endpoints])
  })
})

describe('workers', () => {
  it('are one unless more are asked for, and as many as there are processors with auto', () => {
    const redis = { 'redis.endpoint': ['a:1'] }
    const counts = [{}, { workers: '3' }, { workers: 'auto' }].map(
      (flags) => resolve({ ...redis, ...flags }).settings.workers,
    )
    expect(counts).toEqual([1, 3, availableParallelism()])
  })

  it.each(['2', 'auto'])('are refused over the embedded store: %s', (workers) => {
    expect(refusal({ workers })).toMatch(
      /^--workers is (2|auto), but the store is embedded.*give --redis\.endpoint/,
    )
    expect(refusal({ workers: '1' })).toBe('accepted')
  })
})

describe('sockets that are handed over', () => {
  it('are all there is to listen on', () => {
    expect(resolve({ 'web.systemd-socket': true }).settings.webListenAddress).toEqual([])
    expect(resolve({ 'web.systemd-socket': true, compat: 'pushgateway' }).settings.webListenAddress).toEqual(
      [],
    )
  })

  it.each(['port', 'web.listen-address'])('cannot stand beside --%s', (flag) => {
    expect(refusal({ 'web.systemd-socket': true, [flag]: flag === 'port' ? '1' : [':1'] })).toBe(
      `--${flag} cannot stand beside --web.systemd-socket: give only one of them`,
    )
  })
})

describe('--compat=pushgateway', () => {
  it('listens on 9091 and shows own metrics beside the pushed ones', () => {
    expect(resolve({ compat: 'pushgateway' }).settings).toMatchObject({
      port: 9091,
      webListenAddress: [{ host: '', port: 9091 }],
      metricsPath: '/metrics',
      telemetryPath: '/metrics',
    })
  })

  it('changes defaults only', () => {
    const { settings } = resolve({
      compat: 'pushgateway',
      port: '9753',
      'telemetry.path': '/own',
      'metrics.path': '/m',
    })
    expect(settings).toMatchObject({ port: 9753, telemetryPath: '/own', metricsPath: '/m' })
  })

  it('moves own metrics along with the pushed ones', () => {
    expect(resolve({ compat: 'pushgateway', 'web.telemetry-path': '/m' }).settings.telemetryPath).toBe('/m')
  })
})

describe('the path in front of every path', () => {
  it.each<[string, Record<string, FlagValue>, string]>([
    ['is none unless given', {}, ''],
    [
      'is that of the external address',
      { 'web.external-url': 'https://push.example.org/gateway/' },
      '/gateway',
    ],
    ['is none with an address that has none', { 'web.external-url': 'push.example.org:80' }, ''],
    ['is what was given', { 'web.external-url': 'https://a/b', 'web.route-prefix': 'c/d' }, '/c/d'],
    ['is none when that was given', { 'web.external-url': 'https://a/b', 'web.route-prefix': '/' }, ''],
  ])('%s', (_what, flags, prefix) => {
    expect(resolve(flags).settings.webRoutePrefix).toBe(prefix)
  })

  it.each<Record<string, FlagValue>>([
    { 'web.external-url': 'ftp://a/b' },
    { 'web.external-url': 'https://a/b?c' },
    { 'web.external-url': 'https://a/b c' },
    { 'web.route-prefix': '/a/../b' },
    { 'web.route-prefix': '/a b' },
  ])('is refused when it is none: %j', (flags) => {
    expect(() => resolve(flags)).toThrow(/must be|expects|such as/)
  })
})

describe("Pushgateway's name for the path of the page", () => {
  it('moves own metrics there, too', () => {
    expect(resolve({ 'web.telemetry-path': '/m' }).settings).toMatchObject({
      metricsPath: '/m',
      telemetryPath: '/m',
    })
    expect(resolve({ 'web.telemetry-path': '/m', 'telemetry.path': '/t' }).settings.telemetryPath).toBe('/t')
    expect(resolve({ 'metrics.path': '/m' }).settings.telemetryPath).toBe('/telemetry')
  })
})

describe('combinations that cannot work are refused', () => {
  it.each<[string, Record<string, FlagValue>, RegExp]>([
    [
      'port beside address',
      { port: '1', 'web.listen-address': [':2'] },
      /^--port cannot stand beside --web\.listen-address/,
    ],
    ['one address twice', { 'web.listen-address': [':2', ':2'] }, /names :2 twice/],
    [
      'equal paths',
      { 'metrics.path': '/x', 'ingest.path': '/x' },
      /^--metrics\.path and --ingest\.path are both \/x/,
    ],
    ['a path equal to a default', { 'ingest.path': '/metrics' }, /are both \/metrics/],
    ['own metrics on the pushed ones', { 'telemetry.path': '/metrics' }, /are both \/metrics/],
    [
      'own metrics on the merging path',
      { compat: 'pushgateway', 'telemetry.path': '/ingest' },
      /are both \/ingest/,
    ],
    ['a path under the push paths', { 'metrics.path': '/metrics/job/x' }, /under \/metrics\/job\/ are taken/],
    ['the push path itself', { 'ingest.path': '/metrics/job' }, /under \/metrics\/job\/ are taken/],
    ['a path under the API', { 'telemetry.path': '/api/telemetry' }, /under \/api\/ are taken/],
    ['a path under the probes', { 'ingest.path': '/-/in' }, /under \/-\/ are taken/],
    ['the OTLP path', { 'metrics.path': '/v1/metrics' }, /under \/v1\/metrics\/ are taken/],
    [
      'HTTPS beside a web configuration file',
      { 'web.config.file': 'w', 'tls.enabled': true, 'tls.cert': 'c', 'tls.key': 'k' },
      /^--tls\.enabled, --tls\.key, --tls\.cert cannot stand beside --web\.config\.file: /,
    ],
    [
      'a key beside a web configuration file',
      { 'web.config.file': 'w', 'tls.key': 'k' },
      /^--tls\.key cannot stand beside --web\.config\.file: /,
    ],
    ['HTTPS without a key', { 'tls.enabled': true, 'tls.cert': 'c' }, /needs --tls\.key$/],
    ['HTTPS without a certificate', { 'tls.enabled': true, 'tls.key': 'k' }, /needs --tls\.cert$/],
    ['half a client certificate', { 'redis.tls.cert': 'c' }, /belong together/],
    [
      'a default lifetime over the longest',
      { 'push.max-ttl': '1m' },
      /^--redis\.expiration is 5m, over the 1m/,
    ],
    [
      'living forever with a longest lifetime',
      { 'push.max-ttl': '1h', 'redis.expiration': '0' },
      /is never, over the 1h/,
    ],
    ...(
      [
        ['user', { 'redis.sentinel-username': 'u' }],
        ['password', { 'redis.sentinel-password': 'hunter2' }],
        ['rule', { 'redis.sentinel-strict': true }],
      ] as const
    ).map(([what, flag]): [string, Record<string, FlagValue>, RegExp] => [
      `a ${what} for Sentinels without the name of a primary`,
      { 'redis.endpoint': ['a:1'], ...flag },
      /^--redis\.sentinel-\w+ speaks of Sentinels, but no primary is named: give --redis\.master-name/,
    ]),
    [
      'a database of a Cluster',
      { 'redis.endpoint': ['a:1', 'b:1'], 'redis.db': '3' },
      /^--redis\.db is 3, but several endpoints are a Cluster/,
    ],
    [
      'waiting for replicas as long as for Redis itself',
      { 'redis.endpoint': ['a:1'], 'redis.wait-replicas': '1', 'redis.wait-timeout': '1s' },
      /^--redis\.wait-timeout is 1s, not below the 1s of --redis\.timeout/,
    ],
    [
      'a default wait for replicas over a short wait for Redis',
      { 'redis.endpoint': ['a:1'], 'redis.wait-replicas': '1', 'redis.timeout': '300ms' },
      /^--redis\.wait-timeout is 500ms, not below the 300ms/,
    ],
    [
      'remembering pushes longer than Redis knows them again',
      { 'redis.endpoint': ['a:1'], 'redis.resubmit-window': '61s' },
      /^--redis\.resubmit-window is 1m1s, over the longest of 1m/,
    ],
    ['a body that never fits', { 'push.max-body': '1GiB' }, /^--push\.max-body is 1GiB, over the 512MiB/],
  ])('%s', (_why, flags, message) => {
    expect(refusal(flags)).toMatch(message)
  })

  it.each<[string, Record<string, FlagValue>]>([
    ['free ports', { 'web.listen-address': [':0', ':0'] }],
    ['one port on two hosts', { 'web.listen-address': ['a:1', 'b:1'] }],
    [
      'a path that merely starts like a taken one',
      { 'metrics.path': '/metrics/jobs', 'ingest.path': '/apis' },
    ],
    ['a default lifetime equal to the longest', { 'push.max-ttl': '5m' }],
    [
      'a database behind several Sentinels',
      { 'redis.master-name': 'm', 'redis.endpoint': ['a:1', 'b:1'], 'redis.db': '3' },
    ],
    ['a database of one Redis', { 'redis.endpoint': ['a:1'], 'redis.db': '3' }],
    [
      'Sentinels with a password of their own',
      { 'redis.master-name': 'm', 'redis.sentinel-password': 'p', 'redis.sentinel-strict': true },
    ],
    [
      'a short wait for Redis when no replica is waited for',
      { 'redis.endpoint': ['a:1'], 'redis.timeout': '300ms' },
    ],
    [
      'remembering pushes as long as Redis knows them again',
      { 'redis.endpoint': ['a:1'], 'redis.resubmit-window': '1m' },
    ],
  ])('but not %s', (_why, flags) => {
    expect(refusal(flags)).toBe('accepted')
  })
})

describe('settings that change nothing are warned about', () => {
  it.each<[string, Record<string, FlagValue>, RegExp]>([
    [
      'a file for the store beside Redis',
      { store: 'redis', 'persistence.file': '/x', 'persistence.interval': '1m' },
      /^--persistence\.file, --persistence\.interval without effect: the store is Redis/,
    ],
    [
      'how often a file is written that is not',
      { 'persistence.interval': '1m' },
      /^--persistence\.interval without effect: no file is written/,
    ],
    ['a key without HTTPS', { 'tls.key': 'k' }, /^--tls\.key without effect: HTTPS is off/],
    [
      'a password without Redis',
      { 'redis.password': 'hunter2' },
      /^--redis\.password without effect: the store is embedded/,
    ],
    [
      'an endpoint beside the embedded store',
      { store: 'embedded', 'redis.endpoint': ['a:1'] },
      /^--redis\.endpoint without effect/,
    ],
    [
      'how to reach servers that nobody talks to',
      { store: 'embedded', 'redis.nat-map': ['a:1=b:2'], 'redis.wait-replicas': '1' },
      /^--redis\.nat-map, --redis\.wait-replicas without effect: the store is embedded/,
    ],
    [
      'a password for Sentinels beside the embedded store',
      { 'redis.sentinel-password': 'hunter2' },
      /^--redis\.sentinel-password without effect: the store is embedded/,
    ],
    [
      'how long replicas may take when none is waited for',
      { 'redis.endpoint': ['a:1'], 'redis.wait-timeout': '100ms' },
      /^--redis\.wait-timeout without effect: no replica is waited for/,
    ],
    [
      'when to send again what is not remembered',
      { 'redis.endpoint': ['a:1'], 'redis.resubmit-window': '0', 'redis.resubmit-after': 'empty' },
      /^--redis\.resubmit-after without effect: no push is remembered/,
    ],
    [
      'open probes where everything is open',
      { 'web.auth.public-health': true },
      /^--web\.auth\.public-health without effect: nobody is asked for credentials/,
    ],
    [
      'an authority without TLS',
      { 'redis.endpoint': ['a:1'], 'redis.tls.ca': 'c' },
      /^--redis\.tls\.ca without effect/,
    ],
  ])('%s', (_why, flags, message) => {
    const { notices } = resolve(flags)
    expect(notices).toHaveLength(1)
    expect(notices[0]?.message).toMatch(message)
    expect(notices[0]?.message).not.toContain('hunter2')
  })

  it.each<[string, Record<string, FlagValue>]>([
    ['an authority for a TLS endpoint', { 'redis.endpoint': ['rediss://a:1'], 'redis.tls.ca': 'c' }],
    [
      'an authority with TLS on',
      { 'redis.endpoint': ['a:1'], 'redis.tls.enabled': true, 'redis.tls.ca': 'c' },
    ],
    ['an explicit default', { 'tls.enabled': false, 'redis.tls.skip-verify': false }],
  ])('but not %s', (_why, flags) => {
    expect(resolve(flags).notices).toEqual([])
  })
})
