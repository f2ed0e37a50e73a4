import { describe, expect, it } from 'vitest'
import { readSettingsFile } from '../../../src/config/file.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

function texts(source: string): [string, string][] {
  return [...readSettingsFile(source, 'a.yml').values].map(([key, given]) => [key, given.text])
}

function refusal(source: string): string {
  try {
    readSettingsFile(source, 'a.yml')
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_SETTING_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

describe('a configuration file', () => {
  it.each([
    ['nested keys', 'redis:\n  tls:\n    skip_verify: true', [['redisTlsSkipVerify', 'true']]],
    [
      'flat keys of old',
      'tls_enabled: true\nmetrics_path: /m',
      [
        ['tlsEnabled', 'true'],
        ['metricsPath', '/m'],
      ],
    ],
    ['a list as a sequence', 'redis: {endpoint: [a:1, b:2]}', [['redisEndpoint', 'a:1,b:2']]],
    ['a list as text', 'redis: {endpoint: "a:1,b:2"}', [['redisEndpoint', 'a:1,b:2']]],
    ['a number', 'port: 80', [['port', '80']]],
    ['a quoted number', 'port: "80"', [['port', '80']]],
    ['a number as text keeps its spelling', 'redis: {password: 0123}', [['redisPassword', '0123']]],
    [
      'a long number as text keeps its digits',
      'redis: {password: 12345678901234567890}',
      [['redisPassword', '12345678901234567890']],
    ],
    ['words that other YAML versions take for booleans', 'tls_enabled: yes', [['tlsEnabled', 'yes']]],
    [
      'an anchor',
      'metrics_path: &a /m\ntelemetry_path: *a',
      [
        ['metricsPath', '/m'],
        ['telemetryPath', '/m'],
      ],
    ],
    ['a secret in a file', 'redis: {password_file: /run/pw}', [['redisPassword', '/run/pw']]],
    ['a section whose keys are commented out', 'redis:\n  # db: 0\n', []],
    ['nothing at all', '', []],
    ['only comments', '# nothing\n', []],
    ['0 without a unit', 'redis: {expiration: 0}', [['redisExpiration', '0']]],
  ])('may hold %s', (_why, source, expected) => {
    expect(texts(source)).toEqual(expected)
  })

  it.each([
    ['an unknown key', 'prot: 1', 'a.yml:1:1: prot is not a setting, did you mean port?'],
    [
      'an unknown nested key',
      'redis:\n  endpont: x',
      'a.yml:2:3: redis.endpont is not a setting, did you mean redis.endpoint?',
    ],
    [
      'dashes for underscores',
      'web:\n  listen-address: ":1"',
      'a.yml:2:3: web.listen-address is not a setting, did you mean web.listen_address?',
    ],
    ['nothing near', 'colour: red', 'a.yml:1:1: colour is not a setting; see docs/configuration.md'],
    [
      'the name of a JavaScript property',
      '__proto__: 1',
      'a.yml:1:1: __proto__ is not a setting; see docs/configuration.md',
    ],
    ['dots instead of nesting', 'redis.db: 1', 'a.yml:1:1: redis.db is written with dots (nest it instead)'],
    ['a key that stands twice', 'port: 1\nport: 2', 'a.yml:2:1: port stands twice'],
    [
      'a key and its alias',
      'metrics_path: /a\nmetrics: {path: /b}',
      'a.yml:1:1: metrics_path and a.yml:2:11: metrics.path mean the same setting: give only one of them',
    ],
    [
      'a value and its file',
      'redis: {password: a, password_file: b}',
      'a.yml:1:9: redis.password and a.yml:1:22: redis.password_file mean the same setting: give only one of them',
    ],
    ['a list for a number', 'port: [1]', 'a.yml:1:7: port must be a port from 0 to 65535, not a list'],
    [
      'a switch for a number',
      'port: true',
      'a.yml:1:7: port must be a port from 0 to 65535, not the boolean true',
    ],
    [
      'a mapping for text',
      'redis: {db: {a: 1}}',
      'a.yml:1:13: redis.db must be a whole number from 0 to 65535, not a mapping',
    ],
    ['nothing for a value', 'port:', 'a.yml:1:6: port must be a port from 0 to 65535, not nothing'],
    [
      'an empty list',
      'redis: {endpoint: []}',
      /^a\.yml:1:19: redis\.endpoint must be endpoints .* not an empty list$/,
    ],
    [
      'a list in a list',
      'redis: {endpoint: [[a]]}',
      /^a\.yml:1:20: redis\.endpoint must be endpoints .* not a list$/,
    ],
    ['text for a section', 'redis: localhost', 'a.yml:1:8: redis must hold keys and values, not text'],
    ['a list for the file', '- a', 'a.yml:1:1: the file must hold keys and values, not a list'],
    ['the file naming itself', 'config: {file: b.yml}', /^a\.yml:1:1: config is not a setting/],
    ['a merge key', 'redis: {<<: {db: 1}}', /^a\.yml:1:9: redis\.<< is not a setting/],
    ['broken YAML', 'port: "1', /^a\.yml:1:\d+: /],
    ['a tab for indentation', 'redis:\n\tdb: 1', /^a\.yml:2:1: /],
    ['an unknown anchor', 'port: *a', /^a\.yml:1:7: /],
    ['two documents', 'port: 1\n---\nport: 2', /^a\.yml:2:1: /],
  ])('is refused for %s', (_why, source, message) => {
    if (typeof message === 'string') expect(refusal(source)).toBe(message)
    else expect(refusal(source)).toMatch(message)
  })

  it('never shows a secret in a refusal', () => {
    expect(refusal('redis: {password: [hunter2]}')).not.toContain('hunter2')
    expect(refusal('redis: {password_file: 1234567}')).toMatch(/must be text, not the number/)
  })

  it('warns about keys without effect, whatever they hold', () => {
    const { values, notices } = readSettingsFile(
      'redis:\n  pool_size: 10\n  idle_timeout: 1m\n  max_connection_age: [x]\n',
      'a.yml',
    )
    expect(values.size).toBe(0)
    expect(notices.map(({ level, message }) => [level, message.split(' has no effect')[0]])).toEqual([
      ['warn', 'a.yml:2:3: redis.pool_size'],
      ['warn', 'a.yml:3:3: redis.idle_timeout'],
      ['warn', 'a.yml:4:3: redis.max_connection_age'],
    ])
  })
})
