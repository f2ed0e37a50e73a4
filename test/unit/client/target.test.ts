import { describe, expect, it } from 'vitest'
import { authorization, parseTarget } from '../../../src/client/target.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_SETTING_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

describe('the address of a gateway', () => {
  it.each([
    ['a URL', 'http://127.0.0.1:9753', 'http://127.0.0.1:9753'],
    ['an end slash goes', 'https://pgr.example/', 'https://pgr.example'],
    ['a path stays in front', 'https://pgr.example/team/a/', 'https://pgr.example/team/a'],
    ['host and port', 'localhost:9091', 'http://localhost:9091'],
    ['host', 'pgr.example', 'http://pgr.example'],
    ['version 6', '[::1]:9753', 'http://[::1]:9753'],
  ])('may be %s', (_why, given, base) => {
    expect(parseTarget(given)).toEqual({ base })
  })

  it('may hold credentials, which leave the URL', () => {
    expect(parseTarget('https://me:p%40ss%3A@pgr.example/x')).toEqual({
      base: 'https://pgr.example/x',
      credentials: { user: 'me', password: 'p@ss:' },
    })
    expect(parseTarget('http://me@pgr.example').credentials).toEqual({ user: 'me', password: '' })
  })

  it.each([
    ['another scheme', 'ftp://me:hunter2@h', /scheme ftp:/],
    ['a port that is none', 'http://me:hunter2@h:99999', /cannot be read/],
    ['a query', 'http://me:hunter2@h/?a=b', /query/],
    ['a fragment', 'http://h/#x', /fragment/],
    ['a stray %', 'http://me:hunter2%@h', /stray %/],
    ['nothing', '', /cannot be read/],
    ['a blank', 'http://a b', /cannot be read/],
  ])('is refused with a remedy and without credentials: %s', (_why, given, message) => {
    const said = refusal(() => parseTarget(given))
    expect(said).toMatch(message)
    expect(said).not.toContain('hunter2')
  })
})

describe('basic authentication', () => {
  it('is UTF-8', () => {
    expect(authorization({ user: 'me', password: 'pä' })).toBe(
      `Basic ${Buffer.from('me:pä').toString('base64')}`,
    )
  })

  it('refuses a user name with a colon, which is a password in the wrong place, without showing it', () => {
    const said = refusal(() => authorization({ user: 'me:hunter2', password: '' }))
    expect(said).toMatch(/PGR_PASSWORD/)
    expect(said).not.toContain('hunter2')
  })
})
