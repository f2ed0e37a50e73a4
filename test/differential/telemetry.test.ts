import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask } from '../e2e/ask.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'

const REQUESTS: readonly (readonly [string, string, string?])[] = [
  ['PUT', '/metrics/job/a', 'a 1\n'],
  ['PUT', '/metrics/job/a/instance/b', 'a{l="v"} 1\n'],
  ['POST', '/metrics/job/a', '# TYPE b counter\nb 1\n'],
  ['POST', '/metrics/job/a', 'not a number\n'],
  ['DELETE', '/metrics/job/a'],
  ['GET', '/-/healthy'],
  ['GET', '/-/ready'],
  ['GET', '/-/ready'],
  ['GET', '/'],
  ['GET', '/api/v1/status'],
  // Counted by neither.
  ['PUT', '/-/quit'],
  ['GET', '/nowhere'],
  ['GET', '/metrics'],
]

/** Value by name and labels, these in order; of the families that begin with `prefix`. */
function samplesOf(page: string, prefix: string): Map<string, string> {
  const samples = new Map<string, string>()
  for (const line of page.split('\n')) {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name.startsWith(prefix)) samples.set(`${name}{${labels.split(',').sort().join(',')}}`, value)
  }
  return samples
}

describeWith('pushgateway', 'what Pushgateway and pgr say of themselves after the same requests', () => {
  let pushgateway: Pushgateway
  let pgr: Pgr
  let theirs = ''
  let ours = ''
  beforeAll(async () => {
    ;[pushgateway, pgr] = await Promise.all([
      startPushgateway(),
      startPgr({ flags: ['--compat=pushgateway'], waitFor: 'nothing' }),
    ])
    await pgr.until('listens', () => pgr.stderr().includes('msg=listening'))
    const fresh = (await ask(pushgateway.url, '/metrics')).text
    const readied = samplesOf(fresh, 'pushgateway_http_requests_total')
    for (const url of [pushgateway.url, pgr.url]) {
      for (const [method, path, body] of REQUESTS) {
        // The same length of head at both.
        const headers = { host: 'the.same' }
        await ask(url, path, { method, headers, ...(body === undefined ? {} : { body }) })
      }
    }
    // Pushgateway was asked whether it is ready when it was started.
    const asked = [...readied.values()].reduce((sum, value) => sum + Number(value), 0)
    for (let n = 0; n < asked; n++) await ask(pgr.url, '/-/ready')
    theirs = (await ask(pushgateway.url, '/metrics')).text
    ours = (await ask(pgr.url, '/metrics')).text
  })
  afterAll(() => Promise.all([pushgateway?.stop(), pgr?.stop()]))

  it.each([
    'pushgateway_http_requests_total',
    'pushgateway_http_push_size_bytes',
    'pushgateway_http_push_duration_seconds_count',
  ])('is the same: %s', (prefix) => {
    const expected = samplesOf(theirs, prefix)
    expect(expected.size).toBeGreaterThan(1)
    expect(samplesOf(ours, prefix)).toEqual(expected)
  })

  it.each(['pushgateway_http_push_duration_seconds', 'pushgateway_build_info'])(
    'has the same names and labels: %s',
    (prefix) => {
      const namesOf = (page: string) =>
        [...samplesOf(page, prefix).keys()].map((key) =>
          prefix.endsWith('info') ? key.replaceAll(/"[^"]*"/g, '""') : key,
        )
      expect(namesOf(theirs).length).toBeGreaterThan(0)
      expect(namesOf(ours).sort()).toEqual(namesOf(theirs).sort())
    },
  )

  it('is of the same types', () => {
    const typesOf = (page: string) => page.match(/^# TYPE pushgateway_.*$/gm)?.sort()
    expect(typesOf(theirs)?.length).toBe(4)
    expect(typesOf(ours)).toEqual(typesOf(theirs))
  })
})
