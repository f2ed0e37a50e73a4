import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { push } from '../e2e/ask.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { encodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { openBrowser, tabStops, type Visit, visit } from './browser.ts'

const HISTOGRAM = 4

/** Fourteen buckets in a row, the fullest in the middle, and a few observations near zero. */
const NATIVE = encodeDelimited({
  name: 'job_request_seconds',
  help: 'Time of requests.',
  type: HISTOGRAM,
  metric: [
    {
      histogram: {
        sampleCount: 111,
        sampleSum: 123,
        schema: 2,
        zeroThreshold: 0.001,
        zeroCount: 6,
        positiveSpan: [{ offset: -6, length: 14 }],
        positiveDelta: [1, 1, 2, 3, 4, 4, 3, -2, -4, -4, -3, -2, -1, -1],
      },
    },
  ],
})

describeWith('chromium', 'the status page', () => {
  let browser: Browser
  let pgr: Pgr
  let open: Visit[] = []

  beforeAll(async () => {
    browser = await openBrowser()
    pgr = await startPgr({
      flags: ['--web.route-prefix=/pgr', '--web.enable-admin-api'],
      routePrefix: '/pgr',
    })
  })
  afterAll(async () => {
    await browser?.close()
    await pgr?.stop()
  })
  afterEach(async () => {
    const complaints = open.flatMap((each) => each.complaints)
    await Promise.all(open.map((each) => each.close()))
    open = []
    await fetch(`${pgr.url}/pgr/api/v1/admin/wipe`, { method: 'PUT' })
    expect(complaints).toEqual([])
  })

  async function go(hash: string): Promise<Page> {
    const there = await visit(browser, `${pgr.url}/pgr/${hash}`)
    open.push(there)
    return there.page
  }

  const send = (path: string, text = 'rows 5\n', headers: Record<string, string> = {}): Promise<void> =>
    push(pgr.url, `/pgr/metrics/job/${path}`, text, { headers })

  const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })

  it('says how to push while nothing is stored, and shows a push without a reload', async () => {
    const page = await go('#/groups')
    const command = await page.locator('pre').textContent()
    expect(command).toContain(`${pgr.url}/pgr/metrics/job/`)
    await page.evaluate('window.stayed = true')
    await send('nightly/instance/db1')
    await row(page, 'job=nightly').waitFor()
    expect(await row(page, 'job=nightly').textContent()).toContain('instance=db1')
    expect(await page.evaluate('window.stayed')).toBe(true)
  })

  it('searches on the server, and the address keeps what was searched for', async () => {
    for (const job of ['one', 'two', 'three']) await send(job)
    const page = await go('#/groups')
    await row(page, 'job=two').waitFor()
    await page.getByLabel('Search').fill('thre')
    await row(page, 'job=two').waitFor({ state: 'detached' })
    await row(page, 'job=three').waitFor()
    expect(page.url()).toContain('search=thre')
    await page.reload()
    await row(page, 'job=three').waitFor()
    expect(await row(page, 'job=two').count()).toBe(0)
  })

  it('filters by labels as Prometheus selects them', async () => {
    await send('backup/instance/db1')
    await send('backup/instance/web1')
    const page = await go('#/groups')
    await row(page, 'instance=web1').waitFor()
    await page.getByLabel('Search').fill('{job="backup",instance=~"db.*"}')
    await row(page, 'instance=web1').waitFor({ state: 'detached' })
    await row(page, 'instance=db1').waitFor()
  })

  it('keeps what is typed, and where the reader is, while it goes on asking', async () => {
    await send('one')
    const page = await go('#/groups')
    await row(page, 'job=one').waitFor()
    const search = page.getByLabel('Search')
    await search.fill('o')
    await row(page, 'job=one').getByRole('link').focus()
    await send('two')
    await row(page, 'job=two').waitFor()
    expect(await search.inputValue()).toBe('o')
    expect(await page.evaluate('document.activeElement.textContent')).toContain('one')
  })

  it('leads to a group and back to where the list was left', async () => {
    for (let n = 0; n < 40; n++) await send(`job-${n}`)
    const page = await go('#/groups?search=job-')
    const link = row(page, 'job=job-38').getByRole('link')
    await link.scrollIntoViewIfNeeded()
    const top = await page.evaluate<number>('scrollY')
    expect(top).toBeGreaterThan(100)
    await link.click()
    await page.getByRole('heading', { name: 'rows' }).waitFor()
    expect(page.url()).toMatch(/#\/groups\/g/)
    await page.goBack()
    await row(page, 'job=job-38').waitFor()
    await eventually(
      'the list is where it was',
      () => page.evaluate<number>('scrollY'),
      (now) => now === top,
    )
    expect(await page.evaluate('document.activeElement.textContent')).toContain('job-38')
    expect(page.url()).toContain('search=job-')
  })

  it('draws a native histogram, and says the same in a table', async () => {
    await push(pgr.url, '/pgr/metrics/job/native', NATIVE as unknown as string, {
      headers: { 'content-type': PROTOBUF_TYPE },
    })
    const page = await go('#/groups')
    await row(page, 'job=native').getByRole('link').click()
    const drawn = page.getByRole('img', { name: /job_request_seconds.*111 observations/ })
    await drawn.waitFor()
    expect(await drawn.locator('rect').count()).toBe(15)
    const heights = await drawn
      .locator('rect')
      .evaluateAll((all) => all.map((each) => Number(each.getAttribute('height'))))
    expect(heights.indexOf(Math.max(...heights))).toBe(7)
    await page.getByText('Buckets as a table').click()
    const table = page.getByRole('group', { name: /^Buckets of job_request_seconds/ })
    expect(await table.getByRole('row').count()).toBe(16)
    expect(await table.getByRole('cell').allTextContents()).toEqual(
      expect.arrayContaining(['0', '0.001', '6', '5.4 %']),
    )
  })

  it('deletes a group once that is confirmed, and says so', async () => {
    await send('kept')
    await send('gone/path/a%2Fb')
    const page = await go('#/groups')
    const button = row(page, 'job=gone').getByRole('button', { name: /^Delete/ })
    await button.click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toContain('Delete')
    await button.click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await row(page, 'job=gone').waitFor({ state: 'detached' })
    await page.getByRole('status').filter({ hasText: 'Deleted group' }).waitFor()
    await row(page, 'job=kept').waitFor()
    const listed = (await (await fetch(`${pgr.url}/pgr/api/v1/groups`)).json()) as { data: { total: object } }
    expect(listed.data.total).toMatchObject({ groups: 1 })
  })

  it('wipes everything only when that is typed', async () => {
    await send('one')
    const page = await go('#/groups')
    await page.getByRole('button', { name: /^Wipe everything/ }).click()
    const dialog = page.getByRole('dialog')
    const button = dialog.getByRole('button', { name: 'Wipe everything' })
    expect(await button.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('wipe')
    await button.click()
    await page.getByRole('heading', { name: 'Nothing is stored yet' }).waitFor()
  })

  it('counts down to the end of a group, and takes it away then', async () => {
    const page = await go('#/groups')
    const ending = row(page, 'job=ending')
    // Pushed until it is seen: a page that is slow must not miss it.
    await eventually('the group is shown', async () => {
      await send('ending', 'rows 5\n', { 'x-pgr-ttl': '3s' })
      return ending.isVisible()
    })
    expect(await ending.locator('[data-name="Expires in"]').textContent()).toMatch(/^\d+ s$|^expired$/)
    await ending.waitFor({ state: 'detached' })
  })

  it('remembers the colours that were chosen', async () => {
    const page = await go('')
    const back = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    const light = await back()
    await page.getByLabel('Colours').selectOption('dark')
    expect(await back()).not.toBe(light)
    await page.reload()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await back()).not.toBe(light)
  })

  it('is walked by keyboard in the order in which it is read, with the focus seen', async () => {
    await send('one')
    const page = await go('#/groups')
    await row(page, 'job=one').waitFor()
    expect(await tabStops(page, 19)).toEqual([
      'Skip to content',
      expect.stringMatching(/^pgr/),
      'Overview',
      'Groups',
      'Cardinality',
      'Settings',
      'Pause refreshing',
      'Colours',
      expect.stringMatching(/^Wipe everything/),
      'Search',
      'State',
      'Kind',
      expect.stringMatching(/^Labels/),
      'Last push',
      'Expires in',
      'Series',
      expect.stringMatching(/one$/),
      expect.stringMatching(/^Copy curl command for {job="one"}$/),
      'Delete {job="one"}',
    ])
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('asks nothing while it is paused, and goes on afterwards', async () => {
    const page = await go('#/groups')
    await page.clock.install()
    await send('one')
    await row(page, 'job=one').waitFor()
    await page.getByRole('button', { name: 'Pause refreshing' }).click()
    const [{ requests } = { requests: [] }] = open
    const before = requests.length
    await page.clock.fastForward(60_000)
    // What was under way is let through.
    expect(requests.length - before).toBeLessThanOrEqual(2)
    await send('two')
    await page.getByRole('button', { name: 'Resume refreshing' }).click()
    await row(page, 'job=two').waitFor()
  })
})
