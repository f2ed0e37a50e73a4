import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import { parseGroupPath } from '../../src/http/group-path.ts'
import { unitId } from '../../src/model/unit.ts'
import type { Store } from '../../src/store/store.ts'
import { embeddedStore, labelsOf, openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { OPTIONS, openTestServer, type TestServer } from './open-test-server.ts'

const START_MS = Date.UTC(2026, 10, 27, 20)
const START = '2026-11-27T20:00:00.000Z'

let nowMs: number
let store: Store
let one: TestGateway
let server: TestServer
beforeEach(() => {
  nowMs = START_MS
  store = embeddedStore(() => nowMs)
  one = openTestGateway(store)
  server = openTestServer({ gateway: one.gateway })
})
afterEach(async () => {
  await server.close()
  await one.gateway.stop()
  await store.close()
})

async function get(url: string) {
  const { statusCode, headers, body } = await server.inject({ method: 'GET', url })
  return { statusCode, headers, ...JSON.parse(body) }
}
async function list(query = '') {
  const { data } = await get(`/api/v1/groups${query}`)
  return data
}
async function show(query = '', at = 0) {
  const { groups } = await list()
  const { data } = await get(`/api/v1/groups/${groups[at].id}${query}`)
  return data
}

describe('the list of groups', () => {
  it('is empty at first, for anybody to read, and has a head', async () => {
    const { statusCode, headers, status, data } = await get('/api/v1/groups')
    expect({ statusCode, status }).toEqual({ statusCode: 200, status: 'success' })
    expect(data).toEqual({
      now: expect.stringContaining('2026-11-27T20:00:00.'),
      total: { groups: 0, sets: 0, series: 0 },
      matching: 0,
      offset: 0,
      limit: 100,
      groups: [],
    })
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache, no-store, must-revalidate',
      'access-control-allow-origin': '*',
    })
    const head = await server.inject({ method: 'HEAD', url: '/api/v1/groups' })
    expect([head.statusCode, head.headers['content-type']]).toEqual([200, headers['content-type']])
  })

  it('has a row for each, instants as text and null for never', async () => {
    await one.push('put', { job: 'a', instance: 'x/y' }, 'rows 1\nsize 2\n', 0)
    nowMs += 1000
    await expect(one.push('put', { job: 'a', instance: 'x/y' }, 'rows 1 1\n')).rejects.toThrow()
    await one.ingest('queue{job="b"} 1\n')
    const { total, matching, groups } = await list()
    expect({ total, matching }).toEqual({ total: { groups: 1, sets: 1, series: 3 }, matching: 2 })
    expect(groups).toEqual([
      {
        id: expect.stringMatching(/^g[\w-]{22}$/),
        kind: 'group',
        labels: { instance: 'x/y', job: 'a' },
        path: '/metrics/job/a/instance@base64/eC95',
        series: 2,
        families: 2,
        protocol: 'text',
        last_push: START,
        last_failure: '2026-11-27T20:00:01.000Z',
        failure_reason: expect.stringContaining('must not have timestamps'),
        last_push_successful: false,
        expires: null,
      },
      {
        id: expect.stringMatching(/^s[\w-]{22}$/),
        kind: 'set',
        labels: { job: 'b' },
        path: null,
        series: 1,
        families: 1,
        protocol: 'text',
        last_push: '2026-11-27T20:00:01.000Z',
        last_failure: null,
        failure_reason: null,
        last_push_successful: true,
        expires: '2026-11-27T20:05:01.000Z',
      },
    ])
  })

  it.each<Record<string, string>>([
    { job: 'a b+c%/ä' },
    { job: '.', instance: '..' },
    { job: 'a', empty: '' },
    { job: 'a', 'städte.groß': 'Zürich', x: '😀\u0000\n' },
    { job: 'a', __proto__x: '{}' },
    { job: '=', constructor: '__proto__' },
  ])('has the path that names %j, and an id that shows it', async (labels) => {
    await one.push('put', labels, 'a 1\n')
    const { groups } = await list()
    expect(groups[0].labels).toEqual(labels)
    const path: string = groups[0].path
    expect(path).toMatch(/^\/metrics\/job[!-~]*$/)
    expect(new URL(path, 'http://a').pathname).toBe(path)
    if (!Object.keys(labels).some((name) => name.startsWith('__')))
      expect(
        parseGroupPath(path.slice('/metrics/'.length), {
          ...OPTIONS,
          utf8Names: true,
          limits: OPTIONS.limits.samples,
        }),
      ).toEqual(labelsOf(labels))
    expect((await show()).labels).toEqual(labels)
  })

  it('has the same ids for as long as the labels are the same, on every replica', async () => {
    await one.push('put', { job: 'a' }, 'a 1\n')
    const before = (await list()).groups[0].id
    await one.remove({ job: 'a' })
    await one.push('put', { job: 'a' }, 'b 2\n')
    expect((await list()).groups[0].id).toBe(before)
    const id = unitId('group', labelsOf({ job: 'a' }))
    expect(before).toBe(`g${Buffer.from(id.slice(1), 'latin1').toString('base64url')}`)
  })

  it('tells the part that is asked for', async () => {
    for (const job of ['a', 'b', 'c', 'd']) await one.push('put', { job }, `${job} 1\n`)
    const jobs = async (query: string) =>
      (await list(query)).groups.map(({ labels }: { labels: { job: string } }) => labels.job)
    expect(await jobs('?limit=2&offset=1')).toEqual(['b', 'c'])
    expect(await jobs('?order=desc&limit=2')).toEqual(['d', 'c'])
    expect(await jobs('?match[]={job="a"}&match[]=%7Bjob%3D~%22c%7Cd%22%7D')).toEqual(['a', 'c', 'd'])
    expect(await jobs('?search=C&unknown=1')).toEqual(['c'])
    expect(await jobs('?state=stale&within=0&kind=group')).toEqual(['a', 'b', 'c', 'd'])
    expect(await jobs('?state=failed')).toEqual([])
  })

  it.each([
    ['limit=1001', /limit is "1001"; it is a whole number from 0 to 1000/],
    ['limit=-1', /limit is "-1"/],
    ['limit=', /limit is ""/],
    ['limit=1e2', /limit is "1e2"/],
    ['limit=0x10', /limit/],
    ['limit=99999999999999999999', /limit/],
    ['limit=1&limit=2', /limit is given more than once/],
    ['offset=1.5', /offset/],
    ['within=-1', /within/],
    ['sort=age', /sort is "age"; it is labels or last_push or expires or series/],
    ['order=up', /order is "up"; it is asc or desc/],
    ['kind=Group', /kind/],
    ['state=', /state is ""; it is failed or expiring or stale/],
    ['state=__proto__', /state/],
    [`search=${'x'.repeat(501)}`, /search is longer than the 500 characters/],
    [
      Array.from({ length: 101 }, () => 'match[]={a="b"}').join('&'),
      /match\[\] is given more than 100 times/,
    ],
    ['match[]={job=~"("}', /no regular expression/],
    ['match[]={}', /selects everything/],
    ['match[]=up', /must begin with/],
  ])('refuses %s', async (query, why) => {
    const { statusCode, status, errorType, error } = await get(`/api/v1/groups?${query}`)
    expect({ statusCode, status, errorType }).toEqual({
      statusCode: 400,
      status: 'error',
      errorType: 'bad_data',
    })
    expect(error).toMatch(why)
  })

  it('takes what is within the limits by characters, not by what they are made of', async () => {
    const search = encodeURIComponent('😀'.repeat(500))
    expect((await get(`/api/v1/groups?search=${search}`)).statusCode).toBe(200)
  })

  it('is 503 while the store is away, and says when to ask again', async () => {
    server = openTestServer({
      gateway: {
        list: async () => {
          throw new PgrError('PGR_STORE_UNAVAILABLE', 'gone')
        },
      },
    })
    const { statusCode, headers, errorType } = await get('/api/v1/groups')
    expect({ statusCode, errorType }).toEqual({ statusCode: 503, errorType: 'unavailable' })
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  })

  it('is for reading', async () => {
    for (const url of ['/api/v1/groups', `/api/v1/groups/g${'a'.repeat(22)}`]) {
      const { statusCode, headers } = await server.inject({ method: 'POST', url })
      expect([statusCode, headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS'])
    }
  })
})

describe('one group', () => {
  it('is its row and its families', async () => {
    await one.push(
      'put',
      { job: 'a' },
      '# HELP b Bees.\n# TYPE b counter\nb{x="1"} 1\nb{x="2"} NaN\na +Inf\n',
    )
    const { groups } = await list()
    const { now, ...data } = await show()
    expect(now).toContain('2026-11-27T20:00:00.')
    const of = { last_push: START, expires: '2026-11-27T20:05:00.000Z', unit: '', truncated: false }
    expect(data).toEqual({
      ...groups[0],
      matching_families: 2,
      offset: 0,
      limit: 50,
      families_list: [
        { ...of, name: 'a', type: 'unknown', help: '', series: 1, metrics: [{ labels: {}, value: '+Inf' }] },
        {
          ...of,
          name: 'b',
          type: 'counter',
          help: 'Bees.',
          series: 2,
          metrics: [
            { labels: { x: '1' }, value: '1' },
            { labels: { x: '2' }, value: 'NaN' },
          ],
        },
      ],
    })
  })

  it('tells the part that is asked for', async () => {
    await one.push('put', { job: 'a' }, 'aa{x="1"} 1\naa{x="2"} 2\nab 3\nc 4\n')
    expect(await show('?search=A&limit=1&samples=1')).toMatchObject({
      families: 3,
      matching_families: 2,
      limit: 1,
      families_list: [{ name: 'aa', series: 2, truncated: true, metrics: [{ value: '1' }] }],
    })
    expect((await show('?search=A&limit=1&offset=1')).families_list).toMatchObject([{ name: 'ab' }])
    expect((await show('?samples=0&limit=1')).families_list).toMatchObject([{ truncated: true, metrics: [] }])
  })

  it('shows every kind of metric', async () => {
    const text = [
      '# UNIT h_seconds seconds',
      '# TYPE h_seconds histogram',
      'h_seconds_bucket{job="a",le="0.1"} 1',
      'h_seconds_bucket{job="a",le="+Inf"} 2',
      'h_seconds_count{job="a"} 2',
      'h_seconds_sum{job="a"} 0.3',
      '# TYPE i info',
      'i_info{job="a",version="1"} 1',
      '# TYPE q summary',
      'q{job="a",quantile="0.5"} 0.2',
      'q{job="a",quantile="0.99"} NaN',
      'q_count{job="a"} 7',
      '# TYPE s stateset',
      's{job="a",s="on"} 1',
      's{job="a",s="off"} 0',
      '# EOF\n',
    ].join('\n')
    await one.ingest(text, 'application/openmetrics-text')
    const { families_list: families } = await show()
    const metrics = Object.fromEntries(
      families.map(({ name, type, metrics }: { name: string; type: string; metrics: unknown }) => [
        `${name} ${type}`,
        metrics,
      ]),
    )
    expect(metrics).toEqual({
      'h_seconds histogram': [{ labels: {}, buckets: { '0.1': '1', '+Inf': '2' }, count: '2', sum: '0.3' }],
      'i_info info': [{ labels: { version: '1' }, value: '1' }],
      'q summary': [{ labels: {}, quantiles: { '0.5': '0.2', '0.99': 'NaN' }, count: '7' }],
      's stateset': [
        { labels: { s: 'on' }, value: '1' },
        { labels: { s: 'off' }, value: '0' },
      ],
    })
    expect(families[0]).toMatchObject({ unit: 'seconds', type: 'histogram' })
  })

  it.each(['gone', `g${'A'.repeat(22)}`, `g${'A'.repeat(21)}%00`, 's', '..%2f..%2fetc', '%F0%9F%98%80'])(
    'is 404 when nothing is called %s',
    async (id) => {
      const { statusCode, errorType } = await get(`/api/v1/groups/${id}`)
      expect({ statusCode, errorType }).toEqual({ statusCode: 404, errorType: 'not_found' })
    },
  )

  it('is 404 when it went between the list and now', async () => {
    await one.push('put', { job: 'a' }, 'a 1\n')
    const { id } = (await list()).groups[0]
    nowMs += 300_000
    expect((await get(`/api/v1/groups/${id}`)).statusCode).toBe(404)
  })

  it.each(['limit=501', 'samples=1001', `search=${'x'.repeat(501)}`])('refuses %s', async (query) => {
    expect((await get(`/api/v1/groups/g${'A'.repeat(22)}?${query}`)).statusCode).toBe(400)
  })
})
