import { describe, expect, it } from 'vitest'
import { parseTimeoutMs } from '../../../src/cli/gateway-target.ts'
import { type OrderSources, type PushFlags, preparePush } from '../../../src/cli/push-order.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import {
  OtlpReader,
  PROMETHEUS_TRANSLATION,
  writeResponse,
  writeStatus,
} from '../../../src/formats/otlp/index.ts'
import { RemoteWriteReader } from '../../../src/formats/remote-write/index.ts'
import { showLabels } from '../../../src/model/labels.ts'
import { unsnapBlock } from '../../../src/wire/snappy.ts'

const FLAGS: PushFlags = {
  url: 'http://h',
  job: 'j',
  replace: false,
  protocol: 'pushgateway',
  'remote-write-version': '2.0',
  format: 'auto',
  check: false,
  'allow-empty': false,
  gzip: true,
}

const READ_OPTIONS = {
  utf8Names: false,
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1e6 },
}

function sources(body = 'a 1\n', more: Partial<OrderSources> = {}): OrderSources {
  return {
    env: {},
    readFile: (path) => `password in ${path}\n`,
    readInput: async () => ({ name: 'stdin', body: Buffer.from(body) }),
    now: () => 1_700_000_000_000,
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
    await preparePush({ ...FLAGS, ...flags }, from)
  } catch (reason) {
    if (reason instanceof PgrError) return `${reason.code}: ${reason.message}`
    throw reason
  }
  return 'accepted'
}

