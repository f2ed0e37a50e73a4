import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Talk, talk } from '../http/talk.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Asked, ask, push, samplesOf, scrape } from './ask.ts'

const BODY_LIMIT = 1024 * 1024
const GZIP = { 'content-encoding': 'gzip' }

const [MAX_LABELS, MAX_NAME, MAX_VALUE, MAX_SERIES] = [5, 40, 60, 100]
const many = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join('')
const text = many(2000, (n) => `a{n="${n}"} 1\n`)
/** What is sent, the status, and pieces the answer has to hold: for the line, the reason and the remedy. */
type Row = [why: string, path: string, asked: Asked, status: number, ...says: string[]]

const body = (sent: string | Uint8Array, headers: Record<string, string> = {}): Asked => ({
  method: 'POST',
  body: sent,
  headers,
})
const typed = (type: string): Asked => body('a 1\n', { 'content-type': type })
const ttl = (value: string): Asked => body('a 1\n', { 'x-pgr-ttl': value })
const JOB = '/metrics/job/a'

const malformed: readonly Row[] = [
  ['a value that is none', JOB, body('ok 1\nbad x\n'), 400, 'line 2', 'x'],
  ['an open brace', JOB, body('ok 1\n\n# a comment\nbad{a="1" 1\n'), 400, 'line 4'],
  ['a quote never closed', JOB, body('bad{a="1} 1\n'), 400, 'line 1'],
  ['a name that begins with a digit', JOB, body('ok 1\n1bad 1\n'), 400, 'line 2'],
  ['a type given twice', JOB, body('# TYPE a gauge\n# TYPE a gauge\na 1\n'), 400, 'line 2'],
  ['a type nobody knows', JOB, body('# TYPE a gouge\na 1\n'), 400, 'line 1', 'gouge'],
  ['a line that was cut', JOB, body('ok 1\nbad 1'), 400, 'line 2', '--data-binary'],
  ['bytes that are no UTF-8', JOB, body(Buffer.from('a{b="\xff"} 1\n', 'latin1')), 400, 'line 1'],
  ['carriage returns', JOB, body('a 1\r\n'), 400, 'line 1'],
  [
    'OpenMetrics without its end',
    JOB,
    body('a 1\n', { 'content-type': 'application/openmetrics-text' }),
    400,
    'EOF',
  ],
  ['a bad line on the merging path', '/ingest', body('ok 1\nbad x\n'), 400, 'line 2'],
  ['gzip that ends early', JOB, body(gzipSync(text).subarray(0, -20), GZIP), 400, 'gzip'],
  ['what is not gzip', JOB, body('a 1\n', GZIP), 400, 'gzip'],
]

const unreadable: readonly Row[] = [
  ['an encoding not read', JOB, body('a 1\n', { 'content-encoding': 'br' }), 415, 'br', 'gzip'],
  ['two encodings', JOB, body('a 1\n', { 'content-encoding': 'gzip, gzip' }), 415, 'gzip'],
  ['remote write', JOB, typed('application/x-protobuf'), 415, '/api/v1/write', '/v1/metrics'],
  [
    'remote write 2',
    JOB,
    typed('application/x-protobuf;proto=io.prometheus.write.v2.Request'),
    415,
    '/api/v1/write',
  ],
  ['remote write on the merging path', '/ingest', typed('application/x-protobuf'), 415, '/api/v1/write'],
  [
    'protobuf without its parameters',
    JOB,
    typed('application/vnd.google.protobuf'),
    415,
    'encoding=delimited',
  ],
]

