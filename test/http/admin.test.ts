import { describe, expect, it } from 'vitest'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { type Labels, sortLabels } from '../../src/model/labels.ts'
import { openTestServer } from './open-test-server.ts'

const ON = { enableAdminApi: true }
const GROUPS = '/api/v1/admin/groups'
const labels = (of: Record<string, string>): Labels =>
  sortLabels(Object.entries(of).map(([name, value]) => ({ name, value })))

describe('the admin interface', () => {
  it.each([
    ['PUT', '/api/v1/admin/wipe'],
    ['DELETE', `${GROUPS}?match[]={job="a"}`],
  ] as const)('%s %s is not there unless it was switched on', async (method, url) => {
    const server = openTestServer()
    expect((await server.inject({ method, url })).statusCode).toBe(404)
  })

  it('wipes by PUT alone', async () => {
    let wiped = 0
    const wipe = async () => void wiped++
    const server = openTestServer({ options: ON, gateway: { wipe } })
    const url = '/api/v1/admin/wipe'
    expect((await server.inject({ method: 'POST', url })).statusCode).toBe(405)
    const { statusCode, body } = await server.inject({ method: 'PUT', url })
    expect({ statusCode, body, wiped }).toEqual({ statusCode: 202, body: '', wiped: 1 })
    expect(server.events).toContainEqual(expect.objectContaining({ kind: 'notice', level: 'info' }))
  })

  it.each(['/api/v1/admin/wipe', GROUPS])(
    'lets no page of another origin remove anything by %s',
    async (url) => {
      const server = openTestServer({ options: ON })
      const { headers } = await server.inject({ method: 'OPTIONS', url })
      expect(headers.allow).toMatch(/PUT|DELETE/)
      expect(headers['access-control-allow-methods']).toBe('GET, OPTIONS')
    },
  )

  type Request = Parameters<Gateway['removeMatching']>[0]

  async function remove(query: string) {
    const requests: Request[] = []
    const server = openTestServer({
      options: ON,
      gateway: {
        removeMatching: async (request) => {
          requests.push(request)
          return { groups: 2, sets: 1, series: 30 }
        },
      },
    })
    const { statusCode, body } = await server.inject({ method: 'DELETE', url: `${GROUPS}${query}` })
    return { statusCode, body: JSON.parse(body), requests }
  }

  it('removes what one of the selectors selects', async () => {
    const query = `?match[]=${encodeURIComponent('{job="a"}')}&match%5B%5D=${encodeURIComponent('{team=~"b.*"}')}`
    const { statusCode, body, requests } = await remove(query)
    expect(statusCode).toBe(200)
    expect(body).toEqual({ status: 'success', data: { groups: 2, sets: 1, series: 30, dry_run: false } })
    const selected = [{ job: 'a' }, { job: 'x', team: 'bb' }, { job: 'x' }].map((each) =>
      requests[0]?.selects.some((selects) => selects(labels(each))),
    )
    expect(selected).toEqual([true, true, false])
  })

  it.each(['dry_run=true', 'dry_run=1', 'dry_run'])('only counts with %s', async (parameter) => {
    const { body, requests } = await remove(`?${parameter}&match[]=${encodeURIComponent('{job="a"}')}`)
    expect(body.data.dry_run).toBe(true)
    expect(requests[0]?.dryRun).toBe(true)
  })

  it.each([
    ['', 'no selector says what to remove'],
    ['?match[]={job=~".*"}', 'selects everything'],
    [`?match[]={job="a"}&dry_run=maybe`, 'dry_run is "maybe"'],
    [`?${'match[]={job="a"}&'.repeat(101)}`, 'more than 100 selectors'],
  ])('refuses %s', async (query, words) => {
    const { statusCode, body, requests } = await remove(encodeURI(query))
    expect(statusCode).toBe(400)
    expect(body).toMatchObject({ status: 'error', errorType: 'bad_data' })
    expect(body.error).toContain(words)
    expect(requests).toEqual([])
  })
})
