import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'
import type { Request } from './corpus.ts'
import { type Answer, send } from './send.ts'

const PREFIX = '/gate/way'
const FLAGS = [
  '--web.external-url=http://push.example.org/elsewhere',
  `--web.route-prefix=${PREFIX}/`,
  '--web.telemetry-path=/shown',
  '--web.enable-lifecycle',
  '--web.enable-admin-api',
]

const request = (method: string, path: string, body?: string): Request => ({
  method,
  path,
  ...(body === undefined ? {} : { body }),
})

/** In order, against the same two gateways. */
const REQUESTS: readonly Request[] = [
  request('PUT', `${PREFIX}/metrics/job/a`, 'x 1\n'),
  request('POST', `${PREFIX}/metrics/job/a/instance/i`, 'x 2\n'),
  request('PUT', `${PREFIX}/metrics/job@base64/Yg`, 'x 3\n'),
  request('PUT', `${PREFIX}/metrics/job/bad`, 'x one\n'),
  request('PUT', `${PREFIX}/metrics/job/timed`, 'x 1 1\n'),
  request('DELETE', `${PREFIX}/metrics/job/a/instance/i`),
  request('PUT', '/metrics/job/a', 'x 1\n'),
  request('PUT', '/elsewhere/metrics/job/a', 'x 1\n'),
  request('GET', '/metrics'),
  request('GET', `${PREFIX}/metrics`),
  request('GET', `${PREFIX}/shown`),
  request('POST', `${PREFIX}/shown`, 'x 1\n'),
  request('GET', '/shown'),
  request('GET', `${PREFIX}/-/healthy`),
  request('GET', `${PREFIX}/-/ready`),
  request('GET', '/-/healthy'),
  request('GET', `${PREFIX}/api/v1/status`),
  request('GET', `${PREFIX}/api/v1/metrics`),
  request('GET', '/api/v1/metrics'),
  request('GET', `${PREFIX}/-/quit`),
  request('GET', `${PREFIX}/api/v1/admin/wipe`),
  request('PUT', `${PREFIX}/api/v1/admin/wipe`),
  request('PUT', `${PREFIX}/metrics/job/after`, 'x 4\n'),
  request('GET', `${PREFIX}/shown`),
]

/** Series that were pushed; own metrics stand on the same page. */
function pushedOn({ body }: Answer): string[] {
  return body.split('\n').filter((line) => line.startsWith('x{'))
}

describeWith('pushgateway', 'Pushgateway and pgr with the same flags', () => {
  let both: [Pushgateway, Pgr]
  beforeAll(async () => {
    const options = { flags: FLAGS, routePrefix: PREFIX }
    both = await Promise.all([startPushgateway(options), startPgr(options)])
  })
  afterAll(() => Promise.all(both?.map((each) => each.stop()) ?? []))

  it('answer alike', async () => {
    const [theirs = [], ours = []] = await Promise.all(
      both.map(async ({ url }) => {
        const answers: string[] = []
        for (const each of REQUESTS) {
          const answer = await send(url, each)
          const shown = each.path.endsWith('/shown') ? pushedOn(answer).join(' ') : ''
          answers.push(`${each.method} ${each.path}: ${answer.status} ${shown}`)
        }
        return answers
      }),
    )
    expect(ours).toEqual(theirs)
    expect(ours).toHaveLength(REQUESTS.length)
    expect(ours.at(-1)).toContain('x{instance="",job="after"} 4')
  })

  it('show own metrics on the page of the pushed ones', async () => {
    const pages = await Promise.all(both.map(({ url }) => send(url, request('GET', `${PREFIX}/shown`))))
    for (const { body } of pages) expect(body).toContain('process_start_time_seconds ')
  })

  it('end when they are asked to', async () => {
    for (const { url } of both) expect((await send(url, request('PUT', `${PREFIX}/-/quit`))).status).toBe(200)
    const exits = await Promise.all(both.map(({ exited }) => exited))
    expect(exits.map(({ code }) => code)).toEqual([0, 0])
  })
})
