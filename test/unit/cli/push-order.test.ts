import { describe, expect, it } from 'vitest'
import { makeOrder, type OrderSources, type PushFlags, parseTimeoutMs } from '../../../src/cli/push-order.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

const FLAGS: PushFlags = {
  url: 'http://h',
  job: 'j',
  replace: false,
  protocol: 'pushgateway',
  format: 'auto',
  check: false,
  'allow-empty': false,
  gzip: true,
}

function sources(body = 'a 1\n', more: Partial<OrderSources> = {}): OrderSources {
  return {
    env: {},
    readFile: (path) => `password in ${path}\n`,
    readInput: async () => ({ name: 'stdin', body: Buffer.from(body) }),
    ...more,
  }
}

const NO_INPUT: Partial<OrderSources> = {
  readInput: () => {
    throw new Error('input was read')
  },
}

async function refusal(flags: Partial<PushFlags>, from = sources('', NO_INPUT)): Promise<string> {
  try {
    await makeOrder({ ...FLAGS, ...flags }, from)
  } catch (reason) {
    if (reason instanceof PgrError) return `${reason.code}: ${reason.message}`
    throw reason
  }
  return 'accepted'
}

describe('where a push goes', () => {
  it('is a group', async () => {
    const { order } = await makeOrder({ ...FLAGS, group: ['a=1', 'b='], replace: true }, sources())
    expect(order.to).toEqual({
      job: 'j',
      labels: [
        { name: 'a', value: '1' },
        { name: 'b', value: '' },
      ],
      replace: true,
    })
  })

  it('is the merging path', async () => {
    const { order } = await makeOrder({ ...FLAGS, job: undefined, protocol: 'ingest' }, sources())
    expect(order.to).toBe('ingest')
  })

  it.each<[string, Partial<PushFlags>, RegExp]>([
    ['no job', { job: undefined }, /--job/],
    ['a flag taken for the job', { job: '--group' }, /looks like a flag/],
    ['a group without a value', { group: ['a'] }, /name=value/],
    ['a group for the merging path', { protocol: 'ingest' }, /--protocol=ingest/],
    ['a URL of another scheme', { url: 'ftp://h' }, /scheme/],
    [
      'a lifetime without a unit',
      { ttl: '15' },
      /^PGR_SETTING_INVALID: --ttl must be a duration .* or 0 for never, not "15"$/,
    ],
  ])('is refused before input is read: %s', async (_why, flags, message) => {
    expect(await refusal(flags)).toMatch(/^PGR_SETTING_INVALID: /)
    expect(await refusal(flags)).toMatch(message)
  })
})

describe('what is pushed', () => {
  it.each([
    ['auto', 'a 1\n', 'text'],
    ['auto', 'a 1\n# EOF\n', 'openmetrics'],
    ['text', 'a 1\n# EOF\n', 'text'],
    ['openmetrics', 'a 1\n', 'openmetrics'],
  ] as const)('has the format %s: %j is %s', async (format, body, expected) => {
    expect((await makeOrder({ ...FLAGS, format }, sources(body))).order.format).toBe(expected)
  })

  it('is refused when it is empty, because that is what a broken pipe looks like', async () => {
    expect(await refusal({}, sources(''))).toMatch(/^PGR_SETTING_INVALID: stdin is empty, .*--allow-empty/)
    expect(await refusal({ replace: true }, sources(''))).toMatch(/would empty the group/)
  })

  it('may be empty when that is meant', async () => {
    const { order } = await makeOrder({ ...FLAGS, 'allow-empty': true }, sources(''))
    expect(order.body).toHaveLength(0)
  })

  it('keeps the lifetime as it was given', async () => {
    expect((await makeOrder({ ...FLAGS, ttl: '1h30m' }, sources())).order.ttl).toBe('1h30m')
    expect((await makeOrder({ ...FLAGS, ttl: '0' }, sources())).order.ttl).toBe('0')
    expect((await makeOrder(FLAGS, sources())).order).not.toHaveProperty('ttl')
  })
})

