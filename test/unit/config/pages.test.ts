import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { settingRows } from '../../../src/config/options.ts'
import { configurationPage } from '../../../src/config/page.ts'
import { resolveSettings } from '../../../src/config/resolve.ts'
import { settingsSchema } from '../../../src/config/schema.ts'

const ROOT = new URL('../../../', import.meta.url)
const EXAMPLE = readFileSync(new URL('examples/pushgw.yml', ROOT), 'utf8')

const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(settingsSchema())

function resolveFile(text: string) {
  return resolveSettings({ flags: new Map([['config.file', 'a.yml']]), env: {}, readFile: () => text })
}

// Written anew by running this file with -u.
describe('generated pages are up to date', () => {
  it('docs/configuration.md', async () => {
    await expect(configurationPage()).toMatchFileSnapshot('../../../docs/configuration.md')
  })

  it('docs/configuration.schema.json', async () => {
    await expect(`${JSON.stringify(settingsSchema(), undefined, 2)}\n`).toMatchFileSnapshot(
      '../../../docs/configuration.schema.json',
    )
  })

  it('name every flag and hold no secret default', () => {
    const page = configurationPage()
    for (const [, row] of settingRows) expect(page).toContain(`\`--${row.flag}\``)
  })
})

describe('examples/pushgw.yml', () => {
  it('is taken without a word', () => {
    const { settings, notices } = resolveFile(EXAMPLE)
    expect(settings).toMatchObject({
      store: 'redis',
      redisEndpoint: ['localhost:6379'],
      pushMaxTtl: 86_400_000,
    })
    expect(notices).toEqual([])
  })

  it('follows the schema that it names', () => {
    expect(isValid(parse(EXAMPLE))).toBe(true)
    const named = /\$schema=(\S+)/.exec(EXAMPLE)?.[1] ?? ''
    expect(readFileSync(new URL(named, new URL('examples/', ROOT)), 'utf8')).toContain('json-schema.org')
  })

  it('is taken with everything in it that is commented out', () => {
    const whole = EXAMPLE.replaceAll(/^( *)# ( *(?:tls|enabled|key|cert|username):.*)$/gm, '$1$2')
    const { settings } = resolveFile(whole)
    expect(settings).toMatchObject({ tlsEnabled: true, tlsKey: '/etc/pgr/tls.key', redisUsername: 'pgr' })
    expect(isValid(parse(whole))).toBe(true)
  })
})

describe('the schema and the program agree on', () => {
  it.each([
    ['an empty file', '', true],
    [
      'a file of the simplest sort',
      'port: 9753\nredis: {endpoint: "localhost:6379", expiration: 5m, db: 0}',
      true,
    ],
    ['a section without keys', 'redis:', true],
    ['a list', 'redis: {endpoint: ["a:1", "b:2"]}', true],
    ['a list of pairs', 'redis: {nat_map: ["10.0.0.1:6379=a:1", "10.0.0.2:6379=b:2"]}', true],
    ['0 without a unit', 'redis: {expiration: 0}', true],
    ['a size in bytes', 'push: {max_body: 65536}', true],
    ['a count with a unit', 'limits: {series: 20k}', true],
    ['a key without effect', 'redis: {pool_size: 10}', true],
    ['a secret of digits', 'redis: {password: 12345}', true],
    ['an unknown key', 'colour: red', false],
    ['an unknown nested key', 'redis: {colour: red}', false],
    ['a port out of range', 'port: 70000', false],
    ['a switch for a port', 'port: true', false],
    ['a word that is not in the list', 'log: {level: trace}', false],
    ['a path without a slash', 'metrics_path: metrics', false],
    ['a number for a duration', 'redis: {expiration: 300}', false],
    ['an unknown unit', 'limits: {series: 20x}', false],
    ['text for a section', 'redis: localhost', false],
    ['an empty list', 'redis: {endpoint: []}', false],
    ['a prefix with braces', 'redis: {prefix: "{a}"}', false],
  ])('%s', (_why, text, expected) => {
    let isTaken = true
    try {
      resolveFile(text)
    } catch {
      isTaken = false
    }
    expect([isTaken, isValid(parse(text))]).toEqual([expected, expected])
  })
})
