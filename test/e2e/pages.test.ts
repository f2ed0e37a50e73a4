import { spawnSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readerFor } from '../../src/formats/index.ts'
import { seriesOf } from '../../src/model/family.ts'
import type { EscapingScheme } from '../../src/model/names.ts'
import { describeWith, peer, peerOrThrow } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask, push, samplesOf, scrape } from './ask.ts'

const SCHEMES = ['underscores', 'dots', 'values', 'allow-utf-8'] as const

/** Pushes that no consistency check looks at, in this order: who comes first is shown. */
const ODD: readonly (readonly [path: string, text: string])[] = [
  // Names outside the legacy set, of metrics and labels; escapes in values and help.
  [
    '/metrics/job/names/U__a_2e_b/c',
    '# HELP "http.dur é" with \\\\ and \\n in it\n# TYPE "http.dur é" gauge\n{"http.dur é","x.y"="q\\"b\\\\n\\n"} 1\n{"http.dur é","x.y"="😀"} 2\n',
  ],
  // Equal to each other under `underscores`, different otherwise.
  ['/metrics/job/twins', '# TYPE "t.w" gauge\n{"t.w"} 1\n# TYPE "t-w" gauge\n{"t-w"} 2\n'],
  // Labels of one series that are equal after escaping.
  ['/metrics/job/labels', '# TYPE l gauge\nl{"a.b"="1","a-b"="2"} 1\n'],
  // Two series that are equal after escaping.
  ['/metrics/job/equal', '# TYPE e gauge\ne{"a.b"="1"} 1\ne{"a-b"="1"} 2\n'],
  // Names that objects have already.
  [
    '/metrics/job/__proto__/constructor/toString',
    '# TYPE constructor gauge\nconstructor{__proto__="1",hasOwnProperty="2"} 1\n',
  ],
  // Values at the edges of a double.
  [
    '/metrics/job/values',
    '# TYPE v gauge\nv{n="nan"} NaN\nv{n="inf"} +Inf\nv{n="ninf"} -Inf\nv{n="zero"} -0\nv{n="small"} 5e-324\nv{n="big"} 1.7976931348623157e308\n',
  ],
  // Without +Inf; the page has to have it.
  [
    '/metrics/job/buckets',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2"} 2\nh_sum 3\nh_count 3\n',
  ],
  [
    '/metrics/job/quantiles',
    '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.9"} NaN\ns_sum 3\ns_count 2\n',
  ],
  // Of a type that another group holds otherwise: one of them has to give way.
  ['/metrics/job/clash1', '# TYPE clash counter\nclash 1\n'],
  ['/metrics/job/clash2', '# TYPE clash gauge\nclash 2\n'],
  // One name under the histogram h, one beside it only in OpenMetrics.
  ['/metrics/job/suffix', '# TYPE h_count gauge\nh_count 9\n# TYPE r_total counter\nr_total 1\n'],
  ['/metrics/job/rtotal', '# TYPE r gauge\nr 1\n'],
  // The same series from two groups that name it differently.
  ['/metrics/job/same/instance/i', '# TYPE same gauge\nsame 1\n'],
  ['/metrics/job/same', '# TYPE same gauge\nsame{instance="i"} 2\n'],
  // Merged samples, also without a job; what has a type meets what has none.
  ['/ingest', 'm{job="j",instance="i",x="1"} 1\nm{job="j",x="1"} 2\nm{x="1"} 3\n'],
  ['/ingest', '# TYPE h histogram\nh_bucket{job="j",le="+Inf"} 4\nh_sum{job="j"} 5\nh_count{job="j"} 4\n'],
]

/** Sample lines of every page: times of 14 groups twice, then what each push leaves. */
const TIMES = 14 * 2
const EVERYWHERE =
  2 + // http.dur é
  1 + // constructor
  6 + // v
  5 + // h of a group, with the bucket that was left out
  3 + // h of a set
  4 + // s
  1 + // clash, of the group that came first
  1 + // same, of the group that came first
  3 // m

