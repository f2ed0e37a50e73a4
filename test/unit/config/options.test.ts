import { describe, expect, it } from 'vitest'
import { ignoredSettings, options, settingRows } from '../../../src/config/options.ts'
import { envName, flagsOf, GROUPS, yamlKey, yamlKeysOf } from '../../../src/config/setting.ts'

const flags = settingRows.flatMap(([, row]) => [...flagsOf(row), ...(row.secret ? [`${row.flag}-file`] : [])])
const allFlags = [...flags, ...ignoredSettings.map(({ flag }) => flag)]
const yamlKeys = [
  ...settingRows.flatMap(([, row]) =>
    yamlKeysOf(row).flatMap((key) => (row.secret ? [key, `${key}_file`] : [key])),
  ),
  ...ignoredSettings.map(({ flag }) => yamlKey(flag)),
]

describe('the table of settings', () => {
  it('has rows', () => {
    expect(settingRows.length).toBeGreaterThan(40)
  })

  it('names every setting after its flag', () => {
    for (const [key, row] of settingRows) {
      expect(key).toBe(row.flag.replace(/[.-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
    }
  })

  it('never uses a flag, variable, YAML key or short flag twice', () => {
    const shorts = settingRows.flatMap(([, row]) => row.short ?? [])
    for (const names of [allFlags, allFlags.map(envName), yamlKeys, shorts]) {
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
    }
  })

  it('has no YAML key that is both a value and a section', () => {
    expect(yamlKeys.filter((key) => yamlKeys.some((other) => other.startsWith(`${key}.`)))).toEqual([])
  })

  it('has no flag that looks like the negation of another', () => {
    expect(allFlags.filter((flag) => flag.startsWith('no-'))).toEqual([])
  })

  it('can read every default as it is shown', () => {
    for (const [, row] of settingRows) {
      const shown = row.kind.show(row.fallback)
      if (shown !== '') expect([row.flag, row.kind.parse(shown)]).toEqual([row.flag, row.fallback])
    }
  })

  it('explains every setting in one sentence or two, in a known group', () => {
    for (const [, row] of settingRows) {
      expect(row.doc).toMatch(/^[A-Z`].{10,}\.$/)
      expect(GROUPS).toContain(row.group)
    }
  })

  it('never shows a secret by way of its default', () => {
    expect(settingRows.filter(([, row]) => row.secret).map(([key, row]) => [key, row.fallback])).toEqual([
      ['redisPassword', ''],
      ['redisSentinelPassword', ''],
    ])
  })
})

describe('names that existing command lines and files use', () => {
  it.each([
    ['port', 'p'],
    ['metrics.path', 'm'],
    ['telemetry.path', 't'],
    ['ingest.path', 'i'],
  ])('keeps the short form of --%s', (flag, short) => {
    expect(settingRows.find(([, row]) => row.flag === flag)?.[1].short).toBe(short)
  })

  it.each([
    'config.file',
    'tls.enabled',
    'tls.key',
    'tls.cert',
    'redis.endpoint',
    'redis.expiration',
    'log.level',
    'log.format',
    'web.listen-address',
    'web.telemetry-path',
    'web.enable-lifecycle',
    'web.systemd-socket',
    'web.enable-admin-api',
    'persistence.file',
    'persistence.interval',
    'push.disable-consistency-check',
    'push.enable-utf8-names',
  ])('knows --%s', (flag) => {
    expect(allFlags).toContain(flag)
  })

  it.each([
    'port',
    'metrics_path',
    'ingest_path',
    'telemetry_path',
    'tls_enabled',
    'tls_key_path',
    'tls_cert_path',
    'redis.endpoint',
    'redis.master_name',
    'redis.timeout',
    'redis.expiration',
    'redis.db',
    'redis.pool_size',
    'redis.password',
    'redis.tls_enabled',
    'redis.tls_skip_verify',
    'redis.idle_timeout',
    'redis.max_connection_age',
  ])('knows the YAML key %s', (key) => {
    expect(yamlKeys).toContain(key)
  })

  it('keeps the defaults that are part of the interface', () => {
    expect(options.port.fallback).toBe(9753)
    expect(options.redisExpiration.fallback).toBe(300_000)
  })
})