const oversize: readonly Row[] = [
  [
    'too many labels',
    JOB,
    body('a{a="1",b="2",c="3",d="4",e="5",f="6"} 1\n'),
    400,
    'push.max-labels',
    `${MAX_LABELS}`,
  ],
  [
    'a long metric name',
    JOB,
    body(`${'n'.repeat(MAX_NAME + 1)} 1\n`),
    400,
    'push.max-name-length',
    `${MAX_NAME}`,
  ],
  ['a long label name', JOB, body(`a{${'n'.repeat(MAX_NAME + 1)}="1"} 1\n`), 400, 'push.max-name-length'],
  [
    'a long value',
    JOB,
    body(`a{b="${'v'.repeat(MAX_VALUE + 1)}"} 1\n`),
    400,
    'push.max-value-length',
    `${MAX_VALUE}`,
  ],
  [
    'too many series',
    JOB,
    body(many(MAX_SERIES + 1, (n) => `a{n="${n}"} 1\n`)),
    400,
    'push.max-series',
    `${MAX_SERIES}`,
  ],
  [
    'too many series to merge',
    '/ingest',
    body(many(MAX_SERIES + 1, (n) => `a{n="${n}"} 1\n`)),
    400,
    'push.max-series',
  ],
  [
    'a long value in the path',
    `${JOB}/b/${'v'.repeat(MAX_VALUE + 1)}`,
    body('a 1\n'),
    400,
    'push.max-value-length',
  ],
  ['too many labels in the path', `${JOB}/b/1/c/1/d/1/e/1/f/1`, body('a 1\n'), 400, 'push.max-labels'],
  [
    'a body over the limit, as declared',
    JOB,
    body(Buffer.alloc(BODY_LIMIT + 1, 0x0a)),
    413,
    'push.max-body',
    `${BODY_LIMIT}`,
  ],
  [
    'a body over the limit once unpacked',
    JOB,
    body(gzipSync(Buffer.alloc(BODY_LIMIT + 1, 0x0a)), GZIP),
    413,
    'push.max-body',
  ],
]

const lifetimes: readonly Row[] = [
  ['a lifetime that is none', JOB, ttl('soon'), 400, 'soon', '15m'],
  ['an empty lifetime', JOB, ttl(''), 400],
  ['a negative lifetime', JOB, ttl('-5m'), 400, '-5m'],
  ['a number without a unit', JOB, ttl('90'), 400, '90'],
  ['a lifetime over the limit', JOB, ttl('2h'), 400, 'push.max-ttl', '1h'],
  ['to live for ever beside a limit', JOB, ttl('0'), 400, 'push.max-ttl', 'never'],
  ['a query over the limit', `${JOB}?ttl=2h`, body('a 1\n'), 400, 'push.max-ttl'],
  ['header and query that disagree', `${JOB}?ttl=5m`, ttl('10m'), 400, '5m', '10m'],
  ['two queries that disagree', `${JOB}?ttl=5m&ttl=6m`, body('a 1\n'), 400, '5m', '6m'],
  ['a lifetime that is none, on the merging path', '/ingest?ttl=soon', body('a 1\n'), 400, 'soon'],
]

const paths: readonly Row[] = [
  ['an empty job', '/metrics/job/', body('a 1\n'), 400, 'job name is required'],
  ['an empty job in base64', '/metrics/job@base64/=', body('a 1\n'), 400, 'job name is required'],
  ['a job that is no base64', '/metrics/job@base64/a*b', body('a 1\n'), 400, 'base64'],
  ['a label without a value', `${JOB}/instance`, body('a 1\n'), 400, 'odd number'],
  ['a label that cannot be one', `${JOB}/in-stance/x`, body('a 1\n'), 400, 'in-stance'],
  ['a reserved label', `${JOB}/__name__/x`, body('a 1\n'), 400, '__name__'],
  ['an empty component', `${JOB}//x/y/z`, body('a 1\n'), 400, '@base64/='],
  ['a value that is no base64', `${JOB}/b@base64/a*b`, body('a 1\n'), 400, 'base64'],
  ['what is not percent-encoded', `${JOB}/b/%zz`, body('a 1\n'), 400, '%zz'],
  ['a path that is not there', '/metrics/jobs/a', body('a 1\n'), 404],
]