const OPENMETRICS_1 = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping='
/** As they send it. */
const ACCEPTED: readonly (readonly [who: string, accept: string, contentType: string])[] = [
  [
    'Prometheus 2.42',
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    `${OPENMETRICS_1}underscores`,
  ],
  [
    'Prometheus 2.49',
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=2',
    `${OPENMETRICS_1}underscores`,
  ],
  [
    'Prometheus 3.0',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;escaping=allow-utf-8;q=0.2',
    `${OPENMETRICS_1}allow-utf-8`,
  ],
  [
    'Prometheus 3.4',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    `${OPENMETRICS_1}allow-utf-8`,
  ],
]

const READ_OPTIONS = {
  utf8Names: true,
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1000 },
}

const text = (escaping: EscapingScheme) => ({ accept: `text/plain;version=0.0.4;escaping=${escaping}` })
const openMetrics = (escaping: EscapingScheme) => ({
  accept: `application/openmetrics-text;version=1.0.0;escaping=${escaping}`,
})

describe('a page with everything odd on it', () => {
  let redis: RedisServer
  let pgr: Pgr

  beforeAll(async () => {
    redis = await startRedis()
    pgr = await startPgr({
      flags: [
        `--redis.endpoint=${redis.url}`,
        '--push.enable-utf8-names',
        '--push.disable-consistency-check',
      ],
    })
    for (const [path, body] of ODD) await push(pgr.url, path, body)
  })
  afterAll(async () => {
    await pgr?.kill()
    await redis?.stop()
  })

  /** What the page has under a scheme: a name or two from the twins, and from what is equal only under underscores. */
  const expected = (scheme: EscapingScheme, format: 'text' | 'openmetrics'): number => {
    const isDistinct = scheme !== 'underscores'
    const twins = isDistinct ? 2 : 1
    const labels = 1 + (isDistinct ? 2 : 1)
    // In OpenMetrics a counter r and a gauge r cannot both stand on a page.
    const counterBesideGauge = format === 'text' ? 2 : 1
    return EVERYWHERE + TIMES + twins + labels + counterBesideGauge
  }

  describe.each(SCHEMES)('with %s', (scheme) => {
    it.each([
      ['text', text(scheme)],
      ['openmetrics', openMetrics(scheme)],
    ] as const)('has every series once and is read back whole: %s', async (format, headers) => {
      const page = await scrape(pgr.url, headers)
      const samples = samplesOf(page)
      expect(samples).toHaveLength(expected(scheme, format))
      const series = samples.map((line) => line.slice(0, line.lastIndexOf(' ')))
      expect(series.filter((each, at) => series.indexOf(each) !== at)).toEqual([])
      const types = page.split('\n').filter((line) => line.startsWith('# TYPE '))
      expect(types.filter((line, at) => types.indexOf(line) !== at)).toEqual([])
      const families = readerFor(format === 'text' ? undefined : headers.accept).read(
        Buffer.from(page),
        READ_OPTIONS,
      )
      expect(families.reduce((sum, family) => sum + seriesOf(family), 0)).toBe(samples.length)
    })
  })

  it('shows who came first, and nothing of who clashes with it', async () => {
    const samples = samplesOf(await scrape(pgr.url))
    expect(samples).toEqual(
      expect.arrayContaining([
        'clash{instance="",job="clash1"} 1',
        'same{instance="i",job="same"} 1',
        'h_count{instance="",job="buckets"} 3',
        'h_bucket{instance="",job="buckets",le="+Inf"} 3',
        'constructor{__proto__="1",constructor="toString",hasOwnProperty="2",instance="",job="__proto__"} 1',
      ]),
    )
    const left = [
      'clash{instance="",job="clash2"} 2',
      'h_count{instance="",job="suffix"} 9',
      'same{instance="i",job="same"} 2',
    ]
    expect(samples.filter((line) => left.includes(line))).toEqual([])
  })

  it('is the same compressed, and has its head alone when asked for no more', async () => {
    for (const headers of [text('underscores'), text('values'), openMetrics('underscores')]) {
      const plain = await ask(pgr.url, '/metrics', { headers })
      const zipped = await ask(pgr.url, '/metrics', { headers: { ...headers, 'accept-encoding': 'gzip' } })
      expect(samplesOf(plain.text).length).toBeGreaterThan(50)
      expect([plain.headers['content-encoding'], zipped.headers['content-encoding']]).toEqual([
        undefined,
        'gzip',
      ])
      expect(zipped.bytes.length).toBeLessThan(plain.bytes.length)
      expect(gunzipSync(zipped.bytes).equals(plain.bytes)).toBe(true)
      expect(zipped.headers['content-type']).toBe(plain.headers['content-type'])
      for (const [answer, extra] of [
        [plain, {}],
        [zipped, { 'accept-encoding': 'gzip' }],
      ] as const) {
        const head = await ask(pgr.url, '/metrics', { method: 'HEAD', headers: { ...headers, ...extra } })
        expect([head.status, head.bytes.length]).toEqual([200, 0])
        const { date: _date, ...shown } = answer.headers
        expect(head.headers).toMatchObject(shown)
        expect(Number(head.headers['content-length'])).toBe(answer.bytes.length)
      }
    }
  })

  it.each([
    ...ACCEPTED.map(([who, accept, type]) => [who, { accept }, type] as const),
    ['nobody in particular', {}, 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'] as const,
  ])('is answered to %s in the type asked for', async (_who, headers, type) => {
    const { status, headers: answered, text: page } = await ask(pgr.url, '/metrics', { headers })
    expect([status, answered['content-type']]).toEqual([200, type])
    expect(page.endsWith('# EOF\n')).toBe(type.startsWith('application/openmetrics-text'))
    expect(samplesOf(page).length).toBeGreaterThan(50)
  })

  describeWith('promtool', 'promtool', () => {
    it('refuses what is wrong, or its verdicts mean nothing', () => {
      expect(promtool('a{ 1\n')).toBe(SYNTAX)
      expect(promtool('# HELP a_total b\n# TYPE a_total counter\na_total 1\n')).toBe(0)
    })

    // Names in quotes are known to promtool 3; our reader has read those back above.
    const schemes = SCHEMES.filter((scheme) => scheme !== 'allow-utf-8' || knowsQuotedNames())
    it.each(schemes)('has nothing to say about the syntax with %s', async (scheme) => {
      const page = await scrape(pgr.url, text(scheme))
      expect(samplesOf(page)).toHaveLength(expected(scheme, 'text'))
      expect(promtool(page)).not.toBe(SYNTAX)
    })

    it('has nothing at all to say about our own metrics', async () => {
      const { status, text: page } = await ask(pgr.url, '/telemetry')
      expect(status).toBe(200)
      expect(samplesOf(page).filter((line) => line.startsWith('pgr_')).length).toBeGreaterThan(20)
      const { status: verdict, output } = checkMetrics(page)
      expect([verdict, output]).toEqual([0, ''])
    })
  })

  describeWith('client_python', 'the strict parser of client_python', () => {
    it('refuses what is wrong, or its verdicts mean nothing', () => {
      expect(parseStrictly('a 1\n')).toEqual(expect.any(String))
    })

    it.each(['underscores', 'dots', 'values'] as const)('reads every sample with %s', async (scheme) => {
      const page = await scrape(pgr.url, openMetrics(scheme))
      expect(parseStrictly(page)).toBe(expected(scheme, 'openmetrics'))
    })
  })
})

/** What promtool ends with when it cannot parse a page; with 3 it can and merely has advice. */
const SYNTAX = 1

function checkMetrics(page: string): { status: number | null; output: string } {
  const { path } = peerOrThrow('promtool')
  const { status, stdout, stderr } = spawnSync(path, ['check', 'metrics'], { input: page, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

function promtool(page: string): number | null {
  return checkMetrics(page).status
}

function knowsQuotedNames(): boolean {
  return Number.parseInt(peer('promtool')?.version ?? '0', 10) >= 3
}

const SCRIPT = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
try:
    answer = sum(len(family.samples) for family in parse(json.load(sys.stdin)))
except Exception as reason:
    answer = repr(reason)
json.dump(answer, sys.stdout)
`

/** How many samples it read, or why it refused the page. */
function parseStrictly(page: string): unknown {
  const { path } = peerOrThrow('client_python')
  const { stdout, stderr } = spawnSync(path, ['-c', SCRIPT], {
    input: JSON.stringify(page),
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}