describe('the local check', () => {
  it.each([
    ['a line that is none', 'a 1\nb\n', 'PGR_BODY_MALFORMED'],
    ['a last line that was cut off', 'a 1', 'PGR_BODY_MALFORMED'],
    ['a timestamp, which no group takes', 'a 1 1700000000000\n', 'PGR_PUSH_INVALID'],
    ['OpenMetrics that is none', 'a 1\nb\n# EOF\n', 'PGR_BODY_MALFORMED'],
  ])('refuses %s, naming where it came from', async (_why, body, code) => {
    const said = await refusal({ check: true }, sources(body))
    expect(said.startsWith(`${code}: stdin: `)).toBe(true)
  })

  it.each([
    ['text', '# TYPE a counter\na{b="c"} 1\na{b="d"} 2\n', 2],
    ['OpenMetrics', '# TYPE a counter\na_total 1\n# EOF\n', 1],
    ['an empty body that is meant', '', 0],
  ])('counts the series of %s', async (_why, body, series) => {
    expect((await makeOrder({ ...FLAGS, check: true, 'allow-empty': true }, sources(body))).series).toBe(
      series,
    )
  })

  it('lets timestamps pass to where they belong', async () => {
    const flags = { ...FLAGS, check: true, job: undefined, protocol: 'ingest' } as const
    expect((await makeOrder(flags, sources('a 1 1700000000000\n'))).series).toBe(1)
  })

  it('is left out when told to', async () => {
    expect((await makeOrder(FLAGS, sources('no metrics at all'))).series).toBeNull()
  })
})

describe('credentials', () => {
  it.each<[string, Partial<PushFlags>, Record<string, string>, unknown]>([
    ['none', {}, {}, undefined],
    ['those of the URL', { url: 'http://u:p@h' }, {}, { user: 'u', password: 'p' }],
    [
      'user by flag, password by environment',
      { user: 'me' },
      { PGR_PASSWORD: 'pw' },
      { user: 'me', password: 'pw' },
    ],
    [
      'password by file, less the line end',
      { user: 'me', 'password-file': '/f' },
      {},
      { user: 'me', password: 'password in /f' },
    ],
    [
      'user by URL, password by environment',
      { url: 'http://u@h' },
      { PGR_PASSWORD: 'pw' },
      { user: 'u', password: 'pw' },
    ],
    [
      'the flag wins over the URL',
      { url: 'http://u:p@h', user: 'me' },
      { PGR_PASSWORD: 'pw' },
      { user: 'me', password: 'pw' },
    ],
    [
      'a file by flag wins over the environment',
      { user: 'me', 'password-file': '/f' },
      { PGR_PASSWORD: 'pw' },
      { user: 'me', password: 'password in /f' },
    ],
    ['empty variables are none', { user: '' }, { PGR_PASSWORD: '' }, undefined],
    ['a password alone says nothing', {}, { PGR_PASSWORD: 'pw' }, undefined],
  ])('are %s', async (_why, flags, env, expected) => {
    const { order } = await makeOrder({ ...FLAGS, ...flags }, sources('a 1\n', { env }))
    expect(order.target.credentials).toEqual(expected)
  })

  it('are refused when the environment gives the password twice', async () => {
    const env = { PGR_PASSWORD: 'hunter2', PGR_PASSWORD_FILE: '/f' }
    const said = await refusal({ user: 'me', 'password-file': '/f' }, sources('', { env }))
    expect(said).toMatch(/^PGR_SETTING_INVALID: .*only one/)
    expect(said).not.toContain('hunter2')
  })

  it('are refused when their file cannot be read', async () => {
    const readFile = () => {
      throw new Error('ENOENT')
    }
    expect(await refusal({ user: 'me', 'password-file': '/f' }, sources('', { readFile }))).toMatch(
      /cannot be read: ENOENT/,
    )
  })
})

describe('the timeout', () => {
  it('is a duration above zero', () => {
    expect(parseTimeoutMs('1.5s')).toBe(1500)
    for (const wrong of ['0', '10', 'soon', '']) expect(() => parseTimeoutMs(wrong)).toThrow(PgrError)
  })
})
