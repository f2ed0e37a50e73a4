import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Pushgateway, startPushgateway } from '../support/start-pushgateway.ts'
import { type Case, corpus } from './corpus.ts'
import { type Answer, send } from './send.ts'

/** Rows of the page that explains differences: `| <key> | …`. */
const page = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')
const explained = new Set([...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1]))

describeWith('pushgateway', 'the same requests to Pushgateway and to pgr', () => {
  it('are as many as the page says', () => {
    const requests = corpus.reduce((sum, { requests }) => sum + requests.length, 0)
    expect(page).toContain(`| ${requests} requests |`)
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length)
  })

  describe.each([
    ['as it is', []],
    ['with --compat=pushgateway', ['--compat=pushgateway']],
  ])('%s', (_how, flags) => {
    let pushgateway: Pushgateway
    let pgr: Pgr
    beforeAll(async () => {
      ;[pushgateway, pgr] = await Promise.all([startPushgateway(), startPgr({ flags })])
    })
    afterAll(() => Promise.all([pushgateway?.stop(), pgr?.stop()]))

    it.each(corpus.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
      const [theirs, ours] = await Promise.all([run(pushgateway.url, each), run(pgr.url, each)])
      if (each.differs !== undefined) {
        expect(explained, `docs/compatibility.md has a row ${each.differs}`).toContain(each.differs)
        expect(ours, 'a listed difference is a difference').not.toEqual(theirs)
        return
      }
      expect(ours).toEqual(theirs)
    })
  })
})

interface Outcome {
  readonly answers: readonly { status: number; body: string }[]
  readonly page: readonly string[]
}

/** Runs a case from an empty gateway and leaves it empty. */
async function run(url: string, { requests }: Case): Promise<Outcome> {
  const answers: Outcome['answers'][number][] = []
  for (const request of requests) {
    const answer = await send(url, request)
    answers.push({ status: answer.status, body: classOf(request.method, answer) })
  }
  const page = await settledPage(url)
  // Also those of a page that a push has made unreadable.
  const pushed = requests.map(({ path }) => path).filter((path) => path.startsWith('/metrics/'))
  for (const path of [...groupsOf(page), ...pushed]) await send(url, { method: 'DELETE', path })
  const left = await settledPage(url)
  // The barrier leaves the heads of the push times.
  const series = left.filter((line) => !line.startsWith('#'))
  expect(series, 'the gateway is empty again').toEqual([])
  return { answers, page }
}

/**
 * The page once all that was asked for is done. Pushgateway answers a DELETE before it carries it out, but does one thing
 * after the other, and answers a push when it is done.
 */
async function settledPage(url: string): Promise<string[]> {
  const barrier = { method: 'PUT', path: '/metrics/job/barrier', body: '' }
  expect((await send(url, barrier)).status, 'an empty push').toBe(200)
  return familiesOf(await send(url, { method: 'GET', path: '/metrics' }))
}

/** What clients look for in an error: its kind and its line. */
function classOf(method: string, { status, body }: Answer): string {
  if (method === 'HEAD' || status < 400) return ''
  const parse = /^text format parsing error in line \d+:/.exec(body)
  if (parse !== null) return parse[0]
  const inconsistent = /^pushed metrics are invalid or inconsistent with existing metrics: /.exec(body)
  if (inconsistent !== null)
    return inconsistent[0] + (body.includes('must not have timestamps') ? 'timestamps' : '')
  return ''
}

const OWN = /^(# (HELP|TYPE) )?(go|nodejs|pgr|process|promhttp|pushgateway)_|\{instance="",job="barrier"\}/

/** Lines of the page in any order, without those of the gateway's own; push times only as set or not. */
function familiesOf({ body }: Answer): string[] {
  return body
    .split('\n')
    .filter((line) => line !== '' && !OWN.test(line))
    .sort()
    .map((line) =>
      line.replace(
        /^(push(?:_failure)?_time_seconds\{.*\}) (\S+)$/,
        (_all, series, value) => `${series} ${value === '0' ? 'never' : 'set'}`,
      ),
    )
}

function groupsOf(page: readonly string[]): string[] {
  const paths: string[] = []
  for (const line of page) {
    const labels = /^push_time_seconds\{(.*)\} /.exec(line)?.[1]
    if (labels === undefined) continue
    const pairs = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, name, value]) => [name, JSON.parse(`"${value}"`) as string],
    )
    const path = (skipEmptyInstance: boolean) =>
      pairs
        .filter(
          ([name, value]) => name !== 'job' && !(skipEmptyInstance && name === 'instance' && value === ''),
        )
        .map(
          ([name, value]) => `/${name}@base64/${Buffer.from(value as string).toString('base64url') || '='}`,
        )
        .join('')
    const job = pairs.find(([name]) => name === 'job')?.[1] ?? ''
    const jobPath = `/metrics/job@base64/${Buffer.from(job as string).toString('base64url')}`
    paths.push(jobPath + path(true), jobPath + path(false))
  }
  return paths
}
