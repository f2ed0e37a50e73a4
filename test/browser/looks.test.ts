import { Agent } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { push } from '../e2e/ask.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { answerSizes, barriers, type Look, NARROW, openBrowser, visit, WIDE } from './browser.ts'

const SIZES = [0, 3, 10_000]
const LOOKS: readonly (readonly [name: string, look: Required<Look>])[] = [
  ['wide and light', { size: WIDE, colours: 'light' }],
  ['wide and dark', { size: WIDE, colours: 'dark' }],
  ['narrow and light', { size: NARROW, colours: 'light' }],
  ['narrow and dark', { size: NARROW, colours: 'dark' }],
]

/** Views by address, each with what is there once it has what it asked for. */
const VIEWS: readonly (readonly [hash: string, shown: (page: Page, groups: number) => Promise<unknown>])[] = [
  ['#/', (page) => page.getByRole('heading', { name: 'Replicas seen' }).waitFor()],
  [
    '#/groups',
    (page, groups) =>
      page
        .getByText(groups === 0 ? 'Nothing is stored yet' : 'job=job-0')
        .first()
        .waitFor(),
  ],
  ['#/cardinality', (page) => page.getByRole('heading', { name: 'Series by job' }).waitFor()],
  ['#/settings', (page) => page.getByText('--metrics.path').waitFor()],
]

/** Enough of a histogram, a summary and a few values to be drawn. */
const METRICS = `# TYPE took_seconds histogram
# HELP took_seconds How long it took.
took_seconds_bucket{le="0.1"} 3
took_seconds_bucket{le="1"} 9
took_seconds_bucket{le="+Inf"} 10
took_seconds_sum 5.5
took_seconds_count 10
# TYPE waited_seconds summary
waited_seconds{quantile="0.5"} 0.1
waited_seconds{quantile="0.9"} 0.4
waited_seconds_sum 7
waited_seconds_count 20
# TYPE rows gauge
rows{table="orders"} 5
rows{table="people"} 7
`

/** What the first view may cost, whatever is stored: the page, its style, script and icon, and two answers. */
const MOST_REQUESTS = 6
const MOST_BYTES = 120 * 1024

describeWith('chromium', 'the status page looked at', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  describe.each(SIZES)('with %i groups', (groups) => {
    let pgr: Pgr
    beforeAll(async () => {
      pgr = await startPgr()
      await fill(pgr.url, groups)
    })
    afterAll(() => pgr?.stop())

    it.each(VIEWS)(
      '%s keeps nobody out, overflows nowhere and has nothing to complain of',
      async (hash, shown) => {
        const { page, complaints, close } = await visit(browser, `${pgr.url}/${hash}`)
        await shown(page, groups)
        for (const [look, { size, colours }] of LOOKS) {
          await page.setViewportSize(size)
          await page.emulateMedia({ colorScheme: colours, reducedMotion: 'reduce' })
          expect([look, await barriers(page), await overflow(page)]).toEqual([look, [], 0])
        }
        expect(complaints).toEqual([])
        await close()
      },
    )

    it('asks for little at first, however much is stored', async () => {
      const { page, requests, complaints, close } = await visit(browser, `${pgr.url}/#/groups`)
      await page
        .getByText(groups === 0 ? 'Nothing is stored yet' : 'job=job-0')
        .first()
        .waitFor()
      const sizes = await answerSizes(requests)
      expect(sizes.size).toBeLessThanOrEqual(MOST_REQUESTS)
      expect([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(MOST_BYTES)
      expect(complaints).toEqual([])
      await close()
    })
  })

  describe('at one group', () => {
    let pgr: Pgr
    beforeAll(async () => {
      pgr = await startPgr()
      await push(pgr.url, '/metrics/job/job-0/instance/a', METRICS)
    })
    afterAll(() => pgr?.stop())

    it.each(LOOKS)('%s keeps nobody out and overflows nowhere', async (_name, look) => {
      const { page, complaints, close } = await visit(browser, `${pgr.url}/#/groups`, look)
      await page.getByText('job=job-0').click()
      await page.getByRole('img', { name: /took_seconds/ }).waitFor()
      await page.getByText('Buckets as a table').click()
      await page.getByText('As curl commands').click()
      expect([await barriers(page), await overflow(page)]).toEqual([[], 0])
      await page.getByRole('button', { name: /^Delete/ }).click()
      await page.getByRole('dialog').waitFor()
      expect([await barriers(page), complaints]).toEqual([[], []])
      await close()
    })
  })
})

/** Pixels that can be reached by scrolling the page itself sideways, which nothing should need. */
function overflow(page: Page): Promise<unknown> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

const AT_ONCE = 16

async function fill(url: string, groups: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  let next = 0
  const one = async (): Promise<void> => {
    while (next < groups) {
      const n = next++
      await push(url, `/metrics/job/job-${n}/instance/host-${n % 50}`, METRICS, { agent })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  agent.destroy()
  await eventually(
    'the groups are listed',
    async () =>
      (await (await fetch(`${url}/api/v1/groups?limit=0`)).json()) as { data: { matching: number } },
    ({ data }) => data.matching === groups,
  )
}
