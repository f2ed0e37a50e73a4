import * as Parser from '@oclif/core/parser'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { givenFlags, makeServerFlags } from '../../../src/cli/server-flags.ts'
import { ignoredSettings, settingRows } from '../../../src/config/options.ts'

async function parse(...argv: string[]) {
  const { flags } = await Parser.parse(argv, { flags: makeServerFlags({ hidden: false }) })
  return [...givenFlags(flags)]
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the flags of the server', () => {
  it('cover the table', () => {
    const flags = Object.keys(makeServerFlags({ hidden: false }))
    for (const [, row] of settingRows) expect(flags).toContain(row.flag)
    for (const { flag } of ignoredSettings) expect(flags).toContain(flag)
    expect(flags).toContain('redis.password-file')
  })

  it.each([
    ['nothing typed is nothing given', [], []],
    ['with =', ['--redis.endpoint=a:1'], [['redis.endpoint', ['a:1']]]],
    ['without =', ['--log.level', 'debug'], [['log.level', 'debug']]],
    ['short', ['-p', '80'], [['port', '80']]],
    ['a switch', ['--tls.enabled'], [['tls.enabled', true]]],
    ['its twin', ['--no-tls.enabled'], [['tls.enabled', false]]],
    [
      'repeated',
      ['--web.listen-address=:1', '--web.listen-address', ':2'],
      [['web.listen-address', [':1', ':2']]],
    ],
    ['a name without effect', ['--redis.pool-size=9'], [['redis.pool-size', '9']]],
  ])('are read: %s', async (_why, argv, given) => {
    expect(await parse(...argv)).toEqual(given)
  })

  it('do not look at the environment, which is read elsewhere', async () => {
    vi.stubEnv('PGR_PORT', '1')
    expect(await parse()).toEqual([])
  })
})
