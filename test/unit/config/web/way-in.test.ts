import { describe, expect, it } from 'vitest'
import { readTokens } from '../../../../src/config/web/tokens.ts'
import { assertTakenOver, loadWayIn, type WayIn } from '../../../../src/config/web/way-in.ts'
import { PgrError } from '../../../../src/errors/pgr-error.ts'

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_WEB_CONFIG_INVALID') return reason.message
    throw reason
  }
  return 'accepted'
}

function load(files: Record<string, string>): WayIn {
  const settings = {
    webConfigFile: 'web.yml' in files ? 'web.yml' : '',
    webAuthBearerTokenFile: 'tokens' in files ? 'tokens' : '',
  }
  return loadWayIn(settings, (path) => files[path] ?? '')
}

describe('a file of tokens', () => {
  it('has one on each line', () => {
    expect(readTokens('# for jobs\none\n\n  two== \r\nthree', 'tokens')).toEqual(['one', 'two==', 'three'])
  })

  it.each([
    ['a space in one', 'one\na b', 'tokens:2: a bearer token holds letters, digits and . _ ~ + / - alone'],
    ['none', '# nothing\n', 'tokens holds no bearer token, so that nobody could come in'],
  ])('is refused for %s', (_why, source, expected) => {
    expect(refusal(() => readTokens(source, 'tokens'))).toContain(expected)
  })

  it('shows no token in a refusal', () => {
    expect(refusal(() => readTokens('hunter2 hunter3', 'tokens'))).not.toMatch(/hunter/)
  })
})

describe('the way in', () => {
  it('is open without any file', () => {
    expect(load({})).toEqual({
      tls: undefined,
      http2: false,
      access: { users: new Map(), tokens: [], headers: new Map(), rateLimit: undefined },
      notices: [],
    })
  })

  it('has what all files say', () => {
    const { http2, access } = load({
      'web.yml':
        'http_server_config: {http2: true, headers: {X-Frame-Options: deny}}\nrate_limit: {interval: 1s, burst: 2}',
      tokens: 'one',
    })
    expect(http2).toBe(false)
    expect(access).toEqual({
      users: new Map(),
      tokens: ['one'],
      headers: new Map([['X-Frame-Options', 'deny']]),
      rateLimit: { intervalMs: 1000, burst: 2 },
    })
  })

  it.each([
    [
      'TLS that comes',
      { tls: undefined },
      { tls: {} },
      /web\.yml sets up TLS now, which open ports cannot take over: restart/,
    ],
    ['TLS that goes', { tls: {} }, { tls: undefined }, /web\.yml no longer sets up TLS, .*restart/],
    [
      'HTTP/2',
      { tls: {}, http2: true },
      { tls: {}, http2: false },
      /http_server_config\.http2 is false now, .*restart/,
    ],
    [
      'another certificate',
      { tls: { cert: 'a' }, http2: true },
      { tls: { cert: 'b' }, http2: true },
      /^accepted$/,
    ],
  ])('without a restart: %s', (_why, now, next, expected) => {
    const act = () => assertTakenOver(now as WayIn, next as WayIn, 'web.yml')
    expect(refusal(act)).toMatch(expected)
  })
})
