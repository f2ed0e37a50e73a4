import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../support/peers.ts'
import { encodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'
import type { Request } from './corpus.ts'
import { send } from './send.ts'

const FLAGS = ['--web.enable-admin-api']

const PUSHES: readonly Request[] = [
  {
    method: 'PUT',
    path: '/metrics/job/a/instance/i',
    body: '# HELP c Help "me".\n# TYPE c counter\nc{x="1"} 1e6\nc{x="é"} NaN\n',
  },
  {
    method: 'PUT',
    path: '/metrics/job/b',
    body: '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.99"} +Inf\ns_sum 2.5\ns_count 3\n',
  },
  {
    method: 'PUT',
    path: '/metrics/job/c',
    body: '# TYPE h histogram\nh_bucket{le="0.1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1.5\nh_count 2\n',
  },
  { method: 'PUT', path: '/metrics/job/d/team@base64/L3g', body: 'plain -0.00001\n' },
  { method: 'POST', path: '/metrics/job/d/team@base64/L3g', body: 'timed 1 1000\n' },
  { method: 'POST', path: '/metrics/job/refused', body: 'timed 1 1000\n' },
  { method: 'PUT', path: '/metrics/job/empty', body: '' },
  {
    method: 'PUT',
    path: '/metrics/job/proto',
    body: encodeDelimited({
      name: 'p',
      type: 4,
      metric: [
        { histogram: { sampleCount: 3, sampleSum: 4, bucket: [{ upperBound: 2, cumulativeCount: 1 }] } },
      ],
    }),
    headers: { 'content-type': PROTOBUF_TYPE },
  },
]

interface Answer {
  readonly status: string
  readonly data: readonly Readonly<Record<string, unknown>>[]
}

/** Groups in order, and every time only as set or not. */
function comparable(body: string): Answer {
  const parsed = JSON.parse(body, (key, value) => {
    if (key === 'time_stamp') return Number.isNaN(Date.parse(value)) ? value : 'a time'
    return value
  }) as Answer
  for (const group of parsed.data)
    for (const name of ['push_time_seconds', 'push_failure_time_seconds']) {
      const { metrics } = group[name] as { metrics: { value: string }[] }
      for (const metric of metrics) metric.value = metric.value === '0' ? 'never' : 'set'
    }
  return {
    ...parsed,
    data: [...parsed.data].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  }
}

describeWith('pushgateway', 'the API of Pushgateway and of pgr', () => {
  let both: [Pushgateway, Pgr]
  beforeAll(async () => {
    both = await Promise.all([startPushgateway({ flags: FLAGS }), startPgr({ flags: FLAGS })])
    for (const { url } of both) for (const push of PUSHES) await send(url, push)
  })
  afterAll(() => Promise.all(both?.map((each) => each.stop()) ?? []))

  const ask = (method: string, path: string) =>
    Promise.all(both.map(({ url }) => send(url, { method, path })))

  it('tells everything stored alike', async () => {
    const [theirs, ours] = (await ask('GET', '/api/v1/metrics')).map(({ body }) => comparable(body))
    expect(ours).toEqual(theirs)
    expect(ours?.data).toHaveLength(7)
  })

  it.each([
    ['PUT', '/api/v1/metrics'],
    ['POST', '/api/v1/admin/wipe'],
    ['GET', '/api/v1/admin/wipe'],
    ['OPTIONS', '/api/v1/metrics'],
    ['OPTIONS', '/api/v1/status'],
    ['GET', '/api/v1/nothing'],
  ])('answers %s %s alike', async (method, path) => {
    const [theirs, ours] = await ask(method, path)
    const shown = (answer: typeof theirs) => ({
      status: answer?.status,
      // Pushgateway says what is allowed only to those who did not ask.
      allow: method === 'OPTIONS' ? undefined : answer?.headers['allow'],
      origin: method === 'OPTIONS' ? answer?.headers['access-control-allow-origin'] : undefined,
    })
    expect(shown(ours)).toEqual(shown(theirs))
  })

  it('has the same keys in its status', async () => {
    const [theirs, ours] = (await ask('GET', '/api/v1/status')).map(({ body }) => JSON.parse(body))
    expect(Object.keys(ours.data)).toEqual(expect.arrayContaining(Object.keys(theirs.data)))
  })

  it('wipes everything', async () => {
    const wiped = await ask('PUT', '/api/v1/admin/wipe')
    expect(wiped.map(({ status, body }) => ({ status, body }))).toEqual([
      { status: 202, body: '' },
      { status: 202, body: '' },
    ])
    // Pushgateway does it after it has answered, before the next push.
    for (const { url } of both) await send(url, { method: 'PUT', path: '/metrics/job/after', body: 'a 1\n' })
    const [theirs, ours] = (await ask('GET', '/api/v1/metrics')).map(({ body }) => comparable(body))
    expect(ours).toEqual(theirs)
    expect(ours?.data).toHaveLength(1)
  })
})