describe('what may not come in', () => {
  let redis: RedisServer
  let pgr: Pgr
  let before: string

  beforeAll(async () => {
    redis = await startRedis()
    pgr = await startPgr({
      flags: [
        `--redis.endpoint=${redis.url}`,
        `--push.max-body=${BODY_LIMIT}B`,
        `--push.max-labels=${MAX_LABELS}`,
        `--push.max-name-length=${MAX_NAME}`,
        `--push.max-value-length=${MAX_VALUE}`,
        `--push.max-series=${MAX_SERIES}`,
        '--push.max-ttl=1h',
      ],
    })
    await push(pgr.url, JOB, '# TYPE kept gauge\nkept{n="1"} 1\nkept{n="2"} 2\n')
    await push(pgr.url, '/ingest', 'merged{job="a",instance="b"} 3\n')
    before = await scrape(pgr.url)
    expect(samplesOf(before)).toHaveLength(5)
  })
  afterAll(async () => {
    await pgr?.kill()
    await redis?.stop()
  })
  // Whatever was sent: not a byte of the page changes, and the process serves on.
  afterEach(async () => {
    expect(await scrape(pgr.url)).toBe(before)
  })

  it.each<Row>([...malformed, ...unreadable, ...oversize, ...lifetimes, ...paths])(
    'is refused with a reason: %s',
    async (_why, path, asked, status, ...says) => {
      const answer = await ask(pgr.url, path, asked)
      expect([answer.status, answer.text]).toEqual([status, expect.any(String)])
      expect(answer.headers['content-type']).toMatch(/^text\/plain/)
      expect(answer.text).toMatch(/^[^\n]{8,}\n$/)
      for (const piece of says) expect(answer.text).toContain(piece)
    },
  )

  it('is a body over the limit that does not say how long it is', async () => {
    const { say, until, socket } = talk(pgr.port)
    say(`POST ${JOB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const piece = Buffer.alloc(64 * 1024, 0x0a)
    for (let sent = 0; sent <= BODY_LIMIT; sent += piece.length) {
      say(`${piece.length.toString(16)}\r\n`)
      say(piece)
      say('\r\n')
    }
    // Without the end of the body: it is refused for what has come.
    const answer = await until('\r\n\r\n')
    expect(answer).toContain('HTTP/1.1 413')
    socket.destroy()
  })

  // Linux tells what a process held at most.
  it.runIf(process.platform === 'linux')(
    'is a small body that unpacks to hundreds of megabytes, without taking memory for them',
    async () => {
      const unpackedBytes = 250 * 1024 * 1024
      const bomb = gzipSync(Buffer.alloc(unpackedBytes, 0x0a))
      expect(bomb.length).toBeLessThan(BODY_LIMIT / 2)
      const peakBefore = peakBytes(pgr.pid)
      const answers = await Promise.all(Array.from({ length: 4 }, () => ask(pgr.url, JOB, body(bomb, GZIP))))
      expect(answers.map(({ status }) => status)).toEqual([413, 413, 413, 413])
      expect(answers[0]?.text).toContain('push.max-body')
      expect(peakBytes(pgr.pid) - peakBefore).toBeLessThan(unpackedBytes / 4)
    },
  )

  it.each([
    ['/metrics/job/a', 'GET', 'DELETE, OPTIONS, POST, PUT'],
    ['/metrics/job/a/b/c', 'PATCH', 'DELETE, OPTIONS, POST, PUT'],
    ['/ingest', 'GET', 'OPTIONS, POST'],
    ['/ingest', 'PUT', 'OPTIONS, POST'],
    ['/metrics', 'POST', 'GET, HEAD, OPTIONS'],
    ['/metrics', 'DELETE', 'GET, HEAD, OPTIONS'],
    ['/telemetry', 'POST', 'GET, HEAD, OPTIONS'],
    ['/-/ready', 'POST', 'GET, HEAD, OPTIONS'],
  ])('is another method than those of the path: %s %s', async (path, method, allow) => {
    const { status, headers } = await ask(pgr.url, path, { method })
    expect([status, headers['allow']]).toEqual([405, allow])
  })
})

describe('what no longer fits', () => {
  const stopping: (() => Promise<unknown>)[] = []
  const talks: Talk[] = []

  afterEach(async () => {
    for (const { socket } of talks.splice(0)) socket.destroy()
    for (const stop of stopping.splice(0).reverse()) await stop()
  })

  async function start(...flags: string[]): Promise<Pgr> {
    const redis = await startRedis()
    stopping.push(() => redis.stop())
    const pgr = await startPgr({ flags: [`--redis.endpoint=${redis.url}`, ...flags] })
    stopping.push(() => pgr.kill())
    return pgr
  }

  it('into the total of series is told to come back later, and replacing goes on', async () => {
    const pgr = await start('--limits.series=100')
    await push(
      pgr.url,
      JOB,
      many(90, (n) => `a{n="${n}"} 1\n`),
    )
    const before = await scrape(pgr.url)
    for (const [path, method] of [
      ['/metrics/job/b', 'PUT'],
      ['/metrics/job/b', 'POST'],
      ['/ingest', 'POST'],
    ] as const) {
      const answer = await ask(pgr.url, path, { method, body: many(20, (n) => `b{job="b",n="${n}"} 1\n`) })
      expect([path, method, answer.status]).toEqual([path, method, 429])
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(answer.text).toContain('--limits.series')
    }
    expect(await scrape(pgr.url)).toBe(before)
    await push(
      pgr.url,
      JOB,
      many(90, (n) => `a{n="${n}"} 2\n`),
      { method: 'PUT' },
    )
    await ask(pgr.url, JOB, { method: 'DELETE' })
    await push(
      pgr.url,
      '/metrics/job/b',
      many(20, (n) => `b{n="${n}"} 1\n`),
    )
  })

  it('into the total of series counts as a whole when it is merged into many sets', async () => {
    const pgr = await start('--limits.series=100')
    await push(
      pgr.url,
      JOB,
      many(90, (n) => `a{n="${n}"} 1\n`),
    )
    const before = await scrape(pgr.url)
    const answer = await ask(pgr.url, '/ingest', body(many(20, (n) => `b{job="b",instance="${n}"} 1\n`)))
    expect(answer.status).toBe(429)
    expect(answer.text).toContain('--limits.series')
    expect(await scrape(pgr.url)).toBe(before)
  })

  it('into the bytes in flight is told to come back soon, until there is room again', async () => {
    const pgr = await start('--push.max-inflight-bytes=256KiB', '--push.max-body=128KiB')
    await push(pgr.url, '/metrics/job/before', 'before 1\n')
    const before = await scrape(pgr.url)
    // Declared whole, sent in part: what has come is held until the rest comes.
    const size = 82 * 1024
    const half = Buffer.from(`# ${'x'.repeat(80 * 1024)}`)
    for (let n = 0; n < 3; n++) {
      const slow = talk(pgr.port)
      talks.push(slow)
      slow.say(`POST /metrics/job/slow${n} HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
      slow.say(half)
    }
    const waiting = body(`# ${'y'.repeat(60 * 1024)}\nlate 1\n`)
    await eventuallyHolds(async () => {
      const answer = await ask(pgr.url, '/metrics/job/late', waiting)
      expect(answer.status).toBe(503)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(answer.text).toContain('push.max-inflight-bytes')
    })
    expect((await ask(pgr.url, '/-/ready')).status).toBe(200)
    expect(samplesOf(await scrape(pgr.url))).toEqual(expect.arrayContaining(samplesOf(before)))

    for (const [n, slow] of talks.entries()) {
      const rest = `\nslow${n} 1\n`
      slow.say(`${'x'.repeat(size - half.length - rest.length)}${rest}`)
      expect(await slow.until('\r\n\r\n')).toContain('HTTP/1.1 200')
    }
    await push(pgr.url, '/metrics/job/late', waiting.body as string)
    const names = samplesOf(await scrape(pgr.url)).map((line) => line.split('{')[0])
    expect(names).toEqual(expect.arrayContaining(['before', 'slow0', 'slow1', 'slow2', 'late']))
  })
})

/** Most memory the process ever held. */
function peakBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