describe('where a push goes', () => {
  it('is a group', async () => {
    const { request } = await preparePush({ ...FLAGS, group: ['a=1', 'b='], replace: true }, sources())
    expect(request).toMatchObject({ method: 'PUT', url: 'http://h/metrics/job/j/a/1/b@base64/=' })
  })

  it('is the merging path', async () => {
    const { request } = await preparePush({ ...FLAGS, job: undefined, protocol: 'ingest' }, sources())
    expect(request).toMatchObject({ method: 'POST', url: 'http://h/ingest' })
  })

  it.each([
    ['2.0', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', 2],
    ['1.0', 'application/x-protobuf', 1],
  ] as const)(
    'is a receiver of remote write %s, where job and group are labels',
    async (version, type, number) => {
      const flags = {
        ...FLAGS,
        group: ['a=1'],
        protocol: 'remote-write',
        'remote-write-version': version,
      } as const
      const { request, series } = await preparePush(flags, sources('# TYPE m gauge\nm{b="2"} 3\n'))
      expect(request).toMatchObject({ method: 'POST', url: 'http://h/api/v1/write' })
      expect(request.headers.get('Content-Type')).toBe(type)
      expect(request.headers.get('Content-Encoding')).toBe('snappy')
      expect(series).toBe(1)
      const body = unsnapBlock(request.body, { limitBytes: 1e6, setting: '' })
      const reader = new RemoteWriteReader((name, labels) => `${name}${showLabels(labels)}`)
      expect(reader.read(body, number, READ_OPTIONS)).toMatchObject({
        numbers: [{ series: 'm{a="1",b="2",job="j"}', value: 3, timestampMs: 1_700_000_000_000 }],
        metadata: [{ name: 'm', type: 'gauge' }],
      })
    },
  )

  it('is a receiver of OTLP, where job and instance name the resource and other labels are of points', async () => {
    const flags = { ...FLAGS, group: ['instance=i', 'a=1'], protocol: 'otlp' } as const
    const { request, series } = await preparePush(flags, sources('# TYPE m gauge\nm{b="2"} 3\n'))
    expect(request).toMatchObject({ method: 'POST', url: 'http://h/v1/metrics' })
    expect(series).toBe(1)
    const reader = new OtlpReader({ ...PROMETHEUS_TRANSLATION, limits: READ_OPTIONS.limits })
    const [translated] = reader.read(request.body, 'protobuf').families
    expect(translated?.family).toMatchObject({ name: 'm', type: 'gauge', metrics: [{ value: 3 }] })
    expect(showLabels(translated?.family.metrics[0]?.labels ?? [])).toBe('{a="1",b="2",instance="i",job="j"}')
  })

  it.each<[string, Partial<PushFlags>, RegExp]>([
    ['no job', { job: undefined }, /--job/],
    ['a flag taken for the job', { job: '--group' }, /looks like a flag/],
    ['a group without a value', { group: ['a'] }, /name=value/],
    ['a group for the merging path', { protocol: 'ingest' }, /--protocol=ingest/],
    ['replacing by remote write', { protocol: 'remote-write', replace: true }, /--replace/],
    ['replacing by OTLP', { protocol: 'otlp', replace: true }, /--protocol=otlp/],
    ['a label twice', { protocol: 'remote-write', group: ['a=1', 'a=2'] }, /label a is given twice/],
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
    const { request } = await preparePush({ ...FLAGS, format }, sources(body))
    expect(request.headers.get('Content-Type')).toContain(
      expected === 'text' ? 'text/plain' : 'openmetrics-text',
    )
  })

  it('is refused when it is empty, because that is what a broken pipe looks like', async () => {
    expect(await refusal({}, sources(''))).toMatch(/^PGR_SETTING_INVALID: stdin is empty, .*--allow-empty/)
    expect(await refusal({ replace: true }, sources(''))).toMatch(/would empty the group/)
  })

  it('may be empty when that is meant', async () => {
    const { request } = await preparePush({ ...FLAGS, 'allow-empty': true }, sources(''))
    expect(request.body).toHaveLength(0)
  })

  it('keeps the lifetime as it was given', async () => {
    const asked = async (ttl: Partial<PushFlags>) =>
      (await preparePush({ ...FLAGS, ...ttl }, sources())).request.headers.get('X-Pgr-TTL')
    expect(await asked({ ttl: '1h30m' })).toBe('1h30m')
    expect(await asked({ ttl: '0' })).toBe('0')
    expect(await asked({})).toBeUndefined()
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
    expect((await preparePush({ ...FLAGS, check: true, 'allow-empty': true }, sources(body))).series).toBe(
      series,
    )
  })

  it('lets timestamps pass to where they belong', async () => {
    const flags = { ...FLAGS, check: true, job: undefined, protocol: 'ingest' } as const
    expect((await preparePush(flags, sources('a 1 1700000000000\n'))).series).toBe(1)
  })

  it('is left out when told to', async () => {
    expect((await preparePush(FLAGS, sources('no metrics at all'))).series).toBeNull()
  })
})

describe('credentials', () => {
  it.each<
    [string, Partial<PushFlags>, Record<string, string>, { user: string; password: string } | undefined]
  >([
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
    const { request } = await preparePush({ ...FLAGS, ...flags }, sources('a 1\n', { env }))
    const basic =
      expected && `Basic ${Buffer.from(`${expected.user}:${expected.password}`).toString('base64')}`
    expect(request.headers.get('Authorization')).toBe(basic)
  })

  it.each<[string, Partial<PushFlags>, Record<string, string>, string]>([
    ['in a file', { 'token-file': '/f' }, {}, 'Bearer password-in-/f'],
    ['in the environment', {}, { PGR_TOKEN: 'a.b-c~d+e/f==' }, 'Bearer a.b-c~d+e/f=='],
    ['in a file by flag', { 'token-file': '/f' }, { PGR_TOKEN: 't' }, 'Bearer password-in-/f'],
    ['in an empty variable', {}, { PGR_TOKEN: '' }, ''],
  ])('are a bearer token %s', async (_where, flags, env, expected) => {
    const readFile = (path: string) => `password-in-${path}\n`
    const { request } = await preparePush({ ...FLAGS, ...flags }, sources('a 1\n', { env, readFile }))
    expect(request.headers.get('Authorization') ?? '').toBe(expected)
  })

  it.each<[string, Partial<PushFlags>, Record<string, string>, RegExp]>([
    ['beside a user', { user: 'me' }, { PGR_TOKEN: 'hunter2' }, /a user and a bearer token are both given/],
    ['beside the URL', { url: 'http://u:p@h' }, { PGR_TOKEN: 'hunter2' }, /both given: give only one/],
    [
      'twice',
      { 'token-file': '/f' },
      { PGR_TOKEN: 'hunter2', PGR_TOKEN_FILE: '/f' },
      /PGR_TOKEN_FILE mean the same/,
    ],
    ['with a blank', {}, { PGR_TOKEN: 'hunter2 x' }, /the bearer token is none/],
    ['with two lines', {}, { PGR_TOKEN: 'hunter2\nx' }, /on the only line of its file/],
    ['with a letter no header takes', {}, { PGR_TOKEN: 'hunter2ä' }, /the bearer token is none/],
  ])('are refused when there is a bearer token %s', async (_how, flags, env, message) => {
    const said = await refusal(flags, sources('a 1\n', { env }))
    expect(said).toMatch(message)
    expect(said).not.toContain('hunter2')
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

/** An answer that says that the push was taken and no more. */
const NOTHING = { headers: new Headers(), body: new Uint8Array(0) }

describe('what a receiver of remote write says', () => {
  const flags = { ...FLAGS, protocol: 'remote-write' } as const
  const prepared = () => preparePush(flags, sources('a 1\nb 2\n'))
  const said = (samples: number) => ({
    ...NOTHING,
    headers: new Headers({
      'X-Prometheus-Remote-Write-Samples-Written': String(samples),
      'X-Prometheus-Remote-Write-Histograms-Written': '0',
      'X-Prometheus-Remote-Write-Exemplars-Written': '0',
    }),
  })

  it('is passed on', async () => {
    const written = { samples: 2, histograms: 0, exemplars: 0 }
    expect((await prepared()).outcome(said(2))).toEqual({ written })
  })

  it('is an error when it is less than was sent, or nothing at all', async () => {
    const { outcome } = await prepared()
    expect(() => outcome(said(1))).toThrow(/only 1 of 2 samples/)
    expect(() => outcome(NOTHING)).toThrow(/--remote-write-version=1.0/)
  })

  it('is not expected of 1.0', async () => {
    const first = await preparePush({ ...flags, 'remote-write-version': '1.0' }, sources())
    expect(first.outcome(NOTHING)).toEqual({})
  })
})

describe('what a receiver of OTLP says', () => {
  const prepared = () => preparePush({ ...FLAGS, protocol: 'otlp' }, sources())
  const headers = new Headers({ 'Content-Type': 'application/x-protobuf' })
  const said = (rejectedPoints: number) => ({
    headers,
    body: writeResponse({ rejectedPoints, message: 'too late' }, 'protobuf'),
  })

  it('is passed on', async () => {
    expect((await prepared()).outcome(said(0))).toEqual({ warning: 'too late' })
    expect((await prepared()).outcome(NOTHING)).toEqual({})
  })

  it('is an error when points were rejected', async () => {
    const { outcome } = await prepared()
    expect(() => outcome(said(1))).toThrow(/too late/)
  })

  it('gives a reason for what was refused', async () => {
    const { explain } = await prepared()
    expect(explain?.({ headers, body: writeStatus(400, 'no', 'protobuf') })).toBe('no')
  })
})

describe('the timeout', () => {
  it('is a duration above zero', () => {
    expect(parseTimeoutMs('1.5s')).toBe(1500)
    for (const wrong of ['0', '10', 'soon', '']) expect(() => parseTimeoutMs(wrong)).toThrow(PgrError)
  })
})
